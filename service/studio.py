"""Paints to order for other programs: the same engines, subjects and looks at pictures as the rounds have."""

from __future__ import annotations

import io
import math
import random
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from PIL import Image

from . import subjects
from .compose.finish import signed
from .errors import Busy, EngineError, Refused, Withdrawn
from .gate.casting import forbidden
from .gate.verdict import judge
from .model import Mood, Picture, Plate, Prompt, Step
from .pipeline import Eye, Line
from .protocols import Critique, Note, Referring, Wording, unnoted

MOST = 8  #: orders at once: each holds one of the web server's threads until it is painted, of which it has 40


@dataclass(frozen=True, slots=True)
class Order:
    """One picture, as another program wants it."""

    words: str  #: told to the model as they are; a subject is named in them by its name
    width_px: int
    height_px: int
    engine: str = ""  #: its name in the config; "": the first of the first channel
    seed: int | None = None  #: None: any
    avoid: str = ""
    subjects: tuple[str, ...] = ()  #: those of this home who are in the picture, ``AT_ONCE`` at most
    photos: tuple[bytes, ...] = ()  #: that it is painted from: PNG, JPEG or WebP files


@dataclass(frozen=True, slots=True)
class Repainting:
    """A plate's picture, made again."""

    plate: Plate
    engine: str
    prompt: Prompt
    picture: Picture
    hung: bytes  #: the file that hangs

    @property
    def same(self) -> bool:
        """Whether it is the same, to the byte."""
        return self.picture.data == self.hung

    def told(self) -> dict[str, Any]:
        """What came of it, JSON-safe."""
        return {
            "plate": self.plate.id, "engine": self.engine, "seed": self.prompt.seed, "style": self.prompt.style,
            "same": self.same, "psnr_db": self.psnr_db,
        }  # fmt: skip

    @property
    def psnr_db(self) -> float | None:
        """How near it is to the one that hangs, peak signal to noise, dB; None: the same pixels, or another size."""
        new, old = (
            np.asarray(Image.open(io.BytesIO(data)).convert("RGB"), float) for data in (self.picture.data, self.hung)
        )
        if new.shape != old.shape or not (error := float(((new - old) ** 2).mean())):
            return None
        return round(10 * math.log10(255**2 / error), 1)


class Studio:
    """Takes orders from any thread; an engine paints one thing at a time, be it for a round or to order."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self._places = threading.BoundedSemaphore(MOST)

    @property
    def engines(self) -> Sequence[str]:
        """Whom an order may name."""
        return list(self.line.engines)

    def references(self, engine: str = "") -> int:
        """How many pictures an order for an engine may bring along. Raises LookupError, EngineError."""
        asked = self.line.engines[self._named(engine)]
        return asked.references if isinstance(asked, Referring) else 0

    def _named(self, engine: str) -> str:
        name = engine or self.engines[0]
        if name not in self.engines:
            raise KeyError(name)
        return name

    def paint(self, order: Order) -> Picture:
        """The picture, looked at as for the wall.

        Raises LookupError where there is no such engine, SubjectError where there is no such subject, Refused where it
        may not be in such a picture or the engine cannot be shown photos, Busy where too many wait, EngineError.
        """
        name = self._named(order.engine)
        asked = tuple(dict.fromkeys(order.subjects))
        for subject in asked:
            self._may(subject, order.words)
        if len(asked) > 1 and not isinstance(self.line.engines[name], Wording):
            raise Refused(f"{name} shows one figure: name one subject")
        seed = random.randrange(2**32) if order.seed is None else order.seed
        prompt = Prompt(
            order.words, order.words, Mood.CALM, "", seed, style="", subject=asked[0] if asked else None,
            company=asked[1:], avoid=(order.avoid,) if order.avoid else (),
        )  # fmt: skip
        picture = self._painted(name, prompt, (order.width_px, order.height_px), order.photos)
        seen = self._seen(picture, prompt)
        if seen.verdict == "reject":
            raise EngineError(f"{name} made a picture that cannot be shown: {seen.why}")
        return picture

    def repaint(self, number: int, style: str = "", seed: int | None = None, *, keep: bool = True) -> Repainting:
        """A plate's picture by its own recipe, or with another style or seed; with ``keep`` it hangs from then on.

        Raises LookupError where there is no such plate, Refused where that cannot be done, Busy where too many wait,
        EngineError.
        """
        made = self._again(number, style, seed)
        if keep and not made.same:
            self._hang(made)
        return made

    def _again(self, number: int, style: str, seed: int | None) -> Repainting:
        plate = self.line.archive.plate(number)
        if plate is None:
            raise LookupError(f"plate {number}")
        tried = next((each for each in self.line.journal.tries(number) if each.picture == plate.picture), None)
        if plate.step is not Step.RENDERED or plate.picture is None or tried is None:
            raise Refused(f"plate {number} has no picture whose recipe is known")
        if tried.engine not in self.line.engines:
            raise Refused(f"plate {number} was painted by {tried.engine}, which no channel names any more")
        try:
            hung = self.line.store.folder.read(plate.picture)
        except (OSError, ValueError) as error:
            raise Refused(f"the picture of plate {number} cannot be read: {error}") from error
        with Image.open(io.BytesIO(hung)) as file:
            size = file.size
        prompt = replace(tried.prompt, style=style or tried.prompt.style)
        prompt = prompt if seed is None else replace(prompt, seed=seed)
        return Repainting(plate, tried.engine, prompt, self._painted(tried.engine, prompt, size), hung)

    def _painted(self, name: str, prompt: Prompt, size: tuple[int, int], photos: Sequence[bytes] = ()) -> Picture:
        """What an engine makes when it is its turn; it stops at its next step where the service does."""
        engine, progress = self.line.engines[name], self.line.easel.progress
        with self._place(), self.line.turn(name):
            progress(0.0)  # the service may have stopped while it waited
            if not photos:
                return signed(engine.render(prompt, *size, progress))
            if not isinstance(engine, Referring):
                raise Refused(f"{name} takes no reference pictures")
            return signed(engine.render_from(photos, prompt, *size, progress))

    @contextmanager
    def _place(self) -> Iterator[None]:
        if not self._places.acquire(blocking=False):
            raise Busy(f"{MOST} pictures are waited for already: ask again when they are painted")
        try:
            yield
        finally:
            self._places.release()

    def _hang(self, made: Repainting) -> None:
        seen = self._seen(made.picture, made.prompt)
        if seen.verdict == "reject":
            raise Refused(f"the new picture cannot be shown: {seen.why}")
        line = self.line
        try:
            file = line.journal.tried(made.plate, made.prompt, made.picture, made.engine, seen)
            line.store.repainted(made.plate, file)
        except Withdrawn as error:
            raise Refused(str(error)) from error
        line.journal.note(made.plate.id, Note("engine", "painted again", f"{made.engine}, seed {made.prompt.seed}"))

    def _seen(self, picture: Picture, prompt: Prompt) -> Critique:
        eye = Eye(None, naked=self.line.naked, naked_above=self.line.settings.critic.nsfw_above)
        return eye.look(picture, prompt, unnoted)

    def _may(self, name: str, words: str) -> None:
        """Whether somebody of this home may be in such a picture. Raises SubjectError, Refused.

        The words are a scene, which seldom sounds as kind as a headline must: what forbids is a veto or the card.
        """
        card, verdict = subjects.load(self.line.store.folder.path, name), judge(words)
        if why := forbidden(card, replace(verdict, subject_allowed=not verdict.veto)):
            raise Refused(why)
