"""What a troupe stands on: hills, a wall, a roof's ridge, planks over water, a table's edge. Calm below its edge."""

from __future__ import annotations

from . import shapes
from .grouping import Land, Level
from .scenery import Table, at_sea, blend, edge, fringe

LIFT = 128


def ledge(t: Table, y: float, plain: str = "") -> Land:
    """Lay the ground at height ``y`` (px) in front of what was laid, ``plain`` where no word says which; its edge."""
    kind = t.cast.troupe.ledge or plain if not t.cast.quiet else ""
    draw = {"wall": wall, "roof": roof, "planks": planks, "table": table}.get(kind)
    if draw is None or (at_sea(t) and kind == "roof"):
        return hills(t, y)
    draw(t, y)
    return Level(y)


def hills(t: Table, y: float) -> Land:
    """Three papers, each darker, as the place has it: rolling land, or waves."""
    first = shapes.Ground(t.rng, t.w, y - t.h * 0.004, t.h * t.rng.uniform(0.003, 0.008))
    for i, share in enumerate((0.0, 0.34, 0.68)):
        top = y + (t.h - y) * share
        ground = first if i == 0 else shapes.Ground(t.rng, t.w, top, t.h * 0.02)
        path, paper = edge(t, top, 0, 3 + i) if at_sea(t) else (ground.path(t.h + 9), t.palette.land[4 + i])
        t.sheet.cut(path, paper, LIFT + 20 * i)
    if not at_sea(t):
        fringe(t, blend(t.palette.land[6], t.palette.roles["k"], 0.35), 190)
    return first


def wall(t: Table, y: float) -> None:
    """A wall of stones with a coping."""
    stone = blend(t.palette.roles["s"], t.palette.land[5], 0.6)
    t.sheet.cut(shapes.box(-9, y, t.w + 18, t.h - y + 9), stone, LIFT)
    out, high = [], 46 * t.u
    for row in range(int((t.h - y) / high) + 1):
        x = -t.rng.uniform(0, 90) * t.u
        while x < t.w:
            w = t.rng.uniform(70, 130) * t.u
            out.append(shapes.box(x + 2 * t.u, y + 18 * t.u + row * high + 2 * t.u, w - 4 * t.u, high - 4 * t.u))
            x += w
    t.sheet.cut("".join(out), blend(stone, t.palette.land[6], 0.3), LIFT + 4)
    t.sheet.cut(shapes.box(-9, y - 2 * t.u, t.w + 18, 18 * t.u), blend(stone, t.palette.roles["p"], 0.3), LIFT + 14)


def roof(t: Table, y: float) -> None:
    """A great roof seen from its ridge: rows of round tiles."""
    clay = blend(blend(t.palette.roles["a"], "#9a4a35", 0.5), t.palette.land[6], 0.42 if not t.palette.dark else 0.62)
    wide, high = 44 * t.u, 40 * t.u
    rows = int((t.h - y) / high) + 2
    for row in reversed(range(rows)):
        top = y + row * high - high * 0.4
        shift = wide / 2 if row % 2 else 0
        out = [_tile(x * wide - shift, top, wide, high) for x in range(int(t.w / wide) + 3)]
        t.sheet.cut("".join(out), blend(clay, t.palette.land[6], min(0.12 * row, 0.8)), LIFT + 24 - 2 * row)
    ridge = [shapes.box(i * 70 * t.u + 1, y - 2 * t.u, 68 * t.u, 16 * t.u) for i in range(int(t.w / (70 * t.u)) + 1)]
    t.sheet.cut("".join(ridge), blend(clay, t.palette.roles["p"], 0.14), LIFT + 34)


def _tile(x: float, y: float, w: float, h: float) -> str:
    return f"M{x - w / 2:.1f},{y:.1f}h{w:.1f}v{h:.1f}a{w / 2:.1f},{h * 0.5:.1f} 0 0 1 {-w:.1f},0Z"


def planks(t: Table, y: float) -> None:
    """A jetty or platform of boards on posts; still water or shade below."""
    water = t.palette.water if at_sea(t) or "river" in t.cast.places else t.palette.land[1:]
    wood = blend("#a87c4f", t.palette.land[5], 0.45)
    for i in range(3):
        top = y + (t.h - y) * (0.16 + 0.28 * i)
        t.sheet.cut(shapes.swell(t.w, top, (110 + 40 * i) * t.u, (5 + 3 * i) * t.u, t.rng.random(), t.h + 9),
                    water[min(3 + i, 5)], LIFT - 30 + 6 * i)  # fmt: skip
    posts = [shapes.box(t.w * (0.07 + 0.215 * i), y, 17 * t.u, (t.h - y) * 0.62) for i in range(5)]
    t.sheet.cut("".join(posts), blend(wood, t.palette.roles["k"], 0.55), LIFT)
    t.sheet.cut(shapes.box(-9, y, t.w + 18, 24 * t.u), wood, LIFT + 12)
    seams = [shapes.box(i * 58 * t.u, y, 1.6 * t.u, 24 * t.u) for i in range(int(t.w / (58 * t.u)) + 1)]
    t.sheet.ink(f'<path d="{"".join(seams)}" fill="{blend(wood, t.palette.roles["k"], 0.5)}"/>')
    t.sheet.cut(shapes.box(-9, y + 24 * t.u, t.w + 18, 8 * t.u), blend(wood, t.palette.roles["k"], 0.4), LIFT + 8)


def table(t: Table, y: float) -> None:
    """A table's edge with a cloth over it."""
    wood = blend("#9c6f47", t.palette.land[6], 0.3)
    cloth = blend(t.palette.roles["b"], t.palette.land[5], 0.35)
    t.sheet.cut(shapes.box(-9, y, t.w + 18, t.h - y + 9), blend(t.palette.land[6], wood, 0.3), LIFT - 10)
    t.sheet.cut(shapes.box(-9, y, t.w + 18, 26 * t.u), wood, LIFT + 6)
    left, right, drop = t.w * 0.08, t.w * 0.92, (t.h - y) * 0.55
    n = 9
    step = (right - left) / n
    hem = "".join(f"q{-step / 2:.1f},{18 * t.u:.1f} {-step:.1f},0" for _ in range(n))
    t.sheet.cut(f"M{left:.1f},{y - 2 * t.u:.1f}H{right:.1f}V{y + drop:.1f}{hem}Z", cloth, LIFT + 12)
    t.sheet.cut(
        shapes.box(left, y + drop - 26 * t.u, right - left, 7 * t.u), blend(cloth, t.palette.roles["p"], 0.4), LIFT + 14
    )
