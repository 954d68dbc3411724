"""Screens we know: size, shape, palette and type scale.

Sizes of type follow from the distance a screen is read at: an x-height of at least distance / 500 (4 mm at 2 m),
see docs/composing.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum


class Panel(StrEnum):
    """What the screen is made of."""

    LIGHT = "light"  #: any emissive screen: 24-bit colour
    MONO = "mono"  #: black-and-white e-ink
    GREY = "grey"  #: e-ink with two greys between
    SIX = "six"  #: Spectra 6 e-ink: black, white, yellow, red, blue, green
    SEVEN = "seven"  #: ACeP/Gallery e-ink: those and orange


@dataclass(frozen=True, slots=True)
class Profile:
    """A screen's size (px), type scale (px) and palette."""

    name: str
    width_px: int
    height_px: int
    unit: float  #: px of one layout unit; 1 at 1024x600
    type_max_px: float  #: the largest headline
    type_min_px: float  #: the smallest headline that is still read from the sofa
    lines: int  #: the most lines a headline may take
    panel: Panel = Panel.LIGHT
    qr: bool = True
    margin: float = 0.046  #: share of the width (and nearly of the height) left free at the edges

    @property
    def eink(self) -> bool:
        return self.panel is not Panel.LIGHT

    @property
    def portrait(self) -> bool:
        return self.height_px > self.width_px


PROFILES = {
    p.name: p
    for p in (
        Profile("nest-hub", 1024, 600, 1.0, 62, 40, 3),
        Profile("hub-max", 1280, 800, 1.3, 80, 52, 3),
        Profile("tv", 1920, 1080, 1.8, 104, 64, 3, margin=0.05),
        Profile("eink2", 800, 480, 0.82, 40, 28, 3, panel=Panel.MONO),  # 7.5": TRMNL, Waveshare
        Profile("eink4", 800, 480, 0.82, 40, 28, 3, panel=Panel.GREY),  # the same glass, driven with greys
        Profile("eink6", 800, 480, 0.82, 40, 28, 3, panel=Panel.SIX),  # 7.3"
        Profile("eink6-large", 1600, 1200, 1.7, 88, 56, 3, panel=Panel.SIX),  # 13.3"
        Profile("eink7", 800, 480, 0.82, 40, 28, 3, panel=Panel.SEVEN),  # 7.3" and 5.65"
        Profile("phone", 1080, 1920, 2.0, 104, 72, 5, qr=False),
    )
}


def largest(profiles: Sequence[Profile]) -> Profile:
    """The profile with the most pixels (none given: a Nest Hub's): a picture painted for it serves the others too."""
    return max(profiles or [PROFILES["nest-hub"]], key=lambda p: p.width_px * p.height_px)


def fitted(profile: Profile, width_px: int, height_px: int) -> Profile:
    """The profile for a window of another size: the same design, its type scaled to the window's shorter side.

    Used by the live page, whose window may be anything from a phone to a wall-sized screen.
    """
    portrait = height_px > width_px
    base = PROFILES["phone"] if portrait else profile if not profile.portrait else PROFILES["nest-hub"]
    # a landscape window is limited by its height, a portrait one by its width
    scale = width_px / base.width_px if portrait else min(width_px / base.width_px, height_px / base.height_px * 1.15)
    scale = max(scale, 0.3)
    return replace(
        base,
        width_px=width_px,
        height_px=height_px,
        unit=base.unit * scale,
        type_max_px=base.type_max_px * scale,
        type_min_px=base.type_min_px * scale,
        panel=profile.panel,
        qr=base.qr and width_px >= 640,
    )
