"""Word lists and how they meet a headline: pure lookups, loaded once per language at first use.

A list is a TOML file of sections; words are separated by spaces. ``_`` joins a phrase (``found_safe``), a final
``*`` takes any ending (``bomb*``), a leading ``*`` any beginning (``*anschlag``, for languages that write compounds),
``|`` parts words that may stand in one place (``fish|water_tank``). Accents are folded on both sides, apostrophes and
hyphens part words, so "can't" is the phrase ``can_t``. A list called ``weapons/guns`` is part of the topic ``weapons``.
Under ``[together]``, ``topic/rule/side`` is one side of a rule that holds where words of both sides meet in a headline.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

LANGUAGES = ("en", "de", "fr", "es", "it", "pt", "nl")  #: with a lexicon of their own
BREAK = ""  #: the token at the end of a clause: no phrase, negation or reducer reaches across it
SHORTEST_STEM = 2
SCORED = frozenset({"veto", "grave", "bright", "relief", "idiom"})  #: kinds that compete for the same words

_DATA = Path(__file__).with_name("data")
_TOKEN = re.compile(r"[^\W_]+|[.!?;:|—–](?=\s|$)")
_LETTERS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ı": "i", "æ": "ae", "œ": "oe"})  #: that do not decompose
_RANK = {"idiom": 4, "relief": 3, "veto": 2, "grave": 1, "bright": 0}  #: among matches of equal length


@dataclass(frozen=True, slots=True)
class Entry:
    """One word or phrase of a list: what it means (``kind``, ``name``) and the words that must follow."""

    kind: str
    name: str
    rest: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Hit:
    """A match in a headline: tokens ``start`` … ``end`` (exclusive) mean ``kind``/``name``."""

    kind: str
    name: str
    start: int
    end: int
    weight: float = 0.0  #: a general-purpose valence, −4 … 4, where no list of ours knows the word


@dataclass(frozen=True, slots=True)
class Lexicon:
    """One language's lists, ready to look words up."""

    exact: Mapping[str, tuple[Entry, ...]]
    stems: Mapping[str, tuple[Entry, ...]]
    tails: Mapping[str, tuple[Entry, ...]]
    valence: Mapping[str, float]


@lru_cache(maxsize=16384)
def fold(word: str) -> str:
    """Casefold and drop accents from letters of the Latin script; others keep their marks."""
    word = word.casefold().translate(_LETTERS)
    if word.isascii():
        return word
    decomposed = unicodedata.normalize("NFKD", word)
    if not decomposed[:1].isascii():
        return unicodedata.normalize("NFKC", word)
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


def tokens(text: str) -> tuple[str, ...]:
    """Fold a text into words; the end of a clause is ``BREAK``. "U.S. wins" has none."""
    found: list[str] = []
    for match in _TOKEN.findall(text):
        if match[0].isalnum():
            found.append(fold(match))
        elif found and len(found[-1]) > 1:
            found.append(BREAK)
    return tuple(found)


def read(name: str) -> dict[str, Any]:
    """Read one of the gate's data files, TOML."""
    import tomllib

    return tomllib.loads(_DATA.joinpath(name).read_text(encoding="utf-8"))


@cache
def lexicon(language: str) -> Lexicon:
    """Load the lists of one of ``LANGUAGES``."""
    table = read(f"{language}.toml")
    tables: tuple[dict[str, list[Entry]], ...] = ({}, {}, {})
    for kind, name, words in _sections(table):
        for phrase in words.split():
            _file(tables, phrase, kind, name)
    exact, stems, tails = ({head: tuple(entries) for head, entries in each.items()} for each in tables)
    return Lexicon(exact, stems, tails, vader() if language == "en" else {})


@cache
def function_words() -> Mapping[str, frozenset[str]]:
    """Small words of each language of ``LANGUAGES``: they give away what a text is written in."""
    return {name: frozenset(words.split()) for name, words in read("function.toml").items()}


@cache
def foreign_veto() -> re.Pattern[str]:
    """Unmistakably grave words of languages without a lexicon, found as parts of words, whatever the tag says."""
    words = {word for words in read("foreign.toml").values() for word in words.split()}
    parts = sorted(words, key=lambda word: (-len(word), word))
    return re.compile("|".join(re.escape(word.replace("_", " ").casefold()) for word in parts))


def scan(language: str, words: tuple[str, ...]) -> tuple[Hit, ...]:
    """Find what a language's lists say about folded words. Longer phrases hide the words they cover."""
    found: list[Hit] = []
    covered = 0
    for at, word in enumerate(words):
        if not word:
            continue
        hits = [hit for entry in _entries(language, word) if (hit := _match(entry, words, at))]
        found.extend(hit for hit in hits if hit.kind not in SCORED)
        if at < covered:
            continue
        scored = [hit for hit in hits if hit.kind in SCORED]
        if scored:
            best = max(scored, key=lambda hit: (hit.end, _RANK[hit.kind]))
            found.append(best)
            covered = best.end
        elif valence := lexicon(language).valence.get(word):
            found.append(Hit("valence", word, at, at + 1, valence))
    return tuple(found)


@lru_cache(maxsize=16384)
def _entries(language: str, word: str) -> tuple[Entry, ...]:
    lists = lexicon(language)
    found = list(lists.exact.get(word, ()))
    for size in range(SHORTEST_STEM, len(word) + 1):
        found.extend(lists.stems.get(word[:size], ()))
        found.extend(lists.tails.get(word[-size:], ()))
    return tuple(found)


def _match(entry: Entry, words: tuple[str, ...], at: int) -> Hit | None:
    end = at + 1 + len(entry.rest)
    if entry.rest:
        following = words[at + 1 : end]
        if len(following) < len(entry.rest):
            return None
        for want, word in zip(entry.rest, following, strict=True):
            if word != want and not (want[-1] == "*" and word.startswith(want[:-1])):
                return None
    return Hit(entry.kind, entry.name, at, end)


def _file(tables: tuple[dict[str, list[Entry]], ...], phrase: str, kind: str, name: str) -> None:
    exact, stems, tails = tables
    for head, *rest in itertools.product(*(fold(part).split("|") for part in phrase.split("_"))):
        table = tails if head.startswith("*") else stems if head.endswith("*") else exact
        table.setdefault(head.strip("*"), []).append(Entry(kind, name, tuple(rest)))


def _sections(table: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    for kind, names in table.items():
        for name, words in names.items():
            yield kind, name, words


@cache
def vader() -> Mapping[str, float]:
    """General-purpose valences of English words, -4 … 4 (Hutto & Gilbert 2014)."""
    lines = _DATA.joinpath("vader.tsv").read_text(encoding="utf-8").splitlines()
    pairs = (line.split("\t") for line in lines if not line.startswith("#"))
    return {word: float(valence) for word, valence in pairs}
