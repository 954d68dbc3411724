"""Verbs on showings: show, and the upkeep that follows."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from dataclasses import replace

from .. import hanging, sample
from ..errors import DisplayError
from ..model import Plate, Step
from ..settings import Display
from ..store.archive import Hung
from .line import Event, Line

Face = tuple[int, int, str | None]  #: a showing, its plate, and the picture that this has now
Given = MutableMapping[str, Face]


def show(line: Line, given: Given | None = None) -> Iterator[Event]:
    """Hang the next plate on every display whose time has come, and tell those displays that are told.

    ``given`` holds what each display was last seen with: what the owner hung there meanwhile, in whatever process, is
    told as well, and that a picture which hangs there with no other to follow was taken away or painted anew.
    """
    given = {} if given is None else given
    for display in line.everywhere():
        before = line.archive.hung(display.name)
        hung = _hang(line, display, before)
        if hung is None:
            continue
        plate = sample.edition(display.channel)[0] if hung.plate.banned else hung.plate
        face = (hung.showing, plate.id, plate.picture)
        seen = given.get(display.name, face)
        given[display.name] = face
        if hung is not before or seen[0] != hung.showing:
            yield _told(line, display, plate)
        elif seen != face or (hung.plate.banned and display.name in line.displays):
            event = _told(line, display, plate)
            if event.error:
                yield event


def _hang(line: Line, display: Display, hung: Hung | None) -> Hung | None:
    """What hangs on the display from now on."""
    if hung is not None and not _due(line, display, hung):
        return hung
    chosen = next_plate(line, display, hung)
    if chosen is None:
        return hung
    line.archive.show(display.name, chosen)
    return line.archive.hung(display.name)


def _due(line: Line, display: Display, hung: Hung) -> bool:
    """Whether it is time for another plate: at once where the owner has taken this one off the wall."""
    if hung.plate.banned or hung.plate.step is Step.CHOSEN:
        return True
    return line.now >= line.until(display, hung.since) and not line.screens.paused(display.name)


def next_plate(line: Line, display: Display, hung: Hung | None) -> int | None:
    """The plate whose turn it is after what hangs, in the display's order."""
    ready = line.archive.ready(display.channel, display.name)
    order = hanging.Order(display.order, f"{display.name} {hung.showing if hung else ''}")
    return hanging.next_up(ready, hung.plate.id if hung else None, line.store.now(), due=True, order=order)


def _told(line: Line, display: Display, plate: Plate) -> Event:
    event = Event("show", display.name, note=plate.story.title, plate=plate.id)
    try:
        if display.name in line.displays:
            line.displays[display.name].show(plate)
    except DisplayError as error:
        return replace(event, error=str(error))
    return event


def tidy(line: Line) -> Iterator[Event]:
    """Let go of what is old or too much."""
    keep = line.settings.store
    removed = line.archive.prune(keep.keep_days, keep.keep_gb)
    if removed:
        yield Event("tidy", note=f"{removed} old pictures removed")
