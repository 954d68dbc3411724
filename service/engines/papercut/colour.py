"""Colour arithmetic in OKLab, where even steps look even (B. Ottosson, 2020, "A perceptual color space")."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

Lab = tuple[float, float, float]  #: OKLab: lightness 0 … 1, a, b


def lch(lightness: float, chroma: float, hue: float) -> Lab:
    a = math.radians(hue)
    return (min(max(lightness, 0.0), 1.0), chroma * math.cos(a), chroma * math.sin(a))


def mix(one: Lab, other: Lab, share: float) -> Lab:
    return (
        one[0] + (other[0] - one[0]) * share,
        one[1] + (other[1] - one[1]) * share,
        one[2] + (other[2] - one[2]) * share,
    )


def ramp(stops: Sequence[Lab], count: int) -> tuple[str, ...]:
    """``count`` even steps along ``stops``."""
    steps = []
    for i in range(count):
        t = i / (count - 1) * (len(stops) - 1)
        k = min(int(t), len(stops) - 2)
        steps.append(hexed(mix(stops[k], stops[k + 1], t - k)))
    return tuple(steps)


def _encoded(linear: float) -> int:
    linear = min(max(linear, 0.0), 1.0)
    value = 12.92 * linear if linear <= 0.0031308 else 1.055 * linear ** (1 / 2.4) - 0.055
    return round(value * 255)


def hexed(lab: Lab) -> str:
    lightness, a, b = lab
    p = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    q = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    r = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    red = 4.0767416621 * p - 3.3077115913 * q + 0.2309699292 * r
    green = -1.2684380046 * p + 2.6097574011 * q - 0.3413193965 * r
    blue = -0.0041960863 * p - 0.7034186147 * q + 1.7076147010 * r
    return f"#{_encoded(red):02x}{_encoded(green):02x}{_encoded(blue):02x}"


@lru_cache(maxsize=2048)
def labbed(colour: str) -> Lab:
    """OKLab of ``#rrggbb``."""
    values = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    r, g, b = (v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in values)
    p = math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b)
    q = math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b)
    s = math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b)
    return (
        0.2104542553 * p + 0.7936177850 * q - 0.0040720468 * s,
        1.9779984951 * p - 2.4285922050 * q + 0.4505937099 * s,
        0.0259040371 * p + 0.7827717662 * q - 0.8086757660 * s,
    )
