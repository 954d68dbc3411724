"""Painters on a cluster at work: seated where there is room, given pictures, made anew when they are lost.

What a painter dies of costs a picture that it had alone one attempt; those of a batch are painted again, each alone.
More painters than there is room for are never asked for: one that waits for its place takes the place of another that
is to be made anew.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, Protocol

from ..errors import EngineError, GpuBusy
from .cluster import Lost
from .job import Job, Learned, Refusal
from .luggage import Luggage
from .rounds import Outcome, Round
from .seat import Failure
from .shares import Terms, share

LOOK_S = 0.2  #: how often is looked how far everybody is
ROOM_S = 1.0  #: how often a cluster is asked for room
PATIENCE_S = 5.0  #: for a place to be free, where there is no painter yet
PLACE_S = 60.0  #: for a painter to sit where there was room
REST_S = 30.0  #: before another is made where one could not be, while others paint
MOST = 8  #: pictures at once and painter, where the owner says nothing
log = logging.getLogger(__name__)


class Grounds(Protocol):
    """Where painters sit: ``cluster.Cluster``."""

    def room(self, ours: int) -> int: ...
    def capacity(self) -> int: ...
    def seat(self) -> Any: ...
    def put(self, data: bytes) -> Any: ...
    def done(self, references: Sequence[Any], seconds: float) -> list[Any]: ...
    def got(self, reference: Any) -> Any: ...
    def end(self, actor: Any) -> None: ...


@dataclass(slots=True)
class Chair:
    """One painter as it is seen from here."""

    actor: Any
    doing: Literal["placing", "loading", "painting", "nothing"]
    call: Any
    until: float  #: by when the call has to come to an end
    jobs: dict[int, Job] = field(default_factory=dict)  #: what it paints, by their places
    holds: Luggage = field(default_factory=Luggage)  #: the weights that were sent to it
    fits: int = 1
    rung: int = 0  #: in which of the ways it holds the model
    facts: dict[str, Any] = field(default_factory=dict)
    look: Any = None
    share: float = 0.0


class Fleet:
    """The painters of one model. Used by one thread."""

    def __init__(self, grounds: Grounds, terms: Terms) -> None:
        self._on, self._terms = grounds, terms
        self._chairs: list[Chair] = []
        self._sent = Luggage()  # weights that lie where every node can take them from
        self._thrift = int(terms.model.get("thrift", 0))
        self._rest = self._asked = self._looked = 0.0
        self._trouble: Exception | None = None

    def paint(self, jobs: Sequence[Job], keep: Callable[[int, Outcome], None], tell: Callable[[float], None]) -> None:
        """Paint all; ``keep`` is given each as it comes, ``tell`` the share done, and what that raises stops it.

        Raises EngineError where no painter can be had; GpuBusy where others have every place.
        """
        work = Round(jobs, keep, dict(enumerate(jobs)), left=len(jobs))
        patience = time.monotonic() + (PATIENCE_S if self._chairs or self._on.capacity() else 0)
        self._rest, self._trouble = 0.0, None
        try:
            while work.left:
                self._more(work)
                self._hand_out(work)
                work.deliver()
                if self._chairs:
                    patience = time.monotonic() + PATIENCE_S
                elif self._trouble or time.monotonic() > patience:
                    self._give_up()
                self._settle(work)
                tell(self._done(work))
            work.deliver()
        except BaseException:
            self._stop()
            raise

    def leave(self) -> None:
        """Give every place back."""
        while self._chairs:
            self._drop(self._chairs[0])

    # -- who paints -------------------------------------------------------------------------

    def _more(self, work: Round) -> None:
        """Seat more painters while there are more pictures than painters, and room."""
        now, busy = time.monotonic(), sum(1 for chair in self._chairs if chair.jobs)
        wanted = min(self._terms.actors, busy + len(work.waiting)) - len(self._chairs)
        if wanted <= 0 or now < max(self._rest, self._asked):
            return
        self._asked = now + ROOM_S
        for _ in range(min(wanted, self._on.room(len(self._chairs)))):
            actor = self._on.seat()
            self._chairs.append(Chair(actor, "placing", actor.where.remote(), now + PLACE_S))

    def _give_up(self) -> None:
        if self._trouble:
            raise self._trouble
        place = self._terms.place
        if not self._on.capacity():
            raise EngineError(
                f"no node of the Ray cluster has room for a painter ({place}): ask for less, or start a node with more "
                f"(ray start --num-gpus, --resources='{{\"vram_gb\": …}}')"
            )
        raise GpuBusy(f"others have every place of the Ray cluster that has room for a painter ({place})")

    def _drop(self, chair: Chair) -> None:
        self._chairs.remove(chair)
        self._on.end(chair.actor)

    def _fault(self, chair: Chair, trouble: Exception) -> None:
        """One that cannot come to paint; where there is no other, that is why nothing is painted."""
        log.warning("%s", trouble)
        self._drop(chair)
        self._rest = time.monotonic() + REST_S
        self._trouble = trouble if not self._chairs else None

    # -- what they paint --------------------------------------------------------------------

    def _hand_out(self, work: Round) -> None:
        free = [chair for chair in self._chairs if chair.doing == "nothing"]
        for number, chair in enumerate(free):
            even = -(-len(work.waiting) // (len(free) - number))
            most = min(self._terms.batch or min(chair.fits, MOST), even)
            elsewhere = {wears for other in self._chairs if other is not chair for wears in other.holds}
            places = share(work.waiting, chair.holds, elsewhere, most)
            single = [place for place in places if place in work.alone]
            self._give(chair, {place: work.waiting.pop(place) for place in single[:1] or places}, work)

    def _give(self, chair: Chair, jobs: dict[int, Job], work: Round) -> None:
        """Have a painter paint these, with the weights that it has not had yet."""
        sent: dict[str, Any] = {}
        for place, job in list(jobs.items()):
            lacks = [learned for learned in job.wears if learned.sha256 not in {*chair.holds, *sent}]
            try:
                sent |= {learned.sha256: self._weights(learned) for learned in lacks}
            except EngineError as error:
                work.give(place, Refusal(str(error)))
                del jobs[place]
        if jobs:
            worn = {learned.sha256: learned for job in jobs.values() for learned in job.wears}
            gone = [sha256 for learned in worn.values() for sha256 in chair.holds.take(learned)]
            chair.call = chair.actor.paint.remote(list(jobs.values()), gone, list(sent), *sent.values())
            chair.doing, chair.jobs, chair.share, chair.look = "painting", jobs, 0.0, None
            chair.until = time.monotonic() + self._terms.paint_s * len(jobs)

    def _weights(self, learned: Learned) -> Any:
        """A subject's weights where every node can take them from; laid there once. Raises EngineError."""
        if learned.sha256 not in self._sent:
            try:
                data = Path(learned.file).read_bytes()
            except OSError as error:
                raise EngineError(f"the weights of {learned.subject} cannot be read: {error.strerror}") from error
            if hashlib.sha256(data).hexdigest() != learned.sha256:
                raise EngineError(f"the weights of {learned.subject} have just changed: try again")
            self._sent.take(learned, self._on.put(data))
        return self._sent.where(learned.sha256)

    # -- what comes of it -------------------------------------------------------------------

    def _settle(self, work: Round) -> None:
        """Hear from everybody who has something to say."""
        calls = {chair.call: chair for chair in self._chairs if chair.doing != "nothing"}
        if not calls:
            time.sleep(LOOK_S)
            return
        for call in self._on.done(list(calls), LOOK_S):
            try:
                self._came(calls[call], self._on.got(call), work)
            except Lost as error:
                self._lost(calls[call], f"a painter on the Ray cluster is gone, or its node ({error})", work)
        for chair in list(self._chairs):
            if chair.doing != "nothing" and time.monotonic() > chair.until:
                self._late(chair, work)

    def _came(self, chair: Chair, came: Any, work: Round) -> None:
        if isinstance(came, Failure):
            self._failed(chair, came, work)
        elif chair.doing == "placing":
            chair.doing, chair.until = "loading", time.monotonic() + self._terms.load_s
            chair.rung = self._thrift
            model = {**self._terms.model, "thrift": chair.rung, "held": self._terms.ways[chair.rung]}
            chair.facts = {"node": str(came)}
            chair.call = chair.actor.load.remote(model, self._terms.haste)
        else:
            if chair.doing == "painting":
                self._painted(chair, came, work)
            chair.doing, chair.jobs, chair.call = "nothing", {}, None

    def _painted(self, chair: Chair, outcomes: Sequence[Outcome], work: Round) -> None:
        for place, outcome in zip(chair.jobs, outcomes, strict=False):  # none where they were stopped
            if isinstance(outcome, Refusal):
                work.give(place, outcome)
                continue
            chair.fits = int(outcome.facts.get("fits") or chair.fits)
            work.give(place, replace(outcome, facts={**outcome.facts, **chair.facts}))

    def _failed(self, chair: Chair, why: Failure, work: Round) -> None:
        """A painter that failed is made anew; for lack of memory with fewer pictures at once, then held thriftier."""
        thrift = self._thriftier(chair) if why.memory and len(chair.jobs) < 2 else ""
        self._lost(chair, why.says + thrift, work)

    def _thriftier(self, chair: Chair) -> str:
        """Hold the model with less memory than this painter did; says how."""
        ways, rung = self._terms.ways, chair.rung + 1
        if rung >= len(ways):
            return f", even {ways[-1]}: choose a smaller model, or another engine"
        self._thrift = max(self._thrift, rung)
        return f"; it will be held {ways[self._thrift]} from now on"

    def _late(self, chair: Chair, work: Round) -> None:
        if chair.doing == "placing":
            self._fault(chair, GpuBusy(f"no node had room for another painter ({self._terms.place}) after all"))
        elif chair.doing == "loading":
            self._fault(chair, EngineError(f"reading the model took longer than {self._terms.load_s / 60:g} minutes"))
        else:
            seconds = self._terms.paint_s * len(chair.jobs)
            self._lost(chair, f"the painter took longer than {seconds:g} s and was ended", work)

    def _lost(self, chair: Chair, says: str, work: Round) -> None:
        if chair.doing != "painting":
            self._fault(chair, EngineError(says))
            return
        log.warning("%s", says)
        self._drop(chair)
        for place, job in chair.jobs.items():
            if len(chair.jobs) == 1:
                work.give(place, Refusal(says))
            else:
                work.alone.add(place)
                work.waiting[place] = job

    def _done(self, work: Round) -> float:
        """The share of all pictures that is done; painters are asked for theirs now and then."""
        asking, now = [], time.monotonic()
        if now > self._looked + LOOK_S:
            asking, self._looked = self._chairs, now
        for chair in asking:
            if chair.doing != "painting":
                continue
            if chair.look is None:
                chair.look = chair.actor.look.remote()
            elif self._on.done([chair.look], 0):
                try:
                    step, steps = self._on.got(chair.look)
                    chair.share = len(chair.jobs) * step / max(steps, 1)
                except Lost:
                    chair.share = 0.0  # its picture's own call tells of it
                chair.look = None
        return (len(work.jobs) - work.left + sum(chair.share for chair in self._chairs if chair.jobs)) / len(work.jobs)

    def _stop(self) -> None:
        """Nobody wants what is being painted: it is left off at the next step, and the painters stay."""
        for chair in self._chairs:
            if chair.doing == "painting":
                chair.actor.stop.remote()
                chair.jobs = {}
