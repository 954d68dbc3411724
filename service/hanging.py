"""Which plate hangs next on a display, and for how long. Pure."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

FRESH = timedelta(hours=24)  #: plates younger than this take turns; older ones only where there are none
KEPT = 8  #: how many older plates take turns on a wall without fresh ones
HOUR = timedelta(hours=1)
NEWEST, SHUFFLE, STORY_OF_THE_HOUR = "newest", "shuffle", "story of the hour"


@dataclass(frozen=True, slots=True)
class Ready:
    """A finished plate that could hang, and when this display last had it."""

    plate: int
    chosen_at: datetime
    last_shown: datetime | None
    others: int = 0  #: other publications that tell the story


@dataclass(frozen=True, slots=True)
class Order:
    """What a display wants next; ``seed`` makes a shuffle, the same for the same seed."""

    name: str = NEWEST
    seed: str = ""


def dwell_seconds(own: float, cadence_minutes: float, plates_per_round: int) -> float:
    """How long a plate hangs: the display's own wish, else the cadence shared among a round's plates."""
    return own or max(20.0, cadence_minutes * 60 / plates_per_round)


def until(order: str, since: datetime, dwell: float) -> datetime:
    """When the plate that hangs since then (in the owner's time zone) has had its time."""
    if order != STORY_OF_THE_HOUR:
        return since + timedelta(seconds=dwell)
    # by way of UTC: the hour that is there twice in autumn is two hours
    return since.replace(minute=0, second=0, microsecond=0).astimezone(UTC) + HOUR


def next_up(
    ready: Sequence[Ready], hung: int | None, now: datetime, *, due: bool, order: Order = Order()
) -> int | None:
    """The plate to hang now, or None to leave the display as it is. Never the one that hangs already.

    ``ready`` is newest first. While it is not ``due`` for a change, only an empty display gets a plate. Those that
    this display never had come before those it had: the newest first, or in order of the shuffle, or what most
    publications tell of what was chosen within the hour. Those it had take turns, the longest away first; a shuffle
    draws from the half that was away longest.
    """
    if not due and hung is not None:
        return None
    unseen = [r for r in ready if r.last_shown is None and r.plate != hung]
    if unseen:
        return _first(unseen, now, order).plate
    fresh = [r for r in ready if now - r.chosen_at <= FRESH] or list(ready[:KEPT])
    others = sorted((r for r in fresh if r.plate != hung), key=lambda r: r.last_shown or now)
    if order.name == SHUFFLE and others:
        return _drawn(others[: (len(others) + 1) // 2], order).plate
    return others[0].plate if others else None


def _first(unseen: Sequence[Ready], now: datetime, order: Order) -> Ready:
    """Of plates that were never shown; a display that was away begins with today's."""
    match order.name:
        case "shuffle":
            return _drawn([r for r in unseen if now - r.chosen_at <= FRESH] or unseen[:KEPT], order)
        case "story of the hour":
            return max([r for r in unseen if now - r.chosen_at <= HOUR] or unseen[:1], key=lambda r: r.others)
    return unseen[0]


def _drawn(plates: Sequence[Ready], order: Order) -> Ready:
    return random.Random(order.seed).choice(plates)
