"""Where a photo is cut for learning. Pure: numbers in, numbers out.

Photos keep their shape as far as the model allows: each goes into the bucket of the nearest aspect (aspect-ratio
bucketing as NovelAI described it in 2022), cut so that the subject is whole and fills a good part of it.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

Box = tuple[int, int, int, int]  #: left, top, right, bottom, px

STEEPEST = 2.0  #: the longest bucket, as width to height or height to width
FILLED = 0.6  #: of the crop's side that the subject should take: what surrounds it is learned from captions
CLOSEST = 0.4  #: of the photo's side that a crop keeps at least: what was found may be a part of the subject


class Crop(NamedTuple):
    """A rectangle of the photo, and the size that it is learned at."""

    box: Box  #: in the photo
    width_px: int  #: of the bucket
    height_px: int


@cache
def buckets(side_px: int, multiple: int) -> tuple[tuple[int, int], ...]:
    """Sizes of about ``side_px`` squared pixels, in steps of ``multiple``, from upright to lying 1:2."""
    sizes = set()
    for width in range(multiple, 2 * side_px + 1, multiple):
        height = round(side_px * side_px / width / multiple) * multiple
        while height > multiple and width * height > side_px * side_px * 1.02:  # never more memory than the square
            height -= multiple
        if height >= multiple and max(width / height, height / width) <= STEEPEST:
            sizes.add((width, height))
    return tuple(sorted(sizes)) or ((side_px, side_px),)


def step(side_px: int, stride_px: int) -> int:
    """How far apart buckets' sides lie for a model of this side and stride (px): an eighth, or the next finer part."""
    cells = side_px // stride_px
    return stride_px * max(part for part in range(1, max(cells // 8, 1) + 1) if cells % part == 0)


def crop(size: tuple[int, int], box: Box | None, *, side_px: int, multiple: int) -> Crop:
    """The bucket of a photo of this size (px) and what of it is learned; ``box`` is the subject's.

    The crop lies inside the photo. It holds the whole box where the bucket's shape allows, and its middle otherwise.
    A square photo is taken whole: no camera makes one, its owner has cut it already.
    """
    width, height = size
    box = None if width == height else box
    shape = _shape(size, box)
    bucket = min(buckets(side_px, multiple), key=lambda each: abs(_ratio(each) / shape - 1))
    whole = _largest(size, _ratio(bucket))
    wanted = whole if box is None else _tightened(whole, box, bucket)
    left = _placed(width, wanted[0], box and (box[0], box[2]), 0.5)
    top = _placed(height, wanted[1], box and (box[1], box[3]), 0.45)  # faces sit a little above the middle
    return Crop((left, top, left + wanted[0], top + wanted[1]), *bucket)


def _ratio(size: tuple[int, int]) -> float:
    return size[0] / size[1]


def _shape(size: tuple[int, int], box: Box | None) -> float:
    """The aspect to aim at: the photo's, drawn towards the subject's where the photo is far wider or taller than it."""
    photo = _ratio(size)
    if box is None:
        return photo
    subject = _ratio((max(box[2] - box[0], 1), max(box[3] - box[1], 1)))
    return float((photo * photo * subject) ** (1 / 3))


def _largest(size: tuple[int, int], ratio: float) -> tuple[int, int]:
    """The largest part of a photo with this aspect."""
    width, height = size
    if width / height > ratio:
        return max(1, min(width, round(height * ratio))), height
    return width, max(1, min(height, round(width / ratio)))


def _tightened(whole: tuple[int, int], box: Box, bucket: tuple[int, int]) -> tuple[int, int]:
    """Less than the whole where the subject is small in it, but never fewer pixels than are learned."""
    filling = max((box[2] - box[0]) / whole[0], (box[3] - box[1]) / whole[1])
    own = bucket[0] / whole[0]  # closer, and pixels would be made up
    part = min(1.0, max(filling / FILLED, own, CLOSEST))
    return max(1, round(whole[0] * part)), max(1, round(whole[1] * part))


def _placed(length: int, part: int, span: tuple[int, int] | None, middle: float) -> int:
    """Where a part of a length begins, so that the span's middle lies at ``middle`` of it and the span is whole."""
    start, end = span or (0, length)
    begin = round((start + end) / 2 - part * (middle if span else 0.5))
    if end - start <= part:
        begin = min(max(begin, end - part), start)
    return min(max(begin, 0), length - part)
