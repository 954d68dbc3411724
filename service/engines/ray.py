"""The engine that paints on a Ray cluster: the same painter as at home, as an actor on every GPU that there is room on.

The queue, its attempts and its order stay in our rows; Ray only executes. What a round will ask for goes out at once,
and each picture is handed out when it is asked for.
"""

from __future__ import annotations

import logging
import math
import sys
import threading
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ..errors import EngineError
from ..model import Picture, Prompt
from ..protocols import Progress
from ..surroundings import Surroundings
from .awaited import Awaited, Wish
from .cards import PLAIN
from .child import Child
from .choosing import Machine, ladder_on
from .loading import Model
from .orders import Orders
from .sending import Sending
from .settling import AUTO, Home, Settled, recognised, settled
from .shares import Place
from .weights import is_file
from .wording import Family, Wording

DRIVER = (sys.executable, "-P", "-X", "utf8", "-m", "service.engines.driver")
JOIN_S = 120.0  #: for joining the cluster, our code's way to it included
STILL_S = 10.0  #: for the process to say that it has heard
QUEUE_S = 900.0  #: how long painters stay while more is to come: a critic may be looking meanwhile
WAVES, MOST_OUT = 16, 512  #: pictures that go out at once, for each that is painted at once, and in all: they are kept
COMPILE = {"auto": "auto", True: "always", False: "never"}
log = logging.getLogger(__name__)


