"""From what a document says of an item to a story: names, dates, links and text that can be relied on."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import urljoin, urlsplit

from service.model import Story
from service.protocols import Fetched
from service.text import first_sentence, headline, language, plain

from .names import publication

LONGEST = 5_000_000  #: bytes of a document, unzipped
MOST_ITEMS = 500  #: of one document; the first ones, which are the newest as a rule
_LONGEST_LINK = 2000  # characters; a QR code holds about 2,900
_FUTURE, _FIRST = timedelta(hours=1), datetime(1995, 1, 1, tzinfo=UTC)  # no feed is older than that
_ANCIENT = re.compile(r"(?<![-+:\d])00\d\d\b(?!:)")  # a year that e-mail's rules would move to our days; no zone

# Names of zones that appear in feeds, in hours from UTC; Python's mail parser knows only the North American ones and
# takes the others for UTC. IST is India's here: Ireland and Israel use it too, but write fewer RFC 822 dates.
_ZONES = {
    "WET": 0, "WEST": 1, "BST": 1, "CET": 1, "MEZ": 1, "CEST": 2, "MESZ": 2, "EET": 2, "SAST": 2, "EEST": 3, "MSK": 3,
    "TRT": 3, "GST": 4, "PKT": 5, "IST": 5.5, "NPT": 5.75, "WIB": 7, "ICT": 7, "HKT": 8, "SGT": 8, "AWST": 8, "JST": 9,
    "KST": 9, "AEST": 10, "AEDT": 11, "NZST": 12, "NZDT": 13, "BRT": -3, "ART": -3, "AKST": -9, "AKDT": -8, "HST": -10,
}  # fmt: skip
_ZONE = re.compile(r"\s([A-Z]{3,4})$")
_NO_TITLE = frozenset({"null", "undefined", "none", "nan", "[object object]", "untitled", "no title", "(no title)"})
# What a server writes where a headline should be.
_NOTICE = re.compile(
    r"(?:we|this (?:web)?site|wir|diese (?:web)?seite|nous|ce site|este sitio|usamos|utilizamos|questo sito|wij)\b"
    r".{0,30}\bcookies\b|"
    r"cookie (?:policy|notice|settings|consent)$|(?:please )?enable javascript|(?:403 |404 )?(?:forbidden|not found)$|"
    r"(?:access denied|page not found|service unavailable|just a moment)\W*$",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Item:
    """What a document says of one item, as it says it."""

    guid: str = ""
    title: str = ""
    summary: str = ""
    link: str = ""
    date: str = ""
    language: str = ""
    source: str = ""  #: of an item passed on from elsewhere


@dataclass(frozen=True, slots=True)
class Document:
    """What a document says, as it says it."""

    title: str = ""
    language: str = ""
    ttl_s: float | None = None
    items: tuple[Item, ...] = ()


@dataclass(frozen=True, slots=True)
class Origin:
    """Where and when a document was read, and for whom."""

    url: str
    now: datetime
    usual: Sequence[str] = ()  #: languages its reader usually reads


def fetched(document: Document, origin: Origin) -> Fetched:
    """The stories of a document. An item without a usable title, or told twice, is dropped and counted."""
    items = document.items[:MOST_ITEMS]
    uses = Counter(map(_key, items))
    sample = " ".join(plain(f"{item.title} {item.summary[:2000]}", 200) for item in items[:12])
    foremost = language(sample, document.language)
    origin = replace(origin, usual=(*([foremost] if foremost != "und" else []), *origin.usual))
    stories: dict[str, Story] = {}
    for item in items:
        told = _story(item, document, origin, alone=uses[_key(item)] == 1)
        if told:
            stories.setdefault(told.id, told)
    return Fetched(
        stories=tuple(stories.values()),
        title=publication(document.title, origin.url),
        check_after=document.ttl_s,
        dropped=len(document.items) - len(stories),
    )


def _story(item: Item, document: Document, origin: Origin, *, alone: bool) -> Story | None:
    source = publication(item.source or document.title, origin.url if not item.source else "")
    title = headline(item.title, source) or headline(first_sentence(item.summary))  # microblogs have no titles
    if not _says_something(title, source):
        return None
    summary, link = plain(item.summary), absolute(item.link, origin.url)
    key = _key(item)
    return Story(
        id=story_id(origin.url, key if key and alone else f"{key}\n{title}\n{'' if key else item.date}"),
        feed=origin.url,
        source=source,
        title=title,
        summary="" if summary == title else summary,
        link=link,
        language=language(f"{title} {summary[:200]}", item.language or document.language, origin.usual),
        published=published(item.date, origin.now),
    )


def _key(item: Item) -> str:
    """What tells an item from the others of its feed, mostly: some feeds give all the same guid, or the same link."""
    return item.guid.strip() or item.link.strip()


def story_id(feed: str, key: str) -> str:
    """A story's name: 64 hex digits, whatever characters its feed calls it by."""
    return hashlib.sha256(f"{feed}\n{key}".encode("utf-8", "replace")).hexdigest()


def _says_something(title: str, source: str) -> bool:
    folded = title.casefold()
    empty = folded in _NO_TITLE or folded == source.casefold() or _NOTICE.match(title)
    return any(map(str.isalnum, title)) and not empty


def absolute(link: str, base: str) -> str:
    """An absolute http(s) address that can be followed and printed as a QR code, or ""."""
    try:
        joined = urljoin(base, link.strip())
        parts = urlsplit(joined)
        sound = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        return ""
    return joined if link.strip() and sound and joined.isprintable() and len(joined) <= _LONGEST_LINK else ""


def published(date: str, now: datetime) -> datetime:
    """When an item was published, in UTC; ``now`` where its date is missing, cannot be read or cannot be true."""
    when = None if _ANCIENT.search(date) else _rfc822(date.strip()) or _iso8601(date.strip())
    if when is None or not _FIRST < when < now + _FUTURE:
        return now
    return min(when, now)


def _rfc822(date: str) -> datetime | None:
    zone = _ZONE.search(date)
    hours = _ZONES.get(zone[1]) if zone else None
    try:
        when = parsedate_to_datetime(_ZONE.sub(" +0000", date) if hours is not None else date)
        return _in_utc(when) - timedelta(hours=hours or 0)
    except (ValueError, OverflowError, TypeError, IndexError):
        return None


def _iso8601(date: str) -> datetime | None:
    try:
        return _in_utc(datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", date)))
    except (ValueError, OverflowError):
        return None


def _in_utc(when: datetime) -> datetime:
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).astimezone(UTC)
