"""Which headlines tell one event.

TF-IDF over words and letter quadrigrams, cosine, and average linkage (Sokal & Michener 1958, by the nearest-neighbour
chain of Murtagh 1983) within 48 hours; where there is a model of sentences, by their vectors too.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import cache
from itertools import chain, repeat
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from service.gate.lexicons import fold, read, tokens

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

_STEM = 5  #: letters: "Russia" and "Russian" meet
_GRAM = 4  #: letters
_GRAM_WEIGHT = 0.3
_ALONE = 0.3  #: share of a headline's length that features found in no other headline count for
_COMMON_WEIGHT = 0.3  #: of words that headlines share whatever they tell
_LEAD = (1.5, 4 / 3, 7 / 6)  #: weights of the first words that mean something: headlines name the matter first
_MEANT = 0.6  #: share of what is meant, beside the words themselves
_USUAL = 20  #: headlines that weigh as much as our not knowing what all headlines have in common
_SUFFIX = re.compile(r"\s+[-|–—]\s+[^-|–—]{2,40}$")
UNSPACED = re.compile(r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff]")  #: scripts without spaces between words


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
    labels = linked(likeness(titles, published, vectors), cut)
    order = {label: at for at, label in enumerate(dict.fromkeys(labels))}
    return tuple(order[label] for label in labels)


def normal(title: str) -> str:
    """A title's bare words, without a trailing " - Publication": equal ones are the same headline."""
    return " ".join(word for word in tokens(_SUFFIX.sub("", title)) if word) or fold(title)


def trace(title: str, link: str) -> tuple[str, str]:
    """What stays of a story that is published again under another name or date: its words and where it leads."""
    try:
        parts = urlsplit(link)
    except ValueError:
        return normal(title), link
    return normal(title), parts.netloc.lower().removeprefix("www.") + parts.path.rstrip("/")


def likeness(titles: Sequence[str], published: Sequence[datetime | None], vectors: Matrix | None = None) -> Matrix:
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
    small, common = common_words()
    words = [word for word in tokens(_SUFFIX.sub("", title)) if len(word) > 1 and word not in small]
    for word, lead in zip(words, chain(_LEAD, repeat(1.0)), strict=False):
        weight = lead * (_COMMON_WEIGHT if word in common else 1.0)
        if UNSPACED.search(word):
            parts = [(word[at : at + 2], weight) for at in range(len(word) - 1)]
        else:
            edged = f"^{word}$"
            grams = (f"#{edged[at : at + _GRAM]}" for at in range(len(edged) - _GRAM + 1))
            parts = [(word[:_STEM], weight), *((gram, weight * _GRAM_WEIGHT) for gram in grams)]
        for part, share in parts:
            found[part] = max(found.get(part, 0.0), share)
    return found


@cache
def common_words() -> tuple[frozenset[str], frozenset[str]]:
    """Words without meaning, and words that any headline may have."""
    table = read("common.toml")
    return frozenset(table["small"].split()), frozenset(table["common"].split())


def linked(alike: Matrix, cut: float) -> list[int]:
    """Average linkage until no two groups are ``cut`` alike; one label per row. O(n^2) by nearest-neighbour chains."""
    import numpy as np

    near = alike.copy()
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
