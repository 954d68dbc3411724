"""Which size to ask of a model for a picture of a wanted size. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence

Size = tuple[int, int]  #: width and height, px

WIDEST = 3.0  #: long side to short side; beyond it models repeat their motif, and servers refuse
LONGEST_PX = 3840  #: a side


def _tame(width_px: int, height_px: int) -> float:
    return min(max(width_px / height_px, 1 / WIDEST), WIDEST)


def covering(width_px: int, height_px: int, multiple: int, *, least: int = 0, most: int = 8_294_400) -> Size:
    """The smallest size that covers what is wanted, sides divisible by ``multiple``, of ``least`` … ``most`` px."""
    ratio = _tame(width_px, height_px)
    width = max(width_px, height_px * ratio)
    height = width / ratio
    scale = math.sqrt(min(max(width * height, least), most) / (width * height))
    scale = min(scale, LONGEST_PX / max(width, height))
    round_ = math.ceil if scale >= 1 else math.floor
    sides = [max(round_(side * scale / multiple - 1e-6), 1) * multiple for side in (width, height)]
    longest = math.floor(WIDEST * min(sides) / multiple) * multiple
    return min(sides[0], longest), min(sides[1], longest)


def near(width_px: int, height_px: int, multiple: int, area: int) -> Size:
    """The size of about ``area`` px, sides divisible by ``multiple``, whose shape is nearest to what is wanted."""
    ratio = _tame(width_px, height_px)
    middle = round(math.sqrt(area / ratio) / multiple)
    heights = [step * multiple for step in range(max(middle - 3, 1), middle + 4)]
    found = [(max(round(height * ratio / multiple), 1) * multiple, height) for height in heights]
    fair = [size for size in found if 0.8 <= size[0] * size[1] / area <= 1.15] or found
    return min(fair, key=lambda size: _strangeness(size, ratio) + 0.25 * abs(math.log(size[0] * size[1] / area)))


def listed(width_px: int, height_px: int, sizes: Sequence[Size]) -> Size:
    """The size of a list whose shape is nearest to what is wanted; of equal ones, the smallest that covers it."""
    ratio = width_px / height_px

    def rank(size: Size) -> tuple[float, bool, int]:
        covers = size[0] >= width_px and size[1] >= height_px
        return round(_strangeness(size, ratio), 2), not covers, size[0] * size[1]

    return min(sizes, key=rank)


def _strangeness(size: Size, ratio: float) -> float:
    return abs(math.log(size[0] / size[1] / ratio))
