"""The verb fetch: visits the feeds that are due, in a way that no publisher's server has cause to complain of.

One request at a time to a host, with a pause after it, while other hosts are visited beside it. That a feed is being
visited is written down before it is, so that a service that dies and starts again all the time does not ask again.
"""

from __future__ import annotations

import heapq
import math
import random
import time
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from queue import Empty, SimpleQueue

from ..addresses import Target, allowed_at_home, listed, masked, target
from ..errors import SourceError
from ..protocols import Fetched
from ..sources.manners import CROWDED, LEAST_S, complaint, is_due, next_check
from ..store import FeedRow
from .line import Desk, Event, Line

Outcome = Fetched | SourceError


@dataclass(frozen=True, slots=True)
class Pace:
    """How much a round asks of the world."""

    threads: int = 16  #: hosts visited at the same time
    apart_s: float = 1.5  #: from the end of a request to a host on the internet to the next one
    host_s: float = 30.0  #: how long a round stays at one host; its other feeds wait for the next rounds


@dataclass(slots=True, order=True)
class _Host:
    """A host with feeds that are due, the longest waiting first."""

    ready_at: float  #: monotonic; it is not asked anything before
    name: str
    at_home: bool = field(compare=False)
    due: list[FeedRow] = field(compare=False)
    urls: list[str] = field(compare=False)  #: of all its feeds
    until: float | None = field(default=None, compare=False)  #: monotonic; set by its first visit


def fetch(line: Line, desks: Sequence[Desk], pace: Pace = Pace()) -> Iterator[Event]:
    """Visit the feeds that are due; a bad one never delays those of other hosts."""
    cadences = _cadences(line)
    hosts = _hosts(line, {url for desk in desks for url in line.feeds(desk)}, cadences, pace)
    done, total = 0, sum(len(host.due) for host in hosts)
    visits = _Visits(line, hosts, pace)
    try:
        for host, row, outcome in visits.ended():
            done += 1
            yield replace(_noted(line, row, outcome, cadences[row.url]), done=done, total=total)
            if left := _left(line, host, row, outcome):
                done += len(left)
                yield Event("fetch", host.name, done=done, total=total, note=f"{len(left)} more wait for another round")
    finally:
        visits.stop()
        line.rest()


