"""Laying a troupe along a ground: the hero, what stands on, under or in it, rows and people beside it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from typing import Protocol

from .cutouts import Spot, size_of
from .folk import kin
from .lexicon import Noun, cut_out
from .scenery import Table, fitted
from .staging import Part, Tie
from .stock import seat, stock

#: How tall company stands beside a hero, as a share of the hero's height, by the lexicon's chapters.
BULK = {"ANIMALS": 0.56, "PLANTS": 0.56, "FOOD": 0.40, "BUILDINGS AND PLACES": 0.8, "TRANSPORT": 0.58, "OBJECTS": 0.46,
        "SKY AND WEATHER": 0.4}  # fmt: skip
PERSON = 0.72  #: a person's height in the same share
ROW = (1.0, 0.8, 0.92, 0.74, 0.86)  #: sizes along a row
QUIET_BULK = {"own/bare-tree": 1.1, "own/street-lamp": 1.1, "own/bench": 0.5, "own/cup": 0.4, "own/stones": 0.55}
_GREAT = {"BUILDINGS AND PLACES", "TRANSPORT", "PLANTS"}
_SMALLER = 0.78
_LEAST = 0.56  #: what would have to be drawn smaller than this share of its size is left out


class Land(Protocol):
    """What can be stood on."""

    def at(self, x: float) -> float:
        """Its height (px) at ``x``."""
        ...


@dataclass(frozen=True, slots=True)
class Level:
    """A straight ledge."""

    y: float

    def at(self, _x: float) -> float:
        return self.y


@dataclass(frozen=True, slots=True)
class Stage:
    """Where a troupe stands: its ground, the hero's middle, the hero's height, how far company may reach (px)."""

    land: Land
    x: float
    tall: float
    left: float
    right: float
    lift: float = 160.0


Span = tuple[float, float]  #: left and right (px) of what stands already


def perform(t: Table, s: Stage, *, folk: bool = True) -> None:
    """Lay the whole troupe; ``folk``: its people too."""
    troupe = t.cast.troupe
    if troupe.hero is None:
        _nobody(t, s)
        return
    tied = next((p for p in troupe.company if p.tie is not Tie.BESIDE and _drawable(t, p, troupe.hero)), None)
    span = _tied(t, s, troupe.hero, tied) if tied else _alone(t, s, troupe.hero)
    if folk:
        span = _folk(t, s, span)
    if troupe.hero.many and tied is None:
        name = t.look(troupe.hero.noun)
        heights = [s.tall * k for k in (0.66, 0.5, 0.58, 0.44)[: troupe.hero.count - 1 if troupe.hero.count else 2]]
        span = _row(t, s, [name] * len(heights), heights, span)
    for part in troupe.company:
        if part is not tied:
            span = _beside(t, s, part, span)


def _nobody(t: Table, s: Stage) -> None:
    """A scene that names nothing: its people, or one of the quiet things."""
    if t.cast.subject_shown:
        _person(t, s, (s.x, s.x))
        return
    folk = [kin(kind, t.cast.seed + i) for i, kind in enumerate(t.cast.troupe.folk)]
    if folk:
        _row(t, s, folk, [s.tall * k for k in (1, 0.9, 0.96)[: len(folk)]], (s.x, s.x))
        return
    name, span = t.quiet_look(), (s.x, s.x)
    for i, look in enumerate(dict.fromkeys((name, *t.cast.calm[:2]))):
        high = s.tall * QUIET_BULK.get(look, 0.6)
        if i:
            span = _row(t, s, [look], [high * 0.8], span)
        else:
            spot = fitted(look, Spot(s.x, s.land.at(s.x) + 4 * t.u, high), s.right - s.left)
            span = _laid(t, look, spot, s.lift)


def _folk(t: Table, s: Stage, span: Span) -> Span:
    if t.cast.subject_shown:
        return _person(t, s, span)
    names = [kin(kind, t.cast.seed + i) for i, kind in enumerate(t.cast.troupe.folk)]
    if not names:
        return span
    return _row(t, s, names, [s.tall * PERSON * k for k in (1, 0.92, 0.97)[: len(names)]], span)


def _person(t: Table, s: Stage, span: Span) -> Span:
    """The subject of the house, or a paper person in its stead."""
    high = s.tall * PERSON
    wide = high * 0.42
    x = span[0] - wide * 0.7 if span[0] - s.left > wide else span[1] + wide * 0.7
    t.stand(Spot(x, s.land.at(x) + 3 * t.u, high))
    return min(span[0], x - wide / 2), max(span[1], x + wide / 2)


def _beside(t: Table, s: Stage, part: Part, span: Span) -> Span:
    name = t.look(part.noun)
    high = s.tall * bulk(part.noun) * (_SMALLER if _dwarfed(part, t.cast.troupe.hero) else 1.0)
    count = part.count or t.rng.choice((3, 4, 4, 5)) if part.many else 1
    return _row(t, s, [name] * count, [high * (k if count > 1 else 1) for k in ROW[:count]], span)


def _dwarfed(part: Part, hero: Part | None) -> bool:
    """Whether a small thing stands beside a building, a tree or a vehicle."""
    return hero is not None and hero.noun.kind in _GREAT and part.noun.kind in {"FOOD", "OBJECTS"}


def bulk(noun: Noun) -> float:
    """The height of a thing beside a hero of height 1."""
    if noun.role == "row" and noun.kind == "PLANTS":
        return 0.74
    return BULK.get(noun.kind, 0.45)


def _alone(t: Table, s: Stage, part: Part) -> Span:
    name = t.look(part.noun)
    spot = fitted(
        name, Spot(s.x, s.land.at(s.x) + 4 * t.u, s.tall), (s.right - s.left) * (0.42 if t.cast.troupe.company else 0.6)
    )
    return _laid(t, name, spot, s.lift)


def _laid(t: Table, name: str, spot: Spot, lift: float) -> Span:
    t.lay(name, replace(spot, mirrored=t.mirrored(name)), lift)
    half = size_of(name, spot.size)[0] / 2
    return spot.x - half, spot.x + half


def _row(t: Table, s: Stage, names: list[str], heights: list[float], span: Span) -> Span:
    """Things side by side on the roomier side of what stands; fewer, then smaller, where room is short."""
    gap = 12 * t.u
    rooms = span[0] - s.left, s.right - span[1]
    rightward = rooms[1] >= rooms[0]
    room = max(rooms)
    sizes = [fitted(n, Spot(0, 0, h), h * 1.3).size for n, h in zip(names, heights, strict=True)]
    wides = [size_of(n, size)[0] for n, size in zip(names, sizes, strict=True)]
    while len(wides) > 1 and sum(wides) + gap * len(wides) > room / 0.62:
        wides, sizes, names = wides[:-1], sizes[:-1], names[:-1]
    share = min(1.0, room / (sum(wides) + gap * len(wides)))
    if share < _LEAST:
        return span
    left, right = span
    for i, (name, size, wide) in enumerate(zip(names, sizes, wides, strict=True)):
        step = (wide * share) / 2 + gap
        x = right + step if rightward else left - step
        t.lay(name, Spot(x, s.land.at(x) + 3 * t.u, size * share, mirrored=t.mirrored(name, rightward)), s.lift + 4 + i)
        left, right = min(left, x - wide * share / 2), max(right, x + wide * share / 2)
    return left, right


def _drawable(t: Table, part: Part, hero: Part) -> bool:
    """A thing looks out of a vessel only where we know how deep it sits."""
    if part.tie is Tie.VESSEL:
        return seat(t.look(part.noun)) is not None
    if part.tie is Tie.WITHIN:
        return seat(t.look(hero.noun)) is not None
    if part.tie is Tie.BASE and part.noun.kind == "BUILDINGS AND PLACES":
        return any(word in t.look(part.noun) for word in ("bridge", "tower", "iceberg", "column", "stone"))
    return part.noun.kind != "FOOD" or part.tie is Tie.UPON


def _tied(t: Table, s: Stage, hero: Part, other: Part) -> Span:
    if other.tie in {Tie.BASE, Tie.VESSEL}:
        return _upon(t, s, (other, 0.56), (hero, 0.64))
    if other.tie in {Tie.UPON, Tie.WITHIN}:
        return _upon(t, s, (hero, 0.8), (other, 0.42))
    if other.tie is Tie.ROOF:
        return _under(t, s, (other, 1.0), (hero, 0.56))
    return _under(t, s, (hero, 1.0), (other, 0.46))


def _upon(t: Table, s: Stage, below: tuple[Part, float], above: tuple[Part, float]) -> Span:
    """One thing on top of another, or in it where the words say so."""
    base, top = t.look(below[0].noun), t.look(above[0].noun)
    foot = s.land.at(s.x) + 4 * t.u
    low = fitted(base, Spot(s.x, foot, s.tall * below[1]), (s.right - s.left) * 0.42)
    wide, high = size_of(base, low.size)
    share, inside = seat(base), base in stock()["hollow"]["looks"]
    y = foot - high * (share or top_at(base, 0.5))
    spot = fitted(
        top, Spot(s.x, y + s.tall * (0.06 if inside else 0.012), s.tall * above[1]), max(wide * 0.8, s.tall * 0.4)
    )
    if inside:
        _laid(t, top, spot, s.lift)
        return _laid(t, base, low, s.lift + 6)
    span = _laid(t, base, low, s.lift)
    over = _laid(t, top, spot, s.lift + 8)
    return min(span[0], over[0]), max(span[1], over[1])


def _under(t: Table, s: Stage, over: tuple[Part, float], beneath: tuple[Part, float]) -> Span:
    """One thing in front of the foot of a greater."""
    great, small = t.look(over[0].noun), t.look(beneath[0].noun)
    spot = fitted(great, Spot(s.x, s.land.at(s.x) + 4 * t.u, s.tall * over[1]), (s.right - s.left) * 0.55)
    span = _laid(t, great, spot, s.lift)
    x = s.x + (span[1] - span[0]) * t.rng.choice((-0.2, 0.2))
    low = fitted(small, Spot(x, s.land.at(x) + 7 * t.u, s.tall * beneath[1]), s.tall * 0.8)
    front = _laid(t, small, low, s.lift + 12)
    return min(span[0], front[0]), max(span[1], front[1])


@lru_cache(maxsize=128)
def top_at(name: str, across: float) -> float:
    """How high a cut-out reaches at a share ``across`` of its width, as a share of its height."""
    cut = cut_out(name)
    x, best = cut.width * across, cut.height * 1.0
    points = _corners(cut.outline)
    for (x0, y0), (x1, y1) in pairwise(points):
        if min(x0, x1) <= x <= max(x0, x1) and x0 != x1:
            best = min(best, y0 + (y1 - y0) * (x - x0) / (x1 - x0))
    return 1 - best / cut.height


def _corners(outline: str) -> list[tuple[float, float]]:
    """The corners of an outline, which is made of lines alone."""
    points: list[tuple[float, float]] = []
    x = y = 0.0
    for piece in re.findall(r"M[^M]*", outline):
        numbers = [int(n) for n in re.findall(r"-?\d+", piece)]
        x, y = float(numbers[0]), float(numbers[1])
        points.append((x, y))
        for dx, dy in zip(numbers[2::2], numbers[3::2], strict=True):
            x, y = x + dx, y + dy
            points.append((x, y))
    return points
