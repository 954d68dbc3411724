"""The pictures that a fleet of painters is to paint now."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from .job import Job, Painted, Refusal

Outcome = Painted | Refusal


@dataclass(slots=True)
class Round:
    """Which of them wait, and which are ready."""

    jobs: Sequence[Job]
    keep: Callable[[int, Outcome], None]
    waiting: dict[int, Job] = field(default_factory=dict)
    alone: set[int] = field(default_factory=set)
    ready: list[tuple[int, Outcome]] = field(default_factory=list)
    left: int = 0

    def give(self, place: int, outcome: Outcome) -> None:
        """One less to paint."""
        self.left -= 1
        self.ready.append((place, outcome))

    def deliver(self) -> None:
        """Hand over what is ready: after the painters have their next pictures, for it takes its time."""
        ready, self.ready = self.ready, []
        for place, outcome in ready:
            self.keep(place, outcome)
