"""What can be said of a picture by its pixels alone. Pure; 20 to 55 ms a picture.

None of this knows beauty. It finds what models produce when they fail: nothing at all, static, a contact sheet.
"""

from __future__ import annotations

import io
from itertools import combinations

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageStat

_BLANK = 2.0  #: standard deviation, of 255, of a picture of nothing; fog has above 8
_NEAR = 10  #: levels, of 255, within which two colours are the same to the eye
_CELLS = 128  #: a side of the small copy that is looked at
_STATIC = 0.3  #: correlation of neighbours in a small copy: pictures have above 0.6, noise has 0 to 0.2
_STEPPED_BACK = (64, 40)  #: its size: grain of up to 12 px is still noise in it
_ALIKE = 0.8  #: correlation of two tiles that show the same: contact sheets have above, 150 pictures had at most 0.69
_TILE = 8  #: a side of the small copy of a tile: what is at the same place in each, and not what it is in detail
_CONTRAST = 6.0  #: standard deviation of a tile with something in it
_GRIDS = ((2, 2), (3, 2), (2, 3), (3, 3), (4, 2), (4, 3), (4, 4))  #: columns and rows of a contact sheet
Grey = npt.NDArray[np.float64]
_BROKEN = (OSError, SyntaxError, ValueError, EOFError, OverflowError, IndexError, KeyError, MemoryError)


def opened(data: bytes) -> Image.Image | None:
    """The picture in a PNG or JPEG file, as RGB and no larger than is needed to judge it; None where there is none."""
    try:
        with Image.open(io.BytesIO(data), formats=("PNG", "JPEG")) as file:
            file.draft("RGB", (4 * _CELLS, 4 * _CELLS))
            return file.convert("RGB")
    except (*_BROKEN, Image.DecompressionBombError):
        return None


def blank(image: Image.Image) -> str | None:
    """What there is where there should be a picture: "black" or "a single colour"; None for a real picture."""
    small = image.resize((64, 64), Image.Resampling.BOX)
    if small.convert("L").histogram()[8:] == [0] * 248:
        return "black"
    return "a single colour" if max(ImageStat.Stat(small).stddev) < _BLANK else None


def plain_share(image: Image.Image) -> float:
    """How much of the picture has one colour, 0 … 1."""
    small = np.asarray(image.resize((_CELLS, _CELLS), Image.Resampling.BOX), dtype=np.int16).reshape(-1, 3)
    middle = np.median(small, axis=0)
    return float((np.abs(small - middle).max(axis=1) <= _NEAR).mean())


def static(image: Image.Image) -> bool:
    """Whether it is noise: neighbours know nothing of each other, however far one steps back."""
    grey = np.asarray(image.convert("L").resize(_STEPPED_BACK, Image.Resampling.BOX), dtype=float)
    return max(_alike(grey[:, 1:], grey[:, :-1]), _alike(grey[1:], grey[:-1])) < _STATIC


def tiles(image: Image.Image) -> int:
    """How many times the picture shows the same thing side by side, four or more; 0 for one picture."""
    for columns, rows in _GRIDS:
        size = _TILE * columns, _TILE * rows
        grey = np.asarray(image.convert("L").resize(size, Image.Resampling.BOX), dtype=float)
        parts = [part for band in np.vsplit(grey, rows) for part in np.hsplit(band, columns)]
        full = all(part.std() > _CONTRAST for part in parts)
        if full and all(_alike(one, other) > _ALIKE for one, other in combinations(parts, 2)):
            return columns * rows
    return 0


def _alike(one: Grey, other: Grey) -> float:
    """Their correlation, -1 … 1; 0 where one of them is even."""
    one, other = one - one.mean(), other - other.mean()
    spread = float(np.sqrt((one * one).sum() * (other * other).sum()))
    return float((one * other).sum()) / spread if spread else 0.0
