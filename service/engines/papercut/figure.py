"""The person in a picture: a trained subject's cut-out where there is one, else somebody made of paper."""

from __future__ import annotations

import base64
import io
import re
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageFilter, UnidentifiedImageError

from .cutouts import Spot, lay
from .palette import Palette
from .paper import Sheet, grey

PAPER_PEOPLE = ("own/figure-coat", "own/figure-hat", "own/figure-umbrella")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_TALLEST_PX = 1200  #: a cut-out is stored no taller than this in a picture
LIFT = 196  #: the height (0 … 255) at which figures lie, above all they may stand before


@dataclass(frozen=True, slots=True)
class Likeness:
    """A subject cut out of a photo: a PNG with alpha, and the same shape in the grey of its height."""

    colour: str  #: data URI
    shape: str  #: data URI
    ratio: float  #: width / height


def likeness(subjects: Path, name: str | None) -> Likeness | None:
    """The cut-out of a subject, ``<subjects>/<name>/cutout.png`` (RGBA); None where there is none to use."""
    if name is None or not _NAME.fullmatch(name):
        return None
    path = subjects / name / "cutout.png"
    try:
        with Image.open(path) as opened:
            image = opened.convert("RGBA")
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError):
        return None
    extent = image.getchannel("A").point(lambda a: 255 if a > 24 else 0).getbbox()
    if extent is None:
        return None
    image = image.crop(extent)
    image.thumbnail((_TALLEST_PX, _TALLEST_PX))
    bordered = _bordered(image)
    shape = Image.new("RGBA", bordered.size, grey(LIFT))
    shape.putalpha(bordered.getchannel("A"))
    return Likeness(_uri(bordered), _uri(shape), bordered.width / bordered.height)


def _bordered(image: Image.Image) -> Image.Image:
    """With the white border that scissors leave."""
    rim = max(round(image.height * 0.018), 1)
    wide = Image.new("RGBA", (image.width + 4 * rim, image.height + 4 * rim))
    wide.paste(image, (2 * rim, 2 * rim))
    alpha = wide.getchannel("A").filter(ImageFilter.GaussianBlur(rim)).point(lambda a: min(a * 6, 255))
    border = Image.new("RGBA", wide.size, "#f6f0e4")
    border.putalpha(alpha)
    border.alpha_composite(wide)
    return border


def _uri(image: Image.Image) -> str:
    out = io.BytesIO()
    image.save(out, "PNG", compress_level=1)
    return "data:image/png;base64," + base64.b64encode(out.getvalue()).decode("ascii")


@dataclass(frozen=True, slots=True)
class Figure:
    """Who stands in the picture: a likeness, or one of the paper people."""

    likeness: Likeness | None
    paper: str

    @property
    def said(self) -> str:
        """For the recipe."""
        return "likeness" if self.likeness else self.paper

    def stand(self, sheet: Sheet, spot: Spot, palette: Palette) -> None:
        """Put the figure on its spot; ``spot.size`` is its height (px)."""
        if self.likeness is None:
            lay(sheet, self.paper, spot, palette, LIFT)
            return
        h, w = spot.size, spot.size * self.likeness.ratio
        box = f'x="{spot.x - w / 2:.1f}" y="{spot.y - h:.1f}" width="{w:.1f}" height="{h:.1f}"'
        sheet.colours.append(f'<image {box} xlink:href="{self.likeness.colour}"/>')
        sheet.heights.append(f'<image {box} xlink:href="{self.likeness.shape}"/>')
