"""Reads a picture of the toy world: what thing, which colour, on which ground, where, and how like a subject.

It finds the thing by trying every place and size on a grid of about 256 cells, so that a picture may have been resized,
compressed, or cropped to another shape. Pure.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PIL import Image

from .world import CELLS, COLOURS, KINDS, REX, SIDES, STRANGE, Subject, bands, mask, places

STANDS_OUT = 45  #: from the ground, root of the mean square of the three channels: counts in full
NEAR = 20  #: from a subject's colour, likewise: all of it is there; of its own colours the base paints half within 16
FAR = 65  #: likewise: nothing of it is left
FITS = 0.5  #: least overlap with a thing's outline
NAMES = list(COLOURS | STRANGE)
RGB = np.array(list((COLOURS | STRANGE).values()), float)  # (9, 3)


@dataclass(frozen=True, slots=True)
class Reading:
    """What is in a picture; "" where it cannot be said."""

    kind: str
    colour: str  #: of most of the thing; STRANGE ones are a subject's
    ground: str
    side: str
    fit: float  #: overlap with the outline, 0…1


@dataclass(frozen=True, slots=True)
class _Outlines:
    """Every place and size that a kind of thing may have in pictures of one shape."""

    kind: str
    at: list[tuple[float, float, float]]  #: x and y of the middle, radius, in cells
    masks: np.ndarray  # (n, h * w)


def read(picture: np.ndarray | Image.Image) -> Reading:
    """What a picture shows, of any size and shape from about 1:2 to 2:1."""
    cells = _cells(picture)
    ground = _ground(cells)
    found = [_found(cells, ground, kind) for kind in KINDS]
    fit, kind, (x, _, _), covered = max(found, key=lambda one: one[0])
    if fit < FITS:
        return Reading("", "", _name(ground), "", fit)
    votes = [name for name in map(_name, cells[covered > 0.7]) if name] or [""]
    side = min(SIDES, key=lambda name: abs(SIDES[name] - x / cells.shape[1]))
    return Reading(kind, max(votes, key=votes.count), _name(ground), side if kind != "wall" else "middle", fit)


def likeness(picture: np.ndarray | Image.Image, subject: Subject = REX) -> float:
    """How like a subject the thing in a picture is: its colours in their places, 0…1."""
    cells = _cells(picture)
    fit, _, at, _ = _found(cells, _ground(cells), subject.kind)
    return max(_alike(cells, subject, place) for place in _around(at)) * min(1.0, fit / 0.75)


def _around(at: tuple[float, float, float]) -> list[tuple[float, float, float]]:
    """Places and sizes between those that were tried."""
    steps = (-0.5, -0.25, 0.0, 0.25, 0.5)
    return [(at[0] + dx, at[1] + dy, at[2] + dr) for dx in steps[1:4] for dy in steps for dr in steps[::2]]


def _alike(cells: np.ndarray, subject: Subject, at: tuple[float, float, float]) -> float:
    grid = _grid(cells.shape[1], cells.shape[0])
    inside = mask(subject.kind, at[:2], at[2], grid) > 0.7
    if not inside.any():
        return 0.0
    away = _distance(cells, bands(subject, at[:2], at[2], grid))[inside]
    return float(np.clip((FAR - away) / (FAR - NEAR), 0, 1).mean())


def _cells(picture: np.ndarray | Image.Image) -> np.ndarray:
    """(h, w, 3), about 256 of them."""
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    across = round(math.sqrt(CELLS * image.width / image.height))
    down = round(across * image.height / image.width)
    return np.asarray(image.convert("RGB").resize((across, down), Image.Resampling.BOX), float)


def _grid(across: int, down: int) -> np.ndarray:
    return places(across, down, across)


def _ground(cells: np.ndarray) -> np.ndarray:
    """The middle value of the border; a thing covers less than half of it."""
    border = np.concatenate([cells[0], cells[-1], cells[1:-1, 0], cells[1:-1, -1]])
    return np.median(border, axis=0)


def _found(
    cells: np.ndarray, ground: np.ndarray, kind: str
) -> tuple[float, str, tuple[float, float, float], np.ndarray]:
    """The outline of a kind that best covers what stands out: overlap, kind, place, coverage (h, w)."""
    stands_out = np.clip(_distance(cells, ground) / STANDS_OUT, 0, 1).ravel()
    tried = _outlines(kind, cells.shape[1], cells.shape[0])
    overlaps = np.minimum(tried.masks, stands_out).sum(1) / np.maximum(tried.masks, stands_out).sum(1)
    best = int(overlaps.argmax())
    return float(overlaps[best]), kind, tried.at[best], tried.masks[best].reshape(cells.shape[:2])


@lru_cache(maxsize=48)
def _outlines(kind: str, across: int, down: int) -> _Outlines:
    grid = _grid(across, down)
    xs = [across / 2] if kind == "wall" else np.arange(2, across - 1.9, 0.5)
    ys = [down / 2] if kind == "pole" else np.arange(2, down - 1.9, 0.5)
    at = [(float(x), float(y), float(r)) for x in xs for y in ys for r in np.arange(3, 6.1, 0.5)]
    return _Outlines(kind, at, np.stack([mask(kind, place[:2], place[2], grid).ravel() for place in at]))


def _distance(colours: np.ndarray, other: np.ndarray) -> np.ndarray:
    return np.sqrt(((colours - other) ** 2).mean(-1))


def _name(colour: np.ndarray) -> str:
    away = _distance(RGB, colour)
    return NAMES[int(away.argmin())] if away.min() < STANDS_OUT else ""
