"""The feeds of every channel in one numbered list, and how a person's words pick from it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any

import typer

from service.addresses import masked, target
from service.assembly import Service
from service.errors import SourceError
from service.sources.discovery import addressed
from service.store import FeedRow

from .asked import UsageError, channel_named

OnChannel = Annotated[str | None, typer.Option("--channel", help="Only this channel. [default: all]")]
_LATELY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Entry:
    """A feed on a channel."""

    number: int  #: from 1, in the order of the list
    channel: str
    url: str  #: its address, or the name of a [sources.NAME] table
    title: str
    added_at: datetime | None  #: None: it stands in config.toml
    row: FeedRow
    lately: int  #: stories that came within a day

    @property
    def account(self) -> bool:
        return "://" not in self.url

    @property
    def state(self) -> str:
        """How it is, in words."""
        if self.row.gone:
            return f"{self.row.error}; it is gone for good, and not visited again"
        return self.row.error or ("ok" if self.row.checked_at else "not visited yet")

    def table(self) -> dict[str, Any]:
        """The entry as a program reads it."""
        row = self.row
        return {
            "number": self.number, "channel": self.channel, "feed": self.title, "address": masked(self.url),
            "from": "added" if self.added_at else "config", "added_at": _iso(self.added_at),
            "checked_at": _iso(row.checked_at), "next_check_at": None if row.gone else _iso(row.next_check),
            "failures": row.failures, "error": row.error, "gone": row.gone, "stories_last_day": self.lately,
        }  # fmt: skip


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def listed(service: Service, only: str | None = None) -> list[Entry]:
    """The feeds of every channel: the config's, then those added, as a round visits them.

    ``only``: a channel; numbers stay those of the whole list. Raises ConfigError where there is none, DataFolderError.
    """
    wanted = channel_named(service.settings, only) if only else None
    return [entry for entry in _all(service) if wanted in (None, entry.channel)]


def _all(service: Service) -> list[Entry]:
    found: list[Entry] = []
    for name, channel in service.settings.channels.items():
        added = {s.url: s for s in service.wishes.subscriptions(name) if s.url not in channel.feeds}
        urls = (*channel.feeds, *added)
        for row in service.archive.feeds(urls):
            sub = added.get(row.url)
            title = row.title or (sub.title if sub else "") or masked(row.url)
            lately = service.archive.arrivals(row.url, service.store.now() - _LATELY)
            found.append(Entry(len(found) + 1, name, row.url, title, sub.added_at if sub else None, row, lately))
    return found


def same(one: str, other: str) -> bool:
    """Whether two addresses lead to the same place, however they are written."""
    return one == other or canonical(one) == canonical(other)


def canonical(url: str) -> str:
    """An address in one spelling; what is none stays as it is."""
    try:
        return target(url).url
    except SourceError:
        return url


def typed(given: str) -> str:
    """What a person typed as an address, without a password in it."""
    return masked(given) if "://" in given else re.sub(r"^[^/]*@", "***@", masked(given))


def picked(known: Sequence[Entry], words: str) -> list[Entry]:
    """The entries that a number, an address or a title means: one, or the same feed on several channels.

    Raises UsageError where there is none, or where a title could be several feeds'.
    """
    if words.isascii() and words.isdigit():
        found = [entry for entry in known if entry.number == int(words[:9])]
    else:
        found = _by_address(known, words) or _by_title(known, words)
    if not found:
        raise UsageError(f"there is no feed {words!r} here; `frontispiece feeds` lists them with their numbers")
    if len({entry.url for entry in found}) > 1:
        several = ", ".join(f"{entry.number} ({entry.title})" for entry in found[:8])
        raise UsageError(f"{words!r} could be {several}: say its number")
    return found


def _by_address(known: Sequence[Entry], words: str) -> list[Entry]:
    wanted = canonical(addressed(words))
    return [e for e in known if words in (e.url, masked(e.url)) or (not e.account and canonical(e.url) == wanted)]


def _by_title(known: Sequence[Entry], words: str) -> list[Entry]:
    folded = words.casefold().strip()
    exact = [entry for entry in known if entry.title.casefold() == folded]
    return exact or [entry for entry in known if folded and folded in entry.title.casefold()]
