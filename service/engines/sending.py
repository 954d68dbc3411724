"""Pictures that were sent out together, and come back one by one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from ..errors import EngineError, NotNow
from .awaited import Wish
from .child import Ended, Heard
from .job import Cancelled, Job

TELL_S = 0.25  #: how often who waits is told how far it is


class Sending:
    """One request to a process that paints, in a thread of its own."""

    def __init__(self, jobs: Mapping[Wish, Job], ask: Callable[[Heard], Mapping[str, Any]]) -> None:
        """``ask`` sends the request, tells of what comes back, and returns the last word; or raises Ended."""
        self.jobs, self.share, self.there = dict(jobs), 0.0, 0
        self.error: EngineError | None = None  #: why no more comes
        self.ended = self.gone = False  #: ``gone``: the process is, too
        self._wishes, self._came = list(jobs), dict[Wish, tuple[dict[str, Any], bytes]]()
        self._owed, self._stopped = set(jobs), False
        self._news = threading.Condition()
        self._thread = threading.Thread(target=self._run, args=(ask,), name="sending", daemon=True)
        self._thread.start()

    def owes(self, wish: Wish) -> bool:
        """Whether it is still to be handed over."""
        return wish in self._owed

    def wait(self, wish: Wish) -> bool:
        """Whether there is news of a wish, good or bad; waits a moment for it."""
        with self._news:
            return self._news.wait_for(lambda: self.ended or wish in self._came, TELL_S)

    def taken(self) -> dict[Wish, tuple[dict[str, Any], bytes]]:
        """What came since this was last asked: the word on each, and its pixels."""
        with self._news:
            came, self._came = self._came, {}
            self._owed -= set(came)
        return came

    def stop(self) -> None:
        """Leave off at the next step. From any thread."""
        self._stopped = True

    def finish(self, seconds: float | None = None) -> bool:
        """Wait for the end, for so long at most; whether it came."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self, ask: Callable[[Heard], Mapping[str, Any]]) -> None:
        try:
            said = ask(self._heard)
            if said["told"] == "failed":
                kind = NotNow if said.get("waiting") else EngineError
                self.error, self.gone = kind(str(said["says"])), bool(said.get("gone"))
        except Cancelled:
            pass
        except Ended as error:
            self.error, self.gone = EngineError(_plainly(str(error))), True
        finally:
            with self._news:
                self.ended = True
                self._news.notify_all()

    def _heard(self, told: dict[str, Any], pixels: bytes) -> None:
        if self._stopped:
            raise Cancelled
        with self._news:
            if told["told"] == "share":
                self.share = float(told["share"])
            elif told["told"] in ("picture", "refused"):
                self._came[self._wishes[told["place"]]] = told, pixels
                self.there += 1
                self._news.notify_all()


def _plainly(how: str) -> str:
    return how.replace("the painter", "the process that speaks with the Ray cluster", 1)
