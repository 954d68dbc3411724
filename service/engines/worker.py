"""The process that holds a diffusion model. It may crash, hang or run out of memory, and the service goes on.

Run by ``diffusion.Diffusion`` as ``python -m service.engines.worker SECONDS``. A request is a frame of JSON; an answer
is frames of JSON, the last of them ``done`` or ``failed``, and after a picture's ``done`` a frame of bare RGB pixels.
Nothing that passes is ever executed or unpickled. It ends when its input closes, when nothing was asked for SECONDS
(negative: never), and after a failure: the end of a process is the only thing that gives back all of a GPU's memory.
"""

from __future__ import annotations

import json
import os
import select
import sys
import traceback
from collections.abc import Callable
from typing import IO, Any, Protocol

from ..errors import EngineError
from ..frames import receive, send
from .fetching import Heard
from .loading import Model
from .painter import Job, Painted, Painter, Unsafe

Tell = Callable[[dict[str, Any]], None]


class Paints(Protocol):
    """What the process does its work with."""

    def load(self, model: Model, heard: Heard) -> dict[str, Any]: ...

    def fetch(self, model: Model, heard: Heard) -> None: ...

    def paint(self, job: Job, progress: Callable[[float], None]) -> Painted: ...


def main(painter: Paints, idle_s: float) -> None:
    """Answer requests until there are none."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # a stray print goes to the log, not into an answer
    serve(painter, sys.stdin.buffer, answers, idle_s)
    os._exit(0)  # at once: interpreters with torch in them take seconds to tidy up, and some hang


def serve(painter: Paints, requests: IO[bytes], answers: IO[bytes], idle_s: float) -> None:
    """Take requests one by one, until they end, none comes in time, or one fails."""

    def tell(message: dict[str, Any]) -> None:
        send(answers, json.dumps(message).encode())

    while select.select([requests], [], [], idle_s if idle_s >= 0 else None)[0]:
        frame = receive(requests)
        if frame is None:
            return
        tell({"told": "taken"})
        try:
            _work(painter, json.loads(frame), tell, answers)
        except BrokenPipeError:
            return
        except Exception as error:
            traceback.print_exc()
            tell({"told": "failed", "gone": True, **explained(error)})
            return


def _work(painter: Paints, request: dict[str, Any], tell: Tell, answers: IO[bytes]) -> None:
    if "fetch" in request:
        painter.fetch(Model(**request["fetch"]), lambda news: tell({"told": "reading", **news}))
        tell({"told": "done"})
        return
    if "load" in request:
        facts = painter.load(Model(**request["load"]), lambda news: tell({"told": "reading", **news}))
        tell({"told": "done", **facts})
        return
    try:
        painted = painter.paint(Job(**request["paint"]), lambda share: tell({"told": "step", "share": share}))
    except Unsafe:
        tell({"told": "failed", "says": "the model's own safety check refused its picture"})
        return
    tell({"told": "done", "width_px": painted.width_px, "height_px": painted.height_px, "facts": painted.facts})
    send(answers, painted.pixels)


def explained(error: Exception) -> dict[str, Any]:
    """What went wrong in words, and whether it was memory."""
    if isinstance(error, EngineError):
        return {"says": str(error)}
    words = " ".join(f"{type(error).__name__}: {error}".split())[:300]
    if isinstance(error, ImportError):
        return {"says": f"what diffusion models need is not installed: run `make gpu` ({words})"}
    if isinstance(error, MemoryError) or "out of memory" in words.lower() or "OutOfMemory" in type(error).__name__:
        return {"says": "there was not enough memory for the model", "memory": True}
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
