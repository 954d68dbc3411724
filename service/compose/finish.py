"""The last hands on a slide: encoding, the e-ink palette, and the mark that says how it was made.

The mark is XMP with IPTC's ``DigitalSourceType`` (https://cv.iptc.org/newscodes/digitalsourcetype/), written last and
without touching a pixel. A slide with a picture by a trained model is ``compositeSynthetic``; the picture alone is
``trainedAlgorithmicMedia``. A papercut is drawn by a procedure that has learned from no data: IPTC calls that
``algorithmicMedia``, alone or on a slide. A picture's own mark decides; a picture without one counts as trained,
since to claim less would be the worse error. A slide without a picture makes no claim.
"""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import dataclass, replace
from enum import StrEnum
from xml.sax.saxutils import escape, quoteattr

import numpy as np
from PIL import Image

from service.errors import ComposeError
from service.model import Picture
from service.profiles import Panel

VOCABULARY = "http://cv.iptc.org/newscodes/digitalsourcetype/"
JPEG_QUALITY = 90
#: The colours of each e-ink panel; the seven are those of ACeP (Gallery) panels.
PALETTES = {
    Panel.SEVEN: ((0, 0, 0), (255, 255, 255), (255, 255, 0), (255, 0, 0), (0, 0, 255), (0, 255, 0), (255, 128, 0)),
    Panel.MONO: ((0, 0, 0), (255, 255, 255)),
}
THRESHOLD = 150  #: grey above which a pixel of type is white: a little late, so that thin strokes stay


class SourceType(StrEnum):
    """How an image came to be, in IPTC's words."""

    TRAINED = "trainedAlgorithmicMedia"
    ALGORITHMIC = "algorithmicMedia"
    COMPOSITE = "compositeSynthetic"


@dataclass(frozen=True, slots=True)
class Mark:
    """What the file says of itself. Empty strings are left out."""

    kind: SourceType | None
    title: str = ""
    description: str = ""
    source: str = ""
    language: str = "en"


def source_type(picture: Image.Image | None) -> SourceType | None:
    """What a slide with this picture is, by the mark the picture carries."""
    if picture is None:
        return None
    found = picture.info.get("xmp") or picture.info.get("XML:com.adobe.xmp") or b""
    packet = found.encode() if isinstance(found, str) else bytes(found)
    return SourceType.ALGORITHMIC if f"/{SourceType.ALGORITHMIC}".encode() in packet else SourceType.COMPOSITE


def packet(mark: Mark) -> bytes:
    """The XMP packet (ISO 16684-1) of a mark."""
    parts = []
    for tag, text in (("title", mark.title), ("description", mark.description)):
        if text:
            item = f"<rdf:li xml:lang={quoteattr(_lang(mark.language))}>{escape(text)}</rdf:li>"
            fallback = f'<rdf:li xml:lang="x-default">{escape(text)}</rdf:li>'
            parts.append(f"<dc:{tag}><rdf:Alt>{fallback}{item}</rdf:Alt></dc:{tag}>")
    if mark.source:
        parts.append(f"<dc:source>{escape(mark.source)}</dc:source>")
    if mark.kind:
        parts.append(f"<Iptc4xmpExt:DigitalSourceType>{VOCABULARY}{mark.kind}</Iptc4xmpExt:DigitalSourceType>")
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/">'
        + "".join(parts)
        + '</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
    ).encode()


def _lang(language: str) -> str:
    return language if language.replace("-", "").isalnum() else "x-default"


def mark(data: bytes, what: Mark) -> bytes:
    """An encoded JPEG or PNG with the mark added, its pixels untouched. Other formats come back as they are."""
    xmp = packet(what)
    if data.startswith(b"\xff\xd8"):
        body = b"http://ns.adobe.com/xap/1.0/\0" + xmp[: 65_533 - 29]
        return (
            data[:2]
            + _jfif(data)
            + b"\xff\xe1"
            + struct.pack(">H", len(body) + 2)
            + body
            + data[2 + len(_jfif(data)) :]
        )
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        after = 8 + 12 + struct.unpack(">I", data[8:12])[0]  # signature, then the IHDR chunk
        body = b"iTXtXML:com.adobe.xmp\0\0\0\0\0" + xmp
        chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
        return data[:after] + chunk + data[after:]
    return data


def signed(picture: Picture) -> Picture:
    """A picture that says of itself how it was made; ``recipe["trained"]`` is false where no model was."""
    kind = SourceType.TRAINED if picture.recipe.get("trained", True) else SourceType.ALGORITHMIC
    return replace(picture, data=mark(picture.data, Mark(kind)))


def _jfif(data: bytes) -> bytes:
    """The JFIF segment, which has to stay first."""
    if data[2:4] != b"\xff\xe0":
        return b""
    return data[2 : 4 + struct.unpack(">H", data[4:6])[0]]


def encode(image: Image.Image, suffix: str) -> bytes:
    """An image as a file. ``suffix``: ".jpg", ".png" or ".bmp". Raises ComposeError."""
    out = io.BytesIO()
    if suffix in {".jpg", ".jpeg"}:
        image.convert("RGB").save(out, "JPEG", quality=JPEG_QUALITY, subsampling=0)
    elif suffix == ".png":
        image.save(out, "PNG", compress_level=4)
    elif suffix == ".bmp":
        image.save(out, "BMP")
    else:
        raise ComposeError(f"a slide cannot be written as {suffix!r}; .jpg, .png and .bmp can")
    return out.getvalue()


def inked(slide: Image.Image, picture: tuple[int, int, int, int] | None, panel: Panel) -> Image.Image:
    """A slide in an e-ink panel's colours and no others, as a palette image: the picture (left, top, right, bottom in
    px) dithered, everything else pure black or white, so that type stays sharp.
    """
    out = Image.new("P", slide.size)
    palette = PALETTES[panel]
    out.putpalette([v for colour in palette for v in colour])
    grey = np.asarray(slide.convert("L"))
    pixels = np.where(grey > THRESHOLD, 1, 0).astype(np.uint8)  # indices of white and black
    if picture:
        left, top, right, bottom = picture
        pixels[top:bottom, left:right] = _dithered(slide.crop(picture), panel)
    out.paste(Image.fromarray(pixels))
    return out


def _dithered(picture: Image.Image, panel: Panel) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Indices into the panel's palette (h, w), by error diffusion after Burkes, a little more saturated than life."""
    import epaper_dithering as ink

    scheme = ink.ColorScheme.SEVEN_COLOR if panel is Panel.SEVEN else ink.ColorScheme.MONO
    drawn = ink.dither_image(picture, scheme, mode=ink.DitherMode.BURKES, saturation=1.25)
    colours = np.asarray(drawn.convert("RGB")).astype(np.int32)
    codes = (colours[..., 0] << 16) | (colours[..., 1] << 8) | colours[..., 2]
    indices = np.zeros(codes.shape, np.uint8)
    for i, (red, green, blue) in enumerate(PALETTES[panel]):
        indices[codes == (red << 16 | green << 8 | blue)] = i
    return indices
