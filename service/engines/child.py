"""A worker process seen from the service: asked, listened to, and ended when it takes too long."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..frames import receive, send

_ROOT = Path(__file__).parents[2]
_SECRET = re.compile(r"(?:KEY|SECRET|PASSWORD|TOKEN)(?:_FILE)?$", re.IGNORECASE)
_ITS_OWN = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")  #: for models that want an account
_MOST_SAID = 1_000_000  #: bytes of what it writes for the log that are kept from one request to the next
_GOING_S = 2.0  #: how long a process may take to end after it closed its pipe
STOP_S = 1.0  #: how long a process may take to stop at its next step
KILLED = "the painter was killed, most likely for want of memory"  #: by nobody here
LAST = ("done", "failed", "cancelled")  #: words that end an answer
Heard = Callable[[dict[str, Any], bytes], None]


class Ended(Exception):
    """The process ended before it answered; the message says how.

    ``heard``: whether it had begun, or was stopped; ``killed``: by the kernel, most likely for want of main memory.
    """

    def __init__(self, message: str, *, heard: bool, killed: bool = False) -> None:
        super().__init__(message)
        self.heard, self.killed = heard, killed


def environment(base: Mapping[str, str]) -> dict[str, str]:
    """What the process may know: everything but the service's secrets."""
    kept = {name: value for name, value in base.items() if name in _ITS_OWN or not _SECRET.search(name)}
    ways = os.pathsep.join((str(_ROOT), *filter(None, sys.path)))
    return {"PYTORCH_CUDA_ALLOC_CONF": "expandable_segments:True", "HF_HUB_DISABLE_TELEMETRY": "1",
            "TOKENIZERS_PARALLELISM": "false", **kept, "PYTHONPATH": ways}  # fmt: skip


class Child:
    """One process and the pipes to it. Asked by one thread; ``end`` may be called from any."""

    def __init__(self, command: Sequence[str]) -> None:
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - closed in end
        self._late = self._stopped = False
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter, our own module
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._said,
            process_group=0,  # Ctrl-C at a terminal is for the service; the worker goes when its pipe closes
            env=environment(os.environ),
        )  # fmt: skip

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def ask(self, request: dict[str, Any], seconds: float, heard: Heard) -> dict[str, Any]:
        """Its last word on a request. Raises Ended; after ``seconds`` the process is killed.

        ``heard`` is told what comes before, with the pixels that follow a picture. What it raises comes out, once the
        process has stopped at its next step, or was killed where that took too long.
        """
        self._forget()
        watchdogs = [self._killing(seconds)]
        began, stop = False, None
        try:
            assert self._process.stdin  # it was asked for
            send(self._process.stdin, json.dumps(request).encode())
            while (said := self._next())[0]["told"] not in LAST:
                began = True
                if stop is None and (stop := _raised(heard, *said)):
                    watchdogs[0].cancel()
                    watchdogs.append(self._killing(STOP_S))
                    send(self._process.stdin, b'{"cancel": true}')
        except (OSError, ValueError, KeyError, EOFError) as error:  # a pipe that broke, or what is no message
            how = self._how(seconds)
            if stop is None:
                raise Ended(how, heard=began or self._stopped, killed=how == KILLED) from error
        finally:
            for watchdog in watchdogs:
                watchdog.cancel()
        if stop is not None:
            raise stop
        return said[0]

    def _next(self) -> tuple[dict[str, Any], bytes]:
        """The next message, and the pixels behind it. Raises EOFError, ValueError, KeyError."""
        assert self._process.stdout  # it was asked for
        message = json.loads(_whole(receive(self._process.stdout)))
        return message, _whole(receive(self._process.stdout)) if message["told"] == "picture" else b""

    def _killing(self, seconds: float) -> threading.Timer:
        watchdog = threading.Timer(seconds, self._expire)
        watchdog.daemon = True
        watchdog.start()
        return watchdog

    def _expire(self) -> None:
        self._late = True
        self._process.kill()

    def _how(self, seconds: float) -> str:
        try:
            code = self._process.wait(_GOING_S)
        except subprocess.TimeoutExpired:
            return "the painter no longer makes sense and was ended"
        if self._stopped:
            return "the painting was stopped"
        if self._late:
            return f"the painter took longer than {seconds:g} s and was ended"
        if code == -signal.SIGKILL:
            return KILLED
        how = f"by {signal.Signals(-code).name}" if code < 0 else f"with code {code}"
        return f"the painter crashed ({how}; it last said: {self._last_words() or 'nothing'})"

    def said(self, most: int = 4000) -> str:
        """The end of what the process wrote for the log, in bytes at most so many."""
        self._said.seek(max(self._said.seek(0, os.SEEK_END) - most, 0))
        return self._said.read().decode("utf-8", "replace").strip()

    def _forget(self) -> None:
        """A process may stay for months; what it said in between fills no disk."""
        if os.fstat(self._said.fileno()).st_size > _MOST_SAID:
            self._said.seek(0)  # it writes on from there: the place in the file is one for both
            self._said.truncate()

    def _last_words(self) -> str:
        return self.said().rpartition("\n")[2].strip()[:200]

    def end(self) -> None:
        """Kill the process, whatever it does, and close its pipes. Safe to repeat."""
        self._stopped = True
        self._process.kill()
        self._process.wait()

    def leave(self) -> None:
        """Close what is left of an ended process. By the thread that asks."""
        self.end()
        for pipe in (self._process.stdin, self._process.stdout, self._said):
            try:
                if pipe:
                    pipe.close()
            except OSError:  # what was still to be flushed has nowhere to go
                continue


def _raised(heard: Heard, message: dict[str, Any], pixels: bytes) -> BaseException | None:
    try:
        heard(message, pixels)
    except BaseException as error:
        return error
    return None


def _whole(frame: bytes | None) -> bytes:
    if frame is None:
        raise EOFError
    return frame
