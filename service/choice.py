"""Choose a day's worth: fresh, kind, told by many, varied, and no event twice. Pure: values in, values out.

Headlines of one event are found by TF-IDF over words and letter quadrigrams, cosine, and average linkage (Sokal &
Michener 1958, by the nearest-neighbour chain of Murtagh 1983) within 48 hours; where there is a model of sentences, by
their vectors too. Variety is maximal marginal relevance (Carbonell & Goldstein 1998).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from itertools import chain, repeat
from typing import TYPE_CHECKING

from service.gate.lexicons import fold, read, tokens
from service.model import Decision, Story, Verdict

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Matrix = NDArray[np.float32]
    Vectors = Callable[[Sequence[str], Sequence[str]], Matrix]

WINDOW = timedelta(hours=48)  #: headlines further apart tell different events
LINK = 0.17  #: mean cosine at which two groups are one event; tuned on headlines of 2014
SAME = 0.39  #: the same where merging hides a story: stricter (measured: docs/measurements.md)
MEANT_LINK = 0.23  #: LINK where vectors have a say, whose cosines are greater
MEANT_SAME = 0.40  #: SAME, likewise
SKEW = timedelta(hours=2)  #: a feed's clock may be ahead of ours by this
HALF_FRESH_HOURS = 12.0
VARIETY = 0.45  #: share of likeness to what is already chosen in the choice of the next

_STEM = 5  #: letters: "Russia" and "Russian" meet
_GRAM = 4  #: letters
_GRAM_WEIGHT = 0.3
_ALONE = 0.3  #: share of a headline's length that features found in no other headline count for
_COMMON_WEIGHT = 0.3  #: of words that headlines share whatever they tell
_LEAD = (1.5, 4 / 3, 7 / 6)  #: weights of the first words that mean something: headlines name the matter first
_MEANT = 0.6  #: share of what is meant, beside the words themselves
_USUAL = 20  #: headlines that weigh as much as our not knowing what all headlines have in common
_SUFFIX = re.compile(r"\s+[-|–—]\s+[^-|–—]{2,40}$")
_UNSPACED = re.compile(r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff]")  #: scripts without spaces between words


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
    language: str = "und"


@dataclass(frozen=True, slots=True)
class Chosen:
    """A candidate that deserves the wall, with the other feeds that tell the same event."""

    candidate: Candidate
    also: tuple[Story, ...] = ()
    score: float = 0.0


@dataclass(frozen=True, slots=True)
class Taste:
    """What the owner likes, -1 … 1 for a topic or a folded word."""

    likes: Mapping[str, float] = field(default_factory=dict)


def choose(
    candidates: Sequence[Candidate],
    count: int,
    *,
    now: datetime,
    max_age_hours: float,
    recent: Sequence[Shown] = (),
    taste: Taste | None = None,
    vectors: Vectors | None = None,
) -> tuple[Chosen, ...]:
    """Choose up to ``count`` events, best first. ``max_age_hours`` 0 takes any age; nothing relaxes on a dry day.

    ``vectors`` embeds headlines, given with their languages: (n, d), zeros for one in a language it cannot read.
    """
    fresh = [each for each in candidates if _young(each.story, now, max_age_hours)]
    lately = [shown for shown in recent if now - shown.at < WINDOW]
    if not fresh or count < 1:
        return ()
    titles = [each.story.title for each in fresh] + [shown.title for shown in lately]
    times = [_when(each.story, now, max_age_hours) for each in fresh] + [now] * len(lately)
    languages = [each.story.language for each in fresh] + [shown.language for shown in lately]
    likeness = _likeness(titles, times, vectors(titles, languages) if vectors else None)
    groups: dict[int, list[int]] = {}
    for at, label in enumerate(_linked(likeness, MEANT_SAME if vectors else SAME)):
        groups.setdefault(label, []).append(at)
    best: dict[int, Chosen] = {}
    for members in groups.values():
        if max(members) < len(fresh) and (told := _told(fresh, members, now, taste or Taste())):
            best[told[0]] = told[1]
    return tuple(_varied(best, likeness, count))


def cluster(
    titles: Sequence[str],
    published: Sequence[datetime | None],
    *,
    cut: float | None = None,
    vectors: Matrix | None = None,
) -> tuple[int, ...]:
    """Number the events that headlines tell, in order of appearance; headlines of one event share a number.

    ``cut``: the mean cosine at which two groups are one event; LINK, or MEANT_LINK with vectors, if none is given.
    ``vectors``: the headlines embedded, (n, d), zeros for what the model cannot read.
    """
    if cut is None:
        cut = LINK if vectors is None else MEANT_LINK
    labels = _linked(_likeness(titles, published, vectors), cut)
    order = {label: at for at, label in enumerate(dict.fromkeys(labels))}
    return tuple(order[label] for label in labels)


def learn(liked: Sequence[Candidate], banned: Sequence[Candidate]) -> Taste:
    """What favourites and bans teach about topics: each topic's share of likes over all, shrunk towards nothing."""
    votes: dict[str, list[int]] = {}
    for group, vote in ((liked, 1), (banned, -1)):
        for each in group:
            for topic in each.verdict.topics:
                votes.setdefault(topic, []).append(vote)
    return Taste({topic: sum(given) / (len(given) + 3) for topic, given in sorted(votes.items())})


def normal(title: str) -> str:
    """A title's bare words, without a trailing " - Publication": equal ones are the same headline."""
    return " ".join(word for word in tokens(_SUFFIX.sub("", title)) if word) or fold(title)


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


def _varied(best: Mapping[int, Chosen], likeness: Matrix, count: int) -> Iterator[Chosen]:
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
            nearest[at] = max(nearest[at], _alike(chosen.candidate, other.candidate, float(likeness[pick, at])))
        yield chosen


