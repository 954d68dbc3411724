"""Files looked at one by one. Of very many, all are glanced at swiftly, and only the best and most varied closely:
cutting a subject out takes ten times as long as all else there is to see in a photo.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from functools import partial
from pathlib import Path
from threading import Event as Flag
from typing import NamedTuple

from service.subjects import Kind

from . import photos, preparing
from .errors import PhotoError
from .judging import Looked, varied
from .request import Event

CLOSELY = 2  #: times as many as there is room for: a close look finds some of them wanting

Look = Callable[[Path], tuple[Looked, preparing.Found]]


class Candidate(NamedTuple):
    """A file that could be taken."""

    path: Path
    sha256: str
    looks: Looked
    found: preparing.Found


class Sifted(NamedTuple):
    """What is left of many files, and how many of them could have been taken."""

    candidates: list[Candidate]
    of: int


Sifting = Generator[Event, None, Sifted]


def sifted(files: Sequence[Path], kind: Kind, known: Sequence[str], room: int, stop: Flag) -> Sifting:
    """Look at every file; of more than can be looked at closely, at the best. ``known``: digests that are there.

    A file that cannot be taken is told, and the others go on. Where ``stop`` is set meanwhile, the rest is left.
    """
    close = partial(preparing.glance, kind=kind)
    most = CLOSELY * room
    if len(files) <= max(most, CLOSELY):
        found = yield from _looked(files, "Looking", close, known, stop)
        return Sifted(found, len(found))
    all_of_them = yield from _looked(files, "Sifting", partial(preparing.swift, kind=kind), known, stop)
    best = varied([each.looks for each in all_of_them], kind, most)
    found = yield from _looked([all_of_them[at].path for at in best], "Looking", close, known, stop)
    return Sifted(found, len(all_of_them))


def _looked(
    files: Sequence[Path], what: str, look: Look, known: Sequence[str], stop: Flag
) -> Generator[Event, None, list[Candidate]]:
    seen, found = set(known), list[Candidate]()
    for done, path in enumerate(files, 1):
        if stop.is_set():
            break
        if isinstance(told := _tried(path, look, seen), Candidate):
            found.append(told)
            seen.add(told.sha256)
        else:
            yield told
        yield {"event": "progress", "what": what, "done": done, "total": len(files)}
    return found


def _tried(path: Path, look: Look, seen: set[str]) -> Candidate | Event:
    try:
        photos.sized(path)
        digest = preparing.digest(path)
        if digest in seen:
            return {"event": "refused", "original": path.name, "says": "is there already", "harmless": True}
        return Candidate(path, digest, *look(path))
    except PhotoError as error:
        says = str(error)
    except OSError as error:
        says = f"cannot be read: {error.strerror}"
    return {"event": "refused", "original": path.name, "says": says}
