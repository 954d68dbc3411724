"""Verbs on showings: show, and the upkeep that follows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from .. import hanging, sample
from ..errors import DisplayError
from ..model import Plate
from ..settings import Display
from ..store.archive import Hung
from .line import Event, Line


def show(line: Line) -> Iterator[Event]:
    """Hang the next plate on every display whose time has come."""
    for display in line.settings.displays:
        hung = line.archive.hung(display.name)
        plate = _hang(line, display, hung)
        if plate is not None:
            yield _told(line, display, plate)
        elif hung is not None and hung.plate.banned and display.name in line.displays:
            # there is no other: what the owner banned must leave all the same
            yield from _failures(_told(line, display, sample.edition(display.channel)[0]))


def _failures(event: Event) -> Iterator[Event]:
    if event.error:
        yield event


def _hang(line: Line, display: Display, hung: Hung | None) -> Plate | None:
    channel = line.settings.channel_of(display)
    dwell = hanging.dwell_seconds(display.dwell_seconds, channel.cadence_minutes, channel.plates_per_round)
    now = line.store.now()
    due = hung is None or hung.plate.banned or now - hung.since >= timedelta(seconds=dwell)
    ready = line.archive.ready(display.channel, display.name)
    chosen = hanging.next_up(ready, hung.plate.id if hung else None, now, due=due)
    if chosen is None:
        return None
    line.archive.show(display.name, chosen)
    return line.archive.plate(chosen)


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
