"""A photo file as cameras, phones and friends send it, made upright RGB in sRGB and free of metadata.

Every file that cannot be read is a PhotoError that says what it is instead; the size is judged by the header, before a
pixel is decoded.
"""

from __future__ import annotations

import io
import warnings
from contextlib import suppress
from functools import cache
from pathlib import Path
from stat import S_ISREG
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from .errors import PhotoError

SUFFIXES = (
    ".jpg",
    ".jpeg",
    ".png",
    ".webp",
    ".heic",
    ".heif",
    ".avif",
    ".tif",
    ".tiff",
    ".bmp",
    ".gif",
    ".mpo",
    ".jfif",
)
FORMATS = ("JPEG", "PNG", "WEBP", "HEIF", "AVIF", "TIFF", "BMP", "GIF", "MPO")
MOST_PIXELS = 80_000_000  #: of one photo: phones reach 50 megapixels; decoded, 80 take 240 MB
LEAST_PX = 64  #: of its shorter side: below this nothing can be learned from it
MOST_BYTES = 200_000_000
KEPT_PX = 2048  #: of the longer side as it is stored
QUALITY = 95
DAMAGED = "is damaged or was cut short: copy it again from where it came from"
PAPER = (255, 255, 255)  #: behind what is transparent
_DEEP = ("I;16", "I;16L", "I;16B", "I;16N", "I")  # 16 bits a pixel, as scanners and astronomers write them
_WHAT = (  # how files begin that are no pictures
    (b"%PDF", "a PDF"), (b"PK\x03\x04", "a zip archive"), (b"<!DOCTYPE html", "a web page"), (b"<html", "a web page"),
    (b"<svg", "a drawing (SVG)"), (b"<?xml", "an XML file"), (b"\x1aE\xdf\xa3", "a video"),
)  # fmt: skip


class Opened(NamedTuple):
    """A photo ready to be looked at."""

    image: Image.Image  #: upright, RGB, sRGB, without metadata
    cutout: Image.Image | None  #: "L", white where it is opaque; None: nothing in it is transparent
    size: tuple[int, int]  #: px, upright, as the file has it; ``image`` may be smaller


def opened(path: Path, most_px: int = KEPT_PX) -> Opened:
    """Read a photo, at most so long on its longer side. Raises PhotoError."""
    data = _read(path)
    kinds = _kinds()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # warnings of odd tags; what matters is found below
            with Image.open(io.BytesIO(data), formats=kinds) as file:
                return _upright(file, most_px)
    except PhotoError:
        raise
    except UnidentifiedImageError as error:
        raise PhotoError(_unlike(path, data)) from error
    except Exception as error:  # decoders of damaged files raise whatever comes
        raise PhotoError(DAMAGED) from error


def stored(image: Image.Image) -> bytes:
    """The photo as it is kept: JPEG, with nothing in it but pixels."""
    out = io.BytesIO()
    bare = Image.new("RGB", image.size)
    bare.paste(image)
    bare.save(out, "JPEG", quality=QUALITY, subsampling=0)
    return out.getvalue()


def found(places: list[str]) -> list[Path]:
    """The files that these names, folders and patterns mean, each once. Raises PhotoError where one means nothing."""
    files = [path for place in places for path in _meant(place)]
    return list(dict.fromkeys(files))


def _meant(place: str) -> list[Path]:
    path = Path(place).expanduser()
    if path.is_dir():
        inside = sorted(p for p in path.rglob("*") if p.suffix.lower() in SUFFIXES and not _hidden(p, path))
        if not inside:
            raise PhotoError(f"there is no photo in the folder {place}")
        return inside
    if path.exists():
        return [path]
    matches = sorted(p for p in _glob(path) if p.is_file() and p.suffix.lower() in SUFFIXES)
    if not matches:
        raise PhotoError(f"there is no file {place}")
    return matches


def _glob(path: Path) -> list[Path]:
    if not any(sign in str(path) for sign in "*?["):
        return []
    root = Path(path.anchor) if path.is_absolute() else Path()
    pattern = str(path.relative_to(path.anchor) if path.is_absolute() else path)
    return [found for found in root.glob(pattern) if not found.name.startswith(".")]


def _hidden(path: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(folder).parts)


