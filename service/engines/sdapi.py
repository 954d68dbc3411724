"""The engine that is a server with the Stable Diffusion web UI's API: AUTOMATIC1111, Forge, SD.Next, KoboldCpp, sd.cpp.

While it paints it is asked how far it is; where we stop waiting, it is told to stop. Written after
``modules/api/api.py`` of AUTOMATIC1111 and what the others answer in its place.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import json
import logging
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from ..errors import EngineError, NotNow
from ..model import Picture, Prompt
from ..protocols import Progress
from ..surroundings import Surroundings
from . import credentials, learned, proof, sizes
from .images_refusal import Refusal
from .learned import Guest
from .resting import Rest
from .sdapi_refusal import PROTOCOL, explained
from .wording import Family, Said, Wording, clip_tokens, family_of

if TYPE_CHECKING:
    from .remote.http import Http

_POLL_S = 1.0  #: between two questions how far it is
_SIDE_S = 3.0  #: for an answer that is not the picture: how far it is, and "stop"
_SEEDS = 2**31 - 1  #: KoboldCpp keeps 32 bits with a sign, and -1 means "any"
log = logging.getLogger(__name__)
_TAG = re.compile(r"[<>]")


class Settings(BaseModel):
    """What ``[engines.NAME]`` may say for ``kind = "sdapi"``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["sdapi"] = "sdapi"
    base_url: str  #: without a path: http://192.168.1.30:7860
    server: Literal["webui", "koboldcpp", "sd-cpp"] = "webui"  #: AUTOMATIC1111, Forge and SD.Next are "webui"
    checkpoint: str = ""  #: the model to paint with, by its name there; "": the one that is loaded
    steps: int | None = Field(None, ge=1, le=150)  #: None: the server's own
    guidance: float | None = Field(None, ge=0, le=30)
    sampler: str = ""  #: by its name there: "DPM++ 2M", "Euler a"
    scheduler: str = ""
    side_px: int = Field(1024, ge=256, le=2048)  #: of the square the model was trained at; 512 for Stable Diffusion 1.5
    family: Literal["auto", "tags", "prose", "flux", "labelled"] = "auto"  #: how the model wants its prompts worded
    style: str = ""  #: words for how pictures should look, instead of the channel's style
    loras: dict[str, str] = {}  #: subjects that the server has learned: the file name of each one's LoRA
    ip_adapter: str = ""  #: what photos of a subject are looked at through: a model of its ControlNet; "": none is sent
    login_env: str = ""  #: the environment variable with "user:password", where --api-auth is set
    timeout_seconds: float = Field(300, gt=0, le=3600)
    extra: dict[str, Any] = {}  #: further fields of the request, as the server names them

    @field_validator("base_url")
    @classmethod
    def _web_address(cls, url: str) -> str:
        if not re.match(r"https?://[^\s/]+\S*$", url, re.IGNORECASE):
            raise ValueError("should be an http:// or https:// address, such as http://127.0.0.1:7860")
        return url.rstrip("/").removesuffix("/sdapi/v1")

    @model_validator(mode="after")
    def _taken(self) -> Self:
        if self.loras and self.server == "koboldcpp":
            raise ValueError("KoboldCpp is given its LoRA when it starts (--sdlora); loras has no effect there")
        if self.ip_adapter and self.server != "webui":
            raise ValueError(f"server = {self.server!r} has no ControlNet with an API; leave ip_adapter out")
        return self


def make(settings: Settings, surroundings: Surroundings) -> SdApi:
    """The engine, as ``config.toml`` selects it. Connects to nothing."""
    wording = Wording(surroundings.templates, surroundings.data / "subjects", settings.style)
    return SdApi(settings, wording, surroundings.data)


