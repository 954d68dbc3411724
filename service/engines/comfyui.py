"""The engine that is a ComfyUI server with a workflow of the owner's, exported for the API.

The wishes of a picture (its words, its seed, its size …) are written into the workflow's nodes, which are found by
their titles or as the table says. Nothing else of the workflow is touched.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator

from ..errors import EngineError, NotNow
from ..model import Picture, Prompt
from ..protocols import Progress
from ..surroundings import Surroundings
from . import credentials, learned, proof, references, sizes, workflow
from .images_refusal import Refusal
from .learned import Guest
from .wording import Family, Said, Wording, clip_tokens, family_of

if TYPE_CHECKING:
    from ..wire import Deadline
    from .remote.comfy import Comfy

_POLL_S = 1.0  #: between two looks at how far it is


class Settings(BaseModel):
    """What ``[engines.NAME]`` may say for ``kind = "comfyui"``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["comfyui"] = "comfyui"
    base_url: str  #: without a path: http://192.168.1.30:8188
    workflow: str  #: a file, exported for the API; below the data folder where the path is relative
    photo_workflow: str = ""  #: the one for pictures of a subject whose photos may go along
    inputs: dict[str, str] = {}  #: where wishes are written: prompt = "6.text"; those not here by titles of nodes
    output: str = ""  #: the node, by id or title, whose picture is taken; "": the first that is saved
    steps: int | None = Field(None, ge=1, le=500)  #: None: as in the workflow
    guidance: float | None = Field(None, ge=0, le=100)
    side_px: int = Field(1024, ge=256, le=4096)  #: of the square the model was trained at
    size_multiple: int = Field(16, ge=1, le=256)
    family: Literal["auto", "tags", "prose", "flux", "labelled"] = "auto"  #: how the model wants its prompts worded
    style: str = ""  #: words for how pictures should look, instead of the channel's style
    loras: dict[str, str] = {}  #: subjects that the server has learned: the file name of each one's LoRA
    references: bool = False  #: send photos of a subject to this server; needs photo_workflow
    free_after: bool = False  #: have the server give back its memory after each picture
    login_env: str = ""  #: the environment variable with "user:password", where a proxy wants one
    timeout_seconds: float = Field(600, gt=0, le=7200)  #: for one picture, with the queue before it

    @field_validator("base_url")
    @classmethod
    def _web_address(cls, url: str) -> str:
        if not re.match(r"https?://[^\s/]+\S*$", url, re.IGNORECASE):
            raise ValueError("should be an http:// or https:// address, such as http://127.0.0.1:8188")
        scheme, rest = url.split("://", 1)
        return f"{scheme.lower()}://{rest.rstrip('/')}"

    @field_validator("inputs")
    @classmethod
    def _wishes(cls, inputs: Mapping[str, str]) -> Mapping[str, str]:
        for wish, where in inputs.items():
            if wish not in workflow.WISHES:
                raise ValueError(f"{wish!r} is nothing that is asked for; known are {', '.join(workflow.WISHES)}")
            if not re.fullmatch(r".+\.[^.\s]+", where):
                raise ValueError(f'{where!r} should be such as "6.text": a node\'s id or title, and its input')
        return inputs


def make(settings: Settings, surroundings: Surroundings) -> ComfyUi:
    """The engine, as ``config.toml`` selects it. Connects to nothing, reads nothing."""
    wording = Wording(surroundings.templates, surroundings.data / "subjects", settings.style)
    return ComfyUi(settings, wording, surroundings.data)


