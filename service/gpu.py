"""One process at a time has the GPU: the worker that paints, or the trainer that learns.

The lock is a file in the data folder and the operating system's (flock): it goes with the process, however that ends.
The file says who holds it and at what. Who waits for it holds a second file meanwhile, so that the holder can see that
it is wanted: a painter leaves then, after what it has in hand; a trainer does not look, and is waited for.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Self

from .errors import DataFolderError, GpuBusy

UNSAID = "another process"  #: holds it, and it cannot be read which
READS = 10  #: a process has a file a moment before it has written into it
LOOK_S = 0.1  #: how often a waiting process looks again


class Gpu:
    """This process's claim on one GPU. Used by one thread."""

    def __init__(self, data: Path, doing: str, device: str = "auto") -> None:
        """``doing``: what those who wait read, such as "learning rex"; ``device``: "cuda:1" has its own lock."""
        self._lock, self._queue = _file(data, device, "lock"), _file(data, device, "queue")
        self._doing, self._held = doing, list[IO[str]]()

    def take(self, seconds: float = 0, stopped: Callable[[], bool] = lambda: False) -> None:
        """Hold it, after at most so many seconds. Raises GpuBusy, which says who has it; DataFolderError.

        One process may wait; for others the one that waits is as good as one that holds. ``stopped`` ends the wait.
        """
        if self._held:
            return
        until = time.monotonic() + seconds
        with self._waiting(until, stopped):
            lock = _open(self._lock)
            try:
                self._until_free(lock, self._lock, until, stopped)
            except BaseException:
                lock.close()
                raise
        _say(lock, self._doing)
        self._held.append(lock)

    @contextmanager
    def _waiting(self, until: float, stopped: Callable[[], bool]) -> Iterator[None]:
        with _open(self._queue) as queue:
            self._until_free(queue, self._queue, until, stopped)
            _say(queue, self._doing)
            yield

    def _until_free(self, file: IO[str], path: Path, until: float, stopped: Callable[[], bool]) -> None:
        while not _taken(file):
            if time.monotonic() >= until or stopped():
                who = _said(path) or _said(self._lock)
                raise GpuBusy(f"waiting for the GPU: {who or UNSAID}")
            time.sleep(LOOK_S)

    def wanted(self) -> str:
        """What the process that waits for it would do with it; "" where none waits."""
        return _said(self._queue)

    def release(self) -> None:
        """Let others have it. Safe to repeat."""
        while self._held:
            lock = self._held.pop()
            with contextlib.suppress(OSError):
                lock.truncate(0)
            lock.close()

    def __enter__(self) -> Self:
        self.take()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def holder(data: Path, device: str = "auto") -> str:
    """What the GPU is used for now; "" where nobody of ours holds it."""
    return _said(_file(data, device, "lock"))


def _file(data: Path, device: str, suffix: str) -> Path:
    number = device.rpartition(":")[2] if ":" in device else "0"
    return data / (f"gpu.{suffix}" if number == "0" else f"gpu-{number}.{suffix}")


def _open(path: Path) -> IO[str]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "r+", encoding="utf-8")
    except OSError as error:
        raise DataFolderError(f"{path} cannot be written: {error.strerror}") from error


def _taken(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:  # a network's disk without locks
        raise DataFolderError(
            f"the data folder cannot be locked ({error.strerror}): it belongs on a local disk"
        ) from error
    return True


def _say(file: IO[str], doing: str) -> None:
    with contextlib.suppress(OSError):  # on a full disk nobody reads who holds it, and it is held all the same
        os.ftruncate(file.fileno(), 0)
        os.pwrite(file.fileno(), json.dumps({"pid": os.getpid(), "doing": doing}).encode(), 0)  # past the file's buffer


def _said(path: Path) -> str:
    """What the process that holds this file does; "" where none holds it. One that has just got it is given time."""
    for _ in range(READS - 1):
        if (said := _read(path)) != UNSAID:
            return said
        time.sleep(0.02)
    return _read(path)


def _read(path: Path) -> str:
    try:
        with path.open(encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                told = json.load(file)
                return f"{told['doing']} (process {told['pid']})"
    except FileNotFoundError:
        return ""
    except (OSError, ValueError, KeyError, TypeError):
        return UNSAID
    return ""
