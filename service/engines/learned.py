"""A subject before a server that is not ours: what it is called there, and whether its photos may go along.

A server that has learned the subject (a LoRA, named in the engine's table) is told its token; one that takes reference
pictures is sent photos, where the owner and the subject's card allow it; any other is told the common noun.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_address
from pathlib import Path, PurePosixPath
from typing import Any

from .. import album, subjects
from ..errors import EngineError, SubjectError
from ..model import Prompt
from ..subjects import AT_ONCE, PHOTOS, Subject, renamed
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
    company: str = ""  #: whom else a server knows that knows its own by name
    photos: tuple[bytes, ...] = ()
    subjects: tuple[str, ...] = ()  #: everybody who is meant to be in it

    @property
    def told(self) -> dict[str, Any]:
        """What a recipe says of two."""
        return {"subjects": list(self.subjects)} if len(self.subjects) > 1 else {}


def guest(
    prompt: Prompt, data: Path, loras: Mapping[str, str], *, most: int, host: str, by_name: bool = False,
    aside: bool = False,
) -> Guest:  # fmt: skip
    """A prompt's subjects as a server can take them; the bare prompt where it can only be told their nouns.

    Of two, the first that it has a LoRA of wears it, and the other is told by its noun; else they share the photos, of
    which it takes ``most``; 0: none.

    ``by_name``: the server knows its own subjects by name, puts its own token in their place, and takes two.
    ``aside``: an adapter looks at the photos, as squares, and the words do not speak of them.
    """
    cards = [card for card in _cards(prompt.subjects, data) if card.consented]
    worn = [(card, lora(loras[card.name])) for card in cards if card.name in loras][: AT_ONCE if by_name else 1]
    if worn:
        called = {card.name: theirs.name if by_name else f"{card.token} {card.class_noun}" for card, theirs in worn}
        company = "".join(theirs.name for _, theirs in worn[1:])
        return Guest(_called(prompt, called), worn[0][1], company, subjects=prompt.subjects)
    shown = [card for card in cards if most and may_travel(card, host) and chosen(data, card.name)][:most]
    shares = [(most + len(shown) - 1 - number) // len(shown) for number in range(len(shown))]
    sent = [photos(data, card.name, most, squares=aside) for card, most in zip(shown, shares, strict=True)]
    known = {card.name: (card.class_noun, len(theirs)) for card, theirs in zip(shown, sent, strict=True)}
    along = tuple(photo for each in sent for photo in each)
    said = pictured(prompt, known) if known and not aside else prompt
    return Guest(said, photos=along, subjects=prompt.subjects)


def from_photos(name: str, data: Path, loras: Mapping[str, str], host: str, *, most: int = references.MOST) -> int:
    """How many of a subject's photos go along with a picture of it; ``host`` "": none may. Raises EngineError."""
    card = next(_cards([name], data), None)
    if card is None or card.name in loras or not (host and may_travel(card, host)):
        return 0
    return min(len(chosen(data, card.name)), most)


def pictured(prompt: Prompt, shown: Mapping[str, tuple[str, int]]) -> Prompt:
    """The prompt for a model that is shown pictures: it speaks of them, and names nobody who is in them.

    ``shown``: the class noun and the number of pictures of each subject by name, in the order of the pictures.
    """
    called, before = {}, 0
    for name, (noun, number) in shown.items():
        which = " and ".join(str(before + at) for at in range(1, number + 1)) if len(shown) > 1 else ""
        called[name] = f"the {noun} in the reference {'picture' if number == 1 else 'pictures'} {which}".rstrip()
        before += number
    return _called(prompt, called)


def _cards(names: Sequence[str], data: Path) -> Iterator[Subject]:
    for name in names:
        with contextlib.suppress(SubjectError):
            yield subjects.load(data, name)


def _called(prompt: Prompt, called: Mapping[str, str]) -> Prompt:
    """The prompt with these names replaced; who is not spoken of comes first, who is not replaced stays."""
    words = prompt.words or prompt.scene
    absent = [phrase for name, phrase in called.items() if renamed(words, {name: ""}) == words]
    words = ", ".join([*absent, renamed(words, called)])
    left = tuple(name for name in prompt.subjects if name not in called)
    return replace(prompt, words=words, subject=left[0] if left else None, company=left[1:])


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


def photos(data: Path, name: str, most: int = references.MOST, *, squares: bool = False) -> tuple[bytes, ...]:
    """Photos of a subject as JPEG files, as a model is shown them; squares around it for an adapter.

    Raises EngineError.
    """
    return references.of_subject(chosen(data, name)[:most], boxes(data, name) if squares else None)


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
