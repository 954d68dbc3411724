"""Rank the events of a day: fresh, kind, told by many, to the owner's taste, varied, and no event twice.

Variety is maximal marginal relevance (Carbonell & Goldstein 1998).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from service.gate.lexicons import tokens
from service.model import Decision, Story, Verdict

from .events import SAME, WINDOW, likeness, linked
from .taste import Taste

if TYPE_CHECKING:
    from .events import Matrix

SKEW = timedelta(hours=2)  #: a feed's clock may be ahead of ours by this
HALF_FRESH_HOURS = 12.0
VARIETY = 0.45  #: share of likeness to what is already chosen in the choice of the next


@dataclass(frozen=True, slots=True)
class Candidate:
    """A story the gate has judged."""

    story: Story
    verdict: Verdict
    decision: Decision


@dataclass(frozen=True, slots=True)
class Shown:
    """A headline that was on this wall."""

    title: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Chosen:
    """A candidate that deserves the wall, with the other feeds that tell the same event."""

    candidate: Candidate
    also: tuple[Story, ...] = ()
    score: float = 0.0


def choose(
    candidates: Sequence[Candidate],
    count: int,
    *,
    now: datetime,
    max_age_hours: float,
    recent: Sequence[Shown] = (),
    taste: Taste | None = None,
) -> tuple[Chosen, ...]:
    """Choose up to ``count`` events, best first. ``max_age_hours`` 0 takes any age; nothing relaxes on a dry day."""
    fresh = [each for each in candidates if _young(each.story, now, max_age_hours)]
    lately = [shown for shown in recent if now - shown.at < WINDOW]
    if not fresh or count < 1:
        return ()
    titles = [each.story.title for each in fresh] + [shown.title for shown in lately]
    times = [_when(each.story, now, max_age_hours) for each in fresh] + [now] * len(lately)
    alike = likeness(titles, times)
    groups: dict[int, list[int]] = {}
    for at, label in enumerate(linked(alike, SAME)):
        groups.setdefault(label, []).append(at)
    best: dict[int, Chosen] = {}
    for members in groups.values():
        if max(members) < len(fresh) and (told := _told(fresh, members, now, taste or Taste())):
            best[told[0]] = told[1]
    return tuple(_varied(best, alike, count))


def _young(story: Story, now: datetime, max_age_hours: float) -> bool:
    return not max_age_hours or now - story.published <= timedelta(hours=max_age_hours)


def _when(story: Story, now: datetime, max_age_hours: float) -> datetime:
    """A story's date; one from the future is given the middle of the permitted past, so that it leads nothing."""
    if story.published <= now + SKEW:
        return min(story.published, now)
    return now - timedelta(hours=(max_age_hours or 48) / 2)


def _score(each: Candidate, sources: int, now: datetime, taste: Taste) -> float:
    hours = (now - _when(each.story, now, 0)) / timedelta(hours=1)
    freshness = 1 / (1 + hours / HALF_FRESH_HOURS)
    mood = 1.3 - each.verdict.gravity
    kept = {Decision.PAINT: 1.0, Decision.TEXT_ONLY: 0.6}.get(each.decision, 0.0)
    trifle = 0.2 if "advert" in each.verdict.topics else 1.0
    liked = sum(taste.likes.get(key, 0.0) for key in {*each.verdict.topics, *tokens(each.story.title)})
    return freshness * mood * kept * trifle * (1 + math.log(sources)) * math.exp(max(-2.0, min(2.0, liked)))


def _told(fresh: Sequence[Candidate], members: Sequence[int], now: datetime, taste: Taste) -> tuple[int, Chosen] | None:
    """The teller of an event. Where one feed's headline is under a veto, the event is: no milder wording stands in."""
    sources = len({fresh[at].story.source for at in members})
    grave = [at for at in members if fresh[at].verdict.veto]
    scored = [(_score(fresh[at], sources, now, taste), -at) for at in grave or members]
    score, at = max(scored)
    if score <= 0:
        return None
    chosen = fresh[-at]
    others = {fresh[at].story.source: fresh[at].story for at in reversed(members)}
    also = tuple(story for source, story in reversed(others.items()) if source != chosen.story.source)
    return -at, Chosen(chosen, also, round(score, 6))


def _varied(best: Mapping[int, Chosen], alike: Matrix, count: int) -> Iterator[Chosen]:
    """Take the best, then what is good and unlike what is taken; no source takes more than its share."""
    left = dict(best)
    sources = {chosen.candidate.story.source for chosen in best.values()}
    share = math.ceil(count / min(3, max(1, len(sources))))
    top = max((chosen.score for chosen in best.values()), default=1.0)
    taken: dict[str, int] = {}
    nearest = dict.fromkeys(left, 0.0)
    for _ in range(min(count, len(left))):
        free = [at for at in left if taken.get(left[at].candidate.story.source, 0) < share]
        if not free:
            return
        pick = max(free, key=lambda at: ((1 - VARIETY) * left[at].score / top - VARIETY * nearest[at], -at))
        chosen = left.pop(pick)
        source = chosen.candidate.story.source
        taken[source] = taken.get(source, 0) + 1
        for at, other in left.items():
            nearest[at] = max(nearest[at], _alike(chosen.candidate, other.candidate, float(alike[pick, at])))
        yield chosen


def _alike(one: Candidate, other: Candidate, cosine: float) -> float:
    topic = 0.4 if set(one.verdict.topics[:2]) & set(other.verdict.topics[:2]) else 0.0
    source = 0.3 if one.story.source == other.story.source else 0.0
    return min(1.0, 2 * cosine + topic + source)
