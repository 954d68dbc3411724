"""Who learns has the GPU alone: a lesson takes the lock that painting workers take, and they leave when it is wanted.

On a processor it takes it, too: the lock is then for main memory, which two lessons, or a lesson and a model that
paints, would fill.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from service import subjects
from service.errors import GpuBusy
from service.gpu import Gpu
from service.progress import at_work

from .request import Events, Request


def alone(request: Request, doing: str, work: Callable[[Request], Events]) -> Events:
    """What ``work`` says, once nothing else of ours is on the GPU; what is waited for is said first.

    ``doing``: what others read who wait, such as "learning". Being stopped ends the wait. Nobody removes the
    subject meanwhile. Raises DataFolderError, SubjectError and what ``work`` raises.
    """
    gpu = Gpu(request.data, f"{doing} {request.name}", getattr(request.options, "device", None) or "auto")
    try:
        with at_work(subjects.folder(request.data, request.name)):
            yield from _waited(gpu, request)
            if request.stop.is_set():
                yield {"event": "stopped", "says": "stopped before it began"}
            else:
                yield from work(request)
    finally:
        gpu.release()


def _waited(gpu: Gpu, request: Request) -> Events:
    try:
        gpu.take()
    except GpuBusy as busy:
        yield {"event": "waiting", "says": str(busy)}
        try:
            gpu.take(math.inf, request.stop.is_set)
        except GpuBusy:
            if not request.stop.is_set():
                raise
