"""Skies and what is in the air: sun and moon, clouds, flocks, rain, snow, mist, leaves."""

from __future__ import annotations

import math

from service.model import Mood

from . import shapes
from .cutouts import Spot
from .palette import Hour, natural
from .scenery import Table, blend


def sky(t: Table, *, horizon: float | None = None) -> None:
    """The lowest paper: a sky that pales to the horizon (px)."""
    top, low = t.palette.sky
    fill = t.sheet.gradient(((0.0, top, 1), (0.82, low, 1), (1.0, low, 1)))
    y = horizon if horizon is not None else t.h * 0.7
    t.sheet.cut(shapes.box(-2, -2, t.w + 4, t.h + 4), t.palette.sky[1], 4)
    t.sheet.ink(f'<rect width="{t.w}" height="{y + 2:.0f}" fill="{fill}"/>')


def moonlit(t: Table) -> bool:
    """Whether the disc is the moon: at night, and at dusk unless the scene speaks of the sun."""
    if t.palette.hour is Hour.NIGHT:
        return True
    return "moon" in t.cast.marks and "sun" not in t.cast.marks and t.palette.hour is not Hour.DAY


def disc(t: Table, x: float, y: float, r: float, lift: float = 14) -> None:
    """Sun or moon with its light around it."""
    moon = moonlit(t)
    paint = t.palette.disc if not moon else blend("#f3ead0", t.palette.sky[1], 0.12)
    glow = t.sheet.gradient(((0.0, paint, 0.5), (0.35, paint, 0.24), (1.0, paint, 0.0)), radial=True)
    t.sheet.ink(f'<circle cx="{x:.0f}" cy="{y:.0f}" r="{r * 3:.0f}" fill="{glow}"/>')
    if moon and ("crescent" in t.cast.marks or ("huge" not in t.cast.marks and t.cast.seed % 3 == 0)):
        t.sheet.cut(shapes.crescent(x, y, r), paint, lift)
        return
    t.sheet.cut(shapes.circle(x, y, r), paint, lift)
    if moon:
        shade = blend(paint, t.palette.sky[0], 0.16)
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
    if kind == "rays" and moonlit(t):
        kind = "rings"
    if "aurora" in t.cast.marks:
        aurora(t)
    elif kind == "rays":
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
    if t.palette.hour is Hour.NIGHT or "stars" in t.cast.marks:
        stars(t, 46)
    disc(t, x, y, r * (1.5 if "huge" in t.cast.marks else 1), 18)


def aurora(t: Table) -> None:
    """Northern lights: ribbons of green and violet paper that pale downward."""
    for i, hue in enumerate(("#58c99a", "#8f6fd0", "#4fb7a8", "#7fdc9a")):
        fade = t.sheet.gradient(((0.0, hue, 0.0), (0.55, hue, 0.55), (1.0, hue, 0.0)))
        top, step = t.h * (0.02 + 0.05 * i), t.w / 12
        wave = [top + t.h * 0.07 * math.sin(k * 0.9 + i * 1.7 + t.cast.seed % 7) for k in range(15)]
        upper = [(step * (k - 1), y) for k, y in enumerate(wave)]
        lower = [(x, y + t.h * 0.24) for x, y in reversed(upper)]
        t.sheet.ink(f'<path d="{shapes.smooth(upper)}L{shapes.smooth(lower)[1:]}Z" fill="{fade}"/>')


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
    """What flies in the scene, on an arc through (x, y), ``spread`` px wide; now and then gulls where nothing does."""
    kin = t.cast.troupe.aloft
    if not kin or t.cast.quiet:
        if t.rng.random() < 0.4:
            birds(t, x, y, min(count, 5))
        return
    for n, part in enumerate(kin[:2]):
        name, many = t.look(part.noun), part.many or part.noun.kind == "PLANTS"
        if not many:
            _single(t, name, x + (0.3 - 0.6 * n) * spread, y)
            continue
        for i in range(count if n == 0 else 3):
            f = i / max(count - 1, 1)
            sx = x + (f - 0.5) * spread + t.rng.uniform(-0.04, 0.04) * spread
            sy = y + 0.1 * n * t.h - math.sin(f * math.pi) * spread * 0.12 + t.rng.uniform(-24, 24) * t.u
            size = t.rng.choice((34, 42, 50, 64)) * t.u
            sy = max(sy, size * 0.6)
            t.lay(name, Spot(sx, sy, size, t.rng.uniform(-20, 20), t.rng.random() < 0.5, centred=True), 60)


def _single(t: Table, name: str, x: float, y: float) -> None:
    """One thing in the sky, large enough to be seen."""
    size = min(t.h * 0.22, t.w * 0.3)
    x = min(max(x, size * 0.7), t.w - size * 0.7)
    t.lay(name, Spot(x, max(y, size * 0.6), size, t.rng.uniform(-8, 8), centred=True), 60)


def weather(t: Table) -> None:
    """Rain, snow, mist, falling leaves or petals over everything laid so far."""
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
    elif kind == "mist":
        mist(t)
    if not t.cast.quiet:
        falling(t, area)


def mist(t: Table) -> None:
    """Banks of mist: pale bands that fade upward and downward."""
    pale = blend(t.palette.sky[1], t.palette.roles["p"], 0.55)
    fade = t.sheet.gradient(((0.0, pale, 0.0), (0.5, pale, 0.62), (1.0, pale, 0.0)))
    for y, high in ((0.30, 0.14), (0.42, 0.2), (0.56, 0.16)):
        x, top = t.w * t.rng.uniform(-0.3, 0.0), t.h * (y + t.rng.uniform(-0.02, 0.02))
        t.sheet.ink(
            f'<rect x="{x:.0f}" y="{top:.0f}" width="{t.w * 1.3:.0f}" height="{t.h * high:.0f}" fill="{fade}"/>'
        )


def falling(t: Table, area: float) -> None:
    """Leaves or petals in the air."""
    paints = ("#c9742f", "#e0a53c", "#b5533a") if "leaves" in t.cast.marks else ("#f3c3c6", "#e9a3ae", "#f8e6da")
    if not t.cast.marks & {"leaves", "petals"}:
        return
    for paint in paints:
        out = [
            shapes.leaf(t.rng.uniform(0, t.w), t.rng.uniform(0, 0.62) * t.h, t.rng.uniform(9, 20) * t.u,
                        t.rng.uniform(0, math.tau))
            for _ in range(int(13 * area))
        ]  # fmt: skip
        t.sheet.cut("".join(out), natural(paint, t.palette), 170)


def flake(t: Table) -> str:
    return shapes.circle(t.rng.uniform(0, t.w), t.rng.uniform(0, t.h), t.rng.choice((1.3, 1.8, 2.6, 3.6)) * t.u)
