"""How far learning a subject is, and how it came out: what learning leaves in the subject's folder for whoever looks.

``training/progress.json`` is written anew as learning goes on, by a process that holds ``training/lock``; so whoever
reads it knows whether that process is still there. ``evaluation.json`` and ``samples/`` are what was published.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from .errors import SubjectError
from .files import write_whole

PROGRESS = "training/progress.json"
LOCK = "training/lock"
EVALUATION = "evaluation.json"
SAMPLES = ("subject", "classes", "others")  #: sheets in samples/: the subject, its class without it, other things
SHEET = re.compile(r"learning/[0-9a-f]{12}/step-[0-9]{6,9}\.png")

Sheet = Annotated[str, StringConstraints(pattern=rf"^({SHEET.pattern})?$")]
Number = Annotated[float, Field(allow_inf_nan=False)]


class State(StrEnum):
    """How a lesson stands."""

    LEARNING = "learning"
    STOPPED = "stopped"  #: by its owner
    REFUSED = "refused"  #: it failed, or what was learned is not fit to publish
    BROKEN = "broken"  #: the process is gone and has not said why
    DONE = "done"


class _Read(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Measured(_Read):
    """One measurement: all are 0 for the untouched base, see docs/learning.md."""

    step: int = Field(ge=0)
    likeness: Number
    leak: Number
    drift: Number
    alignment: Number | None = None
    sheet: Sheet = ""  #: its pictures of the subject, below the subject's folder


class Progress(_Read):
    """How far a lesson is."""

    state: State
    what: str = ""  #: what it does now, in words
    step: int = Field(0, ge=0)
    steps: int = Field(0, ge=0)
    best: int = Field(0, ge=0)  #: the step that is the best so far; 0: none
    left_s: Number | None = None  #: when this was told
    began_at: AwareDatetime
    told_at: AwareDatetime
    plan: str = ""  #: what it needs, in words
    says: str = ""  #: the last that it found, or why it ended
    losses: tuple[tuple[int, Number], ...] = ()  #: (step, loss), thinned out
    curve: tuple[Measured, ...] = ()


class Evaluation(Measured):
    """What was published, in numbers and words."""

    says: str
    refusal: str = ""
    features: str = ""  #: what likeness was read by
    pictures: int | None = None  #: of the subject
    curve: tuple[Measured, ...] = ()


Told = TypeVar("Told", bound=_Read)


def progress(folder: Path) -> Progress | None:
    """How far a subject is; None where it was never learned, or what is told makes no sense."""
    found = _read(folder / PROGRESS, Progress)
    if found and found.state is State.LEARNING and not alive(folder):
        return found.model_copy(update={"state": State.BROKEN})
    return found


def keep(folder: Path, now: Progress) -> None:
    """Write how far it is, whole or not at all. Raises OSError."""
    write_whole(folder / PROGRESS, now.model_dump_json().encode())


def evaluation(folder: Path) -> Evaluation | None:
    """What was published; None where nothing was, or it makes no sense."""
    return _read(folder / EVALUATION, Evaluation)


def alive(folder: Path) -> bool:
    """Whether a process is learning it now."""
    try:
        with (folder / LOCK).open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


@contextmanager
def at_work(folder: Path, *, alone: bool = False) -> Iterator[None]:
    """While this lasts a subject's folder is not removed; ``alone``: nor does anybody learn, paint or add photos in it.

    Raises SubjectError where that cannot be had at once.
    """
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise SubjectError(f"there is no subject called {folder.name!r}: {error.strerror}") from error
    try:
        _claimed(handle, folder.name, alone=alone)
        yield
    finally:
        os.close(handle)


def _claimed(handle: int, name: str, *, alone: bool) -> None:
    try:
        fcntl.flock(handle, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except BlockingIOError:
        busy = "in use: a command learns, measures or paints it, or adds photos; stop that or wait, and say this again"
        raise SubjectError(f"{name} is {busy if alone else 'being removed'}") from None
    except OSError:  # a network's file system that has no such locks
        return


def _read(path: Path, kind: type[Told]) -> Told | None:
    try:
        return kind.model_validate_json(path.read_bytes())
    except (OSError, ValueError):  # of which a ValidationError is one
        return None
