"""The last hands on a slide: encoding, and the marks that say how it was made: one in the file, one in the pixels.

The mark in the file is XMP with IPTC's ``DigitalSourceType`` (https://cv.iptc.org/newscodes/digitalsourcetype/),
written last and without touching a pixel. A slide with a picture by a trained model is ``compositeSynthetic``; the
picture alone is ``trainedAlgorithmicMedia``. A papercut is drawn by a procedure that has learned from no data: IPTC
calls that ``algorithmicMedia``, alone or on a slide. A picture's own mark decides; a picture without one counts as
trained, since to claim less would be the worse error. A slide without a picture makes no claim.

The mark in the pixels (``service.watermark``) is the owner's choice. It goes into what leaves the house, never into the
picture that is kept: that stays as its recipe makes it.
"""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import dataclass, replace
from enum import StrEnum
from xml.sax.saxutils import escape, quoteattr

from PIL import Image

from service.errors import ComposeError
from service.model import Picture, Plate
from service.watermark import Label, imprinted

VOCABULARY = "http://cv.iptc.org/newscodes/digitalsourcetype/"
JPEG_QUALITY, PICTURE_QUALITY = 90, 95


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


def watermarked(
    image: Image.Image, plate: Plate, kind: SourceType | None, box: tuple[int, int, int, int] | None = None
) -> Image.Image:
    """An RGB image with the mark in its pixels; ``box``: where in it the picture is, if not everywhere."""
    return imprinted(image, Label.of(plate.id, plate.story.id, trained=kind is not SourceType.ALGORITHMIC), box)


def watermarked_file(data: bytes, plate: Plate) -> bytes:
    """A plate's bare picture with the mark in its pixels, as a JPEG that says how it was made."""
    with Image.open(io.BytesIO(data)) as picture:
        kind = source_type(picture)
        image = watermarked(picture.convert("RGB"), plate, kind)
    out = io.BytesIO()
    image.save(out, "JPEG", quality=PICTURE_QUALITY, subsampling=0)
    return mark(out.getvalue(), Mark(SourceType.TRAINED if kind is SourceType.COMPOSITE else kind))


def _jfif(data: bytes) -> bytes:
    """The JFIF segment, which has to stay first."""
    if data[2:4] != b"\xff\xe0":
        return b""
    return data[2 : 4 + struct.unpack(">H", data[4:6])[0]]


def encode(image: Image.Image, suffix: str) -> bytes:
    """An image as a file; ``suffix``: ".jpg", ".png" or ".bmp". Raises ComposeError.

    A palette image becomes a PNG of as few bits as it has colours for; a BMP has 1 bit for mode "1", else 24.
    """
    out = io.BytesIO()
    if suffix in {".jpg", ".jpeg"}:
        image.convert("RGB").save(out, "JPEG", quality=JPEG_QUALITY, subsampling=0)
    elif suffix == ".png":
        # a panel's few colours take no time to pack well, and small devices have little room for a file
        image.save(out, "PNG", compress_level=9 if image.mode in {"1", "P"} else 4)
    elif suffix == ".bmp":
        (image if image.mode == "1" else image.convert("RGB")).save(out, "BMP")
    else:
        raise ComposeError(f"a slide cannot be written as {suffix!r}; .jpg, .png and .bmp can")
    return out.getvalue()
