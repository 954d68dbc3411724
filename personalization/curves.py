"""When to stop and what to keep, decided from what was measured. Pure.

Loss says nothing of a subject's likeness. What counts is how much likeness was bought and what it cost: how far other
pictures drifted, and how much of the subject got into its class.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

RISE = 0.02  #: of a score: smaller differences are chance


@dataclass(frozen=True, slots=True)
class Point:
    """One measurement. All are 0 for the untouched base."""

    step: int
    likeness: float  #: 1: as like the photos as they are to each other
    leak: float  #: the same, for the class without the token
    drift: float  #: of other pictures, adapter on against off; 1: as different as with another seed
    #: pictures in the surroundings asked for, against the base's own; None: it cannot tell
    alignment: float | None = None
    faces: float | None = None  #: the share of the subject's pictures with a face; None: likeness was not read by faces

    def score(self, cost: float) -> float:
        """Likeness, less what it cost."""
        return self.likeness - cost * (max(self.drift, 0) + max(self.leak, 0))


def best(curve: Sequence[Point], cost: float) -> Point | None:
    """The measurement to publish: the last of those that are as good as the best but for RISE.

    What the numbers no longer tell apart goes on getting truer for a while: where every picture can be read exactly,
    the later of two alike was more like the subject, and kept more of all else. One that is worn scores less.
    """
    top = max((point.score(cost) for point in curve), default=0.0)
    return next((point for point in reversed(curve) if point.score(cost) >= top - RISE), None)


def finished(curve: Sequence[Point], cost: float, patience: int) -> bool:
    """Whether the last measurements brought nothing: so many in a row no better than the best before them."""
    if len(curve) <= patience:
        return False
    before = max(point.score(cost) for point in curve[:-patience])
    return all(point.score(cost) < before + RISE for point in curve[-patience:])


def points(curve: Sequence[dict[str, Any]]) -> list[Point]:
    """From what a checkpoint or an evaluation keeps."""
    return [Point(**entry) for entry in curve]
