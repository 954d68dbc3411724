"""The engine that is any server with OpenAI's Images protocol: OpenAI itself, or a model on another machine at home.

Pictures are asked for as base64 and opened before they are believed; an address in an answer is never followed. The
server is told the scene and the style, not the headline, and never a subject's name.
"""

from __future__ import annotations

import base64
import binascii
import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator

from ..errors import EngineError
from ..model import Picture, Prompt
from ..pixels import blank
from ..protocols import Progress, Surroundings
from ..settings import secret
from . import proof, sizes
from .images_refusal import Refusal
from .wording import Family, Wording, clip_tokens, family_of

if TYPE_CHECKING:
    from .images.wire import Wire

#: OpenAI's models before gpt-image-2 know these sizes only
_FIXED = ((1024, 1024), (1536, 1024), (1024, 1536))
_LEAST_PX = 655_360  #: of OpenAI's models since: its image generation guide
_OPENAI = re.compile(r"(?:.*/)?(?:gpt-image|chatgpt-image)")
_OLD = re.compile(r"(?:.*/)?(?:gpt-image-1(?!\d)|chatgpt-image)")
_OPTIONAL = ("response_format", "output_format", "seed", "quality", "size")  #: left out where a server objects


class Settings(BaseModel):
    """What ``[engines.NAME]`` may say for ``kind = "images-api"``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["images-api"] = "images-api"
    base_url: str  #: usually ends in /v1
    model: str = Field(min_length=1)
    api_key_env: str = ""  #: the environment variable with the key; "": the server needs none
    quality: str = ""  #: sent as it is where it is set: low, medium, high, …
    family: Literal["auto", "tags", "prose", "flux", "labelled"] = "auto"  #: how the model wants its prompts worded
    style: str = ""  #: words for how pictures should look, instead of the channel's style
    sizes: tuple[str, ...] = ()  #: the only sizes the server knows, "1024x1024"; (): what fits the screen
    size_multiple: int = Field(16, ge=1, le=256)
    timeout_seconds: float = Field(180, gt=0, le=3600)
    extra: dict[str, Any] = {}  #: further fields of the request, such as num_inference_steps

    @field_validator("base_url")
    @classmethod
    def _web_address(cls, url: str) -> str:
        if not re.match(r"https?://[^\s/]+\S*$", url, re.IGNORECASE):
            raise ValueError("should be an http:// or https:// address, such as http://127.0.0.1:8000/v1")
        return url.rstrip("/")

    @field_validator("sizes")
    @classmethod
    def _sizes(cls, listed: tuple[str, ...]) -> tuple[str, ...]:
        for size in listed:
            if not re.fullmatch(r"[1-9]\d{1,4}x[1-9]\d{1,4}", size):
                raise ValueError(f'{size!r} should be such as "1024x1024"')
        return listed


def make(settings: Settings, surroundings: Surroundings) -> ImagesApi:
    """The engine, as ``config.toml`` selects it. Connects to nothing."""
    wording = Wording(surroundings.templates, surroundings.data / "subjects", settings.style)
    return ImagesApi(settings, wording)


class ImagesApi:
    """An Engine that asks a server. Connects with the first picture."""

    def __init__(self, settings: Settings, wording: Wording, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.settings, self.host = settings, urlsplit(settings.base_url).netloc.rpartition("@")[2]
        self._wording, self._clock = wording, clock
        self._wire: Wire | None = None
        self._left_out: set[str] = set()  #: fields that this server objected to
        self._rest: tuple[float, str] = 0.0, ""  #: until when it wants no requests, and why
        self._blocked: tuple[str, str] = "", ""  #: the last words that it would not paint, and what it said

    @property
    def family(self) -> Family:
        """How the model wants its prompts worded: as the table says, else as its name tells."""
        return family_of(self.settings.model) if self.settings.family == "auto" else self.settings.family

    def worded(self, prompt: Prompt) -> str:
        """The prompt as the model is told it."""
        return self._wording.said(prompt, self.family, clip_tokens).words

    def render(self, prompt: Prompt, width_px: int, height_px: int, progress: Progress | None = None) -> Picture:
        """A JPEG in the asked shape, as large as asked or larger. Raises EngineError."""
        words = self.worded(prompt)
        self._hold(words)
        body = self._body(words, prompt.seed, self._size(width_px, height_px))
        answer = self._asked(body)
        if progress:
            progress(0.95)
        entry = _first(answer)
        try:
            image = proof.opened(_decoded(entry))
        except EngineError as error:
            raise EngineError(f"the answer of {self.host} {error}") from error
        if fault := blank(image):
            raise EngineError(f"the picture of {self.host} is {fault}")
        recipe = self._recipe(body, entry, image.size)
        image = proof.shaped(image, width_px, height_px)
        return Picture(proof.printed(image), ".jpg", image.width, image.height, recipe)

    def _size(self, width_px: int, height_px: int) -> sizes.Size:
        if self.settings.sizes:
            listed = [(int(w), int(h)) for w, h in (size.split("x") for size in self.settings.sizes)]
            return sizes.listed(width_px, height_px, listed)
        if _OLD.match(self.settings.model):
            return sizes.listed(width_px, height_px, _FIXED)
        least = _LEAST_PX if _OPENAI.match(self.settings.model) else 0
        return sizes.covering(width_px, height_px, self.settings.size_multiple, least=least)

    def _body(self, words: str, seed: int, size: sizes.Size) -> dict[str, Any]:
        """The request: only what the model is known to take, without what this server has objected to."""
        body: dict[str, Any] = {"prompt": words, "model": self.settings.model, "size": f"{size[0]}x{size[1]}"}
        if self.settings.quality:
            body["quality"] = self.settings.quality
        if _OPENAI.match(self.settings.model):
            body["output_format"] = "png"  # these always answer in base64 and refuse response_format
        else:
            body |= {"response_format": "b64_json", "seed": seed}
        body |= self.settings.extra
        return {name: value for name, value in body.items() if name not in self._left_out}

    def _asked(self, body: dict[str, Any]) -> dict[str, Any]:
        """The server's answer, after leaving out what it does not know. Raises EngineError."""
        deadline = self._clock() + self.settings.timeout_seconds
        while True:
            try:
                return self._connected().generate(body, max(deadline - self._clock(), 0.01))
            except EngineError as error:
                raise EngineError(f"{self.host} {error}") from error
            except Refusal as refusal:
                unknown = next((name for name in _OPTIONAL if name in body and refusal.objects_to(name)), None)
                if unknown is None:
                    raise self._explained(refusal, body["prompt"]) from refusal
                del body[unknown]
                self._left_out.add(unknown)

    def _connected(self) -> Wire:
        if self._wire is None:
            from .images.wire import Wire

            self._wire = Wire(self.settings.base_url, _key(self.settings.api_key_env))
        return self._wire

    def _hold(self, words: str) -> None:
        """Raises EngineError where the server need not be asked: its answer is known."""
        until, why = self._rest
        if self._clock() < until:
            raise EngineError(f"{why} (not asked again for {until - self._clock():.0f} s)")
        if words == self._blocked[0]:
            raise EngineError(self._blocked[1])

    def _explained(self, refusal: Refusal, words: str) -> EngineError:
        """What a refusal means; the server is left in peace where asking again cannot help."""
        why = refusal.explained(self.host, self.settings.model, self.settings.api_key_env)
        if refusal.blocked:
            self._blocked = words, why
        if refusal.rest_s:
            self._rest = self._clock() + refusal.rest_s, why
        return EngineError(why)

    def _recipe(self, body: dict[str, Any], entry: dict[str, Any], size: sizes.Size) -> dict[str, Any]:
        revised = entry.get("revised_prompt")
        return {
            "engine": "images-api", "server": self.host, "model": self.settings.model, "prompt": body["prompt"],
            "asked": body.get("size"), "width_px": size[0], "height_px": size[1], "quality": body.get("quality"),
            "seed": body.get("seed"), "revised_prompt": revised[:2000] if isinstance(revised, str) else None,
            "extra": self.settings.extra,
        }  # fmt: skip

    def close(self) -> None:
        """Let go of the connection. Safe to repeat."""
        if self._wire is not None:
            self._wire.close()


def _key(name: str) -> str:
    """The key in the environment. Raises EngineError where there is none."""
    if not name:
        return ""
    try:
        key = (secret(name) or "").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise EngineError(f"the file that {name}_FILE names cannot be read") from error
    if not key:
        raise EngineError(f"there is no key: set {name} (or {name}_FILE) in the service's environment")
    return key


def _first(answer: dict[str, Any]) -> dict[str, Any]:
    data = answer.get("data")
    first = data[0] if isinstance(data, list) and data else {}
    return first if isinstance(first, dict) else {}


def _decoded(entry: dict[str, Any]) -> bytes:
    text = entry.get("b64_json")
    if not isinstance(text, str) or not text:
        if entry.get("url"):
            raise EngineError(
                "holds an address instead of a picture, and addresses in answers are not followed: "
                "set the server to answer with b64_json"
            )
        raise EngineError("holds no picture")
    try:
        bare = "".join(text.split()).removeprefix("data:image/png;base64,").removeprefix("data:image/jpeg;base64,")
        return base64.b64decode(bare, validate=True)
    except (binascii.Error, ValueError) as error:
        raise EngineError("holds broken base64") from error
