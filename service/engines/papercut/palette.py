"""Colours by mood and by hour: four hues that go together, lit by the hour, tempered by the mood."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, replace
from enum import StrEnum

from service.model import Mood

from .colour import Lab, hexed, labbed, lch, mix, ramp


class Hour(StrEnum):
    """The light a picture is seen in."""

    DAWN = "dawn"
    DAY = "day"
    DUSK = "dusk"
    NIGHT = "night"


@dataclass(frozen=True, slots=True)
class Scheme:
    """Four hues (degrees) that go together, and how the sky may differ from nature."""

    name: str
    sky: float
    land: float
    hero: float
    accent: float


@dataclass(frozen=True, slots=True)
class Temper:
    """What a mood does to colour."""

    chroma: float  #: factor
    light: float  #: added lightness
    schemes: tuple[Scheme, ...]


TEMPERS = {
    Mood.JOYFUL: Temper(
        1.25,
        0.02,
        (
            Scheme("marmalade", 88, 190, 38, 245),
            Scheme("carnival", 12, 165, 28, 90),
            Scheme("lagoon", 215, 150, 40, 95),
            Scheme("citrus", 105, 145, 25, 60),
        ),
    ),
    Mood.PLAYFUL: Temper(
        1.15,
        0.03,
        (
            Scheme("sherbet", 345, 170, 45, 290),
            Scheme("mint", 170, 290, 30, 85),
            Scheme("lilac", 300, 200, 60, 20),
            Scheme("popsicle", 205, 20, 95, 340),
        ),
    ),
    Mood.HOPEFUL: Temper(
        0.95,
        0.03,
        (
            Scheme("apricot", 65, 175, 32, 85),
            Scheme("first-leaf", 200, 135, 45, 95),
            Scheme("rosehip", 25, 210, 20, 80),
            Scheme("meadow", 225, 125, 60, 25),
        ),
    ),
    Mood.CALM: Temper(
        0.75,
        0.0,
        (
            Scheme("harbour", 225, 215, 45, 85),
            Scheme("sage", 150, 155, 40, 75),
            Scheme("linen", 80, 195, 30, 225),
            Scheme("slate", 250, 180, 65, 30),
        ),
    ),
    Mood.TENSE: Temper(
        0.95,
        -0.12,
        (
            Scheme("rust", 40, 25, 85, 220),
            Scheme("mustard", 85, 250, 30, 80),
            Scheme("petrol", 205, 235, 45, 90),
            Scheme("plum", 340, 310, 65, 35),
        ),
    ),
    Mood.SOMBER: Temper(
        0.5,
        -0.1,
        (
            Scheme("rain", 240, 235, 70, 40),
            Scheme("heather", 310, 280, 60, 85),
            Scheme("moss", 150, 190, 75, 45),
            Scheme("clay", 50, 260, 45, 80),
        ),
    ),
    Mood.GRIM: Temper(
        0.38,
        -0.10,
        (Scheme("ash", 250, 250, 75, 60), Scheme("lead", 220, 215, 65, 80), Scheme("umber", 60, 280, 70, 65)),
    ),
}


@dataclass(frozen=True, slots=True)
class Light:
    """An hour's ramp: (lightness, chroma) of sky, land and things; ``pull`` draws hues to ``hue`` by that share."""

    top: tuple[float, float]
    low: tuple[float, float]
    far: float
    near: float
    hero: float
    paper: float
    hue: float
    pull: float


LIGHTS = {
    Hour.DAWN: Light((0.80, 0.065), (0.925, 0.075), 0.82, 0.36, 0.62, 0.965, 50, 0.35),
    Hour.DAY: Light((0.83, 0.075), (0.935, 0.045), 0.83, 0.37, 0.62, 0.97, 90, 0.0),
    Hour.DUSK: Light((0.47, 0.085), (0.81, 0.115), 0.60, 0.23, 0.66, 0.94, 40, 0.45),
    Hour.NIGHT: Light((0.25, 0.055), (0.46, 0.07), 0.45, 0.195, 0.70, 0.90, 265, 0.55),
}


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours of one picture as ``#rrggbb``; ``roles`` are the letters used by cut-outs."""

    name: str
    hour: Hour
    dark: bool  #: the sky is darker than paper things before it
    sky: tuple[str, str]  #: top, horizon
    disc: str  #: sun or moon
    land: tuple[str, ...]  #: seven papers, far to near
    water: tuple[str, ...]  #: six papers, far to near
    wall: tuple[str, str]  #: a room: wall, its shaded part
    roles: dict[str, str]
    anchors: tuple[Lab, ...]  #: what the colours of foreign cut-outs are drawn to
    gain: float  #: factor on the lightness of foreign colours
    chroma: float


def snowed(palette: Palette) -> Palette:
    """The palette with snow on the ground."""
    snow = labbed("#eef3f8" if palette.hour in {Hour.DAY, Hour.DAWN} else "#c3cfe0")
    shares = (0.8, 0.78, 0.74, 0.66, 0.52, 0.36, 0.24)
    land = tuple(hexed(mix(labbed(paper), snow, share)) for paper, share in zip(palette.land, shares, strict=True))
    return replace(palette, land=land)