class Settings(BaseModel):
    """What ``[engines.NAME]`` may say for ``kind = "ray"``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["ray"] = "ray"
    model: str = Field(min_length=1)  #: "auto", a card's id, a hub id, or a folder that every node has at this path
    card: str = ""  #: the id of the card that a folder goes by; "": as its name or its pipeline tells
    address: str = Field("auto", pattern=r"^(auto|local|(ray://)?[^/\s]+:\d{1,5})$")
    actors: int = Field(1, ge=1, le=1000)  #: painters, at most
    gpus: float = Field(1, ge=0, le=16)  #: of a node's GPUs for each painter
    vram_gb: float = Field(0, ge=0)  #: of the resource "vram_gb" for each painter, where nodes say what they have
    cpus: float = Field(1, ge=0, le=256)
    pipeline: str = ""  #: the pipeline's class, where a name does not tell how its prompts are worded
    variant: str = ""  #: "fp16" where the repository has such files
    steps: int | None = Field(None, ge=1, le=500)  #: None: the pipeline's own
    guidance: float | None = Field(None, ge=0, le=100)
    dtype: Literal["auto", "bfloat16", "float16", "float32"] = "auto"
    side_px: int = Field(0, ge=0, le=4096)  #: of the square the model was trained at; 0: its config says
    family: Literal["auto", "tags", "prose", "flux", "labelled"] = "auto"  #: how the model wants its prompts worded
    style: str = ""  #: words for how pictures should look, instead of the channel's style
    batch: int = Field(0, ge=0, le=64)  #: pictures at once and painter; 0: what fits
    compile: Literal["auto"] | bool = "auto"  #: auto: in the background, on a GPU
    adapter_scale: float = Field(1.0, ge=0, le=4)  #: how strongly a subject's weights count
    subject_bases: tuple[str, ...] = ()  #: further models whose subjects this one can wear
    keep_alive_minutes: float = Field(5, ge=-1)  #: 0: gone at once; -1: kept for ever
    timeout_seconds: float = Field(600, gt=0)  #: for one picture
    load_minutes: float = Field(60, gt=0)  #: for reading the model, its download included


def make(settings: Settings, surroundings: Surroundings) -> Ray:
    """The engine, as ``config.toml`` selects it. Starts nothing."""
    wording = Wording(surroundings.templates, surroundings.data / "subjects", settings.style)
    return Ray(settings, wording, Home(surroundings.data, surroundings.subjects))


class Ray:
    """An Engine whose painters are on a cluster. ``sent``: what else the nodes are sent, and what paints there."""

    def __init__(self, settings: Settings, wording: Wording, home: Home, **sent: Any) -> None:
        self.settings, self._home, self._sent = settings, home, sent
        self._orders = Orders(settings, (wording, home.data), lambda: self.what)
        self._awaited = Awaited()
        self._child: Child | None = None
        self._sending: Sending | None = None
        self._turn, self._settling = threading.Lock(), threading.Lock()
        self._settled: Settled | None = None

    @property
    def what(self) -> Settled:
        """Which model paints, and why. Raises EngineError."""
        with self._settling:
            if self._settled is None:
                self._settled = found = recognised(
                    _settled(self.settings, self._home), self._home, self.settings.pipeline
                )
                for line in (found.says, *found.notes):
                    log.info("%s", line)
            return self._settled

    def render(self, prompt: Prompt, width_px: int, height_px: int, progress: Progress | None = None) -> Picture:
        """A JPEG in the asked shape, as large as asked or larger. Raises EngineError, and what ``progress`` raises."""
        wish = Wish(prompt, width_px, height_px)
        with self._turn:
            while True:
                if not (self._sending and self._sending.owes(wish)):
                    if (made := self._awaited.take(wish)) is not None:
                        return made
                    self._send(wish)
                self._listen(wish, progress or (lambda _: None))

    def expect(self, prompts: Sequence[Prompt], width_px: int, height_px: int) -> None:
        """These will be asked for next: they go out together. None: the painters' idle time begins."""
        with self._turn:
            wishes = [Wish(prompt, width_px, height_px) for prompt in prompts]
            if self._sending and not any(self._sending.owes(wish) for wish in wishes):
                self._finish(stop=True)
            self._awaited.expect(wishes)
            if not prompts and self._child and not self._sending:
                self._ask({"idle_s": self._idle_s(more=False)}, STILL_S)

    @property
    def family(self) -> Family:
        """How the model wants its prompts worded: as the table says, else its card, else its name."""
        return self._orders.family

    def worded(self, prompt: Prompt) -> str:
        """The prompt as the model is told it."""
        return self._orders.worded(prompt)

    def leaves_out(self, subject: str) -> str:
        """Why what was learned of a subject is of no use here; "" where it is, or where nothing was learned."""
        return self._orders.leaves_out(subject)

    def lacks_photo(self, subject: str) -> str:
        """Why a subject whose card says that it appears as its learned photo does not."""
        return self._orders.lacks_photo(subject)

    def state(self) -> dict[str, Any]:
        """Which model paints and why, and what is done ``now``: "painting, 3 of 12 pictures are there"."""
        try:
            found = self.what
        except EngineError as error:
            return {"model": self.settings.model, "says": "", "now": "", "error": str(error)}
        says = "; ".join(filter(None, (found.says, *found.notes, self._orders.apart, self._orders.unkept)))
        told = {"model": found.model.name, "says": says}
        sending, child = self._sending, self._child
        if sending is None or sending.ended:
            return told | {"now": "ready" if child is not None and child.alive else "asleep"}
        there, all_ = sending.there, len(sending.jobs)
        return told | {"now": f"painting, {there} of {all_} pictures are there", "step": there, "steps": all_}

    # -- painting -----------------------------------------------------------------------------

    def _send(self, wish: Wish) -> None:
        """Send a wish out, with others of its round. Raises EngineError."""
        self._finish()
        wave = self.settings.actors * max(self.settings.batch, 1)
        most = max(min(WAVES * wave, MOST_OUT), 2 * wave)
        jobs = self._orders.jobs(self._awaited.company(wish, most, lambda each: each.prompt.subjects), self._awaited)
        child = self._joined()
        request = {"paint": [asdict(job) for job in jobs.values()], "idle_s": self._idle_s(more=True)}
        seconds = self.settings.load_minutes * 60 + self.settings.timeout_seconds * len(jobs)
        self._sending = Sending(jobs, lambda heard: child.ask(request, seconds, heard))

    def _listen(self, wish: Wish, tell: Progress) -> None:
        """Wait until a wish is there, or is known not to come. Raises EngineError for what befell it."""
        sending = self._sending
        assert sending is not None
        try:
            while not sending.wait(wish):
                tell(sending.share)
        except BaseException:
            self._finish(stop=True)
            raise
        ended = sending.ended
        self._collect(sending)
        if ended and sending.owes(wish):
            self._finish()
            raise sending.error or EngineError("the painting was stopped")

    def _collect(self, sending: Sending) -> None:
        """Have ready what came back."""
        for wish, (told, pixels) in sending.taken().items():
            refused = told["told"] == "refused"
            job = sending.jobs[wish]
            made = EngineError(told["says"]) if refused else self._orders.picture(wish, job, told, pixels)
            self._awaited.keep(wish, made)
            if pipeline := told.get("facts", {}).get("pipeline"):
                self._settled = recognised(self.what, self._home, str(pipeline))

    def _finish(self, *, stop: bool = False) -> None:
        """See that nothing is out any more."""
        if self._sending:
            if stop:
                self._sending.stop()
                if not self._sending.finish(STILL_S) and self._child:  # a cluster that is lost says nothing for hours
                    self._child.end()
            self._sending.finish()
            self._collect(self._sending)
            if self._sending.gone:
                self._leave()
            self._sending = None

    # -- the cluster --------------------------------------------------------------------------

    def _joined(self) -> Child:
        """The process that has the painters. Raises EngineError where there is no cluster."""
        if self._child and self._child.alive:
            return self._child
        self._leave()
        self._child = Child(DRIVER)
        mine, found = self.settings, self.what
        place = Place(cpus=mine.cpus, gpus=mine.gpus, vram_gb=mine.vram_gb)
        terms = {
            "model": asdict(_carried(found)), "ways": _ways(found), "actors": mine.actors, "batch": mine.batch,
            "haste": COMPILE[mine.compile], "paint_s": mine.timeout_seconds, "load_s": mine.load_minutes * 60,
        }  # fmt: skip
        join = {"address": mine.address, "place": asdict(place), "terms": terms, **self._sent}
        self._ask({"join": join}, JOIN_S)
        log.info("joined the Ray cluster at %s", mine.address)
        return self._child

    def _ask(self, request: dict[str, Any], seconds: float) -> None:
        assert self._child is not None
        asked = Sending({}, lambda heard: self._child.ask(request, seconds, heard) if self._child else {})
        asked.finish()
        if asked.gone and self._child:
            self._child.end()
        if asked.error and "join" in request:
            raise asked.error

    def _idle_s(self, *, more: bool) -> float:
        """How long painters stay with nothing to do; it counts from an empty queue."""
        idle = self.settings.keep_alive_minutes * 60
        return max(idle, QUEUE_S) if more and idle >= 0 else idle

    def _leave(self) -> None:
        if self._child and self._child.alive:
            self._ask({"leave": True}, STILL_S)
        child, self._child = self._child, None
        if child is not None:
            child.leave()

    def close(self) -> None:
        """Give every painter's place back, even in the middle of a picture. Safe to repeat; painting starts anew."""
        if (sending := self._sending) is not None:
            sending.stop()
        elif self._turn.locked() and (child := self._child) is not None:
            child.end()  # in the middle of joining
        with self._turn:
            self._finish(stop=True)
            self._leave()


def _settled(mine: Settings, home: Home) -> Settled:
    """Which model the table asks for, and how it is held in what the table asks of a node."""
    if mine.model == AUTO and not (mine.gpus and mine.vram_gb):
        raise EngineError('model = "auto" on a Ray cluster goes by a GPU\'s memory: say vram_gb, or name a model')
    asked = Model(name=mine.model, variant=mine.variant, dtype=mine.dtype, side_px=mine.side_px, steps=mine.steps)
    ours = Machine("cuda" if mine.gpus else "cpu", "a node", vram_gb=mine.vram_gb or math.inf, ram_gb=math.inf)
    return settled(asked, home, card=mine.card, machine=ours)


def _carried(found: Settled) -> Model:
    """The model with what is known of it: nodes have none of the owner's cards. A file tells a node itself."""
    kind = None if found.card is PLAIN or is_file(found.model.name) else found.card.model_dump(mode="json")
    return replace(found.model, card=found.model.card or kind, cards="")


def _ways(found: Settled) -> list[str]:
    """How it can be held, the fastest first."""
    return [rung.how for rung in ladder_on(found.card, found.model.device, found.model.expects)]
