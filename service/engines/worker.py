"""The process that holds a diffusion model. It may crash, hang or run out of memory, and the service goes on.

Run by ``workshop.Workshop`` as ``python -m service.engines.worker SECONDS``. A request is a frame of JSON; an answer is
frames of JSON, the last of them ``done``, ``failed`` or ``cancelled``, and after each ``picture`` a frame of bare RGB
pixels. Nothing that passes is ever executed or unpickled. It ends when its input closes, when nothing was asked for
SECONDS (negative: never), when another process wants the GPU and there is nothing to do, and after a failure: the end
of a process is the only thing that gives back all of a GPU's memory.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import select
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any, Protocol

from ..errors import DataFolderError, EngineError, GpuBusy
from ..frames import opened, receive, send
from ..gpu import Gpu
from .cards import IpAdapter
from .fetching import Heard
from .job import Cancelled, Job, Painted, Refusal, Steps, job_of
from .loading import Model
from .painter import Painter

Tell = Callable[[dict[str, Any]], None]
LOOK_S = 0.5  #: how often an idle worker looks whether the GPU is wanted
GOING_S = 3.0  #: to end by itself once nobody is left to paint for


class Paints(Protocol):
    """What the process does its work with."""

    def hardware(self, device: str) -> str: ...

    def fetch(self, model: Model, heard: Heard) -> None: ...

    def see(self, adapter: IpAdapter, heard: Heard) -> str: ...

    def load(self, model: Model, heard: Heard, *, haste: str) -> dict[str, Any]: ...

    def render(self, jobs: Sequence[Job], steps: Steps) -> list[Painted | Refusal]: ...


class Gone(Exception):
    """Nobody is at the other end any more."""


def main(painter: Paints, idle_s: float) -> None:
    """Answer requests until there are none."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # a stray print goes to the log, not into an answer
    threading.Thread(target=_outlived, args=(0,), name="outlived", daemon=True).start()
    with contextlib.suppress(BrokenPipeError):
        Worker(painter, opened(0), answers, idle_s).serve()
    os._exit(0)  # at once: interpreters with torch in them take seconds to tidy up, and some hang


def _outlived(pipe: int) -> None:
    """End the process when its pipe has no other end any more: it may be stuck, and holds the GPU."""
    poll = select.poll()
    poll.register(pipe, 0)  # that it hung up is told unasked
    poll.poll()
    time.sleep(GOING_S)
    os._exit(0)


