"""Doors for subjects: who there is, what they are learned from, where they appear, and how one is let go of."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from service import checking, learning, subjects, telling
from service.assembly import Service, opened
from service.errors import SubjectError
from service.gate.topics import TOPICS
from service.subjects import Frequency, Kind, Subject

from . import subject_captions, subject_files, subject_learning, subject_words as words
from .asked import AsJson, Config, Data, UsageError, among, channel_named, heard, not_before, settings_of

Name = Annotated[str, typer.Argument(metavar="NAME", help="1-40 lower-case letters, digits, - and _, such as rex.")]
NAMED = "`frontispiece subject"


def subject(context: typer.Context, config: Config = None, data: Data = Path("data"), json: AsJson = False) -> None:
    """Teach it a person, a pet or a thing from photos, and say where they may appear.

    Alone it is `subject list`. Photos stay on this machine; a person is learned only after having agreed.
    """
    if context.invoked_subcommand is None:
        list_(config, data, json=json)
        return
    not_before(context, "subject")


def list_(config: Config = None, data: Data = Path("data"), *, json: AsJson = False) -> None:
    """List the subjects: photos, captions, whether they are learned, the channels they appear on, their rules."""
    with opened(settings_of(config), data) as service:
        words.listed(service.hand.roster.entries(), json=json)


# -- photos ------------------------------------------------------------------------------------


def add(
    name: Name,
    photos: Annotated[list[str], typer.Argument(help="Photos, folders of photos, patterns.", metavar="PHOTOS...")],
    kind: Annotated[Kind | None, typer.Option(help="What a new subject is.")] = None,
    noun: Annotated[str, typer.Option(help="The common noun for it, such as corgi. [default: by its kind]")] = "",
    token: Annotated[str, typer.Option(help="The rare word that stands for it. [default: a free one]")] = "",
    consent: Annotated[bool, typer.Option("--consent", help="The person has agreed.")] = False,
    data: Data = Path("data"),
    json: AsJson = False,
) -> None:
    """Add photos of a person, a pet or a thing: 5 to 20, in different places, light and poses.

    Each is looked at, turned upright, cropped around the subject, and stored without what its file says of place and
    time. What is wrong with one is told; the others are taken.
    """
    known = _card(data, name)
    if known is None and kind is None:
        raise UsageError(f"say what {name} is with --kind: {', '.join(each.value for each in Kind)}")
    person = (known.kind if known else kind) is Kind.PERSON and not (known and known.consented)
    if person and not consent:
        subject_files.agree(name)
    more = [*_option("--kind", kind.value if kind else ""), *_option("--noun", noun), *_option("--token", token)]
    if person:
        more.append("--consent")
    told = learning.followed(data, "add", name, *more, "--", *(_path(photo) for photo in photos))
    if not words.added(name, told, json=json):
        raise typer.Exit(1)


def photos(
    name: Name,
    show: Annotated[bool, typer.Option("--open", help="Look at them, on the running service's page.")] = False,
    sheet: Annotated[Path | None, typer.Option(help="Write one picture of them all: .jpg or .png.")] = None,
    leave_out: Annotated[list[int] | None, typer.Option(help="Do not learn from this one.", metavar="N")] = None,
    take: Annotated[list[int] | None, typer.Option(help="Learn from this one all the same.", metavar="N")] = None,
    config: Config = None,
    data: Data = Path("data"),
    json: AsJson = False,
) -> None:
    """Say what is good and bad about each photo, and what to add."""
    more = [*_numbers("--leave-out", leave_out), *_numbers("--take", take)]
    told = learning.asked(data, "photos", name, *more)
    words.photos(name, told, json=json)
    if sheet:
        learning.asked(data, "sheet", name, "-o", str(sheet))
        telling.remark(f"{sheet}: {telling.several(told[-1]['photos'], 'photo')}")
    if show:
        with opened(settings_of(config), data) as service:
            _open(service, name)


def _open(service: Service, name: str) -> None:
    url = service.store.folder.owner().get("url")
    if not url:
        raise SubjectError(f"the page needs the service: `frontispiece run`; or {NAMED} photos {name} --sheet all.jpg`")
    address = f"{url}subjects/{name}"
    telling.remark(address)
    typer.launch(address)


# -- where and when ----------------------------------------------------------------------------


def use(
    name: Name,
    channel: Annotated[str | None, typer.Option("--channel", help="Where. [default: the first]")] = None,
    off: Annotated[bool, typer.Option("--off", help="No longer.")] = False,
    as_photo: Annotated[
        bool | None, typer.Option("--as-photo/--as-itself", help="As its one learned photo, changed by each story.")
    ] = None,
    config: Config = None,
    data: Data = Path("data"),
) -> None:
    """Let a subject appear on a channel, or with --off no longer. A running service takes it up with its next round.

    With --as-photo it appears, wherever it does, as the photo that `subject one-photo` learned, painted anew.
    """
    settings = settings_of(config)
    there = channel_named(settings, channel or next(iter(settings.channels)))
    if off and as_photo is not None:
        raise UsageError("--off takes a subject off a channel; how it appears elsewhere is said without it")
    with opened(settings, data) as service:
        entry = service.hand.roster.entry(name)
        if off:
            if there in entry.configured:
                raise UsageError(f"{name} stands in config.toml, channels.{there}.subjects: delete it there")
            ended = service.press.line.appearances.end(name, there)
            telling.said(f"{name} no longer appears on {there}" if ended else f"{name} did not appear on {there}")
            return
        card = service.hand.roster.card(name)
        if not card.consented:
            raise SubjectError(f"{name} has not agreed to be shown: {NAMED} add {name} PHOTOS` asks for it")
        if as_photo is not None:
            card = service.hand.roster.ruled(name, {"appears": "photo" if as_photo else "itself"})
        if there not in entry.configured:
            service.press.line.appearances.begin(name, there)
        preview = None if entry.learned else service.hand.roster.preview(name, there)
        telling.said(words.appears(card, there, learned=entry.learned, preview=preview))
        for found in checking.as_photo(service.desks[there], name) if as_photo else ():
            telling.remark(f"{found['what']}: {found['says']}")


def rules(
    name: Name,
    frequency: Annotated[Frequency | None, typer.Option(help="How often it appears.")] = None,
    max_gravity: Annotated[float | None, typer.Option(help="In no story graver, 0 to 1.", min=0, max=1)] = None,
    allow: Annotated[list[str] | None, typer.Option(help="Only in stories about this.", metavar="TOPIC")] = None,
    forbid: Annotated[list[str] | None, typer.Option(help="In no story about this.", metavar="TOPIC")] = None,
    any_topic: Annotated[bool, typer.Option("--any-topic", help="Forget which topics were named.")] = False,
    config: Config = None,
    data: Data = Path("data"),
) -> None:
    """Say when a subject may appear: how often, in stories how grave, about what. Alone it says how that stands."""
    for topic in (*(allow or ()), *(forbid or ())):
        if topic not in TOPICS:
            raise UsageError(f"there is no topic {topic!r}" + among(topic, sorted(TOPICS)))
    with opened(settings_of(config), data) as service:
        card = service.hand.roster.card(name)
        new = _ruled(card, {
            "frequency": frequency, "max_gravity": max_gravity,
            "topics_allowed": tuple(allow) if allow else () if any_topic else None,
            "topics_forbidden": tuple(forbid) if forbid else () if any_topic else None,
        })  # fmt: skip
        if new != card:
            subjects.save(data, new)
    telling.said(words.ruled(new))


def _ruled(card: Subject, said: dict[str, Any]) -> Subject:
    """The card with what was said of it. Raises UsageError where that contradicts itself."""
    table = card.model_dump() | {key: value for key, value in said.items() if value is not None}
    both = sorted(set(table["topics_allowed"]) & set(table["topics_forbidden"]))
    if both:
        raise UsageError(f"topics both allowed and forbidden: {', '.join(both)}")
    return Subject.model_validate(table)


# -- what they share ---------------------------------------------------------------------------


def _card(data: Path, name: str) -> Subject | None:
    """A subject's card, if it has one. Raises SubjectError for a name that cannot be, or a card that is damaged."""
    there = (subjects.folder(data, name) / subjects.CARD).exists()
    return subjects.load(data, name) if there else None


def _option(name: str, value: str) -> list[str]:
    return [f"{name}={heard(value)}"] if value else []


def _numbers(name: str, values: list[int] | None) -> Iterator[str]:
    if values:
        yield from (name, *map(str, values))


def _path(photo: str) -> str:
    return os.fspath(Path(photo))


HANDED_ON, LEARNS = subject_learning.HANDED_ON, subject_learning.LEARNS
COMMANDS: dict[str, Callable[..., None]] = {
    "list": list_, "add": add, "photos": photos, "caption": subject_captions.caption,
    "train": subject_learning.train, "evaluate": subject_learning.evaluate, "try": subject_learning.try_,
    "one-photo": subject_learning.one_photo, "edit": subject_learning.edit,
    "plan": subject_learning.plan, "use": use, "rules": rules, "remove": subject_files.remove,
    "export": subject_files.export, "import": subject_files.import_,
}  # fmt: skip
