"""Where to cut a picture that is wider or taller than its box: around the point its painter meant to be looked at."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

from PIL import Image

CENTRE = (0.5, 0.42)  #: where nobody said: a little above the middle, where faces and horizons are
Point = tuple[float, float]  #: shares of the width and height, 0 … 1


def opened(data: bytes, recipe: Mapping[str, Any]) -> Image.Image:
    """A picture that knows its point of interest (``recipe["focus"]``, two shares), if its painter named one."""
    image = Image.open(io.BytesIO(data))
    point = recipe.get("focus")
    if isinstance(point, (list, tuple)) and len(point) == 2 and all(0 <= share <= 1 for share in point):
        image.info["focus"] = tuple(point)
    return image


def focus(picture: Image.Image, size: tuple[int, int]) -> Point:
    """The share of what is cut off that goes left and top (CSS's object-position, Pillow's centering).

    ``size``: the box's width and height (px). The point of interest comes as near to the box's middle as the
    picture's edges allow.
    """
    point: Point | None = picture.info.get("focus")
    if point is None:
        return CENTRE
    scale = max(size[0] / picture.width, size[1] / picture.height)
    return (
        _cut(point[0], 0.5, picture.width * scale, size[0], CENTRE[0]),
        _cut(point[1], 0.45, picture.height * scale, size[1], CENTRE[1]),
    )


def _cut(at: float, wanted: float, length: float, room: float, otherwise: float) -> float:
    """Cut a length down to the room so that the share ``at`` of it lands at the share ``wanted`` of the room."""
    over = length - room
    return min(1.0, max(0.0, (at * length - wanted * room) / over)) if over > 1 else otherwise
