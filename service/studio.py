"""Paints to order for other programs: the same engines, subjects and looks at pictures as the rounds have."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

from . import subjects
from .compose.finish import signed
from .errors import EngineError, Refused
from .gate.casting import forbidden
from .gate.verdict import judge
from .model import Mood, Picture, Prompt
from .pipeline import Eye, Line
from .protocols import unnoted


@dataclass(frozen=True, slots=True)
class Order:
    """One picture, as another program wants it."""

    words: str  #: told to the model as they are; a subject is named in them by its name
    width_px: int
    height_px: int
    engine: str = ""  #: its name in the config; "": the first of the first channel
    seed: int | None = None  #: None: any
    avoid: str = ""
    subject: str | None = None  #: somebody of this home who is in the picture


class Studio:
    """Takes orders from any thread; an engine paints one thing at a time, be it for a round or to order."""

    def __init__(self, line: Line) -> None:
        self.line = line

    @property
    def engines(self) -> Sequence[str]:
        """Whom an order may name."""
        return list(self.line.engines)

    def paint(self, order: Order) -> Picture:
        """The picture, looked at as for the wall.

        Raises LookupError where there is no such engine, SubjectError where there is no such subject, Refused where it
        may not be in such a picture, EngineError.
        """
        name = order.engine or self.engines[0]
        engine = self.line.engines[name]
        if order.subject:
            self._may(order.subject, order.words)
        seed = random.randrange(2**32) if order.seed is None else order.seed
        prompt = Prompt(
            order.words, order.words, Mood.CALM, "", seed, style="", subject=order.subject,
            avoid=(order.avoid,) if order.avoid else (),
        )  # fmt: skip
        with self.line.turn(name):
            picture = signed(engine.render(prompt, order.width_px, order.height_px, self.line.easel.progress))
        eye = Eye(None, naked=self.line.naked, naked_above=self.line.settings.critic.nsfw_above)
        seen = eye.look(picture, prompt, unnoted)
        if seen.verdict == "reject":
            raise EngineError(f"{name} made a picture that cannot be shown: {seen.why}")
        return picture

    def _may(self, name: str, words: str) -> None:
        """Whether somebody of this home may be in such a picture. Raises SubjectError, Refused.

        The words are a scene, which seldom sounds as kind as a headline must: what forbids is a veto or the card.
        """
        card, verdict = subjects.load(self.line.store.folder.path, name), judge(words)
        if why := forbidden(card, replace(verdict, subject_allowed=not verdict.veto)):
            raise Refused(why)
