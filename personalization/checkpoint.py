"""Learning that was stopped goes on, bit for bit: weights, optimiser, curve, all in one file. What is random in
a step depends on its number alone (``steps``), so there is no state of it to keep.

A file is there whole or not at all, and the one before it stays until it is. Kept are the last two and the best.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .errors import TrainingError

KEEP = 2


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Everything that the next step depends on."""

    step: int  #: how many are done
    lesson: str  #: which recipe, photos and base this belongs to
    adapter: dict[str, Any]  #: what was learned, by parameter
    optimiser: dict[str, Any]
    curve: list[dict[str, Any]] = field(default_factory=list)  #: what was measured so far
    losses: list[float] = field(default_factory=list)  #: of every step
    mean: dict[str, Any] = field(default_factory=dict)  #: of what was learned, as measured


def path(folder: Path, step: int) -> Path:
    return folder / f"step-{step:06d}.pt"


def steps(folder: Path) -> list[int]:
    """Of the checkpoints there are, oldest first."""
    return sorted(int(found.stem[5:]) for found in folder.glob("step-*.pt") if found.stem[5:].isdigit())


def save(folder: Path, checkpoint: Checkpoint, best: int | None) -> None:
    """Write a checkpoint and forget those that are no longer needed. Raises OSError, and then nothing has changed."""
    import torch

    folder.mkdir(parents=True, exist_ok=True)
    target = path(folder, checkpoint.step)
    part = target.with_suffix(".part")
    try:
        with part.open("wb") as file:
            torch.save({name: getattr(checkpoint, name) for name in Checkpoint.__slots__}, file)
            file.flush()
            os.fsync(file.fileno())
        part.replace(target)
    except RuntimeError as error:  # what torch's writer makes of a full disk
        part.unlink(missing_ok=True)
        raise OSError(28, "no space left, or the file cannot be written", str(target)) from error
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    forget(folder, {*steps(folder)[-KEEP:], *([] if best is None else [best])})


def forget(folder: Path, kept: Iterable[int] = ()) -> None:
    """Remove every checkpoint but these."""
    for step in set(steps(folder)) - set(kept):
        path(folder, step).unlink(missing_ok=True)
    for part in folder.glob("step-*.part"):  # of a process that was killed while it wrote
        part.unlink(missing_ok=True)


def load(folder: Path, step: int) -> Checkpoint:
    """Read one. Raises TrainingError for one that is damaged."""
    import torch

    try:
        return Checkpoint(**torch.load(path(folder, step), map_location="cpu", weights_only=True))
    except Exception as error:  # torch names neither a damaged archive nor a missing key
        raise TrainingError(f"the checkpoint {path(folder, step)} is damaged; delete it and train again") from error


def latest(folder: Path, lesson: str) -> Checkpoint | None:
    """The newest that can be read and belongs to this lesson. Others stay where they are."""
    for step in reversed(steps(folder)):
        try:
            found = load(folder, step)
        except TrainingError:
            continue
        if found.lesson == lesson:
            return found
    return None
