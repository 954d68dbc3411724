"""Indoors: a still life at a window, a stage of nested frames, a mobile of hanging paper."""

from __future__ import annotations

import math

from . import shapes
from .compose_land import peaks, wood
from .cutouts import Spot
from .grouping import Level, Stage, perform
from .heavens import disc, drifts, sky, stars, swarm, weather
from .lexicon import Noun
from .palette import Hour
from .scenery import Table, blend, edge, fitted, hero, landscape, others, stage


def sill(t: Table) -> None:
    """A still life before a window, the day outside."""
    spot = stage(t)
    foot, top = spot.y, t.h * (0.05 if t.aspect > 1.3 else 0.16)
    wide = t.w * (t.rng.uniform(0.56, 0.66) if landscape(t) else 0.5 if t.aspect > 1.3 else 0.78)
    middle = t.w / 2 + (spot.x - t.w / 2) * (0.8 if t.aspect > 1.3 else 0)
    left, high = middle - wide / 2, foot - top
    outside(t, left, wide, foot)
    room(t, left, top, wide, high)
    curtains(t, left, top, wide, high)
    t.sheet.cut(shapes.box(left - wide * 0.06, foot - 4 * t.u, wide * 1.12, 17 * t.u), t.palette.roles["p"], 96)
    t.sheet.cut(shapes.box(left - wide * 0.04, foot + 13 * t.u, wide * 1.08, 7 * t.u), t.palette.roles["q"], 88)
    glow_of_lamps(t, middle, foot, high)
    perform(t, Stage(Level(foot - 4 * t.u), middle, spot.size * 0.86, left - wide * 0.03, left + wide * 1.03))
    dado(t, foot)


def glow_of_lamps(t: Table, x: float, foot: float, high: float) -> None:
    """Lamplight behind what stands on the sill, where it is dark or a lamp burns."""
    first = hero(t)
    burning = first is not None and bool({"candle", "lantern", "lamp"}.intersection(first.word.split()))
    if not (burning or t.palette.dark or t.palette.hour in {Hour.DUSK, Hour.NIGHT}):
        return
    share = 0.6 if burning else 0.42
    glow = t.sheet.gradient(((0, t.palette.roles["l"], share), (1, t.palette.roles["l"], 0)), radial=True)
    t.sheet.ink(f'<circle cx="{x:.0f}" cy="{foot - high * 0.45:.0f}" r="{high * 0.75:.0f}" fill="{glow}"/>')


def outside(t: Table, left: float, wide: float, foot: float) -> None:
    """What the window shows: sky, light, far hills."""
    sky(t, horizon=foot)
    if t.palette.hour is Hour.NIGHT:
        stars(t, 60)
    drifts(t)
    disc(t, left + wide * t.rng.uniform(0.22, 0.36), t.h * t.rng.uniform(0.18, 0.26), t.h * 0.075)
    if t.rng.random() < 0.4:
        peaks(t, foot - t.h * 0.1, t.h * 0.17, t.palette.land[1], 24)
    for i in range(2):
        ground = shapes.Ground(t.rng, t.w, foot - t.h * (0.12 - 0.05 * i), t.h * 0.03)
        t.sheet.cut(ground.path(t.h), t.palette.land[1 + i], 26 + 6 * i)
        wood(t, ground, t.palette.land[2 + i], 27 + 6 * i, 30)
    weather(t)


def room(t: Table, left: float, top: float, wide: float, high: float) -> None:
    """The wall with the window cut out of it, papered in stripes or sprigs; the frame and its bars."""
    wall, shade = t.palette.wall
    roles = t.palette.roles
    t.sheet.cut(shapes.box(-9, -9, t.w + 18, t.h + 18) + opening(left, top, wide, high), wall, 70)
    pattern(t, (left, top, wide, high), blend(wall, shade, 0.5))
    rim, bar = 9 * t.u, 7 * t.u
    paint = roles["p"] if not t.palette.dark else blend(roles["p"], shade, 0.25)
    t.sheet.cut(
        shapes.box(left - rim, top - rim, wide + 2 * rim, high + 2 * rim) + opening(left, top, wide, high), paint, 82
    )
    bars = shapes.box(left + wide / 2 - bar / 2, top, bar, high) + shapes.box(left, top + high * 0.4, wide, bar)
    t.sheet.cut(bars, paint, 60)


def opening(x: float, y: float, w: float, h: float) -> str:
    """A rectangle wound the other way round: a hole in the path it is added to."""
    return f"M{x:.1f},{y:.1f}v{h:.1f}h{w:.1f}v{-h:.1f}Z"


