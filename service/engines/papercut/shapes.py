"""Outlines drawn with our own scissors, as SVG paths in px: land, water, sky, plants."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from itertools import pairwise

Point = tuple[float, float]


def smooth(points: Sequence[Point]) -> str:
    """A curve through the middles of the lines between the points, open; begins with M."""
    (x0, y0), *rest = points
    out = [f"M{x0:.1f},{y0:.1f}"]
    for (x1, y1), (x2, y2) in pairwise(rest):
        out.append(f"Q{x1:.1f},{y1:.1f} {(x1 + x2) / 2:.1f},{(y1 + y2) / 2:.1f}")
    out.append(f"L{rest[-1][0]:.1f},{rest[-1][1]:.1f}")
    return "".join(out)


def closed(points: Sequence[Point]) -> str:
    """A smooth closed curve near the points."""
    (xa, ya), (xb, yb) = points[-1], points[0]
    out = [f"M{(xa + xb) / 2:.1f},{(ya + yb) / 2:.1f}"]
    for i, (x1, y1) in enumerate(points):
        x2, y2 = points[(i + 1) % len(points)]
        out.append(f"Q{x1:.1f},{y1:.1f} {(x1 + x2) / 2:.1f},{(y1 + y2) / 2:.1f}")
    return "".join(out) + "Z"


def path(*items: str | float) -> str:
    """An SVG path from its commands and numbers."""
    return " ".join(item if isinstance(item, str) else f"{item:.1f}" for item in items)


def polygon(points: Sequence[Point]) -> str:
    return "M" + "L".join(f"{x:.1f},{y:.1f}" for x, y in points) + "Z"


def circle(x: float, y: float, r: float) -> str:
    return f"M{x - r:.1f},{y:.1f}a{r:.1f},{r:.1f} 0 1 1 {2 * r:.1f},0a{r:.1f},{r:.1f} 0 1 1 {-2 * r:.1f},0Z"


def crescent(x: float, y: float, r: float) -> str:
    px, dy = x + r * 0.34, r * 0.94
    return (f"M{px:.1f},{y - dy:.1f}A{r:.1f},{r:.1f} 0 1 0 {px:.1f},{y + dy:.1f}"
            f"A{r * 0.97:.1f},{r * 0.97:.1f} 0 0 1 {px:.1f},{y - dy:.1f}Z")  # fmt: skip


def box(x: float, y: float, w: float, h: float) -> str:
    return f"M{x:.1f},{y:.1f}h{w:.1f}v{h:.1f}h{-w:.1f}Z"


class Ground:
    """The top edge of a layer: a smooth line whose height can be asked for, so that things can stand on it."""

    def __init__(self, rng: random.Random, width: float, y: float, amp: float) -> None:
        self.width, self.y = width, y
        self.waves = [
            (amp * share, rng.uniform(low, high), rng.uniform(0, math.tau))
            for share, low, high in ((0.62, 0.5, 1.1), (0.30, 1.3, 2.4), (0.10, 3.5, 5.5))
        ]

    def at(self, x: float) -> float:
        t = x / self.width * math.tau
        return self.y + sum(a * math.sin(f * t + p) for a, f, p in self.waves)

    def path(self, bottom: float) -> str:
        step = self.width / 28
        points = [(x, self.at(x)) for x in (step * (i - 1) for i in range(31))]
        return f"{smooth(points)}L{self.width * 1.1:.0f},{bottom:.0f}L{-self.width * 0.1:.0f},{bottom:.0f}Z"


def ridge(rng: random.Random, width: float, y: float, amp: float) -> list[Point]:
    """A mountain range's edge from left to right; peaks are the odd points."""
    x, points = -width * 0.1, [(-width * 0.1, y)]
    while x < width * 1.1:
        rise = rng.uniform(0.5, 1.0) * amp
        x += rise * rng.uniform(0.75, 1.15)
        points.append((x, y - rise))
        x += rise * rng.uniform(0.5, 1.0)
        points.append((x, y - rise * rng.uniform(0.12, 0.45)))
    return points


def under(points: Sequence[Point], bottom: float) -> str:
    return polygon([*points, (points[-1][0], bottom), (points[0][0], bottom)])


