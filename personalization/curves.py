"""When to stop and what to keep, decided from what was measured. Pure.

Loss says nothing of a subject's likeness. What counts is how much likeness was bought and what it cost: how far other
pictures drifted, and how much of the subject got into its class.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

RISE = 0.02  #: a better score than this much above the best counts as better


@dataclass(frozen=True, slots=True)
class Point:
    """One measurement. All are 0 for the untouched base."""

    step: int
    likeness: float  #: 1: as like the photos as they are to each other
    leak: float  #: the same, for the class without the token
    drift: float  #: of other pictures, adapter on against off; 1: as different as with another seed
    alignment: float | None = (
        None  #: pictures in the surroundings asked for, against the base's own; None: it cannot tell
    )

    def score(self, cost: float) -> float:
        """Likeness, less what it cost."""
        return self.likeness - cost * (max(self.drift, 0) + max(self.leak, 0))


def best(curve: Sequence[Point], cost: float) -> Point | None:
    """The measurement to publish: a later one only if it is better by RISE, as the earlier is the less worn."""
    kept = None
    for point in curve:
        if kept is None or point.score(cost) > kept.score(cost) + RISE:
            kept = point
    return kept


def finished(curve: Sequence[Point], cost: float, patience: int) -> bool:
    """Whether the last measurements brought nothing: so many in a row no better than the best before them."""
    if len(curve) <= patience:
        return False
    before = max(point.score(cost) for point in curve[:-patience])
    return all(point.score(cost) < before + RISE for point in curve[-patience:])


def points(curve: Sequence[dict[str, Any]]) -> list[Point]:
    """From what a checkpoint or an evaluation keeps."""
    return [Point(**entry) for entry in curve]
