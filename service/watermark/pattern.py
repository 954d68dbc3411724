"""The tile: waves of fixed phases, each belonging to one of six patterns. Its numbers must never change.

The first pattern says where a tile begins; each other one is shifted against it, to one of 64 x 64 places.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from .label import SYMBOLS

TILES = 4.0  #: in a side of a square picture: a tile's side is a quarter of the root of the picture's area
_LONG, SHORT = 9, 32  #: waves in a tile's side. Longer ones are seen, shorter ones are lost when a picture is scaled
PLACES = 64  #: along a side, to which a pattern may be shifted
_KEY = b"frontispiece watermark 1"

Reals = npt.NDArray[np.float32]
Waves = npt.NDArray[np.complex64]
Counts = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Part:
    """Some of a tile's waves: how many fit down and across it (n,), and their phases as numbers of length 1 (n,)."""

    down: Counts
    across: Counts
    phases: Waves

    def shifted(self, down: float, across: float) -> Waves:
        """The waves of this part, shifted by shares of the tile (n,)."""
        turn = -2j * np.pi * (self.down * down + self.across * across)
        return (self.phases * np.exp(turn)).astype(np.complex64)


@cache
def parts() -> tuple[Part, ...]:
    """The pattern that says where a tile begins, then one for each number of a label."""
    down, across = np.mgrid[-SHORT : SHORT + 1, 0 : SHORT + 1].reshape(2, -1)
    length = np.hypot(down, across)
    kept = (length >= _LONG) & (length <= SHORT) & ((across > 0) | (down > 0))  # a real tile's other half mirrors it
    down, across = down[kept], across[kept]
    stream = np.frombuffer(hashlib.shake_128(_KEY).digest(4 * len(down)), ">u2").reshape(2, -1)
    phases = np.exp(2j * np.pi * stream[0] / 65_536).astype(np.complex64)
    owner = np.argsort(np.argsort(stream[1], kind="stable"), kind="stable") % (SYMBOLS + 1)
    return tuple(Part(down[owner == n], across[owner == n], phases[owner == n]) for n in range(SYMBOLS + 1))


def plane(part: Part, waves: Waves, side: int) -> Reals:
    """The sum of waves, one value for each place of a square (side, side)."""
    half = np.zeros((side, side // 2 + 1), np.complex64)
    half[part.down % side, part.across] = waves
    upright = part.across == 0
    half[-part.down[upright] % side, 0] = waves[upright].conj()
    return np.fft.irfft2(half, s=(side, side)).astype(np.float32) * np.float32(side * side / 2)


def tile(symbols: Sequence[int], side: int) -> Reals:
    """The tile of a label's numbers, (side, side), of standard deviation 1."""
    first, *others = parts()
    drawn = plane(first, first.phases, side)
    for part, symbol in zip(others, symbols, strict=True):
        down, across = divmod(symbol, PLACES)
        drawn += plane(part, part.shifted(down / PLACES, across / PLACES), side)
    return drawn / np.float32(drawn.std())