def _alike(one: Candidate, other: Candidate, cosine: float) -> float:
    topic = 0.4 if set(one.verdict.topics[:2]) & set(other.verdict.topics[:2]) else 0.0
    source = 0.3 if one.story.source == other.story.source else 0.0
    return min(1.0, 2 * cosine + topic + source)


def _likeness(titles: Sequence[str], published: Sequence[datetime | None], vectors: Matrix | None = None) -> Matrix:
    """Cosine of every pair of headlines, 0 where they are more than 48 hours apart. (n, n), zero diagonal."""
    import numpy as np

    cosine = _cosine(titles) if vectors is None else _meant(_cosine(titles), vectors)
    _equal(cosine, [normal(title) for title in titles])
    stamps = np.array([np.nan if when is None else when.timestamp() for when in published])
    cosine[np.abs(stamps[:, None] - stamps[None, :]) > WINDOW.total_seconds()] = 0
    np.fill_diagonal(cosine, 0)
    return cosine


def _cosine(titles: Sequence[str]) -> Matrix:
    import numpy as np

    postings: dict[str, list[tuple[int, float]]] = {}
    for at, title in enumerate(titles):
        for feature, weight in _features(title).items():
            postings.setdefault(feature, []).append((at, weight))
    total = len(titles)
    squares = np.zeros(total)
    cosine = np.zeros((total, total), dtype=np.float32)
    for found in postings.values():
        rarity = math.log((total + 1) / (len(found) + 1)) + 1
        rows = np.array([at for at, _ in found], dtype=np.intp)
        weights = np.array([weight * rarity for _, weight in found], dtype=np.float32)
        squares[rows] += weights**2 * (1 if len(found) > 1 else _ALONE)
        if len(found) > 1:
            cosine[np.ix_(rows, rows)] += np.outer(weights, weights)
    length = np.sqrt(np.maximum(squares, 1e-12)).astype(np.float32)
    return cosine / np.outer(length, length)


def _meant(cosine: Matrix, vectors: Matrix) -> Matrix:
    """Mix the cosine of words with that of vectors, less what all headlines have in common (Mu & Viswanath 2018).

    Where one of a pair has no vector, its words are weighed on the scale of the mixture.
    """
    import numpy as np

    known = vectors.any(axis=1)
    centred = vectors - vectors.sum(axis=0) / (int(known.sum()) + _USUAL)
    centred /= np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-6)
    mixed = (1 - _MEANT) * cosine + _MEANT * np.maximum(centred @ centred.T, 0)
    return np.where(np.outer(known, known), mixed, cosine * (MEANT_LINK / LINK)).astype(np.float32)


def _equal(cosine: Matrix, same: Sequence[str]) -> None:
    """Make equal headlines wholly alike."""
    import numpy as np

    groups: dict[str, list[int]] = {}
    for at, title in enumerate(same):
        groups.setdefault(title, []).append(at)
    for members in groups.values():
        if len(members) > 1:
            cosine[np.ix_(members, members)] = 1


def _features(title: str) -> dict[str, float]:
    """Stems and letter quadrigrams of a headline's words, weighted; pairs of letters where a script has no spaces."""
    found: dict[str, float] = {}
    small, common = _stop_words()
    words = [word for word in tokens(_SUFFIX.sub("", title)) if len(word) > 1 and word not in small]
    for word, lead in zip(words, chain(_LEAD, repeat(1.0)), strict=False):
        weight = lead * (_COMMON_WEIGHT if word in common else 1.0)
        if _UNSPACED.search(word):
            parts = [(word[at : at + 2], weight) for at in range(len(word) - 1)]
        else:
            edged = f"^{word}$"
            grams = (f"#{edged[at : at + _GRAM]}" for at in range(len(edged) - _GRAM + 1))
            parts = [(word[:_STEM], weight), *((gram, weight * _GRAM_WEIGHT) for gram in grams)]
        for part, share in parts:
            found[part] = max(found.get(part, 0.0), share)
    return found


@cache
def _stop_words() -> tuple[frozenset[str], frozenset[str]]:
    """Words without meaning, and words that any headline may have."""
    table = read("common.toml")
    return frozenset(table["small"].split()), frozenset(table["common"].split())


def _linked(likeness: Matrix, cut: float) -> list[int]:
    """Average linkage until no two groups are ``cut`` alike; one label per row. O(n^2) by nearest-neighbour chains."""
    import numpy as np

    near = likeness.copy()
    np.fill_diagonal(near, -1)
    label = list(range(len(near)))
    members = [[at] for at in label]
    alive, chain = set(label), list[int]()
    while alive:
        here = chain[-1] if chain else next(iter(alive))
        nearest = int(near[here].argmax())
        before = chain[-2] if len(chain) > 1 else -1
        if before >= 0 and near[here, before] >= near[here, nearest]:
            nearest = before
        if near[here, nearest] < cut:  # nothing else can reach it: an average of less is less
            near[here], near[:, here] = -1, -1
            alive.discard(here)
            chain = []
        elif nearest == before:
            _merge(near, members, here, before)
            alive.discard(here)
            del chain[-2:]
        else:
            chain = [*chain, nearest] if chain else [here, nearest]
    for group in members:
        for at in group:
            label[at] = group[0]
    return label


def _merge(near: Matrix, members: list[list[int]], gone: int, kept: int) -> None:
    """Join a group to another: its likenesses become the average over all members."""
    many, more = len(members[gone]), len(members[kept])
    near[kept] = (many * near[gone] + more * near[kept]) / (many + more)
    near[:, kept] = near[kept]
    near[gone], near[:, gone] = -1, -1
    near[kept, kept] = -1
    members[kept] += members[gone]
    members[gone] = []
