"""Verbs on stories: judge, choose."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta

from .. import choice
from ..errors import EditorError
from ..gate.verdict import Rules, decide, judge as find_verdict
from ..model import Decision, Story, Telling, Verdict
from ..protocols import Ruling
from .line import MEMORY, Desk, Event, Line

log = logging.getLogger(__name__)

REPEATS = timedelta(days=14)  #: a story is not told again within them, whatever its feed calls it


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
    candidates = [_candidate(desk, story, verdict) for story, verdict in _unused(line, desk, found)]
    recent = [choice.Shown(p.title, p.chosen_at, p.plate) for p in line.archive.since(desk.name, now - MEMORY)]
    choices = choice.choose(
        candidates, wanted, spare=wanted, now=now, max_age_hours=age, recent=recent, taste=_taste(line, desk)
    )
    _retell(line, choices.retold)
    ranked = choices.chosen
    kept = 0
    picks: list[choice.Chosen] = []
    told = [(each.candidate.story, each.candidate.verdict) for each in ranked]
    for chosen, ruling in zip(ranked, _rulings(desk, told), strict=True):
        if not ruling.keep:
            line.store.declined(desk.name, chosen.candidate.story.id, ruling.why)
        elif kept < wanted:
            kept += 1
            picks.append(chosen)
    for pick in reversed(picks):  # the best is chosen last, so that it is the newest on the wall
        each = pick.candidate
        line.store.chosen(
            desk.name, each.story.id, each.verdict,
            text_only=each.decision is Decision.TEXT_ONLY, also=[_telling(story) for story in pick.also],
        )  # fmt: skip
    yield Event("choose", desk.name, done=kept, total=wanted, note=f"{kept} of {len(found)} stories")


def _unused(line: Line, desk: Desk, found: Sequence[tuple[Story, Verdict]]) -> list[tuple[Story, Verdict]]:
    """Without what this wall had lately, and its editor declined: some feeds publish everything again as new."""
    used, passed = line.archive.used(desk.name, line.store.now() - REPEATS), line.wishes.passed(desk.name)
    traces = {choice.trace(each.title, each.link) for each in used}
    declined = {choice.normal(each.title) for each in used if each.declined}
    return [
        (story, verdict) for story, verdict in found
        if story.id in passed
        or (choice.trace(story.title, story.link) not in traces and choice.normal(story.title) not in declined)
    ]  # fmt: skip


def _retell(line: Line, retold: Mapping[int, Sequence[Story]]) -> None:
    """Add who else tells it by now to plates that were made before they did."""
    for number, stories in retold.items():
        if plate := line.archive.plate(number):
            known = {plate.story.source, *(told.source for told in plate.also)}
            more = [_telling(story) for story in stories if story.source not in known]
            if more[: choice.ALSO_MOST - len(plate.also)]:
                line.store.retold(number, [*plate.also, *more][: choice.ALSO_MOST])


def _telling(story: Story) -> Telling:
    return Telling(story.source, story.title, story.link)


def _taste(line: Line, desk: Desk) -> choice.Taste:
    votes = line.wishes.votes(desk.name)
    liked, banned = ([(vote.title, vote.verdict) for vote in votes if vote.liked is yes] for yes in (True, False))
    return choice.learn(liked, banned, desk.channel.likes)


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
