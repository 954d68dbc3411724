"""What can be said of a photo by arithmetic: sharp or blurred, dark or bright, like another or not. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .crops import Box

SIDE_PX = 512  #: at which sharpness is judged: about what is learned
_HASH_PX, _HASH_BITS = 32, 8
_BINS = 6  # a colour, each of three channels
_EDGE = 0.12  # of a side: what counts as background where nobody knows the subject's box

Grey = NDArray[np.float64]  # (h, w), 0 black to 1 white


@dataclass(frozen=True, slots=True)
class Measures:
    """What was measured in one photo."""

    sharpness: float  #: variance of the Laplacian over the variance of brightness: 0 fog, above 0.05 crisp
    brightness: float  #: mean, 0 black to 1 white
    contrast: float  #: standard deviation of brightness
    burnt: float  #: part of the picture that is white without detail
    fingerprint: int  #: 64 bits; near duplicates differ in few
    surroundings: tuple[float, ...]  #: colours of what is not the subject, as parts of 1


def measured(image: Image.Image, box: Box | None = None) -> Measures:
    """Measure a photo, its sharpness and light where the subject is."""
    subject = grey(image.crop(box) if box else image, SIDE_PX)
    return Measures(
        sharpness(subject), float(subject.mean()), float(subject.std()), float((subject > 0.99).mean()),
        fingerprint(image), surroundings(image, box),
    )  # fmt: skip


def grey(image: Image.Image, side_px: int) -> Grey:
    """Brightness at this size of the longer side; a smaller picture keeps its own."""
    small = image.convert("L")
    small.thumbnail((side_px, side_px), Image.Resampling.LANCZOS)
    return np.asarray(small, dtype=np.float64) / 255


def sharpness(values: Grey) -> float:
    """The variance of the Laplacian (Pech-Pacheco et al., 2000), over that of brightness: the same in sun and fog."""
    if min(values.shape) < 3:
        return 0.0
    centre = values[1:-1, 1:-1]
    edges = values[:-2, 1:-1] + values[2:, 1:-1] + values[1:-1, :-2] + values[1:-1, 2:] - 4 * centre
    return float(edges.var() / (values.var() + 1e-4))  # + : noise of a lens cap is not sharpness


def fingerprint(image: Image.Image) -> int:
    """A perceptual hash (Zauner, 2010): the signs of the lowest 64 frequencies against their median."""
    small = image.convert("L").resize((_HASH_PX, _HASH_PX), Image.Resampling.LANCZOS)
    waves = _cosines(_HASH_PX)
    low = (waves @ np.asarray(small, dtype=np.float64) @ waves.T)[:_HASH_BITS, :_HASH_BITS]
    bits = (low > np.median(low)).ravel()
    return int("".join("1" if bit else "0" for bit in bits), 2)


def apart(one: int, other: int) -> int:
    """In how many of 64 bits two fingerprints differ."""
    return (one ^ other).bit_count()


def surroundings(image: Image.Image, box: Box | None) -> tuple[float, ...]:
    """The colours around the subject, as a histogram that sums to 1."""
    small = image.resize((96, 96), Image.Resampling.BILINEAR)
    pixels = np.asarray(small, dtype=np.int64) * _BINS // 256  # (96, 96, 3)
    outside = pixels[_outside(image.size, box)]
    if len(outside) < 96:  # the subject fills it: nothing can be said
        return ()
    cells = outside @ np.array((_BINS * _BINS, _BINS, 1))
    counts = np.bincount(cells, minlength=_BINS**3)
    return tuple((counts / counts.sum()).tolist())


def alike(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    """How much two surroundings have in common: 0 nothing to 1 all (histogram intersection, Swain and Ballard 1991)."""
    return float(np.minimum(one, other).sum()) if one and other else 0.0


def _outside(size: tuple[int, int], box: Box | None) -> NDArray[np.bool_]:
    outside = np.ones((96, 96), dtype=bool)
    if box is None:
        edge = round(96 * _EDGE)
        outside[edge:-edge, edge:-edge] = False
    else:
        across, down = 96 / size[0], 96 / size[1]
        left, top, right, bottom = box
        outside[int(top * down) : int(bottom * down) + 1, int(left * across) : int(right * across) + 1] = False
    return outside


@cache
def _cosines(length: int) -> NDArray[np.float64]:
    """The matrix of the discrete cosine transform (type II)."""
    steps = np.arange(length)
    return np.cos(np.pi * np.outer(steps, 2 * steps + 1) / (2 * length))
