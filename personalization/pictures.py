"""Pictures as files: a photo in the size in which it is learned, and what was painted, as its file's name says."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from service.files import write_whole

from .errors import TrainingError

KINDS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}  #: what is written, by the file's suffix
LONGEST = 3  #: times the shorter side: what is longer is cropped


def sized(size: tuple[int, int], side_px: int, grid_px: int) -> tuple[int, int]:
    """The size in which a photo is learned: its shape, as many pixels as a square of this side, sides on the grid."""
    shape = min(max(size[0] / size[1], 1 / LONGEST), LONGEST)
    wide, high = side_px * shape**0.5, side_px / shape**0.5
    return max(round(wide / grid_px), 1) * grid_px, max(round(high / grid_px), 1) * grid_px


def fitted(image: Any, size: tuple[int, int]) -> bytes:
    """A photo in this size, as a PNG; what is too much for the shape is cut off evenly."""
    from PIL import Image, ImageOps

    out = io.BytesIO()
    ImageOps.fit(image, size, Image.Resampling.LANCZOS).save(out, "PNG")
    return out.getvalue()


def rgb(painted: Any) -> Any:
    """(B, 3, H, W) in [-1, 1] as an array of bytes, (B, H, W, 3)."""
    return ((painted.clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).cpu().numpy()


def png(painted: Any) -> bytes:
    """(3, H, W) in [-1, 1] as a PNG."""
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(rgb(painted[None])[0]).save(out, "PNG")
    return out.getvalue()


def out(path: Path | None, usual: Path) -> Path:
    """Where a picture goes: as asked, else as usual. Raises TrainingError for what is no picture's name."""
    if path and path.suffix.lower() not in KINDS:
        raise TrainingError(f"{path}: pictures are written as {', '.join(KINDS)}; end the file's name so")
    return path or usual


def write(path: Path, picture: bytes) -> None:
    """Write a PNG as the kind of file that the name says. Raises OSError."""
    from PIL import Image

    if (kind := KINDS[path.suffix.lower()]) != "PNG":
        file = io.BytesIO()
        with Image.open(io.BytesIO(picture)) as opened:
            opened.convert("RGB").save(file, kind, quality=95)
        picture = file.getvalue()
    write_whole(path, picture)