class SdApi:
    """An Engine that asks a server. Connects with the first picture."""

    def __init__(self, settings: Settings, wording: Wording, data: Path, *, poll_s: float = _POLL_S) -> None:
        """``data``: the data folder, for the cards of subjects."""
        address = urlsplit(settings.base_url)
        self.settings, self.host = settings, address.netloc.rpartition("@")[2]
        self._name, self._data, self._wording, self._poll_s = address.hostname or "", data, wording, poll_s
        self._main: Http | None = None  #: the request for a picture
        self._side: Http | None = None  #: what is asked meanwhile
        self._rest = Rest(time.monotonic)
        self._reports = True  #: whether it says how far it is; KoboldCpp and sd.cpp do not

    @property
    def family(self) -> Family:
        """How the model wants its prompts worded: as the table says, else as the checkpoint's name tells."""
        given = self.settings.family
        return family_of(self.settings.checkpoint, otherwise="tags") if given == "auto" else given

    def worded(self, prompt: Prompt) -> str:
        """The prompt as the model is told it."""
        return self._said(self._guest(prompt)).words

    def sends(self) -> str:
        """What leaves this machine beside words, in a sentence; "" where nothing does."""
        return learned.told(self._name) if self.settings.ip_adapter else ""

    def from_photos(self, subject: str) -> int:
        """How many of a subject's photos go along with a picture of it. Raises EngineError."""
        host = self._name if self.settings.ip_adapter else ""
        return learned.from_photos(subject, self._data, self.settings.loras, host, most=1)

    def _guest(self, prompt: Prompt) -> Guest:
        most = 1 if self.settings.ip_adapter else 0
        return learned.guest(prompt, self._data, self.settings.loras, most=most, host=self._name, aside=True)

    def _said(self, guest: Guest) -> Said:
        return self._wording.said(guest.prompt, self.family, clip_tokens)

    def state(self) -> dict[str, Any]:
        """The model there, and what it is waited for."""
        return {"model": self.settings.checkpoint or None, "says": "", "now": self._rest.says}

    def render(self, prompt: Prompt, width_px: int, height_px: int, progress: Progress | None = None) -> Picture:
        """A JPEG in the asked shape, as large as asked or larger. Raises EngineError."""
        guest = self._guest(prompt)
        fields = self._body(guest, prompt.seed, (width_px, height_px))
        shown, told = self._shown(guest)
        answer = self._painted(fields | shown, progress or (lambda _: None))
        image = proof.believed(self._decoded(answer), self.host)
        recipe = {
            "engine": "sdapi", "server": self.host, "model": _model(answer) or self.settings.checkpoint or None,
            "width_px": image.width, "height_px": image.height, "family": self.family,
            **{name: fields.get(name) for name in ("prompt", "negative_prompt", "seed", "steps", "cfg_scale",
                                                   "sampler_name", "scheduler", "lora")},
            "extra": self.settings.extra, **told, **guest.told, **self._wording.told,
        }  # fmt: skip
        image = proof.shaped(image, width_px, height_px)
        return Picture(proof.printed(image), ".jpg", image.width, image.height, recipe)

    def _shown(self, guest: Guest) -> tuple[dict[str, Any], dict[str, Any]]:
        """What a request says besides for a photo to be looked at, and the recipe; a subject without is its noun."""
        if not guest.photos:
            return {}, {}
        from .remote.controlnet import unit

        self._rest.hold()
        try:
            side = self._aside()
            shown = unit(lambda path: side.ask("GET", path, _SIDE_S), self.settings.ip_adapter, guest.photos[0])
        except EngineError as error:
            why = f"its photos cannot be looked at by {self.host}: {error}"
            log.warning("%s is painted as any of its kind: %s", " and ".join(guest.subjects), why)
            return {}, {"beside" if len(guest.subjects) > 1 else "subject": f"left out: {why}"}
        facts = {"photos": 1, "ip_adapter": shown["model"], "ip_adapter_scale": shown["weight"]}
        scripts = self.settings.extra.get("alwayson_scripts", {})
        return {"alwayson_scripts": {**scripts, "controlnet": {"args": [shown]}}}, facts

    def _body(self, guest: Guest, seed: int, size: sizes.Size) -> dict[str, Any]:
        """The request. Words from elsewhere never become tags, which are orders to a web UI."""
        table, said = self.settings, self._said(guest)
        width, height = sizes.near(*size, 64, table.side_px**2)
        fields: dict[str, Any] = {
            "prompt": _TAG.sub(" ", said.words), "negative_prompt": _TAG.sub(" ", said.avoid),
            "width": width, "height": height, "seed": seed % _SEEDS, "batch_size": 1, "n_iter": 1,
            "steps": table.steps, "cfg_scale": table.guidance, "sampler_name": table.sampler or None,
            "scheduler": table.scheduler or None, "send_images": True, "save_images": False,
        }  # fmt: skip
        if table.checkpoint:
            fields["override_settings"] = {"sd_model_checkpoint": table.checkpoint}
            fields["override_settings_restore_afterwards"] = False  # it would be read from disk for every picture
        if guest.lora and table.server == "sd-cpp":
            fields["lora"] = [{"path": guest.lora.name, "multiplier": guest.lora.weight}]
        elif guest.lora:
            fields["prompt"] += f" <lora:{guest.lora.name}:{guest.lora.weight:g}>"
        return {name: value for name, value in fields.items() if value is not None} | table.extra

    def _painted(self, fields: dict[str, Any], tell: Progress) -> dict[str, Any]:
        """The server's answer. However the waiting ends before it, the server is told to stop. Raises EngineError."""
        from .remote.http import Http, table

        self._rest.hold()
        self._main = self._main or Http(self.settings.base_url, credentials.login(self.settings.login_env))
        self._aside()
        try:
            answer = self._main.ask(
                "POST", "/sdapi/v1/txt2img", self.settings.timeout_seconds, json=fields,
                meanwhile=self._progress(tell), every_s=self._poll_s,
            )  # fmt: skip
        except Refusal as refusal:
            raise self._rest.after(refusal, explained(refusal, self.host, self.settings)) from refusal
        except NotNow:
            self._interrupt()
            raise
        except EngineError as error:
            self._interrupt()
            raise EngineError(f"{self.host} {error}") from error
        except BaseException:
            self._interrupt()
            raise
        self._rest.over()
        tell(0.95)
        try:
            return table(answer, PROTOCOL)
        except EngineError as error:
            raise EngineError(f"{self.host} {error}") from error

    def _aside(self) -> Http:
        """The connection for what is no picture."""
        from .remote.http import Http

        self._side = self._side or Http(self.settings.base_url, credentials.login(self.settings.login_env))
        return self._side

    def _progress(self, tell: Progress) -> Callable[[], None]:
        """What is done between two looks at the clock: ask how far it is, and pass it on if it is further."""
        furthest = 0.0

        def ask() -> None:
            nonlocal furthest
            share = self._share()
            if share is not None and share > furthest:
                furthest = share
                tell(share)

        return ask

    def _share(self) -> float | None:
        if not self._reports or self._side is None:
            return None
        try:
            path = "/sdapi/v1/progress"
            told = json.loads(self._side.ask("GET", path, _SIDE_S, params={"skip_current_image": "true"}))
            share = float(told["progress"])
        except Refusal:
            self._reports = False
            return None
        except (EngineError, ValueError, TypeError, KeyError, RecursionError):
            return None
        return 0.9 * share if 0 <= share <= 1 else None

    def _interrupt(self) -> None:
        """It paints for nobody now; a server that cannot be told goes on to the end."""
        if self._reports and self._side is not None:
            with contextlib.suppress(EngineError, Refusal):
                self._side.ask("POST", "/sdapi/v1/interrupt", _SIDE_S)

    def _decoded(self, answer: dict[str, Any]) -> bytes:
        pictures = answer.get("images")
        text = pictures[0] if isinstance(pictures, list) and pictures else None
        if not isinstance(text, str) or not text:
            advice = "is an image model loaded (--sdmodel)?" if self.settings.server == "koboldcpp" else "see its log"
            raise EngineError(f"the answer of {self.host} holds no picture: {advice}")
        if text.startswith(("http:", "https:")):
            raise EngineError(f"the answer of {self.host} holds an address, and addresses in answers are not followed")
        try:
            return base64.b64decode("".join(text.split()).rpartition("base64,")[2], validate=True)
        except (binascii.Error, ValueError) as error:
            raise EngineError(f"the answer of {self.host} holds broken base64") from error

    def close(self) -> None:
        """Let go of the connections. Safe to repeat."""
        for http in (self._main, self._side):
            if http is not None:
                http.close()


def _model(answer: dict[str, Any]) -> str:
    """The model that painted, as the server says; "" where it does not."""
    with contextlib.suppress(ValueError, TypeError, RecursionError):
        info = json.loads(answer.get("info") or "{}")
        return str(info.get("sd_model_name") or "")[:200] if isinstance(info, dict) else ""
    return ""
