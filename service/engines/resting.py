"""A server that is left alone for a while, and why: it asked for that, or asking again could not help.

One that is only busy is waited for, as a GPU is that others have: that costs no attempt. One that never says anything
else counts as failing in the end, so that the channel's next engine, or the story's words alone, take over.
"""

from __future__ import annotations

from collections.abc import Callable

from ..errors import EngineError, NotNow
from .images_refusal import Refusal

TIMES, LONGEST_S = 4, 3600.0  #: busy so often in a row, and for so long, is out of order


class Rest:
    """What one server wants. Used from one thread; ``says`` by any."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """``clock``: seconds, monotonic."""
        self._clock = clock
        self._until, self._why = 0.0, EngineError()
        self._since, self._times = 0.0, 0  #: of being busy, with nothing else between

    def hold(self) -> None:
        """Raises EngineError where the server need not be asked yet; NotNow where it is busy."""
        if (left := self._until - self._clock()) > 0:
            raise type(self._why)(f"{self._why} (not asked again for {left:.0f} s)")

    def after(self, refusal: Refusal, why: str) -> EngineError:
        """What a refusal comes to, ``why`` in a sentence; the server is left in peace for as long as it takes."""
        now = self._clock()
        if not refusal.busy:
            self._times, self._why = 0, EngineError(why)
        else:
            self._since = self._since if self._times else now
            self._times += 1
            self._why = self._busy(now - self._since, why)
        self._until = now + refusal.rest_s
        return self._why

    def _busy(self, seconds: float, why: str) -> EngineError:
        if self._times < TIMES or seconds < LONGEST_S:
            return NotNow(f"waiting: {why}")
        return EngineError(f"{why}; it has said nothing else for {seconds / 60:.0f} minutes")

    def over(self) -> None:
        """It painted."""
        self._until, self._times = 0.0, 0

    @property
    def says(self) -> str:
        """What it is waited for; "" where it is not."""
        return str(self._why) if self._times and isinstance(self._why, NotNow) else ""
