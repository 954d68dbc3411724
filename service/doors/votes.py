"""Doors for the owner's taste: keep a plate for ever and have more like it, or never see it again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from service import telling
from service.assembly import Service, opened
from service.errors import FrontispieceError
from service.hand import Hand
from service.model import Plate

from .asked import AsJson, Config, Data, UsageError, settings_of

Which = Annotated[
    str, typer.Argument(metavar="PLATE", help="A plate's number, or a display's name for what hangs there now.")
]
Undo = Annotated[bool, typer.Option("--undo", help="Take it back.")]


@dataclass(frozen=True, slots=True)
class Vote:
    """Something the owner can say of a plate, and take back."""

    say: Callable[[Hand, int, bool], dict[str, Any]]
    done: str
    undone: str


FAVOURITE = Vote(
    lambda hand, plate, yes: hand.favour(plate, liked=yes), "kept for ever; more like it", "no favourite any more"
)
BAN = Vote(lambda hand, plate, yes: hand.ban(plate, banned=yes), "off every wall; less like it", "may hang again")
NOT_ME = Vote(
    lambda hand, plate, yes: hand.not_me(plate, absent=yes),
    "the next round paints it without them", "may show people and pets of this home again",
)  # fmt: skip


def favourite(
    plate: Which, undo: Undo = False, config: Config = None, data: Data = Path("data"), json: AsJson = False
) -> None:
    """Keep a plate for ever, and have more like it chosen."""
    with opened(settings_of(config), data) as service:
        _say(FAVOURITE, service, plate, yes=not undo, json=json)


def ban(
    plate: Which, undo: Undo = False, config: Config = None, data: Data = Path("data"), json: AsJson = False
) -> None:
    """Take a plate off every wall, and have fewer like it chosen."""
    with opened(settings_of(config), data) as service:
        _say(BAN, service, plate, yes=not undo, json=json)


def not_me(
    plate: Which, undo: Undo = False, config: Config = None, data: Data = Path("data"), json: AsJson = False
) -> None:
    """Nobody of this home belongs in this story: its picture goes at once, and is painted again without."""
    with opened(settings_of(config), data) as service:
        _say(NOT_ME, service, plate, yes=not undo, json=json)


def _say(vote: Vote, service: Service, plate: str, *, yes: bool, json: bool) -> None:
    number = _plate(service, plate).id
    try:
        told = vote.say(service.hand, number, yes)
    except LookupError as error:
        raise FrontispieceError(f"plate {number} was cleared away in this moment") from error
    if json:
        telling.line(told)
    else:
        telling.voted(number, str(told["headline"]), vote.done if yes else vote.undone)


def _plate(service: Service, said: str) -> Plate:
    """The plate that a person means. Raises UsageError."""
    if said.isdecimal() and said.isascii() and len(said) < 19:  # digits that a row's number can have
        found = service.archive.plate(int(said))
        if found is None:
            raise UsageError(f"there is no plate {said}; its number is on its page, and in the page's address")
        return found
    if said not in {display.name for display in service.hand.line.everywhere()}:
        raise UsageError(f"{said[:80]!r} is neither a plate's number nor a display's name")
    hung = service.archive.hung(said)
    if hung is None:
        raise UsageError(f"nothing of yours hangs on {said} yet")
    return hung.plate
