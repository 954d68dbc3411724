"""A feed on the web: RSS, Atom, RDF or JSON Feed, visited with conditional requests."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import replace

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

    def __init__(self, url: str, net: Net, parser: Parser, clock: Clock, *, languages: Sequence[str] = ()) -> None:
        """``languages``: what its reader usually reads, for stories that do not say their own."""
        self.url = url
        self._net, self._parser, self._clock, self._languages = net, parser, clock, tuple(languages)

    def fetch(self, bookmark: Bookmark) -> Fetched:
        """Visit once. Raises SourceError; then the bookmark stays as it is, and nothing was moved."""
        response = self._net.get(self.url, headers={"Accept": _ACCEPT, **_conditions(bookmark)})
        wait = asked_to_wait(response.headers, self._clock())
        if response.status == 304:
            return _unchanged(bookmark, response, wait)
        body_sha256 = hashlib.sha256(response.body).hexdigest()
        fresh = _bookmark(response, body_sha256)
        if body_sha256 == bookmark.body_sha256:
            return Fetched(bookmark=fresh, not_modified=True, check_after=wait, moved_to=response.moved_to)
        found = self._parser.parse(
            response.body,
            self.url,
            response.headers.get("content-type", ""),
            now=self._clock(),
            usual=self._languages,
        )
        hints = [hint for hint in (found.check_after, wait) if hint is not None]
        return replace(found, bookmark=fresh, check_after=max(hints, default=None), moved_to=response.moved_to)


def _conditions(bookmark: Bookmark) -> dict[str, str]:
    """The headers of a conditional request (RFC 9110 section 13). Validators are opaque bytes."""
    given = {"If-None-Match": bookmark.etag, "If-Modified-Since": bookmark.last_modified}
    return {name: value for name, value in given.items() if value}


def _unchanged(bookmark: Bookmark, response: Response, wait: float | None) -> Fetched:
    if not _conditions(bookmark):
        raise SourceError('answered "not modified" to a plain request (HTTP 304)')
    kept = replace(bookmark, last_modified=_sendable(response, "last-modified") or bookmark.last_modified)
    return Fetched(bookmark=kept, not_modified=True, check_after=wait, moved_to=response.moved_to)


def _bookmark(response: Response, body_sha256: str) -> Bookmark:
    return Bookmark(_sendable(response, "etag"), _sendable(response, "last-modified"), body_sha256)


def _sendable(response: Response, name: str) -> str | None:
    value = response.headers.get(name, "")
    return value if _SENDABLE.fullmatch(value) else None
