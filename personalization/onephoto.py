"""What is kept of a photo that was learned: the photo as it was, what was learned of it, and how to paint it anew.

``unitune.png``, ``unitune.safetensors`` and ``unitune.toml`` lie beside the subject's card. The last is written last
and names the others by their digests, so a folder that was left halfway, or edited by hand, is noticed.
"""

from __future__ import annotations

import hashlib
import io
import json
import tomllib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from service.files import write_whole

from .errors import TrainingError

CARD = "unitune.toml"
WEIGHTS = "unitune.safetensors"  #: a LoRA of the denoiser, as diffusers saves it
PHOTO = "unitune.png"  #: upright, cropped and sized as it was learned, nothing in it but pixels
LONGEST = 3  #: times the shorter side: what is longer is cropped


@dataclass(frozen=True, slots=True)
class Way:
    """How a photo is painted anew."""

    strength: float  #: how far towards noise it is taken, 0 … 1
    guidance: float  #: how much the words count: as much as in any other picture of this model
    hold: float  #: the share of each step that is the photo's, 0 (SDEdit with the base) … 1
    steps: int  #: of a whole way from noise


@dataclass(frozen=True, slots=True)
class OnePhoto:
    """A learned photo's own card."""

    token: str  #: stands for the photo, to the model that knows it
    family: str
    base: str  #: a hub id or a folder; what was learned suits no other
    original: str  #: the file's name as its owner knows it
    original_sha256: str
    photo_sha256: str
    weights_sha256: str
    width_px: int
    height_px: int
    step: int  #: for how long it was learned
    way: Way


def read(folder: Path) -> OnePhoto:
    """What a subject's folder has. Raises TrainingError where there is nothing, or not all of it."""
    again = "learn the photo again"
    try:
        told = tomllib.loads((folder / CARD).read_text(encoding="utf-8"))
        found = OnePhoto(**told["photo"], way=Way(**told["edit"]))
        whole = (digest(folder / PHOTO), digest(folder / WEIGHTS)) == (found.photo_sha256, found.weights_sha256)
    except FileNotFoundError as error:
        if not (folder / CARD).exists():
            raise TrainingError(
                f"no photo of {folder.name} was learned yet: "
                f"`frontispiece subject one-photo {folder.name} --photo FILE`"
            ) from None
        raise TrainingError(f"{error.filename} is missing: {again}") from None
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise TrainingError(f"{folder / CARD} cannot be read ({error}): {again}") from error
    if not whole:
        raise TrainingError(f"{PHOTO} or {WEIGHTS} is not the one that {CARD} speaks of: {again}")
    return found


def write(folder: Path, photo: OnePhoto, recipe: dict[str, Any], versions: dict[str, str]) -> None:
    """Write the card. Raises OSError."""
    own = asdict(photo)
    tables = {"photo": own, "edit": own.pop("way"), "recipe": recipe, "versions": versions}
    lines = [line for name, values in tables.items() for line in (f"[{name}]\n", *_lines(values), "\n")]
    write_whole(folder / CARD, "".join(lines).encode())


def _lines(values: dict[str, Any]) -> Iterator[str]:
    """TOML: its numbers, truths and strings are JSON's, where strings have no control characters."""
    return (f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in values.items())


def digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


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


def pixels(picture: bytes) -> Any:
    """A PNG as float32 (1, 3, H, W) in [-1, 1]."""
    import numpy as np
    import torch
    from PIL import Image

    with Image.open(io.BytesIO(picture)) as opened:
        whole = np.asarray(opened.convert("RGB"), np.float32) / 127.5 - 1
    return torch.from_numpy(whole).permute(2, 0, 1)[None].contiguous()


def png(painted: Any) -> bytes:
    """(3, H, W) in [-1, 1] as a PNG."""
    from PIL import Image

    out = io.BytesIO()
    bare = ((painted.clamp(-1, 1) + 1) * 127.5).round().byte().permute(1, 2, 0).numpy()
    Image.fromarray(bare).save(out, "PNG")
    return out.getvalue()
