"""A circuit breaker for each engine: one that fails again and again is left alone for a while, and the next one paints.

After its rest it is tried with one picture; a failure then doubles the rest. The pattern is Nygard's (Release It!,
2007). A channel's last engine has none: its plates wait instead, as nobody could paint them meanwhile.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

FAILURES = 4  #: in a row; one plate spends three attempts, so a scene that an engine refuses does not stop it
REST, LONGEST = timedelta(minutes=5), timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Breaker:
    """How an engine has been doing. A new value after every picture and every failure."""

    failures: int = 0  #: in a row
    until: datetime | None = None  #: it is left alone; past: one picture is tried
    error: str | None = None  #: the last failure; None once a picture came
    failed_at: datetime | None = None

    def rests(self, now: datetime) -> bool:
        return self.until is not None and now < self.until

    def failed(self, now: datetime, error: str) -> Breaker:
        failures = self.failures + 1
        rest = min(REST * 2 ** max(min(failures - FAILURES, 10), 0), LONGEST)
        return Breaker(failures, now + rest if failures >= FAILURES else None, error, now)
