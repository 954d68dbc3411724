"""A door for the mark in pictures: which file was painted here."""

from __future__ import annotations

import io
import warnings
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from PIL import Image, ImageOps

from service import telling
from service.assembly import Service, opened
from service.errors import FrontispieceError
from service.model import Plate
from service.watermark import Found, found
from service.watermark.label import tale_of

from .asked import AsJson, Config, Data, settings_of

FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "PNG", "WEBP")
MOST_PX = 40_000_000  #: 120 MB of memory; an 8K screen has 33 million
MOST_BYTES = 64_000_000


def watermark(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Pictures: PNG, JPEG, WebP, AVIF, GIF, BMP.")],
    config: Config = None,
    data: Data = Path("data"),
    json: AsJson = False,
) -> None:
    """Say which pictures carry the invisible mark of Frontispiece, and which plate each was.

    Pictures carry it where the config says `watermark = true`. It is a label, not a proof: who wants to can take it
    away, or put it in. Exits 1 if one of the files cannot be read; to find no mark is no failure.

    Example: `frontispiece watermark screenshot.png`
    """
    with opened(settings_of(config), data) as service:
        well = True
        for path in files:
            result = _looked_at(service, path)
            well = well and result["ok"]
            if json:
                telling.line(result)
            else:
                telling.said(f"{path}: {_words(result)}")
    if not well:
        raise typer.Exit(1)


def _looked_at(service: Service, path: Path) -> dict[str, Any]:
    result: dict[str, Any] = {"file": str(path), "ok": True, "error": None, "marked": False}
    try:
        mark = found(_opened(path))
    except FrontispieceError as error:
        return result | {"ok": False, "error": str(error)}
    return result | _told(service, mark) if mark else result


def _told(service: Service, mark: Found) -> dict[str, Any]:
    """What a mark says, and what is known here of its plate."""
    plate = _plate(service, mark)
    told = {"marked": True, "plate": mark.label.plate or None, "trained": mark.label.trained, "sigma": mark.sigma}
    known = {"headline": plate.story.title, "channel": plate.channel, "chosen_at": plate.chosen_at} if plate else {}
    return {**told, "known": plate is not None, **known}


def _plate(service: Service, mark: Found) -> Plate | None:
    """The plate that was painted here; another home's has another story. A look makes no data folder."""
    if not mark.label.plate or not (service.data / "frontispiece.db").exists():
        return None
    plate = service.archive.plate(mark.label.plate)
    return plate if plate and tale_of(plate.story.id) == mark.label.tale else None


def _words(result: dict[str, Any]) -> str:
    if not result["ok"]:
        return str(result["error"])
    if not result["marked"]:
        return "no mark found"
    by = (
        "painted by Frontispiece with a trained model" if result["trained"] else "drawn by Frontispiece without a model"
    )
    if result["plate"] is None:
        return f"{by}, as a sample or a trial"
    if not result["known"]:
        return f"{by}, plate {result['plate']} of another home, or of one that was let go here"
    chosen = result["chosen_at"]
    day = f" of {chosen.astimezone():%-d %B %Y}" if isinstance(chosen, datetime) else ""
    return f"{by}, plate {result['plate']}{day}: {result['headline']}"


def _opened(path: Path) -> Image.Image:
    """A picture that may come from anywhere, upright, RGB; of an animation the first. Raises FrontispieceError."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # we bound it ourselves
            with Image.open(io.BytesIO(_bytes(path)), formats=FORMATS) as image:
                _bounded(image.width, image.height)
                return ImageOps.exif_transpose(image).convert("RGB")
    except FrontispieceError:
        raise
    except Image.DecompressionBombError as error:
        raise FrontispieceError("far too large a picture") from error
    except OSError as error:
        reason = error.strerror or "not a picture of a kind that is known here, or a damaged one"
        raise FrontispieceError(f"cannot be read: {reason}") from error
    except Exception as error:  # whatever a decoder trips over in a damaged file
        raise FrontispieceError("cannot be read: a damaged picture") from error


def _bounded(width_px: int, height_px: int) -> None:
    if width_px * height_px > MOST_PX:
        raise FrontispieceError(f"too large, {width_px}x{height_px}: make it smaller first")


def _bytes(path: Path) -> bytes:
    if path.exists() and not path.is_file():
        raise FrontispieceError("not a file")  # a device has no end
    with path.open("rb") as file:
        data = file.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise FrontispieceError(f"longer than {MOST_BYTES / 1e6:.0f} MB")
    return data
