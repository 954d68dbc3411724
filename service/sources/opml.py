"""Lists of feeds as other readers write and read them: OPML 1.0 and 2.0 (http://opml.org/spec2.opml).

A list comes from a stranger. No entity is ever declared or followed, so that none can grow or lead to a file; expat
reads what is left in time that grows with its length alone.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from itertools import groupby
from xml.parsers import expat
from xml.sax.saxutils import quoteattr

from service.errors import SourceError
from service.text import clean

MOST_BYTES = 5_000_000
MOST_FEEDS = 10_000
_DEEPEST = 16  #: groups within groups that are remembered
_FEED_TYPES = frozenset({"", "rss", "rss1", "rss2", "atom", "rdf", "feed", "jsonfeed", "application/rss+xml"})
_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_DECLARED = re.compile(rb"""\A\s*<\?xml[^>]{0,200}?encoding\s*=\s*["']([\w.:-]{1,40})["']""")
_TEXT = re.compile(  # what a byte order mark speaks for is left out, and codecs that take the square of a length
    r"utf-?8|(?:us-)?ascii|iso[-_]?8859-\d+|latin-?\d|windows-\d+|cp\d+|koi8-[ru]|gbk?\d*|big5|shift_jis|euc-\w+",
    re.IGNORECASE,
)
_HEAD = re.compile(r"\A\s*<\?xml[^>]*\?>")
_BARE_AMPERSAND = re.compile(r"&(?!(?:amp|lt|gt|quot|apos|#\d{1,7}|#x[0-9a-fA-F]{1,6});)")
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Outline:
    """A feed in a list."""

    url: str  #: as it stands there
    title: str = ""
    groups: tuple[str, ...] = ()  #: the outlines it stands in, outermost first


def read(data: bytes) -> list[Outline]:
    """The feeds of a list, in its order, each as often as it stands there. Raises SourceError."""
    if len(data) > MOST_BYTES:
        raise SourceError(f"too large for a list of feeds (over {MOST_BYTES / 1e6:g} MB)")
    text = _NOT_XML.sub("", _HEAD.sub("", _text(data), count=1))
    if not text.strip():
        raise SourceError("not OPML: it is empty")
    if "<!ENTITY" in text:
        raise SourceError("refused: it declares entities, which no list of feeds needs")
    try:
        return _Reading().outlines(_BARE_AMPERSAND.sub("&amp;", text))
    except expat.ExpatError as error:
        line = f"line {error.lineno}: {expat.errors.messages[error.code]}"
        raise SourceError(f"not OPML: not well-formed XML ({line})") from error


def _text(data: bytes) -> str:
    """The document as text: by its byte order mark, by what it declares, else as UTF-8."""
    for bom, name in _BOMS:
        if data.startswith(bom):
            return data[len(bom) :].decode(name, "replace")
    found = _DECLARED.match(data)
    name = found[1].decode("ascii", "replace") if found else ""
    try:
        return data.decode(name if _TEXT.fullmatch(name) else "utf-8", "replace")
    except LookupError:
        return data.decode("utf-8", "replace")


class _Reading:
    """One pass over a list."""

    def __init__(self) -> None:
        self._found: list[Outline] = []
        self._open: list[str] = []  #: titles of the outlines around
        self._root = ""

    def outlines(self, text: str) -> list[Outline]:
        parser = expat.ParserCreate("utf-8")
        parser.StartElementHandler, parser.EndElementHandler = self._starts, self._ends
        parser.Parse(text.encode("utf-8", "replace"), True)
        if self._root != "opml":
            raise SourceError(f"not OPML: its outermost element is <{clean(self._root, 40)}>")
        if len(self._found) > MOST_FEEDS:
            raise SourceError(f"too many feeds (over {MOST_FEEDS:,})")
        return self._found

    def _starts(self, tag: str, attributes: dict[str, str]) -> None:
        tag = tag.rpartition(":")[2].lower()
        self._root = self._root or tag
        if tag != "outline":
            return
        said = {name.lower(): value.strip() for name, value in attributes.items()}
        title = clean(said.get("title") or said.get("text", ""), 120)
        url = said.get("xmlurl") or (said.get("url", "") if said.get("type", "").lower() in _FEED_TYPES else "")
        if url and len(self._found) <= MOST_FEEDS:
            self._found.append(Outline(url, title, tuple(self._open[:_DEEPEST])))
        self._open.append(title)

    def _ends(self, tag: str) -> None:
        if tag.rpartition(":")[2].lower() == "outline":
            self._open.pop()


def write(feeds: Iterable[Outline], made: datetime) -> str:
    """A list in OPML 2.0; feeds that follow each other in the same outermost group share its outline."""
    body: list[str] = []
    for group, members in groupby(feeds, lambda feed: feed.groups[:1]):
        lines = [_line(feed) for feed in members]
        if group:
            body += [f"    <outline text={_quoted(group[0])}>", *(f"  {line}" for line in lines), "    </outline>"]
        else:
            body += lines
    head = ["    <title>Feeds of Frontispiece</title>", f"    <dateCreated>{format_datetime(made)}</dateCreated>"]
    return "\n".join(
        ['<?xml version="1.0" encoding="UTF-8"?>', '<opml version="2.0">', "  <head>", *head, "  </head>",
         "  <body>", *body, "  </body>", "</opml>", ""]
    )  # fmt: skip


def _line(feed: Outline) -> str:
    title = _quoted(feed.title or feed.url)
    return f'    <outline type="rss" text={title} title={title} xmlUrl={_quoted(feed.url)}/>'


def _quoted(value: str) -> str:
    return quoteattr(_NOT_XML.sub("", value))
