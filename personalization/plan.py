"""Whether learning fits into a machine's memory, decided before it starts.

A driver that spills into main memory makes learning a hundred times slower and says nothing. So what is needed is
counted first, the cheapest savings are taken that make it fit, and where none does, learning does not start and says
what to change. Deciding is pure; ``demand`` counts.
"""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterator
from dataclasses import dataclass, replace

from .errors import TrainingError
from .request import Events, Request

GIB = 2**30
SPARE = 0.08  #: of a GPU's free memory: the allocator's fragments and the driver's workspaces
CONTEXT = int(0.6 * GIB)  #: of a CUDA context and its libraries, once


@dataclass(frozen=True, slots=True)
class Demand:
    """What learning needs, in bytes, at the recipe's full batch and in the device's precision."""

    denoiser: int  #: its weights
    text: int  #: the text encoders'
    decoder: int  #: the autoencoder's
    learning: int  #: what learns: number of weights, not bytes
    activations: int  #: kept for the backward pass of one row: a photo, or what preserves its class
    checkpointed: int  #: the same, kept only between blocks, with the largest block once
    painting: int  #: of a measurement's pictures, the largest layer
    text_learns: bool = False
    stays: int = 0  #: rows in a batch that preserve
    text_rests: bool = False  #: the text encoders are on the GPU only while the denoiser is not; see ``shelf``


@dataclass(frozen=True, slots=True)
class Room:
    """What a machine has free, in bytes."""

    gpu: int | None  #: None: there is no GPU, main memory holds everything
    ram: int
    eight_bit: bool = False  #: whether bitsandbytes is there


@dataclass(frozen=True, slots=True)
class Plan:
    """How it fits."""

    batch_at_once: int  #: the rest of a batch follows before the step is taken
    checkpointing: bool = False
    eight_bit: bool = False
    needs: int = 0  #: bytes of the GPU, or of main memory without one

    def says(self) -> str:
        """For its owner."""
        savings = [
            *(["gradient checkpointing (about a third slower)"] if self.checkpointing else []),
            *(["an 8-bit optimiser"] if self.eight_bit else []),
        ]
        how = f", with {' and '.join(savings)}" if savings else ""
        at_once = "1 photo" if self.batch_at_once == 1 else f"{self.batch_at_once} photos"
        return f"needs about {self.needs / GIB:.1f} GB, {at_once} at once{how}"


def planned(demand: Demand, room: Room, batch: int) -> Plan:
    """The plan that costs least time. Raises TrainingError, which says what to change, where there is none."""
    free = room.ram if room.gpu is None else int(room.gpu * (1 - SPARE)) - CONTEXT
    least: Plan | None = None
    for plan in _plans(room, batch):
        sized = replace(plan, needs=needed(demand, plan))
        if sized.needs <= free:
            return sized
        if least is None or sized.needs < least.needs:
            least = sized
    assert least  # there is always one to try
    where = "this machine" if room.gpu is None else "this GPU"
    raise TrainingError(
        f"learning needs at least {least.needs / GIB:.1f} GB, and {where} has {max(free, 0) / GIB:.1f} GB free: "
        f"{_way_out(demand, room)}"
    )


def needed(demand: Demand, plan: Plan) -> int:
    """Bytes at the worst moment: a step, a measurement, or when words are encoded."""
    moments = 2 if plan.eight_bit else 8  # Adam's two
    state = demand.learning * (4 + 4 + 4 + moments)  # weights, their mean, gradients
    rows = plan.batch_at_once + min(plan.batch_at_once, demand.stays)
    kept = (demand.checkpointed if plan.checkpointing else demand.activations) * rows
    at_work = demand.denoiser + state + demand.decoder + max(kept, demand.painting)
    return max(at_work, demand.text + demand.decoder) if demand.text_rests else at_work + demand.text


def _plans(room: Room, batch: int) -> Iterator[Plan]:
    """From the fastest to the smallest."""
    sizes = [size for size in (batch, *(batch // part for part in (2, 4, 8, 16, 32, 64))) if size]
    for checkpointing in (False, True):
        for size in dict.fromkeys(sizes):
            for eight_bit in (False, True) if room.eight_bit else (False,):
                yield Plan(size, checkpointing, eight_bit)


def _way_out(demand: Demand, room: Room) -> str:
    ways = ["learn smaller photos (--side-px)"]
    if demand.learning > demand.denoiser // 8:
        ways.append("a smaller adapter (--adapter lora, a lower --rank)")
    if demand.text_learns:
        ways.append("a text encoder that stays as it is (--no-text-encoder)")
    if room.gpu is not None:
        ways.append("close what else uses the GPU")
    return f"{', '.join(ways[:-1])} or {ways[-1]}" if len(ways) > 1 else ways[0]


def options(parser: ArgumentParser) -> None:
    from .train import options as same

    same(parser)


def run(request: Request) -> Events:
    """Say whether it would fit, and start nothing."""
    from .lesson import opened

    lesson = opened(request)
    says = f"{lesson.base}: {lesson.says()}"
    yield {"event": "plan", "says": says, "family": lesson.family.NAME, "base": lesson.base}
