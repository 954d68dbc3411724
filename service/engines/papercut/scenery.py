"""What compositions share: the table they work on, skies, weather, plants at the edges, the hero's place."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

from service.model import Mood

from . import shapes
from .colour import hexed, labbed, mix
from .cutouts import Spot, lay, size_of
from .figure import Figure
from .lexicon import Noun
from .palette import Hour, Palette
from .paper import Sheet
from .reading import QUIET, Cast


@dataclass(frozen=True, slots=True)
class Table:
    """All that a composition works with."""

    sheet: Sheet
    cast: Cast
    palette: Palette
    rng: random.Random
    figure: Figure
    used: list[str]  #: names of the cut-outs laid so far, for the recipe

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

    def look(self, noun: Noun | None, *, woodcut: bool = False) -> str:
        """The cut-out for a noun (a quiet one where there is none); ``woodcut`` prefers the one-colour look."""
        if self.cast.quiet or noun is None:
            return self.quiet_look()
        cut = [name for name in noun.looks if name.startswith("cut/")]
        return cut[0] if woodcut and cut else noun.looks[0]

    def quiet_look(self) -> str:
        return random.Random(f"quiet {self.cast.seed}").choice(QUIET)

    def lay(self, name: str, spot: Spot, lift: float, **tint: str) -> None:
        """Lay a cut-out in colour and note it."""
        lay(self.sheet, name, spot, self.palette, lift, **tint)
        self.used.append(name)


def hero(t: Table) -> Noun | None:
    """What the picture is about."""
    order = (*t.cast.heroes, *t.cast.ground, *t.cast.sky, *t.cast.swarm, *t.cast.row)
    return order[0] if order else None


def others(t: Table, count: int) -> list[Noun]:
    """What else the scene names."""
    first = hero(t)
    return [n for n in t.cast.everything if n is not first][:count]


def stage(t: Table) -> Spot:
    """The hero's place: clear of the headline, which lies over the bottom 40 % from its start."""
    if t.aspect < 0.8:
        return Spot(t.w * 0.5, t.h * 0.56, min(t.w * 0.72, t.h * 0.42))
    if t.aspect < 1.3:
        return Spot(t.w * 0.54, t.h * 0.66, min(t.w, t.h) * 0.56)
    x = t.w * t.rng.uniform(0.6, 0.68)
    if t.aspect > 2.2:
        return Spot(x, t.h * 0.82, t.h * 0.72)
    return Spot(x, t.h * 0.685, t.h * 0.56)


def fitted(name: str, spot: Spot, most_wide: float) -> Spot:
    """The spot, its size such that the cut-out is at most ``most_wide`` px wide and the spot's size tall."""
    w, h = size_of(name, 1.0)
    size = min(most_wide / w, spot.size / h)
    return Spot(spot.x, spot.y, size, spot.turn, spot.mirrored, spot.hung, spot.centred)


def blend(one: str, other: str, share: float) -> str:
    return hexed(mix(labbed(one), labbed(other), share))


def sky(t: Table, *, horizon: float | None = None) -> None:
    """The lowest paper: a sky that pales to the horizon (px)."""
    top, low = t.palette.sky
    fill = t.sheet.gradient(((0.0, top, 1), (0.82, low, 1), (1.0, low, 1)))
    y = horizon if horizon is not None else t.h * 0.7
    t.sheet.cut(shapes.box(-2, -2, t.w + 4, t.h + 4), t.palette.sky[1], 4)
    t.sheet.ink(f'<rect width="{t.w}" height="{y + 2:.0f}" fill="{fill}"/>')


def disc(t: Table, x: float, y: float, r: float, lift: float = 14) -> None:
    """Sun or moon with its light around it."""
    glow = t.sheet.gradient(
        ((0.0, t.palette.disc, 0.55), (0.35, t.palette.disc, 0.28), (1.0, t.palette.disc, 0.0)), radial=True
    )
    t.sheet.ink(f'<circle cx="{x:.0f}" cy="{y:.0f}" r="{r * 3:.0f}" fill="{glow}"/>')
    t.sheet.cut(shapes.circle(x, y, r), t.palette.disc, lift)
    if t.palette.hour is Hour.NIGHT:
        shade = blend(t.palette.disc, t.palette.sky[0], 0.16)
        for dx, dy, s in ((-0.3, -0.25, 0.2), (0.25, 0.1, 0.26), (-0.15, 0.4, 0.13), (0.3, -0.45, 0.1)):
            t.sheet.ink(f'<circle cx="{x + dx * r:.0f}" cy="{y + dy * r:.0f}" r="{s * r:.1f}" fill="{shade}"/>')


def heavens(t: Table, x: float, y: float, r: float) -> None:
    """A sky worked in paper around the disc at (x, y): rings, rays, drifts or plain, by mood and seed."""
    low, top = t.palette.sky[1], t.palette.sky[0]
    kinds = {
        Mood.JOYFUL: ("rays", "rings", "drifts", "rays"),
        Mood.PLAYFUL: ("rays", "drifts", "rings", "rings"),
        Mood.HOPEFUL: ("rings", "drifts", "rays", "drifts"),
    }.get(t.cast.mood, ("drifts", "rings", "plain", "drifts"))
    kind = t.rng.choice(kinds)
    if kind == "rays":
        paint = blend(
            low, t.palette.roles["p"] if not t.palette.dark else t.palette.disc, 0.34 if not t.palette.dark else 0.12
        )
        t.sheet.cut(shapes.rays(x, y, t.w + t.h, t.rng.choice((14, 18, 22))), paint, 8)
    elif kind == "rings":
        for i in range(4, 0, -1):
            paint = blend(top, blend(low, t.palette.disc, 0.35), (5 - i) / 5 * 0.75)
            t.sheet.cut(shapes.circle(x, y, r * (1 + i * 0.62)), paint, 5 + (4 - i) * 2.5)
    elif kind == "drifts":
        drifts(t)
    if t.palette.hour is Hour.NIGHT:
        stars(t, 46)
    disc(t, x, y, r, 18)


