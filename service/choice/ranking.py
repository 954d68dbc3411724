"""Rank the events of a day: fresh, kind, told by many, to the owner's taste, varied, and no event twice.

An event's score is freshness x mood x interest x (1 + log of its sources), less for text alone and for trifles.
Variety is maximal marginal relevance (Carbonell & Goldstein 1998).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from service.model import Decision, Story, Verdict

from .events import MEANT_SAME, SAME, WINDOW, likeness, linked
from .taste import Taste
from .trifles import trifle

if TYPE_CHECKING:
    from .events import Matrix, Vectors

SKEW = timedelta(hours=2)  #: a feed's clock may be ahead of ours by this
HALF_FRESH_HOURS = 12.0
VARIETY = 0.45  #: share of likeness to what is already chosen in the choice of the next
ADVERT_KEEPS = 0.2  #: of its worth, what an advertisement keeps
ALSO_MOST = 8  #: other tellers of an event that are remembered
NO_TASTE = Taste()


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
    plate: int = 0  #: its number
    language: str = "und"


@dataclass(frozen=True, slots=True)
class Chosen:
    """A candidate that deserves the wall, and who else tells the same event."""

    candidate: Candidate
    also: tuple[Story, ...] = ()
    score: float = 0.0


@dataclass(frozen=True, slots=True)
class Choice:
    """What deserves the wall, best first; and of what was on it already, who else tells it now, by plate."""

    chosen: tuple[Chosen, ...] = ()
    retold: Mapping[int, tuple[Story, ...]] = field(default_factory=dict)


def choose(
    candidates: Sequence[Candidate],
    count: int,
    *,
    now: datetime,
    max_age_hours: float,
    recent: Sequence[Shown] = (),
    taste: Taste = NO_TASTE,
    spare: int = 0,
    vectors: Vectors | None = None,
) -> Choice:
    """Choose up to ``count`` events, best first, and up to ``spare`` more for an editor who declines some.

    ``max_age_hours`` 0 takes any age; nothing relaxes on a dry day. Of the first ``count`` no source has more than a
    third, or a half where there are only two. Candidates that the gate skips are worth passing in too: they are never
    chosen, but an event that one of them puts under a veto is not chosen in a milder wording either.
    ``vectors`` embeds headlines, given with their languages: (n, d), zeros for one in a language it cannot read.
    """
    fresh = [each for each in candidates if _young(each.story, now, max_age_hours)]
    lately = [shown for shown in recent if now - shown.at < WINDOW]
    if not fresh or count < 1:
        return Choice()
    titles = [each.story.title for each in fresh] + [shown.title for shown in lately]
    times = [_when(each.story, now, max_age_hours) for each in fresh] + [now] * len(lately)
    languages = [each.story.language for each in fresh] + [shown.language for shown in lately]
    alike = likeness(titles, times, vectors(titles, languages) if vectors else None)
    groups: dict[int, list[int]] = {}
    for at, label in enumerate(linked(alike, MEANT_SAME if vectors else SAME)):
        groups.setdefault(label, []).append(at)
    best: dict[int, Chosen] = {}
    retold: dict[int, tuple[Story, ...]] = {}
    for members in groups.values():
        news = [at for at in members if at < len(fresh)]
        if not news:
            continue
        if len(news) < len(members):
            retold[lately[members[len(news)] - len(fresh)].plate] = _named([fresh[at] for at in news])
        elif told := _told(fresh, members, now, taste):
            best[told[0]] = told[1]
    return Choice(tuple(_varied(best, alike, count, spare)), retold)


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
    interest = math.exp(taste.liking(each.story.title, each.verdict))
    return freshness * mood * kept * _worth(each) * interest * (1 + math.log(sources))


def _worth(each: Candidate) -> float:
    """1 for news, less for what only looks like it."""
    found = trifle(each.story.title)
    return min(found.keeps if found else 1.0, ADVERT_KEEPS if "advert" in each.verdict.topics else 1.0)


def _told(fresh: Sequence[Candidate], members: Sequence[int], now: datetime, taste: Taste) -> tuple[int, Chosen] | None:
    """The teller of an event. Where one feed's headline is under a veto, the event is: no milder wording stands in."""
    sources = len({fresh[at].story.source for at in members})
    grave = [at for at in members if fresh[at].verdict.veto]
    scored = [(_score(fresh[at], sources, now, taste), -at) for at in grave or members]
    score, at = max(scored)
    if score <= 0:
        return None
    chosen = fresh[-at]
    return -at, Chosen(chosen, _named([fresh[at] for at in members], chosen.story.source), round(score, 6))


def _named(tellers: Sequence[Candidate], but: str = "") -> tuple[Story, ...]:
    """One story of each publication, of those that may be named on this wall."""
    stories = {each.story.source: each.story for each in reversed(tellers) if each.decision is not Decision.SKIP}
    stories.pop(but, None)
    return tuple(reversed(stories.values()))[:ALSO_MOST]


def _varied(best: Mapping[int, Chosen], alike: Matrix, count: int, spare: int) -> Iterator[Chosen]:
    """Take the best, then what is good and unlike what is taken; no source takes more than its share."""
    left = dict(best)
    sources = {chosen.candidate.story.source for chosen in best.values()}
    top = max((chosen.score for chosen in best.values()), default=1.0)
    taken: dict[str, int] = {}
    nearest = dict.fromkeys(left, 0.0)
    for place in range(1, min(count + spare, len(left)) + 1):
        share = math.ceil(max(place, count) / min(3, len(sources)))
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
