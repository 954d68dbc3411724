"""Verbs on stories: fetch, judge, choose."""

from __future__ import annotations

import logging
import random
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from .. import choice, skipping
from ..addresses import masked
from ..errors import EditorError, SourceError
from ..gate.verdict import Rules, judge as find_verdict
from ..model import Decision, Story, Verdict
from ..protocols import Fetched, Ruling
from ..sources.manners import next_check
from .line import MEMORY, Desk, Event, Line

log = logging.getLogger(__name__)

FETCHERS = 8


def fetch(line: Line, desks: Sequence[Desk]) -> Iterator[Event]:
    """Visit the feeds that are due, one at a time per host; a bad one never delays the others."""
    urls = dict.fromkeys(url for desk in desks for url in line.feeds(desk))
    due = [url for url in urls if _due(line, url)]
    hosts: dict[str, list[str]] = {}
    for url in due:
        hosts.setdefault(urlsplit(url).netloc.lower(), []).append(url)
    done, pool = 0, ThreadPoolExecutor(FETCHERS, thread_name_prefix="fetch")
    try:
        visits = [pool.submit(lambda group: [_visit(line, url) for url in group], group) for group in hosts.values()]
        for visit in as_completed(visits):
            for event in visit.result():
                done += 1
                yield replace(event, done=done, total=len(due))
    finally:
        pool.shutdown(wait=False, cancel_futures=True)  # a round that is stopped does not wait for slow servers
        line.rest()


def _due(line: Line, url: str) -> bool:
    row = line.store.feed(url)
    return not row.gone and (row.next_check is None or row.next_check <= line.store.now())


def _visit(line: Line, url: str) -> Event:
    row = line.store.feed(url)
    adopted = row.moved_to if row.moved_seen > 1 else None  # a permanent redirect is believed when it was met twice
    try:
        fetched = line.source(url, adopted or url).fetch(row.bookmark)
    except SourceError as error:
        wait = _next_check(line, url, error, row.failures + 1)
        line.store.unreachable(url, str(error), wait, gone=error.gone)
        return Event("fetch", masked(url), error=str(error))
    stories = tuple(replace(story, feed=url) for story in fetched.stories)
    fetched = replace(fetched, stories=stories, moved_to=fetched.moved_to or adopted)
    new = line.store.visited(url, fetched, _next_check(line, url, fetched, 0))
    return Event("fetch", masked(url), note="not modified" if fetched.not_modified else f"{new} new")


def _next_check(line: Line, url: str, outcome: Fetched | SourceError, failures: int) -> datetime:
    minutes = min(desk.channel.cadence_minutes for desk in line.desks if url in line.feeds(desk))
    return next_check(
        line.store.now(), outcome, failures=failures, own_minutes=minutes, jitter=random.random()
    )  # fmt: skip


def judge(line: Line) -> Iterator[Event]:
    """Give every new story its verdict. The gate is pure; owners' words are weighed when choosing."""
    stories = line.store.unjudged()
    if stories:
        rules = Rules()
        line.store.judged([(s.id, find_verdict(s.title, s.summary, s.language, rules)) for s in stories])
        yield Event("judge", done=len(stories), total=len(stories), note=f"{len(stories)} judged")


def choose(line: Line, desk: Desk) -> Iterator[Event]:
    """Pick the round's plates: those the dial lets through, fresh, varied, and the same event only once."""
    room = desk.channel.plates_per_round
    asked = _asked(line, desk)[:room]  # the owner's word comes first, and does not wait for plates that are stuck
    wanted = room - len(asked) - len(line.store.unfinished(desk.name))
    if wanted <= 0 and not asked:
        return
    now, age = line.store.now(), desk.channel.max_age_hours
    since = now - timedelta(hours=age) if age else None
    found = line.store.candidates(desk.name, line.feeds(desk), since=since) if wanted > 0 else []
    candidates = [
        c for story, verdict in found if (c := _candidate(desk, story, verdict)).decision is not Decision.SKIP
    ]
    recent = [choice.Shown(p.title, p.chosen_at) for p in line.archive.since(desk.name, now - MEMORY)]
    recent += [choice.Shown(each.story.title, now) for each in asked]
    ranked = [c.candidate for c in choice.choose(candidates, wanted * 2, now=now, max_age_hours=age, recent=recent)]
    kept = 0
    picks: list[choice.Candidate] = []
    rulings = _rulings(desk, [(c.story, c.verdict) for c in ranked])
    passed = line.wishes.passed(desk.name)  # what was let through while the editor thought is for the next round
    for candidate, ruling in zip(ranked, rulings, strict=True):
        if candidate.story.id in passed:
            continue
        if not ruling.keep:
            line.store.declined(desk.name, candidate.story.id, ruling.why)
        elif kept < wanted:
            kept += 1
            picks.append(candidate)
    for pick in reversed([*asked, *picks]):  # the best is chosen last, so that it is the newest on the wall
        line.store.chosen(desk.name, pick.story.id, pick.verdict, text_only=pick.decision is Decision.TEXT_ONLY)
    note = f"{kept} of {len(found)} stories" + (f", and {len(asked)} {skipping.LET_THROUGH}" if asked else "")
    yield Event("choose", desk.name, done=len(asked) + kept, total=len(asked) + max(0, wanted), note=note)


def _candidate(desk: Desk, story: Story, verdict: Verdict) -> choice.Candidate:
    """A story with the verdict that this channel's own words and languages give it."""
    return skipping.weighed(story, verdict, desk.rules, desk.channel.mood)


def _asked(line: Line, desk: Desk) -> list[choice.Candidate]:
    """The stories that the owner lets through, whatever their age; no editor is asked about them."""
    unmet = line.wishes.unmet(desk.name)
    return [skipping.let_through(_candidate(desk, story, verdict), desk.rules) for story, verdict in unmet]


def _rulings(desk: Desk, candidates: Sequence[tuple[Story, Verdict]]) -> Sequence[Ruling]:
    try:
        return desk.editor.decide(candidates)
    except EditorError as error:
        log.warning("the editor of %s could not decide: %s; the house rules do", desk.name, error)
        return desk.house.decide(candidates)
