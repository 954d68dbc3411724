"""The verb ``import``: a subject from a file, ours or another trainer's."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from service import subjects
from service.subjects import WEIGHTS, Kind, Subject

from . import tokens, weights
from .adding import NOUNS
from .errors import BaseError, PersonalizationError
from .exporting import CARD
from .holding import held
from .request import Events, Request


def options(parser: ArgumentParser) -> None:
    parser.add_argument("file", type=Path, help="a LoRA as .safetensors")
    parser.add_argument("--kind", choices=[kind.value for kind in Kind])
    parser.add_argument("--noun", default="")
    parser.add_argument("--token", default="", help="the word it was trained with")
    parser.add_argument("--base", default="", help="the model it was trained on: a hub id or a folder")
    parser.add_argument("--consent", action="store_true")
    parser.add_argument("--look", action="store_true", help="only say what it is")


def run(request: Request) -> Events:
    """Say what a file is, and take it as a subject."""
    told, header = request.options, weights.read(request.options.file)
    trainer, ours = weights.kind_of(header), _card(header)
    family, base = weights.fitting(header, told.base or (ours.base if ours else ""))
    yield {
        "event": "found", "ours": ours is not None, "trainer": trainer, "family": family, "base": base,
        "rank": header.rank, "kind": ours.kind.value if ours else "", "noun": ours.class_noun if ours else "",
        "token": ours.token if ours else "",
    }  # fmt: skip
    if told.look:
        return
    about = _about(request, ours).model_copy(
        update={"family": family, "base": base, "rank": None if trainer == "another adapter" else header.rank}
    )
    with held(request.data, request.name) as folder:
        if request.name in subjects.names(request.data):
            raise PersonalizationError(
                f"there is a subject called {request.name} already: import it under another name"
            )
        weights.copied(told.file, folder / WEIGHTS, header.metadata)
        subjects.save(request.data, about)
    yield {
        "event": "done",
        "name": about.name,
        "token": about.token,
        "noun": about.class_noun,
        "family": family,
        "base": base,
    }


def _about(request: Request, ours: Subject | None) -> Subject:
    """The card of what is imported. A person agrees anew: a file cannot."""
    told = request.options
    kind = Kind(told.kind) if told.kind else ours.kind if ours else None
    if kind is None:
        raise PersonalizationError(f"say what {request.name} is with --kind: {', '.join(each.value for each in Kind)}")
    if ours and ours.kind is Kind.PERSON and kind is not Kind.PERSON:  # or nobody would have to agree
        raise PersonalizationError(f"the card in the file says that this is a person: leave out --kind {kind.value}")
    noun = told.noun or (ours.class_noun if ours else NOUNS.get(kind, ""))
    token = told.token or (ours.token if ours else "")
    if not noun or not token:
        raise PersonalizationError(
            "say with --noun what it is to the model, and with --token the word it was trained with"
        )
    if kind is Kind.PERSON and not told.consent:
        raise PersonalizationError(
            f"{request.name} is a person, and is not shown without having agreed: --consent says so"
        )
    agreed = datetime.now(UTC).replace(microsecond=0) if kind is Kind.PERSON else None
    if told.token:
        tokens.unshared(request.data, request.name, token)
    rules = {"frequency": ours.frequency, "max_gravity": ours.max_gravity, "topics_allowed": ours.topics_allowed,
             "topics_forbidden": ours.topics_forbidden} if ours else {}  # fmt: skip
    try:
        return Subject.model_validate(
            {"name": request.name, "kind": kind, "class_noun": noun, "token": token, "consent_at": agreed, **rules}
        )
    except ValidationError as error:
        raise PersonalizationError("; ".join(fault["msg"] for fault in error.errors())) from error


def _card(header: weights.Header) -> Subject | None:
    """The card in a file of ours. Raises BaseError where somebody changed it for the worse."""
    if CARD not in header.metadata:
        return None
    try:
        return Subject.model_validate_json(header.metadata[CARD])
    except ValidationError as error:
        raise BaseError("the card inside this file is damaged: export the subject again where it came from") from error
