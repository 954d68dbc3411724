"""What is learned from: a subject's photos as they were prepared, with their captions.

They lie in the subject's folder: ``photos/<number>.jpg`` (upright, RGB, without metadata), ``masks/<number>.png`` where
the subject was cut out, and ``photos.json`` that says of each what was found in it and what it shows.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from service.files import write_whole

from .errors import PhotoError

LIST = "photos.json"
MARK = "[V]"  #: where a caption speaks of the subject: "a [V] dog on a sofa"


@dataclass(frozen=True, slots=True)
class Photo:
    """One prepared photo."""

    file: str  #: below the subject's folder: "photos/003.jpg"
    original: str  #: the name that its owner knows, without folders
    sha256: str  #: of the original file
    width_px: int
    height_px: int
    caption: str = ""  #: what it shows, with MARK where the subject is; "": nobody has said
    box: tuple[int, int, int, int] | None = None  #: of the subject: left, top, right, bottom, px; None: not found
    mask: str = ""  #: below the subject's folder, "masks/003.png": white where the subject is; "": there is none
    faces: int | None = None  #: found in it; None: not looked for
    faults: tuple[str, ...] = ()  #: in words, for its owner
    used: bool = True  #: False: left out of learning, by its owner or for a fault that says so


def photos(folder: Path) -> list[Photo]:
    """A subject's photos, in order. Raises PhotoError where the list cannot be read."""
    path = folder / LIST
    try:
        return [_photo(entry) for entry in json.loads(path.read_text(encoding="utf-8"))]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise PhotoError(f"{path} cannot be read ({error}); add the photos again") from error


def keep(folder: Path, found: Sequence[Photo]) -> None:
    """Write the list, whole or not at all. Raises OSError."""
    text = json.dumps([asdict(photo) for photo in found], ensure_ascii=False, indent=1)
    write_whole(folder / LIST, f"{text}\n".encode())


def captioned(photo: Photo, token: str, noun: str) -> str:
    """The caption as the model is told it; the bare class where nobody has said what the photo shows."""
    return (photo.caption or f"a {MARK} {noun}").replace(MARK, token)


def _photo(entry: dict[str, object]) -> Photo:
    box = entry.get("box")
    return Photo(**{**entry, "box": tuple(box) if isinstance(box, list) else None, "faults": tuple(entry["faults"])})  # type: ignore[arg-type]
