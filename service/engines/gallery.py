"""A subject as an engine finds it: its weights beside its card, if they were learned on that engine's model, else its
photos, if that model takes reference pictures; or its one learned photo, if its card says that it appears so.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from .. import onephoto
from ..errors import EngineError, SubjectError
from ..onephoto import OnePhoto
from ..subjects import WEIGHTS, Subject, exchanging, folder, load
from .choosing import suits
from .job import Kept, Learned
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
    kept: Kept | None = None  #: its learned photo, as which it appears, without words yet; else as all else says
    unkept: str = ""  #: why it does not appear as its learned photo, though its card says so


class Gallery:
    """The subjects of a data folder, for one engine."""

    def __init__(self, data: Path, *, also: Collection[str] = (), scale: float = 1.0, keeps: bool = True) -> None:
        """``also``: further models whose subjects this one can wear; ``scale``: how strongly they count; ``keeps``:
        whether who paints can be given a learned photo.
        """
        self._data, self._also, self._scale, self._keeps = data, also, scale, keeps
        self._digests: dict[Path, tuple[object, str]] = {}
        self._told: set[tuple[str, str]] = set()

    def presence(self, name: str | None, found: Settled, *, references: int = 0) -> Presence:
        """A subject in this model's pictures, of which it takes so many. Raises EngineError for a card, weights or a
        list of photos that cannot be read.
        """
        kept = self._kept(name, found)
        usual = self._usual(name, found, references)
        return replace(usual, kept=kept) if isinstance(kept, Kept) else replace(usual, unkept=kept)

    def _kept(self, name: str | None, found: Settled) -> Kept | str:
        """The learned photo as which a subject appears; else why it does not, "" where its card does not say so."""
        if not name:
            return ""
        card: Subject | None = None
        try:
            card, where = load(self._data, name), folder(self._data, name)
            if card.appears != "photo" or not card.consented:
                return ""
            photo = onephoto.read(where, self._digest)
        except SubjectError as error:
            return str(error) if card and card.appears == "photo" else ""
        if why := self._unfit(photo, found):
            return why
        learned = Learned(name, str(where / onephoto.WEIGHTS), photo.weights_sha256, 1.0, photo.family, photo.base)
        return Kept("", photo.token, str(where / onephoto.PHOTO), photo.photo_sha256, learned, photo.way)

    def _unfit(self, photo: OnePhoto, found: Settled) -> str:
        """Why a learned photo is not for this model; "" where it is."""
        model, learning = found.model.name, found.card.learning
        if not self._keeps:
            return "this engine's painters are not sent a learned photo"
        if learning and learning.train_on and found.card.hub:
            return f"{model} is distilled, and a photo is painted anew by what it was made from: {learning.train_on}"
        if found.model.few_step:
            return (
                f"{model} paints in few steps here, too few for a photo: say how many with steps in the engine's table"
            )
        if self._same(photo.base, found):
            return ""
        if found.card.hub and learning and learning.family == photo.family and photo.base in found.card.bases:
            return ""
        return f"the photo was learned on {photo.base}, this engine paints with {model}"

    def _usual(self, name: str | None, found: Settled, references: int) -> Presence:
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
        if name and presence.left_out and not presence.kept:
            self._once(f"{name} is painted as any of its kind", presence.left_out)
        if name and presence.unkept:
            self.unkept(name, presence.unkept)
        return presence

    def unkept(self, name: str, why: str) -> None:
        """Say in the log, once, that a subject does not appear as its learned photo."""
        self._once(f"{name} does not appear as the learned photo", why)

    def _once(self, what: str, why: str) -> None:
        if (what, why) not in self._told:
            self._told.add((what, why))
            log.warning("%s: %s", what, why)

    def _unsuited(self, card: Subject, found: Settled) -> str:
        """Why a subject's weights are not for this model; "" where they are."""
        model, family = found.model.name, found.card.learning.family if found.card.learning else ""
        if self._same(card.base, found):
            return ""
        if card.family and family and card.family != family:
            theirs = card.base or "a model"
            return f"learned on {theirs} of the family {card.family}, this engine paints with {model} of {family}"
        # of weights without a card of their own it is not known what they were made from
        if not card.base or (found.card.hub and suits(found.card, card)):
            return ""
        return f"learned on {card.base}, this engine paints with {model}"

    def _same(self, base: str, found: Settled) -> bool:
        """Whether a base is the model that paints, or one that its owner says is as good."""
        return bool({base, str(Path(base).expanduser().absolute())} & {found.model.name, *self._also} - {""})

    def _digest(self, path: Path) -> str:
        """The file's SHA-256; read again when the file changes."""
        stat = path.stat()
        stamp = stat.st_mtime_ns, stat.st_size, stat.st_ino
        if self._digests.get(path, (None, ""))[0] != stamp:
            with path.open("rb") as file:
                self._digests[path] = stamp, hashlib.file_digest(file, "sha256").hexdigest()
        return self._digests[path][1]
