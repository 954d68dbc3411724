"""Our live page on a Cast device: the mark that it was sent there with, and what it has said since."""

from __future__ import annotations

import math
import secrets
import time
from dataclasses import dataclass, replace
from urllib.parse import parse_qs

AGAIN_SECONDS = 6 * 3600.0  #: from a page that did not come up, or died, until the next attempt


@dataclass(frozen=True, slots=True)
class Page:
    """A page that was opened. It asks every few seconds what should hang, and says what does."""

    via: str = ""  #: the mark in its address; "": none is open
    heard_at: float = -math.inf  #: of the monotonic clock
    hangs: str = ""  #: "v=<plate>", once it has drawn one
    not_before: float = -math.inf  #: no page is to be opened until then

    @property
    def heard(self) -> bool:
        return self.heard_at > -math.inf


def mode(page: Page, *, live: bool) -> str | None:
    """What our app on the device is: "page", once it has asked, or "stills"."""
    return ("page" if page.heard else None) if live else "stills"


def opened() -> Page:
    """A new page, with a mark that no other has: what an older one asks proves nothing."""
    return Page(secrets.token_hex(8))


def resumed(via: str) -> Page:
    """The page that the last process opened; it is given time to ask again."""
    return Page(via, time.monotonic() if via else -math.inf)


def failed() -> Page:
    """No page: stills for some hours."""
    return Page(not_before=time.monotonic() + AGAIN_SECONDS)


def asked(page: Page, query: str) -> Page:
    """The page after a question, if it was its own."""
    words = parse_qs(query)
    if not page.via or words.get("via") != [page.via]:
        return page
    hangs = f"v={words['v'][0]}" if words.get("v") else page.hangs
    return replace(page, heard_at=time.monotonic(), hangs=hangs)
