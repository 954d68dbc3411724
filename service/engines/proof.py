"""A picture that came from elsewhere is looked at before it may hang: it is opened and bounded."""

from __future__ import annotations

import io

from PIL import Image, ImageFilter, ImageOps, UnidentifiedImageError

from .. import faces
from ..cutting import NOTHING, Interest, placed
from ..errors import EngineError
from ..pixels import blank

MOST_PX = 40_000_000  #: of a picture that is opened: 120 MB of memory; an 8K screen has 33 million
LEAST_PX = 64  #: a side
_LITTLE = 0.9  #: of the picture: where at least so much is kept, nobody needs to look for faces
_SOFT = 1.25  #: times: from here on an enlarged picture looks soft
_CRISP = ImageFilter.UnsharpMask(radius=0.6, percent=60, threshold=2)  #: before it is enlarged; more draws bright rims
_QUALITY = 92  #: JPEG; about 250 kB at 1024x600
_BROKEN = (OSError, SyntaxError, ValueError, EOFError, OverflowError, IndexError, KeyError, MemoryError)


def opened(data: bytes) -> Image.Image:
    """The picture in a PNG, JPEG or WebP file, as RGB. Raises EngineError that completes "the answer …"."""
    if data.lstrip()[:1] == b"<":
        raise EngineError("is a document (SVG or HTML) instead of a PNG, JPEG or WebP picture")
    try:
        with Image.open(io.BytesIO(data), formats=("PNG", "JPEG", "WEBP")) as file:
            _bounded(file.width, file.height)
            file.load()
            return _flattened(file)
    except (UnidentifiedImageError, Image.DecompressionBombError) as error:
        bomb = isinstance(error, Image.DecompressionBombError)
        raise EngineError("is far too large a picture" if bomb else "is not a PNG, JPEG or WebP picture") from error
    except _BROKEN as error:
        raise EngineError(f"is a damaged picture ({str(error)[:80]})") from error


def believed(data: bytes, host: str) -> Image.Image:
    """The picture that a server answered with, as RGB. Raises EngineError where it is none, or an empty one."""
    try:
        image = opened(data)
    except EngineError as error:
        raise EngineError(f"the answer of {host} {error}") from error
    if fault := blank(image):
        raise EngineError(f"the picture of {host} is {fault}")
    return image


def _bounded(width_px: int, height_px: int) -> None:
    if width_px * height_px > MOST_PX:
        raise EngineError(f"is a picture of {width_px}x{height_px}, which is far too large")
    if min(width_px, height_px) < LEAST_PX:
        raise EngineError(f"is a picture of {width_px}x{height_px}, too small for any screen")


def _flattened(image: Image.Image) -> Image.Image:
    """RGB; what is transparent becomes white, as it would be on paper."""
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        paper = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(paper, rgba).convert("RGB")
    return image.convert("RGB")


def shaped(image: Image.Image, width_px: int, height_px: int) -> Image.Image:
    """A picture cut to the asked shape, and no smaller than asked. Where much is cut off, it is not the faces."""
    ratio = width_px / height_px
    width = min(image.width, round(image.height * ratio))
    height = min(image.height, round(image.width / ratio))
    much = width * height < _LITTLE * image.width * image.height
    interest = Interest(faces=faces.shares(image) or ()) if much else NOTHING
    across, down = placed(image.size, (width, height), interest)
    left, top = round((image.width - width) * across), round((image.height - height) * down)
    kept = image.crop((left, top, left + width, top + height))
    return _enlarged(kept, (width_px, height_px)) if width < width_px or height < height_px else kept


def _enlarged(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """A picture at a larger size, a little crisper than interpolation leaves it."""
    crisp = image.filter(_CRISP) if size[0] > _SOFT * image.width else image
    return ImageOps.fit(crisp, size, Image.Resampling.LANCZOS)


def printed(image: Image.Image) -> bytes:
    """A JPEG file, without anything that the original carried beside its pixels."""
    out = io.BytesIO()
    image.info = {}
    image.save(out, "JPEG", quality=_QUALITY, subsampling=0)
    return out.getvalue()
