"""A feed on the web: RSS, Atom, RDF or JSON Feed, visited with conditional requests."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import replace

from service.addresses import without_login
from service.clock import Clock
from service.errors import SourceError
from service.net import Net, Response
from service.protocols import Bookmark, Fetched

from .manners import asked_to_wait
from .parse import Parser

_ACCEPT = (
    "application/atom+xml, application/rss+xml, application/feed+json, application/rdf+xml;q=0.9, "
    "application/xml;q=0.8, text/xml;q=0.8, application/json;q=0.7, */*;q=0.5"
)
_SENDABLE = re.compile(r"[\t\x20-\x7e\x80-\xff]{1,1000}")  # a field value of RFC 9110, within reason


class Feed:
    """A feed as a ``Source``."""

    def __init__(
        self, url: str, net: Net, parser: Parser, clock: Clock, *, at: str | None = None, languages: Sequence[str] = ()
    ) -> None:
        """``url``: the address that its stories belong to, also while it is ``at`` another one.

        ``languages``: what its reader usually reads, for stories that do not say their own.
        """
        self.url, self._at = url, at or url
        self._net, self._parser, self._clock, self._languages = net, parser, clock, tuple(languages)

    def fetch(self, bookmark: Bookmark) -> Fetched:
        """Visit once. Raises SourceError; then the bookmark stays as it is, and nothing was moved."""
        response = self._net.get(self._at, headers={"Accept": _ACCEPT, **_conditions(bookmark)})
        wait = asked_to_wait(response.headers, self._clock())
        if response.status == 304:
            return _unchanged(_kept(bookmark, response), response, wait)
        fresh = _bookmark(response)
        if fresh.body_sha256 == bookmark.body_sha256:
            return _unchanged(replace(fresh, stay_away=bookmark.stay_away), response, wait)
        found = self._parser.parse(
            response.body,
            without_login(self.url),  # links are completed with it, and hang on the wall
            response.headers.get("content-type", ""),
            now=self._clock(),
            usual=self._languages,
        )
        return replace(
            found,
            stories=tuple(replace(story, feed=self.url) for story in found.stories),
            bookmark=replace(fresh, stay_away=found.check_after),
            check_after=_longer(found.check_after, wait),
            moved_to=response.moved_to,
        )


def _conditions(bookmark: Bookmark) -> dict[str, str]:
    """The headers of a conditional request (RFC 9110 section 13). Validators are opaque bytes."""
    given = {"If-None-Match": bookmark.etag, "If-Modified-Since": bookmark.last_modified}
    return {name: value for name, value in given.items() if value}


def _unchanged(bookmark: Bookmark, response: Response, wait: float | None) -> Fetched:
    wait = _longer(bookmark.stay_away, wait)
    return Fetched(bookmark=bookmark, not_modified=True, check_after=wait, moved_to=response.moved_to)


def _kept(bookmark: Bookmark, response: Response) -> Bookmark:
    """The bookmark after an answer of 304."""
    if not _conditions(bookmark):
        raise SourceError('answered "not modified" to a plain request (HTTP 304)', status=304)
    return replace(bookmark, last_modified=_sendable(response, "last-modified") or bookmark.last_modified)


def _bookmark(response: Response) -> Bookmark:
    """The bookmark after a body. One that lacks its end is asked for again in full: its validators would hide that."""
    body_sha256 = hashlib.sha256(response.body).hexdigest()
    if not response.whole:
        return Bookmark(body_sha256=body_sha256)
    return Bookmark(_sendable(response, "etag"), _sendable(response, "last-modified"), body_sha256)


def _longer(*waits: float | None) -> float | None:
    return max((wait for wait in waits if wait is not None), default=None)


def _sendable(response: Response, name: str) -> str | None:
    value = response.headers.get(name, "")
    return value if _SENDABLE.fullmatch(value) else None
