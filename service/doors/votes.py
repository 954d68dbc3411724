"""Doors for the owner's taste: keep a plate for ever and have more like it, or never see it again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from service import telling
from service.assembly import Service, opened
from service.errors import FrontispieceError
from service.model import Plate

from .asked import AsJson, Config, Data, UsageError, settings_of

Which = Annotated[
    str, typer.Argument(metavar="PLATE", help="A plate's number, or a display's name for what hangs there now.")
]
Undo = Annotated[bool, typer.Option("--undo", help="Take it back.")]


def favourite(
    plate: Which, undo: Undo = False, config: Config = None, data: Data = Path("data"), json: AsJson = False
) -> None:
    """Keep a plate for ever, and have more like it chosen."""
    with opened(settings_of(config), data) as service:
        voted = _plate(service, plate)
        service.wishes.favour(voted.id, liked=not undo)
        meaning = "no favourite any more" if undo else "kept for ever; more like it"
        _tell(service, voted, meaning, json=json)


def ban(
    plate: Which, undo: Undo = False, config: Config = None, data: Data = Path("data"), json: AsJson = False
) -> None:
    """Take a plate off every wall, and have fewer like it chosen."""
    with opened(settings_of(config), data) as service:
        voted = _plate(service, plate)
        service.wishes.ban(voted.id, banned=not undo)
        meaning = "may hang again" if undo else "off every wall; less like it"
        _tell(service, voted, meaning, json=json)


def not_me(
    plate: Which, undo: Undo = False, config: Config = None, data: Data = Path("data"), json: AsJson = False
) -> None:
    """Nobody of this home belongs in this story: its picture goes at once, and is painted again without."""
    with opened(settings_of(config), data) as service:
        voted = _plate(service, plate)
        service.hand.not_me(voted.id, absent=not undo)
        meaning = "may show people and pets of this home again" if undo else "the next round paints it without them"
        _tell(service, voted, meaning, json=json)


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


def _tell(service: Service, voted: Plate, meaning: str, *, json: bool) -> None:
    now = service.archive.plate(voted.id)
    if now is None:
        raise FrontispieceError(f"plate {voted.id} was cleared away in this moment")
    if json:
        telling.line({"plate": now.id, "headline": now.story.title, "favourite": now.favourite, "banned": now.banned})
    else:
        telling.voted(now.id, now.story.title, meaning)
