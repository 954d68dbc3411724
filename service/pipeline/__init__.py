"""From news to wall, as verbs. Each takes what awaits it, does one thing, and moves it on.

    mend ─▶ fetch ─▶ judge ─▶ choose ─▶ describe ─▶ render ─▶ show

Nothing here knows which adapter it is talking to, and nothing is held in memory between steps: stop the process
anywhere and the next round goes on from the last finished step. Every verb tells what it does as ``Event`` values.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator
from dataclasses import replace

from ..errors import FrontispieceError
from .casting import cast, together
from .directing import directed
from .line import Desk, Event, Line, dialled, everywhere
from .looking import Eye, said
from .painting import render
from .plates import brief, describe, mend
from .showings import Face, show, tidy
from .stories import choose, judge
from .tries import Sitting
from .turning import not_me, show_now, turn_back, turn_on
from .visits import fetch

__all__ = [
    "Desk",
    "Event",
    "Eye",
    "Face",
    "Line",
    "Sitting",
    "brief",
    "cast",
    "choose",
    "describe",
    "dialled",
    "directed",
    "everywhere",
    "fetch",
    "judge",
    "mend",
    "not_me",
    "render",
    "run_round",
    "said",
    "show",
    "show_now",
    "tidy",
    "together",
    "told",
    "turn_back",
    "turn_on",
]  # fmt: skip

log = logging.getLogger(__name__)


def run_round(line: Line, channels: Collection[str]) -> Iterator[Event]:
    """One round for these channels through every verb up to the finished plate; ``show`` hangs it."""
    desks = [_sized(line, desk) for desk in line.desks if desk.name in channels]
    for desk in desks:
        yield from mend(line, desk)
    yield from fetch(line, desks)
    yield from judge(line)
    for desk in desks:
        yield from choose(line, desk)
        yield from describe(line, desk)
        yield from render(line, desk)


def _sized(line: Line, desk: Desk) -> Desk:
    """The desk, painting as large as the largest screen that there is by now."""
    profile = line.largest(desk.name)
    return replace(desk, width_px=profile.width_px, height_px=profile.height_px)


def told(events: Iterator[Event]) -> Iterator[Event]:
    """The events of a verb, ending with one that says why where an expected failure stops it."""
    try:
        yield from events
    except FrontispieceError as error:
        log.warning("%s", error)
        yield Event("stop", error=str(error))
