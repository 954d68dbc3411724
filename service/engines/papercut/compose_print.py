"""Printed matter: a quilt of motifs, a medallion in a wreath."""

from __future__ import annotations

import math
import random

from . import shapes
from .compose_land import far_country
from .compose_room import ring
from .cutouts import Spot
from .grouping import Level, Stage, perform
from .heavens import clouds, heavens, sky, swarm
from .scenery import Table, blend, edge, fitted, landscape, others, stage

Cell = tuple[float, float, float, float]  #: left, top, width, height (px)


def quilt(t: Table) -> None:
    """A patchwork of paper squares; one large patch is the hero's, some hold the scene's other things."""
    side = min(t.w, t.h) / (4 if t.aspect > 0.8 else 5)
    columns, rows = max(round(t.w / side), 3), max(round(t.h / side), 3)
    cw, ch = t.w / columns, t.h / rows
    span = 2 if rows < 5 else 3
    bx = t.rng.choice((1, columns // 2 - 1, columns - span - 2)) if t.aspect > 1.3 else (columns - span) // 2
    bx = min(max(bx, 0), columns - span)
    by = 0 if landscape(t) else min(1 if rows >= 4 else 0, rows - span)
    across = span + 1 if landscape(t) else span
    cells = [(c, r) for r in range(rows) for c in range(columns) if not (bx <= c < bx + across and by <= r < by + span)]
    for c, r in cells:
        patch(t, (c * cw, r * ch, cw, ch), calm=r >= rows * 0.6)
    upper = [(c, r) for c, r in cells if r < rows * (0.5 if landscape(t) else 0.72)]
    t.rng.shuffle(upper)
    for noun, (c, r) in zip(others(t, 7), upper, strict=False):
        motif(t, t.look(noun), (c * cw, r * ch, cw, ch))
    great_patch(t, (bx * cw, by * ch, across * cw, span * ch))


def papers(t: Table) -> list[str]:
    r = t.palette.roles
    return [t.palette.land[1], t.palette.land[3], t.palette.land[5], r["a"], r["b"], r["p"], t.palette.sky[0], r["l"]]


def patch(t: Table, at: Cell, *, calm: bool) -> None:
    """One square: a ground and a plain figure cut of one or two curves."""
    x, y, w, h = at
    land = t.palette.land
    choice = papers(t) if not calm else [land[4], land[5], land[6], blend(land[5], t.palette.roles["k"], 0.2)]
    ground, figure = t.rng.sample(choice, 2)
    if calm:
        figure = blend(ground, figure, 0.6)
    t.sheet.cut(shapes.box(x - 0.5, y - 0.5, w + 1, h + 1), ground, 20 + t.rng.choice((0, 6, 12)))
    draw = t.rng.choice((_quarter, _leaves, _sun, _waves, _hills, _dots, _quarter, _petals))
    t.sheet.cut(draw(t.rng, at), figure, 46)


def _quarter(rng: random.Random, cell: Cell) -> str:
    x, y, w, h = cell
    px, py = x + w * rng.choice((0, 1)), y + h * rng.choice((0, 1))
    sx, sy = (1 if px == x else -1), (1 if py == y else -1)
    sweep = 1 if sx * sy < 0 else 0
    return f"M{px:.1f},{py:.1f}h{sx * w:.1f}A{w:.1f},{h:.1f} 0 0 {1 - sweep} {px:.1f},{py + sy * h:.1f}Z"


def _leaves(rng: random.Random, cell: Cell) -> str:
    x, y, w, h = cell
    d = rng.choice((1, -1))
    px, qx = (x, x + w) if d > 0 else (x + w, x)
    return (f"M{px:.1f},{y:.1f}C{px:.1f},{y + h * 0.75:.1f} {qx - d * w * 0.25:.1f},{y + h:.1f} {qx:.1f},{y + h:.1f}"
            f"C{qx:.1f},{y + h * 0.25:.1f} {px + d * w * 0.25:.1f},{y:.1f} {px:.1f},{y:.1f}Z")  # fmt: skip


def _sun(_rng: random.Random, cell: Cell) -> str:
    x, y, w, h = cell
    r = w * 0.40
    return f"M{x + w / 2 - r:.1f},{y + h:.1f}A{r:.1f},{r:.1f} 0 0 1 {x + w / 2 + r:.1f},{y + h:.1f}Z" + shapes.circle(
        x + w / 2, y + h * 0.26, w * 0.09
    )


def _waves(_rng: random.Random, cell: Cell) -> str:
    x, y, w, h = cell
    out = []
    for i in range(3):
        yy, d, k = y + h * (0.2 + 0.28 * i), h * 0.1, h * 0.09
        out.append(
            shapes.path(
                "M",
                x,
                yy,
                "Q",
                x + w / 4,
                yy - d * 2,
                x + w / 2,
                yy,
                "T",
                x + w,
                yy,
                "v",
                k,
                "Q",
                x + w * 0.75,
                yy + d * 2 + k,
                x + w / 2,
                yy + k,
                "T",
                x,
                yy + k,
                "Z",
            )
        )
    return "".join(out)


def _hills(_rng: random.Random, cell: Cell) -> str:
    x, y, w, h = cell
    return shapes.path(
        "M",
        x,
        y + h,
        "V",
        y + h * 0.55,
        "Q",
        x + w * 0.25,
        y + h * 0.2,
        x + w * 0.5,
        y + h * 0.55,
        "T",
        x + w,
        y + h * 0.5,
        "V",
        y + h,
        "Z",
    ) + shapes.circle(x + w * 0.72, y + h * 0.24, w * 0.11)


def _dots(_rng: random.Random, cell: Cell) -> str:
    x, y, w, h = cell
    return "".join(
        shapes.circle(x + w * (i + 0.5) / 3, y + h * (j + 0.5) / 3, w * 0.085) for i in range(3) for j in range(3)
    )


def _petals(_rng: random.Random, cell: Cell) -> str:
    x, y, w, h = cell
    cx, cy = x + w / 2, y + h / 2
    return "".join(shapes.leaf(cx, cy, w * 0.44, i * math.pi / 4) for i in range(8))


def motif(t: Table, name: str, at: Cell) -> None:
    """A square with one thing of the scene."""
    x, y, w, h = at
    ground = t.rng.choice((t.palette.roles["p"], t.palette.land[1], t.palette.sky[0], t.palette.land[2]))
    t.sheet.cut(shapes.box(x - 0.5, y - 0.5, w + 1, h + 1), ground, 60)
    spot = _middle(name, x + w / 2, y + h / 2, w * 0.74, h * 0.74)
    t.lay(name, spot, 70)


def _middle(name: str, x: float, y: float, w: float, h: float) -> Spot:
    fit = fitted(name, Spot(x, y, h), w)
    return Spot(x, y, fit.size, centred=True)


def great_patch(t: Table, at: Cell) -> None:
    """The quilt's great patch: the hero on its own ground."""
    x, y, w, h = at
    roles = t.palette.roles
    m = min(w, h) * 0.045
    t.sheet.cut(shapes.box(x - 0.5, y - 0.5, w + 1, h + 1), roles["p"], 64)
    t.sheet.cut(shapes.box(x + m, y + m, w - 2 * m, h - 2 * m), t.palette.sky[1], 58)
    t.sheet.cut(shapes.circle(x + w / 2, y + h / 2, min(w, h) * 0.38), t.palette.disc, 74)
    low = y + h * 0.76
    t.sheet.cut(
        shapes.path(
            "M",
            x + m,
            y + h - m,
            "V",
            low,
            "Q",
            x + w * 0.3,
            low - h * 0.09,
            x + w / 2,
            low,
            "T",
            x + w - m,
            low,
            "V",
            y + h - m,
            "Z",
        ),
        t.palette.land[4],
        96,
    )
    perform(t, Stage(Level(y + h * 0.88), x + w / 2, h * 0.7, x + m * 1.4, x + w - m * 1.4, 110))


def medallion(t: Table) -> None:
    """A round window in plain paper, the scene within, a wreath about it."""
    spot = stage(t)
    sky(t, horizon=t.h * 0.6)
    r = min(t.h * (0.49 if landscape(t) else 0.43), t.w * 0.38)
    x, y = t.w / 2 + (spot.x - t.w / 2) * 0.9, t.h * (0.44 if landscape(t) else 0.47 if t.aspect > 1.3 else 0.4)
    heavens(t, x + r * t.rng.uniform(-0.4, 0.4), y - r * 0.4, r * 0.3)
    clouds(t, 4, 0.1, 0.24)
    foot = spot.y if landscape(t) else y + r * 0.5
    far_country(t, foot - r * 0.1)
    t.sheet.cut(*edge(t, foot - r * 0.05, r * 0.04, 2), 56)
    swarm(t, x, y - r * 0.5, 5, r * 1.1)
    reach = math.sqrt(max(r * r - (foot - y) ** 2, 0)) * 0.94
    for i in range(3):
        t.sheet.cut(*edge(t, foot + r * (0.02 + 0.24 * i), r * 0.012, 4 + i), 66 + 8 * i)
    perform(t, Stage(Level(foot), x, (foot - y + r) * 0.66, x - reach, x + reach, 96))
    mount(t, x, y, r)


def mount(t: Table, x: float, y: float, r: float) -> None:
    """The plain paper with its round window, and the wreath."""
    roles, land = t.palette.roles, t.palette.land
    dark = t.rng.random() < 0.5 or t.palette.dark
    plain = blend(land[5], land[6], 0.6) if dark else roles["p"]
    for i, (k, paper) in enumerate(((1.0, blend(plain, roles["a"], 0.55)), (1.045, plain))):
        t.sheet.cut(
            shapes.box(-9, -9, t.w + 18, t.h + 18) + ring(x, y, r * k, r * k, [(0, 1, 0)], 0), paper, 130 + 20 * i
        )
    greens = [blend(roles["g"], land[4], 0.3), blend(roles["g"], land[5], 0.6), roles["b"]]
    if t.cast.quiet:
        greens = [blend(plain, roles["s"], 0.5)] * 3
    layers: list[list[str]] = [[], [], []]
    n = 46
    for i in range(n):
        a = math.pi * 0.5 + (i - n / 2) / n * math.tau * 0.80
        px, py = x + r * 1.075 * math.cos(a), y + r * 1.075 * math.sin(a)
        along = a + (math.pi / 2 if i > n / 2 else -math.pi / 2)
        lean = 0.55 if i % 2 else -0.55
        layers[i % 2].append(shapes.leaf(px, py, r * t.rng.uniform(0.15, 0.22), along + lean))
        if i % 5 == 2:
            layers[2].append(shapes.circle(px + r * 0.02, py, r * 0.024))
    for k, (leaves, paint) in enumerate(zip(layers, greens, strict=True)):
        t.sheet.cut("".join(leaves), paint if k < 2 else roles["a"], 176 + 8 * k)
    sprinkle(t, x, y, r, plain)


def sprinkle(t: Table, x: float, y: float, r: float, plain: str) -> None:
    """Small leaves strewn over the plain paper, hardly darker than it."""
    out = []
    for _ in range(int(34 * t.w * t.h / (1024 * 600) / (t.u * t.u))):
        px, py = t.rng.uniform(0, t.w), t.rng.uniform(0, t.h)
        if math.hypot(px - x, py - y) > r * 1.36:
            out.append(shapes.leaf(px, py, t.rng.uniform(12, 22) * t.u, t.rng.uniform(0, math.tau)))
    t.sheet.ink(f'<path d="{"".join(out)}" fill="{blend(plain, t.palette.land[3], 0.3)}"/>')
