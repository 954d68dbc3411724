"""RSS 0.9x to 2.0, RDF, Atom and CDF by feedparser: always from bytes, and only ever in the parser's worker process."""

from __future__ import annotations

import io
import re
from typing import Any

import feedparser

from service.errors import SourceError

from .items import MOST_ITEMS, Document, Item
from .trim import trimmed

_LOOKS_LIKE_A_FEED = re.compile(rb"<\s*(?:[a-z]\w{0,20}:)?(?:rss|feed|rdf|channel|item|entry)\b", re.IGNORECASE)
_REFERENCE = re.compile(rb"&#(?:x([0-9a-f]+)|([0-9]+));?", re.IGNORECASE)
_BODY_KINDS = (
    (b"%PDF", "a PDF"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GIF8", "a picture"),
    (b"PK\x03\x04", "a zip file"),
)
_PERIODS_S = {"hourly": 3600, "daily": 86_400, "weekly": 604_800, "monthly": 2_592_000, "yearly": 31_536_000}


def read(body: bytes, charset: str = "") -> Document:
    """The document in an XML feed. Raises SourceError; feedparser's own failures pass through as they are."""
    _refuse_others(body)
    body, cut = trimmed(body, MOST_ITEMS)
    try:
        parsed = _parsed(body, charset)
    except (OverflowError, ValueError):  # as on a reference to no character, such as half of an emoji's pair
        parsed = _parsed(_REFERENCE.sub(_to_a_character, body), charset)
    if not parsed.entries and parsed.bozo:
        parsed = _parsed(_without_undeclared_prefix(body), charset)
    if not parsed.entries and not parsed.get("version"):
        raise SourceError(f"not a feed: {_short(parsed.get('bozo_exception'))}")
    feed = parsed.feed
    return Document(
        title=_text(feed.get("title")),
        language=_text(feed.get("language")),
        ttl_s=_ttl(feed),
        items=tuple(_item(entry) for entry in parsed.entries[:MOST_ITEMS])
        + (Item(),) * (cut + max(0, len(parsed.entries) - MOST_ITEMS)),
    )


def _parsed(body: bytes, charset: str) -> Any:
    headers = {"content-type": f"application/xml; charset={charset}"} if charset else {}
    # Sanitising costs three quarters of the time and leaves titles as they are; text is cleaned by us.
    return feedparser.parse(
        io.BytesIO(body), response_headers=headers, sanitize_html=False, resolve_relative_uris=False
    )


def _refuse_others(body: bytes) -> None:
    """Raise SourceError for what is plainly something else, before a parser spends time on it."""
    start = body[:2048].lstrip(b"\xef\xbb\xbf \t\r\n\0")
    if not start:
        raise SourceError("not a feed: the document is empty")
    if kind := next((kind for magic, kind in _BODY_KINDS if start.startswith(magic)), None):
        raise SourceError(f"not a feed: {kind}")
    if not _LOOKS_LIKE_A_FEED.search(body.replace(b"\0", b"")):  # UTF-16 and UTF-32 put zeros between the letters
        page = re.search(rb"<\s*(?:!doctype\s+html|html)\b", body, re.IGNORECASE)
        raise SourceError("not a feed: an HTML page" if page else "not a feed: no RSS, Atom or JSON Feed in it")


def _to_a_character(reference: re.Match[bytes]) -> bytes:
    """A numeric character reference, or nothing where there is no such character."""
    code = int(reference[1][-12:], 16) if reference[1] else int(reference[2][-12:])
    return reference[0] if code < 0xD800 or 0xE000 <= code < 0x110000 else b""


def _without_undeclared_prefix(body: bytes) -> bytes:
    """A document whose elements carry a prefix that it never declares (``<rss:item>``), without the prefix."""
    found = re.search(rb"<([a-z]\w{0,20}):(?:channel|item|entry)\b", body, re.IGNORECASE)
    if not found or b"xmlns:" + found[1] in body:
        return body
    prefix = re.escape(found[1])
    body = re.sub(rb"(</?)" + prefix + rb":", rb"\1", body)
    body = re.sub(rb"(\s)" + prefix + rb":(\w+=)", rb"\1\2", body)
    return re.sub(rb"\A(?:\s|<!--.*?-->)*<\?xml\?.*?\?>", b"", body, flags=re.DOTALL)


def _item(entry: Any) -> Item:
    content = next((_text(c.get("value")) for c in entry.get("content", []) if c.get("value")), "")
    return Item(
        guid=_text(entry.get("id")),
        title=_text(entry.get("title")),
        summary=_text(entry.get("summary")) or content,
        link=_text(entry.get("link")),
        date=next((_text(entry[key]) for key in ("published", "updated", "created") if entry.get(key)), ""),
        language=_text((entry.get("title_detail") or {}).get("language")),
        source=_text((entry.get("source") or {}).get("title")),
    )


def _ttl(feed: Any) -> float | None:
    """Seconds between visits that a feed asks for: RSS ``ttl`` (minutes) or the syndication module's period."""
    minutes = _text(feed.get("ttl")).strip()
    if minutes.isascii() and minutes.isdigit() and int(minutes[:9]):
        return float(minutes[:9]) * 60
    period = _PERIODS_S.get(_text(feed.get("sy_updateperiod")).strip().lower())
    times = _text(feed.get("sy_updatefrequency")).strip()
    count = int(times[:4]) if times.isascii() and times.isdigit() else 1
    return period / max(count, 1) if period else None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _short(error: object) -> str:
    return str(error).split("\n")[0][:80] if error else "no feed elements"
