"""What a diffusion model is asked for, wherever it is, and the pictures that are made of what it gives back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

from PIL import Image

from ..errors import EngineError
from ..model import Picture, Prompt
from ..pixels import blank
from . import proof
from .awaited import Awaited, Wish
from .cards import PLAIN
from .gallery import Gallery, Presence
from .job import Job
from .settling import Settled
from .wording import Family, Wording, clip_tokens, family_of


class Asks(Protocol):
    """What of an engine's table is said with each picture."""

    @property
    def kind(self) -> str: ...
    @property
    def family(self) -> Family | Literal["auto"]: ...
    @property
    def steps(self) -> int | None: ...
    @property
    def guidance(self) -> float | None: ...
    @property
    def adapter_scale(self) -> float: ...
    @property
    def subject_bases(self) -> tuple[str, ...]: ...


class Orders:
    """The orders of one engine."""

    def __init__(self, asks: Asks, wording: Wording, data: Path, what: Callable[[], Settled]) -> None:
        """``what`` tells which model paints; it may raise EngineError."""
        self._asks, self._wording, self._what = asks, wording, what
        self._gallery = Gallery(data, also=asks.subject_bases, scale=asks.adapter_scale)

    @property
    def family(self) -> Family:
        """How the model wants its prompts worded: as the table says, else its card, else its name."""
        if self._asks.family != "auto":
            return self._asks.family
        found = self._what()
        return family_of(found.model.name) if found.card is PLAIN else found.card.family

    def worded(self, prompt: Prompt) -> str:
        """The prompt as the model is told it."""
        learned = self._presence(prompt).learned is not None
        return self._wording.said(prompt, self.family, clip_tokens, learned=learned).words

    def leaves_out(self, subject: str) -> str:
        """Why what was learned of a subject is of no use here; "" where it is, or where nothing was learned."""
        return self._gallery.presence(subject, self._what()).left_out

    def jobs(self, company: Sequence[Wish], awaited: Awaited) -> dict[Wish, Job]:
        """What is asked for together; of the company, whose job cannot be said waits until it is asked for itself."""
        jobs = {company[0]: self._job(company[0])}
        for wish in company[1:]:
            try:
                jobs[wish] = self._job(wish)
            except EngineError:
                awaited.single([wish])
        return jobs

    def picture(self, wish: Wish, job: Job, told: Mapping[str, Any], pixels: bytes) -> Picture | EngineError:
        """A JPEG in the wished shape, of bare RGB pixels; or why they are none."""
        image = Image.frombytes("RGB", (told["width_px"], told["height_px"]), pixels)
        if fault := blank(image):
            hint = ': dtype = "float32" may help' if fault == "black" else ""
            return EngineError(f"the model's picture is {fault}{hint}")
        image = proof.shaped(image, wish.width_px, wish.height_px)
        return Picture(proof.printed(image), ".jpg", image.width, image.height, self._recipe(job, told))

    def _presence(self, prompt: Prompt) -> Presence:
        return self._gallery.told(prompt.subject, self._gallery.presence(prompt.subject, self._what()))

    def _job(self, wish: Wish) -> Job:
        here = self._presence(wish.prompt)
        said = self._wording.said(wish.prompt, self.family, learned=here.learned is not None)
        return Job(
            words=said.words, avoid=said.avoid, seed=wish.prompt.seed, width_px=wish.width_px,
            height_px=wish.height_px, steps=self._asks.steps, guidance=self._asks.guidance,
            tags=self.family == "tags", learned=here.learned, left_out=here.left_out,
        )  # fmt: skip

    def _recipe(self, job: Job, told: Mapping[str, Any]) -> dict[str, Any]:
        absent = {"subject": f"left out: {job.left_out}"} if job.left_out else {}
        return {
            "engine": self._asks.kind, "prompt": job.words, "family": self.family, "avoid": job.avoid, "seed": job.seed,
            "width_px": told["width_px"], "height_px": told["height_px"], **absent, **told["facts"],
        }  # fmt: skip
