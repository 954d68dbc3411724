"""Foreign documents are read in processes that can be killed: a few hundred bytes can make a parser hang or swell."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from .frames import receive, send

_START_S = 60.0  #: a worker takes 0.2 to 1 s to start; a busy small computer far longer
_ROOT = Path(__file__).parents[1]


class Broken(Exception):
    """A worker did not survive its document, or did not start; the message says which, for people."""


class Walled:
    """A worker module's processes, started when first needed. Safe to use from several threads."""

    def __init__(self, module: str, seconds: float, memory_bytes: int, workers: int = 1) -> None:
        """``seconds`` and ``memory_bytes``, the interpreter included, are what one document may cost.

        With more than one worker, a document that hangs does not delay those of other threads.
        """
        self._module, self._seconds, self._memory = module, seconds, memory_bytes
        self._idle: queue.LifoQueue[_Worker | None] = queue.LifoQueue()
        for _ in range(workers):
            self._idle.put(None)

    def ask(self, request: Mapping[str, Any], body: bytes) -> dict[str, Any]:
        """What a worker makes of a request and a document; the next idle one is used, or a new one. Raises Broken."""
        frames = json.dumps(request).encode(), body
        worker = self._idle.get()
        try:
            used = worker is not None and worker.alive
            if worker is None or not used:
                worker = self._new()
            answer = worker.ask(*frames)
            if answer is None and used and not worker.late:  # it may have died while it was idle, of something else
                worker = self._new()
                answer = worker.ask(*frames)
        finally:
            self._idle.put(worker)
        if answer is None:
            raise Broken(f"it took longer than {self._seconds:g} s" if worker.late else "the parser crashed")
        if answer.get("worn"):
            raise Broken("too much for the parser's memory")
        return answer

    def _new(self) -> _Worker:
        return _Worker(self._module, self._seconds, self._memory)

    def close(self) -> None:
        """End the workers that are idle; the next document starts a new one. Safe to repeat."""
        held = [self._idle.get() for _ in range(self._idle.qsize())]
        for worker in held:
            if worker:
                worker.end()
            self._idle.put(None)


class _Worker:
    """One worker process and the pipe to it."""

    def __init__(self, module: str, seconds: float, memory_bytes: int) -> None:
        self._seconds, self.late = seconds, False
        environment = {"PYTHONPATH": os.pathsep.join((str(_ROOT), *filter(None, sys.path))), "PYTHONHASHSEED": "0"}
        self._process = subprocess.Popen(  # noqa: S603  (our own interpreter, our own module)
            [sys.executable, "-P", "-X", "utf8", "-m", module, str(seconds), str(memory_bytes)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            process_group=0,  # Ctrl-C at a terminal is for the service; the worker goes when its pipe closes
            env=environment,  # no secret of the service's goes to where foreign documents are read
        )
        if self._exchange(_START_S) is None:
            self.end()
            raise Broken("the parser does not start; see that every package is installed")

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def ask(self, *frames: bytes) -> dict[str, Any] | None:
        """Send a request and wait for its answer; None where the worker died of it. What misbehaved is ended."""
        answer = self._exchange(self._seconds, *frames)
        result = dict(json.loads(answer)) if answer else None
        if result is None or result.get("worn"):
            self.end()
        return result

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
        self.late = True
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
