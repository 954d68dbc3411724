"""The engine that is a diffusion model on this machine, on its GPU or its processor.

The model lives in a worker process that starts with the first picture and goes when there has been nothing to paint
for ``keep_alive_minutes``: then every byte of memory is given back. Whatever happens to it costs one attempt.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ..errors import EngineError
from ..model import Picture, Prompt
from ..protocols import Base, Progress
from ..subjects import names
from ..surroundings import Surroundings
from . import references
from .awaited import Awaited, Wish
from .lessons import base
from .loading import Model
from .orders import Orders
from .settling import AUTO, Bits, Home, Settled, settled
from .sight import Sight
from .wording import Family, Wording
from .workshop import LINGER_S, Blind, Broken, Terms, Workshop

WORKER = (sys.executable, "-P", "-X", "utf8", "-m", "service.engines.worker")
MOST = 8  #: pictures at once, where the owner says nothing: more gain little, and all are lost with a crash
COMPILE = {"auto": "auto", True: "always", False: "never"}
log = logging.getLogger(__name__)


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
    batch: int = Field(0, ge=0, le=64)  #: pictures at once; 0: one on a processor, on a GPU what fits
    compile: Literal["auto"] | bool = "auto"  #: auto: in the background, on a GPU, where the model's card says so
    adapter_scale: float = Field(1.0, ge=0, le=4)  #: how strongly a subject's weights count
    references: int = Field(references.MOST, ge=0, le=references.MOST)  #: photos of a subject without weights, at most
    ip_adapter: bool | str = True  #: for photos where the model takes none by itself; or a folder or hub id with one
    subject_bases: tuple[str, ...] = ()  #: further models whose subjects this one can wear
    keep_alive_minutes: float = Field(5, ge=-1)  #: 0: gone at once; -1: kept for ever
    timeout_seconds: float = Field(600, gt=0)  #: for one picture
    load_minutes: float = Field(60, gt=0)  #: for reading the model, its download not counted
    allow_pickle: bool = False  #: read weights that are not safetensors; such files can run code


def make(settings: Settings, surroundings: Surroundings) -> Diffusion:
    """The engine, as ``config.toml`` selects it. Starts nothing."""
    wording = Wording(surroundings.templates, surroundings.data / "subjects", settings.style)
    return Diffusion(settings, wording, Home(surroundings.data, surroundings.subjects))


class Diffusion:
    """An Engine whose work is done by a worker process."""

    def __init__(self, settings: Settings, wording: Wording, home: Home, *, command: Sequence[str] = WORKER) -> None:
        self.settings, self._home = settings, home
        idle = settings.keep_alive_minutes * 60
        terms = Terms(max(idle, LINGER_S) if idle >= 0 else -1, settings.load_minutes * 60, COMPILE[settings.compile])
        self._workshop = Workshop(command, home, terms, self._settled)
        wish = _found(settings.ip_adapter) if isinstance(settings.ip_adapter, str) else settings.ip_adapter
        self._sight = Sight(wish, settings.references, lambda: self._workshop.what.card)
        self._orders = Orders(settings, (wording, home.data), lambda: self._workshop.what, self._sight)
        self._awaited = Awaited()
        self._turn = threading.Lock()

    def _settled(self) -> Settled:
        """Which model the table asks for. Raises EngineError."""
        mine = self.settings
        asked = Model(
            name=_found(mine.model), variant=mine.variant, dtype=mine.dtype, device=mine.device, steps=mine.steps,
            allow_pickle=mine.allow_pickle, side_px=mine.side_px, config=_found(mine.config) if mine.config else "",
        )  # fmt: skip
        return settled(asked, self._home, card=mine.card, bits=mine.quantise)

    def render(self, prompt: Prompt, width_px: int, height_px: int, progress: Progress | None = None) -> Picture:
        """A JPEG in the asked shape, as large as asked or larger. Raises EngineError, and what ``progress`` raises."""
        return self._rendered(Wish(prompt, width_px, height_px), progress)

    @property
    def references(self) -> int:
        """How many pictures the model can be shown: as its card says, and the table allows. Raises EngineError."""
        return self._sight.references

    def render_from(
        self, photos: Sequence[bytes], prompt: Prompt, width_px: int, height_px: int, progress: Progress | None = None
    ) -> Picture:
        """As ``render``, from pictures, none of which leaves this machine. Raises EngineError."""
        if self._sight.blind:
            raise EngineError(f"reference pictures are taken here, but none can be looked at now: {self._sight.blind}")
        shown = references.taken(photos, self.references)
        return self._rendered(Wish(prompt, width_px, height_px, shown), progress)

    def _rendered(self, wish: Wish, progress: Progress | None) -> Picture:
        with self._turn:
            while (made := self._awaited.take(wish)) is None:
                self._paint(wish, progress or (lambda _: None))
        return made

    def expect(self, prompts: Sequence[Prompt], width_px: int, height_px: int) -> None:
        """These will be asked for next: the worker stays for them, and paints several at once where that is faster."""
        with self._turn:
            self._awaited.expect([Wish(prompt, width_px, height_px) for prompt in prompts])
            self._workshop.keep(more=bool(prompts))

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
        """Why a subject whose card says that it appears as its learned photo does not; "" where it does."""
        return self._orders.lacks_photo(subject)

    def from_photos(self, subject: str) -> int:
        """From how many of its photos a subject is painted; 0: it wears what was learned, or is any of its kind."""
        return self._orders.from_photos(subject)

    def base(self) -> Base:
        """What a subject is learned on to appear here. Raises EngineError."""
        return base(self._workshop.what, self.settings.steps, self.settings.guidance)

    def state(self) -> dict[str, Any]:
        """Which model paints and why, and what is done ``now``: "painting, step 7 of 20", or how far it is read."""
        try:
            found = self._workshop.what
        except EngineError as error:
            return {"model": self.settings.model, "says": "", "now": "", "error": str(error)}
        photos = self._sight.says if names(self._home.data) else ""
        says = "; ".join(filter(None, (found.says, *found.notes, photos, self._orders.apart, self._orders.unkept)))
        return {"model": found.model.name, "says": says, "references": self.references, **self._workshop.state()}

    # -- painting -----------------------------------------------------------------------------

    def _paint(self, wish: Wish, tell: Progress) -> None:
        """Paint a wish, with others of its round where that is faster. Raises EngineError for what befell it alone."""
        company = self._awaited.company(wish, self._most(wish), lambda each: each.prompt.subjects)
        jobs = self._orders.jobs(company, self._awaited)
        wishes, size = list(jobs), (wish.width_px, wish.height_px)

        def heard(told: dict[str, Any], pixels: bytes) -> None:
            if told["told"] == "reading":
                tell(0.0)
            elif told["told"] == "step":
                tell(told["step"] / told["steps"])
            elif told["told"] == "refused" and told.get("blind") and not wishes[told["place"]].photos:
                self._sight.lost(told["says"])  # it is painted anew without
            elif told["told"] == "refused":
                self._awaited.keep(wishes[told["place"]], EngineError(str(told["says"])))
            elif told["told"] == "picture":
                each = wishes[told["place"]]
                self._awaited.keep(each, self._orders.picture(each, jobs[each], told, pixels))

        tell(0.0)
        try:
            adapter = self._sight.adapter if any(job.photos for job in jobs.values()) else None
            self._workshop.paint(list(jobs.values()), self.settings.timeout_seconds * len(jobs), heard, adapter=adapter)
        except Blind as error:
            log.warning("photos of subjects cannot be looked at, who are painted as any of their kind: %s", error)
            self._sight.lost(str(error))
            if wish.photos:
                raise
        except Broken as error:
            if len(jobs) == 1:
                if error.memory and jobs[wish].halves:  # its first alone may fit, as it did
                    self._orders.narrow = "there was not enough memory to paint two at once"
                    return
                raise self._explained(error, size) from error
            log.info("%d pictures at once did not work, so each is painted alone: %s", len(jobs), error)
            self._awaited.single(wishes)
            if error.memory:
                self._workshop.halve(size, len(jobs))

    def _most(self, wish: Wish) -> int:
        return self.settings.batch or min(self._workshop.most((wish.width_px, wish.height_px)), MOST)

    def _explained(self, error: Broken, size: tuple[int, int]) -> EngineError:
        """Where it was memory, the next worker holds the model more thriftily."""
        if not error.memory:
            return EngineError(str(error))
        held = self._workshop.thriftier(size)
        if not held:
            return EngineError(f"{error}, even {self._workshop.ways[-1]}: choose a smaller model, or another engine")
        return EngineError(f"{error}; it will be held {held} from now on")

    def close(self) -> None:
        """End the worker, even in the middle of a picture. Safe to repeat; the next picture starts a new one."""
        self._workshop.stop()
        with self._turn:
            self._workshop.leave()


def _found(model: str) -> str:
    """A folder as an absolute path, so that it is not taken for a hub id; else the name as it is."""
    path = Path(model).expanduser()
    looks_like_a_path = model.startswith(("/", ".", "~")) or path.exists()
    return str(path.absolute()) if looks_like_a_path else model
