"""How much two texts have in common, by their words. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

ALIKE = 0.5  #: of all words of two scenes that both have; of 60,000 pairs in the house's bank none is above 0.3

_WORD = re.compile(r"[^\W\d_]{3,}")
_COMMON = frozenset(
    """above across after against along among and another are around at away before behind below beneath beside between
    beyond both but by each few for from has have her his in inside into is it its just large little long near next of
    off on onto open or other out over past seen several small some stand stands that the their them there they this
    through to toward towards under until up upon was while with""".split()  # noqa: SIM905
)


@lru_cache(maxsize=1024)
def words_of(text: str) -> frozenset[str]:
    """The words that say what a text is about, in the singular as far as an "s" makes the plural."""
    return frozenset(word.removesuffix("s") for word in _WORD.findall(text.lower()) if word not in _COMMON)


def alike(scene: str, others: Iterable[str]) -> str:
    """The first of the other scenes that is nearly this one; "" where none is."""
    mine = words_of(scene)
    for other in others:
        theirs = words_of(other)
        if len(mine & theirs) > ALIKE * len(mine | theirs) or scene == other:
            return other
    return ""


def nearest(text: str, others: Sequence[str], most: int) -> list[str]:
    """Those of the others that share the most words with the text, in their order where they share as many."""
    mine = words_of(text)
    return sorted(dict.fromkeys(others), key=lambda other: -len(mine & words_of(other)))[:most]
