"""The ground of a slide without a picture: a slope of colour by mood, and a quiet drawing upon it by the story.

Two stories of one mood rarely get the same: three grounds a mood, six drawings, each with its own numbers. The drawing
keeps to the upper part; what lies under the type fades into the paper, so that the type is always read.
"""

from __future__ import annotations

import base64
import math
import random
from collections.abc import Callable
from dataclasses import dataclass

from service.model import Mood

from .colour import Tones


@dataclass(frozen=True, slots=True)
class Card:
    """Two ends of a slope of colour and a glow upon it, and the drawing as a ``data:`` address."""

    tones: Tones
    slope: str  #: the colour at the far end; the near end is the paper
    glow: str
    drawing: str = ""


@dataclass(frozen=True, slots=True)
class _Sheet:
    """What a drawing is made on. ``u``: px of one unit at 1024x600."""

    width: float
    height: float
    u: float
    card: Card
    dice: random.Random


# paper, slope, glow
GROUNDS = {
    Mood.JOYFUL: ("#ffd9a0 #ff9d7c #fff1cf", "#ffe3b3 #f7b267 #fff6df", "#ffd3c2 #f28482 #ffeede"),
    Mood.PLAYFUL: ("#b9e5d3 #7cc4d9 #f4f6cf", "#d9e8b0 #8fc98b #fbf6d4", "#d7d5f2 #9aa5e0 #fbf0e4"),
    Mood.HOPEFUL: ("#f9dcc9 #b3c8ea #fff6dd", "#e6ead2 #a9cfc4 #fff7e0", "#f4dfe2 #c5b8e2 #fff4e6"),
    Mood.CALM: (
        "#123f46 #1e6a66 #5fae9b",
        "#17324d #28587b #7fa9c4",
        "#2b3a2a #4f6b4a #a3b88c",
        "#3b2f4a #5d4d78 #a593bd",
    ),
    Mood.TENSE: ("#3a1d16 #6d3320 #b8683a", "#33221a #6b4a22 #c08a3e", "#3a1a28 #6c2c42 #b85c6a"),
    Mood.SOMBER: ("#1d2638 #33415c #6f7f9e", "#23272b #3f484f #84919a", "#2a2433 #463d57 #857a9c"),
    Mood.GRIM: ("#1b1a1c #2d2b2e #57514f", "#171b1f #272e34 #4d565c"),
}
# ink, soft ink, accent
INKS = {
    Mood.JOYFUL: "#45140f #6b2a1d #c2371f",
    Mood.PLAYFUL: "#0c2e3c #17475a #b8431f",
    Mood.HOPEFUL: "#1f2a4d #3a456b #b1502d",
    Mood.CALM: "#f2faf5 #cfe6dc #f0c987",
    Mood.TENSE: "#fdf3ea #ecd2bf #f0a35e",
    Mood.SOMBER: "#f1f4fa #cbd4e4 #aebfdd",
    Mood.GRIM: "#f3f0ec #cfc9c2 #b9aa96",
}


