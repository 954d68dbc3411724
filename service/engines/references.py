"""Reference pictures, as a model or a server is shown them: few, small, and without anything but their pixels."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from PIL import Image, ImageOps

from ..errors import EngineError
from . import proof

Box = tuple[int, int, int, int]
MOST = 4  #: with one picture; models and servers take 4 to 16, and each costs time
LONGEST_PX = 1024  #: a picture's long side as it is shown
_LEAST_PX = 64  #: its short side; FLUX.2 takes none smaller (diffusers, Flux2ImageProcessor)
_WIDEST = 4  #: long side to short side; FLUX.2 takes 8
_BESIDE = 1.2  #: a square's side to the longer one of the subject in it
_QUALITY = 90  #: of their JPEG
_BROKEN = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)


def of_subject(paths: Sequence[Path], boxes: Mapping[Path, Box] | None = None) -> tuple[bytes, ...]:
    """A subject's photos as JPEG files. Raises EngineError for one that cannot be opened.

    ``boxes``: where it is in each (left, top, right, bottom, px), for a model that sees squares: those are cut out.
    """
    return tuple(_of_file(path, (boxes or {}).get(path)) for path in paths)


def taken(pictures: Sequence[bytes], most: int) -> tuple[bytes, ...]:
    """Somebody's pictures as JPEG files. Raises EngineError where one is none, or where there are none or too many."""
    if not pictures or len(pictures) > most:
        taken_are = f"1 to {most} reference pictures are taken" if most else "no reference pictures are taken here"
        raise EngineError(f"{taken_are}, not {len(pictures)}")
    return tuple(_of_bytes(number, data) for number, data in enumerate(pictures, 1))


def _of_bytes(number: int, data: bytes) -> bytes:
    try:
        return jpeg(ImageOps.exif_transpose(proof.opened(data)))
    except EngineError as error:
        raise EngineError(f"reference picture {number} {error}") from error


def _of_file(path: Path, box: Box | None) -> bytes:
    try:
        with Image.open(path, formats=("JPEG", "PNG", "WEBP")) as file:
            image = ImageOps.exif_transpose(file).convert("RGB")
            return jpeg(image.crop(around(box, image.size)) if box else image)
    except _BROKEN as error:
        raise EngineError(f"{path} cannot be opened: take it out of the subject's photos") from error


def around(box: Box, size: tuple[int, int]) -> Box:
    """The square around a box in a picture of this size, with something of what is beside it.

    It lies in the picture; of a subject too long for that it has the beginning, where heads are.
    """
    wide, high = max(box[2] - box[0], 1), max(box[3] - box[1], 1)
    side = min(round(max(wide, high) * _BESIDE), *size)
    left = box[0] if side < wide else box[0] - (side - wide) // 2
    top = box[1] if side < high else box[1] - (side - high) // 2
    left, top = (min(max(at, 0), whole - side) for at, whole in zip((left, top), size, strict=True))
    return left, top, left + side, top + side


def jpeg(image: Image.Image) -> bytes:
    """An RGB picture as it is shown: the middle of a very long one, at most LONGEST_PX, pixels only."""
    short = min(image.size)
    if max(image.size) > _WIDEST * short:
        image = ImageOps.fit(image, (min(image.width, _WIDEST * short), min(image.height, _WIDEST * short)))
    if short < _LEAST_PX:
        image = ImageOps.cover(image, (_LEAST_PX, _LEAST_PX))
    image.thumbnail((LONGEST_PX, LONGEST_PX), Image.Resampling.LANCZOS)
    image.info, out = {}, io.BytesIO()
    image.save(out, "JPEG", quality=_QUALITY)
    return out.getvalue()
