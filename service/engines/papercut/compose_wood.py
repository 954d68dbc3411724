"""The wood: a clearing seen between trunks."""

from __future__ import annotations

from . import shapes
from .grouping import Stage, perform
from .heavens import heavens, sky, swarm, weather
from .ledges import ledge
from .scenery import Table, blend, fringe, stage


def clearing(t: Table) -> None:
    """Looking between trunks into a lit clearing."""
    spot = stage(t)
    x = t.w * 0.5 + (spot.x - t.w * 0.5) * 0.5
    sky(t, horizon=t.h * 0.8)
    land, roles = t.palette.land, t.palette.roles
    heavens(t, x + t.w * t.rng.uniform(-0.1, 0.1), spot.y - t.h * 0.26, min(t.w, t.h) * 0.16)
    back = shapes.Ground(t.rng, t.w, spot.y - t.h * 0.06, t.h * 0.02)
    for i in range(3):
        trunks(t, 11 - 3 * i, (13 + 9 * i) * t.u, blend(land[i], land[2 + i], 0.4), 30 + 14 * i, x)
        t.sheet.cut(shapes.Ground(t.rng, t.w, back.y + i * t.h * 0.02, t.h * 0.012).path(t.h), land[1 + i], 34 + 14 * i)
    swarm(t, x - t.w * 0.1, t.h * 0.2, 5, t.w * 0.26)
    perform(t, Stage(ledge(t, spot.y), x, spot.size * 0.92, t.w * 0.14, t.w * 0.86))
    trunks(t, 4, 62 * t.u, blend(land[6], roles["k"], 0.45), 196, x, keep=0.36)
    fringe(t, blend(land[6], roles["k"], 0.6), 206)
    weather(t)


def trunks(t: Table, count: int, wide: float, fill: str, lift: float, gap_x: float, *, keep: float = 0.09) -> None:
    """Tree trunks with a branch or two, leaving a gap of ``keep`` of the width about ``gap_x``."""
    out = []
    for i in range(count):
        x = t.w * (i + t.rng.uniform(0.2, 0.8)) / count
        if abs(x - gap_x) < t.w * keep:
            x = gap_x + (keep + 0.03) * t.w * (1 if x > gap_x else -1)
        half, lean = wide * t.rng.uniform(0.32, 0.55), t.rng.uniform(-0.04, 0.04) * t.h
        out.append(
            shapes.path(
                "M",
                x - half * 1.5,
                t.h,
                "Q",
                x - half,
                t.h * 0.5,
                x - half * 0.7 + lean,
                -5,
                "H",
                x + half * 0.7 + lean,
                "Q",
                x + half,
                t.h * 0.5,
                x + half * 1.5,
                t.h,
                "Z",
            )
        )
        t.sheet.cut("".join(boughs(t, x, lean, half, wide)), fill, lift)
    t.sheet.cut("".join(out), fill, lift)


def boughs(t: Table, x: float, lean: float, half: float, wide: float) -> list[str]:
    """Two bare branches of a trunk that leans ``lean`` px over the picture's height."""
    out = []
    for _ in range(2):
        y, side = t.rng.uniform(0.04, 0.36) * t.h, t.rng.choice((-1, 1))
        reach = wide * t.rng.uniform(1.6, 3.0)
        bx = x + lean * (1 - y / t.h)
        out.append(
            shapes.path(
                "M",
                bx,
                y + half,
                "Q",
                bx + side * reach * 0.5,
                y - half * 0.1,
                bx + side * reach,
                y - reach * 0.5,
                "Q",
                bx + side * reach * 0.4,
                y - half * 0.8,
                bx,
                y - half * 0.5,
                "Z",
            )
        )
    return out
