"""From the address of a site to its feed: the one its page names, else one where sites usually keep theirs.

Whatever is found has been fetched and parsed as a round would. Requests go out one at a time, and their number and
time are bounded.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urljoin

from service.addresses import Target, allowed_at_home, masked, redirected, target
from service.clock import Clock
from service.errors import SourceError
from service.net import Limits, Net, Response
from service.protocols import Fetched
from service.wire import Deadline

from .documents.page import Page
from .parse import Parser

MOST_VISITS = 5  #: to what a page names
SECONDS = 60.0  #: for everything together
USUAL_PATHS = ("/feed", "/rss.xml", "/atom.xml", "/feed.xml", "/index.xml", "/feed.json", "/rss")

_ACCEPT = (
    "application/atom+xml, application/rss+xml, application/feed+json, application/rdf+xml;q=0.9, "
    "application/xml;q=0.8, text/xml;q=0.8, text/html;q=0.8, application/xhtml+xml;q=0.8, */*;q=0.5"
)
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:(?!\d)", re.IGNORECASE)  # "localhost:8080" has none
_ANSWERED = re.compile(r"\bHTTP \d{3}\b")  # net names the status wherever a server gave one
_PAGE = re.compile(rb"<!doctype\s+html|<html[\s>]", re.IGNORECASE)
_FEED = re.compile(rb"<(?:rss|feed|(?:[a-z]+:)?rdf)[\s>]", re.IGNORECASE)
_COMMENTS = re.compile(
    r"/comments?(?:/|$|\.|\?|-feed)|[?&]feed=comments|\bcomments\b|\bkommentare?\b|\bkommentar-feed\b|\bcommentaires\b|"
    r"\bcomentarios\b|\bcomentários\b|\bcommenti\b|\breacties\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """An address that may be a feed's, and what the page calls it."""

    url: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class Discovery:
    """A feed that was found, what one visit to it brought, and what else the page names (not visited)."""

    url: str
    fetched: Fetched
    others: tuple[Candidate, ...] = ()


class Finder:
    """Finds feeds on the web."""

    def __init__(
        self, net: Net, parser: Parser, clock: Clock, *, home: Iterable[str] = (), languages: Sequence[str] = ()
    ) -> None:
        """``home``: the owner's list of private hosts; ``languages``: what the feed's reader usually reads."""
        self._net, self._parser, self._clock, self._languages = net, parser, clock, tuple(languages)
        self._home = frozenset(entry.strip().lower() for entry in home)

    def find(self, given: str) -> Discovery:
        """The feed at an address, or of the site there. Raises SourceError with what was tried."""
        where, deadline = target(addressed(given)), Deadline(SECONDS)
        try:
            answer = self._get(where.url, deadline)
        except SourceError as error:
            if where.path != "/" or not _ANSWERED.search(str(error)):
                raise
            found = self._usual(where, deadline)  # many a site shuts its front page to all but browsers
            if not found:
                raise
            return found
        try:
            return Discovery(answer.moved_to or where.url, self._feed(answer))
        except SourceError as error:
            return self._named(answer, error, deadline)

    def _named(self, answer: Response, error: SourceError, deadline: Deadline) -> Discovery:
        """The feed of a page that is none itself; ``error`` says why it is none."""
        here, page = target(answer.url), self._page(answer)
        declared, comments = _parted(self._candidates(page, here))
        if not declared and not _is_page(answer):
            raise error
        for at, candidate in enumerate(declared[:MOST_VISITS]):
            if found := self._tried(candidate, deadline):
                return replace(found, others=tuple(declared[at + 1 :]))
        if found := self._usual(here, deadline):
            return found
        named = "none of those it names can be read" if declared else "it names no feed"
        only = f"; for its readers' comments there is {masked(comments[0].url)}" if comments else ""
        raise SourceError(f"a web page: {named}, and there is none where sites usually keep theirs{only}")

    def _usual(self, here: Target, deadline: Deadline) -> Discovery | None:
        return next((found for each in _usual(here) if (found := self._tried(each, deadline))), None)

    def _tried(self, candidate: Candidate, deadline: Deadline) -> Discovery | None:
        """A visit to what may be a feed."""
        try:
            answer = self._get(candidate.url, deadline)
            return Discovery(answer.moved_to or candidate.url, self._feed(answer))
        except SourceError:
            return None

    def _get(self, url: str, deadline: Deadline) -> Response:
        limits = Limits()
        try:
            limits = Limits(total_s=min(limits.total_s, deadline.left()))
        except TimeoutError:
            raise SourceError(f"no feed found within {deadline.seconds:g} s") from None
        return self._net.get(url, headers={"Accept": _ACCEPT}, limits=limits)

    def _feed(self, answer: Response) -> Fetched:
        """What is in a feed document. Raises SourceError for anything else."""
        if _is_page(answer):
            raise SourceError("not a feed: an HTML page")
        kind = answer.headers.get("content-type", "")
        return self._parser.parse(answer.body, answer.url, kind, now=self._clock(), usual=self._languages)

    def _page(self, answer: Response) -> Page:
        try:
            return self._parser.page(answer.body, answer.headers.get("content-type", ""))
        except SourceError:  # a page made to be hard to read names nothing
            return Page()

    def _candidates(self, page: Page, here: Target) -> Iterator[Candidate]:
        """The links of a page as addresses that may be visited, each once."""
        base, seen = _led(here, page.base) or here, {here.url}
        for link in (*page.declared, *page.likely):
            there = _led(base, link.href)
            if there and there.url not in seen and self._may_lead(here, there):
                seen.add(there.url)
                yield Candidate(there.url, link.title)

    def _may_lead(self, here: Target, there: Target) -> bool:
        """What comes from outside never leads inside, whatever the owner's list says."""
        return allowed_at_home(here, self._home) or not allowed_at_home(there, self._home)


def addressed(given: str) -> str:
    """What a person typed as an address: a site without "https://" is taken to have it."""
    given = given.strip()
    return given if _SCHEME.match(given) else f"https://{given}"


def _led(here: Target, href: str) -> Target | None:
    """Where a link leads; like a redirect, it takes a password to its own origin and nowhere else."""
    try:
        return redirected(here, href) if href else None
    except SourceError:
        return None


def _usual(here: Target) -> list[Candidate]:
    """Where sites usually keep their feeds; first below the very page, where that is not the front page."""
    folder = here.path.partition("?")[0].rstrip("/")
    paths = (f"{folder}/feed", *USUAL_PATHS) if folder else USUAL_PATHS
    return [Candidate(urljoin(here.url, path)) for path in dict.fromkeys(paths)]


def _parted(candidates: Iterable[Candidate]) -> tuple[list[Candidate], list[Candidate]]:
    """Feeds of news, and feeds of readers' comments."""
    news: list[Candidate] = []
    comments: list[Candidate] = []
    for each in candidates:
        (comments if _COMMENTS.search(each.url) or _COMMENTS.search(each.title) else news).append(each)
    return news, comments


def _is_page(answer: Response) -> bool:
    """Whether a body says of itself that it is HTML; what a server calls it is often wrong."""
    start = answer.body[:2048]
    page, feed = _PAGE.search(start), _FEED.search(start)
    return page is not None and (feed is None or page.start() < feed.start())
