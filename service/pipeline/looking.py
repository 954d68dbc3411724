"""Whether a picture may hang: by its pixels always, and by a critic's eyes where there is one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from .. import pixels
from ..decency import Naked
from ..errors import EditorError, OffDuty
from ..model import Picture, Prompt
from ..protocols import Check, Critic, Critique, Note

PATIENCE = 3  #: failures of a critic in a row after which it is left alone for the round
LEAST_PX = 64  #: a side
MOST_PLAIN = 0.97  #: share of one colour
HOPELESS = ("decodes", "size", "not_blank", "not_static", "decent")  #: such a picture never hangs
RULINGS = {"accept": "it may hang", "retry": "another try would be better", "reject": "it must not hang"}
SEVERITY = tuple(RULINGS)
UNTRAINED = Critique("accept", "")  #: of pictures by an engine that draws by rule: it cannot go astray


class Enough(EditorError):
    """No more may be asked about this plate."""


@dataclass(slots=True)
class Eye:
    """Looks at the pictures of one round. A critic that fails holds nothing up."""

    critic: Critic | None
    failures: int = 0  #: in a row
    naked: Naked | None = None  #: None: nobody looks for nakedness
    naked_above: float = 1.0  #: what it says of a picture that must not hang, at least

    @property
    def sees(self) -> bool:
        """Whether more than pixels is looked at."""
        return self.critic is not None and self.failures < PATIENCE

    def look(self, picture: Picture, prompt: Prompt, note: Callable[[Note], None]) -> Critique:
        """The critique of a picture; by its pixels alone where the critic fails, has failed too often, or may not."""
        if picture.recipe.get("trained") is False:
            return UNTRAINED
        local = self._by_itself(picture)
        if not (self.critic and self.sees) or local.verdict == "reject":
            return local
        try:
            seen = self.critic.critique(picture, prompt, note)
        except EditorError as error:
            self.failures += not isinstance(error, Enough | OffDuty)
            note(Note("critic", "did not look", f"{error}{'' if self.sees else '; not asked again in this round'}"))
            return local
        self.failures = 0
        found = both(local, seen)
        note(Note("critic", "answered", said(found)))
        return found

    def _by_itself(self, picture: Picture) -> Critique:
        """What can be told without a critic."""
        local = by_pixels(picture)
        if self.naked is None or local.verdict == "reject":
            return local
        share = self.naked(picture.data)
        return _local([*local.checks, Check("decent", f"naked, by {share:.0%}", ok=share < self.naked_above)])


def said(critique: Critique) -> str:
    """A critique in a few words, for people."""
    parts = (RULINGS[critique.verdict], critique.why, critique.fix and f"wished for: {critique.fix}")
    return "; ".join(filter(None, parts))


def by_pixels(picture: Picture) -> Critique:
    """What can be told without knowing what the picture shows."""
    image = pixels.opened(picture.data)
    if image is None:
        return _local([Check("decodes", "a file that cannot be opened", ok=False)])
    fault, share, times = pixels.blank(image), pixels.plain_share(image), pixels.tiles(image)
    noise = not fault and pixels.static(image)
    sides = f"{picture.width_px}x{picture.height_px}"
    return _local([
        Check("decodes", sides, ok=True),
        Check("size", sides, ok=min(picture.width_px, picture.height_px) >= LEAST_PX),
        Check("not_blank", fault or "many colours", ok=not fault),
        Check("not_static", "noise" if noise else "shapes", ok=not noise),
        Check("not_plain", f"{share:.0%} of it one colour", ok=bool(fault) or share <= MOST_PLAIN),
        Check("not_a_grid", f"the same {times} times" if times else "one picture", ok=not times),
    ])  # fmt: skip


def _local(checks: Sequence[Check]) -> Critique:
    failed = [check for check in checks if not check.ok]
    if not failed:
        return Critique("accept", "", checks=tuple(checks))
    hopeless = any(check.id in HOPELESS for check in failed)
    return Critique("reject" if hopeless else "retry", failed[0].seen, checks=tuple(checks))


def both(local: Critique, seen: Critique) -> Critique:
    """Two critiques of a picture as one: the graver verdict and its reason, all that was looked at."""
    graver = max(seen, local, key=lambda critique: SEVERITY.index(critique.verdict))
    return replace(graver, fix=seen.fix, checks=(*local.checks, *seen.checks))


def best(critiques: Sequence[Critique]) -> int | None:
    """The place of the best of some tries: not rejected, then the fewest faults, then the first; None: no one will do.

    Tries are compared by what each passed, never by a mark: models rank better than they grade.
    """
    fair = [place for place, critique in enumerate(critiques) if critique.verdict != "reject"]
    return min(fair, key=lambda place: (_faults(critiques[place]), place), default=None)


def _faults(critique: Critique) -> tuple[int, int]:
    return SEVERITY.index(critique.verdict), sum(not check.ok for check in critique.checks)
