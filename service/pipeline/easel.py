"""What is being painted now, and whether it is still wanted."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from ..errors import NotNow
from ..model import Plate

PATIENCE = 3  #: rounds in which a plate waits for an engine that has another behind it: learning takes hours


@dataclass(slots=True)
class Easel:
    """Shared by the round that paints and by whoever looks on or stops it."""

    engine: str = ""  #: that paints now; "" where nothing is painted
    plate: Plate | None = None
    _stopped: threading.Event = field(default_factory=threading.Event)
    _waited: Counter[int] = field(default_factory=Counter)  # rounds, by the plate's number

    @contextmanager
    def holding(self, plate: Plate, engine: str) -> Iterator[None]:
        """While this engine paints this plate."""
        self.plate, self.engine = plate, engine
        try:
            yield
        finally:
            self.plate, self.engine = None, ""

    def waits(self, plate: Plate) -> bool:
        """Whether a plate whose engine may not paint now waits for a later round, and is not handed on yet."""
        if self._stopped.is_set() or self._waited[plate.id] < PATIENCE:
            self._waited[plate.id] += 1
            return True
        del self._waited[plate.id]
        return False

    def stop(self) -> None:
        """Nothing is wanted any more: a picture on its way stops at its next step. From any thread."""
        self._stopped.set()

    def progress(self, _share: float) -> None:
        """What engines tell of each step. Raises NotNow where it is no longer wanted."""
        if self._stopped.is_set():
            raise NotNow("the painting was stopped")
