"""A train on a viaduct, drawn."""

from __future__ import annotations

from . import shapes
from .palette import Hour
from .scenery import Box, Table, blend

#: Cut-outs for which the drawn train stands in a long view.
TRAINS = {"flat/tram", "flat/locomotive", "flat/railway-car", "cut/subway-train", "flat/mountain-railway"}


def viaduct(t: Table, y: float) -> None:
    """A stone viaduct across the valley, a lit train on it."""
    stone = blend(t.palette.roles["s"], t.palette.land[2], 0.35)
    span, deck, foot = t.u * 92, t.u * 16, t.h
    out = [shapes.box(-9, y, t.w + 18, deck)]
    x = -span * t.rng.random()
    while x < t.w + span:
        out.append(shapes.box(x - span * 0.11, y + deck - 1, span * 0.22, foot - y))
        out.append(f"M{x:.1f},{y + deck - 1:.1f}h{span:.1f}v{span * 0.42:.1f}"
                   f"Q{x + span * 0.95:.1f},{y + deck + 2:.1f} {x + span / 2:.1f},{y + deck + 3:.1f}"
                   f"Q{x + span * 0.05:.1f},{y + deck + 2:.1f} {x:.1f},{y + deck + span * 0.42:.1f}Z")  # fmt: skip
        x += span
    t.sheet.cut("".join(out), stone, 84)
    seam, shade = shapes.box(-9, y + deck * 0.75, t.w + 18, 1.5 * t.u), blend(stone, t.palette.land[6], 0.4)
    t.sheet.ink(f'<path d="{seam}" fill="{shade}"/>')
    t.used.append("own/train")
    t.boxes.append(train(t, y))


def train(t: Table, y: float) -> Box:
    """Six carriages and an engine, windows lit; where they stand (px)."""
    u, roles = t.u, t.palette.roles
    high, long, gap = 34 * u, 104 * u, 6 * u
    count = 5 if t.aspect > 1.3 else 3
    x0 = t.w * (0.94 if t.aspect > 1.3 else 0.99) - count * (long + gap)
    windows = roles["l"] if t.palette.hour in {Hour.NIGHT, Hour.DUSK} else blend(roles["p"], roles["v"], 0.4)
    for i in range(count):
        x = x0 + i * (long + gap)
        nose = 26 * u if i == 0 else 3 * u
        foot = y - 4 * u
        body = shapes.path(
            "M", x, foot, "V", foot - high * (0.5 if i == 0 else 0.94), "Q", x, foot - high, x + nose, foot - high,
            "H", x + long, "V", foot, "Z",
        )  # fmt: skip
        t.sheet.cut(body, roles["a"], 92)
        t.sheet.cut(shapes.box(x + 1, y - 13 * u, long - 1, 4 * u), roles["p"], 93)
        glass = "".join(
            shapes.box(x + (30 if i == 0 else 10) * u + k * 17 * u, y - 29 * u, 11 * u, 10 * u)
            for k in range(4 if i == 0 else 5)
        )
        t.sheet.cut(glass, windows, 93)
        t.sheet.cut(
            "".join(shapes.circle(x + f * long, y - 3 * u, 4.4 * u) for f in (0.16, 0.28, 0.72, 0.84)), roles["k"], 94
        )
    return x0, y - 4 * u - high, x0 + count * (long + gap) - gap, y
