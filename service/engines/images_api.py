"""The engine that is any server with OpenAI's Images protocol: OpenAI itself, or a model on another machine at home.

Servers differ in what they take beside a prompt: ``images/servers/`` has a file for each kind. Pictures are asked for
as base64 and opened before they are believed; an address in an answer is never followed. The server is told the scene
and the style, not the headline, and never a subject's name; it is sent photos only where the owner says so.
"""

from __future__ import annotations

import base64
import logging
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from ..errors import EngineError
from ..model import Picture, Prompt
from ..protocols import Progress
from ..surroundings import Surroundings
from . import credentials, learned, proof, references, sizes
from .images.answer import decoded, first
from .images.dialect import Dialect, Wish, body, dialect
from .images_refusal import Refusal
from .learned import Guest
from .resting import Rest
from .wording import Family, Said, Wording, clip_tokens, family_of

if TYPE_CHECKING:
    from .images.wire import Wire

log = logging.getLogger(__name__)
#: OpenAI's models before gpt-image-2 know these sizes only
_FIXED = ((1024, 1024), (1536, 1024), (1024, 1536))
_MULTIPLE = 16  #: what sides are divisible by where nobody says
_OPENAI = re.compile(r"(?:.*/)?(?:gpt-image|chatgpt-image)")
_OLD = re.compile(r"(?:.*/)?(?:gpt-image-1(?!\d)|chatgpt-image)")
#: left out where a server objects
_OPTIONAL = ("response_format", "output_format", "seed", "quality", "size", "negative_prompt")
_NO_ROUTE = (404, 405, 501)  #: a server, or a model, that takes no photos
_UNABLE = "unsupported"  #: the same in the words of another Frontispiece