def shaded_sides(points: Sequence[Point], depth: float) -> str:
    """The sides of peaks turned from the light: a facet to the right of each peak, down to ``depth`` below it."""
    out = []
    for i in range(1, len(points) - 1, 2):
        (x, y), (xr, yr) = points[i], points[i + 1]
        drop = depth * 1.4
        out.append(polygon([(x, y), (xr, yr), (xr - drop * 0.1, yr + drop), (x - drop * 0.25, y + drop * 1.9),
                            (x + drop * 0.10, y + drop * 1.1), (x - drop * 0.16, y + drop * 0.55)]))  # fmt: skip
    return "".join(out)


def snow_caps(points: Sequence[Point], amp: float) -> str:
    """Snow on a mountain's top: SVG path data in px."""
    out = []
    for i in range(1, len(points) - 1, 2):
        (xl, yl), (x, y), (xr, yr) = points[i - 1 : i + 2]
        fall = amp * 0.30
        left = min(fall / max(yl - y, 1), 0.8)
        right = min(fall * 0.9 / max(yr - y, 1), 0.8)
        ax, ay = x + (xl - x) * left, y + (yl - y) * left
        bx, by = x + (xr - x) * right, y + (yr - y) * right
        w = bx - ax
        teeth = [(ax + w * 0.74, by - fall * 0.22), (ax + w * 0.56, by + fall * 0.14)]
        teeth += [(ax + w * 0.38, ay - fall * 0.26), (ax + w * 0.2, ay + fall * 0.10)]
        out.append(polygon([(x, y), (bx, by), *teeth, (ax, ay)]))
    return "".join(out)


def swell(width: float, y: float, length: float, height: float, shift: float, bottom: float) -> str:
    """A row of waves with pointed crests, as in a woodblock print."""
    x = -length * (1 + shift % 1)
    out = [f"M{x:.1f},{y:.1f}"]
    while x < width + length:
        half = length / 2
        out.append(f"Q{x + half * 0.5:.1f},{y + height:.1f} {x + half:.1f},{y + height * 0.35:.1f}")
        out.append(f"Q{x + half * 1.6:.1f},{y - height * 0.45:.1f} {x + length:.1f},{y:.1f}")
        x += length
    return "".join(out) + f"L{x:.1f},{bottom:.1f}L{-length * 2:.1f},{bottom:.1f}Z"


def cloud(rng: random.Random, x: float, y: float, size: float) -> str:
    """A cloud with a flat foot, ``size`` px wide, its foot at (x, y)."""
    low = size * 0.11
    left, across = x - size / 2 + low, size - 2 * low
    foot = f"M{left:.1f},{y:.1f}a{low:.1f},{low:.1f} 0 1 1 0,{-2 * low:.1f}h{across:.1f}"
    out = [foot + f"a{low:.1f},{low:.1f} 0 1 1 0,{2 * low:.1f}Z"]
    for share, bulge in ((-0.2, 0.13), (0.04, 0.19), (0.25, 0.12)):
        r = bulge * size * rng.uniform(0.9, 1.15)
        out.append(circle(x + (share + rng.uniform(-0.04, 0.04)) * size, y - low - r * 0.55, r))
    return "".join(out)


def bird(x: float, y: float, s: float, lift: float = 0.0) -> str:
    """A gull far off, ``s`` px from tip to tip."""
    h = s * (0.22 + lift)
    return (f"M{x - s / 2:.1f},{y - h:.1f}Q{x - s * 0.18:.1f},{y - h * 1.35:.1f} {x:.1f},{y:.1f}"
            f"Q{x + s * 0.18:.1f},{y - h * 1.35:.1f} {x + s / 2:.1f},{y - h:.1f}"
            f"Q{x + s * 0.16:.1f},{y - h * 0.75:.1f} {x:.1f},{y + s * 0.07:.1f}"
            f"Q{x - s * 0.16:.1f},{y - h * 0.75:.1f} {x - s / 2:.1f},{y - h:.1f}Z")  # fmt: skip


def star(x: float, y: float, r: float, points: int = 4, waist: float = 0.36) -> str:
    angles = [math.pi * i / points - math.pi / 2 for i in range(points * 2)]
    return polygon([(x + math.cos(a) * r * (waist if i % 2 else 1), y + math.sin(a) * r * (waist if i % 2 else 1))
                    for i, a in enumerate(angles)])  # fmt: skip