def drifts(t: Table) -> None:
    """Bands of sky paper, one over the other, as wind would lay them."""
    top, low = t.palette.sky
    for i in range(4):
        y = t.h * (0.12 + 0.13 * i)
        edge = shapes.Ground(t.rng, t.w, y, t.h * 0.035)
        t.sheet.cut(edge.path(t.h), blend(top, low, 0.3 + 0.2 * i), 5 + i * 3)


def stars(t: Table, count: int) -> None:
    """Small lights high up, fewer towards the horizon."""
    paint, out = t.palette.roles["l"], []
    for _ in range(count):
        x, y = t.rng.uniform(0, t.w), t.rng.uniform(0.01, 1) ** 1.6 * t.h * 0.55
        r = t.rng.choice((1.0, 1.2, 1.6, 1.6, 3.4)) * t.u
        out.append(shapes.star(x, y, r * 1.6) if r > 3 * t.u else shapes.circle(x, y, r * 0.8))
    t.sheet.ink(f'<path d="{"".join(out)}" fill="{paint}" opacity=".85"/>')


def clouds(t: Table, count: int, low: float = 0.1, high: float = 0.34) -> None:
    """Paper clouds between two heights (shares of the picture's)."""
    paper = t.palette.roles["p"] if not t.palette.dark else blend(t.palette.sky[0], t.palette.sky[1], 0.8)
    if t.cast.mood in {Mood.SOMBER, Mood.TENSE, Mood.GRIM}:
        paper = blend(paper, t.palette.sky[0], 0.5)
    for i in range(count):
        x = t.w * ((i + t.rng.uniform(0.15, 0.85)) / count)
        y = t.h * t.rng.uniform(low, high)
        size = t.rng.uniform(110, 210) * t.u
        t.sheet.cut(shapes.cloud(t.rng, x, y, size), paper, 26)


def birds(t: Table, x: float, y: float, count: int) -> None:
    """A loose flock of gulls far off."""
    ink = t.palette.roles["k"] if not t.palette.dark else t.palette.roles["q"]
    for i in range(count):
        bx = x + (i - count / 2) * t.rng.uniform(26, 40) * t.u
        by = y + t.rng.uniform(-30, 30) * t.u
        t.sheet.cut(shapes.bird(bx, by, t.rng.uniform(14, 30) * t.u, t.rng.uniform(-0.05, 0.15)), ink, 30)


def swarm(t: Table, x: float, y: float, count: int, spread: float) -> None:
    """Many small things of the scene on an arc through (x, y), ``spread`` px wide; gulls where it names none."""
    kin = t.cast.swarm
    if not kin or t.cast.quiet:
        birds(t, x, y, min(count, 6))
        return
    name = t.look(kin[0])
    paints = [t.palette.roles[r] for r in "apb"]
    for i in range(count):
        f = i / max(count - 1, 1)
        sx = x + (f - 0.5) * spread + t.rng.uniform(-0.04, 0.04) * spread
        sy = y - math.sin(f * math.pi) * spread * 0.14 + t.rng.uniform(-26, 26) * t.u
        size = t.rng.uniform(30, 58) * t.u
        spot = Spot(sx, sy, size, t.rng.uniform(-24, 24), t.rng.random() < 0.5, centred=True)
        if name.startswith("cut/"):
            t.lay(name, spot, 60, a=paints[i % 3])
        else:
            t.lay(name, spot, 60)


def weather(t: Table) -> None:
    """Rain, snow or mist over everything laid so far."""
    kind = t.cast.weather or ("snow" if t.cast.quiet and t.cast.seed % 3 == 0 else "")
    area, paper, out = t.w * t.h / (1024 * 600) / (t.u * t.u), t.palette.roles["p"], list[str]()
    if kind == "snow":
        out = [flake(t) for _ in range(int(110 * area))]
        t.sheet.cut("".join(out), paper, 150)
    elif kind == "rain":
        for _ in range(int(75 * area)):
            x, y, n = t.rng.uniform(-20, t.w + 60), t.rng.uniform(-20, t.h), t.rng.uniform(16, 40) * t.u
            s = t.rng.choice((0.7, 0.9, 1.3)) * t.u
            out.append(shapes.polygon([(x - s, y), (x + s, y), (x + s - n * 0.26, y + n), (x - s - n * 0.26, y + n)]))
        t.sheet.ink(f'<path d="{"".join(out)}" fill="{paper}" opacity=".42"/>')


def at_sea(t: Table) -> bool:
    return t.cast.places[:1] == ("sea",) and not t.cast.quiet


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


def flake(t: Table) -> str:
    return shapes.circle(t.rng.uniform(0, t.w), t.rng.uniform(0, t.h), t.rng.choice((1.3, 1.8, 2.6, 3.6)) * t.u)


def fringe(t: Table, fill: str, lift: float, *, both: bool = True) -> None:
    """Leaves that grow in from the lower corners, in the near dark."""
    for side in (-1, 1) if both else (1,):
        for i in range(3):
            x = (0 if side < 0 else t.w) - side * t.u * (18 + 42 * i)
            h = t.u * t.rng.uniform(120, 190) * (1 - 0.18 * i)
            t.sheet.cut(shapes.frond(x, t.h + 8 * t.u, h, -side * t.rng.uniform(5, 50) * t.u), fill, lift + i)
