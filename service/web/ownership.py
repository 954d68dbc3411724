"""Who asks: the owner by token or login, a display by its key, or anybody. Pure but for the count of wrong tokens."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import ipaddress
import logging
import re
import socket
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from service.clock import Clock
from service.guesses import Guesses

log = logging.getLogger(__name__)

OWNER, DISPLAY, PAIRING = "frontispiece_owner", "frontispiece_display", "frontispiece_pairing"  # cookies
LOGIN = timedelta(days=90)
WRONG, WITHIN = 30, timedelta(minutes=10)  # wrong tokens from one address, until none is answered any more
_LABEL = re.compile(r"(?!local$)[a-z0-9_](?:[a-z0-9_-]*[a-z0-9])?")  # a name without a dot
HOST = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^:\[\]]+)(?::\d{1,5})?")


@dataclass(frozen=True)
class Ownership:
    """The owner's token ("" opens nothing), whether looking needs it too, and what this machine is called."""

    token: Callable[[], str]
    clock: Clock
    login: bool = False
    hosts: Collection[str] = ()
    guesses: Guesses = field(init=False)
    names: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "guesses", Guesses(WRONG, WITHIN, self.clock))
        here = socket.gethostname().lower()
        named = {"localhost", here, here.partition(".")[0], *(host.lower() for host in self.hosts)}
        object.__setattr__(self, "names", frozenset(named - {""}))

    # -- the token ----------------------------------------------------------------------------

    def opens(self, given: str) -> bool:
        """Whether this is the owner's token, however its groups were typed."""
        token = _bare(self.token())
        return bool(token) and hmac.compare_digest(token, _bare(given))

    def wrong(self, who: str) -> bool:
        """Count a wrong token from an address; True where that has given too many."""
        if self.guesses.wrong(who):
            log.warning("%d wrong tokens from %s within ten minutes", WRONG, who)
        return self.guesses.locked(who)

    def session(self) -> str:
        """What a browser keeps after a login: an end, and a seal that a new token breaks."""
        until = str(int((self.clock() + LOGIN).timestamp()))
        return f"{until}.{self._seal(until)}"

    def is_session(self, kept: str) -> bool:
        until, _, seal = kept.partition(".")
        if not (until.isascii() and until.isdigit() and len(until) < 12) or not self.token():
            return False
        sealed = hmac.compare_digest(self._seal(until).encode(), seal.encode(errors="replace"))
        return sealed and datetime.fromtimestamp(int(until), self.clock().tzinfo) > self.clock()

    def _seal(self, until: str) -> str:
        return hmac.new(self.token().encode(), f"login until {until}".encode(), hashlib.sha256).hexdigest()

    # -- where from -----------------------------------------------------------------------------

    def is_here(self, host: str) -> bool:
        """Whether a Host header names this machine. A foreign name that leads here is how a page elsewhere gets in.

        A name without a dot ("nas") means something at home only: nobody elsewhere can own one.
        """
        found = HOST.fullmatch(host.lower())
        name = found[1].rstrip(".") if found else ""
        at_home = _LABEL.fullmatch(name) is not None or name.endswith((".local", ".localhost"))
        return at_home or name in self.names or _is_address(name)

    def is_ours(self, headers: Mapping[str, str]) -> bool:
        """Whether a request comes from a page of ours, or from no page at all (Fetch Metadata; RFC 6454 §7)."""
        if headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
            return False
        origin = headers.get("origin")
        if origin is None:
            return True
        place = urlsplit(origin).netloc.lower()
        return bool(place) and place == headers.get("host", "").lower()


def given(headers: Mapping[str, str]) -> str | None:
    """The token that comes with a request: as a bearer's (RFC 6750), or as a password (RFC 7617); None: none does."""
    scheme, _, value = headers.get("authorization", "").partition(" ")
    match scheme.lower():
        case "bearer":
            return value.strip()
        case "basic":
            try:
                return base64.b64decode(value, validate=True).decode().partition(":")[2]
            except (binascii.Error, ValueError):
                return ""
    return None


def _bare(token: str) -> bytes:
    return re.sub(r"[\s-]", "", token).lower().encode(errors="replace")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True
