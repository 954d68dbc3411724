"""What is being painted now, and whether it is still wanted."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from ..errors import NotNow
from ..model import Plate


@dataclass(slots=True)
class Easel:
    """Shared by the round that paints and by whoever looks on or stops it."""

    engine: str = ""  #: that paints now; "" where nothing is painted
    plate: Plate | None = None
    _stopped: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def holding(self, plate: Plate, engine: str) -> Iterator[None]:
        """While this engine paints this plate."""
        self.plate, self.engine = plate, engine
        try:
            yield
        finally:
            self.plate, self.engine = None, ""

    def stop(self) -> None:
        """Nothing is wanted any more: a picture on its way stops at its next step. From any thread."""
        self._stopped.set()

    def progress(self, _share: float) -> None:
        """What engines tell of each step. Raises NotNow where it is no longer wanted."""
        if self._stopped.is_set():
            raise NotNow("the painting was stopped")
