"""How much a picture must be darkened under text, solved from its pixels.

The scrim multiplies (a black veil turns bright pictures grey; a multiplied tint keeps their colour), is tinted with the
picture's own hue, only as strong as contrast asks, and eased in over 30 % of the height above the text. A busy picture
is first calmed by a blur that comes in over the same way.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter

from .colour import Floats, contrast, css, hue_of, luminance, oklch

TARGET = 5.0  #: contrast of white type, as WCAG 2 counts it; 4.5 is the floor
KICKER_TARGET = 5.5  #: the kicker's second voice is 92 % white, which costs a tenth
EASE = 0.30  #: share of the slide's height over which the scrim comes in
BUSY = 9.0  #: mean step between neighbouring grey values at half size, from which type needs calm
TILE = 48  #: px; type is read word by word, so the brightest tile decides, not the mean
STEPS = 14  #: stops of the gradient

Box = tuple[int, int, int, int]  #: left, top, right, bottom in px


@dataclass(frozen=True, slots=True)
class Scrim:
    """What stands between picture and text. ``strength`` 0 … 1; ``blur_px`` 0 where the picture is calm."""

    strength: float
    tint: tuple[int, int, int]
    top_px: float  #: where it begins
    full_px: float  #: where it is at full strength: the top of the text
    blur_px: float = 0.0


def tint_of(picture: Image.Image) -> tuple[int, int, int]:
    """The darkest colour of a scrim: deep, and of the picture's own hue."""
    hue, strength, _ = hue_of(picture)
    return oklch(0.19, min(0.075, 0.9 * strength), hue)


def busyness(region: Image.Image) -> float:
    """Mean step between neighbouring grey values at half size."""
    grey = np.asarray(region.convert("L").reduce(2)).astype(np.int16)
    if min(grey.shape) < 2:
        return 0.0
    return float(np.abs(np.diff(grey, axis=1)).mean() + np.abs(np.diff(grey, axis=0)).mean())


def _hot(region: Image.Image) -> Floats:
    """The mean colour of the brightest 2 % of each tile: (tiles, 3), 0 … 255."""
    pixels = np.asarray(region.convert("RGB"))
    light = luminance(pixels)
    colours = []
    for y in range(0, pixels.shape[0], TILE):
        for x in range(0, pixels.shape[1], TILE):
            tile, levels = pixels[y : y + TILE, x : x + TILE].reshape(-1, 3), light[y : y + TILE, x : x + TILE].ravel()
            count = max(1, levels.size // 50)
            colours.append(tile[np.argpartition(levels, -count)[-count:]].mean(axis=0))
    return np.array(colours, np.float32)


def strength_for(region: Image.Image, tint: tuple[int, int, int], target: float) -> float:
    """The least strength at which white type has ``target`` contrast on every tile of the region."""
    hot = np.minimum(_hot(region) + 3, 255)  # the renderers round differently by up to this much
    low, high = 0.0, 1.0
    for _ in range(10):
        middle = (low + high) / 2
        shade = 255 * (1 - middle) + np.array(tint, np.float32) * middle
        brightest = float(luminance(np.ceil(hot * shade / 255).astype(np.uint8)).max())
        low, high = (low, middle) if contrast(1.0, brightest) >= target else (middle, high)
    return high if high > 0.002 else 0.0


def solve(picture: Image.Image, text: Box, kicker_px: float, unit: float) -> Scrim:
    """The scrim for a picture that fills the slide and text in a box at its foot, the kicker on top."""
    width, height = picture.size
    left, top, right, bottom = text
    ease = min(top, EASE * height)
    pad = int(10 * unit)
    region = picture.crop((max(0, left - pad), max(0, top - pad), min(width, right + pad), min(height, bottom + pad)))
    busy = busyness(region)
    blur = unit * min(9.0, 3.0 + (busy - BUSY) * 0.5) if busy >= BUSY else 0.0
    if blur:
        region = _blurred(region, blur)
    tint = tint_of(picture)
    head = region.crop((0, 0, region.width, min(region.height, pad + int(kicker_px))))
    strength = max(strength_for(region, tint, TARGET), strength_for(head, tint, KICKER_TARGET))
    return Scrim(strength, tint, top - pad - ease, top - pad, blur)


def _blurred(region: Image.Image, radius: float) -> Image.Image:
    """A blur at a quarter of the size: what matters is how bright the brightest spots stay."""
    small = region.convert("RGB").reduce(2).filter(ImageFilter.GaussianBlur(radius / 2))
    return small.resize(region.size, Image.Resampling.BILINEAR)


def gradient(scrim: Scrim, height_px: float) -> str:
    """The scrim as a CSS gradient over the part of the slide below ``top_px``."""
    span = height_px - scrim.top_px
    ease = (scrim.full_px - scrim.top_px) / span
    stops = []
    for i in range(STEPS + 1):
        t = i / STEPS
        stops.append(f"{_shade(scrim, scrim.strength * t * t * (3 - 2 * t))} {100 * ease * t:.2f}%")
    last = min(1.0, scrim.strength * 1.06)
    return f"linear-gradient(to bottom,{','.join(stops)},{_shade(scrim, last)} 100%)"


def _shade(scrim: Scrim, strength: float) -> str:
    red, green, blue = (round(255 * (1 - strength) + c * strength) for c in scrim.tint)
    return css((red, green, blue))


@dataclass(frozen=True, slots=True)
class ClockInk:
    """The clock's ink, and how strongly the corner beneath it must be shaded (0: not at all)."""

    light: bool
    strength: float


def clock_ink(picture: Image.Image, box: Box, tint: tuple[int, int, int]) -> ClockInk:
    """Black or white by the pixels beneath; where neither is read, white on a shaded corner."""
    light = luminance(np.asarray(picture.crop(box).convert("RGB").reduce(2)))
    on_brightest, on_darkest = contrast(1.0, float(np.quantile(light, 0.99))), float(np.quantile(light, 0.01))
    if on_brightest >= TARGET:
        return ClockInk(light=True, strength=0.0)
    if contrast(on_darkest, 0.0078) >= TARGET:  # luminance of the dark ink, #11161d
        return ClockInk(light=False, strength=0.0)
    return ClockInk(light=True, strength=strength_for(picture.crop(box), tint, TARGET))


def cap(scrim: Scrim, full_px: float, ease_px: float) -> str:
    """A shade at the slide's top, as a style: at full strength down to ``full_px``, gone ``ease_px`` further down."""
    span = full_px + ease_px
    stops = [f"{_shade(scrim, scrim.strength)} 0%"]
    for i in range(STEPS + 1):
        t = i / STEPS
        left = scrim.strength * (1 - t * t * (3 - 2 * t))
        stops.append(f"{_shade(scrim, left)} {100 * (full_px + ease_px * t) / span:.2f}%")
    return f"top:0;height:{span:.1f}px;background:linear-gradient(to bottom,{','.join(stops)})"
