"""Puts the mark into a picture, as strongly as each place of it hides."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageChops, ImageFilter

from .label import Label
from .pattern import SHORT, TILES, Reals, tile

LEAST_PX = 160  #: a side; there is no room for a mark in less
_EVEN, _MOST = 0.8, 2.5  #: standard deviation of the mark, in levels of 255: on an even surface, and at most
_GRAIN = 0.13  #: of it for each level by which neighbouring pixels differ
_DARK = ([0, 40, 90], [0.85, 0.9, 1.0])  #: by a place's light: in the dark a level is more to the eye
_CELL = 24  #: parts of a tile's side: as fine as the mark's own waves, and no finer
_WILD = 60  #: levels; more difference is an edge, which hides no more


def imprinted(image: Image.Image, label: Label, box: tuple[int, int, int, int] | None = None) -> Image.Image:
    """An RGB image with the mark in it; ``box`` (left, top, right, bottom in px): where, if not everywhere."""
    side = round((image.width * image.height) ** 0.5 / TILES)
    part = image.crop(box) if box else image
    if min(part.size) < LEAST_PX or side <= 2 * SHORT:  # a wave needs two pixels
        return image
    drawn = tile(label.symbols(), side)
    drawn = np.tile(drawn, (-(-part.height // side), -(-part.width // side)))[: part.height, : part.width]
    drawn = drawn * _strength(part.convert("L"), side)
    drawn += 128.5
    change = Image.fromarray(drawn.astype(np.uint8))
    marked = ImageChops.add(part, Image.merge("RGB", (change, change, change)), 1, -128)
    if box is None:
        return marked
    whole = image.copy()
    whole.paste(marked, box[:2])
    return whole


def _strength(grey: Image.Image, side: int) -> Reals:
    """How strong the mark may be at each pixel (h, w): by the grain around it, and not by a single edge."""
    cell = max(2, side // _CELL // 2)
    half = grey.reduce(2)
    levels = np.asarray(half, dtype=np.int16)
    steps = np.abs(levels[:-1, 1:] - levels[:-1, :-1]) + np.abs(levels[1:, :-1] - levels[:-1, :-1])
    rough = Image.fromarray(np.minimum(steps, _WILD).astype(np.uint8)).reduce(cell).filter(ImageFilter.MinFilter(3))
    light = np.interp(np.asarray(half.resize(rough.size, Image.Resampling.BOX)), *_DARK)
    allowed = np.minimum(_EVEN + _GRAIN * np.asarray(rough, dtype=np.float32), _MOST) * light
    return np.asarray(Image.fromarray(allowed.astype(np.float32)).resize(grey.size, Image.Resampling.BILINEAR))