class _Visits:
    """The visits of one round, at most one at a time to a host. Rows are the caller's business, and in its thread."""

    def __init__(self, line: Line, hosts: list[_Host], pace: Pace) -> None:
        self._line, self._hosts, self._pace = line, hosts, pace
        heapq.heapify(self._hosts)
        self._pool = ThreadPoolExecutor(pace.threads, thread_name_prefix="fetch")
        self._flying: dict[Future[Outcome], tuple[_Host, FeedRow]] = {}
        self._landed: SimpleQueue[Future[Outcome]] = SimpleQueue()

    def ended(self) -> Iterator[tuple[_Host, FeedRow, Outcome]]:
        """Each visit as it ends. What is left of its host's feeds by then is visited next."""
        while self._hosts or self._flying:
            self._begin()
            try:
                visit = self._landed.get(timeout=self._patience())
            except Empty:
                continue
            host, row = self._flying.pop(visit)
            yield host, row, visit.result()
            if host.due:
                host.ready_at = time.monotonic() + (0 if host.at_home else self._pace.apart_s)
                heapq.heappush(self._hosts, host)

    def _begin(self) -> None:
        """Begin the visits that may begin now."""
        now = time.monotonic()
        begun: list[tuple[_Host, FeedRow]] = []
        while self._hosts and self._hosts[0].ready_at <= now and len(self._flying) + len(begun) < self._pace.threads:
            host = heapq.heappop(self._hosts)
            host.until = host.until or now + self._pace.host_s
            begun.append((host, host.due.pop(0)))
        if begun:  # should this process die of a visit, the next one does not ask at once
            again = self._line.store.now() + timedelta(seconds=LEAST_S)
            self._line.store.postpone([row.url for _, row in begun], again)
        for host, row in begun:
            visit = self._pool.submit(_outcome, self._line, row)
            self._flying[visit] = host, row
            visit.add_done_callback(self._landed.put)

    def _patience(self) -> float | None:
        """Seconds until another visit may begin; None where only the end of one can let it."""
        if not self._hosts or len(self._flying) >= self._pace.threads:
            return None
        return max(self._hosts[0].ready_at - time.monotonic(), 0)

    def stop(self) -> None:
        """Begin no more. Visits under way end by themselves: whoever stops a round does not wait for slow servers."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def _cadences(line: Line) -> dict[str, float]:
    """Every feed of every channel, and how often the most eager of them wants it, in minutes."""
    cadences: dict[str, float] = {}
    for desk in line.desks:
        for url in line.feeds(desk):
            cadences[url] = min(desk.channel.cadence_minutes, cadences.get(url, math.inf))
    return cadences


def _hosts(line: Line, mine: Collection[str], feeds: Collection[str], pace: Pace) -> list[_Host]:
    """The hosts that have some of ``mine`` due. All ``feeds`` count for when a host was last asked."""
    now, clock, found = line.store.now(), time.monotonic(), []
    for name, rows in _by_host(line, feeds).items():
        due = [row for row in rows if row.url in mine and not row.gone and is_due(row.next_check, now)]
        if not due:
            continue
        due.sort(key=lambda row: (row.next_check is not None, row.next_check))
        at_home = _at_home(line, due[0])
        rested = min((abs((now - row.checked_at).total_seconds()) for row in rows if row.checked_at), default=math.inf)
        ready_at = clock if at_home else clock + max(pace.apart_s - rested, 0)
        found.append(_Host(ready_at, name, at_home, due, [row.url for row in rows]))
    return found


def _by_host(line: Line, feeds: Collection[str]) -> dict[str, list[FeedRow]]:
    """The feeds by the host that each is at."""
    hosts: dict[str, list[FeedRow]] = {}
    for row in line.archive.feeds(list(feeds)):
        where = _where(row)
        hosts.setdefault(where.host if where else masked(row.url), []).append(row)
    return hosts


def _at_home(line: Line, row: FeedRow) -> bool:
    where = _where(row)
    return where is not None and allowed_at_home(where, listed(line.settings.net.allow_private))


def _where(row: FeedRow) -> Target | None:
    try:
        return target(_address(row))
    except SourceError:  # its visit will say what is wrong with it
        return None


def _address(row: FeedRow) -> str:
    """Where a feed is asked for: a permanent redirect is believed when it was met twice, and as long as it is good."""
    return row.moved_to if row.moved_to and row.moved_seen > 1 and not row.failures else row.url


def _outcome(line: Line, row: FeedRow) -> Outcome:
    try:
        return line.source(row.url, _address(row)).fetch(row.bookmark)
    except SourceError as error:
        return error


def _noted(line: Line, row: FeedRow, outcome: Outcome, minutes: float) -> Event:
    """Write down what a visit brought."""
    name = masked(row.url)
    if isinstance(outcome, SourceError):
        why = complaint(outcome, row.failing_since, line.store.now())
        line.store.unreachable(row.url, why, _next_check(line, row, outcome, minutes), gone=outcome.gone)
        return Event("fetch", name, error=why)
    adopted = _address(row) if _address(row) != row.url else None
    fetched = replace(outcome, moved_to=outcome.moved_to or adopted)
    new = line.store.visited(row.url, fetched, _next_check(line, row, fetched, minutes))
    return Event("fetch", name, note="not modified" if fetched.not_modified else f"{new} new")


def _next_check(line: Line, row: FeedRow, outcome: Outcome, minutes: float) -> datetime:
    return next_check(
        line.store.now(), outcome, failures=row.failures + 1, own_minutes=minutes, jitter=random.random()
    )  # fmt: skip


def _left(line: Line, host: _Host, row: FeedRow, outcome: Outcome) -> list[FeedRow]:
    """The feeds that a host is not asked for in this round after this answer; they are taken from it."""
    crowded = isinstance(outcome, SourceError) and outcome.status in CROWDED and not host.at_home
    if crowded:
        _spare(line, host, row)
    elif host.until is None or time.monotonic() < host.until:
        return []
    left, host.due = host.due, []
    return left


def _spare(line: Line, host: _Host, row: FeedRow) -> None:
    """Let a host's every feed wait as long as the one that it has just refused."""
    until = line.store.feed(row.url).next_check
    assert until is not None  # it was just written
    rows = line.archive.feeds(host.urls)
    line.store.postpone([each.url for each in rows if is_due(each.next_check, until)], until)
