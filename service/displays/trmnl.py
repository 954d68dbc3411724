"""A TRMNL, or whatever has firmware that speaks its protocol: it sleeps, wakes up, and asks what to show.

Nothing can be sent to it; ``service/web/trmnl.py`` answers when it calls. Here is who it is, its key, and what it said.
"""

from __future__ import annotations

import json
import logging
import os
import re
import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict, field_validator

from ..clock import now
from ..model import Plate
from ..surroundings import Surroundings

log = logging.getLogger(__name__)

LONGEST = 300  #: characters of a complaint
LATE = timedelta(minutes=3)  #: a device that is later than this, and than a whole turn, is away
_HEX = re.compile(r"[0-9A-Fa-f:.-]+")
_NAME = re.compile(r"[\w:.@-]{1,64}", re.ASCII)


class Settings(BaseModel):
    """A ``[[displays]]`` table of ``kind = "trmnl"``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["trmnl"] = "trmnl"
    address: str  #: the device's MAC address, or whatever else it sends as its ID

    @field_validator("address")
    @classmethod
    def _device(cls, address: str) -> str:
        digits = re.sub(r"[:-]", "", address)
        if not _NAME.fullmatch(address) or (_HEX.fullmatch(address) and "." not in address and len(digits) != 12):
            raise ValueError('should be the device\'s MAC address, such as "AA:BB:CC:00:11:22"')
        return address


@dataclass(frozen=True, slots=True)
class Call:
    """When the device last called, and when it was told to call again."""

    at: datetime
    again_at: datetime


class Trmnl:
    """One device. Safe to use from several threads."""

    def __init__(self, settings: Settings, surroundings: Surroundings) -> None:
        self._device, self._name = _plain(settings.address), surroundings.name
        self._notes = surroundings.data / "displays" / f"{surroundings.name}.json"
        self._lock = threading.Lock()
        self._key = ""
        self._call: Call | None = None
        self._said: Mapping[str, object] = {}
        self._trouble: str | None = None
        self._complaint: str | None = None
        self._newest: Plate | None = None
        self._query = ""
        self._shown: int | None = None
        self._shown_at = ""

    # -- a display --------------------------------------------------------------------------

    def show(self, plate: Plate) -> None:
        """Remember the plate: the device asks for it when it wakes up."""
        self._newest = plate

    def fetched(self, query: str) -> None:
        """The still was asked for: if by the address this device was given, it has it now."""
        with self._lock:
            if query and query == self._query and self._newest is not None:
                self._query = ""
                self._shown, self._shown_at = self._newest.id, now().isoformat()

    def state(self) -> Mapping[str, object]:
        """How it is. JSON-safe."""
        with self._lock:
            call = self._call
            return {
                "reachable": call is not None and now() < call.again_at + max(LATE, call.again_at - call.at),
                "called_at": call and call.at.isoformat(), "next_call_at": call and call.again_at.isoformat(),
                **self._said, "complaint": self._complaint, "shown_plate": self._shown,
                "shown_at": self._shown_at or None, "last_error": self._trouble,
            }  # fmt: skip

    def close(self) -> None:
        """Nothing is held."""

    # -- a device that calls ----------------------------------------------------------------

    def is_device(self, device: str) -> bool:
        """Whether that is how this device names itself; the way a MAC address is written does not matter."""
        return _plain(device) == self._device

    def key(self) -> str:
        """What the device has to show with each call; made when first asked for, and kept with the data."""
        with self._lock:
            self._key = self._key or self._kept() or self._made()
            return self._key

    def called(self, said: Mapping[str, object], *, query: str, seconds: int, trouble: str | None) -> None:
        """It asked what to show, said this of itself, was given that address and told to come back."""
        at = now()
        with self._lock:
            if self._call is None:
                log.info("display %s: the device has called", self._name)
            self._call = Call(at, at + timedelta(seconds=seconds))
            self._said, self._query, self._trouble = dict(said), query, trouble

    def complained(self, complaint: str) -> None:
        """Its log tells of a failure. Only the last one is kept."""
        with self._lock:
            if complaint[:LONGEST] != self._complaint:
                self._complaint = complaint[:LONGEST]
                log.warning("display %s says: %s", self._name, self._complaint)

    def _kept(self) -> str:
        """The key that this device was given before; another device under the same name gets another."""
        try:
            table = json.loads(self._notes.read_text(encoding="utf-8"))
            return str(table["key"]) if table.get("device") == self._device else ""
        except (OSError, ValueError, KeyError, AttributeError):
            return ""

    def _made(self) -> str:
        key, part = secrets.token_urlsafe(18), self._notes.with_suffix(".part")
        try:
            part.parent.mkdir(parents=True, exist_ok=True)
            part.unlink(missing_ok=True)
            with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
                json.dump({"device": self._device, "key": key}, file)
            part.replace(self._notes)
        except OSError as error:  # it holds until the next start; then the device has to be set up again
            log.warning("%s cannot be written: %s", self._notes, error)
        return key


def _plain(device: str) -> str:
    """A MAC address as twelve digits; any other name as it is, but for its case."""
    digits = re.sub(r"[:-]", "", device.strip()).lower()
    return digits if re.fullmatch(r"[0-9a-f]{12}", digits) else device.strip().lower()


def make(settings: Settings, surroundings: Surroundings) -> Trmnl:
    """A device that will call."""
    return Trmnl(settings, surroundings)
