"""Limits on guessing: so many wrong answers within a while, then none is looked at any more."""

from __future__ import annotations

import threading
from collections import deque
from datetime import datetime, timedelta

from .clock import Clock

KNOWN = 1000  #: who guesses is remembered for so many


class Guesses:
    """Wrong guesses by whoever makes them. Safe to use from several threads."""

    def __init__(self, most: int, within: timedelta, now: Clock) -> None:
        self.most, self.within, self.now = most, within, now
        self._wrong: dict[str, deque[datetime]] = {}
        self._lock = threading.Lock()

    def wrong(self, who: str) -> bool:
        """Count a wrong guess; True if it is the one that locks the door."""
        with self._lock:
            made = self._recent(who)
            locks = len(made) == self.most - 1
            made.append(self.now())
            self._wrong.pop(who, None)
            self._wrong[who] = made
            while len(self._wrong) > KNOWN:
                self._wrong.pop(next(iter(self._wrong)))
            return locks

    def locked(self, who: str) -> bool:
        """Whether whoever it is has guessed wrong too often of late."""
        with self._lock:
            return len(self._recent(who)) >= self.most

    def _recent(self, who: str) -> deque[datetime]:
        made, since = self._wrong.get(who, deque(maxlen=self.most)), self.now() - self.within
        while made and made[0] <= since:
            made.popleft()
        return made
