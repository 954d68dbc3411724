"""Finds the mark in a picture, whatever was done to it meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from PIL import Image

from .label import Label
from .pattern import PLACES, SHORT, TILES, Part, Reals, Waves, parts, plane

LEAST_PX = 64  #: a side
SURE = 11.0  #: standard deviations; of what is read in pictures without a mark, the check then decides
_PLAIN = 10.0  #: so well the first pattern fits that no other size is looked at
_SIDE = 825  #: px: root of the area that a picture is looked at with
_FEWEST, _MOST = 1.8, 10.5  #: tiles in that: from a fifth of a picture to one that fills a seventh of the screen
_STEP = 0.016  #: between two sizes: the edges are then off by less than half a wave
_FINE = np.linspace(-_STEP, _STEP, 7)
_TRIED = 5  #: sizes that are looked at closely
_GRID = 128  #: places along a side, at which a tile may begin
_LOUD = 3.0  #: standard deviations of its neighbourhood: a pixel says no more


@dataclass(frozen=True, slots=True)
class Found:
    """What a mark says, and how far it stands out of chance, in standard deviations."""

    label: Label
    sigma: float


@dataclass(frozen=True, slots=True)
class Reading:
    """Numbers that may be a label, and how far they stand out. The likeliest numbers of pure chance have about 9.5."""

    symbols: tuple[int, ...]
    sigma: float


@dataclass(frozen=True, slots=True)
class _Guess:
    """A number of tiles in the picture's side, where the first begins (shares of it), and how well that fits."""

    sigma: float
    tiles: float
    at: tuple[float, float] = (0.0, 0.0)


def found(image: Image.Image) -> Found | None:
    """The mark in a picture; None where there is none. Takes about 0.3 s, whatever the picture's size."""
    for reading in readings(image):
        if reading.sigma >= SURE and (label := Label.read(reading.symbols)):
            return Found(label, reading.sigma)
    return None


def readings(image: Image.Image) -> Iterator[Reading]:
    """What may be read in a picture, marked or not, the likeliest size of the tile first."""
    if min(image.size) < LEAST_PX:
        return
    look = _Look(_evened(_shrunk(image.convert("L"))))
    for rough in look.guesses():
        yield look.read(max((look.closely(rough.tiles + off) for off in _FINE), key=lambda guess: guess.sigma))


def _shrunk(grey: Image.Image) -> Image.Image:
    times = (grey.width * grey.height) ** 0.5 / _SIDE
    if times <= 1:
        return grey
    size = max(LEAST_PX, round(grey.width / times)), max(LEAST_PX, round(grey.height / times))
    return grey.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)


def _evened(grey: Image.Image) -> Reals:
    """What each pixel (h, w) has of its own, in standard deviations of its neighbourhood: mark and grain, no shapes."""
    levels = np.asarray(grey, dtype=np.float32)
    around = max(3, round(levels.size**0.5 / TILES / 18))  # px: half a long wave
    own = levels - _mean(levels, around)
    spread = np.sqrt(np.maximum(_mean(own * own, around), 0)) + 1  # a level more: even surfaces are not blown up
    evened: Reals = np.clip(own / spread, -_LOUD, _LOUD)
    return evened


def _mean(levels: Reals, around: int) -> Reals:
    """The mean of the square around each pixel (h, w)."""
    side = 2 * around + 1
    sums = np.pad(levels, ((around + 1, around), (around + 1, around)), mode="edge").cumsum(0, dtype=float).cumsum(1)
    total = sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side]
    mean: Reals = (total / side**2).astype(np.float32)
    return mean


