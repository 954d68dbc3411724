"""Who stands with whom: the scene's things as one hero and its company, tied as the scene's words tie them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from .lexicon import Mention, Noun, mentions, singulars, words_of
from .stock import people_words, stock


class Tie(StrEnum):
    """How a thing stands to the hero."""

    BESIDE = "beside"
    UPON = "upon"  #: it stands on the hero
    BASE = "base"  #: the hero stands on it
    WITHIN = "within"  #: it looks out of the hero
    VESSEL = "vessel"  #: the hero looks out of it
    ROOF = "roof"  #: the hero stands under it
    FOOT = "foot"  #: it stands under the hero


@dataclass(frozen=True, slots=True)
class Part:
    """A thing of the picture: which, one or several, and how it stands to the hero."""

    noun: Noun
    many: bool
    tie: Tie = Tie.BESIDE
    count: int = 0  #: how many, where the scene says so


@dataclass(frozen=True, slots=True)
class Troupe:
    """What a picture shows: at most three kinds of things on the ground, and people."""

    hero: Part | None
    company: tuple[Part, ...]
    aloft: tuple[Part, ...]  #: what flies or hangs in the sky
    folk: tuple[str, ...]  #: kinds of paper people
    ledge: str  #: what they stand on: wall, roof, table, planks or ""


_BACK = {Tie.UPON: Tie.BASE, Tie.WITHIN: Tie.VESSEL, Tie.FOOT: Tie.ROOF, Tie.BESIDE: Tie.BESIDE}
_BACK |= {other: one for one, other in _BACK.items()}
_NEAR = 4  #: words between a preposition and its noun, at most
_WEIGHTY = 5  #: the least weight of a hero
_NUMBERS = {"two": 2, "both": 2, "three": 3, "four": 4, "five": 5}
_COMPANY = 2  #: kinds of things beside the hero, at most
_CLAUSE = re.compile(r"[^,;.:]+")


def troupe(scene: str) -> Troupe:
    """Read a scene. Pure."""
    told = [m for m in mentions(scene) if m.noun.looks[0] not in stock()["drawn"]["looks"]]
    words, ends = words_of(scene), _clauses(scene)
    ledge = _ledge(words)
    told = [m for m in told if not (ledge == "roof" and m.noun.looks[0] in {"own/house", "flat/houses"})]
    folk = _folk(words)
    told = [m for m in told if m.noun.word not in people_words()] if folk else told
    first = _hero(told)
    if first is None:
        return Troupe(None, (), (), folk, ledge)
    ties = _ties(told, words, ends)
    parts = _company(told, first, ties, words)
    aloft = tuple(p for p in parts if p.noun.role in {"swarm", "sky"})
    ground = [p for p in parts if p.noun.role not in {"swarm", "sky"}]
    return Troupe(
        Part(first.noun, _many(first, words), count=_count(first, words)),
        tuple(ground[:_COMPANY]),
        aloft[:2],
        folk,
        ledge,
    )


def _score(mention: Mention) -> float:
    role = {"hero": 1.2, "swarm": -2.5, "sky": -2.5}.get(mention.noun.role, 0.0)
    lean = -6.0 if mention.noun.weight < _WEIGHTY else 0.0
    return mention.noun.weight + role + lean - 0.12 * min(mention.at, 30)


def _hero(told: list[Mention]) -> Mention | None:
    return max(told, key=_score, default=None)


def _company(told: list[Mention], first: Mention, ties: dict[tuple[int, int], Tie], words: list[str]) -> list[Part]:
    """The others, those tied to the hero first, each look once."""
    out: dict[str, tuple[float, Part]] = {}
    for m in told:
        look = m.noun.looks[0]
        if m is first or look == first.noun.looks[0]:
            continue
        tie = ties.get((m.at, first.at), Tie.BESIDE)
        score = _score(m) + (4.0 if tie is not Tie.BESIDE else 0.0)
        if look not in out or out[look][0] < score:
            out[look] = (score, Part(m.noun, m.many, tie, _count(m, words)))
    return [part for _, part in sorted(out.values(), key=lambda pair: (-pair[0], pair[1].noun.word))]


def _many(mention: Mention, words: list[str]) -> bool:
    before = words[max(mention.at - 4, 0) : mention.at]
    return mention.many or "row" in before


def _count(mention: Mention, words: list[str]) -> int:
    """The number told within three words before a plural, 0 where none is."""
    numbers = (_NUMBERS.get(word, 0) for word in reversed(words[max(mention.at - 3, 0) : mention.at]))
    return next((number for number in numbers if number), 0) if mention.many else 0


def _clauses(scene: str) -> list[int]:
    """For each word the number of its clause."""
    return [i for i, clause in enumerate(_CLAUSE.findall(scene[:4000])) for _ in words_of(clause)]


def _ties(told: list[Mention], words: list[str], ends: list[int]) -> dict[tuple[int, int], Tie]:
    """Ties of neighbours in one clause: (a, b) tells how the noun at ``a`` stands to the one at ``b``."""
    out: dict[tuple[int, int], Tie] = {}
    for one, other in pairwise(told):
        if len(ends) > other.at and ends[one.at] != ends[other.at]:
            continue
        tie = _tie(words[max(one.end, other.at - _NEAR) : other.at])
        if tie:
            out[one.at, other.at], out[other.at, one.at] = tie, _BACK[tie]
    return out


def _tie(between: list[str]) -> Tie | None:
    for word in reversed(between):
        for name, group in stock()["ties"].items():
            if word in group:
                return Tie(name)
    return None


def _ledge(words: list[str]) -> str:
    for i, word in enumerate(words):
        near = words[max(i - _NEAR, 0) : i]
        if not {"on", "along", "over", "atop", "across", "onto", "at", "beside", "between", "among"}.intersection(near):
            continue
        for name, group in stock()["ledges"].items():
            if any(single in group for single in singulars(word)):
                return str(name)
    return ""


def _folk(words: list[str]) -> tuple[str, ...]:
    """The kinds of people a scene names, at most three; several of a kind for a plural."""
    out: list[str] = []
    table = people_words()
    for word in words:
        single = next((single for single in singulars(word) if single in table), None)
        if single is None:
            continue
        many = single != word or word in stock()["crowds"]["words"]
        out += (table[single] * 3)[:3] if many else table[single][:1]
    return tuple(out[:3])
