"""What a model that can see is asked about a photo of somebody at home, and the caption that comes of its answer.

It is told what kind of subject it is, never a name. What it says is what the picture should keep apart from the
subject: pose, place and light.
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from ..album import composed
from .answers import Answer
from .quoting import orders, quoted

_CHARS = 120


class Glimpse(Answer):
    """What the model saw."""

    doing: str = Field("", description="pose and what it does, 1 to 8 words, as in 'lying on its side, eyes closed'")
    where: str = Field("", description="place and light, 2 to 10 words, as in 'on a grey sofa by a window, indoors'")


def faults(seen: Glimpse) -> Sequence[str]:
    """What is missing of an answer, or speaks to whoever reads it."""
    if not seen.where.strip():
        return ["say where: the place and the light around it"]
    return [f"say what is seen, not: {part}" for part in (seen.doing, seen.where) if orders(part)]


def caption(seen: Glimpse, noun: str) -> str:
    """The caption, with the subject's mark in place."""
    doing, where = (quoted(part, _CHARS).strip(" .,;").removeprefix("The ") for part in (seen.doing, seen.where))
    return composed(noun, _begun_small(doing), _begun_small(where))


def _begun_small(text: str) -> str:
    return text[:1].lower() + text[1:]
