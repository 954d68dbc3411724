"""A subject's one photo that was learned: the photo as it was, what was learned of it, and how it is painted anew.

``unitune.png``, ``unitune.safetensors`` and ``unitune.toml`` lie beside the subject's card. The last is written last
and names the others by their digests, so a folder that was left halfway, or edited by hand, is noticed.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, TypeAdapter

from .errors import SubjectError
from .files import write_whole
from .subjects import mistakes

CARD = "unitune.toml"
WEIGHTS = "unitune.safetensors"  #: a LoRA of the denoiser, as diffusers saves it
PHOTO = "unitune.png"  #: upright, cropped and sized as it was learned, nothing in it but pixels
MOST_HOLD = 0.95  #: beyond it guidance would have to be without measure


@dataclass(frozen=True, slots=True)
class Way:
    """How a photo is painted anew."""

    strength: Annotated[float, Field(gt=0, le=1)]  #: how far towards noise it is taken
    guidance: Annotated[float, Field(ge=1, le=32)]  #: how much words count: as in any other picture of this model
    hold: Annotated[float, Field(ge=0, le=MOST_HOLD)]  #: the photo's share of each step; 0: SDEdit with the base
    steps: Annotated[int, Field(ge=1, le=1000)]  #: of a whole way from noise

    @property
    def left(self) -> int:
        """The steps that are painted: of those of a whole way, as many as the photo was taken back."""
        return min(int(self.steps * self.strength), self.steps)


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


_CARD = TypeAdapter(OnePhoto)


def there(folder: Path) -> bool:
    """Whether a subject's folder has a photo that was learned, as far as its card's file tells."""
    return (folder / CARD).is_file()


def digest(path: Path) -> str:
    """A file's SHA-256. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read(folder: Path, digest: Callable[[Path], str] = digest) -> OnePhoto:
    """What a subject's folder has. Raises SubjectError where there is nothing, or not all of it.

    ``digest`` may remember what it found of a file that has not changed.
    """
    again = "learn the photo again"
    try:
        told = tomllib.loads((folder / CARD).read_text(encoding="utf-8"))
        found = _CARD.validate_python({**told["photo"], "way": told["edit"]})
        whole = (digest(folder / PHOTO), digest(folder / WEIGHTS)) == (found.photo_sha256, found.weights_sha256)
    except FileNotFoundError as error:
        if not there(folder):
            raise SubjectError(
                f"no photo of {folder.name} was learned yet: "
                f"`frontispiece subject one-photo {folder.name} --photo FILE`"
            ) from None
        raise SubjectError(f"{error.filename} is missing: {again}") from None
    except (OSError, TypeError, KeyError) as error:
        raise SubjectError(f"{folder / CARD} cannot be read ({error}): {again}") from error
    except ValueError as error:
        raise SubjectError(f"{folder / CARD} cannot be read ({mistakes(error)}): {again}") from error
    if not whole:
        raise SubjectError(f"{PHOTO} or {WEIGHTS} is not the one that {CARD} speaks of: {again}")
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