def card(mood: Mood, story_id: str, size: tuple[float, float, float], *, mirrored: bool) -> Card:
    """The ground for a story. ``size``: width and height (px) and px of one unit; ``mirrored`` for right-to-left."""
    dice = random.Random(story_id)
    paper, slope, glow = dice.choice(GROUNDS[mood]).split()
    ink, soft, accent = INKS[mood].split()
    plain = Card(Tones(paper, ink, soft, accent, dark=ink > "#888888"), slope, glow)
    width, height, _ = size
    drawn = dice.choice(QUIET if mood in (Mood.SOMBER, Mood.GRIM) else DRAWINGS)(_Sheet(*size, plain, dice))
    flip = f'transform="translate({width:.0f} 0) scale(-1 1)"' if mirrored else ""
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}"><defs>'
        f'<linearGradient id="g" x2=".3" y2="1"><stop stop-color="{slope}"/>'
        f'<stop offset=".7" stop-color="{paper}"/></linearGradient><linearGradient id="d" x2=".4" y2="1">'
        f'<stop stop-color="{glow}"/><stop offset=".9" stop-color="{slope}"/></linearGradient></defs>'
        f'<rect width="100%" height="100%" fill="url(#g)"/><g {flip}>{drawn}</g></svg>'
    )
    return Card(plain.tones, slope, glow, "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode())


# -- drawings: SVG in the sheet's px, for left-to-right ---------------------------------------------------------------


def _disc(x: float, y: float, r: float, fill: str = "url(#d)", more: str = "") -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{r:.1f}" fill="{fill}" {more}/>'


def _ring(sheet: _Sheet, x: float, y: float, r: float, opacity: float) -> str:
    stroke = f'stroke="{sheet.card.tones.accent}" stroke-width="{2 * sheet.u:.1f}" opacity="{opacity:.2f}"'
    return _disc(x, y, r, "none", stroke)


def _sun(sheet: _Sheet) -> str:
    """A disc within rings."""
    r = sheet.u * sheet.dice.uniform(95, 135)
    x, y = sheet.width * sheet.dice.uniform(0.66, 0.8), sheet.height * sheet.dice.uniform(0.26, 0.33)
    rings = sheet.dice.randint(2, 4)
    return "".join(_ring(sheet, x, y, r * (1.4 + 0.42 * n), 0.36 - 0.08 * n) for n in range(rings)) + _disc(x, y, r)


def _hills(sheet: _Sheet) -> str:
    """A low sun behind layers of hills that fade into the paper."""
    sun = _disc(sheet.width * sheet.dice.uniform(0.6, 0.82), 0.3 * sheet.height, sheet.u * sheet.dice.uniform(60, 85))
    layers = []
    for n, opacity in enumerate((0.35, 0.5, 0.75, 1.0)):
        base, high = sheet.height * (0.36 + 0.085 * n), sheet.u * (46 - 7 * n)
        phase, waves = sheet.dice.uniform(0, 6.3), sheet.dice.uniform(1.2, 2.6)
        points = " ".join(
            f"L{x:.0f} {base - high * math.sin(phase + waves * 6.28 * x / sheet.width):.1f}"
            for x in _steps(sheet.width)
        )
        fill = sheet.card.tones.paper if n == 3 else sheet.card.glow if n == 0 else sheet.card.slope
        layers.append(
            f'<path d="M0 {sheet.height:.0f} {points} V{sheet.height:.0f}Z" fill="{fill}" opacity="{opacity}"/>'
        )
    return sun + "".join(layers)


def _arches(sheet: _Sheet) -> str:
    """Arches within arches, standing on the far side."""
    x, y = sheet.width * sheet.dice.uniform(0.62, 0.76), sheet.height * 0.56
    count, step = sheet.dice.randint(4, 6), sheet.u * sheet.dice.uniform(36, 46)
    fills = (sheet.card.glow, sheet.card.slope)
    arches = [
        f'<path d="M{x - r:.1f} {y:.1f}a{r:.1f} {r:.1f} 0 0 1 {2 * r:.1f} 0Z" fill="{fills[n % 2]}" '
        f'opacity="{0.35 + 0.5 * n / count:.2f}"/>'
        for n in range(count)
        if (r := step * (count - n))
    ]
    return "".join(arches)


def _waves(sheet: _Sheet) -> str:
    """Long lines of water, nearer ones further apart."""
    lines = []
    for n in range(9):
        y, high = sheet.height * (0.1 + 0.052 * n), sheet.u * (4 + 1.6 * n)
        phase = sheet.dice.uniform(0, 6.3)
        points = " ".join(
            f"{x:.0f},{y + high * math.sin(phase + (9 - 0.5 * n) * x / sheet.width):.1f}" for x in _steps(sheet.width)
        )
        lines.append(
            f'<polyline points="{points}" fill="none" stroke="{sheet.card.glow}" stroke-width="{sheet.u * 2.4:.1f}" '
            f'opacity="{0.5 - 0.045 * n:.2f}"/>'
        )
    return _disc(sheet.width * sheet.dice.uniform(0.64, 0.82), 0.2 * sheet.height, sheet.u * 54) + "".join(lines)


def _night(sheet: _Sheet) -> str:
    """A crescent and a few stars."""
    x, y, r = sheet.width * sheet.dice.uniform(0.68, 0.8), sheet.height * 0.27, sheet.u * sheet.dice.uniform(72, 96)
    moon = (
        f'<path d="M{x - 0.25 * r:.1f} {y - r:.1f}a{r:.1f} {r:.1f} 0 1 1 0 {2 * r:.1f}'
        f'a{1.25 * r:.1f} {1.25 * r:.1f} 0 0 0 0 {-2 * r:.1f}Z" fill="url(#d)"/>'
    )
    stars = [
        _disc(
            sheet.width * sheet.dice.uniform(0.04, 0.97), sheet.height * sheet.dice.uniform(0.04, 0.5),
            sheet.u * sheet.dice.choice((1.4, 1.8, 2.6)), sheet.card.tones.accent,
            f'opacity="{sheet.dice.uniform(0.3, 0.75):.2f}"',
        )
        for _ in range(34)
    ]  # fmt: skip
    return "".join(stars) + moon


def _sprig(sheet: _Sheet) -> str:
    """A sprig with leaves in pairs, leaning in from the far side."""
    leaves = []
    x, y = sheet.width * sheet.dice.uniform(0.72, 0.8), sheet.height * 0.6
    lean, count, long = sheet.dice.uniform(-0.3, 0.05), sheet.dice.randint(6, 8), sheet.u * 44
    way = [(x + lean * long * n, y - 0.9 * long * n) for n in range(count + 1)]
    for n, (at, up) in enumerate(way[1:], 1):
        size = long * (1.5 - 0.9 * n / count)
        for side in (-1, 1):
            angle = math.degrees(math.atan2(-1, lean)) + side * 48
            leaves.append(
                f'<path d="M0 0Q{size / 2:.1f} {-size / 3:.1f} {size:.1f} 0Q{size / 2:.1f} {size / 3:.1f} 0 0Z" '
                f'transform="translate({at:.1f} {up:.1f}) rotate({angle:.1f})" fill="{sheet.card.glow}" '
                f'opacity="{0.5 if side > 0 else 0.75}"/>'
            )
    stem = " ".join(f"{a:.1f},{b:.1f}" for a, b in way)
    return (
        f'<polyline points="{stem}" fill="none" stroke="{sheet.card.glow}" stroke-width="{2.4 * sheet.u:.1f}"/>'
        + "".join(leaves)
    )


def _steps(width: float) -> list[float]:
    return [width * n / 48 for n in range(49)]


DRAWINGS: tuple[Callable[[_Sheet], str], ...] = (_sun, _hills, _arches, _waves, _night, _sprig)
QUIET = (_hills, _waves, _night, _sprig)
