"""Measure a published subject again, on the base it was learned on."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from service.files import write_whole

from . import likeness, measure, portraits, publish, published, turn, verdict
from .examples import chosen, prepared
from .lesson import card_of
from .request import Events, Request
from .setting import asked_of
from .train import guarded


def options(parser: ArgumentParser) -> None:
    published.options(parser)
    parser.add_argument("--likeness", default="", help=portraits.HELP)


def run(request: Request) -> Events:
    """Say what it is like, and keep it with the subject beside the curve of its training."""
    return guarded(turn.alone(request, "measuring", _run))


def _run(request: Request) -> Events:
    read_by = request.options.likeness
    portraits.usable(card_of(request)[0], read_by)
    it = published.known(request)
    used = chosen(it.folder)
    shown = prepared(it.family, it.pipe, it.folder, used, token=it.card.token, noun=it.card.class_noun,
                     side_px=it.recipe.side_px)  # fmt: skip
    room = measure.studio(
        it.family, it.pipe, it.adapter, it.recipe, photos=shown.pixels, masks=shown.subjects,
        asked=asked_of(it, used, it.card.token), eye=read_by,
    )  # fmt: skip
    before = _before(it)
    seen = measure.measured(room, int(before.get("step") or 0))
    found = verdict.judged(it.card.name, it.card.class_noun, seen.point)
    told: dict[str, Any] = {"says": found.says, "refusal": found.refusal, **asdict(seen.point),
                            "features": read_by or likeness.OWN}  # fmt: skip
    write_whole(it.folder / publish.EVALUATION, publish.as_json(before | told))
    for name, content in publish.grids(seen).items():
        write_whole(it.folder / name, content)
    yield {"event": "done", **told}


def _before(it: published.Known) -> dict[str, Any]:
    try:
        found = json.loads((it.folder / publish.EVALUATION).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
