"""Slides for the night: a dark one, and the time. No picture, no news, nothing bright."""

from __future__ import annotations

import io
from datetime import datetime

from PIL import Image

from service.profiles import Profile

from .finish import encode
from .fonts import INTER, stack
from .slide import Composer, Fragment

DIMMED = (0.30, 0.25, 0.19)  #: of red, green and blue: a sixteenth of the light, and warm, so that it wakes nobody
INK, PAPER = "#7a5a3c", "#000000"


def dimmed(data: bytes, suffix: str) -> bytes:
    """A slide's file, darkened; what the file says of itself stays."""
    with Image.open(io.BytesIO(data)) as slide:
        marks = slide.info.get("xmp")
        table = [int(value * share + 0.5) for share in DIMMED for value in range(256)]
        dark = slide.convert("RGB").point(table)
    if suffix != ".jpg" or not marks:
        return encode(dark, suffix)
    out = io.BytesIO()
    dark.save(out, "JPEG", quality=90, subsampling=0, xmp=marks)
    return out.getvalue()


def black(profile: Profile, suffix: str) -> bytes:
    """Nothing, in the screen's size."""
    return encode(Image.new("RGB", (profile.width_px, profile.height_px)), suffix)


def clock_page(now: datetime, profile: Profile) -> Fragment:
    """The time as HTML, for the minute of ``now`` (in the owner's time zone)."""
    width, height = profile.width_px, profile.height_px
    size = min(height * 0.44, width * 0.30)
    step = now.hour * 60 + now.minute
    # nine places, so that no pixel of an OLED panel is always lit
    left, top = (step % 3 - 1) * 0.03 * width, (step // 3 % 3 - 1) * 0.03 * height
    html = (
        f'<div class="slide ltr" lang="en" dir="ltr" style="--sans:{stack([INTER])};--paper:{PAPER};--ink:{INK};'
        f'width:{width}px;height:{height}px">'
        f'<div style="position:absolute;left:{left:.0f}px;top:{top + height / 2 - size / 2:.0f}px;width:{width}px;'
        f"height:{size:.0f}px;font-size:{size:.0f}px;line-height:{size:.0f}px;font-weight:300;letter-spacing:-0.02em;"
        f'text-align:center;font-variant-numeric:tabular-nums">{now.hour}:{now.minute:02d}</div></div>'
    )
    return Fragment(html, width, height, "en", "ltr", PAPER)


def clock(composer: Composer, now: datetime, profile: Profile, suffix: str) -> bytes:
    """The time as a file."""
    page = clock_page(now, profile)
    return encode(composer.pressed(page, [INTER]), suffix)
