"""The press: one round at a time, whoever asks for it, and what there is to say about the work."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from . import __version__, pipeline
from .errors import Busy
from .gatekeeper import Gatekeeper
from .model import Plate
from .net import masked
from .pipeline import Event, Line
from .protocols import Reporting
from .store import FeedRow

LOW_DISK_BYTES = 200_000_000


@dataclass(frozen=True, slots=True)
class Rounds:
    """What a channel's rounds came to since the service began. Those that a stop cut short do not count."""

    count: int = 0
    failed: int = 0  #: that had to stop, as without a disk to write to
    seconds: float = 0.0  #: all together; a round for several channels counts in full for each
    last_seconds: float | None = None

    def after(self, seconds: float, *, failed: bool) -> Rounds:
        """With one more."""
        return Rounds(self.count + 1, self.failed + failed, self.seconds + seconds, seconds)


class Press:
    """Runs the verbs of one line, one caller at a time."""

    def __init__(self, line: Line) -> None:
        self.line, self.gatekeeper = line, Gatekeeper(line)
        self.last_error: str | None = None
        self._round, self._hanging = threading.Lock(), threading.Lock()
        self._stopped = threading.Event()
        self._rounds = {desk.name: Rounds() for desk in line.desks}
        self._given: dict[str, pipeline.Face] = {}  # display -> what it was last seen with

    def round(self, channels: Collection[str] = (), *, wait: bool = False) -> Iterator[Event]:
        """One round through every verb for these channels (none named: all), told as it goes.

        Raises Busy, when first asked for an event, if a round is running and ``wait`` is false.
        """
        if not self._round.acquire(blocking=wait):
            raise Busy("a round is running already; it will be done in a moment")
        try:
            if self._stopped.is_set():
                raise Busy("the service is stopping")
            self.last_error = None
            names, began = channels or list(self._rounds), time.monotonic()
            yield from self._noted(pipeline.run_round(self.line, names))
            self._ended(names, time.monotonic() - began)
            yield from self.show()
        finally:
            self._round.release()

    def _ended(self, channels: Collection[str], seconds: float) -> None:
        """Count a round for each channel that it was for."""
        for name in set(channels) & set(self._rounds):
            self._rounds[name] = self._rounds[name].after(seconds, failed=self.last_error is not None)

    def stop(self, seconds: float) -> bool:
        """Let a running round end after its present step, and no other begin; False if that took too long."""
        self._stopped.set()
        self.line.easel.stop()
        ended = self._round.acquire(timeout=seconds)
        if ended:
            self._round.release()
        return ended

    def show(self) -> list[Event]:
        """Hang what is due. Cheap, and does not wait for a round: called every few seconds."""
        with self._hanging:
            return list(self._noted(pipeline.show(self.line, self._given)))

    def tidy(self) -> list[Event]:
        """Let go of what is old or too much, between two rounds."""
        with self._round:
            return list(self._noted(pipeline.tidy(self.line)))

    def _noted(self, events: Iterator[Event]) -> Iterator[Event]:
        for event in pipeline.told(events):
            if event.verb == "stop":
                self.last_error = event.error
            yield event
            if self._stopped.is_set():
                return

    # -- what there is to say ---------------------------------------------------------------

    def ready(self) -> tuple[bool, str]:
        """Whether the store answers, and what is wrong if not."""
        try:
            self.line.store.db.execute("SELECT 1 FROM plates LIMIT 1").fetchone()
        except Exception as error:  # whatever it is, the answer is "not ready"
            return False, f"the store does not answer: {error}"
        return True, "ready"

    def status(self) -> dict[str, Any]:
        """Everything worth knowing, JSON-safe."""
        free = shutil.disk_usage(self.line.store.folder.path).free
        return {
            "version": __version__,
            "data": str(self.line.store.folder.path),
            "error": self.last_error,
            "rounds": [{"channel": name, **asdict(rounds)} for name, rounds in self._rounds.items()],
            "disk": {"free_bytes": free, "low": free < LOW_DISK_BYTES},
            "counts": self.line.archive.counts(),
            "gate": self.gatekeeper.today(),
            "editors": [self._editor(name, editor) for name, editor in self.line.editors.items()],
            "engines": self._engines(),
            "feeds": [feed for desk in self.line.desks for feed in self._feeds(desk)],
            "stuck": [_stuck(plate) for plate in self._stuck()],
        }

    def _editor(self, name: str, editor: object) -> dict[str, Any]:
        """One that says nothing of itself needs no model, and is always at work."""
        channels = [desk.name for desk in self.line.desks if name in (desk.channel.editor, desk.channel.critic)]
        state = editor.state() if isinstance(editor, Reporting) else {}
        return {
            "name": name, "channels": channels, "model": None, "state": "at work", "since": None, "until": None,
            "says": "", "error": None, **state,
        }  # fmt: skip

    def _engines(self) -> list[dict[str, Any]]:
        """Who paints: in which channels, how many pictures since midnight, what keeps it from more, and what now."""
        now = self.line.now
        painted = self.line.journal.painted(now.replace(hour=0, minute=0, second=0, microsecond=0))
        return [self._engine(name, engine, painted.get(name, 0)) for name, engine in self.line.engines.items()]

    def _engine(self, name: str, engine: object, painted: int) -> dict[str, Any]:
        """One that says nothing of itself needs no model."""
        line, breaker = self.line, self.line.breaker(name)
        rests = breaker.until if breaker.rests(line.now) else None
        plate = line.easel.plate if line.easel.engine == name else None
        return {
            "name": name, "channels": [desk.name for desk in line.desks if name in dict(desk.engines)],
            "state": "resting" if rests else "at work", "until": rests and rests.isoformat(),
            "painted_today": painted, "error": breaker.error, "model": None, "says": "", "now": "", "step": None,
            "steps": None, "plate": plate and plate.id, "headline": plate and plate.story.title,
            **(engine.state() if isinstance(engine, Reporting) else {}),
        }  # fmt: skip

    def painting(self) -> str:
        """What the engine at the easel does now, in words; "" where none paints or says so."""
        engine = self.line.engines.get(self.line.easel.engine)
        return str(engine.state().get("now", "")) if isinstance(engine, Reporting) else ""

    def _stuck(self) -> list[Plate]:
        """Plates that wait for something; while a round runs, those it has in hand do not."""
        running = self._round.locked()
        return [plate for plate in self.line.store.unfinished() if plate.retry_at or plate.error or not running]

    def _feeds(self, desk: pipeline.Desk) -> list[dict[str, Any]]:
        return [{"channel": desk.name, **_feed(row)} for row in self.line.archive.feeds(self.line.feeds(desk))]


def _feed(row: FeedRow) -> dict[str, Any]:
    return {
        "feed": row.title or masked(row.url), "address": masked(row.url),
        "checked_at": row.checked_at and row.checked_at.isoformat(),
        "next_check_at": row.next_check and row.next_check.isoformat(), "failures": row.failures, "error": row.error,
    }  # fmt: skip


def _stuck(plate: Plate) -> dict[str, Any]:
    return {
        "plate": plate.id, "channel": plate.channel, "headline": plate.story.title, "step": str(plate.step),
        "attempts": plate.attempts, "error": plate.error or ("interrupted" if plate.attempts else None),
        "next_try_at": plate.retry_at and plate.retry_at.isoformat(),
    }  # fmt: skip
