"""Reads feed documents in a process that can be killed: a few hundred bytes can make a parser hang or swell."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from service.errors import SourceError
from service.model import Story
from service.protocols import Fetched

from ..frames import receive, send
from .documents.items import LONGEST
from .documents.page import LONGEST_PAGE, Link, Page

_WORKER = "service.sources.documents.worker"
_START_S = 60.0  #: a worker takes about 0.2 s to start; a busy small computer far longer
_ROOT = Path(__file__).parents[2]


class Parser:
    """Parses documents in worker processes, started when first needed.

    Safe to use from several threads; more of them than ``workers`` wait for each other.
    """

    def __init__(self, seconds: float = 10.0, memory_bytes: int = 300_000_000, workers: int = 1) -> None:
        """``seconds`` and ``memory_bytes``, the interpreter included, are what one document may cost.

        With more than one worker, a document that hangs does not delay those of other threads.
        """
        self._seconds, self._memory, self.workers = seconds, memory_bytes, workers
        self._idle: queue.LifoQueue[_Worker | None] = queue.LifoQueue()
        for _ in range(workers):
            self._idle.put(None)

    def parse(
        self, body: bytes, url: str, content_type: str = "", *, now: datetime, usual: Sequence[str] = ()
    ) -> Fetched:
        """The stories of a document found at ``url``. Raises SourceError, whatever the document does.

        ``now`` (aware) stands in for dates that are missing or absurd; ``usual`` are the languages its reader reads.
        """
        if len(body) > LONGEST:
            raise SourceError(f"too large (over {LONGEST / 1e6:g} MB)")
        request = {"url": url, "content_type": content_type, "now": now.isoformat(), "usual": list(usual)}
        answer = self._answer(json.dumps(request).encode(), body)
        if "error" in answer:
            raise SourceError(str(answer["error"]))
        return _fetched(answer)

    def page(self, body: bytes, content_type: str = "") -> Page:
        """What an HTML page says of feeds. Raises SourceError where it cannot be read to its end in time."""
        request = {"page": True, "content_type": content_type}
        answer = self._answer(json.dumps(request).encode(), body[:LONGEST_PAGE])
        if "error" in answer:
            raise SourceError(str(answer["error"]))
        declared, likely = ([Link(**told) for told in answer[kind]] for kind in ("declared", "likely"))
        return Page(answer["base"], tuple(declared), tuple(likely))

    def _answer(self, *frames: bytes) -> dict[str, Any]:
        """What a worker makes of a request; the next idle one is used, or a new one."""
        worker = self._idle.get()
        try:
            used = worker is not None and worker.alive
            if worker is None or not used:
                worker = _Worker(self._seconds, self._memory)
            answer = worker.ask(*frames)
            if answer is None and used:  # it may have died while it was idle, of something else
                worker = _Worker(self._seconds, self._memory)
                answer = worker.ask(*frames)
            return answer or {"error": "not readable as a feed (the parser crashed)"}
        finally:
            self._idle.put(worker)

    def close(self) -> None:
        """End the workers that are idle; the next document starts a new one. Safe to repeat."""
        held = [self._idle.get() for _ in range(self._idle.qsize())]
        for worker in held:
            if worker:
                worker.end()
            self._idle.put(None)


class _Worker:
    """One worker process and the pipe to it."""

    def __init__(self, seconds: float, memory_bytes: int) -> None:
        self._seconds, self._late = seconds, False
        environment = {"PYTHONPATH": os.pathsep.join((str(_ROOT), *filter(None, sys.path))), "PYTHONHASHSEED": "0"}
        self._process = subprocess.Popen(  # noqa: S603  (our own interpreter, our own module)
            [
                sys.executable,
                "-P",
                "-X",
                "utf8",
                "-m",
                _WORKER,
                str(seconds),
                str(memory_bytes),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            process_group=0,  # Ctrl-C at a terminal is for the service; the worker goes when its pipe closes
            env=environment,  # no secret of the service's goes to where foreign documents are read
        )
        if self._exchange(_START_S) is None:
            self.end()
            raise SourceError("the parser does not start; see that feedparser is installed")

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def ask(self, *frames: bytes) -> dict[str, Any] | None:
        """Send a request and wait for its answer; None where the worker died of it. What misbehaved is ended."""
        answer = self._exchange(self._seconds, *frames)
        result = dict(json.loads(answer)) if answer else None
        if result is None or result.get("worn"):
            self.end()
        late = f"not readable as a feed (it took longer than {self._seconds:g} s)"
        return {"error": late} if result is None and self._late else result

    def _exchange(self, seconds: float, *frames: bytes) -> bytes | None:
        """Frames there, one frame back; None where the process ended first, or had to be."""
        watchdog = threading.Timer(seconds, self._expire)
        watchdog.start()
        try:
            send(self._pipe(self._process.stdin), *frames)
            return receive(self._pipe(self._process.stdout))
        except OSError:
            return None
        finally:
            watchdog.cancel()

    def _expire(self) -> None:
        self._late = True
        self._process.kill()

    def end(self) -> None:
        """Kill the process and close its pipes. Safe to repeat."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            try:
                self._pipe(pipe).close()
            except OSError:  # what was still to be flushed has nowhere to go
                continue

    @staticmethod
    def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
        assert pipe is not None  # both were asked for
        return pipe


def _fetched(answer: dict[str, Any]) -> Fetched:
    stories = (Story(**{**told, "published": datetime.fromisoformat(told["published"])}) for told in answer["stories"])
    return Fetched(tuple(stories), title=answer["title"], check_after=answer["check_after"], dropped=answer["dropped"])
