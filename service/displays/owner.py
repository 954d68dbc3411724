"""A thread for a screen that may be slow or gone: what waits for it is the newest plate, never a backlog."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable

from ..model import Plate

log = logging.getLogger(__name__)

CLOSE_SECONDS = 4.0  #: the service has 5 s to end in
BUG_SECONDS = 60.0


class Closing(Exception):
    """The owner has to stop now. Not a failure."""


class Owner:
    """One thread that alone works for one screen, and a queue of one.

    ``bell`` wakes it: a new plate, an answer, the end. Whoever changes what it waits for holds the bell and rings.
    """

    def __init__(self, name: str, work: Callable[[], None]) -> None:
        self.bell = threading.Condition()
        self.newest: Plate | None = None
        self.closing = False
        self._name, self._work = name, work
        self._thread: threading.Thread | None = None

    def give(self, plate: Plate) -> None:
        """Have the newest plate shown; the first one starts the thread, and the same once more is nothing new."""
        with self.bell:
            if self.closing or plate == self.newest:
                return
            self.newest = plate
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=f"display {self._name}", daemon=True)
                self._thread.start()
            self.bell.notify_all()

    def wait(self, happened: Callable[[], object], seconds: float | None, *, through: bool = False) -> bool:
        """Wait until something happened. True if it did in time. Raises Closing, unless it is to go through."""
        with self.bell:
            self.bell.wait_for(lambda: happened() or (self.closing and not through), seconds)
            if self.closing and not through:
                raise Closing
            return bool(happened())

    def close(self) -> None:
        """Stop, whatever is under way. Safe to repeat."""
        with self.bell:
            self.closing = True
            self.bell.notify_all()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(CLOSE_SECONDS)

    def _run(self) -> None:
        with contextlib.suppress(Closing):
            while True:
                try:
                    self._work()
                except Closing:
                    raise
                except Exception:
                    log.exception("display %s: a bug; it is tried again in a minute", self._name)
                    self.wait(lambda: False, BUG_SECONDS)
