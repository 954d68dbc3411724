"""What a headline is about: triggers from ``topics.toml`` matched word by word, no model and no long regex.

A text is cut into folded words; a dictionary by word, by prefix and by suffix finds the triggers that may begin
there, the longest wins and uses its words up ("tennis court" is no court). Scripts that do not part words are
searched for substrings. About 50 µs a headline.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections import Counter
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Any

from service.model import Mood

from .bank import HERE

WORD = re.compile(r"[^\W_]+")
#: languages told apart by their commonest words where a feed does not say
TELLTALES = {
    "en": "the of and to in for on is with at from by after as it this your my we how what",
    "de": "der die das und im mit den für von ist ein eine nach auf zu bei nicht wird",
    "fr": "le la les des du et une dans pour sur est au aux avec par qui",
    "es": "el los las del y una en por con para se su al más",
    "it": "il lo gli della del di e una per con nel alla che dei è",
    "pt": "o os as do da dos das e uma em por com para no na ao não",
    "nl": "de het een van en in op voor met is te bij naar niet wordt",
}
SCRIPTS = (
    ("ja", re.compile(r"[\u3040-\u30ff]")),
    ("ko", re.compile(r"[\uac00-\ud7a3]")),
    ("zh", re.compile(r"[\u4e00-\u9fff]")),
    ("ar", re.compile(r"[\u0600-\u06ff]")),
    ("he", re.compile(r"[\u0590-\u05ff]")),
    ("hi", re.compile(r"[\u0900-\u097f]")),
    ("th", re.compile(r"[\u0e00-\u0e7f]")),
    ("ru", re.compile(r"[\u0400-\u04ff]")),
)
IGNORED = "ignored"
TOPIC_OF = {"animal": "animal", "bird": "birds", "sea": "ocean", "food": "food"}  #: of a kind of noun
SHORTEST_STEM = 2


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic's relatives, the lightest mood of its scenes, and how much its words count."""

    kin: tuple[str, ...]
    floor: Mood
    grave: bool
    weight: int


@dataclass(frozen=True, slots=True)
class Match:
    """A trigger found in a text: what it speaks for and the words that matched."""

    label: str  #: a topic, or a noun with its article
    words: str
    weight: int


@dataclass(slots=True)
class Index:
    """Triggers by how they begin: ``whole`` words, ``stem*``, ``*tail`` and ``*anywhere*``."""

    whole: dict[str, list[tuple[tuple[str, ...], str]]] = field(default_factory=dict)
    stems: dict[str, list[tuple[tuple[str, ...], str]]] = field(default_factory=dict)
    tails: dict[str, str] = field(default_factory=dict)
    inside: list[tuple[str, str]] = field(default_factory=list)

    def add(self, trigger: str, label: str) -> None:
        if trigger.startswith("*") and trigger.endswith("*"):
            self.inside.append((trigger.strip("*"), label))
        elif trigger.startswith("*"):
            self.tails.setdefault(fold(trigger[1:]), label)
        else:
            cased = trigger.startswith("=")
            first, *rest = (_pattern(word, cased=cased) for word in trigger.removeprefix("=").split())
            home = self.stems if first.endswith("*") else self.whole
            home.setdefault(first.rstrip("*"), []).append((tuple(rest), label))


def _pattern(word: str, *, cased: bool) -> str:
    star = "*" if word.endswith("*") else ""
    bare = word.rstrip("*")
    return f"={bare}" if cased else fold(bare) + star


@lru_cache(maxsize=8192)
def fold(word: str) -> str:
    """Case and accents away: "Élections" and "elections" are one."""
    flat = unicodedata.normalize("NFKD", word.casefold())
    return "".join(c for c in flat if not unicodedata.combining(c)).replace("ı", "i")


@cache
def table() -> dict[str, dict[str, Any]]:
    return tomllib.loads((HERE / "topics.toml").read_text(encoding="utf-8"))


@cache
def topics() -> dict[str, Topic]:
    """Every topic by name."""
    known = {}
    for name, entry in table().items():
        if name != IGNORED:
            floor = Mood(entry.get("floor", "joyful"))
            grave = floor in {Mood.SOMBER, Mood.GRIM}
            known[name] = Topic(tuple(entry.get("kin", "").split()), floor, grave, 1 if entry.get("broad") else 2)
    return known


