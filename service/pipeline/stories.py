"""Verbs on stories: judge, choose."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta

from .. import choice, skipping
from ..errors import EditorError, OffDuty
from ..gate.tone import tones
from ..gate.verdict import judge as find_verdict
from ..model import Decision, Story, Telling, Verdict
from ..protocols import Note, Ruling
from .line import MEMORY, Desk, Event, Line

log = logging.getLogger(__name__)

REPEATS = timedelta(days=14)  #: a story is not told again within them, whatever its feed calls it


def judge(line: Line) -> Iterator[Event]:
    """Give every new story its verdict. The gate is pure; owners' words are weighed when choosing."""
    stories = line.store.unjudged()
    if stories:
        verdicts = (
            find_verdict(story.title, story.summary, story.language, tone=tone)
            for story, tone in zip(stories, _tones(line, stories), strict=True)
        )
        line.store.judged([(story.id, verdict) for story, verdict in zip(stories, verdicts, strict=True)])
        yield Event("judge", done=len(stories), total=len(stories), note=f"{len(stories)} judged")


def _tones(line: Line, stories: Sequence[Story]) -> Sequence[float | None]:
    """How each headline sounds to the model of sentences; nobody knows where there is none."""
    if line.embedding is None:
        return [None] * len(stories)
    return tones([story.title for story in stories], line.embedding, [story.language for story in stories])


def choose(line: Line, desk: Desk) -> Iterator[Event]:
    """Pick the round's plates: those the dial lets through, fresh, varied, and the same event only once."""
    desk, room = line.dialled(desk), desk.channel.plates_per_round
    asked = _asked(line, desk)[:room]  # the owner's word comes first, and does not wait for plates that are stuck
    wanted = room - len(asked) - len(line.store.unfinished(desk.name))
    if wanted <= 0 and not asked:
        return
    now, age = line.store.now(), desk.channel.max_age_hours
    since = now - timedelta(hours=age) if age else None
    found = line.store.candidates(desk.name, line.feeds(desk), since=since) if wanted > 0 else []
    candidates = [_candidate(desk, story, verdict) for story, verdict in _unused(line, desk, found)]
    recent = [
        choice.Shown(p.title, p.chosen_at, p.plate, p.language) for p in line.archive.since(desk.name, now - MEMORY)
    ]
    recent += [choice.Shown(each.story.title, now, language=each.story.language) for each in asked]
    choices = choice.choose(
        candidates, wanted, spare=wanted, now=now, max_age_hours=age, recent=recent, taste=_taste(line, desk),
        vectors=line.embedding.vectors if line.embedding else None,
    )  # fmt: skip
    _retell(line, choices.retold)
    told = [(each.candidate.story, each.candidate.verdict) for each in choices.chosen]
    picks, kept = _picked(line, desk, choices.chosen, _rulings(desk, told))
    picks = picks[:wanted]
    for pick in reversed([*map(choice.Chosen, asked), *picks]):  # the best is chosen last, so that it is the newest
        each = pick.candidate
        number = line.store.chosen(
            desk.name, each.story.id, each.verdict,
            text_only=each.decision is Decision.TEXT_ONLY, also=[_telling(story) for story in pick.also],
        )  # fmt: skip
        if each.story.id in kept:
            line.journal.note(number, Note("editor", "kept it", kept[each.story.id]))
    note = f"{len(picks)} of {len(found)} stories" + (f", and {len(asked)} {skipping.LET_THROUGH}" if asked else "")
    yield Event("choose", desk.name, done=len(asked) + len(picks), total=len(asked) + max(0, wanted), note=note)


def _picked(
    line: Line, desk: Desk, chosen: Sequence[choice.Chosen], rulings: Sequence[Ruling]
) -> tuple[list[choice.Chosen], dict[str, str]]:
    """Those that the editor keeps, and why by story; it will not have the others again."""
    passed = line.wishes.passed(desk.name)  # what was let through while the editor thought is for the next round
    told = [(pick, ruling) for pick, ruling in zip(chosen, rulings, strict=True) if ruling.story not in passed]
    for _, ruling in told:
        if not ruling.keep:
            line.store.declined(desk.name, ruling.story, ruling.why)
    return [pick for pick, ruling in told if ruling.keep], {r.story: r.why for _, r in told if r.keep}


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
    return skipping.weighed(story, verdict, desk.rules, desk.channel.mood)


def _asked(line: Line, desk: Desk) -> list[choice.Candidate]:
    """The stories that the owner lets through, whatever their age; no editor is asked about them."""
    unmet = line.wishes.unmet(desk.name)
    return [skipping.let_through(_candidate(desk, story, verdict), desk.rules) for story, verdict in unmet]


def _rulings(desk: Desk, candidates: Sequence[tuple[Story, Verdict]]) -> Sequence[Ruling]:
    try:
        return desk.editor.decide(candidates)
    except OffDuty:
        return desk.house.decide(candidates)
    except EditorError as error:
        log.warning("the editor of %s could not decide: %s; the house rules do", desk.name, error)
        return desk.house.decide(candidates)
