"""The picture of the day. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, tzinfo


@dataclass(frozen=True, slots=True)
class Finished:
    """A finished plate with a picture, as far as it matters to which is the day's best."""

    plate: int
    chosen_at: datetime
    favourite: bool
    tellers: int  #: other publications that tell the same event
    gravity: float  #: 0 (harmless) … 1


def best(finished: Iterable[Finished], zone: tzinfo, today: date) -> list[tuple[date, int]]:
    """The best plate of each day that is over in the owner's zone, newest day first.

    A favourite of the owner's; then what most publications tell; then the kindest; then the last. Today is left out:
    its best is not known before it ends, and a picture of the day that changes is none.
    """
    days: dict[date, Finished] = {}
    for one in finished:
        day = one.chosen_at.astimezone(zone).date()
        if day < today and (day not in days or _worth(one) > _worth(days[day])):
            days[day] = one
    return [(day, days[day].plate) for day in sorted(days, reverse=True)]


def _worth(one: Finished) -> tuple[bool, int, float, int]:
    return one.favourite, one.tellers, -one.gravity, one.plate
