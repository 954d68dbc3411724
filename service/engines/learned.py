"""A subject before a server that is not ours: what it is called there, and whether its photos may go along.

A server that has learned the subject (a LoRA, named in the engine's table) is told its token; one that takes reference
pictures is sent photos, where the owner and the subject's card allow it; any other is told the common noun.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_address
from pathlib import Path, PurePosixPath

from .. import album, subjects
from ..errors import EngineError, SubjectError
from ..model import Prompt
from ..subjects import PHOTOS, Subject
from . import references

_HOME = (".local", ".lan", ".home", ".internal", ".home.arpa", ".localdomain", ".fritz.box")
_LIST = "photos.json"  #: beside the card: which photos its owner wants used


@dataclass(frozen=True, slots=True)
class Lora:
    """A LoRA as a server knows it."""

    name: str  #: a name, a file or a path, as that server wants it
    weight: float = 1.0

    @property
    def stem(self) -> str:
        """The name without folders and suffix."""
        return PurePosixPath(self.name.replace("\\", "/")).stem


def lora(text: str) -> Lora:
    """What a table says of a LoRA: "rex-lora", or with a weight "rex-lora:0.8"."""
    name, colon, weight = text.rpartition(":")
    if colon and name and re.fullmatch(r"-?\d+(\.\d+)?", weight):
        return Lora(name, float(weight))
    return Lora(text)


@dataclass(frozen=True, slots=True)
class Guest:
    """How a subject comes into one picture."""

    prompt: Prompt  #: says what the server shall call it, and names nobody
    lora: Lora | None = None
    photos: tuple[bytes, ...] = ()


def guest(
    prompt: Prompt, data: Path, loras: Mapping[str, str], *, takes_photos: bool, host: str, by_name: bool = False
) -> Guest:
    """The subject of a prompt as a server can take it; the bare prompt where it can only be told the noun.

    ``by_name``: the server knows its own subjects by name, and puts its own token in their place.
    """
    card = _card(prompt.subject, data)
    if card is None or not card.consented:
        return Guest(prompt)
    if card.name in loras:
        theirs = lora(loras[card.name])
        return Guest(_called(prompt, theirs.name if by_name else f"{card.token} {card.class_noun}"), theirs)
    if takes_photos and may_travel(card, host) and (found := photos(data, card.name)):
        return Guest(pictured(prompt, card.class_noun, len(found)), photos=tuple(found))
    return Guest(prompt)


def from_photos(name: str, data: Path, loras: Mapping[str, str], host: str) -> int:
    """How many of a subject's photos go along with a picture of it; ``host`` "": none may. Raises EngineError."""
    card = _card(name, data)
    if card is None or card.name in loras or not (host and may_travel(card, host)):
        return 0
    return min(len(chosen(data, card.name)), references.MOST)


def pictured(prompt: Prompt, noun: str, pictures: int) -> Prompt:
    """The prompt for a model that is shown so many pictures of the subject: it speaks of them, and names nobody."""
    return _called(prompt, f"the {noun} in the reference {'picture' if pictures == 1 else 'pictures'}")


def _card(name: str | None, data: Path) -> Subject | None:
    with contextlib.suppress(SubjectError):
        return subjects.load(data, name) if name else None
    return None


def _called(prompt: Prompt, phrase: str) -> Prompt:
    """The prompt with the subject's name replaced; the phrase comes first where nothing speaks of the subject."""
    words, found = re.subn(
        rf"(?<!\w){re.escape(prompt.subject or '')}(?!\w)", lambda _: phrase, prompt.words or prompt.scene
    )
    return replace(prompt, words=words if found else f"{phrase}, {words}", subject=None)


def may_travel(card: Subject, host: str) -> bool:
    """Whether a subject's photos may be sent to a host."""
    return card.consented and (card.photos_travel == "anywhere" or (card.photos_travel == "home" and at_home(host)))


def at_home(host: str) -> bool:
    """Whether a host, by its address or name, is a machine at home rather than a service elsewhere."""
    name = host.lower().rstrip(".")
    with contextlib.suppress(ValueError):
        address = ip_address(name.strip("[]"))
        return address.is_loopback or address.is_link_local or address.is_private
    return "." not in name or name.endswith(_HOME)


def told(host: str) -> str:
    """What an owner should know whose subjects' photos are sent."""
    where = "a machine at home" if at_home(host) else "a machine that is not at home"
    return f"photos of subjects are sent to {host}, {where}, as far as each subject's card allows (photos_travel)"


def photos(data: Path, name: str, most: int = references.MOST) -> tuple[bytes, ...]:
    """Photos of a subject as JPEG files, as a model is shown them. Raises EngineError."""
    return references.of_subject(chosen(data, name)[:most])


def boxes(data: Path, name: str) -> dict[Path, references.Box]:
    """Where a subject is in its photos, as far as it was found: left, top, right, bottom, px."""
    folder = subjects.folder(data, name)
    with contextlib.suppress(SubjectError):  # a list that cannot be read is told of where photos are chosen
        return {folder / photo.file: photo.box for photo in album.photos(folder) if photo.box}
    return {}


def chosen(data: Path, name: str) -> Sequence[Path]:
    """The photos of a subject that its owner wants used; all there are where no list says. Raises EngineError."""
    folder = subjects.folder(data, name)
    try:
        listed = json.loads((folder / _LIST).read_text(encoding="utf-8"))
        names = [str(entry["file"]) for entry in listed if entry.get("used", True)]
    except FileNotFoundError:
        found = (folder / PHOTOS).glob("*")
        return sorted(path for path in found if path.suffix.lower() in (".jpg", ".jpeg", ".png", ".webp"))
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise EngineError(f"{folder / _LIST} cannot be read: add the photos again") from error
    inside = [folder / name for name in names if re.fullmatch(rf"{PHOTOS}/[\w.-]+", name)]
    return [path for path in inside if path.is_file()]
