"""A subject's album: its photos as they were prepared for learning, with their captions.

They lie in the subject's folder: ``photos/<number>.jpg`` (upright, RGB, without metadata), ``masks/<number>.png`` where
the subject was cut out, ``seen/<number>.jpg`` as learning sees each, and ``photos.json`` that says of each what was
found in it and what it shows.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field, TypeAdapter

from .errors import SubjectError
from .files import write_whole
from .subjects import mistakes

LIST = "photos.json"
MASKS = "masks"
SEEN = "seen"  #: the folder with each photo as learning sees it: cropped, with what is not the subject paled
MARK = "[V]"  #: where a caption speaks of the subject: "a [V] dog on a sofa"


@dataclass(frozen=True, slots=True)
class Photo:
    """One prepared photo."""

    file: Annotated[str, Field(pattern=r"^photos/[0-9]+\.[a-z]+$")]  #: below the subject's folder: "photos/003.jpg"
    original: str  #: the name that its owner knows, without folders
    sha256: str  #: of the original file
    width_px: int
    height_px: int
    caption: str = ""  #: what it shows, with MARK where the subject is; "": nobody has said
    box: tuple[int, int, int, int] | None = None  #: of the subject: left, top, right, bottom, px; None: not found
    #: below the subject's folder, "masks/003.png": white where the subject is; "": there is none
    mask: Annotated[str, Field(pattern=r"^(masks/[0-9]+\.png)?$")] = ""
    faces: int | None = None  #: found in it; None: not looked for
    faults: tuple[str, ...] = ()  #: in words, for its owner
    used: bool = True  #: False: left out of learning, by its owner or for a fault that says so

    @property
    def number(self) -> int:
        """What its owner calls it: the number in its file's name."""
        return int(Path(self.file).stem)


_PHOTOS = TypeAdapter(list[Photo])


def photos(folder: Path) -> list[Photo]:
    """A subject's photos, in order. Raises SubjectError where the list cannot be read."""
    path = folder / LIST
    try:
        return _PHOTOS.validate_json(path.read_bytes())
    except FileNotFoundError:
        return []
    except OSError as error:
        raise SubjectError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise SubjectError(
            f"{path} cannot be read ({mistakes(error)[:300]}); correct it, or delete it and add the photos again"
        ) from error


def keep(folder: Path, found: Sequence[Photo]) -> None:
    """Write the list, whole or not at all. Raises OSError."""
    text = json.dumps([asdict(photo) for photo in found], ensure_ascii=False, indent=1)
    write_whole(folder / LIST, f"{text}\n".encode())


def composed(noun: str, doing: str, where: str) -> str:
    """A caption from the two answers of the short form; "" where both are empty."""
    parts = [part.strip(" ,.;") for part in (doing, where)]
    said = ", ".join(part for part in parts if part)
    return f"a {MARK} {noun} {said}" if parts[0] else f"a {MARK} {noun}, {said}" if said else ""
