"""Which plate hangs next on a display. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

FRESH = timedelta(hours=24)  #: plates younger than this take turns; older ones only where there are none
KEPT = 8  #: how many older plates take turns on a wall without fresh ones


@dataclass(frozen=True, slots=True)
class Ready:
    """A finished plate that could hang, and when this display last had it."""

    plate: int
    chosen_at: datetime
    last_shown: datetime | None


def dwell_seconds(own: float, cadence_minutes: float, plates_per_round: int) -> float:
    """How long a plate hangs: the display's own wish, else the cadence shared among a round's plates."""
    return own or max(20.0, cadence_minutes * 60 / plates_per_round)


def next_up(ready: Sequence[Ready], hung: int | None, now: datetime, *, due: bool) -> int | None:
    """The plate to hang now, or None to leave the display as it is.

    ``ready`` is newest first. A plate that this display never had comes first, newest first; when it is ``due`` for
    a change and nothing is new, the one it has not had for longest. Never the one that hangs already.
    """
    unseen = [r for r in ready if r.last_shown is None]
    if unseen and (due or hung is None):
        return unseen[0].plate
    if not due and hung is not None:
        return None
    fresh = [r for r in ready if now - r.chosen_at <= FRESH] or list(ready[:KEPT])
    others = [r for r in fresh if r.plate != hung and r.last_shown is not None]
    return min(others, key=lambda r: r.last_shown or now).plate if others else None
