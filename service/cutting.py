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
_AROUND = (0.25, 0.4, 0.25, 0.25)  #: around a face, in shares of its own sides: the head, with hair and chin
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
    at = interest.point[axis] if interest.point else _middle(axis, interest.faces, room / length)
    if over <= 1 or at is None:
        return CENTRE[axis]
    return min(1.0, max(0.0, (at * length - _WANTED[axis] * room) / over))


def _middle(axis: int, faces: Sequence[Box], window: float) -> float | None:
    """The middle of what a window along the axis should hold; of heads, or closer around faces if it holds more so."""
    if not faces:
        return None
    tallest = max(face[3] - face[1] for face in faces)
    known = [face for face in faces if face[3] - face[1] >= _PASSER_BY * tallest]
    held = [_held([_span(axis, face, room, window) for face in known], window) for room in (1.0, 0.5, 0.0)]
    return max(held, key=lambda part: round(part[0], 6))[1]  # of equals the first, which leaves most room


def _held(spans: Sequence[Span], window: float) -> tuple[float, float]:
    """How much of the spans fits into a window, at most, and the middle of that."""
    parts = [(a[0], b[1]) for a in spans for b in spans if a[0] < b[1] <= a[0] + window + 1e-6]
    first, last = max(parts, key=lambda part: (_weight(spans, part), part[0] - part[1]))
    return _weight(spans, (first, last)), (first + last) / 2


def _span(axis: int, face: Box, room: float, longest: float) -> Span:
    """Where along the axis a face is, with a share of the room that its head takes; it matters by its area."""
    side = face[axis + 2] - face[axis]
    first = max(face[axis] - room * _AROUND[axis] * side, 0.0)
    last = min(face[axis + 2] + room * _AROUND[axis + 2] * side, 1.0)
    over = max(last - first - longest, 0.0)  # one that is too long for the window counts as just fitting
    return first + over / 2, last - over / 2, (face[2] - face[0]) * (face[3] - face[1])


def _weight(spans: Sequence[Span], part: tuple[float, float]) -> float:
    return sum(weight for first, last, weight in spans if part[0] <= first and last <= part[1])
