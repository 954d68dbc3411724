"""Pairing: a new screen shows six digits, the owner says them to the service, and the screen is a display.

A code lives ten minutes and is used once. Who guesses is locked out, and every open code is withdrawn then.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from .errors import Refused
from .guesses import Guesses
from .pipeline import Line
from .profiles import PROFILES
from .store import Code

log = logging.getLogger(__name__)

LIFE = timedelta(minutes=10)
MOST_OPEN = 20  #: screens that wait at the same time
MOST_GUESSES = 10  #: wrong ones within a code's life, by all together
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")


class TooMany(Refused):
    """Too many guesses, or too many screens; ten minutes later it may be tried again."""


@dataclass(frozen=True, slots=True)
class Paired:
    """A screen that has become a display; ``key`` is what it shows from now on to be known."""

    display: str
    key: str


class Pairing:
    """The codes of one service. Safe to use from several threads."""

    def __init__(self, line: Line, keys: Mapping[str, str] | None = None) -> None:
        self.line, self._keys = line, dict(keys or {})
        self._guesses = Guesses(MOST_GUESSES, LIFE, line.store.now)

    # -- the screen's side ------------------------------------------------------------------

    def waiting(self, nonce: str) -> Code | None:
        """The code of the screen that holds this nonce, while it lives."""
        self.line.screens.expire(self.line.store.now() - LIFE)
        return self.line.screens.code_of(_sha256(nonce)) if nonce else None

    def offer(self) -> tuple[str, Code]:
        """A code for a new screen, and the nonce by which that is known again. Raises TooMany."""
        screens = self.line.screens
        screens.expire(self.line.store.now() - LIFE)
        if screens.codes() >= MOST_OPEN:
            raise TooMany(f"{MOST_OPEN} screens wait to be paired already; try again in ten minutes")
        nonce = secrets.token_urlsafe(24)
        while not screens.offer(f"{secrets.randbelow(10**6):06}", _sha256(nonce)):
            pass
        code = screens.code_of(_sha256(nonce))
        assert code is not None
        return nonce, code

    def sized(self, nonce: str, width_px: int, height_px: int) -> None:
        """Remember the screen's size, to guess its profile by."""
        self.line.screens.sized(_sha256(nonce), width_px, height_px)

    def collect(self, nonce: str) -> Paired | None:
        """A confirmed screen comes for its name and key, once; None while nobody has confirmed it."""
        key = secrets.token_urlsafe(24)
        display = self.line.screens.collect(_sha256(nonce), _sha256(key))
        return Paired(display, key) if display else None

    def knows(self, display: str, key: str) -> bool:
        """Whether this is the key of that display: one that was paired, or one that the service tells what to show."""
        told, kept = self._keys.get(display), self.line.screens.key_of(display)
        as_told = told is not None and hmac.compare_digest(told.encode(), key.encode())
        return as_told or (kept is not None and hmac.compare_digest(kept, _sha256(key)))

    # -- the owner's side -------------------------------------------------------------------

    def open(self, digits: str) -> Code | None:
        """The code that a screen shows and nobody has confirmed. Does not count as a guess: only the owner asks."""
        self.line.screens.expire(self.line.store.now() - LIFE)
        code = self.line.screens.code(bare(digits))
        return code if code and code.display is None else None

    def confirm(self, digits: str, *, name: str = "", profile: str = "", channel: str = "") -> str:
        """The screen that shows these digits becomes a display; returns its name. Raises Refused, TooMany."""
        if self._guesses.locked(""):
            raise TooMany("too many wrong codes: no screen is paired for ten minutes")
        code = self.open(digits)
        if code is None:
            self._wrong()
            raise Refused("no screen shows this code now; codes change after ten minutes")
        name, settings = name.strip() or self.free_name(), self.line.settings
        if not NAME.fullmatch(name):
            raise Refused(f"a display's name is lower-case letters, digits, - and _: {name[:40]!r} is not")
        profile, channel = profile or suggested(code.width_px, code.height_px), channel or next(iter(settings.channels))
        if profile not in PROFILES:
            raise Refused(f"there is no profile {profile[:40]!r}; known are {', '.join(PROFILES)}")
        if channel not in settings.channels:
            raise Refused(f"there is no channel {channel[:40]!r}; known are {', '.join(settings.channels)}")
        if not self.line.screens.confirm(code.code, name, profile, channel):
            raise Refused("no screen shows this code any more")
        log.info("a screen was paired as %s", name)
        return name

    def free_name(self) -> str:
        """A name that no display has: screen, screen-2, ..."""
        taken, number = {display.name for display in self.line.everywhere()}, 1
        while (name := "screen" if number == 1 else f"screen-{number}") in taken:
            number += 1
        return name

    def unpair(self, name: str) -> None:
        """Forget a paired display. Raises Refused."""
        if not self.line.screens.unpair(name):
            fixed = name in {display.name for display in self.line.settings.displays}
            why = "stands in config.toml: remove it there" if fixed else "is no display that was paired"
            raise Refused(f"{name[:40]!r} {why}")

    def _wrong(self) -> None:
        if self._guesses.wrong(""):
            self.line.screens.withdraw()
            log.warning("%d wrong pairing codes within ten minutes: no screen is paired for ten more", MOST_GUESSES)


def bare(digits: str) -> str:
    """A code as it was typed or spoken, in its digits alone."""
    return re.sub(r"[\s-]", "", digits)


def suggested(width_px: int, height_px: int) -> str:
    """The profile that is most like a window of this size (CSS px); a Nest Hub's where nobody knows."""
    if not width_px or not height_px:
        return "nest-hub"
    if height_px > width_px:
        return "phone"
    lit = [profile for profile in PROFILES.values() if not profile.portrait and not profile.eink]
    return min(lit, key=lambda profile: abs(profile.width_px - width_px)).name


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()
