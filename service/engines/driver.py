"""The process that has a fleet of painters on a Ray cluster. Ray may end it, and the service goes on.

Run by ``ray.Ray`` as ``python -m service.engines.driver``, and spoken to as ``worker`` is: a request is a frame of
JSON, an answer frames of JSON, the last of them ``done``, ``failed`` or ``cancelled``, and after each ``picture``,
which comes as soon as it is painted, a frame of bare RGB pixels. It ends when it is asked to, when its input closes,
and when nothing was asked for ``idle_s`` seconds (negative: never); its actors end with it. A process that has joined
a cluster is ended by Ray itself where that cluster goes away, which is why it is not the service's own.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import time
import traceback
from collections.abc import Mapping
from typing import IO, Any

from ..errors import EngineError, GpuBusy
from ..frames import opened, receive, send
from .cluster import PAINTER, Cluster
from .fleet import Fleet
from .job import Cancelled, Refusal, job_of
from .rounds import Outcome
from .shares import Place, Terms

TELL_S = 0.2  #: how often at most the share done is told


def main() -> None:
    """Answer requests until there are none; then give the painters' places back."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what Ray prints goes to the log, not into an answer
    driver = Driver(opened(0), answers)
    with contextlib.suppress(BrokenPipeError):
        driver.serve()
    driver.leave()
    os._exit(0)  # at once: Ray's own threads take seconds


class Gone(Exception):
    """Nobody is at the other end any more."""


class Driver:
    """One fleet, and the pipes to those it paints for."""

    def __init__(self, requests: IO[bytes], answers: IO[bytes]) -> None:
        self._requests, self._answers = requests, answers
        self._cluster: Cluster | None = None
        self._fleet: Fleet | None = None
        self._idle_s, self._told_at = -1.0, 0.0

    def serve(self) -> None:
        """Take requests one by one, until they end, none comes in time, or one fails."""
        while self._readable(self._idle_s if self._idle_s >= 0 else None):
            frame = receive(self._requests)
            if frame is None:
                return
            try:
                self._tell({"told": "taken"})
                if "leave" in (request := json.loads(frame)):
                    self.leave()
                    self._tell({"told": "done"})
                    return
                self._work(request)
            except (BrokenPipeError, Gone):
                return
            except (EngineError, GpuBusy) as error:
                waiting = isinstance(error, GpuBusy)
                self._tell({"told": "failed", "says": str(error), "waiting": waiting, "gone": not self._fleet})
                if not self._fleet:
                    return
            except Exception as error:
                traceback.print_exc()
                words = " ".join(f"{type(error).__name__}: {error}".split())[:300]
                self._tell({"told": "failed", "says": f"the Ray cluster failed: {words}", "gone": True})
                return

    def leave(self) -> None:
        """Give everything back."""
        if self._fleet:
            self._fleet.leave()
        if self._cluster:
            self._cluster.leave()
        self._fleet = self._cluster = None

    def _readable(self, seconds: float | None) -> bool:
        return bool(select.select([self._requests], [], [], seconds)[0])

    def _tell(self, message: dict[str, Any], *pixels: bytes) -> None:
        send(self._answers, json.dumps(message).encode(), *pixels)

    def _work(self, request: Mapping[str, Any]) -> None:
        self._idle_s = float(request.get("idle_s", self._idle_s))
        if "join" in request:
            self._join(**request["join"])
        elif self._fleet and "paint" in request:
            try:
                self._fleet.paint([job_of(told) for told in request["paint"]], self._keep, self._share)
            except Cancelled:
                self._tell({"told": "cancelled"})
                return
        self._tell({"told": "done"})

    def _join(self, *, address: str, place: dict[str, float], terms: dict[str, Any], **sent: Any) -> None:
        asked = Place(**place)
        self._cluster = Cluster(
            address, asked, modules=sent.get("modules", ()), painter=sent.get("painter") or PAINTER
        )  # fmt: skip
        self._fleet = Fleet(self._cluster, Terms(place=asked, **terms))

    def _keep(self, place: int, outcome: Outcome) -> None:
        if isinstance(outcome, Refusal):
            self._tell({"told": "refused", "place": place, "says": outcome.says})
            return
        told = {"width_px": outcome.width_px, "height_px": outcome.height_px, "facts": outcome.facts}
        self._tell({"told": "picture", "place": place, **told}, outcome.pixels)

    def _share(self, share: float) -> None:
        """Tell how much is done; stop where that is wished, or where nobody listens any more."""
        if time.monotonic() > self._told_at + TELL_S:
            self._told_at = time.monotonic()
            self._tell({"told": "share", "share": share})
        if self._readable(0):
            if receive(self._requests) is None:
                raise Gone
            raise Cancelled


if __name__ == "__main__":
    main()
