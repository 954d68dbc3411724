"""Byte pairs learned from a list of words (Sennrich and others 2016), the same on every machine. Pure.

The library's own trainer settles ties by chance, and a vocabulary in another order belongs to other weights.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from itertools import pairwise

Pair = tuple[str, str]


def learned(weights: Mapping[str, int], most: int) -> list[Pair]:
    """At most so many merges, the most frequent pair first, until none occurs twice. ``weights``: how often a word counts."""
    split = {word: [*word[:-1], f"{word[-1]}</w>"] for word in weights}
    counts: Counter[Pair] = Counter()
    where: defaultdict[Pair, set[str]] = defaultdict(set)
    for word, pieces in split.items():
        _count(word, pieces, weights[word], counts, where)
    merges: list[Pair] = []
    while len(merges) < most:
        best = min(counts, key=lambda pair: (-counts[pair], pair))
        if counts[best] < 2:
            break
        merges.append(best)
        for word in list(where[best]):
            _count(word, split[word], -weights[word], counts, where)
            split[word] = _joined(split[word], best)
            _count(word, split[word], weights[word], counts, where)
    return merges


def _count(
    word: str, pieces: list[str], weight: int, counts: Counter[Pair], where: defaultdict[Pair, set[str]]
) -> None:
    for pair in pairwise(pieces):
        counts[pair] += weight
        (where[pair].add if weight > 0 else where[pair].discard)(word)


def _joined(pieces: list[str], pair: Pair) -> list[str]:
    out: list[str] = []
    for piece in pieces:
        if out and (out[-1], piece) == pair:
            out[-1] += piece
        else:
            out.append(piece)
    return out
