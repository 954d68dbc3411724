"""The tries of one plate: what to paint next, and when it is enough.

The first try is the prompt as it was directed; the second the same with another seed; the third says besides what the
critic wished to see. All of it follows from the prompt and the critiques, so that tries which a killed round left
behind are known again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import accumulate

from .. import settings
from ..clock import Clock
from ..model import Picture, Prompt
from ..protocols import Critique, Note
from ..store import Try
from .looking import Enough, Eye, best

SEEDS = 2**32
CLAUSE_WORDS = 6  #: who does what takes so many


@dataclass(slots=True)
class Sitting:
    """A plate's tries so far, within their bounds."""

    prompt: Prompt  #: as it was directed
    eye: Eye
    bounds: settings.Critic
    now: Clock
    note: Callable[[Note], None]
    critiques: list[Critique] = field(default_factory=list)
    calls: int = 0  #: requests to a critic
    _until: datetime = field(init=False)

    def __post_init__(self) -> None:
        self._until = self.now() + timedelta(seconds=self.bounds.seconds)

    def wanted(self) -> Prompt | None:
        """The prompt of the next try; None where there is a good one, or where no more may be made."""
        if not self.critiques:
            return self.prompt
        if any(critique.verdict == "accept" for critique in self.critiques) or self._spent():
            return None
        return following(self.prompt, self.critiques)

    def _spent(self) -> bool:
        unseen = self.eye.sees and self.calls >= self.bounds.max_calls  # nobody could look at another one
        return len(self.critiques) >= self.bounds.max_pictures or self.now() >= self._until or unseen

    def look(self, picture: Picture, prompt: Prompt) -> Critique:
        """Judge a try and remember it."""
        critique = self.eye.look(picture, prompt, self._counted)
        self.critiques.append(critique)
        return critique

    def _counted(self, note: Note) -> None:
        """Pass a note on; where it says that the critic is about to be asked, count, or raise Enough."""
        if note.what == "was asked":
            if self.calls >= self.bounds.max_calls:
                raise Enough(f"{self.calls} questions about one plate are enough")
            if self.now() >= self._until and self.critiques:
                raise Enough(f"the {self.bounds.seconds:g} s for one plate are over")
            self.calls += 1
        self.note(note)

    def recall(self, tries: Iterable[Try]) -> list[Try]:
        """Take up the tries of an earlier round that belong to this prompt; return them."""
        known: list[Try] = []
        for tried in tries:
            if tried.critique and tried.prompt == following(self.prompt, self.critiques):
                known.append(tried)
                self.critiques.append(tried.critique)
                self.calls += self.eye.critic is not None
        return known

    @property
    def best(self) -> int | None:
        """The place of the best try; None where none may hang."""
        return best(self.critiques)


def following(first: Prompt, critiques: Sequence[Critique]) -> Prompt:
    """The prompt of the try after these."""
    number = len(critiques)
    prompt = replace(first, seed=(first.seed + number) % SEEDS)
    fix = next((critique.fix for critique in reversed(critiques) if critique.fix), "")
    if number < 2 or not fix:
        return prompt
    return replace(prompt, scene=with_fix(prompt.scene, fix), words=with_fix(prompt.words or prompt.scene, fix))


def with_fix(scene: str, fix: str) -> str:
    """The scene with a change behind its first full clause: some models do not read to the end."""
    clauses = scene.rstrip(".").split(", ")
    lengths = accumulate(len(clause.split()) for clause in clauses)
    place = next((number for number, words in enumerate(lengths, 1) if words >= CLAUSE_WORDS), len(clauses))
    return ", ".join([*clauses[:place], fix, *clauses[place:]])
