"""The engine that is a diffusion model on this machine, on its GPU or its processor.

The model lives in a worker process that starts with the first picture and goes when there has been nothing to paint
for ``keep_alive_minutes``: then every byte of memory is given back. Whatever happens to it costs one attempt.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Literal

from PIL import Image
from pydantic import BaseModel, ConfigDict, Field

from ..errors import EngineError
from ..model import Picture, Prompt
from ..pixels import blank
from ..protocols import Progress, Surroundings
from . import proof
from .cards import PLAIN, SHIPPED, akin, read
from .child import Child, Ended
from .choosing import ladder_on, terms
from .loading import Model
from .painter import Job
from .reading import Reading
from .settling import AUTO, OWN, Bits, Home, Settled, settled
from .weights import is_file
from .wording import Family, Wording, clip_tokens, family_of

WORKER = (sys.executable, "-P", "-X", "utf8", "-m", "service.engines.worker")
log = logging.getLogger(__name__)
_FETCH_S = 7 * 24 * 3600.0  #: for a download; one that stands still fails by itself
_LINGER_S = 2.0  #: how long "at once" is: the next picture of a round comes within it


class Settings(BaseModel):
    """What ``[engines.NAME]`` may say for ``kind = "diffusion"``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["diffusion"] = "diffusion"
    model: str = Field(AUTO, min_length=1)  #: "auto", a card's id, a hub id, a folder as diffusers writes it, a file
    card: str = ""  #: the id of the card that a folder or a file goes by; "": as its name or its inside tells
    config: str = ""  #: of a single file: a folder with its configs and tokenizers; "": fetched once
    quantise: Bits = "auto"  #: weights in fewer bits: "auto" where the card says so and a package for it is there
    variant: str = ""  #: "fp16" where the repository has such files
    steps: int | None = Field(None, ge=1, le=500)  #: None: the pipeline's own
    guidance: float | None = Field(None, ge=0, le=100)
    dtype: Literal["auto", "bfloat16", "float16", "float32"] = "auto"
    device: str = Field("auto", pattern=r"^(auto|cpu|mps|(cuda|xpu)(:\d+)?)$")
    side_px: int = Field(0, ge=0, le=4096)  #: of the square the model was trained at; 0: its config says
    family: Literal["auto", "tags", "prose", "flux", "labelled"] = "auto"  #: how the model wants its prompts worded
    style: str = ""  #: words for how pictures should look, instead of the channel's style
    keep_alive_minutes: float = Field(5, ge=-1)  #: 0: gone at once; -1: kept for ever
    timeout_seconds: float = Field(600, gt=0)  #: for one picture
    load_minutes: float = Field(60, gt=0)  #: for reading the model, its download included
    allow_pickle: bool = False  #: read weights that are not safetensors; such files can run code


def make(settings: Settings, surroundings: Surroundings) -> Diffusion:
    """The engine, as ``config.toml`` selects it. Starts nothing."""
    wording = Wording(surroundings.templates, surroundings.data / "subjects", settings.style)
    return Diffusion(settings, wording, home=Home(surroundings.data, surroundings.subjects))