def _turned(hue: float, aim: float, share: float) -> float:
    """The hue drawn a share of the way towards another, the short way round."""
    return hue + ((aim - hue + 180) % 360 - 180) * share


def mixed(mood: Mood, hour: Hour, rng: random.Random) -> Palette:
    """The palette of a picture: a scheme of the mood in the light of the hour."""
    temper, light = TEMPERS[mood], LIGHTS[hour]
    scheme = rng.choice(temper.schemes)
    c, up = temper.chroma, temper.light
    top = lch(
        light.top[0] + up,
        light.top[1] * c,
        _turned(scheme.sky, light.hue, light.pull) if hour is not Hour.DUSK else 285,
    )
    low = lch(light.low[0] + up, light.low[1] * c, _turned(scheme.sky, light.hue, light.pull))
    near = lch(light.near + up / 2, (0.03 + 0.09 * light.near) * c, scheme.land)
    middle = lch((light.far + light.near) / 2 + up, 0.085 * c, scheme.land)
    far = mix(low, lch(light.far + up, 0.07 * c, scheme.land), 0.6)
    deep = lch(light.near + 0.04 + up / 2, 0.075 * c, _turned(scheme.land, 230, 0.72))
    roles = _roles(scheme, temper, light, hour)
    wall = lch(0.42 + light.far * 0.48 + up, 0.075 * c, scheme.accent)
    return Palette(
        name=f"{scheme.name}-{hour}",
        hour=hour,
        dark=light.low[0] + up < 0.6,
        sky=(hexed(top), hexed(low)),
        disc=_disc(scheme, temper, hour),
        land=ramp((far, middle, near), 7),
        water=ramp((mix(low, deep, 0.22), mix(low, deep, 0.6), deep), 6),
        wall=(hexed(wall), hexed(mix(wall, lch(light.near + 0.12, 0.06 * c, scheme.land), 0.5))),
        roles=roles,
        anchors=tuple(labbed(roles[r]) for r in "abgl"),
        gain={Hour.NIGHT: 0.86, Hour.DUSK: 0.9}.get(hour, 1.0) + up * 0.7,
        chroma=c,
    )


def _roles(scheme: Scheme, temper: Temper, light: Light, hour: Hour) -> dict[str, str]:
    c = temper.chroma
    paper = lch(light.paper + min(temper.light, 0.0) * 0.6, 0.018, 80 if hour is not Hour.NIGHT else 240)
    hero = lch(light.hero, 0.155 * c, scheme.hero)
    lit = lch(0.88, 0.125 * max(c, 0.8), 82)
    roles = {
        "a": hero,
        "d": mix(hero, lch(0.25, 0.05, scheme.hero), 0.45),
        "b": lch(light.hero + 0.10, 0.12 * c, scheme.accent),
        "p": paper,
        "q": mix(paper, lch(0.5, 0.05, scheme.land), 0.24),
        "r": mix(paper, lch(0.45, 0.06, scheme.land), 0.5),
        "k": lch(0.27 if hour is not Hour.NIGHT else 0.13, 0.035, scheme.land),
        "l": lit,
        "h": lch(0.96, 0.06, 95),
        "g": lch(light.hero - 0.06, 0.10 * c, 145),
        "s": lch(light.hero + 0.02, 0.02, scheme.land),
        "t": lch(0.38 if hour is not Hour.NIGHT else 0.22, 0.045, 50),
        "v": lch(light.far, 0.04, 220),
        "w": lch(min(light.far + 0.12, 0.97), 0.02, 220),
    }
    return {name: hexed(lab) for name, lab in roles.items()}


def _disc(scheme: Scheme, temper: Temper, hour: Hour) -> str:
    c = temper.chroma
    lightness, chroma, hue = {
        Hour.DAWN: (0.80, 0.13, 45),
        Hour.DAY: (0.88, 0.13, 88),
        Hour.DUSK: (0.76, 0.16, 42),
        Hour.NIGHT: (0.93, 0.045, 95),
    }[hour]
    return hexed(lch(lightness + temper.light * 0.5, chroma * max(c, 0.55), hue * 0.75 + scheme.hero * 0.25))


def natural(colour: str, palette: Palette) -> str:
    """A thing's own colour in the light of the picture: its hue stays."""
    lightness, a, b = labbed(colour)
    share = min(max(palette.chroma, 0.45), 1.1)
    tone = (0.1 + lightness * 0.9 * min(palette.gain, 1.02), a * share, b * share)
    return hexed(mix(tone, labbed(palette.sky[1]), 0.1))


def settled(colour: str, palette: Palette) -> str:
    """A foreign colour drawn towards the palette: its own light and dark, the picture's hues."""
    lightness, a, b = labbed(colour[:7])
    chroma = math.hypot(a, b)
    lightness = 0.16 + lightness * 0.82 * palette.gain
    if chroma < 0.045:
        ink, paper = labbed(palette.roles["k"]), labbed(palette.roles["p"])
        return hexed(mix(ink, paper, (lightness - 0.2) / 0.75))
    anchor = max(palette.anchors, key=lambda lab: (lab[1] * a + lab[2] * b) / (math.hypot(lab[1], lab[2]) + 1e-6))
    return hexed(mix((lightness, a * 0.84 * palette.chroma, b * 0.84 * palette.chroma), anchor, 0.26))
