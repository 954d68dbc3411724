"""A slide in an e-ink panel's few colours: type stays pure and sharp, only the picture is dithered.

A panel's inks are duller than the pure colours that stand for them in a file: "white" is a grey, "green" nearly black.
Error diffusion therefore works with the inks as they look (measured), and the file names them by their pure colours,
which every firmware understands. Where nobody measured, as for greys, the two are the same.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter, ImageOps

from service.profiles import Panel

Colour = tuple[int, int, int]
Indices = np.ndarray[tuple[int, ...], np.dtype[np.uint8]]

BLACK, WHITE, YELLOW, RED = (0, 0, 0), (255, 255, 255), (255, 255, 0), (255, 0, 0)
BLUE, GREEN, ORANGE = (0, 0, 255), (0, 255, 0), (255, 128, 0)
THRESHOLD = 150  #: grey above which a pixel of type is white: a little late, so that thin strokes stay


@dataclass(frozen=True, slots=True)
class Inks:
    """A panel's colours, and how a picture is prepared for them."""

    codes: tuple[Colour, ...]  #: how a file names them
    looks: tuple[Colour, ...] = ()  #: how they look on the panel; (): as they are named
    tone: float | str = 0.0  #: how far the picture's range of light is pressed into the panel's (0 … 1, or "auto")
    saturation: float = 1.0


#: Looks: Spectra 6 as epaper-dithering's 7.3" panel, ACeP as Pimoroni's Inky library gives the UC8159's.
INKS = {
    Panel.MONO: Inks((BLACK, WHITE)),
    Panel.GREY: Inks((BLACK, (85, 85, 85), (170, 170, 170), WHITE)),
    Panel.SIX: Inks(
        (BLACK, WHITE, YELLOW, RED, BLUE, GREEN),
        ((26, 13, 35), (185, 202, 205), (202, 184, 0), (121, 9, 0), (0, 69, 139), (40, 82, 57)),
        tone=1.0, saturation=1.25,
    ),
    Panel.SEVEN: Inks(
        (BLACK, WHITE, YELLOW, RED, BLUE, GREEN, ORANGE),
        ((57, 48, 57), (255, 255, 255), (208, 190, 71), (156, 72, 75), (61, 59, 94), (58, 91, 70), (177, 106, 73)),
        tone="auto", saturation=1.25,
    ),
}  # fmt: skip


def inked(slide: Image.Image, picture: tuple[int, int, int, int] | None, panel: Panel) -> Image.Image:
    """The slide in the panel's colours and no others: mode "1" for black and white, else "P" with the panel's palette.

    ``picture``: where it is (left, top, right, bottom in px). Outside it nothing is dithered.
    """
    inks = INKS[panel]
    pixels = _flat(slide, inks)
    if picture:
        left, top, right, bottom = picture
        pixels[top:bottom, left:right] = _dithered(slide.crop(picture), inks)
    if panel is Panel.MONO:
        return Image.fromarray(pixels * 255).convert("1", dither=Image.Dither.NONE)
    out = Image.fromarray(pixels, "P")
    out.putpalette([value for colour in inks.codes for value in colour])
    return out


def as_seen(slide: Image.Image, panel: Panel) -> Image.Image:
    """An inked slide in the colours that the panel shows, for people who look at it elsewhere."""
    looks = INKS[panel].looks
    if not looks:
        return slide.convert("RGB")
    seen = slide.copy()
    seen.putpalette([value for colour in looks for value in colour])
    return seen.convert("RGB")


def _flat(slide: Image.Image, inks: Inks) -> Indices:
    """Indices (h, w) of type and rules: the nearest grey where the panel has some, else black or white."""
    grey = np.asarray(slide.convert("L"))
    if len(inks.codes) == len(INKS[Panel.GREY].codes):
        return ((grey.astype(np.uint16) + 42) // 85).astype(np.uint8)
    white = inks.codes.index(WHITE)
    return np.where(grey > THRESHOLD, white, 0).astype(np.uint8)


def _dithered(picture: Image.Image, inks: Inks) -> Indices:
    """Indices (h, w) of a picture, by error diffusion after Burkes."""
    import epaper_dithering as ink

    palette = ink.ColorPalette({str(i): colour for i, colour in enumerate(inks.looks or inks.codes)}, accent="0")
    drawn = ink.dither_image(
        _prepared(picture, coloured=bool(inks.looks)), palette,
        mode=ink.DitherMode.BURKES, tone=inks.tone, saturation=inks.saturation,
    )  # fmt: skip
    return np.asarray(drawn).astype(np.uint8)


def _prepared(picture: Image.Image, *, coloured: bool) -> Image.Image:
    """Edges drawn sharper, as dots blur them; without colours, light and dark drawn apart, as only they are left."""
    sharp = ImageFilter.UnsharpMask(radius=1.2, percent=60, threshold=0)
    if coloured:
        return picture.filter(sharp)
    return ImageOps.autocontrast(picture.convert("L"), cutoff=(1, 1)).filter(sharp).convert("RGB")
