"""Verbs on stories: judge, choose."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from datetime import timedelta

from .. import choice
from ..errors import EditorError
from ..gate.verdict import Rules, decide, judge as find_verdict
from ..model import Decision, Story, Verdict
from ..protocols import Ruling
from .line import MEMORY, Desk, Event, Line

log = logging.getLogger(__name__)


def judge(line: Line) -> Iterator[Event]:
    """Give every new story its verdict. The gate is pure; owners' words are weighed when choosing."""
    stories = line.store.unjudged()
    if stories:
        rules = Rules()
        line.store.judged([(s.id, find_verdict(s.title, s.summary, s.language, rules)) for s in stories])
        yield Event("judge", done=len(stories), total=len(stories), note=f"{len(stories)} judged")


def choose(line: Line, desk: Desk) -> Iterator[Event]:
    """Pick the round's plates: those the dial lets through, fresh, varied, and the same event only once."""
    wanted = desk.channel.plates_per_round - len(line.store.unfinished(desk.name))
    if wanted <= 0:
        return
    now, age = line.store.now(), desk.channel.max_age_hours
    found = line.store.candidates(desk.name, line.feeds(desk), since=now - timedelta(hours=age) if age else None)
    candidates = [
        c for story, verdict in found if (c := _candidate(desk, story, verdict)).decision is not Decision.SKIP
    ]
    recent = [choice.Shown(p.title, p.chosen_at) for p in line.archive.since(desk.name, now - MEMORY)]
    ranked = [c.candidate for c in choice.choose(candidates, wanted * 2, now=now, max_age_hours=age, recent=recent)]
    kept = 0
    picks: list[choice.Candidate] = []
    for candidate, ruling in zip(ranked, _rulings(desk, [(c.story, c.verdict) for c in ranked]), strict=True):
        if not ruling.keep:
            line.store.declined(desk.name, candidate.story.id, ruling.why)
        elif kept < wanted:
            kept += 1
            picks.append(candidate)
    for pick in reversed(picks):  # the best is chosen last, so that it is the newest on the wall
        line.store.chosen(desk.name, pick.story.id, pick.verdict, text_only=pick.decision is Decision.TEXT_ONLY)
    yield Event("choose", desk.name, done=kept, total=wanted, note=f"{kept} of {len(found)} stories")


def _candidate(desk: Desk, story: Story, verdict: Verdict) -> choice.Candidate:
    """A story with the verdict that this channel's own words and languages give it."""
    if desk.rules != Rules():
        verdict = find_verdict(story.title, story.summary, story.language, desk.rules)
    return choice.Candidate(story, verdict, decide(verdict, desk.channel.mood))


def _rulings(desk: Desk, candidates: Sequence[tuple[Story, Verdict]]) -> Sequence[Ruling]:
    try:
        return desk.editor.decide(candidates)
    except EditorError as error:
        log.warning("the editor of %s could not decide: %s; the house rules do", desk.name, error)
        return desk.house.decide(candidates)
