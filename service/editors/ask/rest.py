"""A server that fails is left alone for a while: a circuit breaker (M. Nygard, "Release It!", 2007)."""

from __future__ import annotations

import time
from collections.abc import Callable

from ...errors import EditorError

PATIENCE = 3  #: quick failures in a row that are borne
LONGEST = 3600.0  #: seconds; also after a refused key or a spent account, which do not mend by themselves
RESTS = (60.0, 300.0, 1800.0, LONGEST)  #: seconds, one after another while nothing is heard


class Failing(EditorError):
    """The server failed, whatever was asked of it. ``reached``: it had the question, and may bill it."""

    def __init__(
        self, message: str, *, patience: int = PATIENCE, rest_seconds: float = 0, reached: bool = False
    ) -> None:
        super().__init__(message)
        self.patience, self.rest_seconds, self.reached = patience, rest_seconds, reached


class Rest:
    """Remembers failures in a row, and how long to stay away."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._in_a_row = self._rests = 0
        self._until = 0.0
        self.error = ""  #: of the last question, where the server failed

    def left(self) -> float:
        """Seconds until it may be tried again."""
        return max(0.0, self._until - self._now()) if self._rests else 0.0

    def failed(self, error: str, patience: int = PATIENCE, seconds: float = 0) -> None:
        """It failed. After a rest it is tried with one question: a failure then is a longer rest."""
        self.error = error
        self._in_a_row += 1
        if self._in_a_row >= patience or self._rests:
            step = RESTS[min(self._rests, len(RESTS) - 1)]
            self._until = self._now() + min(max(seconds, step), LONGEST)
            self._rests += 1

    def answered(self) -> None:
        """It lives."""
        self._in_a_row = self._rests = 0
        self.error = ""