def rays(x: float, y: float, reach: float, count: int) -> str:
    step, turn = math.tau / count, math.pi / count / 2
    return "".join(
        f"M{x:.0f},{y:.0f}L{x + reach * math.cos(i * step + turn):.0f},{y + reach * math.sin(i * step + turn):.0f}"
        f"L{x + reach * math.cos((i + 0.5) * step + turn):.0f},{y + reach * math.sin((i + 0.5) * step + turn):.0f}Z"
        for i in range(count)
    )


def pine(x: float, y: float, h: float) -> str:
    """A fir of three tiers, its foot at (x, y)."""
    w = h * 0.24
    tiers = ((0.62, 0.64), (0.34, 0.66), (0.88, 0.37), (0.5, 0.39), (1.15, 0.1))
    trunk = h * 0.03
    right = [(x + w * out, y - h * up) for out, up in tiers]
    left = [(x - w * out, y - h * up) for out, up in reversed(tiers)]
    foot = [(x + trunk, y - h * 0.12), (x + trunk, y + h * 0.05), (x - trunk, y + h * 0.05), (x - trunk, y - h * 0.12)]
    return polygon([(x, y - h), *right, *foot, *left])


def leafy(x: float, y: float, h: float, *, slim: bool = False) -> str:
    """A tree with a full crown, or a poplar; its foot at (x, y)."""
    rx, ry = (h * 0.15, h * 0.42) if slim else (h * 0.33, h * 0.36)
    cy = y - h + ry
    trunk = h * 0.028
    left, right, up, down = x - rx, x + rx, cy - ry * 1.35, cy + ry * 1.2
    crown = f"M{left:.1f},{cy:.1f}C{left:.1f},{up:.1f} {right:.1f},{up:.1f} {right:.1f},{cy:.1f}"
    crown += f"C{right:.1f},{down:.1f} {left:.1f},{down:.1f} {left:.1f},{cy:.1f}Z"
    return crown + box(x - trunk, cy, trunk * 2, y - cy + h * 0.05)


def frond(x: float, y: float, h: float, lean: float) -> str:
    """A stem with leaves to both sides, its foot at (x, y), ``lean`` px to the side at its tip."""
    out = []
    n = 6
    for i in range(1, n + 1):
        t = i / n
        cx, cy = x + lean * t * t, y - h * t
        size = h * 0.26 * (1.12 - 0.62 * t)
        for side in (-1, 1):
            angle = -math.pi / 2 + side * (0.95 - 0.25 * t) + lean / h * t * 0.9
            out.append(leaf(cx, cy, size, angle))
    stem = h * 0.014
    curve = f"M{x - stem:.1f},{y:.1f}Q{x - stem:.1f},{y - h * 0.5:.1f} {x + lean:.1f},{y - h:.1f}"
    return curve + f"Q{x + stem:.1f},{y - h * 0.5:.1f} {x + stem:.1f},{y:.1f}Z" + "".join(out)


def leaf(x: float, y: float, size: float, angle: float) -> str:
    """A pointed leaf that grows from (x, y) in the direction ``angle`` (radians)."""
    tx, ty = x + math.cos(angle) * size, y + math.sin(angle) * size
    nx, ny = -math.sin(angle) * size * 0.3, math.cos(angle) * size * 0.3
    mx, my = x + math.cos(angle) * size * 0.45, y + math.sin(angle) * size * 0.45
    return (
        f"M{x:.1f},{y:.1f}Q{mx + nx:.1f},{my + ny:.1f} {tx:.1f},{ty:.1f}Q{mx - nx:.1f},{my - ny:.1f} {x:.1f},{y:.1f}Z"
    )


def tuft(rng: random.Random, x: float, y: float, h: float) -> str:
    """A few blades of grass."""
    out = []
    for _ in range(5):
        bx, lean, tall = x + rng.uniform(-0.3, 0.3) * h, rng.uniform(-0.45, 0.45) * h, rng.uniform(0.55, 1) * h
        w = h * 0.05
        out.append(f"M{bx - w:.1f},{y:.1f}Q{bx:.1f},{y - tall * 0.6:.1f} {bx + lean:.1f},{y - tall:.1f}"
                   f"Q{bx + w:.1f},{y - tall * 0.5:.1f} {bx + w:.1f},{y:.1f}Z")  # fmt: skip
    return "".join(out)
