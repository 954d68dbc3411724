"""When a screen has its night, and how it spends it. Pure: the clock's time in, a look out.

The hours are times on the owner's clock. An hour that a change of daylight saving leaves out, or has twice, is in them
as the clock on the wall would have it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, time, tzinfo
from enum import StrEnum


class Look(StrEnum):
    """What a screen shows at night."""

    DAY = ""  #: it is not night
    OFF = "off"  #: nothing of ours
    DIM = "dim"  #: the same slides, dark and warm
    CLOCK = "clock"  #: the time


@dataclass(frozen=True, slots=True)
class Hours:
    """From … until, on the owner's clock; may span midnight."""

    start: time
    end: time

    def __contains__(self, moment: time) -> bool:
        if self.start <= self.end:
            return self.start <= moment < self.end
        return moment >= self.start or moment < self.end


def hours(text: str) -> Hours:
    """Read "23:00-06:30". Raises ValueError."""
    found = re.fullmatch(r"\s*(\d{1,2}):(\d{2})\s*[-–]\s*(\d{1,2}):(\d{2})\s*", text)
    if not found:
        raise ValueError('should look like "23:00-06:30"')
    a, b, c, d = map(int, found.groups())
    return Hours(time(a, b), time(c, d))


@dataclass(frozen=True, slots=True)
class Nights:
    """A screen's hours of night, how it looks in them, and whose clock that is (None: the machine's)."""

    hours: Hours
    look: Look
    zone: tzinfo | None = None

    def at(self, now: datetime) -> Look:
        """How the screen should look at an aware moment."""
        return self.look if now.astimezone(self.zone).time() in self.hours else Look.DAY


def look_at(nights: Nights | None, now: datetime) -> Look:
    """How a screen should look that may have no night."""
    return nights.at(now) if nights else Look.DAY
