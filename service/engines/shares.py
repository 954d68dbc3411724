"""Which pictures go to which painter of a cluster, and how many painters it has room for. Pure."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .job import Job

VRAM = "vram_gb"  #: the custom resource of a node: `ray start --resources='{"vram_gb": 24}'`


@dataclass(frozen=True, slots=True)
class Place:
    """What one painter asks of a node."""

    cpus: float = 1.0
    gpus: float = 1.0
    vram_gb: float = 0.0

    @property
    def asked(self) -> dict[str, float]:
        """As Ray names it; what is not asked for is left out."""
        named = {"CPU": self.cpus, "GPU": self.gpus, VRAM: self.vram_gb}
        return {name: amount for name, amount in named.items() if amount}

    def __str__(self) -> str:
        """As the owner reads it."""
        return ", ".join(f"{name} {amount:g}" for name, amount in self.asked.items()) or "nothing"


@dataclass(frozen=True, slots=True)
class Terms:
    """How a fleet is kept."""

    model: Mapping[str, Any]  #: what ``loading.Model`` is made of
    place: Place
    ways: Sequence[str] = ("whole",)  #: to hold it, the fastest first, as ``choosing.rungs`` names them
    actors: int = 1  #: at most
    batch: int = 0  #: pictures at once and painter; 0: what fits
    haste: str = "never"
    paint_s: float = 600.0  #: for one picture
    load_s: float = 3600.0  #: for reading the model


def worn(job: Job) -> frozenset[str]:
    """The weights that a picture needs, by their SHA-256; none where the model paints as it is."""
    return frozenset(learned.sha256 for learned in job.wears)


def share(waiting: Mapping[int, Job], holds: Collection[str], elsewhere: Collection[str], most: int) -> list[int]:
    """The places of the jobs that a free painter takes next, at most so many.

    First those whose weights it ``holds``, then those that nobody holds, and only then what another painter could do
    without changing. All of one share have one size and the same weights.
    """
    if not waiting:
        return []

    def strangeness(place: int) -> int:
        wears = worn(waiting[place])
        return 0 if wears and wears <= set(holds) else 2 if wears & set(elsewhere) else 1

    first = waiting[min(waiting, key=lambda place: (strangeness(place), place))]
    alike = (first.width_px, first.height_px, worn(first))
    mine = [place for place, job in waiting.items() if (job.width_px, job.height_px, worn(job)) == alike]
    return sorted(mine)[: max(most, 1)]


def capacity(place: Place, nodes: Sequence[Mapping[str, Any]]) -> int:
    """How many painters the living nodes could hold if they had nothing else to do."""
    return sum(_within(place, node["Resources"]) for node in nodes if node["Alive"])


def room(place: Place, free: Mapping[str, float], nodes: Sequence[Mapping[str, Any]], ours: int) -> int:
    """How many more painters there is room for now, beside so many of ours.

    ``free`` is the sum over all nodes, so that a remainder on each may look like room for one more: who asks for a
    place still has to give up when it does not come.
    """
    return max(0, min(_within(place, free), capacity(place, nodes) - ours))


def _within(place: Place, there: Mapping[str, float]) -> int:
    fits = [math.floor(there.get(name, 0.0) / amount + 1e-6) for name, amount in place.asked.items()]
    return min(fits, default=0)
