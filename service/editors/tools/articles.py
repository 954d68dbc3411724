"""A story's own page, read once and politely, as plain paragraphs. Nothing else on the web is ever read here.

The address is the story's, never one that a model said. A publisher's robots.txt (RFC 9309) is kept to, at the address
and where it redirects; private addresses are refused; the page is taken apart in a process that can be killed.
"""

from __future__ import annotations

import re
import threading
from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime

from service.addresses import target
from service.cache import Cache
from service.errors import SourceError
from service.model import Story
from service.net import USER_AGENT, Limits, Net

from ...walled import Broken, Walled
from ..quoting import quoted

MAX_CHARS = 4_000  #: of an article that a model is shown
LEAST_CHARS = 250  #: what is shorter is a notice, not an article
PAGE = Limits(total_s=15, connect_s=5, body_bytes=2_000_000)
ROBOTS = Limits(total_s=5, connect_s=5, body_bytes=512_000)  # RFC 9309 section 2.5: at least 500 KiB are read
DAYS = 7  #: for which a page, or why there is none, is remembered
_PARAGRAPH_CHARS = 1_000
_KEPT_BYTES = 2_000_000  #: some hundred articles
_ENTRY_BYTES = 1_000  #: that remembering an address takes at least, whatever was there
_KINDS = ("text/html", "application/xhtml+xml")
_TELLING = 5  #: letters of a word that says what a headline is about
_LEAST_TELLING = 3  #: such words that a headline must have before it can be held against a page


@dataclass(frozen=True, slots=True)
class Article:
    """What may be shown of a page."""

    text: str  #: quoted paragraphs, one a line, at most ``MAX_CHARS``
    dropped: int = 0  #: paragraphs that spoke to a machine
    names: tuple[str, ...] = ()  #: words that are names there, in lower case


@dataclass(frozen=True, slots=True)
class Page:
    """What came of a visit to a page: honest paragraphs, or why there are none."""

    paragraphs: tuple[str, ...] = ()
    dropped: int = 0
    why_not: str = ""


class Articles:
    """Reads articles, one at a time, and remembers them for some days in memory."""

    def __init__(self, net: Net, seconds: float = 10.0, memory_bytes: int = 250_000_000) -> None:
        """``seconds`` and ``memory_bytes`` are what taking one page apart may cost; connects to nothing."""
        self._net, self._turn = net, threading.Lock()
        self._reader = Walled("service.editors.tools.worker", seconds, memory_bytes)
        self._kept, self._rules = Cache(_KEPT_BYTES), Cache(_KEPT_BYTES)

    def read(self, story: Story, now: datetime) -> Article:
        """The story's article. Raises SourceError, which says why there is nothing to read."""
        if not story.link:
            raise SourceError("the story has no link")
        week = now.toordinal() // DAYS
        page = self._kept.get(
            (story.link, week), lambda: self._visited(story.link, week),
            lambda page: _ENTRY_BYTES + sum(map(len, page.paragraphs)),
        )  # fmt: skip
        if page.why_not:
            raise SourceError(page.why_not)
        return fit(page, story)

    def _visited(self, link: str, week: int) -> Page:
        with self._turn:
            try:
                return self._page(link, week)
            except SourceError as error:
                return Page(why_not=str(error))
            except Broken as broken:
                return Page(why_not=f"not readable ({broken})")
            finally:
                self._reader.close()  # articles are rare: it costs 0.2 s to start again and 40 MB to keep

    def _page(self, link: str, week: int) -> Page:
        self._ask_leave(link, week)
        page = self._net.get(link, headers={"Accept": ", ".join(_KINDS)}, limits=PAGE)
        if target(page.url).origin != target(link).origin:
            self._ask_leave(page.url, week)
        kind = page.headers.get("content-type", "")
        if kind.split(";")[0].strip().lower() not in _KINDS:
            raise SourceError(f"not a page to read ({quoted(kind, 60) or 'its kind is not said'})")
        request = {"content_type": kind, "chars": 2 * MAX_CHARS}  # some may be dropped
        told = self._reader.ask(request, page.body)
        if told["order"]:  # from one paragraph to the next
            raise SourceError(f"the article speaks to a machine: {told['order']}")
        return Page(tuple(told["paragraphs"]), told["dropped"])

    def _ask_leave(self, url: str, week: int) -> None:
        """Raise SourceError where the host's robots.txt keeps us from the address, or cannot be had (section 2.3.1)."""
        where = replace(target(url), path="/robots.txt", userinfo="").url
        rules = self._rules.get((where, week), lambda: self._rules_at(where), lambda body: _ENTRY_BYTES + len(body))
        if rules and not self._reader.ask({"agent": USER_AGENT, "url": url}, rules)["may"]:
            raise SourceError("its robots.txt asks us not to read it")

    def _rules_at(self, where: str) -> bytes:
        try:
            return self._net.get(where, limits=ROBOTS).body
        except SourceError as error:
            if 400 <= (error.status or 0) < 500:
                return b""
            raise


def fit(page: Page, story: Story) -> Article:
    """What may be shown of a page. Raises SourceError where that is no article, or not this story's."""
    lines = filter(None, (quoted(paragraph, _PARAGRAPH_CHARS) for paragraph in page.paragraphs))
    text = "\n".join(lines)[:MAX_CHARS]
    if len(text) < LEAST_CHARS:
        raise SourceError("nothing readable there: a paywall, a consent page, or no article")
    if _of_something_else(text, story):
        raise SourceError("the page is about something else: a paywall or a consent page")
    return Article(text, page.dropped, _names(text))


def _of_something_else(text: str, story: Story) -> bool:
    """Whether hardly one of the headline's telling words is there, by their beginnings: inflection changes the end."""
    told = f"{story.title} {story.summary}".lower()
    stems = {word[:_TELLING] for word in re.findall(rf"[^\W\d_]{{{_TELLING},}}", told)}
    spaced = len(story.title.split()) >= _LEAST_TELLING  # else a script without spaces between its words
    shared = sum(stem in text.lower() for stem in stems)
    return spaced and len(stems) >= _LEAST_TELLING and shared < max(1, len(stems) // 4)


def _names(text: str) -> tuple[str, ...]:
    """Words that stand twice or more inside sentences with a capital and never without: names, as a rule."""
    inside = Counter(re.findall(r"(?<=[^\W\d_,;] )[A-ZÀ-Þ][^\W\d_]{3,}", text))
    plain = set(re.findall(r"\b[^\W\d_A-ZÀ-Þ][^\W\d_]{3,}", text))
    return tuple(word.lower() for word, times in inside.items() if times > 1 and word.lower() not in plain)
