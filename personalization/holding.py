"""One process at a time changes a subject's album."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from service import subjects
from service.errors import SubjectError
from service.progress import at_work
from service.subjects import Subject

from .errors import PhotoError

PATIENCE_S = 5.0  #: a caption is written in milliseconds; photos being added take longer


@contextmanager
def held(data: Path, name: str) -> Iterator[Path]:
    """A subject's folder, made where it is missing, for this process alone.

    Raises PhotoError, SubjectError, OSError.
    """
    folder = subjects.folder(data, name)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with at_work(folder), (folder / ".lock").open("a") as lock:
            _wait(lock.fileno(), name)
            yield folder
    finally:
        if {path.name for path in folder.glob("*")} <= {".lock"}:  # nothing came of it
            (folder / ".lock").unlink(missing_ok=True)
            folder.rmdir()


def card(data: Path, name: str) -> Subject:
    """A subject's card. Raises SubjectError with what there is."""
    try:
        return subjects.load(data, name)
    except SubjectError as error:
        known = subjects.names(data)
        if "there is no subject" not in str(error) or not known:
            raise
        raise SubjectError(f"there is no subject called {name!r}; there is {', '.join(known)}") from error


def _wait(lock: int, name: str) -> None:
    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                raise PhotoError(f"another command is changing the photos of {name}; wait until it is done") from None
            time.sleep(0.05)
        else:
            return