def pattern(t: Table, hole: tuple[float, float, float, float], paint: str) -> None:
    """Wallpaper: a small motif in rows over the wall."""
    left, top, wide, high = hole
    step, out = 46 * t.u, []
    striped = t.rng.random() < 0.5
    for i in range(int(t.w / step) + 1):
        x = i * step + step / 2
        clear = left - 16 * t.u < x < left + wide + 16 * t.u
        if striped:
            spans = ((0, top - 12 * t.u), (top + high, t.h)) if clear else ((0, t.h),)
            out += [shapes.box(x, y0, step * 0.34, y1 - y0) for y0, y1 in spans if y1 > y0]
            continue
        for j in range(int(t.h / step) + 1):
            y = j * step + (step / 2 if i % 2 else 0)
            if not (clear and top - 14 * t.u < y < top + high + 14 * t.u):
                out += [shapes.leaf(x, y, 15 * t.u, a) for a in (-math.pi / 2, -0.5, math.pi + 0.5)]
    t.sheet.ink(f'<path d="{"".join(out)}" fill="{paint}" opacity=".7"/>')


def curtains(t: Table, left: float, top: float, wide: float, high: float) -> None:
    """Curtains at both sides of the window, with their rod."""
    roles, reach = t.palette.roles, wide * 0.2
    cloth = roles["b"] if not t.cast.quiet else t.palette.wall[1]
    for side in (-1, 1):
        edge = left - 14 * t.u if side < 0 else left + wide + 14 * t.u
        for i, share in enumerate((1.0, 0.66, 0.34)):
            x = edge - side * reach * share
            y = top - 18 * t.u
            t.sheet.cut(
                shapes.path(
                    "M",
                    edge + side * 10 * t.u,
                    y,
                    "L",
                    x,
                    y,
                    "Q",
                    x + side * 6 * t.u,
                    y + high * 0.5,
                    edge - side * reach * share * 0.5,
                    y + high * 1.16,
                    "L",
                    edge + side * 10 * t.u,
                    y + high * 1.16,
                    "Z",
                ),
                blend(cloth, t.palette.wall[1], 0.16 * i),
                90 + 5 * i,
            )
    t.sheet.cut(shapes.box(left - wide * 0.1, top - 24 * t.u, wide * 1.2, 9 * t.u), roles["t"], 112)


def dado(t: Table, foot: float) -> None:
    """The wall below the sill: calm panels."""
    wall, shade = t.palette.wall
    y = foot + t.h * 0.075
    t.sheet.cut(shapes.box(-9, y, t.w + 18, t.h - y + 9), blend(wall, shade, 0.8), 76)
    t.sheet.cut(shapes.box(-9, y, t.w + 18, 9 * t.u), shade, 84)
    count = max(int(t.w / (190 * t.u)), 2)
    for i in range(count):
        w = t.w / count
        t.sheet.cut(shapes.box(i * w + w * 0.09, y + 32 * t.u, w * 0.82, t.h - y), shade, 80)


def diorama(t: Table) -> None:
    """A shadow-box: frame within frame of cut paper, the troupe in the innermost light."""
    spot = stage(t)
    land, roles = t.palette.land, t.palette.roles
    x = t.w / 2 + (spot.x - t.w / 2) * 0.6
    rx, ry = (t.w * 0.34, spot.size * 0.78) if t.aspect > 1.3 else (t.w * 0.4, t.h * 0.28)
    y = spot.y - ry * 0.56
    sky(t, horizon=spot.y)
    if t.palette.hour is Hour.NIGHT:
        stars(t, 40)
    disc(t, x + rx * t.rng.choice((-0.42, 0, 0.42)), y - ry * 0.2, min(t.w, t.h) * 0.13, 12)
    t.sheet.cut(*edge(t, spot.y - t.h * 0.035, t.h * 0.02, 1), 26)
    swarm(t, x, y - ry * 0.5, 5, rx * 1.1)
    t.sheet.cut(*edge(t, spot.y, t.h * 0.008, 3), 34)
    perform(t, Stage(Level(spot.y), x, ry * 1.24, x - rx * 0.76, x + rx * 0.76, 48))
    weather(t)
    wobble = [(t.rng.uniform(0.02, 0.05), n, t.rng.uniform(0, math.tau)) for n in (2, 3, 5, 8)]
    for i in range(5):
        k = 1 + i * 0.2
        lit = blend(t.palette.sky[1], t.palette.disc, 0.25 if t.palette.dark else 0)
        paper = blend(lit, blend(land[6], roles["k"], 0.3), (0.22, 0.42, 0.6, 0.8, 1.0)[i])
        growth(t, x, y, rx * k, ry * k, paper, 82 + 30 * i)
        hole = ring(x, y, rx * k, ry * k, wobble, i * 0.5)
        t.sheet.cut(shapes.box(-9, -9, t.w + 18, t.h + 18) + hole, paper, 84 + 30 * i)


def ring(x: float, y: float, rx: float, ry: float, wobble: list[tuple[float, int, float]], turn: float) -> str:
    """A wavering hole: wound against the sheet it is cut from."""
    points = []
    for i in range(34):
        a = -i / 34 * math.tau
        r = 1 + sum(s * math.sin(n * a + p + turn * n) for s, n, p in wobble)
        points.append((x + rx * r * math.cos(a), y + ry * r * math.sin(a)))
    return shapes.closed(points)


