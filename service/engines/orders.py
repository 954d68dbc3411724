"""What a diffusion model is asked for, wherever it is, and the pictures that are made of what it gives back."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, Protocol

from PIL import Image

from ..errors import EngineError
from ..model import Picture, Prompt
from ..pixels import blank
from . import proof, references
from .awaited import Awaited, Wish
from .cards import PLAIN
from .gallery import Gallery, Presence
from .job import Job
from .learned import boxes, pictured
from .settling import Settled
from .sight import Sight
from .wording import Family, Said, Wording, clip_tokens, family_of


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

    def __init__(
        self, asks: Asks, words: tuple[Wording, Path], what: Callable[[], Settled], sight: Sight | None = None
    ) -> None:
        """``words``: how prompts are worded, and the data folder; ``what`` tells which model paints, and may raise
        EngineError; ``sight``: whether it may be shown photos of a subject, None: never.
        """
        self._asks, self._what, self._sight = asks, what, sight
        self._wording, self._data = words
        self._gallery = Gallery(self._data, also=asks.subject_bases, scale=asks.adapter_scale)

    @property
    def family(self) -> Family:
        """How the model wants its prompts worded: as the table says, else its card, else its name."""
        if self._asks.family != "auto":
            return self._asks.family
        found = self._what()
        return family_of(found.model.name) if found.card is PLAIN else found.card.family

    def worded(self, prompt: Prompt) -> str:
        """The prompt as the model is told it."""
        return self._said(prompt, self._presence(prompt), clip_tokens).words

    def leaves_out(self, subject: str) -> str:
        """Why what was learned of a subject is of no use here; "" where it is, or where nothing was learned."""
        return self._found(subject).left_out

    def from_photos(self, subject: str) -> int:
        """From how many of its photos a subject is painted."""
        return len(self._found(subject).photos)

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

    def _presence(self, prompt: Prompt, *, shown: bool = False) -> Presence:
        """``shown``: the model is shown other pictures, and none of a subject."""
        return self._gallery.told(prompt.subject, self._found(prompt.subject, shown=shown))

    def _found(self, subject: str | None, *, shown: bool = False) -> Presence:
        what, sight = self._what(), None if shown else self._sight
        found = self._gallery.presence(subject, what, references=sight.references if sight else 0)
        if sight and sight.blind and not (found.learned or found.photos):
            lacks = self._gallery.presence(subject, what, references=1).photos
            return replace(found, left_out=f"its photos cannot be looked at: {sight.blind}") if lacks else found
        return found

    def _said(self, prompt: Prompt, here: Presence, count: Callable[[str], int] | None = None) -> Said:
        if here.photos and self._what().card.references:  # an adapter's photos are none that a text encoder knows of
            prompt = pictured(prompt, here.noun, len(here.photos))
        return self._wording.said(prompt, self.family, count, learned=here.learned is not None)

    def _job(self, wish: Wish) -> Job:
        here = self._presence(wish.prompt, shown=bool(wish.photos))
        said = self._said(wish.prompt, here)
        shown = wish.photos or references.of_subject(here.photos, self._boxes(wish.prompt.subject))
        return Job(
            words=said.words, avoid=said.avoid, seed=wish.prompt.seed, width_px=wish.width_px,
            height_px=wish.height_px, steps=self._asks.steps, guidance=self._asks.guidance,
            tags=self.family == "tags", learned=here.learned, left_out=here.left_out,
            photos=tuple(base64.b64encode(photo).decode() for photo in shown),
        )  # fmt: skip

    def _boxes(self, subject: str | None) -> dict[Path, references.Box]:
        """Where a subject is in photos that an adapter is to see, which sees squares."""
        through = subject and self._sight and self._sight.adapter
        return boxes(self._data, subject) if subject and through else {}

    def _recipe(self, job: Job, told: Mapping[str, Any]) -> dict[str, Any]:
        absent: dict[str, Any] = {"subject": f"left out: {job.left_out}"} if job.left_out else {}
        absent |= {"photos": len(job.photos)} if job.photos else {}
        return {
            "engine": self._asks.kind, "prompt": job.words, "family": self.family, "avoid": job.avoid, "seed": job.seed,
            "width_px": told["width_px"], "height_px": told["height_px"], **absent, **told["facts"],
        }  # fmt: skip