def sized(path: Path) -> None:
    """Raises PhotoError for what would be read for ever: a pipe, a device, a file larger than any photo. OSError."""
    found = path.stat()
    if not S_ISREG(found.st_mode):
        raise PhotoError("is not a file")
    if found.st_size > MOST_BYTES:
        raise PhotoError(f"is {found.st_size / 1e6:.0f} MB: more than a photo has")


def _read(path: Path) -> bytes:
    try:
        sized(path)
        data = path.read_bytes()
    except OSError as error:
        raise PhotoError(f"cannot be read: {error.strerror}") from error
    if not data:
        raise PhotoError("is empty (0 bytes): copy it again from where it came from")
    return data


@cache
def _kinds() -> tuple[str, ...]:
    """The formats that can be read here: HEIC only where its package is installed."""
    with suppress(ImportError):
        import pillow_heif

        pillow_heif.register_heif_opener(thumbnails=False)
    Image.init()
    return tuple(kind for kind in FORMATS if kind in Image.OPEN)


def _unlike(path: Path, data: bytes) -> str:
    head = data[:64].lstrip()
    if data[4:8] == b"ftyp":
        still = data[8:12] in (b"heic", b"heix", b"mif1", b"hevc")
        if "HEIF" in _kinds():
            return DAMAGED if still else "is a video, not a photo"
        if still or path.suffix.lower() == ".heic":
            return "is a HEIC photo, and what reads those is not installed: `make train` installs it"
        return "is a video, not a photo"
    what = next((name for start, name in _WHAT if head.lower().startswith(start.lower())), "")
    return f"is {what}, not a photo" if what else "is not a photo, or of a kind that cannot be read: save it as JPEG"


def _upright(file: Image.Image, most_px: int) -> Opened:
    width, height = file.size
    if width * height > MOST_PIXELS:
        raise PhotoError(
            f"has {width * height / 1e6:.0f} megapixels ({width} x {height}), and at most "
            f"{MOST_PIXELS // 1_000_000} are opened: save a smaller copy"
        )
    if min(width, height) < LEAST_PX:
        raise PhotoError(f"is only {width} x {height} pixels")
    file.draft("RGB", (most_px, most_px))  # a JPEG is decoded no larger than needed
    file.load()
    image, size = ImageOps.exif_transpose(file), (width, height)
    if _turned(file):
        size = (height, width)
    cutout = _opaque(image)
    image = _rgb(image, cutout)
    image.thumbnail((most_px, most_px), Image.Resampling.LANCZOS)
    if cutout is not None:
        cutout = cutout.resize(image.size, Image.Resampling.LANCZOS)
    return Opened(image, cutout, size)


def _turned(file: Image.Image) -> bool:
    """Whether its camera lay on its side (EXIF orientation 5 to 8)."""
    with suppress(Exception):
        return file.getexif().get(0x0112, 1) in (5, 6, 7, 8)
    return False


def _opaque(image: Image.Image) -> Image.Image | None:
    """Where it is opaque, if some of it is not."""
    if "A" not in image.getbands() and "transparency" not in image.info:
        return None
    alpha = image.convert("RGBA").getchannel("A")
    low, _ = alpha.getextrema()
    return alpha if isinstance(low, (int, float)) and low < 250 else None


def _rgb(image: Image.Image, cutout: Image.Image | None) -> Image.Image:
    profile = image.info.get("icc_profile")
    if image.mode in _DEEP or image.mode == "F":
        image = _eight_bits(image)
    if cutout is not None:
        flat = Image.new("RGB", image.size, PAPER)
        flat.paste(image.convert("RGB"), mask=cutout)
        image = flat
    if image.mode == "P":
        image = image.convert("RGB")
    return _srgb(image, profile) if profile else image.convert("RGB")


def _eight_bits(image: Image.Image) -> Image.Image:
    """Sixteen bits or floats to eight, by the range that is used."""
    values = np.asarray(image, dtype=np.float64)
    values = np.nan_to_num(values, posinf=0, neginf=0)
    top = 65535.0 if image.mode != "F" and values.max() > 255 else max(float(values.max()), 1e-9)
    return Image.fromarray((values.clip(0, top) / top * 255).round().astype(np.uint8), "L")


def _srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """The colours as they were meant (ICC); as they are where the profile makes no sense."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        made = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return image.convert("RGB")
    return made or image.convert("RGB")