class _Look:
    """A picture's waves: roughly at once for every size of the tile, and exactly for one."""

    def __init__(self, levels: Reals) -> None:
        self._levels = levels
        self._height, self._width = levels.shape
        self._root = float(levels.size**0.5)

    def guesses(self) -> list[_Guess]:
        """The likeliest sizes of the tile, the best first; only one where that is plain."""
        sizes = np.arange(_FEWEST, _MOST, _STEP)
        rough = sorted((_Guess(self._roughly(float(s)), float(s)) for s in sizes), key=lambda g: -g.sigma)
        return rough[: 1 if rough[0].sigma >= _PLAIN else _TRIED]

    def closely(self, tiles: float) -> _Guess:
        """How well that many tiles fit, and where the first one begins."""
        first = parts()[0]
        seen = _fit(first, _of(first, self._folded(tiles)))
        down, across = divmod(int(seen.argmax()), _GRID)
        return _Guess(float(seen.max()), tiles, (down / _GRID, across / _GRID))

    def read(self, guess: _Guess) -> Reading:
        """The numbers of the label at that size and place."""
        folded = self._folded(guess.tiles)
        read = [_symbol(part, _of(part, folded), guess.at) for part in parts()[1:]]
        total = guess.sigma + sum(sigma for _, sigma in read)
        return Reading(tuple(symbol for symbol, _ in read), total / (len(read) + 1) ** 0.5)

    def _roughly(self, tiles: float) -> float:
        """The same by the nearest waves of a Fourier transform: a little less, and a hundred times as fast."""
        part, (height, width) = parts()[0], self._padded
        down = np.rint(part.down * (height * tiles / self._root)).astype(np.int64)
        across = np.rint(part.across * (width * tiles / self._root)).astype(np.int64)
        known = (np.abs(down) < height // 2) & (across < width // 2)  # shorter waves are not in so small a picture
        waves = self._spectrum[down % height, np.minimum(across, width // 2)] * known
        return float(_fit(part, waves).max())

    @cached_property
    def _padded(self) -> tuple[int, int]:
        return _handy(2 * self._height), _handy(2 * self._width)

    @cached_property
    def _spectrum(self) -> Waves:
        """Every wave of the picture, finely; from its middle, so that a little off does not turn the phases."""
        room = np.zeros(self._padded, np.float32)
        room[: self._height, : self._width] = self._levels
        middle = -(self._height // 2), -(self._width // 2)
        return np.fft.rfft2(np.roll(room, middle, (0, 1))).astype(np.complex64)

    def _folded(self, tiles: float) -> tuple[Waves, Waves]:
        """How much of each wave is in the picture, if the tile has that size: down and across, up and across (k, k)."""
        side = self._root / tiles
        down, across = _waves(self._height / side, self._height), _waves(self._width / side, self._width).T
        lines: Waves = np.empty((len(down), self._width), np.complex64)
        lines.real, lines.imag = down.real @ self._levels, down.imag @ self._levels
        return lines @ across, lines.conj() @ across


def _waves(tiles: float, length: int) -> Waves:
    """Waves along a side of so many px that holds so many tiles (k, length)."""
    at = (np.arange(length) + 0.5) * (tiles / length)
    return np.exp(-2j * np.pi * np.outer(np.arange(SHORT + 1), at)).astype(np.complex64)


def _of(part: Part, folded: tuple[Waves, Waves]) -> Waves:
    """Those of a part (n,)."""
    down, up = (waves[np.abs(part.down), part.across] for waves in folded)
    return np.where(part.down >= 0, down, up)


def _symbol(part: Part, waves: Waves, at: tuple[float, float]) -> tuple[int, float]:
    """How far a part is shifted against the first one, which begins at ``at``; and how well that fits."""
    back = np.exp(2j * np.pi * (part.down * at[0] + part.across * at[1]))
    seen = _fit(part, (waves * back).astype(np.complex64))[:: _GRID // PLACES, :: _GRID // PLACES]
    return int(seen.argmax()), float(seen.max())


def _fit(part: Part, waves: Waves) -> Reals:
    """How well a part's pattern fits at each place (128, 128), in standard deviations of chance; by phases only.

    Phases that have nothing to do with the pattern give a sum of n cosines of random angles, whose variance is n/2.
    """
    size = np.abs(waves)
    turned = np.divide(waves, size, out=np.zeros_like(waves), where=size > 0) * part.phases.conj()
    return plane(part, turned, _GRID) / np.float32((len(waves) / 2) ** 0.5)


def _handy(length: int) -> int:
    """The next number that a Fourier transform is fast for."""
    while True:
        rest = length
        for prime in (2, 3, 5):
            while rest % prime == 0:
                rest //= prime
        if rest == 1:
            return length
        length += 1
