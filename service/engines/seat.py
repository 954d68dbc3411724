"""A painter where a cluster has a place for it: the very one that paints on this machine, as an actor of Ray.

Ray gives it a thread for each call, so that it can be asked how far it is, and told to stop, while it paints.
"""

from __future__ import annotations

import importlib
import platform
import tempfile
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..files import write_whole
from .job import Cancelled, Job, Learned, Painted, Refusal
from .loading import Model
from .worker import explained


@dataclass(frozen=True, slots=True)
class Failure:
    """Why nothing came of a call; who failed so is not asked again. ``memory``: there was not enough of it."""

    says: str
    memory: bool = False


class Seat:
    """One painter and the weights of subjects that were sent to it."""

    def __init__(self, painter: str) -> None:
        """``painter``: module and class of what paints, as ``service.engines.painter:Painter``."""
        module, _, name = painter.partition(":")
        self._painter: Any = getattr(importlib.import_module(module), name)()
        self._folder = tempfile.TemporaryDirectory(prefix="frontispiece-")
        self._step, self._stopped = (0, 0), False

    def where(self) -> str:
        """The node's name: an answer means that there was room."""
        return platform.node()

    def load(self, model: Mapping[str, Any], haste: str) -> dict[str, Any] | Failure:
        """Read the model from the node's own disk, or from the hub."""
        try:
            facts: dict[str, Any] = self._painter.load(Model(**model), haste=haste)
        except Exception as error:
            return _failed(error)
        return facts

    def paint(
        self, jobs: Sequence[Job], gone: Sequence[str], names: Sequence[str], *weights: bytes
    ) -> list[Painted | Refusal] | Failure:
        """A batch; nothing where it was stopped. ``weights``: files it has not had yet; ``names``: their SHA-256;
        ``gone``: of those that are not needed any more.
        """
        self._step, self._stopped = (0, 0), False
        try:
            for name in gone:
                self._file(name).unlink(missing_ok=True)
            for name, data in zip(names, weights, strict=True):
                write_whole(self._file(name), data)
            outcomes: list[Painted | Refusal] = self._painter.render([self._here(job) for job in jobs], self._told)
        except Cancelled:
            return []
        except Exception as error:
            return _failed(error)
        return outcomes

    def look(self) -> tuple[int, int]:
        """The steps done, and all there are."""
        return self._step

    def stop(self) -> None:
        """Leave off at the next step."""
        self._stopped = True

    def _told(self, step: int, steps: int) -> None:
        self._step = step, steps
        if self._stopped:
            raise Cancelled

    def _file(self, sha256: str) -> Path:
        return Path(self._folder.name) / f"{sha256}.safetensors"

    def _here(self, job: Job) -> Job:
        """The job with the weights where they lie on this node."""
        halves = tuple(replace(half, learned=self._kept(half.learned)) for half in job.halves)
        return replace(job, learned=job.learned and self._kept(job.learned), halves=halves)

    def _kept(self, learned: Learned) -> Learned:
        return replace(learned, file=str(self._file(learned.sha256)))


def _failed(error: Exception) -> Failure:
    traceback.print_exc()
    told = explained(error)
    return Failure(str(told["says"]), bool(told.get("memory")))
