"""Subjects seen from the service: who there is, where each may appear, and how one is let go of for good."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from . import album, onephoto, subjects
from .album import Photo
from .errors import EngineError, SubjectError
from .pipeline import Line
from .progress import at_work
from .protocols import Portraying
from .subjects import WEIGHTS, Subject, mistakes


@dataclass(frozen=True, slots=True)
class Entry:
    """A subject, as lists and pages show it."""

    name: str
    card: Subject | None  #: None: it cannot be read, and ``error`` says why
    photos: Sequence[Photo]
    learned: bool
    configured: tuple[str, ...]  #: channels whose config names it
    added: tuple[str, ...]  #: channels it was put on at run time
    error: str = ""
    photo: bool = False  #: one photo of it was learned, which words can change

    @property
    def channels(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.configured, *self.added)))

    @property
    def used(self) -> int:
        return sum(photo.used for photo in self.photos)

    @property
    def captioned(self) -> int:
        return sum(bool(photo.caption) for photo in self.photos if photo.used)


@dataclass(frozen=True, slots=True)
class Preview:
    """How a subject appears before it was learned: from its photos."""

    channel: str
    engine: str  #: its name in the config
    photos: int


class Roster:
    """The subjects of a home. Writes rows and files, so it works in any process."""

    def __init__(self, line: Line) -> None:
        self.line, self.data = line, line.store.folder.path

    def entries(self) -> list[Entry]:
        """Everybody who has a card, in order."""
        return [self.entry(name) for name in subjects.names(self.data)]

    def entry(self, name: str) -> Entry:
        """One subject; what cannot be read is said in ``error``. Raises SubjectError where there is none."""
        folder, card, error = subjects.folder(self.data, name), None, ""
        if not (folder / subjects.CARD).exists():
            raise SubjectError(_unknown(name, subjects.names(self.data)))
        try:
            card = subjects.load(self.data, name)
            photos = album.photos(folder)
        except SubjectError as fault:
            photos, error = [], str(fault)
        configured = tuple(desk.name for desk in self.line.desks if name in desk.channel.subjects)
        added = self.line.appearances.channels(name)
        return Entry(name, card, photos, (folder / WEIGHTS).exists(), configured, added, error,
                     onephoto.there(folder))  # fmt: skip

    def preview(self, name: str, *channels: str) -> Preview | None:
        """Who paints a subject from its photos on these channels; None: nobody does, or it wears what was learned."""
        for desk in self.line.desks:
            for at, engine in desk.engines if desk.name in channels else ():
                with suppress(EngineError):
                    if isinstance(engine, Portraying) and (photos := engine.from_photos(name)):
                        return Preview(desk.name, at, photos)
        return None

    def card(self, name: str) -> Subject:
        """Its card. Raises SubjectError."""
        entry = self.entry(name)
        if entry.card is None:
            raise SubjectError(entry.error)
        return entry.card

    def put(self, name: str, channel: str, *, on: bool) -> None:
        """Let it appear on a channel, or no longer. Raises SubjectError."""
        entry, card = self.entry(name), self.card(name)
        if channel not in [desk.name for desk in self.line.desks]:
            raise SubjectError(f"there is no channel {channel!r}")
        if not on:
            if channel in entry.configured:
                raise SubjectError(f"{name} stands in config.toml, channels.{channel}.subjects: delete it there")
            self.line.appearances.end(name, channel)
        elif not card.consented:
            raise SubjectError(
                f"{name} has not agreed to be shown: `frontispiece subject add {name} PHOTOS` asks for it"
            )
        elif channel not in entry.configured:
            self.line.appearances.begin(name, channel)

    def ruled(self, name: str, said: Mapping[str, object]) -> Subject:
        """The card with other rules, kept. Raises SubjectError where they make no sense, or where no photo
        was learned as which it could appear.
        """
        card = self.card(name)
        try:
            new = Subject.model_validate(card.model_dump() | dict(said))
        except ValueError as error:
            raise SubjectError(f"these rules cannot be: {mistakes(error)}") from error
        if new.appears == "photo" != card.appears:
            onephoto.read(subjects.folder(self.data, name))
        if new != card:
            subjects.save(self.data, new)
        return new

    def seen(self, name: str, number: int) -> Path:
        """The picture of what learning sees of a photo. Raises LookupError where there is none."""
        try:
            path = subjects.folder(self.data, name) / album.SEEN / f"{number:03}.jpg"
        except SubjectError as error:
            raise LookupError(name) from error
        if not path.is_file():
            raise LookupError(f"{name} has no photo {number}")
        return path

    def has_any(self, name: str) -> bool:
        """Whether there is anything of a subject, be it what a removal left halfway. Raises SubjectError."""
        return subjects.folder(self.data, name).is_dir() or bool(self._doomed(name))

    def _doomed(self, name: str) -> list[Path]:
        return list((self.data / "subjects").glob(f".{name}.*.gone"))

    def remove(self, name: str) -> int:
        """Let go of everything: photos, weights, captions, and every plate that shows it. Returns how many those were.

        Raises SubjectError, also while somebody learns it; what was begun is finished by saying it again.
        """
        folder = subjects.folder(self.data, name)
        if not self.has_any(name):
            raise SubjectError(_unknown(name, subjects.names(self.data)))
        doomed = folder.with_name(f".{name}.{secrets.token_hex(4)}.gone")  # no name of ours: nobody finds it
        try:
            if folder.is_dir():
                with at_work(folder, alone=True):  # who writes on would make the folder anew
                    folder.rename(doomed)
            plates = self.line.appearances.forget(name)
            for each in self._doomed(name):
                shutil.rmtree(each)
        except OSError as error:
            raise SubjectError(f"{error.filename or folder} cannot be removed: {error.strerror}") from error
        return plates

    def finish(self) -> None:
        """Finish the removals that a power cut left halfway: what they hid is deleted, pictures of it are, too."""
        for hidden in self._doomed("*"):
            name = hidden.name.split(".")[1]
            with suppress(SubjectError, OSError):  # a full or failing disk: the next start tries again
                if not subjects.folder(self.data, name).is_dir():  # it may have been made anew
                    self.line.appearances.forget(name)
                shutil.rmtree(hidden)


def _unknown(name: str, known: Sequence[str]) -> str:
    there = f"there is {', '.join(known)}" if known else "there is none yet: `frontispiece subject add` makes one"
    return f"there is no subject called {name!r}; {there}"
