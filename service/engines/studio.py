"""A worker with a model in it: started when there is something to paint, asked, and let go."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ..errors import EngineError, NotNow
from .child import Child, Ended, Heard
from .job import Job
from .ladder import Ladder, Rung
from .loading import THRIFT, Model
from .sizes import Size

log = logging.getLogger(__name__)
GPU_WAIT_S = 5.0  #: for a GPU that another painter of ours is about to leave
QUEUE_S = 900.0  #: how long a worker stays while more is to come: a critic may be looking meanwhile
STILL_S = 10.0  #: for a worker to say that it has heard
LINGER_S = 2.0  #: how long "at once" is: whoever asks for one picture after another does within it


@dataclass(frozen=True, slots=True)
class Terms:
    """How a worker is kept."""

    idle_s: float  #: with nothing to paint; negative: for ever
    load_s: float  #: for reading the model, its download included
    compile: str = "never"


class Broken(EngineError):
    """A worker failed over a batch. ``memory``: it did not have enough."""

    def __init__(self, message: str, *, memory: bool = False) -> None:
        super().__init__(message)
        self.memory = memory


class Studio:
    """One model's worker. Used by one thread; ``stop`` and ``state`` by any."""

    def __init__(self, command: Sequence[str], model: Model, data: Path, terms: Terms) -> None:
        self.model, self.pipeline, self.fits = model, "", 1
        self._command, self._data, self._terms = command, data, terms
        self._ladder, self._rung = Ladder(data, model), Rung()
        self._child: Child | None = None
        self._more = False  # is to come
        self._state: dict[str, Any] = {"state": "asleep"}

    # -- asking -----------------------------------------------------------------------------

    def paint(self, jobs: Sequence[Job], seconds: float, heard: Heard) -> None:
        """Have a batch painted; ``heard`` is told what comes of it. Raises Broken, NotNow, and what ``heard`` raises.

        A worker that has just gone to rest is replaced, which costs nothing.
        """
        while True:
            used = self._child is not None
            try:
                answer = self._loaded(_size(jobs)).ask(
                    {"paint": [asdict(job) for job in jobs], "idle_s": self._idle_s},
                    seconds,
                    lambda told, pixels: self._noted(told, pixels, heard),
                )
            except Ended as error:
                self.leave()
                if used and not error.heard:
                    continue
                raise Broken(str(error)) from error
            except NotNow as busy:
                self._state = {"state": str(busy)}
                raise
            except BaseException:
                self._settle()
                raise
            self._settle()
            if answer["told"] == "failed":
                raise self._failure(answer)
            return

    def _noted(self, told: dict[str, Any], pixels: bytes, heard: Heard) -> None:
        if told["told"] == "step":
            self._state = {"state": "painting", "step": told["step"], "steps": told["steps"]}
        elif told["told"] == "picture":
            self.fits = int(told["facts"].get("fits") or self.fits)
        heard(told, pixels)

    def _settle(self) -> None:
        """What there is to say between two batches."""
        alive = self._child is not None and self._child.alive
        self._state = {"state": "ready" if alive else "asleep"}

    def _loaded(self, size: Size) -> Child:
        """The worker with the model in it, held as it fits for this size. Raises EngineError, NotNow, Ended."""
        known = self._ladder.known(size)
        if self._child is not None and known.thrift <= self._rung.thrift:
            return self._child
        self.leave()
        self._there()
        held = replace(self.model, thrift=max(known.thrift, self.model.thrift))
        self._child = child = Child((*self._command, str(self._terms.idle_s)))
        began, self._state, self._rung = time.monotonic(), {"state": "reading the model"}, Rung(held.thrift)
        log.info("reading %s; the first time it may have to be fetched, which takes long", held.name)
        lock = {"data": str(self._data.absolute()), "device": held.device, "seconds": GPU_WAIT_S}
        request = {"load": asdict(held), "compile": self._terms.compile, "lock": None if held.device == "cpu" else lock}
        if known.hardware:
            request["hardware"] = known.hardware
        answer = child.ask(request, self._terms.load_s, lambda _told, _pixels: None)
        if answer["told"] == "failed":
            raise self._failure(answer)
        self.pipeline = str(answer.get("pipeline", ""))
        self._rung = Rung(int(answer.get("thrift", 0)), hardware=str(answer.get("hardware", "")))
        log.info("read %s in %.0f s: %s", held.name, time.monotonic() - began, answer)
        return child

    def _there(self) -> None:
        name = self.model.name
        if name.endswith((".safetensors", ".ckpt", ".gguf")):
            raise EngineError(f"{name} is one file; what is needed is a diffusers folder, or a hub id")
        if name.startswith(("/", ".")) and not Path(name).is_dir():
            raise EngineError(f"there is no folder {name}")

    # -- memory -----------------------------------------------------------------------------

    def most(self, size: Size) -> int:
        """How many pictures of this size are painted at once: what fits, and less where that proved too much."""
        limit = self._ladder.known(size).most
        return min(self.fits, limit) if limit else self.fits

    def halve(self, size: Size, pictures: int) -> None:
        """So many at once were too much, here and after a restart."""
        known = self._ladder.known(size)
        self._ladder.learn(size, replace(known, most=max(1, pictures // 2), hardware=self._rung.hardware))

    def thriftier(self, size: Size) -> str:
        """Hold the model with less memory from now on, and after a restart; how, or "" where there is no way left."""
        thrift = self._rung.thrift + 1
        if thrift >= len(THRIFT):
            return ""
        self._ladder.learn(size, replace(self._ladder.known(size), thrift=thrift, hardware=self._rung.hardware))
        self._rung = replace(self._rung, thrift=thrift)
        self.model = replace(self.model, thrift=max(self.model.thrift, thrift))
        return THRIFT[thrift]

    def _failure(self, answer: dict[str, Any]) -> EngineError:
        if answer.get("gone"):
            log.info("the painter's last words: %s", self._child.said() if self._child else "")
            self.leave()
        if answer.get("waiting"):
            return NotNow(str(answer["says"]))
        return Broken(str(answer["says"]), memory=bool(answer.get("memory")))

    # -- keeping ----------------------------------------------------------------------------

    def keep(self, *, more: bool) -> None:
        """Keep the worker while more is to come; else its idle time begins now. It counts from an empty queue."""
        self._more, changed = more, more != self._more
        if self._child is None or not changed:
            return
        try:
            self._child.ask({"idle_s": self._idle_s}, STILL_S, lambda _told, _pixels: None)
        except Ended:
            self.leave()
        self._settle()

    @property
    def _idle_s(self) -> float:
        return max(self._terms.idle_s, QUEUE_S) if self._more and self._terms.idle_s >= 0 else self._terms.idle_s

    def state(self) -> dict[str, Any]:
        """What it does: "asleep", "reading the model", "painting" with its step, "ready", or what it waits for."""
        state, child = self._state, self._child
        return {"state": "asleep"} if state["state"] == "ready" and not (child and child.alive) else dict(state)

    def stop(self) -> None:
        """Kill the worker, even in the middle of a picture. From any thread."""
        child = self._child
        if child is not None:
            child.end()

    def leave(self) -> None:
        """Let the worker go."""
        child, self._child = self._child, None
        if child is not None:
            child.leave()
        self._state = {"state": "asleep"}


def _size(jobs: Sequence[Job]) -> Size:
    return jobs[0].width_px, jobs[0].height_px
