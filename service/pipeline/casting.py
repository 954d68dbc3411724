"""Who of this home may appear in a plate: every subject of its channel, asked one by one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from .. import subjects
from ..errors import SubjectError
from ..gate.casting import Refusals, at_once, unwelcome
from ..model import Verdict
from ..protocols import Note
from .line import Desk


def cast(
    data: Path, names: Sequence[str], verdict: Verdict, story: str, *, refused: Refusals, note: Callable[[Note], None]
) -> tuple[str, ...]:
    """The subjects that may appear in a story (its id). The transcript is told why another may not.

    ``data``: the folder whose ``subjects`` have the cards; one without a card that can be read appears nowhere.
    """
    if not verdict.subject_allowed:  # the verdict says why
        return ()
    found = []
    for name in dict.fromkeys(names):
        try:
            why = unwelcome(subjects.load(data, name), verdict, story, refused)
        except SubjectError as error:
            why = str(error)
        if why:
            note(Note("gate", f"kept {name} out", why))
        else:
            found.append(name)
    return tuple(found)


def together(desk: Desk, allowed: Sequence[str], story: str) -> int:
    """How many of those who may appear in a story (its id) do; pictures of cut paper have one figure."""
    return at_once(allowed, story, 0.0 if desk.family == "papercut" else desk.channel.together)
