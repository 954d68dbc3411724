"""The data folder: who owns it, and its files."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import io
import json
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import DataFolderError
from ..files import write_whole
from ..model import Picture

PATIENCE = 10  #: tries 20 ms apart: someone may be looking whether the folder is taken


class Folder:
    """``data/``: ``frontispiece.db``, ``pictures/ab/<sha256>.png``, ``service.lock`` while a service runs."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: io.TextIOWrapper | None = None
        try:
            (path / "pictures").mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DataFolderError(
                f"the data folder {path} cannot be made: {error.strerror}; choose another with --data"
            ) from error

    # -- one process at a time moves rows ------------------------------------------------

    def claim(self, about: dict[str, Any]) -> None:
        """Lock the folder for this process and leave ``about`` (how to reach it). Raises DataFolderError if taken.

        The lock is the operating system's (flock): it goes with the process, however that ends.
        """
        path = self.path / "service.lock"
        try:
            lock = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "r+", encoding="utf-8")
        except OSError as error:
            raise DataFolderError(f"{path} cannot be written: {error.strerror}") from error
        if not _taken(lock):
            lock.close()
            owner = self.owner()
            raise DataFolderError(
                f"another frontispiece (process {owner.get('pid', '?')}) is using {self.path}"
                + (f" and serves {owner['url']}" if "url" in owner else "")
                + "; stop it first, or choose another --data"
            )
        self._lock = lock
        self.describe(about)

    def describe(self, about: dict[str, Any]) -> None:
        """Replace what ``owner`` tells others about the claiming process."""
        if self._lock is not None:
            self._lock.seek(0)
            self._lock.truncate()
            with contextlib.suppress(OSError):  # a full disk must not stop the service: others just cannot ask it
                json.dump({"pid": os.getpid(), **about}, self._lock)
                self._lock.flush()

    def owner(self) -> dict[str, Any]:
        """What the process that holds the folder said of itself; empty where none does."""
        try:
            with (self.path / "service.lock").open(encoding="utf-8") as lock:
                try:
                    fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
                except BlockingIOError:
                    about = json.load(lock)
                else:
                    return {}  # what stands there was left by a process that is gone
        except (OSError, ValueError):
            return {}
        return about if isinstance(about, dict) else {}

    def release(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    # -- pictures: the file is whole before any row names it -----------------------------

    def write(self, picture: Picture) -> str:
        """Keep a picture's file and return its name, ``ab/<sha256>.png``. Safe to repeat. Raises DataFolderError."""
        digest = hashlib.sha256(picture.data).hexdigest()
        name = f"{digest[:2]}/{digest}{picture.suffix}"
        path = self.path / "pictures" / name
        try:
            if not path.exists() or path.read_bytes() != picture.data:  # a damaged file has a good one's name
                write_whole(path, picture.data)
        except OSError as error:
            raise DataFolderError(f"a picture cannot be kept in {self.path}: {error.strerror}") from error
        return name

    def read(self, name: str) -> bytes:
        """A picture's file. Raises OSError where it is gone, ValueError where its bytes are not the ones kept."""
        data = (self.path / "pictures" / name).read_bytes()
        if hashlib.sha256(data).hexdigest() != Path(name).stem:
            raise ValueError(f"{name} is damaged")
        return data

    def whole(self, name: str) -> bool:
        """Whether a picture's file is there, with the bytes that were kept."""
        try:
            self.read(name)
        except (OSError, ValueError):
            return False
        return True

    def stamp(self, name: str) -> object:
        """A value that changes when a picture's file does. Raises OSError where it is gone."""
        stat = (self.path / "pictures" / name).stat()
        return stat.st_mtime_ns, stat.st_size, stat.st_ino

    def remove(self, name: str) -> None:
        (self.path / "pictures" / name).unlink(missing_ok=True)

    def sweep(self) -> int:
        """Remove unfinished files that a killed process left; return how many."""
        parts = list((self.path / "pictures").glob("*/*.part"))
        for part in parts:
            part.unlink(missing_ok=True)
        return len(parts)

    def files(self) -> Iterator[tuple[str, int]]:
        """Every picture's name and size in bytes."""
        for path in (self.path / "pictures").glob("??/*"):
            if path.suffix != ".part":
                yield f"{path.parent.name}/{path.name}", path.stat().st_size

    def free_bytes(self) -> int:
        return shutil.disk_usage(self.path).free


def _taken(lock: io.TextIOWrapper) -> bool:
    """Take the lock, if it is free within a moment."""
    for _ in range(PATIENCE):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            time.sleep(0.02)
        else:
            return True
    return False