def growth(t: Table, x: float, y: float, rx: float, ry: float, paper: str, lift: float) -> None:
    """Plants that grow into the opening from a frame's lower edge."""
    out = []
    for _ in range(7):
        a = t.rng.uniform(0.2, 1.0) if t.rng.random() < 0.5 else math.pi - t.rng.uniform(0.2, 1.0)
        px, py = x + rx * 1.04 * math.cos(a), y + ry * 1.06 * math.sin(a)
        h = ry * t.rng.uniform(0.2, 0.42)
        if t.rng.random() < 0.5:
            out.append(shapes.frond(px, py, h, t.rng.uniform(-0.3, 0.3) * h))
        else:
            out.append(shapes.pine(px, py + h * 0.1, h))
    t.sheet.cut("".join(out), paper, lift)


def mobile(t: Table) -> None:
    """Paper things on threads from two twigs, turning in front of a plain wall."""
    wall, shade = t.palette.wall
    roles = t.palette.roles
    glow = t.sheet.gradient(((0.0, blend(wall, roles["p"], 0.45), 1), (1.0, blend(wall, shade, 0.35), 1)))
    t.sheet.cut(shapes.box(-2, -2, t.w + 4, t.h + 4), wall, 4)
    t.sheet.ink(f'<rect width="{t.w}" height="{t.h}" fill="{glow}"/>')
    spot = stage(t)
    t.sheet.cut(shapes.circle(spot.x, t.h * 0.32, min(t.w, t.h) * 0.3), blend(wall, t.palette.disc, 0.4), 10)
    y = t.h * (0.06 if landscape(t) else 0.085)
    twig(t, spot.x, y, t.w * (0.36 if t.aspect > 1.3 else 0.42))
    cast = [hero(t), *others(t, 6)] if not t.cast.quiet else [None]
    big = min(t.h * (0.36 if landscape(t) else 0.44), t.w * 0.44)
    upright = t.aspect < 1.3
    hang(t, cast[0], (spot.x, y, t.h * 0.09), big, 0)
    drops = [
        t.h * d for d in ((0.44, 0.40, 0.05, 0.09, 0) if upright else (t.rng.uniform(0.06, 0.26) for _ in range(5)))
    ]
    reach = t.w * (0.36 if t.aspect > 1.3 else 0.42)
    for i, dx in enumerate((-0.62, 0.66, -0.95, 0.96, -1.32)):
        noun = cast[i + 1] if i + 1 < len(cast) else None
        x = spot.x + dx * reach
        if 0.03 * t.w < x < 0.97 * t.w:
            hang(t, noun, (x, y if abs(dx) < 1.1 else 0, drops[i]), big * t.rng.uniform(0.32, 0.44), i + 1)


def twig(t: Table, x: float, y: float, reach: float) -> None:
    """The twig a mobile hangs from, with a few leaves."""
    u = t.u
    wood_ = t.palette.roles["t"]
    t.sheet.cut(
        shapes.path(
            "M",
            x - reach,
            y + 5 * u,
            "Q",
            x,
            y - 15 * u,
            x + reach,
            y + 3 * u,
            "L",
            x + reach,
            y + 7 * u,
            "Q",
            x,
            y - 3 * u,
            x - reach,
            y + 8 * u,
            "Z",
        ),
        wood_,
        120,
    )
    t.sheet.cut(shapes.box(x - 0.8 * u, -2, 1.6 * u, y), wood_, 110)
    for f in (-0.8, -0.3, 0.45, 0.85):
        t.sheet.cut(shapes.leaf(x + reach * f, y, 26 * u, -math.pi / 2 + f), t.palette.roles["g"], 124)


def hang(t: Table, noun: Noun | None, thread: tuple[float, float, float], size: float, turn: int) -> None:
    """Something on a thread from (x, y) down by ``drop`` px; stars, moons and birds where no noun is left."""
    x, y, drop = thread
    roles, top = t.palette.roles, y + drop
    t.sheet.cut(shapes.box(x - 0.7 * t.u, y, 1.4 * t.u, drop + 6 * t.u), blend(roles["k"], t.palette.wall[1], 0.4), 90)
    if noun is not None or t.cast.quiet:
        name = t.look(noun)
        fit = fitted(name, Spot(x, top, size, hung=True), size * 1.15)
        t.lay(name, Spot(x, top, fit.size, t.rng.uniform(-4, 4), hung=True), 150)
        return
    paint = roles["abplg"[(turn + t.cast.seed) % 5]]
    kind = (turn + t.cast.seed // 7) % 4
    r = size * 0.34
    if kind == 0:
        t.sheet.cut(shapes.star(x, top + r, r, 5, 0.45), paint, 140)
    elif kind == 1:
        t.sheet.cut(shapes.crescent(x, top + r, r), paint, 140)
    elif kind == 2:
        t.lay("own/paper-bird", Spot(x, top, r * 2.6, hung=True), 140)
    else:
        t.sheet.cut(shapes.cloud(t.rng, x, top + r * 1.2, r * 2.6), roles["p"], 140)
