"""A folder that always holds the current slide: for Samsung Frame uploaders, digital frames, wallpapers."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal
from urllib.parse import quote

import httpx
from pydantic import BaseModel, ConfigDict, Field, field_validator

from ..errors import DisplayError
from ..model import Plate
from ..nights import Look, look_at
from ..surroundings import Surroundings
from .owner import Owner

log = logging.getLogger(__name__)

NAME = "frontispiece"
FETCH_SECONDS = 15.0
RETRY_SECONDS = (1.0, 5.0, 30.0)


class Settings(BaseModel):
    """A ``[[displays]]`` table of ``kind = "folder"``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["folder"] = "folder"
    address: str  #: the folder's path
    format: Literal["jpg", "png"] = "jpg"
    keep: int = Field(default=0, ge=0, le=10000)  #: older slides kept beside the current one

    @field_validator("address")
    @classmethod
    def _path(cls, address: str) -> str:
        if not address.strip() or "\0" in address:
            raise ValueError("should be the path of a folder")
        return address


@dataclass(frozen=True, slots=True)
class Told:
    """What there is to say about the display, replaced as a whole."""

    plate: int | None = None
    at: datetime | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a folder should hold: a plate, how it looks at this hour, and the minute that a clock shows."""

    plate: Plate
    look: Look
    minute: int


class Folder:
    """A folder, written by a thread of its own: it may be on a network drive that hangs."""

    def __init__(self, settings: Settings, surroundings: Surroundings) -> None:
        self._settings, self._name = settings, surroundings.name
        self._path = Path(settings.address).expanduser()
        self._url = f"http://127.0.0.1:{surroundings.port}/d/{quote(surroundings.name)}.{settings.format}"
        self._key = surroundings.key
        self._owner = Owner(surroundings.name, self._work)
        self._nights = surroundings.nights
        self._written: Wanted | None = None
        self._told = Told()

    def show(self, plate: Plate) -> None:
        """Have the slide written. Returns at once."""
        self._owner.give(plate)

    def state(self) -> Mapping[str, object]:
        """How it is. JSON-safe."""
        told = self._told
        return {
            "reachable": told.error is None and told.plate is not None, "shown_plate": told.plate,
            "shown_at": told.at.isoformat() if told.at else None, "last_error": told.error,
        }  # fmt: skip

    def close(self) -> None:
        """Stop. The current slide stays. Safe to repeat."""
        self._owner.close()

    def _work(self) -> None:
        failures = 0
        while True:
            if self._wanted() not in (None, self._written):
                try:
                    self._write()
                    failures = 0
                except DisplayError as error:
                    self._fail(str(error))
                    self._owner.wait(lambda: False, RETRY_SECONDS[min(failures, len(RETRY_SECONDS) - 1)])
                    failures += 1
                    continue
            # nights begin and end at full minutes
            minute = 60.05 - time.time() % 60 if self._nights else None
            self._owner.wait(lambda: self._wanted() not in (None, self._written), minute)

    def _wanted(self) -> Wanted | None:
        """What should be in the folder; None: it is left as it is, as in the night of a screen that is off."""
        plate, now = self._owner.newest, datetime.now(UTC)
        look = look_at(self._nights, now)
        if plate is None or look is Look.OFF:
            return None
        return Wanted(plate, look, int(now.timestamp()) // 60 if look is Look.CLOCK else 0)

    def _write(self) -> None:
        wanted = self._wanted()
        assert wanted is not None
        data, clocks = _still(self._url, self._key), {wanted.look, self._written and self._written.look}
        try:  # a clock is no slide to keep
            put(self._path, data, self._settings.format, 0 if Look.CLOCK in clocks else self._settings.keep)
        except OSError as error:
            raise DisplayError(f"{self._path} cannot be written: {error.strerror or error}") from error
        self._written = wanted
        self._told = Told(wanted.plate.id, datetime.now(UTC))

    def _fail(self, error: str) -> None:
        if self._told.error != error:
            log.warning("display %s: %s", self._name, error)
        self._told = replace(self._told, error=error)


def _still(url: str, key: str) -> bytes:
    """The composed slide, from the service's own page. Raises DisplayError."""
    try:
        answer = httpx.get(url, params={"key": key} if key else None, timeout=FETCH_SECONDS, trust_env=False)
        answer.raise_for_status()
    except httpx.HTTPError as error:
        raise DisplayError(f"this service does not answer at {url}; web.host must include 127.0.0.1") from error
    return answer.content


def put(folder: Path, data: bytes, suffix: str, keep: int) -> None:
    """Write ``frontispiece.<suffix>`` so that no reader ever sees half of it; the one before becomes an older one.

    Older ones are named by the moment they were replaced, and the ``keep`` newest stay. Raises OSError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    current, part = folder / f"{NAME}.{suffix}", folder / f".{NAME}.part"
    if current.exists() and current.read_bytes() == data:
        return
    part.write_bytes(data)
    if keep and current.exists():
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
        before = folder / f".{NAME}.before"
        shutil.copyfile(current, before)  # no hard link: memory cards and network drives have none
        before.replace(folder / f"{NAME}-{stamp}.{suffix}")
    part.replace(current)
    older = sorted(folder.glob(f"{NAME}-*T*.{suffix}"), reverse=True)
    for old in older[keep:] if keep else ():
        old.unlink(missing_ok=True)


def make(settings: Settings, surroundings: Surroundings) -> Folder:
    """A folder; it is made when the first slide is written."""
    return Folder(settings, surroundings)
