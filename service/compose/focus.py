"""What of a picture is looked at: written into its recipe when it is made, read when it is cut for a screen."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from PIL import Image

from service import faces, pixels
from service.cutting import CENTRE, NOTHING, Box, Interest, Point, placed
from service.model import Picture

__all__ = ["CENTRE", "Point", "focus", "looked_at", "opened"]


def looked_at(picture: Picture) -> Picture:
    """The picture, its recipe's ``faces`` saying where they are: boxes in shares of the width and height.

    As it came where the painter named a point, where no model painted it, and where nobody can look for faces.
    """
    recipe = picture.recipe
    if "focus" in recipe or recipe.get("trained") is False:
        return picture
    image = pixels.opened(picture.data)
    found = faces.shares(image) if image else None
    return picture if found is None else replace(picture, recipe={**recipe, "faces": [list(box) for box in found]})


def opened(data: bytes, recipe: Mapping[str, Any]) -> Image.Image:
    """A picture that knows what of it is looked at, as far as its recipe tells."""
    image = Image.open(io.BytesIO(data))
    point = _shares(recipe.get("focus"), 2)
    listed = recipe.get("faces")
    boxes = [_shares(box, 4) for box in listed] if isinstance(listed, (list, tuple)) else []
    whole: list[Box] = [(b[0], b[1], b[2], b[3]) for b in boxes if b and b[0] < b[2] and b[1] < b[3]]
    image.info["interest"] = Interest((point[0], point[1]) if point else None, tuple(whole))
    return image


def _shares(told: object, count: int) -> tuple[float, ...] | None:
    """As many numbers from 0 to 1, if that is what was told."""
    if not isinstance(told, (list, tuple)) or len(told) != count:
        return None
    return tuple(told) if all(isinstance(n, int | float) and 0 <= n <= 1 for n in told) else None


def focus(picture: Image.Image, size: tuple[int, int]) -> Point:
    """Where to cut the picture for a box of this width and height (px): see ``cutting.placed``."""
    return placed(picture.size, size, picture.info.get("interest", NOTHING))
