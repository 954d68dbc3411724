"""What a worker is asked for and what it gives back. Plain values, that also pass through a pipe as JSON."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from PIL import Image

from ..onephoto import Way
from .sizes import Size

Steps = Callable[[int, int], None]  #: told the steps done and all there are, over the whole batch


@dataclass(frozen=True, slots=True)
class Learned:
    """A subject's weights, and how strongly they are to count."""

    subject: str
    file: str  #: a LoRA as diffusers saves it
    sha256: str
    scale: float = 1.0  #: 0: the base model as it is
    family: str = ""
    base: str = ""  #: the model it was learned on
    rank: int | None = None


@dataclass(frozen=True, slots=True)
class Half:
    """One of two subjects in a picture: the words that its side of the picture is painted by, and its weights."""

    words: str
    learned: Learned
    side: str  #: "left" or "right"


@dataclass(frozen=True, slots=True)
class Kept:
    """A subject's one photo that was learned, and how it is painted anew by words."""

    words: str
    token: str  #: stands for the photo, to the model that knows it
    photo: str  #: a PNG
    photo_sha256: str
    learned: Learned  #: what was learned of it
    way: Way

    @property
    def told(self) -> dict[str, Any]:
        """What is worth remembering of it."""
        made = {"sha256": self.photo_sha256, "weights_sha256": self.learned.sha256, **asdict(self.way)}
        return {"subject": self.learned.subject, "photo": made}


@dataclass(frozen=True, slots=True)
class Job:
    """One picture. ``steps`` and ``guidance`` None: the pipeline's own."""

    words: str
    avoid: str
    seed: int
    width_px: int  #: wanted; what is painted is of the model's own size in about this shape
    height_px: int
    steps: int | None = None
    guidance: float | None = None
    tags: bool = False  #: the words are tags, of which CLIP reads 75 tokens; those at the end may be left out
    learned: Learned | None = None
    photos: tuple[str, ...] = ()  #: pictures that the model is shown: JPEG files, as base64
    left_out: str = ""  #: why a subject that was learned is painted by its noun alone
    halves: tuple[Half, ...] = ()  #: two subjects that were learned; where they cannot be, the first wears ``learned``
    kept: Kept | None = None  #: a learned photo, which is painted anew; where it cannot be, all else holds
    unkept: str = ""  #: why a subject that appears as its learned photo does not

    @property
    def wears(self) -> tuple[Learned, ...]:
        """Everybody's weights that it may need."""
        return tuple(half.learned for half in self.halves) or ((self.learned,) if self.learned else ())

    @property
    def worn(self) -> dict[str, Any]:
        """What is worth remembering of the weights that it wears."""
        if self.learned is None:
            return {}
        learned = self.learned
        return {"subject": learned.subject, "subject_sha256": learned.sha256, "subject_scale": learned.scale}

    @property
    def shown(self) -> tuple[Image.Image, ...]:
        """The photos, as RGB pictures; the service made their files."""
        files = (io.BytesIO(base64.b64decode(photo)) for photo in self.photos)
        return tuple(Image.open(file, formats=("JPEG",)).convert("RGB") for file in files)


@dataclass(frozen=True, slots=True)
class Painted:
    """Bare RGB pixels, row by row, and what is worth remembering."""

    pixels: bytes
    width_px: int
    height_px: int
    facts: dict[str, Any]


def painted(image: Image.Image, facts: dict[str, Any]) -> Painted:
    """A picture as a pipeline made it."""
    image = image.convert("RGB")
    return Painted(image.tobytes(), image.width, image.height, facts)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why one job of a batch has no picture, though the others may. ``blind``: only its photos could not be used."""

    says: str
    blind: bool = False


def knowing(made: Painted | Refusal, facts: dict[str, Any]) -> Painted | Refusal:
    """The same, with more that is worth remembering if there is a picture."""
    return replace(made, facts=made.facts | facts) if isinstance(made, Painted) else made


class Cancelled(Exception):
    """Nobody wants the pictures any more."""


def job_of(told: Mapping[str, Any]) -> Job:
    """A job as it came through a pipe."""
    learned = told.get("learned")
    photos = tuple(told.get("photos", ()))
    halves = tuple(Half(**{**half, "learned": Learned(**half["learned"])}) for half in told.get("halves", ()))
    kept = _kept(told["kept"]) if told.get("kept") else None
    return Job(**{**told, "learned": Learned(**learned) if learned else None, "photos": photos, "halves": halves,
                  "kept": kept})  # fmt: skip


def _kept(told: Mapping[str, Any]) -> Kept:
    return Kept(**{**told, "learned": Learned(**told["learned"]), "way": Way(**told["way"])})


def together(jobs: Sequence[Job], size: Callable[[Job], Size], *, mixing: Callable[[Job], bool]) -> list[list[int]]:
    """The places of jobs that one run of the model can paint, ordered by subject so that few weights are changed.

    What runs together has one size, number of steps and guidance, the same reference pictures, and all or none a
    negative prompt. ``mixing`` says of which jobs the subject may differ from that of others in the same run. A picture
    of two is a run of its own, and so is a photo that is painted anew.
    """
    groups: dict[object, list[int]] = {}
    for place, job in sorted(enumerate(jobs), key=lambda each: (_subject(each[1]), each[0])):
        wears = place if job.halves or job.kept else "" if mixing(job) else _subject(job)
        # no negative prompt is not the same as an empty one
        groups.setdefault((size(job), job.steps, job.guidance, bool(job.avoid), job.photos, wears), []).append(place)
    return list(groups.values())


def _subject(job: Job) -> str:
    return f"{job.learned.subject}/{job.learned.sha256}" if job.learned else ""
