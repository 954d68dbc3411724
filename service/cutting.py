"""Where to cut a picture that is wider or taller than its box, so that what matters of it stays. Pure.

Only faces, and a point that the painter names, are followed. Maps of what stands out (spectral residual, distance from
the colours at the edges, smartcrop's score) kept no more of the subjects of photos than a fixed place did; see
docs/measurements.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

Point = tuple[float, float]  #: shares of the width and height, 0 … 1
Box = tuple[float, float, float, float]  #: left, top, right, bottom, as such shares
Span = tuple[float, float, float]  #: from, to, and how much it matters

CENTRE: Point = (0.5, 0.42)  #: where nobody said: a little above the middle, where faces and horizons are
_WANTED = (0.5, 0.45)  #: of the box: where what matters comes to lie
_MARGIN = (0.25, 0.4, 0.25, 0.25)  #: around a face, in shares of its own sides: the head, with hair and chin
_PASSER_BY = 0.3  #: of the tallest face's height: smaller faces do not move the cut


@dataclass(frozen=True, slots=True)
class Interest:
    """What of a picture is looked at."""

    point: Point | None = None  #: what its painter meant to be looked at; it overrules the faces
    faces: tuple[Box, ...] = ()


NOTHING = Interest()


def placed(size: tuple[int, int], room: tuple[int, int], interest: Interest = NOTHING) -> Point:
    """The share of what is cut off that goes left and top (CSS's object-position, Pillow's centering).

    ``size`` and ``room``: width and height of the picture and of the box that it is to cover (px). The box holds as
    many heads as it can, the larger ones first; they, or the point, come as near to its middle as the edges allow.
    """
    scale = max(room[0] / size[0], room[1] / size[1])
    x, y = (_along(axis, size[axis] * scale, room[axis], interest) for axis in (0, 1))
    return x, y


def _along(axis: int, length: float, room: float, interest: Interest) -> float:
    """The same along one axis: 0 is across, 1 is down."""
    over = length - room
    at = interest.point[axis] if interest.point else _middle(_spans(axis, interest.faces), room / length)
    if over <= 1 or at is None:
        return CENTRE[axis]
    return min(1.0, max(0.0, (at * length - _WANTED[axis] * room) / over))


def _spans(axis: int, faces: Sequence[Box]) -> list[Span]:
    """Where along an axis the heads are; a head matters by its area."""
    tallest = max((face[3] - face[1] for face in faces), default=0.0)
    return [
        (max(head[axis], 0.0), min(head[axis + 2], 1.0), (face[2] - face[0]) * (face[3] - face[1]))
        for face in faces
        if face[3] - face[1] >= _PASSER_BY * tallest
        for head in [_head(face)]
    ]


def _head(face: Box) -> Box:
    left, top, right, bottom = face
    width, height = right - left, bottom - top
    return (
        left - _MARGIN[0] * width, top - _MARGIN[1] * height, right + _MARGIN[2] * width, bottom + _MARGIN[3] * height
    )  # fmt: skip


def _middle(spans: Sequence[Span], window: float) -> float | None:
    """The middle of the spans that a window can hold, the weightiest; of one too long for it, its own middle."""
    if not spans:
        return None
    held = [(a[0], b[1]) for a in spans for b in spans if a[0] < b[1] <= a[0] + window]
    if not held:
        first, last, _ = max(spans, key=lambda span: span[2])
    else:
        first, last = max(held, key=lambda part: (_weight(spans, part), part[0] - part[1]))
    return (first + last) / 2


def _weight(spans: Sequence[Span], part: tuple[float, float]) -> float:
    return sum(weight for first, last, weight in spans if part[0] <= first and last <= part[1])