class Diffusion:
    """An Engine whose work is done by a worker process."""

    def __init__(
        self, settings: Settings, wording: Wording, *, command: Sequence[str] = WORKER, home: Home | None = None
    ) -> None:
        idle = settings.keep_alive_minutes * 60
        self.settings, self._wording = settings, wording
        self._command = (*command, str(max(idle, _LINGER_S) if idle >= 0 else -1))
        self._child: Child | None = None
        self._home, self._reading = home or Home(Path("nowhere")), Reading()
        self._turn = threading.Lock()
        self._settled: Settled | None = None

    def render(self, prompt: Prompt, width_px: int, height_px: int, progress: Progress | None = None) -> Picture:
        """A JPEG in the asked shape, as large as asked or larger. Raises EngineError."""
        tell: Progress = progress or (lambda _: None)
        with self._turn:
            job = self._job(prompt, width_px, height_px)
            answer, pixels = self._painted(job, tell)
        image = Image.frombytes("RGB", (answer["width_px"], answer["height_px"]), pixels)
        if fault := blank(image):
            hint = ': dtype = "float32" may help' if fault == "black" else ""
            raise EngineError(f"the model's picture is {fault}{hint}")
        image = proof.shaped(image, width_px, height_px)
        return Picture(proof.printed(image), ".jpg", image.width, image.height, self._recipe(job, answer))

    def _what(self) -> Settled:
        """Which model paints; found out once. Raises EngineError."""
        if self._settled is None:
            mine = self.settings
            asked = Model(
                name=_found(mine.model), variant=mine.variant, dtype=mine.dtype, device=mine.device, steps=mine.steps,
                allow_pickle=mine.allow_pickle, side_px=mine.side_px, config=_found(mine.config) if mine.config else "",
            )  # fmt: skip
            found = settled(asked, self._home, card=mine.card, bits=mine.quantise)
            for line in (found.says, *found.notes):
                log.info("%s", line)
            self._settled = found
        return self._settled

    def state(self) -> dict[str, object]:
        """Which model paints and why, and how far the reading of it has got."""
        try:
            found = self._what()
        except EngineError as error:
            return {"model": self.settings.model, "says": "", "error": str(error)}
        return {"model": found.model.name, "says": "; ".join((found.says, *found.notes)), "reading": self._reading.now}

    @property
    def family(self) -> Family:
        """How the model wants its prompts worded: as the table says, else its card, else its name."""
        if self.settings.family != "auto":
            return self.settings.family
        found = self._what()
        return family_of(found.model.name) if found.card is PLAIN else found.card.family

    def worded(self, prompt: Prompt) -> str:
        """The prompt as the model is told it."""
        return self._wording.said(prompt, self.family, clip_tokens).words

    def _job(self, prompt: Prompt, width_px: int, height_px: int) -> Job:
        said = self._wording.said(prompt, self.family)
        return Job(
            words=said.words, avoid=said.avoid, seed=prompt.seed, width_px=width_px, height_px=height_px,
            steps=self.settings.steps, guidance=self.settings.guidance, tags=self.family == "tags",
        )  # fmt: skip

    def _painted(self, job: Job, tell: Progress) -> tuple[dict[str, Any], bytes]:
        """Ask the worker that is there, or a new one. One that has just gone to rest costs nothing."""
        while True:
            used = self._child is not None
            try:
                answer, pixels = self._loaded().ask(
                    {"paint": asdict(job)}, self.settings.timeout_seconds, lambda told: tell(told.get("share", 0.0))
                )
            except Ended as error:
                self._leave()
                if used and not error.heard:
                    continue
                raise EngineError(str(error)) from error
            if answer["told"] == "failed":
                raise self._failure(answer)
            return answer, pixels

    def _loaded(self) -> Child:
        """The worker with the model in it; a new one where there is none. Raises EngineError, Ended."""
        if self._child is not None:
            return self._child
        model = self._what().model
        if model.name.startswith("/") and not Path(model.name).exists():
            raise EngineError(f"there is no {'file' if is_file(model.name) else 'folder'} {model.name}")
        self._child = child = Child(self._command)
        began = time.monotonic()
        if not model.name.startswith("/"):
            self._told(child.ask({"fetch": asdict(model)}, _FETCH_S, self._heard))
        answer = self._told(child.ask({"load": asdict(model)}, self.settings.load_minutes * 60, self._heard))
        self._known(str(answer.get("pipeline", "")))
        log.info("read %s in %.0f s: %s", model.name, time.monotonic() - began, answer)
        return child

    def _told(self, answered: tuple[dict[str, Any], bytes]) -> dict[str, Any]:
        """What the worker says when it is done. Raises EngineError."""
        self._reading.now = ""
        if answered[0]["told"] == "failed":
            raise self._failure(answered[0])
        return answered[0]

    def _known(self, pipeline: str) -> None:
        """A model whose name said nothing has told what it is."""
        found = self._what()
        if found.card is PLAIN and (kind := akin(read(SHIPPED, self._home.data / OWN), pipeline)):
            self._settled = replace(found, card=kind)

    def _heard(self, news: dict[str, Any]) -> None:
        self._reading.heard(news, terms(self._what().card))

    def _failure(self, answer: dict[str, Any]) -> EngineError:
        """What the worker says went wrong. Where it was memory, the next worker holds the model more thriftily."""
        if answer.get("gone"):
            log.info("the painter's last words: %s", self._child.said() if self._child else "")
            self._leave()
        says = str(answer["says"])
        if answer.get("memory"):
            found = self._what()
            ladder, thrift = ladder_on(found.card, found.model.device, found.model.expects), found.model.thrift + 1
            if thrift == len(ladder):
                return EngineError(f"{says}, even {ladder[-1].how}: choose a smaller model, or another engine")
            self._settled = replace(found, model=replace(found.model, thrift=thrift))
            says += f"; it will be held {ladder[thrift].how} from now on"
        return EngineError(says)

    def _recipe(self, job: Job, answer: dict[str, Any]) -> dict[str, Any]:
        return {
            "engine": "diffusion", "prompt": job.words, "family": self.family, "avoid": job.avoid, "seed": job.seed,
            "width_px": answer["width_px"], "height_px": answer["height_px"], **answer["facts"],
        }  # fmt: skip

    def _leave(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            child.leave()

    def close(self) -> None:
        """End the worker, even in the middle of a picture. Safe to repeat; the next picture starts a new one."""
        child = self._child
        if child is not None:
            child.end()
        with self._turn:
            self._leave()


def _found(model: str) -> str:
    """A folder as an absolute path, so that it is not taken for a hub id; else the name as it is."""
    path = Path(model).expanduser()
    looks_like_a_path = model.startswith(("/", ".", "~")) or path.exists()
    return str(path.absolute()) if looks_like_a_path else model
