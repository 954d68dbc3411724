"""A subject's card: who it is, what it is called in prompts, and the rules under which it may appear.

The card is ``data/subjects/<name>/subject.toml``. It is all the service reads of a subject besides its weights and
photos, so the card says everything the gate, the editor and the engines must know, in plain words that its owner can
edit by hand. Learning (``personalization/``) writes it, and meets the service nowhere else.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from .errors import SubjectError
from .files import write_whole

CARD = "subject.toml"
WEIGHTS = "weights.safetensors"  #: beside the card, once something was learned: a LoRA as diffusers saves it
PHOTOS = "photos"  #: the folder beside the card with its photos, as they were prepared for learning
STAGE = ".publishing"  #: the folder beside the card in which learning puts a new version together
COMPLETE = "complete"  #: a file in it from when that is whole until all of it is in place
AT_ONCE = 2  #: in one picture, at most
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")  # a folder, a key in config.toml and a part of addresses

Word = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60, pattern=r"^[^\x00-\x1f\x7f]+$")
]


class Kind(StrEnum):
    """What a subject is. Only a person can, and must, consent."""

    PERSON = "person"
    DOG = "dog"
    CAT = "cat"
    ANIMAL = "animal"
    THING = "thing"


class Frequency(StrEnum):
    """How often a subject appears among the plates it may appear in."""

    NEVER = "never"
    RARELY = "rarely"
    SOMETIMES = "sometimes"
    ALWAYS = "always"


class Subject(BaseModel):
    """A person, pet or thing that pictures can contain."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    kind: Kind
    class_noun: Word  #: the common noun the model already knows, such as "man" or "corgi"
    token: Word  #: the rare word that stands for this very one in prompts
    consent_at: AwareDatetime | None = None  #: when the person agreed to be learned and shown
    frequency: Frequency = Frequency.SOMETIMES
    max_gravity: float = Field(0.25, ge=0, le=1)  #: never in a story graver than this
    topics_allowed: tuple[Word, ...] = ()  #: empty: every topic that is not forbidden
    topics_forbidden: tuple[Word, ...] = ()
    family: str = ""  #: of the model that learned it: "sd15", "sdxl", "flux2"; "": nothing was learned yet
    base: str = ""  #: that model: a hub id or a folder; its weights suit no other
    rank: int | None = Field(None, ge=1)  #: of the LoRA; None: another kind of adapter
    photos_travel: Literal["never", "home", "anywhere"] = "home"  #: how far an engine may send its photos
    appears: Literal["itself", "photo"] = "itself"  #: "photo": as its one learned photo, changed by the story's words

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if not NAME.fullmatch(self.name):
            raise ValueError("a name is 1-40 lower-case letters, digits, - and _, and starts with a letter or digit")
        both = sorted(set(self.topics_allowed) & set(self.topics_forbidden))
        if both:
            raise ValueError(f"topics both allowed and forbidden: {', '.join(both)}")
        return self

    @property
    def consented(self) -> bool:
        """Whether it may be learned at all: a person only once they have agreed."""
        return self.kind is not Kind.PERSON or self.consent_at is not None


def folder(data: Path, name: str) -> Path:
    """Where a subject lives. Raises SubjectError for a name that could lead anywhere else."""
    if not NAME.fullmatch(name):
        raise SubjectError(f"{name!r} cannot name a subject: use 1-40 lower-case letters, digits, - and _")
    return data / "subjects" / name


def exchanging(data: Path, name: str) -> bool:
    """Whether a new version of a subject is being put in place: its weights may not be those that its card is of.

    It takes milliseconds; where the process that does it dies, until learning is next asked for. Raises SubjectError.
    """
    return (folder(data, name) / STAGE / COMPLETE).exists()


def names(data: Path) -> list[str]:
    """The subjects that have a card, in order. A folder under any other kind of name is not ours."""
    cards = (data / "subjects").glob(f"*/{CARD}")
    return sorted(card.parent.name for card in cards if NAME.fullmatch(card.parent.name))


def load(data: Path, name: str) -> Subject:
    """Read a subject's card. Raises SubjectError with every mistake in it."""
    path = folder(data, name) / CARD
    try:
        subject = Subject.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise SubjectError(
            f"there is no subject called {name!r} in {data / 'subjects'}: `frontispiece subject` lists who there is, "
            f"and `frontispiece subject add {name} PHOTOS` makes one"
        ) from None
    except OSError as error:
        raise SubjectError(f"{path} cannot be read: {error.strerror}") from error
    except ValidationError as error:  # a ValueError too, so before it
        raise SubjectError(f"{path}: {mistakes(error)}") from error
    except ValueError as error:
        raise SubjectError(f"{path} is not valid TOML: {error}") from error
    if subject.name != name:
        raise SubjectError(f"{path} is the card of {subject.name!r}; rename the folder or the subject")
    return subject


def save(data: Path, subject: Subject) -> Path:
    """Write a subject's card, whole or not at all. Raises SubjectError."""
    path = folder(data, subject.name) / CARD
    try:
        write_whole(path, "".join(_lines(subject)).encode())
    except OSError as error:
        raise SubjectError(f"{path} cannot be written: {error.strerror}") from error
    return path


def _lines(subject: Subject) -> Iterator[str]:
    for key, value in subject.model_dump(exclude_none=True).items():
        yield f"{key} = {_toml(key, value)}\n"


def _toml(key: str, value: Any) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(_toml(key, part) for part in value)}]"
    if key == "consent_at":
        return str(value.isoformat())  # TOML has dates
    # a JSON string without \u escapes is a TOML basic string: control characters never get this far
    return json.dumps(value, ensure_ascii=False)


def in_turn(names: Sequence[str], turn: int, most: int) -> tuple[str, ...]:
    """Who appears of those who may: whose turn it is, and whoever comes after, up to so many."""
    first = turn % len(names) if names else 0
    return tuple([*names[first:], *names[:first]][:most])


def figure(first: str, *beside: str) -> str:
    """What a scene calls those who are in it, in one phrase that does one thing: "rex", "rex with mia beside"."""
    return f"{first} with {' and '.join(beside)} beside" if beside else first


def renamed(words: str, called: Mapping[str, str]) -> str:
    """The words with everybody called otherwise, by name; where one name begins another, the longer is meant."""
    names = "|".join(re.escape(name) for name in sorted(called, key=len, reverse=True))
    return re.sub(rf"(?<!\w)(?:{names})(?!\w)", lambda found: called[found[0]], words) if called else words


def mistakes(error: ValueError) -> str:
    """What is wrong with a card, in one line."""
    return "; ".join(_mistakes(error)) if isinstance(error, ValidationError) else str(error)


def _mistakes(error: ValidationError) -> Iterator[str]:
    for fault in error.errors():
        where = ".".join(str(part) for part in fault["loc"])
        yield f"{where}: {fault['msg']}" if where else fault["msg"].removeprefix("Value error, ")
