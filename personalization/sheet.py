"""The verb ``sheet``: one picture with every photo as learning sees it, its caption, and what is wrong with it."""

from __future__ import annotations

import io
import math
import textwrap
from argparse import ArgumentParser
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from service import subjects
from service.album import SEEN
from service.files import write_whole
from service.subjects import Subject

from .dataset import Photo, captioned, photos
from .errors import PhotoError
from .holding import card
from .request import Events, Request

WIDE_PX, TALL_PX, GAP_PX, EDGE_PX, LINES = 300, 250, 28, 48, 4
_PAPER, _MAT, _INK, _SOFT, _WRONG = "#f4efe6", "#fffdf8", "#221d17", "#6b6053", "#ad3f26"
_DOUBT = "#a8650f"
_LINE_PX, _HEAD_PX = 22, 104


def options(parser: ArgumentParser) -> None:
    parser.add_argument("-o", "--output", type=Path, required=True, help="write it here: .jpg or .png")


def run(request: Request) -> Events:
    """Draw the sheet."""
    about, output = card(request.data, request.name), request.options.output
    if output.suffix.lower() not in (".jpg", ".jpeg", ".png"):
        raise PhotoError(f"{output}: a sheet is written as .jpg or .png")
    folder = subjects.folder(request.data, request.name)
    album = photos(folder)
    if not album:
        raise PhotoError(f"{request.name} has no photos yet: `frontispiece subject add {request.name} FOLDER`")
    image, out = drawn(folder, about, album), io.BytesIO()
    image.save(out, "PNG" if output.suffix.lower() == ".png" else "JPEG", quality=90)
    write_whole(output, out.getvalue())
    yield {"event": "done", "file": str(output), "width_px": image.width, "height_px": image.height}


def drawn(folder: Path, about: Subject, album: list[Photo]) -> Image.Image:
    """The sheet as a picture, about as wide as high."""
    across = min(max(2, math.ceil(math.sqrt(len(album) * 1.3))), 6)
    tall = TALL_PX + LINES * _LINE_PX + GAP_PX + 12
    down = math.ceil(len(album) / across)
    size = (2 * EDGE_PX + across * (WIDE_PX + GAP_PX) - GAP_PX, _HEAD_PX + EDGE_PX + down * tall)
    sheet = Image.new("RGB", size, _PAPER)
    pen = ImageDraw.Draw(sheet)
    used = sum(photo.used for photo in album)
    pen.text((EDGE_PX, 34), f"{about.name}, a {about.class_noun}", _INK, _font(34))
    pen.text((EDGE_PX, 76), f"{used} of {len(album)} photos, as learning sees them", _SOFT, _font(17))
    for at, photo in enumerate(album):
        left, top = EDGE_PX + at % across * (WIDE_PX + GAP_PX), _HEAD_PX + 18 + at // across * tall
        _cell(sheet, (left, top), folder, about, photo)
    return sheet


def _cell(sheet: Image.Image, place: tuple[int, int], folder: Path, about: Subject, photo: Photo) -> None:
    left, top = place
    pen = ImageDraw.Draw(sheet)
    seen = _seen(folder, photo)
    if not photo.used:
        seen = Image.blend(seen.convert("L").convert("RGB"), Image.new("RGB", seen.size, _PAPER), 0.55)
    # prints stand on one line, as on a shelf
    at = (left, top + TALL_PX - seen.height)
    pen.rectangle((at[0] - 6, at[1] - 6, at[0] + seen.width + 5, at[1] + seen.height + 5), _MAT)
    sheet.paste(seen, at)
    said = f"{photo.number}  {captioned(photo, '[V]', about.class_noun)}"
    words = [(line, _INK if photo.caption else _SOFT) for line in textwrap.wrap(said, 38)[:2]]
    wrong = ("left out: " if not photo.used else "") + "; ".join(photo.faults)
    colour = _DOUBT if photo.used else _WRONG
    words += [(line, colour) for line in textwrap.wrap(wrong, 38)[: LINES - len(words)]]
    for row, (line, shade) in enumerate(words):
        pen.text((left, top + TALL_PX + 14 + row * _LINE_PX), line, shade, _font(16))


def _seen(folder: Path, photo: Photo) -> Image.Image:
    try:
        with Image.open(folder / SEEN / f"{photo.number:03}.jpg", formats=("JPEG",)) as file:
            image = file.convert("RGB")
    except (OSError, ValueError) as error:
        raise PhotoError(
            f"photo {photo.number} cannot be opened: remove the subject and add its photos again"
        ) from error
    image.thumbnail((WIDE_PX, TALL_PX), Image.Resampling.LANCZOS)
    return image


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
