"""The running mean of what learns (Polyak & Juditsky 1992; for diffusion, Ho et al. 2020).

A small batch leaves weights that wander about what they learn. Their mean does not, and unlike a falling learning rate
it needs not know when learning will end.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from .adapters import Adapter


@dataclass(frozen=True, slots=True)
class Average:
    """The mean over about 1 / (1 - keeps) steps; over all of them while they are few."""

    adapter: Adapter
    keeps: float  #: of the mean so far, at each step; 0: the mean is what was last learned
    weights: dict[str, Any]  #: by parameter, where the parameter is

    def add(self, step: int) -> None:
        """Take in what step number ``step``, counted from 1, has learned."""
        share = 1 - min(self.keeps, step / (step + 9))
        for name, learned in self.adapter.parameters().items():
            self.weights[name].lerp_(learned.detach(), share)

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from what ``state`` gave."""
        for name, mean in self.weights.items():
            mean.copy_(state[name])

    def state(self) -> dict[str, Any]:
        """A copy, in main memory."""
        return {name: mean.cpu().clone() for name, mean in self.weights.items()}

    @contextmanager
    def worn(self) -> Iterator[None]:
        """The model has learned the mean, for as long as this lasts."""
        learned = self.adapter.state()
        self.adapter.restore(self.weights)
        try:
            yield
        finally:
            self.adapter.restore(learned)


def averaged(adapter: Adapter, keeps: float) -> Average:
    """Starts from the adapter as it is."""
    return Average(adapter, keeps, {name: weights.detach().clone() for name, weights in adapter.parameters().items()})
