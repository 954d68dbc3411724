"""An HTML page, for the feeds that it names. It runs in the parser's worker process: a page may be anything.

Feed autodiscovery: https://www.rssboard.org/rss-autodiscovery and WHATWG HTML, link type "alternate".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from html.parser import HTMLParser

from service.text import clean

LONGEST_PAGE = 2_000_000  #: bytes; a video site names its feed behind a megabyte of scripts
_MOST = 40  #: links of each kind
_TYPES = re.compile(r"(?:application|text)/(?:(?:x[.-])?(?:rss|atom|rdf)\+xml|feed\+json|(?:x-)?(?:rss|atom)|xml)")
_LOOKS_SO = re.compile(
    r"(?:^|/)(?:feeds?|rss|atom)(?:/|$|\?|\.(?:xml|json|php|aspx?)\b)|\.(?:rss|atom|rdf)(?:$|\?)|[?&]feed=(?:rss|atom)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Link:
    """A link to what may be a feed."""

    href: str  #: as the page writes it
    title: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """What a page says of feeds, as it says it."""

    base: str = ""  #: what its addresses are relative to; "": to the page
    declared: tuple[Link, ...] = ()  #: <link rel="alternate" type="application/rss+xml" …>
    likely: tuple[Link, ...] = ()  #: other links whose address looks like a feed's


def read(body: bytes, content_type: str = "") -> Page:
    """The feeds a page names, in its order. Whatever is wrong with the page, what came before it counts."""
    found = _Links()
    try:
        found.feed(_text(body[:LONGEST_PAGE], content_type))
    except MemoryError:
        raise
    except Exception:  # the parser has asserts of its own for what it cannot make sense of
        return found.page()
    return found.page()


def _text(body: bytes, content_type: str) -> str:
    declared = rb"charset\s*=\s*[\"']?\s*([\w.:-]{1,40})"
    name = re.search(declared, content_type.encode("ascii", "replace"), re.IGNORECASE) or re.search(
        declared, body[:4096], re.IGNORECASE
    )
    try:
        return body.decode(name[1].decode("ascii") if name else "utf-8-sig", "replace")
    except (LookupError, ValueError):  # a name of no encoding, or of one that is none of text
        return body.decode("utf-8", "replace")


class _Links(HTMLParser):
    """Collects a page's links while it is read."""

    def __init__(self) -> None:
        super().__init__()
        self.base = ""
        self.declared: list[Link] = []
        self.likely: list[Link] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("base", "link", "a"):
            return
        said = {name: value or "" for name, value in reversed(attrs)}  # of two alike, the first counts
        href = said.get("href", "").strip()
        if not href:
            return
        if tag == "base":
            self.base = self.base or href
        elif tag == "link" and _declares_a_feed(said):
            _keep(self.declared, href, said.get("title", ""))
        elif tag == "a" and _LOOKS_SO.search(href):
            _keep(self.likely, href, said.get("title", ""))

    def page(self) -> Page:
        return Page(self.base, tuple(self.declared), tuple(self.likely))


def _declares_a_feed(said: dict[str, str]) -> bool:
    rel, kind = said.get("rel", "").lower().split(), said.get("type", "").partition(";")[0].strip().lower()
    if "stylesheet" in rel:
        return False
    return "feed" in rel or ("alternate" in rel and bool(_TYPES.fullmatch(kind)))


def _keep(links: list[Link], href: str, title: str) -> None:
    if len(links) < _MOST and all(link.href != href for link in links):
        links.append(Link(href, clean(title, 120)))
