"""What a mark says, in sixty bits: five numbers of twelve. A third of them is a check."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

SYMBOLS, SYMBOL_BITS = 5, 12
_PLATE_BITS, _TALE_BITS, _CHECK_BITS = 24, 15, 20
MOST_PLATES = 1 << _PLATE_BITS


@dataclass(frozen=True, slots=True)
class Label:
    """A plate's number (0: none), whether a trained model painted, and a trace of the story (15 bits of its hash).

    The trace tells a plate from another home's of the same number, without a number that would name the home.
    """

    plate: int
    trained: bool
    tale: int

    @classmethod
    def of(cls, plate: int, story: str, *, trained: bool) -> Label:
        """``story``: its id. A number that has no room, or is a sample's, becomes 0."""
        return cls(plate if 0 < plate < MOST_PLATES else 0, trained, tale_of(story))

    def symbols(self) -> tuple[int, ...]:
        """Five numbers below 4096."""
        told = (self.plate << 1 | self.trained) << _TALE_BITS | self.tale
        bits = told << _CHECK_BITS | _check(told)
        return tuple(bits >> SYMBOL_BITS * place & (1 << SYMBOL_BITS) - 1 for place in range(SYMBOLS))

    @classmethod
    def read(cls, symbols: Sequence[int]) -> Label | None:
        """The label of five numbers; None where the check says that they are none: true of all but one in a million."""
        bits = sum(symbol << SYMBOL_BITS * place for place, symbol in enumerate(symbols))
        told, check = divmod(bits, 1 << _CHECK_BITS)
        if check != _check(told):
            return None
        rest, tale = divmod(told, 1 << _TALE_BITS)
        return cls(rest >> 1, bool(rest & 1), tale)


def tale_of(story: str) -> int:
    """The trace of a story, by its id."""
    return int.from_bytes(hashlib.sha256(story.encode()).digest()[:2]) >> 16 - _TALE_BITS


def _check(told: int) -> int:
    digest = hashlib.sha256(told.to_bytes(8)).digest()
    return int.from_bytes(digest[:4]) >> 32 - _CHECK_BITS