class Worker:
    """One painter, and the pipes to those it paints for."""

    def __init__(self, painter: Paints, requests: IO[bytes], answers: IO[bytes], idle_s: float) -> None:
        self._painter, self._requests, self._answers, self._idle_s = painter, requests, answers, idle_s
        self._gpu: Gpu | None = None

    def serve(self) -> None:
        """Take requests one by one, until they end, none comes in time, the GPU is wanted, or one fails."""
        while self._asked():
            frame = receive(self._requests)
            if frame is None:
                return
            try:
                request = json.loads(frame)
                if "cancel" in request:  # what it was meant for was done already, and answered
                    continue
                self._tell({"told": "taken"})
                self._work(request)
            except (BrokenPipeError, Gone):
                return
            except GpuBusy as busy:
                self._tell({"told": "failed", "gone": True, "waiting": True, "says": str(busy)})
                return
            except Exception as error:
                traceback.print_exc()
                self._tell({"told": "failed", "gone": True, **explained(error)})
                return

    def _asked(self) -> bool:
        """Whether there is a request; it is waited for as long as is worth it."""
        until = time.monotonic() + self._idle_s if self._idle_s >= 0 else float("inf")
        while not self._readable(min(LOOK_S, max(until - time.monotonic(), 0))):
            if time.monotonic() >= until or (self._gpu and self._gpu.wanted()):
                return self._readable(0)
        return True

    def _readable(self, seconds: float) -> bool:
        return bool(select.select([self._requests], [], [], seconds)[0])

    def _tell(self, message: dict[str, Any], *pixels: bytes) -> None:
        send(self._answers, json.dumps(message).encode(), *pixels)

    def _work(self, request: dict[str, Any]) -> None:
        self._idle_s = float(request.get("idle_s", self._idle_s))
        if "fetch" in request:
            self._painter.fetch(Model(**request["fetch"]), self._reading)
            self._tell({"told": "done"})
        elif "see" in request:
            self._tell({"told": "done", "blind": self._painter.see(IpAdapter(**request["see"]), self._reading)})
        elif "load" in request:
            self._load(request)
        elif "paint" in request:
            self._paint([job_of(told) for told in request["paint"]])
        else:
            self._tell({"told": "done"})

    def _load(self, request: dict[str, Any]) -> None:
        """Read a model, once the GPU is free. How it is held was found out on a card that may be another by now."""
        if lock := request.get("lock"):
            self._gpu = Gpu(Path(lock["data"]), "painting", lock["device"])
            self._gpu.take(lock["seconds"])
        told = request["load"]
        hardware = self._painter.hardware(told.get("device", "auto"))
        if request.get("found_on") not in (None, "", hardware):
            told = told | {"thrift": request["at_first"], "held": ""}
        facts = self._painter.load(Model(**told), self._reading, haste=request.get("compile", "never"))
        self._tell({"told": "done", **facts, "hardware": hardware, "thrift": told.get("thrift", 0)})

    def _reading(self, news: dict[str, Any]) -> None:
        self._tell({"told": "reading", **news})

    def _paint(self, jobs: Sequence[Job]) -> None:
        try:
            outcomes = self._painter.render(jobs, self._step)
        except Cancelled:
            self._tell({"told": "cancelled"})
            return
        for place, outcome in enumerate(outcomes):
            if isinstance(outcome, Refusal):
                self._tell({"told": "refused", "place": place, "says": outcome.says, "blind": outcome.blind})
            else:
                told = {"width_px": outcome.width_px, "height_px": outcome.height_px, "facts": outcome.facts}
                self._tell({"told": "picture", "place": place, **told}, outcome.pixels)
        self._tell({"told": "done"})

    def _step(self, step: int, steps: int) -> None:
        """Tell of a step; stop where that is wished, or where nobody listens any more."""
        self._tell({"told": "step", "step": step, "steps": steps})
        if self._readable(0):
            if receive(self._requests) is None:
                raise Gone
            raise Cancelled


def explained(error: Exception) -> dict[str, Any]:
    """What went wrong in words, and whether it was memory."""
    words = " ".join(f"{type(error).__name__}: {error}".split())[:300]
    if isinstance(error, DataFolderError | EngineError):
        return {"says": str(error)}
    if isinstance(error, ImportError):
        return {"says": f"what diffusion models need is not installed: run `make gpu` ({words})"}
    if isinstance(error, MemoryError) or "out of memory" in words.lower() or "OutOfMemory" in type(error).__name__:
        return {"says": "there was not enough memory for the model", "memory": True}
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return {"says": f"a disk of this machine is full: make room ({words})"}
    if "no file named" in words.lower() and "safetensors" in words:
        return {"says": f"the model has no weights as safetensors; pickle files can run code, so they are only read "
                f"with allow_pickle = true ({words})"}  # fmt: skip
    if type(error).__name__ == "SafetensorError" or "Unable to load weights" in words:
        return {"says": f"a file of the model's weights is damaged: fetch it again ({words})"}
    if "couldn't connect" in words or "offline" in words.lower():
        return {"says": "the model is not on this machine, and the hub it would come from does not answer: "
                f"see model, the network and HF_HUB_OFFLINE ({words})"}  # fmt: skip
    if "gated" in words.lower() or "401" in words:
        return {"says": f"the hub does not give out this model: is its name right? Some want their terms accepted on "
                f"their page, and a token in HF_TOKEN ({words})"}  # fmt: skip
    return {"says": words}


if __name__ == "__main__":
    main(Painter(), float(sys.argv[1]))
