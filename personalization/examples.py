"""What is learned from, as tensors: photos as latents, masks in their grid, captions, and what must stay as it was."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .crops import Box, Crop, crop, step
from .dataset import Photo, captioned, photos
from .errors import PhotoError
from .families import Family

FEW, MANY = 1, 200  #: photos; more than MANY add time and nothing else
OUTSIDE = 0.1  #: how much counts what is not the subject, where a photo has a mask


@dataclass(frozen=True, slots=True)
class Examples:
    """Photos of one size, in order."""

    captions: list[str]  #: with the token in place
    classes: list[str]  #: the same without it
    held: list[tuple[str, ...]]  #: for each, what else must stay as it was
    latents: Any  #: (N, C, h, w)
    masks: Any  #: (N, 1, h, w) float32 in OUTSIDE … 1, or None where no photo has one
    subjects: Any  #: (N, 1, h, w) in 0 … 1, by mask or else by box: where likeness is looked for
    pixels: Any  #: (N, 3, H, W) in [-1, 1]


def chosen(folder: Path) -> list[Photo]:
    """The photos that are used. Raises PhotoError where there are none, or far too many."""
    there = photos(folder)
    used = [photo for photo in there if photo.used]
    if there and len(used) < FEW:
        raise PhotoError(
            f"all photos of {folder.name} are left out: `frontispiece subject photos {folder.name}` says why; add "
            "better ones, 5 to 20 that differ are best, or take one all the same with --take"
        )
    if len(used) < FEW:
        raise PhotoError(f"{folder.name} has no photo to learn from: add some, 5 to 20 that differ are best")
    if len(used) > MANY:
        raise PhotoError(f"{folder.name} has {len(used)} photos; use at most {MANY}: 5 to 20 that differ are best")
    return used


def fingerprint(used: Sequence[Photo], *more: object) -> str:
    """Changes with every photo, caption, mask and anything else that decides what is learned."""
    told = [(p.file, p.sha256, p.caption, p.box, p.mask) for p in used]
    return hashlib.sha256(json.dumps([told, *more], default=str, sort_keys=True).encode()).hexdigest()


def pixels(photo: Photo, folder: Path, cut: Crop) -> Any:
    """A photo in the size it is learned at: float32 (height, width, 3) in [-1, 1]. Raises PhotoError."""
    import numpy as np
    from PIL import Image

    try:
        with Image.open(folder / photo.file) as opened:
            whole = opened.convert("RGB")
    except OSError as error:
        raise PhotoError(f"{photo.original} cannot be read ({error}); add the photos again") from error
    small = whole.resize((cut.width_px, cut.height_px), Image.Resampling.LANCZOS, box=cut.box)
    return np.asarray(small, np.float32) / 127.5 - 1


def square(photo: Photo, side_px: int) -> Crop:
    """The largest square of a photo, around the subject as far as it goes."""
    side = min(photo.width_px, photo.height_px)
    left, top, right, bottom = photo.box or (0, 0, photo.width_px, photo.height_px)
    x = min(max((left + right - side) // 2, 0), photo.width_px - side)
    y = min(max((top + bottom - side) // 2, 0), photo.height_px - side)
    return Crop((x, y, x + side, y + side), side_px, side_px)


def fitted(photo: Photo, side_px: int, stride_px: int) -> Crop:
    """A photo in a shape near its own, as its page shows it."""
    size = photo.width_px, photo.height_px
    return crop(size, photo.box, side_px=side_px, multiple=step(side_px, stride_px))


def mask(photo: Photo, folder: Path, box: Box, grid: tuple[int, int]) -> Any:
    """Where the subject is, in a part of a photo, on a grid (across, down): float32 (h, w) in 0 … 1; all 1 without."""
    import numpy as np
    from PIL import Image

    if not photo.mask:
        return np.ones(grid[::-1], np.float32)
    try:
        with Image.open(folder / photo.mask) as opened:
            whole = opened.convert("L")
    except OSError as error:
        raise PhotoError(f"the mask of {photo.original} cannot be read ({error}); add the photos again") from error
    return np.asarray(whole.resize(grid, Image.Resampling.BOX, box=box), np.float32) / 255


def boxed(photo: Photo, box: Box, grid: tuple[int, int]) -> Any:
    """The subject's box on such a grid; all 1 without one."""
    import numpy as np

    cells = np.ones(grid[::-1], np.float32)
    if photo.box:
        (x, y, right, lower), (across, down) = box, grid
        ends, spans = np.array([across, down] * 2), np.array([right - x, lower - y] * 2)
        at = np.clip((np.array(photo.box) - (x, y, x, y)) * ends / spans, 0, ends).round().astype(int)
        cells[:] = 0
        cells[at[1] : at[3], at[0] : at[2]] = 1
    return cells


def prepared(family: Family, pipe: Any, folder: Path, used: Sequence[Photo], **told: Any) -> Examples:
    """Photos as squares, as pictures are measured; encoded once: the autoencoder is not needed again to learn.

    ``told``: ``token``, ``noun`` and ``side_px``, and to learn, ``held`` (``asking.held``).
    """
    return _encoded(family, pipe, folder, {photo: square(photo, told["side_px"]) for photo in used}, **told)


def bucketed(family: Family, pipe: Any, folder: Path, squares: Examples, **told: Any) -> list[Examples]:
    """The same photos, each in a shape near its own: one for each bucket. ``told`` as above, and ``used``.

    Where all photos are square, what was prepared already.
    """
    used, side = told.pop("used"), told["side_px"]
    stride = side // squares.latents.shape[-1]
    cuts = {photo: fitted(photo, side, stride) for photo in used}
    if all(cut == square(photo, side) for photo, cut in cuts.items()):
        return [squares]
    found = []
    for size in sorted({cut[1:] for cut in cuts.values()}):
        theirs = {photo: cut for photo, cut in cuts.items() if cut[1:] == size}
        held = [squares.held[used.index(photo)] for photo in theirs]
        found.append(_encoded(family, pipe, folder, theirs, **(told | {"held": held})))
    return found


def _encoded(family: Family, pipe: Any, folder: Path, cuts: Mapping[Photo, Crop], **told: Any) -> Examples:
    import numpy as np
    import torch

    from .prior import prompts

    used = list(cuts)
    shown = torch.from_numpy(np.stack([pixels(p, folder, cut) for p, cut in cuts.items()])).permute(0, 3, 1, 2)
    with torch.no_grad():
        latents = torch.cat([family.encode_pictures(pipe, one[None]).float() for one in shown])
    grid = latents.shape[-1], latents.shape[-2]
    masks = [mask(photo, folder, cut.box, grid) for photo, cut in cuts.items()]
    cut_out = torch.from_numpy(np.stack(masks))[:, None]  # (N, 1, h, w)
    found = [each if photo.mask else boxed(photo, cuts[photo].box, grid)
             for photo, each in zip(used, masks, strict=True)]  # fmt: skip
    return Examples(
        [captioned(photo, told["token"], told["noun"]) for photo in used],
        prompts([photo.caption for photo in used], told["noun"]), told.get("held") or [()] * len(used), latents,
        cut_out.clamp(min=OUTSIDE).to(latents.device) if any(photo.mask for photo in used) else None,
        torch.from_numpy(np.stack(found))[:, None], shown.contiguous(),
    )  # fmt: skip