class Settings(BaseModel):
    """What ``[engines.NAME]`` may say for ``kind = "images-api"``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["images-api"] = "images-api"
    base_url: str  #: usually ends in /v1
    model: str = Field(min_length=1)
    server: Literal["auto", "openai", "vllm-omni", "sglang", "sd-cpp", "localai", "frontispiece"] = "auto"
    api_key_env: str = ""  #: the environment variable with the key; "": the server needs none
    quality: str = ""  #: sent as it is where it is set: low, medium, high, …
    family: Literal["auto", "tags", "prose", "flux", "labelled"] = "auto"  #: how the model wants its prompts worded
    style: str = ""  #: words for how pictures should look, instead of the channel's style
    steps: int | None = Field(None, ge=1, le=200)  #: None: the server's own
    guidance: float | None = Field(None, ge=0, le=20)
    loras: dict[str, str] = {}  #: subjects that the server has learned: what it calls each one's LoRA
    references: bool = False  #: send photos of a subject to this server
    sizes: tuple[str, ...] = ()  #: the only sizes the server knows, "1024x1024"; (): what fits the screen
    size_multiple: int = Field(0, ge=0, le=256)  #: 0: what suits the kind of server
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

    @model_validator(mode="after")
    def _taken(self) -> Self:
        """Only what that kind of server takes."""
        given = {"steps": self.steps is not None, "guidance": self.guidance is not None, "loras": bool(self.loras)}
        for key, named in {"steps": "steps", "guidance": "guidance", "loras": "lora"}.items():
            if given[key] and not getattr(self.dialect, named):
                advice = "say which server it is, or use extra" if self.server == "auto" else "leave it out"
                raise ValueError(f"server = {self.server!r} takes no {key} with a picture; {advice}")
        return self

    @property
    def dialect(self) -> Dialect:
        """How the server wants to be asked."""
        if self.server != "auto":
            return dialect(self.server)
        return dialect("openai" if _OPENAI.match(self.model) else "other")


def make(settings: Settings, surroundings: Surroundings) -> ImagesApi:
    """The engine, as ``config.toml`` selects it. Connects to nothing."""
    wording = Wording(surroundings.templates, surroundings.data / "subjects", settings.style)
    return ImagesApi(settings, wording, surroundings.data)


class _NoPhotos(Exception): ...


class ImagesApi:
    """An Engine that asks a server. Connects with the first picture."""

    def __init__(
        self, settings: Settings, wording: Wording, data: Path, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """``data``: the data folder, for cards and photos of subjects."""
        address = urlsplit(settings.base_url)
        self.settings, self.host = settings, address.netloc.rpartition("@")[2]
        self._name, self._data, self._wording, self._clock = address.hostname or "", data, wording, clock
        self._wire: Wire | None = None
        self._left_out: set[str] = set()  #: fields that this server objected to
        self._takes_photos = settings.references and bool(settings.dialect.photos)
        self._rest = Rest(clock)
        self._blocked: tuple[str, str] = "", ""  #: the last words that it would not paint, and what it said

    @property
    def family(self) -> Family:
        """How the model wants its prompts worded: as the table says, else as its name tells."""
        return family_of(self.settings.model) if self.settings.family == "auto" else self.settings.family

    def worded(self, prompt: Prompt) -> str:
        """The prompt as the model is told it."""
        return self._said(self._guest(prompt)).words

    def sends(self) -> str:
        """What leaves this machine beside words, in a sentence; "" where nothing does."""
        return learned.told(self._name) if self._takes_photos else ""

    def from_photos(self, subject: str) -> int:
        """How many of a subject's photos go along with a picture of it. Raises EngineError."""
        return learned.from_photos(subject, self._data, self.settings.loras, self._name if self._takes_photos else "")

    def _guest(self, prompt: Prompt, most: int | None = None) -> Guest:
        """``most``: photos of subjects; None: as many as may go along."""
        return learned.guest(
            prompt, self._data, self.settings.loras, most=self.references if most is None else most, host=self._name,
            by_name=self.settings.dialect.lora == "subject",
        )  # fmt: skip

    def _said(self, guest: Guest) -> Said:
        return self._wording.said(guest.prompt, self.family, clip_tokens)

    def render(self, prompt: Prompt, width_px: int, height_px: int, progress: Progress | None = None) -> Picture:
        """A JPEG in the asked shape, as large as asked or larger. Raises EngineError."""
        wish = width_px, height_px
        try:
            picture = self._painted(self._guest(prompt), prompt.seed, wish)
        except _NoPhotos:
            picture = self._painted(self._guest(prompt, 0), prompt.seed, wish)
            log.warning("%s takes no photos; subjects are painted from words there", self.host)
            self._takes_photos = False  # now that it is known not to have been the model that was missing
        if progress:
            progress(0.95)
        return picture

    def state(self) -> dict[str, Any]:
        """The model there, and what it is waited for."""
        return {"model": self.settings.model, "says": "", "now": self._rest.says}

    @property
    def references(self) -> int:
        """How many pictures may go along; 0 where the owner's table, or the kind of server, says none."""
        return references.MOST if self._takes_photos else 0

    def render_from(
        self, photos: Sequence[bytes], prompt: Prompt, width_px: int, height_px: int, progress: Progress | None = None
    ) -> Picture:
        """As ``render``, from pictures that are sent along; of a subject nothing more is. Raises EngineError."""
        del progress  # the server tells nothing on the way
        try:
            sent = references.taken(photos, self.references)
            guest = replace(self._guest(prompt, 0), photos=sent)
            return self._painted(guest, prompt.seed, (width_px, height_px))
        except _NoPhotos as error:
            raise EngineError(f"{self.host} takes no reference pictures") from error

    def _painted(self, guest: Guest, seed: int, wish: sizes.Size) -> Picture:
        answer, fields = self._made(guest, seed, self._size(*wish))
        self._rest.over()
        entry = first(answer)
        try:
            data = decoded(entry)
        except EngineError as error:
            raise EngineError(f"the answer of {self.host} {error}") from error
        image = proof.believed(data, self.host)
        recipe = self._recipe(fields, entry, image.size) | {"photos": len(guest.photos)} | guest.told
        image = proof.shaped(image, *wish)
        return Picture(proof.printed(image), ".jpg", image.width, image.height, recipe)

    def _made(self, guest: Guest, seed: int, size: sizes.Size) -> tuple[dict[str, Any], dict[str, Any]]:
        """The answer, and the request's fields that were taken."""
        said = self._said(guest)
        self._hold(said.words)
        fields = self._body(said, seed, size, guest)
        return self._asked(fields, guest, said.words), fields

    def _size(self, width_px: int, height_px: int) -> sizes.Size:
        if self.settings.sizes:
            listed = [(int(w), int(h)) for w, h in (size.split("x") for size in self.settings.sizes)]
            return sizes.listed(width_px, height_px, listed)
        if _OLD.match(self.settings.model):
            return sizes.listed(width_px, height_px, _FIXED)
        spoken = self.settings.dialect
        multiple = self.settings.size_multiple or spoken.size_multiple or _MULTIPLE
        return sizes.covering(width_px, height_px, multiple, least=spoken.least_px)

    def _body(self, said: Said, seed: int, size: sizes.Size, guest: Guest) -> dict[str, Any]:
        """The request: only what the server is known to take, without what this one has objected to."""
        table = self.settings
        fields = body(table.dialect, Wish(
            words=said.words, model=table.model, size=size, seed=seed, avoid=said.avoid, quality=table.quality,
            steps=table.steps, guidance=table.guidance, lora=guest.lora, company=guest.company,
            extra=table.extra,
        ))  # fmt: skip
        return {name: value for name, value in fields.items() if name not in self._left_out}

    def _asked(self, fields: dict[str, Any], guest: Guest, words: str) -> dict[str, Any]:
        """The server's answer, after leaving out what it does not know. Raises EngineError."""
        deadline = self._clock() + self.settings.timeout_seconds
        edits = guest.photos if self.settings.dialect.photos == "edits" else ()
        along = {"ref_images": [base64.b64encode(photo).decode() for photo in guest.photos]}
        while True:
            sent = fields | along if guest.photos and not edits else fields
            try:
                return self._connected().ask(sent, max(deadline - self._clock(), 0.01), edits)
            except EngineError as error:
                raise EngineError(f"{self.host} {error}") from error
            except Refusal as refusal:
                if edits and (refusal.status in _NO_ROUTE or refusal.code == _UNABLE):
                    raise _NoPhotos from refusal
                unknown = next((name for name in _OPTIONAL if name in fields and refusal.objects_to(name)), None)
                if unknown is None:
                    raise self._explained(refusal, words) from refusal
                del fields[unknown]
                self._left_out.add(unknown)

    def _connected(self) -> Wire:
        if self._wire is None:
            from .images.wire import Wire

            self._wire = Wire(self.settings.base_url, credentials.key(self.settings.api_key_env))
        return self._wire

    def _hold(self, words: str) -> None:
        """Raises EngineError where the server need not be asked: its answer is known; NotNow where it is busy."""
        self._rest.hold()
        if words == self._blocked[0]:
            raise EngineError(self._blocked[1])

    def _explained(self, refusal: Refusal, words: str) -> EngineError:
        """What a refusal means; the server is left in peace where asking again cannot help."""
        why = refusal.explained(self.host, self.settings.model, self.settings.api_key_env)
        if refusal.blocked:
            self._blocked = words, why
        return self._rest.after(refusal, why)

    def _recipe(self, fields: dict[str, Any], entry: dict[str, Any], size: sizes.Size) -> dict[str, Any]:
        revised, table = entry.get("revised_prompt"), self.settings
        return {
            "engine": "images-api", "server": self.host, "model": table.model, "prompt": fields["prompt"],
            "asked": fields.get("size"), "width_px": size[0], "height_px": size[1], "quality": fields.get("quality"),
            "seed": fields.get("seed"), "revised_prompt": revised[:2000] if isinstance(revised, str) else None,
            "steps": table.steps, "guidance": table.guidance, "extra": table.extra, **self._wording.told,
        }  # fmt: skip

    def close(self) -> None:
        """Let go of the connection. Safe to repeat."""
        if self._wire is not None:
            self._wire.close()
