"""A worker with a model in it: started when there is something to paint, asked, and let go."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ..errors import EngineError, NotNow
from .cards import IpAdapter
from .child import Child, Ended, Heard
from .choosing import in_main_memory, ladder_on, terms
from .job import Job
from .ladder import Found, Ladder
from .loading import Model
from .reading import Reading
from .settling import Home, Settled, recognised
from .sizes import Size
from .weights import is_file

log = logging.getLogger(__name__)
GPU_WAIT_S = 5.0  #: for a GPU that another painter of ours is about to leave
QUEUE_S = 900.0  #: how long a worker stays while more is to come: a critic may be looking meanwhile
STILL_S = 10.0  #: for a worker to say that it has heard
LINGER_S = 2.0  #: how long "at once" is: whoever asks for one picture after another does within it
FETCH_S = 7 * 24 * 3600.0  #: for a download; one that stands still fails by itself


@dataclass(frozen=True, slots=True)
class Terms:
    """How a worker is kept."""

    idle_s: float  #: with nothing to paint; negative: for ever
    load_s: float  #: for reading the model, its download not counted
    compile: str = "never"


class Broken(EngineError):
    """A worker failed over a batch. ``memory``: it did not have enough."""

    def __init__(self, message: str, *, memory: bool = False) -> None:
        super().__init__(message)
        self.memory = memory


class Blind(EngineError):
    """The photos that a picture is to be painted from cannot be looked at."""


class Workshop:
    """One model's worker. Used by one thread; ``stop``, ``state`` and ``what`` by any."""

    def __init__(self, command: Sequence[str], home: Home, terms: Terms, settle: Callable[[], Settled]) -> None:
        """``settle`` finds out which model paints, once; it may raise EngineError."""
        self.fits = 1
        self._command, self._home, self._terms, self._settle = command, home, terms, settle
        self._settled: Settled | None = None
        self._settling = threading.Lock()
        self._child: Child | None = None
        self._sees: IpAdapter | None = None  #: what it has ready
        self._least = 0  #: the first rung of the ladder that did not run out of memory here
        self._held, self._hardware = 0, ""  #: the rung, and the card, of the worker that is there or was last
        self._more = False  # is to come
        self._reading, self._state = Reading(), dict[str, Any](now="asleep")

    @property
    def what(self) -> Settled:
        """Which model paints. Raises EngineError."""
        with self._settling:
            if self._settled is None:
                found = self._settle()
                for line in (found.says, *found.notes):
                    log.info("%s", line)
                self._settled = found
            return self._settled

    # -- asking -----------------------------------------------------------------------------

    def paint(self, jobs: Sequence[Job], seconds: float, heard: Heard, *, adapter: IpAdapter | None = None) -> None:
        """Have a batch painted; ``heard`` is told of the reading before it, and of what comes of it.

        ``adapter``: what the model looks at the jobs' photos through. A worker that has just gone to rest is replaced,
        which costs nothing. Raises Broken, Blind, NotNow, EngineError, and what ``heard`` raises.
        """
        while True:
            used, there = self._child is not None, False
            try:
                child = self._loaded(_size(jobs), heard, adapter)
                if adapter:
                    self._see(child, adapter, heard)
                    self._sees = adapter
                there = True
                answer = child.ask(
                    {"paint": [asdict(job) for job in jobs], "idle_s": self._idle_s},
                    seconds,
                    lambda told, pixels: self._noted(told, pixels, heard),
                )
            except Ended as error:
                self.leave()
                if used and not error.heard:
                    continue
                raise self._died(error, painting=there) from error
            except NotNow as busy:
                self._state = {"now": str(busy)}
                raise
            except BaseException:
                self._settle_down()
                raise
            self._settle_down()
            if answer["told"] == "failed":
                raise self._failure(answer)
            return

    def _noted(self, told: dict[str, Any], pixels: bytes, heard: Heard) -> None:
        if told["told"] == "step":
            step, steps = told["step"], told["steps"]
            self._state = {"now": f"painting, step {step} of {steps}", "step": step, "steps": steps}
        elif told["told"] == "picture":
            self.fits = int(told["facts"].get("fits") or self.fits)
        elif told["told"] == "reading":
            self._reading.heard(told, str(told.get("terms") or terms(self.what.card)))
            self._state = {"now": self._reading.now}
        heard(told, pixels)

    def _settle_down(self) -> None:
        """What there is to say between two batches."""
        alive = self._child is not None and self._child.alive
        self._state = {"now": "ready" if alive else "asleep"}

    def _see(self, child: Child, adapter: IpAdapter, heard: Heard) -> None:
        """Have an adapter ready in the worker; before a model is there it is fetched only. Raises Blind, Ended."""
        if self._sees == adapter:
            return
        request = {"see": adapter.model_dump(mode="json")}
        answer = child.ask(request, FETCH_S, lambda told, pixels: self._noted(told, pixels, heard))
        if answer.get("told") == "failed":
            raise self._failure(answer)
        if answer.get("blind"):
            raise Blind(str(answer["blind"]))

    def _loaded(self, size: Size, heard: Heard, adapter: IpAdapter | None = None) -> Child:
        """The worker with the model in it, held as it fits for this size. Raises EngineError, NotNow, Ended."""
        rung = self._rung(size)
        if self._child is not None and rung <= self._held:
            return self._child
        self.leave()
        held = replace(self.what.model, thrift=rung, held=self.ways[rung])
        _there(held)
        self._held = rung
        self._child = child = Child((*self._command, str(self._terms.idle_s)))
        try:
            if adapter and held.card is not None:  # its own card knows that it fits: nobody waits for the GPU meanwhile
                self._see(child, adapter, heard)
            answer = self._read(child, held, self._ladder.known(size).hardware, heard)
        except BaseException:
            self.leave()
            raise
        self._held, self._hardware = int(answer.get("thrift", 0)), str(answer.get("hardware", ""))
        self._settled = recognised(self.what, self._home, str(answer.get("pipeline", "")))
        return child

    def _read(self, child: Child, held: Model, hardware: str, heard: Heard) -> dict[str, Any]:
        """Have the model fetched, where it must be, and read. The GPU is claimed only for the latter."""
        began, self._state = time.monotonic(), {"now": f"reading {held.name}"}
        lock = {"data": str(self._home.data.absolute()), "device": held.device, "seconds": GPU_WAIT_S}
        load = {
            "load": asdict(held), "compile": self._terms.compile, "lock": None if held.device == "cpu" else lock,
            "found_on": hardware, "at_first": self._first,
        }  # fmt: skip
        answer: dict[str, Any] = {}
        for request, seconds in (({"fetch": asdict(held)}, FETCH_S), (load, self._terms.load_s)):
            if "load" in request or not held.name.startswith("/"):
                answer = child.ask(request, seconds, lambda told, pixels: self._noted(told, pixels, heard))
            if answer.get("told") == "failed":
                raise self._failure(answer)
        log.info("read %s in %.0f s: %s", held.name, time.monotonic() - began, answer)
        return answer

    # -- memory -----------------------------------------------------------------------------

    @property
    def _ladder(self) -> Ladder:
        return Ladder(self._home.data, self.what.model)

    @property
    def ways(self) -> list[str]:
        """How this model can be held, the fastest first."""
        found = self.what
        return [rung.how for rung in ladder_on(found.card, found.model.device, found.model.expects)]

    @property
    def _first(self) -> int:
        """The rung to begin with where nothing is remembered."""
        return max(self.what.model.thrift, self._least)

    def _found(self, size: Size) -> Found:
        """What is remembered, if it was found out on the card that is there."""
        known = self._ladder.known(size)
        return known if self._hardware in ("", known.hardware) else Found()

    def _rung(self, size: Size) -> int:
        ways, how = self.ways, self._found(size).how
        return max(self._first, ways.index(how) if how in ways else 0)

    def most(self, size: Size) -> int:
        """How many pictures of this size are painted at once: what fits, and less where that proved too much."""
        limit = self._found(size).most
        return min(self.fits, limit) if limit else self.fits

    def halve(self, size: Size, pictures: int) -> None:
        """So many at once were too much, here and after a restart."""
        self._learn(size, replace(self._found(size), most=max(1, pictures // 2)))

    def thriftier(self, size: Size) -> str:
        """Hold the model with less memory from now on, and after a restart; how, or "" where there is no way left."""
        ways, rung = self.ways, self._held + 1
        if rung >= len(ways):
            return ""
        self._learn(size, replace(self._found(size), how=ways[rung]))
        self._held, self._least = rung, max(self._least, rung)
        return ways[rung]

    def _learn(self, size: Size, found: Found) -> None:
        self._ladder.learn(size, replace(found, hardware=self._hardware))

    def _died(self, error: Ended, *, painting: bool) -> Broken:
        """Of a worker that the kernel killed it is said what to do where no thriftier way saves main memory."""
        model = self.what.model
        if not error.killed:
            return Broken(str(error))
        if painting and in_main_memory(model.device, model.expects):
            return Broken(str(error), memory=True)
        doing = "painting" if painting else "reading the model"
        return Broken(f"{error}, while {doing}: choose a smaller model, or leave it more main memory")

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
        self._settle_down()

    @property
    def _idle_s(self) -> float:
        return max(self._terms.idle_s, QUEUE_S) if self._more and self._terms.idle_s >= 0 else self._terms.idle_s

    def state(self) -> dict[str, Any]:
        """What it does ``now``: "asleep", "fetching …", "reading …", "painting, step 7 of 20" with ``step`` and
        ``steps``, "ready", or what it waits for.
        """
        state, child = self._state, self._child
        return {"now": "asleep"} if state["now"] == "ready" and not (child and child.alive) else dict(state)

    def stop(self) -> None:
        """Kill the worker, even in the middle of a picture. From any thread."""
        child = self._child
        if child is not None:
            child.end()

    def leave(self) -> None:
        """Let the worker go."""
        child, self._child, self._sees = self._child, None, None
        if child is not None:
            child.leave()
        self._state = {"now": "asleep"}


def _there(model: Model) -> None:
    """Raises EngineError for a path that leads nowhere."""
    if model.name.startswith("/") and not Path(model.name).exists():
        raise EngineError(f"there is no {'file' if is_file(model.name) else 'folder'} {model.name}")


def _size(jobs: Sequence[Job]) -> Size:
    return jobs[0].width_px, jobs[0].height_px
