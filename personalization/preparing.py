"""A photo as it goes into the album: looked at, then stored with mask, box and the picture of what is learned of it."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from service import faces
from service.album import MASKS, SEEN
from service.files import write_whole
from service.subjects import PHOTOS, Kind

from . import cutout, photos
from .crops import Box, Crop, crop
from .dataset import Photo
from .judging import Looked
from .measures import measured

SIDE_PX, MULTIPLE = 512, 64  #: of the crop that pages show; the trainer asks for its own
PALE = 0.72  #: how much of what is not the subject turns to paper where learning looks away
_PAPER = (244, 239, 230)
_GLANCE_PX = 1024  # enough to judge by
_SWIFT_PX = 640  # enough to tell a blurred photo, a face and a near duplicate; cameras' sizes halve to it
FACES_PX = 640 * 427  # of the copy in which faces are looked for: one of 5 % of the longer side is found
_MASK_PX = 512  # of hundreds of photos; the network that cuts knows 320
_QUALITY = 86


@dataclass(frozen=True)
class Found:
    """What was found in a photo."""

    size: tuple[int, int]  #: px, of the picture that it was found in
    mask: Image.Image | None
    box: Box | None
    faces: int | None

    def scaled(self, size: tuple[int, int]) -> Found:
        """The same in a larger or smaller copy of the picture."""
        across, down = size[0] / self.size[0], size[1] / self.size[1]
        box = self.box and (
            round(self.box[0] * across), round(self.box[1] * down),
            min(size[0], round(self.box[2] * across)), min(size[1], round(self.box[3] * down)),
        )  # fmt: skip
        return Found(size, self.mask and self.mask.resize(size, Image.Resampling.BICUBIC), box, self.faces)


def digest(path: Path) -> str:
    """The SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def glance(path: Path, kind: Kind) -> tuple[Looked, Found]:
    """Look at a photo as large as judging needs; its mask is kept small. Raises PhotoError."""
    opened = photos.opened(path, _GLANCE_PX)
    there = find(opened.image, opened.cutout, kind)
    looked = judged(path.name, opened.image, there, opened.size)
    if there.mask:
        there.mask.thumbnail((_MASK_PX, _MASK_PX))
    return looked, there


def swift(path: Path, kind: Kind) -> tuple[Looked, Found]:
    """What is seen of a photo in a tenth of the time: its subject is not looked for, but for a person's face.

    Raises PhotoError.
    """
    opened = photos.opened(path, _SWIFT_PX)
    people = faces.faces(opened.image, FACES_PX) if kind is Kind.PERSON else None
    box = bust(people[0].box, opened.image.size) if people else None
    there = Found(opened.image.size, None, box, None if people is None else faces.counted(people))
    return judged(path.name, opened.image, there, opened.size), there


def find(image: Image.Image, opaque: Image.Image | None, kind: Kind) -> Found:
    """Find the subject in a photo. ``opaque``: a cut that came with it."""
    mask = opaque if opaque is not None and cutout.believed(opaque) else cutout.cut(image)
    people = faces.faces(image, FACES_PX) if kind is Kind.PERSON else None
    if not people:
        return Found(image.size, mask, cutout.around(mask) if mask else None, None if people is None else 0)
    mask = mask if mask and _holds(mask, people[0].box) else None
    return Found(image.size, mask, bust(people[0].box, image.size), faces.counted(people))


def bust(face: Box, size: tuple[int, int]) -> Box:
    """Head and shoulders around a face."""
    left, top, right, bottom = face
    wide, tall = right - left, bottom - top
    return (
        max(0, round(left - 0.8 * wide)), max(0, round(top - 0.6 * tall)),
        min(size[0], round(right + 0.8 * wide)), min(size[1], round(bottom + 1.1 * tall)),
    )  # fmt: skip


def judged(name: str, image: Image.Image, there: Found, size: tuple[int, int]) -> Looked:
    """What the judging of a photo goes by. ``size``: of its file, px."""
    cut = crop(image.size, there.box, side_px=SIDE_PX, multiple=MULTIPLE).box
    enlarged = min(max(size), photos.KEPT_PX) / max(image.size)  # the glance may be smaller than what is stored
    learned = round(min(cut[2] - cut[0], cut[3] - cut[1]) * enlarged)
    return Looked(name, image.size, learned, measured(image, there.box), there.box, there.faces)


def store(folder: Path, number: int, path: Path, there: Found) -> Photo:
    """Write a photo's files; the list that names them is the caller's. Raises PhotoError, OSError."""
    image = photos.opened(path).image
    there = there.scaled(image.size)
    file, mask = f"{PHOTOS}/{number:03}.jpg", f"{MASKS}/{number:03}.png" if there.mask else ""
    write_whole(folder / file, photos.stored(image))
    if there.mask:
        write_whole(folder / mask, _png(there.mask))
    cut = crop(image.size, there.box, side_px=SIDE_PX, multiple=MULTIPLE)
    write_whole(folder / SEEN / f"{number:03}.jpg", _jpeg(seen(image, there.mask, cut)))
    return Photo(file, path.name, digest(path), *image.size, box=there.box, mask=mask, faces=there.faces)


def seen(image: Image.Image, mask: Image.Image | None, cut: Crop) -> Image.Image:
    """What learning sees of a photo: the crop, with what it looks away from paled."""
    size = (cut.width_px, cut.height_px)
    part = image.resize(size, Image.Resampling.LANCZOS, box=cut.box)
    if mask is None:
        return part
    share = np.asarray(mask.resize(size, Image.Resampling.BILINEAR, box=cut.box), dtype=np.float32) / 255 * PALE
    shown = Image.fromarray(((1 - PALE + share) * 255).round().astype(np.uint8), "L")
    return Image.composite(part, Image.new("RGB", size, _PAPER), shown)


def _holds(mask: Image.Image, box: Box) -> bool:
    """Whether most of a box lies in what was cut out."""
    return float((np.asarray(mask.crop(box)) > cutout.SOLID * 255).mean()) > 0.6


def _png(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG", optimize=True)
    return out.getvalue()


def _jpeg(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=_QUALITY)
    return out.getvalue()
