"""What the wall says of a display: what it is, what hangs there, and its file, by day and by night."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from .compose import night
from .compose.slide import Composer
from .model import Plate
from .nights import Look
from .profiles import Profile

MEDIA = {".jpg": "image/jpeg", ".png": "image/png", ".bmp": "image/bmp"}


@dataclass(frozen=True, slots=True)
class DisplayInfo:
    """A display as pages speak of it."""

    name: str
    channel: str
    kind: str
    template: str
    profile: Profile
    dwell_seconds: float
    night: Look = Look.DAY  #: how it looks now


@dataclass(frozen=True, slots=True)
class Showing:
    """A plate on a display, since when and until when; ``note`` is a short honest line for people, or ""."""

    plate: Plate
    since: datetime
    until: datetime
    note: str
    paused: bool = False  #: by the owner: it stays


@dataclass(frozen=True, slots=True)
class Still:
    """An encoded picture and its validator."""

    data: bytes
    media_type: str
    etag: str


def still(data: bytes, media_type: str) -> Still:
    """A file, named by what is in it."""
    return Still(data, media_type, f'"{hashlib.sha256(data).hexdigest()[:32]}"')


def bare(data: bytes) -> Still:
    """A picture without a slide around it."""
    return still(data, MEDIA[".png" if data.startswith(b"\x89PNG") else ".jpg"])


def by_night(look: Look, day: Callable[[], Still], composer: Composer, seen: tuple[Profile, str, datetime]) -> Still:
    """A display's still as it looks now; ``seen``: the screen, the file's suffix, the owner's time."""
    profile, suffix, now = seen
    match look:
        case Look.DIM:
            data = night.dimmed(day().data, suffix)
        case Look.CLOCK:
            data = night.clock(composer, now, profile, suffix)
        case Look.OFF:
            data = night.black(profile, suffix)
        case _:
            return day()
    return still(data, MEDIA[suffix])