@lru_cache(maxsize=32)
def topic_index(language: str) -> Index:
    """The triggers of a language, those of animals and dishes among them: a capital "Apple" must outdo the fruit."""
    index = Index()
    for name, entry in table().items():
        for trigger in _listed(entry.get(language, "")):
            index.add(trigger, name)
    for kind, topic in TOPIC_OF.items():
        for _, trigger in _named(kind, english=language == "en"):
            index.add(trigger, topic)
    return index


@lru_cache(maxsize=32)
def noun_index(kind: str, *, english: bool) -> Index:
    index = Index()
    for noun, trigger in _named(kind, english=english):
        index.add(trigger, noun)
    return index


def _named(kind: str, *, english: bool) -> list[tuple[str, str]]:
    column = "en" if english else "other"
    return [(noun, trigger) for noun, words in _nouns()[kind].items() for trigger in _listed(words[column])]


@cache
def _nouns() -> dict[str, dict[str, dict[str, str]]]:
    return tomllib.loads((HERE / "nouns.toml").read_text(encoding="utf-8"))


def _listed(triggers: str) -> list[str]:
    return [t for t in (part.strip() for part in triggers.replace("\n", " ").split(",")) if t]


def matches(text: str, index: Index) -> list[Match]:
    """Every trigger found, left to right, none overlapping another."""
    words = WORD.findall(text)
    folded = [fold(word) for word in words]
    found, at = [], 0
    while at < len(words):
        hit = _longest(words, folded, at, index)
        if hit:
            found.append(hit[0])
        at += hit[1] if hit else 1
    if index.inside:
        found += [Match(label, part, 1 + len(part)) for part, label in index.inside if part in text]
    return found


def _longest(words: list[str], folded: list[str], at: int, index: Index) -> tuple[Match, int] | None:
    word, best = folded[at], None
    candidates = [*index.whole.get("=" + words[at], ()), *index.whole.get(word, ())]
    for end in range(len(word), SHORTEST_STEM - 1, -1):
        candidates += index.stems.get(word[:end], ())
    for rest, label in candidates:
        size = 1 + len(rest)
        if (best is None or size > best[1]) and _follow(rest, folded[at + 1 : at + size]):
            best = (Match(label, " ".join(words[at : at + size]), size), size)
    if best is None and index.tails:
        tail = next((word[i:] for i in range(len(word) - 2) if word[i:] in index.tails), None)
        best = (Match(index.tails[tail], words[at], 1), 1) if tail else None
    return best


def _follow(rest: tuple[str, ...], after: list[str]) -> bool:
    if len(after) < len(rest):
        return False
    pairs = zip(rest, after, strict=True)
    return all(word.startswith(p[:-1]) if p.endswith("*") else word == p for p, word in pairs)


def language_of(text: str, said: str) -> str:
    """The primary language subtag to read ``text`` in: by its script where that decides, else as said, else a guess."""
    for language, script in SCRIPTS:
        if script.search(text):
            return language
    primary = said.split("-", maxsplit=1)[0].casefold()
    if primary in {"", "und", "mul"}:
        words = set(text.casefold().split())
        scores = {language: len(words & common) for language, common in _telltales().items()}
        return max(scores, key=lambda language: scores[language])
    return primary


@cache
def _telltales() -> dict[str, frozenset[str]]:
    return {language: frozenset(words.split()) for language, words in TELLTALES.items()}


def ranked(text: str, language: str) -> list[Match]:
    """The topics of a text, the likeliest first, each once; grave ones outvote all others."""
    found = [m for m in matches(text, topic_index(language)) if m.label != IGNORED]
    known, votes = topics(), Counter[str]()
    first: dict[str, Match] = {}  # in the order of the headline: what it names first, it is about
    for match in found:
        votes[match.label] += match.weight * known[match.label].weight
        first.setdefault(match.label, match)
    return sorted(first.values(), key=lambda m: (not known[m.label].grave, -votes[m.label]))


def nouns(text: str, kind: str, language: str) -> list[Match]:
    """The nouns of a kind that a text names."""
    return matches(text, noun_index(kind, english=language == "en"))
