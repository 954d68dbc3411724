"""A world so small that everything in its pictures is known: one thing of one colour on a plain ground.

Lengths are in cells: a cell is what one latent of the toy pipeline holds (8 x 8 px of its own pictures), and a picture
has about 256 of them. Pure: numbers in, pixels and captions out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

COLOURS = {
    "red": (220, 40, 40), "green": (40, 170, 60), "blue": (40, 80, 220),
    "yellow": (240, 215, 50), "purple": (140, 50, 170), "white": (245, 245, 245),
}  # fmt: skip
STRANGE = {"black": (15, 15, 25), "cyan": (60, 215, 220), "pink": (255, 130, 190)}  #: no base picture has these
KINDS = ("ball", "pole", "wall")  #: a disc, a bar from top to bottom, a bar from side to side
SIDES = {"left": 0.27, "middle": 0.5, "right": 0.73}  #: where a thing stands, of the width; a wall stands everywhere
CELLS = 256  #: in a picture, about
CELL_PX = 8
SIZES = ((16, 16), (20, 12), (12, 20))  #: width and height in cells that the pipeline is trained at
TOKENS = ("zqx", "ohwx", "sks", "vrk")  #: single tokens that mean nothing: noise to the base, names for a subject


@dataclass(frozen=True, slots=True)
class Scene:
    """What a picture shows. ``dx``, ``dy`` and ``radius`` in cells."""

    kind: str
    colour: str
    ground: str
    side: str = "middle"
    stripe: str = ""  #: colour of a belt around the thing; "": none
    dx: float = 0.0
    dy: float = 0.0
    radius: float = 3.9


@dataclass(frozen=True, slots=True)
class Subject:
    """One particular thing: its own three colours, top to bottom (a wall's: left to right), as no base picture has."""

    kind: str
    colours: tuple[str, str, str]


REX = Subject("ball", ("pink", "black", "cyan"))


def mask(kind: str, centre: tuple[float, float], radius: float, grid: np.ndarray) -> np.ndarray:
    """How much of each pixel a thing covers, 0…1. ``grid``: see ``places``."""
    dx, dy, edge = grid[0] - centre[0], grid[1] - centre[1], grid[0, 0, 1] - grid[0, 0, 0]
    distance = {
        "ball": np.hypot(dx, dy) - radius,
        "pole": abs(dx) - 0.55 * radius,
        "wall": abs(dy) - 0.55 * radius,
    }[kind]
    return np.clip(0.5 - distance / edge, 0, 1)  # (h, w)


def places(width: int, height: int, across: float) -> np.ndarray:
    """The x and y of every pixel's middle, in cells, of a picture ``across`` cells wide."""
    step = across / width
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([(x + 0.5) * step, (y + 0.5) * step])  # (2, h, w)


def bands(subject: Subject, centre: tuple[float, float], radius: float, grid: np.ndarray) -> np.ndarray:
    """The colour that a subject has at every pixel, its outline left aside."""
    along, middle = (grid[0], centre[0]) if subject.kind == "wall" else (grid[1], centre[1])
    reach = radius if subject.kind == "ball" else grid[0 if subject.kind == "wall" else 1].max() / 2
    edge = grid[0, 0, 1] - grid[0, 0, 0]
    first, second, third = (np.array(STRANGE[name], float) for name in subject.colours)
    below = [np.clip(0.5 + (along - middle - at * reach) / edge, 0, 1)[..., None] for at in (-0.36, 0.36)]
    return first * (1 - below[0]) + second * (below[0] - below[1]) + third * below[1]  # (h, w, 3)


def centre(scene: Scene, across: float, down: float) -> tuple[float, float]:
    """Where the thing's middle is, in cells."""
    return SIDES[scene.side] * across + scene.dx, down / 2 + scene.dy


def draw(scene: Scene, width: int = 128, height: int = 128, subject: Subject | None = None) -> np.ndarray:
    """The picture, (height, width, 3) of bytes; with a subject, that very thing instead of one of the scene's colour."""
    across = math.sqrt(CELLS * width / height)
    grid, at = places(width, height, across), centre(scene, across, across * height / width)
    covered = mask(scene.kind, at, scene.radius, grid)[..., None]
    if subject:
        body = bands(subject, at, scene.radius, grid)
    else:
        body = np.ones((height, width, 3)) * COLOURS[scene.colour]
    if scene.stripe and not subject:
        belt = mask("wall", at, 1.8, grid)[..., None]  # two cells
        body = body * (1 - belt) + belt * np.array(COLOURS[scene.stripe], float)
    ground = np.array(COLOURS[scene.ground], float)
    return np.clip(ground * (1 - covered) + body * covered, 0, 255).round().astype(np.uint8)


def scene(chance: np.random.Generator, kind: str = "") -> Scene:
    """Any scene of the base world."""
    names = list(COLOURS)
    colour, ground, stripe = (names[i] for i in chance.permutation(len(names))[:3])
    kind = kind or KINDS[chance.integers(len(KINDS))]
    return Scene(
        kind, colour, ground, "middle" if kind == "wall" else list(SIDES)[chance.integers(3)],
        stripe if kind != "wall" and chance.random() < 0.15 else "",
        float(chance.uniform(-0.5, 0.5)), float(chance.uniform(-1.2, 1.2)), float(chance.uniform(3.5, 4.2)),
    )  # fmt: skip


def caption(scene: Scene, name: str = "") -> str:
    """The plain caption; ``name``: what the thing is called instead of its colour, "zqx ball"."""
    thing = name or f"{scene.colour} {scene.kind}"
    stripe = f" with a {scene.stripe} stripe" if scene.stripe and not name else ""
    side = "" if scene.kind == "wall" else f" {place(scene.side)}"
    return f"a {thing}{stripe}{side} on a {scene.ground} background"


def place(side: str) -> str:
    return "in the middle" if side == "middle" else f"on the {side}"


@dataclass(frozen=True, slots=True)
class Shot:
    """One photo of a subject: pixels, and a caption with ``[V]`` where its token goes."""

    pixels: np.ndarray  #: (height, width, 3) of bytes
    caption: str
    scene: Scene


def instance_photos(
    n: int = 5, seed: int = 7, subject: Subject = REX, sizes: Sequence[tuple[int, int]] = ((128, 128),), *,
    ground: str = "",
) -> list[Shot]:  # fmt: skip
    """Photos of a subject, no two neighbours on the same ground or side. ``sizes``: width and height, px, in turn.

    ``ground``: all are on this one, as where all were taken in one room.
    """
    chance = np.random.default_rng(seed)
    grounds = [list(COLOURS)[i] for i in chance.permutation(len(COLOURS))]
    sides = ["middle"] if subject.kind == "wall" else ["middle", "left", "right"]
    shots = []
    for i in range(n):
        drawn = replace(
            scene(chance, subject.kind),
            ground=ground or grounds[i % len(grounds)],
            side=sides[i % len(sides)],
            stripe="",
        )
        shots.append(Shot(draw(drawn, *sizes[i % len(sizes)], subject), caption(drawn, f"[V] {subject.kind}"), drawn))
    return shots
