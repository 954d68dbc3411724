"""Layers of paper: shapes with a colour and a height are drawn twice, and the heights cast the shadows.

One SVG carries the colours, a second the same shapes in greys that say how high each lies above the table. Two blurred,
shifted copies of that height map tell where something higher keeps the light away: soft shadows for every edge at the
price of one more drawing, without SVG filters, which cost seconds.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from functools import lru_cache

from PIL import Image, ImageChops, ImageFilter

JPEG_QUALITY = 92


@dataclass(slots=True)
class Sheet:
    """A picture being laid: ``width`` x ``height`` px, ``u`` px to a unit of 1/600 of a landscape's height."""

    width: int
    height: int
    colours: list[str] = field(default_factory=list)
    heights: list[str] = field(default_factory=list)
    defs: list[str] = field(default_factory=list)

    @property
    def u(self) -> float:
        return float((self.width * self.height / (1024 * 600)) ** 0.5)

    def cut(self, path: str, fill: str, lift: float, place: str = "") -> None:
        """Lay a piece of paper: an SVG path, its colour and its height (0 … 255) above the table."""
        at = f' transform="{place}"' if place else ""
        self.colours.append(f'<path d="{path}" fill="{fill}"{at}/>')
        self.heights.append(f'<path d="{path}" fill="{grey(lift)}"{at}/>')

    def ink(self, markup: str) -> None:
        """Print on the paper, or shine on it: colour without height."""
        self.colours.append(markup)

    def pieces(self, parts: list[tuple[str, str]], lift: float, place: str) -> None:
        """Lay several pieces (path, colour) that belong together, each a little above the last."""
        step = min(2.0, 10 / max(len(parts), 1))
        colours = "".join(f'<path d="{path}" fill="{fill}"/>' for path, fill in parts)
        heights = "".join(f'<path d="{path}" fill="{grey(lift + i * step)}"/>' for i, (path, _) in enumerate(parts))
        self.colours.append(f'<g transform="{place}">{colours}</g>')
        self.heights.append(f'<g transform="{place}">{heights}</g>')

    def gradient(self, stops: tuple[tuple[float, str, float], ...], *, radial: bool = False) -> str:
        """Define a gradient of (offset, colour, opacity) stops; returns the paint that uses it."""
        name = f"p{len(self.defs)}"
        inner = "".join(f'<stop offset="{o}" stop-color="{c}" stop-opacity="{a}"/>' for o, c, a in stops)
        kind, along = ("radialGradient", "") if radial else ("linearGradient", ' x2="0" y2="1"')
        self.defs.append(f'<{kind} id="{name}"{along}>{inner}</{kind}>')
        return f"url(#{name})"


def grey(lift: float) -> str:
    level = min(max(round(lift), 0), 255)
    return f"#{level:02x}{level:02x}{level:02x}"


def _drawn(sheet: Sheet, body: list[str], defs: list[str]) -> Image.Image:
    import resvg_py

    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'width="{sheet.width}" height="{sheet.height}"><defs>{"".join(defs)}</defs>{"".join(body)}</svg>'
    )
    png = resvg_py.svg_to_bytes(svg_string=svg, skip_system_fonts=True, background="#000000")
    return Image.open(io.BytesIO(bytes(png)))


def pressed(sheet: Sheet) -> bytes:
    """Draw, light and grain the sheet; returns a JPEG file."""
    image = _drawn(sheet, sheet.colours, sheet.defs).convert("RGB")
    heights = _drawn(sheet, sheet.heights, []).convert("L")
    image = ImageChops.multiply(image, _shade(heights, sheet.u))
    image = ImageChops.add(image, _glint(heights, sheet.u))
    image = ImageChops.multiply(image, Image.merge("RGB", [grain(sheet.width, sheet.height)] * 3))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=JPEG_QUALITY, subsampling=0)
    return out.getvalue()


def _shifted(image: Image.Image, dx: int, dy: int) -> Image.Image:
    """Moved right and down; what comes in from outside is the table's height, 0."""
    out = Image.new("L", image.size, 0)
    out.paste(image, (dx, dy))
    return out


def _shade(heights: Image.Image, u: float) -> Image.Image:
    """How much light is left (RGB), from a lamp at the top left: a short, hard shadow and a long, soft one."""
    small = heights.reduce(3)
    soft = _shifted(small, max(round(2.4 * u), 1), max(round(3.6 * u), 1)).filter(ImageFilter.GaussianBlur(3.4 * u))
    soft = soft.resize(heights.size, Image.Resampling.BILINEAR)
    near = _shifted(heights, max(round(1.5 * u), 1), max(round(2.5 * u), 1)).filter(ImageFilter.BoxBlur(1.6 * u))
    wide = ImageChops.subtract(soft, heights, 1.0)
    tight = ImageChops.subtract(near, heights, 1.0)
    dark = ImageChops.lighter(wide.point(_WIDE), tight.point(_TIGHT))
    return Image.merge("RGB", [dark.point(table) for table in _LEFT])


_WIDE = [round(255 * 0.40 * (1 - 2.71828 ** (-d / 26))) for d in range(256)]
_TIGHT = [round(255 * 0.34 * (1 - 2.71828 ** (-d / 7))) for d in range(256)]
_LEFT = [[round(255 - d * share) for d in range(256)] for share in (1.0, 0.95, 0.84)]  #: shadows lean to blue
_EDGE = [min(round(1.4 * d), 16) for d in range(256)]


def _glint(heights: Image.Image, u: float) -> Image.Image:
    """The lit edge of each sheet, about a pixel wide."""
    step = max(round(1.1 * u), 1)
    edge = ImageChops.subtract(heights, _shifted(heights, step, step)).point(_EDGE)
    return Image.merge("RGB", [edge] * 3)


@lru_cache(maxsize=3)
def grain(width: int, height: int) -> Image.Image:
    """The texture of cotton paper (L, 255 = untouched), baked once for a size; its fibres lie flat."""
    import numpy as np

    rng = np.random.default_rng(5)
    scale = max((width * height / (1024 * 600)) ** 0.5, 0.5)

    def noise(cell_x: float, cell_y: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        shape = (int(height / cell_y) + 2, int(width / cell_x) + 2)
        coarse = Image.fromarray(rng.normal(0, 1, shape).astype(np.float32))
        return np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC))

    tooth = noise(1.6 * scale, 1.3 * scale)
    fibre = noise(9 * scale, 1.8 * scale)
    cloud = noise(46 * scale, 40 * scale)
    light = 245 + 3.2 * tooth + 2.6 * fibre + 2.4 * cloud
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    corner = ((x / width - 0.5) / 0.72) ** 2 + ((y / height - 0.47) / 0.76) ** 2
    light *= 1 - 0.30 * np.clip(corner - 0.42, 0, 1)
    return Image.fromarray(np.clip(light, 0, 255).astype(np.uint8))
