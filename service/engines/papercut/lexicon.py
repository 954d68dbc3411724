"""What a scene names, found through a hand-made lexicon; the cut-outs that show it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from .folk import CutOut, person

_WORD = re.compile(r"[a-z]+(?:['’-][a-z]+)*")
_LONGEST = 4  #: words in the longest phrase of the lexicon


@dataclass(frozen=True, slots=True)
class Noun:
    """A word of the lexicon: what may be shown, where it goes, and how much a picture may be about it."""

    word: str
    role: str  #: hero, ground, sky, swarm or row
    weight: int  #: 1 … 9
    looks: tuple[str, ...]  #: names of cut-outs, best first
    kind: str = ""  #: the lexicon's chapter


def _lines(name: str) -> list[str]:
    text = Path(__file__).with_name(name).read_text("utf-8")
    return [line for line in text.splitlines() if line]


@lru_cache(maxsize=1)
def lexicon() -> dict[str, Noun]:
    """Every word and phrase; exact ones keep their ``=`` in front."""
    found: dict[str, Noun] = {}
    kind = ""
    for line in _lines("lexicon.tsv"):
        if line.startswith("#"):
            kind = line.removeprefix("# ")
            continue
        words, role, weight, looks = line.split("\t")
        for word in words.split(", "):
            found[word] = Noun(word.removeprefix("="), role, int(weight), tuple(looks.split()), kind)
    return found


@lru_cache(maxsize=1)
def _shelf() -> dict[str, str]:
    return {line.split("\t", 1)[0]: line for line in _lines("icons.tsv") if not line.startswith("#")}


def names() -> tuple[str, ...]:
    """The names of all cut-outs."""
    return (*_shelf(), *_SAME)


#: Cut-outs that are others in another colour.
_SAME = {"cut/brown-bear": "cut/polar-bear"}


@lru_cache(maxsize=256)
def cut_out(name: str) -> CutOut:
    """The cut-out of a name. Raises KeyError."""
    if name.startswith("folk/"):
        return person(name)
    fields = _shelf()[_SAME.get(name, name)].split("\t")
    parts = tuple(zip(fields[5::2], fields[6::2], strict=True))
    return CutOut(name, fields[1], int(fields[2]), int(fields[3]), fields[4], parts)


def singulars(word: str) -> tuple[str, ...]:
    """What ``word`` may be the plural of, itself first."""
    out = [word]
    if word.endswith("ies") and len(word) > 4:
        out.append(word[:-3] + "y")
    if word.endswith("ves"):
        out += [word[:-3] + "f", word[:-3] + "fe"]
    if word.endswith("es") and len(word) > 3:
        out.append(word[:-2])
    if word.endswith("s") and not word.endswith("ss") and len(word) > 2:
        out.append(word[:-1])
    return tuple(out)


def words_of(text: str) -> list[str]:
    """The words of a text, in lower case."""
    return _WORD.findall(text[:4000].lower().replace("’", "'"))


@dataclass(frozen=True, slots=True)
class Mention:
    """A noun where the scene has it."""

    noun: Noun
    at: int  #: number of its first word
    end: int  #: number of the word after it
    many: bool  #: in the plural


def found(scene: str) -> list[tuple[Noun, int]]:
    """The scene's nouns with the number of the word each begins at; a phrase hides the words within it."""
    return [(mention.noun, mention.at) for mention in mentions(scene)]


def mentions(scene: str) -> list[Mention]:
    """The scene's nouns in their order."""
    words, table = words_of(scene), lexicon()
    out: list[Mention] = []
    at = 0
    while at < len(words):
        length, noun, many = _longest(words[at : at + _LONGEST], table)
        if noun is not None:
            out.append(Mention(noun, at, at + length, many))
        at += length
    return out


_PLURALS = {"mice", "geese", "wolves", "oxen", "sheep", "leaves", "loaves"}


def _longest(words: list[str], table: dict[str, Noun]) -> tuple[int, Noun | None, bool]:
    for length in range(len(words), 0, -1):
        *front, last = words[:length]
        exact = table.get("=" + " ".join((*front, last)))
        if exact is not None:
            return length, exact, last.endswith("s")
        for single in singulars(last):
            noun = table.get(" ".join((*front, single)))
            if noun is not None:
                return length, noun, single != last or last in _PLURALS
    return 1, None, False


def nouns(scene: str) -> tuple[str, ...]:
    """The words of a scene that can be shown, each once, in their order: empty means unpaintable."""
    return tuple(dict.fromkeys(noun.word for noun, _ in found(scene)))
