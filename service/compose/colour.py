"""Colour: luminance and contrast (WCAG 2), OKLCH (Ottosson 2020), and the tints a slide takes from its picture."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]

#: sRGB byte → linear light
LINEAR: Floats = np.array(
    [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in np.arange(256) / 255], np.float32
)
WEIGHTS: Floats = np.array([0.2126, 0.7152, 0.0722], np.float32)


@dataclass(frozen=True, slots=True)
class Tones:
    """The colours of a slide's paper and type, as ``#rrggbb``."""

    paper: str
    ink: str
    soft: str  #: second voice: source and age; 4.5:1 at least on the paper
    accent: str
    dark: bool = False


def luminance(pixels: Bytes) -> Floats:
    """Relative luminance of sRGB bytes (…, 3) → (…)."""
    light: Floats = LINEAR[pixels] @ WEIGHTS
    return light


def contrast(one: float, other: float) -> float:
    """WCAG contrast of two relative luminances, 1 … 21."""
    return (max(one, other) + 0.05) / (min(one, other) + 0.05)


def oklch(lightness: float, chroma: float, hue: float) -> tuple[int, int, int]:
    """OKLCH (0 … 1, 0 … 0.37, radians) → sRGB bytes; chroma is lowered until the colour exists."""
    for step in range(20):
        linear = _linear(lightness, chroma * (1 - step / 20), hue)
        if all(-1e-3 <= v <= 1.001 for v in linear):
            break
    encoded = [12.92 * v if v <= 0.0031308 else 1.055 * v ** (1 / 2.4) - 0.055 for v in (max(0.0, v) for v in linear)]
    red, green, blue = (round(255 * min(1.0, v)) for v in encoded)
    return red, green, blue


def _linear(lightness: float, chroma: float, hue: float) -> tuple[float, float, float]:
    a, b = chroma * math.cos(hue), chroma * math.sin(hue)
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return (
        4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
    )


def _oklab(pixels: Bytes) -> Floats:
    """SRGB bytes (n, 3) → OKLab (n, 3)."""
    to_lms = np.array(
        [
            [0.4122214708, 0.5363325363, 0.0514459929],
            [0.2119034982, 0.6806995451, 0.1073969566],
            [0.0883024619, 0.2817188376, 0.6299787005],
        ],
        np.float32,
    )
    to_lab = np.array(
        [
            [0.2104542553, 0.7936177850, -0.0040720468],
            [1.9779984951, -2.4285922050, 0.4505937099],
            [0.0259040371, 0.7827717662, -0.8086757660],
        ],
        np.float32,
    )
    lab: Floats = np.cbrt(LINEAR[pixels] @ to_lms.T) @ to_lab.T
    return lab


def hue_of(picture: Image.Image) -> tuple[float, float, float]:
    """The hue (radians) that most of a picture's colour has, how strong it is (chroma), and the mean lightness."""
    small = np.asarray(picture.convert("RGB").resize((48, 32), Image.Resampling.BOX)).reshape(-1, 3)
    lab = _oklab(small)
    chroma = np.hypot(lab[:, 1], lab[:, 2])
    hue = np.arctan2(lab[:, 2], lab[:, 1])
    bins = ((hue + math.pi) / (2 * math.pi) * 24).astype(int) % 24
    weight = np.bincount(bins, chroma**1.5, minlength=24)
    smooth = weight + np.roll(weight, 1) + np.roll(weight, -1)  # a hue on the edge of two bins counts once
    near = np.isin(bins, [(int(smooth.argmax()) + d) % 24 for d in (-1, 0, 1)])
    if not near.any():  # pure grey has no hue at all
        return 0.0, 0.0, float(lab[:, 0].mean())
    a, b = (float((lab[near, i] * chroma[near]).sum()) for i in (1, 2))
    strength = float(chroma[near].mean() * min(1.0, 4 * near.mean()))
    return math.atan2(b, a), strength, float(lab[:, 0].mean())


def css(colour: tuple[int, int, int]) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)


def tones_of(picture: Image.Image) -> Tones:
    """Paper and ink in the picture's own hue; night paper beside a dark picture. Type has a contrast of 7:1 or more."""
    hue, strength, light = hue_of(picture)
    tint = min(1.0, strength / 0.08)  # a grey picture gets grey paper
    if light < 0.36:
        return Tones(
            paper=css(oklch(0.235, 0.045 * tint, hue)),
            ink=css(oklch(0.97, 0.014 * tint, hue)),
            soft=css(oklch(0.83, 0.035 * tint, hue)),
            accent=css(oklch(0.74, 0.13 * tint, hue)),
            dark=True,
        )
    return Tones(
        paper=css(oklch(0.95, 0.026 * tint, hue)),
        ink=css(oklch(0.24, 0.055 * tint, hue)),
        soft=css(oklch(0.43, 0.06 * tint, hue)),
        accent=css(oklch(0.56, 0.14 * tint, hue)),
    )


PAPER = Tones("#ffffff", "#000000", "#000000", "#000000")  #: e-ink