class ComfyUi:
    """An Engine that asks a server. Reads its workflow anew for each picture, so that it may be changed."""

    def __init__(self, settings: Settings, wording: Wording, data: Path, *, poll_s: float = _POLL_S) -> None:
        """``data``: the data folder, for the workflow, cards and photos."""
        address = urlsplit(settings.base_url)
        self.settings, self.host = settings, address.netloc.rpartition("@")[2]
        self._name, self._data, self._wording, self._poll_s = address.hostname or "", data, wording, poll_s
        self._comfy: Comfy | None = None
        self._takes_photos = settings.references and bool(settings.photo_workflow)

    @property
    def family(self) -> Family:
        """How the model wants its prompts worded: as the table says, else as the models' names in the workflow tell."""
        if self.settings.family != "auto":
            return self.settings.family
        with contextlib.suppress(EngineError):
            return family_of(*workflow.models(workflow.read(self._data / self.settings.workflow)))
        return family_of()

    def worded(self, prompt: Prompt) -> str:
        """The prompt as the model is told it."""
        return self._said(self._guest(prompt)).words

    def sends(self) -> str:
        """What leaves this machine beside words, in a sentence; "" where nothing does."""
        return learned.told(self._name) if self._takes_photos else ""

    def from_photos(self, subject: str) -> int:
        """How many of a subject's photos go along with a picture of it. Raises EngineError."""
        if subject in self.settings.loras or not (most := self.references):
            return 0
        return learned.from_photos(subject, self._data, {}, self._name, most=most)

    def _guest(self, prompt: Prompt, most: int | None = None) -> Guest:
        """``most``: photos of subjects; None: as many as there are places for."""
        if most is None:
            most = self.references if set(prompt.subjects) - set(self.settings.loras) else 0
        return learned.guest(prompt, self._data, self.settings.loras, most=most, host=self._name)

    def _said(self, guest: Guest) -> Said:
        return self._wording.said(guest.prompt, self.family, clip_tokens)

    def render(self, prompt: Prompt, width_px: int, height_px: int, progress: Progress | None = None) -> Picture:
        """A JPEG in the asked shape, as large as asked or larger. Raises EngineError."""
        return self._rendered(self._guest(prompt), prompt.seed, (width_px, height_px), progress)

    @property
    def references(self) -> int:
        """How many pictures may go along: as the photo workflow has places for. Raises EngineError where it has none,
        or cannot be read; 0 where the owner's table says none.
        """
        if not self._takes_photos:
            return 0
        where = workflow.places(workflow.read(self._data / self.settings.photo_workflow), self.settings.inputs)
        if slots := _slots(where):
            return len(slots)
        raise _placeless("photo")

    def render_from(
        self, photos: Sequence[bytes], prompt: Prompt, width_px: int, height_px: int, progress: Progress | None = None
    ) -> Picture:
        """As ``render``, from pictures that are left with the server; no photo of a subject is. Raises EngineError."""
        sent = references.taken(photos, self.references)
        return self._rendered(
            replace(self._guest(prompt, 0), photos=sent), prompt.seed, (width_px, height_px), progress
        )

    def _rendered(self, guest: Guest, seed: int, size: sizes.Size, progress: Progress | None) -> Picture:
        graph = workflow.read(self._data / (self.settings.photo_workflow if guest.photos else self.settings.workflow))
        where = self._places(graph, guest)
        wishes = self._wishes(seed, self._said(guest), size)
        try:
            data = self._painted(graph, where, wishes, guest, progress or (lambda _: None))
        except NotNow:
            raise
        except EngineError as error:
            raise EngineError(f"{self.host} {error}") from error
        except TimeoutError as error:
            allowed = f"{self.settings.timeout_seconds:g} s"
            raise EngineError(f"{self.host} did not finish in {allowed}: raise timeout_seconds") from error
        except Refusal as refusal:
            raise EngineError(_explained(refusal, self.host, self.settings.login_env)) from refusal
        image = proof.believed(data, self.host)
        recipe = {
            "engine": "comfyui", "server": self.host, "model": ", ".join(workflow.models(graph)) or None,
            "width_px": image.width, "height_px": image.height, "family": self.family,
            "lora": guest.lora.name if guest.lora else None, "photos": len(guest.photos), **guest.told, **wishes,
            **self._wording.told,
        }  # fmt: skip
        image = proof.shaped(image, *size)
        return Picture(proof.printed(image), ".jpg", image.width, image.height, recipe)

    def _places(self, graph: workflow.Graph, guest: Guest) -> workflow.Places:
        where = workflow.places(graph, self.settings.inputs)
        if guest.lora and "lora" not in where:
            raise _placeless("lora")
        return where

    def _wishes(self, seed: int, said: Said, size: sizes.Size) -> dict[str, Any]:
        width, height = sizes.near(*size, self.settings.size_multiple, self.settings.side_px**2)
        return {
            "prompt": said.words, "avoid": said.avoid or None, "seed": seed, "width": width, "height": height,
            "steps": self.settings.steps, "guidance": self.settings.guidance,
        }  # fmt: skip

    def _painted(
        self, graph: workflow.Graph, where: workflow.Places, wishes: Mapping[str, Any], guest: Guest, tell: Progress
    ) -> bytes:
        """The file that the server made."""
        from ..wire import Deadline
        from .remote.comfy import Comfy
        from .remote.course import pictures

        comfy = self._comfy = self._comfy or Comfy(
            self.settings.base_url, credentials.login(self.settings.login_env), poll_s=self._poll_s
        )
        deadline = Deadline(self.settings.timeout_seconds)
        try:
            photos = _photos(comfy, where, guest, deadline)
            whole = workflow.filled(graph, where, {**wishes, **photos, "lora": guest.lora.name if guest.lora else None})
            whole = workflow.weighted(whole, where, guest.lora.weight if guest.lora else 0.0)
            made = pictures(comfy.paint(whole, deadline, tell), self._output(graph))
            if not made:
                raise EngineError("made no picture: the workflow needs a Save Image node, and output must name it")
            tell(0.95)
            return comfy.fetch(made[0], deadline)
        finally:
            if self.settings.free_after:
                comfy.free()

    def _output(self, graph: workflow.Graph) -> list[str]:
        if not self.settings.output:
            return []
        nodes = workflow.named(graph, self.settings.output)
        if not nodes:
            raise EngineError(f"is given a workflow without a node {self.settings.output!r}: see output")
        return nodes

    def close(self) -> None:
        """Let go of the connection. Safe to repeat."""
        if self._comfy is not None:
            self._comfy.close()


def _photos(comfy: Comfy, where: workflow.Places, guest: Guest, deadline: Deadline) -> dict[str, str]:
    """What the server calls the photos that were left with it; where there are more places, they come again."""
    names = [comfy.upload(photo, deadline) for photo in guest.photos]
    return {wish: names[number % len(names)] for number, wish in enumerate(_slots(where))} if names else {}


def _slots(where: workflow.Places) -> list[str]:
    return [wish for wish in workflow.PHOTOS if wish in where]


def _placeless(wish: str) -> EngineError:
    return EngineError(f'the workflow has no place for a {wish}: give its node the title "{wish}" and export it again')


def _explained(refusal: Refusal, host: str, login_env: str) -> str:
    """A sentence for the owner: what happened, and what to do."""
    said = f' (it says: "{refusal.said}")' if refusal.said else ""
    return _meaning(refusal.status, host, login_env) + said


def _meaning(status: int, host: str, login_env: str) -> str:
    if status in (404, 405):
        return f"{host} is no ComfyUI, or not at that path: see base_url"
    if status in (401, 403):
        return f"{host} wants another login: see that {login_env or 'login_env'} holds its user:password"
    if 300 <= status < 400:
        return f"{host} sends us elsewhere: put the address it now has into base_url"
    if status >= 500:
        return f"{host} has trouble itself ({status}): see its log; it will be asked again"
    return f"{host} did not understand the request ({status}): see the workflow"
