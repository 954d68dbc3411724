"""What compositions share: the table they work on, skies, weather, plants at the edges, the hero's place."""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import lru_cache

from . import shapes
from .colour import hexed, labbed, mix
from .cutouts import Spot, lay, size_of
from .figure import Figure
from .lexicon import Noun, lexicon
from .palette import Palette
from .paper import Sheet
from .reading import QUIET, Cast

Box = tuple[float, float, float, float]  #: left, top, right, bottom (px)

#: Heads without bodies: shown only where a noun has no other look.
_BUSTS = {"cut/bear-face", "cut/stag-head", "cut/donkey", "cut/lion", "cut/goat", "cut/monkey", "cut/parrot-head",
          "cut/raccoon-head", "cut/panda", "cut/tiger", "cut/badger", "cut/toucan", "flat/bear", "flat/chicken",
          "flat/koala", "flat/moose", "flat/polar-bear", "flat/robot"}  # fmt: skip
_TURNING = {"ANIMALS", "TRANSPORT", "PLANTS"}  #: chapters whose things may face either way
_FIRST = 0.6  #: how often a noun is shown by its best look


@dataclass(frozen=True, slots=True)
class Table:
    """All that a composition works with."""

    sheet: Sheet
    cast: Cast
    palette: Palette
    rng: random.Random
    figure: Figure
    used: list[str]  #: names of the cut-outs laid so far, for the recipe
    boxes: list[Box]  #: where they lie (px)

    @property
    def w(self) -> float:
        return self.sheet.width

    @property
    def h(self) -> float:
        return self.sheet.height

    @property
    def u(self) -> float:
        return self.sheet.u

    @property
    def aspect(self) -> float:
        return self.w / self.h

    def look(self, noun: Noun | None) -> str:
        """The cut-out for a noun, by the seed where it has several; a quiet one where there is no noun."""
        if self.cast.quiet or noun is None:
            return self.quiet_look()
        whole = [name for name in noun.looks if name not in _BUSTS] or list(noun.looks[:1])
        rng = random.Random(f"look {self.cast.seed} {noun.looks[0]}")
        return whole[0] if rng.random() < _FIRST else rng.choice(whole)

    def mirrored(self, name: str, inward: bool | None = None) -> bool:
        """Whether a cut-out is shown facing the other way."""
        turning = name in turnable() if inward is None else name in turnable() or name.startswith("folk/")
        return turning and random.Random(f"turn {self.cast.seed} {name}").random() < 0.5

    def stand(self, spot: Spot) -> None:
        """Put the subject, or a paper person in its stead, on a spot."""
        self.figure.stand(self.sheet, spot, self.palette)
        self.boxes.append((spot.x - spot.size * 0.25, spot.y - spot.size, spot.x + spot.size * 0.25, spot.y))
        self.used.append(self.figure.said)

    def quiet_look(self) -> str:
        return random.Random(f"quiet {self.cast.seed}").choice(self.cast.calm or QUIET)

    def lay(self, name: str, spot: Spot, lift: float, **tint: str) -> None:
        """Lay a cut-out in colour and note it."""
        lay(self.sheet, name, spot, self.palette, lift, **tint)
        self.used.append(name)
        w, h = size_of(name, spot.size)
        top = spot.y - (0 if spot.hung else h / 2 if spot.centred else h)
        self.boxes.append((spot.x - w / 2, top, spot.x + w / 2, top + h))


@lru_cache(maxsize=1)
def turnable() -> frozenset[str]:
    """The cut-outs that may face either way."""
    return frozenset(look for noun in lexicon().values() if noun.kind in _TURNING for look in noun.looks)


def hero(t: Table) -> Noun | None:
    """What the picture is about."""
    return t.cast.troupe.hero.noun if t.cast.troupe.hero else None


def others(t: Table, count: int) -> list[Noun]:
    """What else the scene names, what is shown first."""
    first = hero(t)
    near = [part.noun for part in (*t.cast.troupe.company, *t.cast.troupe.aloft)]
    far = [n for n in t.cast.everything if n is not first and n not in near and n.weight > 3]
    return [*near, *far][:count]


FOOT = 0.535  #: share of a landscape's height at which things stand: text lies over what is below


def landscape(t: Table) -> bool:
    """Whether a headline will lie over the lower part of the picture."""
    return 1.3 < t.aspect <= 2.2


def stage(t: Table) -> Spot:
    """The hero's place: in a landscape clear of the headline, which lies over its lower 45 %; else all the sheet."""
    if t.aspect < 0.8:
        return Spot(t.w * 0.5, t.h * 0.585, min(t.w * 0.8, t.h * 0.40))
    if t.aspect <= 1.3:
        return Spot(t.w * 0.5, t.h * 0.66, min(t.w, t.h) * 0.5)
    x = t.w * t.rng.choice((0.34, 0.42, 0.5, 0.58, 0.66))
    if t.aspect > 2.2:
        return Spot(x, t.h * 0.84, t.h * 0.70)
    return Spot(x, t.h * FOOT, t.h * t.rng.uniform(0.375, 0.41))


def fitted(name: str, spot: Spot, most_wide: float) -> Spot:
    """The spot, its size such that the cut-out is at most ``most_wide`` px wide and the spot's size tall."""
    w, h = size_of(name, 1.0)
    size = min(most_wide / w, spot.size / h)
    return Spot(spot.x, spot.y, size, spot.turn, spot.mirrored, spot.hung, spot.centred)


def blend(one: str, other: str, share: float) -> str:
    return hexed(mix(labbed(one), labbed(other), share))


def at_sea(t: Table) -> bool:
    """Whether the ground is water: at sea, or on a river where something floats; never in frost."""
    if t.cast.quiet or "winter" in t.cast.marks:
        return False
    place = t.cast.places[:1]
    return place in {("sea",), ("island",)} or (
        place == ("river",)
        and any(
            word in look for noun in (hero(t), *others(t, 2)) if noun for look in noun.looks[:1] for word in FLOATING
        )
    )


FLOATING = ("boat", "barge", "canoe", "ferry", "raft", "duck", "swan", "steamer")


def edge(t: Table, y: float, amp: float, depth: int) -> tuple[str, str]:
    """The next layer towards us, path and paper: waves where the scene is at sea, else rolling land.

    ``depth`` 0 … 6 counts from the horizon.
    """
    if at_sea(t):
        tall = (4 + 2.2 * depth) * t.u
        return shapes.swell(t.w, y, (60 + 24 * depth) * t.u, tall, t.rng.random(), t.h + 9), t.palette.water[
            min(depth, 5)
        ]
    return shapes.Ground(t.rng, t.w, y, amp).path(t.h + 9), t.palette.land[depth]


def fringe(t: Table, fill: str, lift: float, *, both: bool = True) -> None:
    """Leaves that grow in from the lower corners, in the near dark."""
    for side in (-1, 1) if both else (1,):
        for i in range(3):
            x = (0 if side < 0 else t.w) - side * t.u * (18 + 42 * i)
            h = t.u * t.rng.uniform(120, 190) * (1 - 0.18 * i)
            t.sheet.cut(shapes.frond(x, t.h + 8 * t.u, h, -side * t.rng.uniform(5, 50) * t.u), fill, lift + i)
