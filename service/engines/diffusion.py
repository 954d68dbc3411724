"""The engine that is a diffusion model on this machine, on its GPU or its processor.

The model lives in a worker process that starts with the first picture and goes when there has been nothing to paint
for ``keep_alive_minutes``: then every byte of memory is given back. Whatever happens to it costs one attempt.
"""

from __future__ import annotations

import json
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
from .cards import PLAIN, Card
from .child import Child, Ended
from .choosing import rungs
from .loading import Model
from .painter import Job
from .wording import Family, Wording, clip_tokens, family_of

WORKER = (sys.executable, "-P", "-X", "utf8", "-m", "service.engines.worker")
log = logging.getLogger(__name__)
_LINGER_S = 2.0  #: how long "at once" is: the next picture of a round comes within it


class Settings(BaseModel):
    """What ``[engines.NAME]`` may say for ``kind = "diffusion"``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["diffusion"] = "diffusion"
    model: str = Field(min_length=1)  #: a folder as diffusers writes it, or a hub id
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
    return Diffusion(settings, wording)


class Diffusion:
    """An Engine whose work is done by a worker process."""

    def __init__(self, settings: Settings, wording: Wording, *, command: Sequence[str] = WORKER) -> None:
        idle = settings.keep_alive_minutes * 60
        self.settings, self._wording, self._pipeline = settings, wording, _pipeline(settings.model)
        self._command = (*command, str(max(idle, _LINGER_S) if idle >= 0 else -1))
        self._child: Child | None = None
        self._card: Card = PLAIN
        self._turn = threading.Lock()
        self._model = Model(
            name=_found(settings.model), variant=settings.variant, dtype=settings.dtype, device=settings.device,
            allow_pickle=settings.allow_pickle, side_px=settings.side_px,
        )  # fmt: skip

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

    @property
    def family(self) -> Family:
        """How the model wants its prompts worded: as the table says, else as its pipeline's or its own name tells."""
        given = self.settings.family
        return family_of(self._pipeline, self.settings.model) if given == "auto" else given

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
        if self._model.name.endswith((".safetensors", ".ckpt", ".gguf")):
            raise EngineError(f"{self._model.name} is one file; what is needed is a diffusers folder, or a hub id")
        if self._model.name.startswith(("/", ".")) and not Path(self._model.name).is_dir():
            raise EngineError(f"there is no folder {self._model.name}")
        self._child = child = Child(self._command)
        began = time.monotonic()
        log.info("reading %s; the first time it may have to be fetched, which takes long", self._model.name)
        answer, _ = child.ask({"load": asdict(self._model)}, self.settings.load_minutes * 60, lambda _: None)
        if answer["told"] == "failed":
            raise self._failure(answer)
        self._pipeline = str(answer.get("pipeline", ""))
        log.info("read %s in %.0f s: %s", self._model.name, time.monotonic() - began, answer)
        return child

    def _failure(self, answer: dict[str, Any]) -> EngineError:
        """What the worker says went wrong. Where it was memory, the next worker holds the model more thriftily."""
        if answer.get("gone"):
            log.info("the painter's last words: %s", self._child.said() if self._child else "")
            self._leave()
        says = str(answer["says"])
        if answer.get("memory"):
            ladder, thrift = rungs(self._card), self._model.thrift + 1
            if thrift == len(ladder):
                return EngineError(f"{says}, even {ladder[-1].how}: choose a smaller model, or another engine")
            self._model = replace(self._model, thrift=thrift)
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


def _pipeline(model: str) -> str:
    """The pipeline's name that a folder's index gives; "" where it must be fetched first."""
    try:
        index = json.loads((Path(model).expanduser() / "model_index.json").read_text(encoding="utf-8"))
        return str(index["_class_name"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _found(model: str) -> str:
    """A folder as an absolute path, so that it is not taken for a hub id; else the name as it is."""
    path = Path(model).expanduser()
    looks_like_a_path = model.startswith(("/", ".", "~")) or path.exists()
    return str(path.absolute()) if looks_like_a_path else model
