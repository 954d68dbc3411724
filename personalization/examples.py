"""What is learned from, as tensors: photos as latents, masks in their grid, captions, and what must stay as it was."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .dataset import Photo, captioned, photos
from .errors import PhotoError
from .families import Family

FEW, MANY = 1, 200  #: photos; more than MANY add time and nothing else
OUTSIDE = 0.1  #: how much counts what is not the subject, where a photo has a mask


@dataclass(frozen=True, slots=True)
class Examples:
    """The photos, in order."""

    captions: list[str]  #: with the token in place
    classes: list[str]  #: the same without it
    held: list[tuple[str, ...]]  #: for each, what else must stay as it was
    latents: Any  #: (N, C, h, w)
    masks: Any  #: (N, 1, h, w) float32 in OUTSIDE … 1, or None where no photo has one
    subjects: Any  #: (N, 1, h, w) in 0 … 1, by mask or else by box: where likeness is looked for
    pixels: Any  #: (N, 3, side, side) in [-1, 1]


def chosen(folder: Path) -> list[Photo]:
    """The photos that are used. Raises PhotoError where there are none, or far too many."""
    used = [photo for photo in photos(folder) if photo.used]
    if len(used) < FEW:
        raise PhotoError(f"{folder.name} has no photo to learn from: add some, 5 to 20 that differ are best")
    if len(used) > MANY:
        raise PhotoError(f"{folder.name} has {len(used)} photos; use at most {MANY}: 5 to 20 that differ are best")
    return used


def fingerprint(used: Sequence[Photo], *more: object) -> str:
    """Changes with every photo, caption, mask and anything else that decides what is learned."""
    told = [(p.file, p.sha256, p.caption, p.box, p.mask) for p in used]
    return hashlib.sha256(json.dumps([told, *more], default=str, sort_keys=True).encode()).hexdigest()


def pixels(photo: Photo, folder: Path, side_px: int) -> Any:
    """A photo as a square of the model's size: float32 (side, side, 3) in [-1, 1]. Raises PhotoError."""
    import numpy as np
    from PIL import Image

    try:
        with Image.open(folder / photo.file) as opened:
            whole = opened.convert("RGB")
    except OSError as error:
        raise PhotoError(f"{photo.original} cannot be read ({error}); add the photos again") from error
    small = whole.resize((side_px, side_px), Image.Resampling.LANCZOS, box=square(photo))
    return np.asarray(small, np.float32) / 127.5 - 1


def square(photo: Photo) -> tuple[int, int, int, int]:
    """The largest square of a photo, around the subject as far as it goes: left, top, right, bottom, px."""
    side = min(photo.width_px, photo.height_px)
    left, top, right, bottom = photo.box or (0, 0, photo.width_px, photo.height_px)
    x = min(max((left + right - side) // 2, 0), photo.width_px - side)
    y = min(max((top + bottom - side) // 2, 0), photo.height_px - side)
    return x, y, x + side, y + side


def mask(photo: Photo, folder: Path, side: int) -> Any:
    """Where the subject is, on a grid of this side: float32 (side, side) in 0 … 1; all 1 without a mask."""
    import numpy as np
    from PIL import Image

    if not photo.mask:
        return np.ones((side, side), np.float32)
    try:
        with Image.open(folder / photo.mask) as opened:
            whole = opened.convert("L")
    except OSError as error:
        raise PhotoError(f"the mask of {photo.original} cannot be read ({error}); add the photos again") from error
    small = whole.resize((side, side), Image.Resampling.BOX, box=square(photo))
    return np.asarray(small, np.float32) / 255


def boxed(photo: Photo, side: int) -> Any:
    """The box on such a grid; all 1 without one."""
    import numpy as np

    grid = np.ones((side, side), np.float32)
    if photo.box:
        x, y, right, _ = square(photo)
        at = np.clip((np.array(photo.box) - (x, y, x, y)) * side / (right - x), 0, side).round().astype(int)
        grid[:] = 0
        grid[at[1] : at[3], at[0] : at[2]] = 1
    return grid


def prepared(family: Family, pipe: Any, folder: Path, used: Sequence[Photo], **told: Any) -> Examples:
    """Everything encoded once: the autoencoder is not needed again to learn.

    ``told``: ``token``, ``noun`` and ``side_px``, and to learn, ``held`` (``asking.held``).
    """
    import numpy as np
    import torch

    from .prior import prompts

    shown = torch.from_numpy(np.stack([pixels(p, folder, told["side_px"]) for p in used])).permute(0, 3, 1, 2)
    with torch.no_grad():
        latents = torch.cat([family.encode_pictures(pipe, one[None]).float() for one in shown])
    grid = latents.shape[-1]
    cut = torch.from_numpy(np.stack([mask(photo, folder, grid) for photo in used]))[:, None]  # (N, 1, h, w)
    found = [mask(photo, folder, grid) if photo.mask else boxed(photo, grid) for photo in used]
    return Examples(
        [captioned(photo, told["token"], told["noun"]) for photo in used],
        prompts([photo.caption for photo in used], told["noun"]), told.get("held") or [()] * len(used), latents,
        cut.clamp(min=OUTSIDE).to(latents.device) if any(photo.mask for photo in used) else None,
        torch.from_numpy(np.stack(found))[:, None], shown.contiguous(),
    )  # fmt: skip
