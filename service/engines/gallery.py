"""A subject as an engine finds it: its weights beside its card, if they were learned on that engine's model, else its
photos, if that model takes reference pictures.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import EngineError, SubjectError
from ..subjects import WEIGHTS, Subject, exchanging, folder, load
from .choosing import suits
from .job import Learned
from .learned import chosen
from .settling import Settled

log = logging.getLogger(__name__)
PATIENCE_S, LOOK_S = 0.5, 0.02  #: for who publishes what was learned
UNFINISHED = "a new version of it was not put in place to the end, which `frontispiece subject train {name}` does"


@dataclass(frozen=True, slots=True)
class Presence:
    """How a subject comes into a picture: with its weights, from its photos, or by its noun alone."""

    learned: Learned | None = None
    photos: tuple[Path, ...] = ()  #: that the model is shown instead of weights
    noun: str = ""  #: what the one in the photos is: "corgi"
    left_out: str = ""  #: why what was learned of it is of no use here; "" where it is, or where nothing was learned


class Gallery:
    """The subjects of a data folder, for one engine."""

    def __init__(self, data: Path, *, also: Collection[str] = (), scale: float = 1.0) -> None:
        """``also``: further models whose subjects this one can wear; ``scale``: how strongly they count."""
        self._data, self._also, self._scale = data, also, scale
        self._digests: dict[Path, tuple[object, str]] = {}
        self._told: set[tuple[str, str]] = set()

    def presence(self, name: str | None, found: Settled, *, references: int = 0) -> Presence:
        """A subject in this model's pictures, of which it takes so many. Raises EngineError for a card, weights or a
        list of photos that cannot be read.
        """
        worn = self._worn(name, found)
        if not name or worn.learned or not references:
            return worn
        with contextlib.suppress(SubjectError):  # a name without a card: "a person"
            card = load(self._data, name)
            photos = tuple(chosen(self._data, name)[:references]) if card.consented else ()
            return Presence(photos=photos, noun=card.class_noun) if photos else worn
        return worn

    def company(self, names: Sequence[str], found: Settled, *, references: int = 0) -> dict[str, Presence]:
        """Everybody of a picture by name; those who come with photos share what the model takes of them, the first the
        larger half. Raises EngineError.
        """
        here = {name: self.presence(name, found, references=references) for name in names}
        shown = [name for name in names if here[name].photos]
        for number, name in enumerate(shown):
            most = (references + len(shown) - 1 - number) // len(shown)
            here[name] = self.presence(name, found, references=most)
        return here

    def _worn(self, name: str | None, found: Settled) -> Presence:
        if not name:
            return Presence()
        try:
            path = folder(self._data, name) / WEIGHTS
            if not path.is_file() or not load(self._data, name).consented:
                return Presence()
            card, digest = self._pair(name, path)
            if why := self._unsuited(card, found) if digest else UNFINISHED.format(name=name):
                return Presence(left_out=why)
            return Presence(Learned(
                subject=card.name, file=str(path), sha256=digest, scale=self._scale,
                family=card.family, base=card.base, rank=card.rank,
            ))  # fmt: skip
        except SubjectError as error:
            raise EngineError(str(error)) from error
        except OSError as error:
            raise EngineError(f"the weights of {name} cannot be read: {error.strerror}") from error

    def _pair(self, name: str, path: Path) -> tuple[Subject, str]:
        """A card, and the digest of the weights that it is of; "" where a new version of both is half in place.

        Who publishes takes milliseconds, and is waited for. The order counts: what is in place after the weights were
        read was so when they were, or is not what is read the next time.
        """
        until = time.monotonic() + PATIENCE_S
        while True:
            card, digest = load(self._data, name), self._digest(path)
            if not exchanging(self._data, name):
                return card, digest
            if time.monotonic() > until:
                return card, ""
            time.sleep(LOOK_S)

    def told(self, name: str | None, presence: Presence) -> Presence:
        """The same; that a subject is left out is said in the log, once."""
        if name and presence.left_out and (name, presence.left_out) not in self._told:
            self._told.add((name, presence.left_out))
            log.warning("%s is painted as any of its kind: %s", name, presence.left_out)
        return presence

    def _unsuited(self, card: Subject, found: Settled) -> str:
        """Why a subject's weights are not for this model; "" where they are."""
        model, family = found.model.name, found.card.learning.family if found.card.learning else ""
        if {card.base, str(Path(card.base).expanduser().absolute())} & {model, *self._also} - {""}:
            return ""
        if card.family and family and card.family != family:
            theirs = card.base or "a model"
            return f"learned on {theirs} of the family {card.family}, this engine paints with {model} of {family}"
        # of weights without a card of their own it is not known what they were made from
        if not card.base or (found.card.hub and suits(found.card, card)):
            return ""
        return f"learned on {card.base}, this engine paints with {model}"

    def _digest(self, path: Path) -> str:
        """The file's SHA-256; read again when the file changes."""
        stat = path.stat()
        stamp = stat.st_mtime_ns, stat.st_size, stat.st_ino
        if self._digests.get(path, (None, ""))[0] != stamp:
            with path.open("rb") as file:
                self._digests[path] = stamp, hashlib.file_digest(file, "sha256").hexdigest()
        return self._digests[path][1]
