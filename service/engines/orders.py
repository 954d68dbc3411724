"""What a diffusion model is asked for, wherever it is, and the pictures that are made of what it gives back."""

from __future__ import annotations

import base64
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, Protocol

from PIL import Image

from ..errors import EngineError
from ..model import Picture, Prompt
from ..pixels import blank
from ..subjects import AT_ONCE, figure
from . import proof, references
from .awaited import Awaited, Wish
from .cards import PLAIN
from .gallery import Gallery, Presence
from .halves import half, sides
from .job import Half, Job, Kept
from .learned import boxes, pictured
from .settling import Settled
from .sight import Sight
from .wording import Family, Said, Wording, clip_tokens, family_of

log = logging.getLogger(__name__)


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


Here = Mapping[str, Presence]  #: everybody who is in a picture, by name


class Orders:
    """The orders of one engine."""

    narrow = ""  #: why two that were learned are not painted together; "": they are, where they can be
    apart = ""  #: who of the last picture of two was left out, and why
    unkept = ""  #: who of the last picture did not appear as its learned photo, and why

    def __init__(
        self, asks: Asks, words: tuple[Wording, Path], what: Callable[[], Settled], sight: Sight | None = None
    ) -> None:
        """``words``: how prompts are worded, and the data folder; ``what`` tells which model paints, and may raise
        EngineError; ``sight``: whether it may be shown photos of a subject, None: never, be it the learned one.
        """
        self._asks, self._what, self._sight = asks, what, sight
        self._wording, self._data = words
        self._gallery = Gallery(self._data, also=asks.subject_bases, scale=asks.adapter_scale, keeps=sight is not None)

    @property
    def family(self) -> Family:
        """How the model wants its prompts worded: as the table says, else its card, else its name."""
        if self._asks.family != "auto":
            return self._asks.family
        found = self._what()
        return family_of(found.model.name) if found.card is PLAIN else found.card.family

    def worded(self, prompt: Prompt) -> str:
        """The prompt as the model is told it."""
        here = self._here(prompt)
        return kept.words if (kept := self._kept(prompt, here)) else self._said(prompt, here, clip_tokens).words

    def leaves_out(self, subject: str) -> str:
        """Why what was learned of a subject is of no use here; "" where it is, or where nothing was learned."""
        found = self._found(subject)
        return "" if found.kept else found.left_out

    def lacks_photo(self, subject: str) -> str:
        """Why a subject whose card says that it appears as its learned photo does not; ""."""
        return self._found(subject).unkept

    def from_photos(self, subject: str) -> int:
        """From how many of its photos a subject is painted."""
        found = self._found(subject)
        return 0 if found.kept else len(found.photos)

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
        image, recipe = proof.shaped(image, wish.width_px, wish.height_px), self._recipe(wish, job, told)
        self._photo(job.kept.learned.subject if job.kept else wish.prompt.subject, recipe.get("photo"))
        if wish.prompt.company:
            self._beside(wish.prompt, str(recipe.get("beside", "")).removeprefix("left out: "))
        return Picture(proof.printed(image), ".jpg", image.width, image.height, recipe)

    def _photo(self, name: str | None, told: object) -> None:
        """Remember, and say in the log once, why somebody did not appear as its photo; ``told``: the recipe's word."""
        why = told.removeprefix("left out: ") if isinstance(told, str) else ""
        self.unkept = f"{name} does not appear as the learned photo: {why}" if why else ""
        if name and why:
            self._gallery.unkept(name, why)

    def _beside(self, prompt: Prompt, why: str) -> None:
        """Remember, and say in the log once, why one of two was left out."""
        before, self.apart = self.apart, f"one of {' and '.join(prompt.subjects)} was left out: {why}" if why else ""
        if self.apart not in ("", before):
            log.warning("%s", self.apart)

    def _here(self, prompt: Prompt, *, shown: bool = False) -> Here:
        """``shown``: the model is shown other pictures, and none of a subject."""
        what, sight = self._what(), None if shown else self._sight
        most = sight.references if sight else 0
        if sight and sight.adapter:  # it looks at one of them
            each = enumerate(prompt.subjects)
            here = {name: self._gallery.presence(name, what, references=0 if at else most) for at, name in each}
        else:
            here = self._gallery.company(prompt.subjects, what, references=most)
        return {name: self._gallery.told(name, self._unseen(name, found, sight)) for name, found in here.items()}

    def _found(self, subject: str) -> Presence:
        """One subject, alone in a picture."""
        most = self._sight.references if self._sight else 0
        found = self._gallery.presence(subject, self._what(), references=most)
        return self._unseen(subject, found, self._sight)

    def _unseen(self, subject: str, found: Presence, sight: Sight | None) -> Presence:
        """The same, saying why it is not painted from the photos that there are of it."""
        if not sight or found.learned or found.photos or not (sight.adapter or sight.blind):
            return found
        if not self._gallery.presence(subject, self._what(), references=1).photos:
            return found
        blind = f"its photos cannot be looked at: {sight.blind}" if sight.blind else ""
        return replace(found, left_out=blind or "of two, only the first one's photos are looked at")

    def _said(self, prompt: Prompt, here: Here, count: Callable[[str], int] | None = None) -> Said:
        """In one run over the whole picture only one of two that were learned is worn: the first."""
        if self._what().card.references:  # an adapter's photos are none that a text encoder knows of
            shown = {name: (found.noun, len(found.photos)) for name, found in here.items() if found.photos}
            prompt = pictured(prompt, shown) if shown else prompt
        learned = [name for name, found in here.items() if found.learned][:1]
        return self._wording.said(prompt, self.family, count, learned=learned)

    def _halves(self, prompt: Prompt, here: Here) -> tuple[Half, ...]:
        """Both of two that were learned, each with the words for its own half."""
        worn = [(name, found.learned) for name, found in here.items() if found.learned]
        if len(worn) < AT_ONCE or self.narrow:
            return ()
        return tuple(
            Half(self._wording.said(half(prompt, name, side), self.family, learned=[name]).words, learned, side)
            for (name, learned), side in zip(worn, sides(prompt.seed), strict=True)
        )

    def _kept(self, prompt: Prompt, here: Here) -> Kept | None:
        """The learned photo that is painted anew, with the words for it: whose it is is in it alone.

        It is called by its common noun: the untouched base, which is told the words, knows that and no token.
        """
        for name, found in here.items():
            if found.kept:
                scene = (prompt.words or prompt.scene).replace(figure(*prompt.subjects), name)
                return replace(found.kept, words=self._wording.said(replace(prompt, words=scene), self.family).words)
        return None

    def _left_out(self, here: Here) -> str:
        """Why what was learned is of no use; of two, whose."""
        why = {name: found.left_out for name, found in here.items() if found.left_out}
        worn = [name for name, found in here.items() if found.learned]
        why |= dict.fromkeys(worn[1:], self.narrow) if self.narrow else {}
        return "; ".join(f"{name}: {said}" if len(here) > 1 else said for name, said in why.items())

    def _steady(self, wish: Wish) -> tuple[Here, Said, tuple[Half, ...]]:
        """Who is in a picture, and the words for it: those of one moment, as what was learned may be published anew
        between two looks, with another token.
        """
        here = self._here(wish.prompt, shown=bool(wish.photos))
        while True:
            said, halves = self._said(wish.prompt, here), self._halves(wish.prompt, here)
            before, here = here, self._here(wish.prompt, shown=bool(wish.photos))
            if here == before:
                return here, said, halves

    def _job(self, wish: Wish) -> Job:
        here, said, halves = self._steady(wish)
        kept = None if wish.photos else self._kept(wish.prompt, here)
        through = kept and self._sight and self._sight.adapter  # which would be fetched for nothing
        shown = wish.photos or (() if through else self._photos(here))
        worn = [found.learned for found in here.values() if found.learned]
        return Job(
            words=said.words, avoid=said.avoid, seed=wish.prompt.seed, width_px=wish.width_px,
            height_px=wish.height_px, steps=self._asks.steps, guidance=self._asks.guidance,
            tags=self.family == "tags", learned=worn[0] if worn else None, left_out=self._left_out(here),
            halves=halves, photos=tuple(base64.b64encode(photo).decode() for photo in shown),
            kept=kept, unkept="; ".join(found.unkept for found in here.values() if found.unkept),
        )  # fmt: skip

    def _photos(self, here: Here) -> tuple[bytes, ...]:
        """Those that the model is shown; an adapter, which sees squares, is shown what of them is the subject."""
        through = self._sight and self._sight.adapter
        each = [(found.photos, boxes(self._data, name) if through else None) for name, found in here.items()]
        return tuple(photo for paths, around in each for photo in references.of_subject(paths, around))

    def _recipe(self, wish: Wish, job: Job, told: Mapping[str, Any]) -> dict[str, Any]:
        two = len(wish.prompt.subjects) > 1
        absent: dict[str, Any] = {"subjects": list(wish.prompt.subjects)} if two else {}
        if job.kept and isinstance(told["facts"].get("photo"), dict):
            who = job.kept.learned.subject
            absent |= (
                {"beside": f"left out: {who} appears as the learned photo, which is of {who} alone"} if two else {}
            )
        else:
            absent |= {"beside" if two else "subject": f"left out: {job.left_out}"} if job.left_out else {}
            absent |= {"photos": len(job.photos)} if job.photos else {}
            absent |= {"photo": f"left out: {job.unkept}"} if job.unkept else {}
        return {
            "engine": self._asks.kind, "prompt": job.words, "family": self.family, "avoid": job.avoid, "seed": job.seed,
            "width_px": told["width_px"], "height_px": told["height_px"], **absent, **told["facts"],
            **self._wording.told,
        }  # fmt: skip
