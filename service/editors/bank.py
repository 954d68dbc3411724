"""The bank of scenes, written by hand.

How to write one (``scenes/*.toml``): 15 to 45 plain English words for what a camera would see. One concrete idea with
a twist of wit or tenderness: an object, a place, an action, two to four props, the light. Nouns that can be cut from
paper. Say what is there; no names, no lettering, no digits (``taste.faults`` is the judge). ``{figure}`` comes first
where a person acts, written so that any grown-up or dog may step in for the role in ``figure``; ``{noun}`` is an
animal or a dish from ``nouns.toml`` with its article, or ``usual``. A scene for somber or grim news has nobody in it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from service.model import Mood

ANYWHERE = "anywhere"  #: the topic of scenes that suit any headline
HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Scene:
    """One scene and what it suits. ``text`` and ``alt`` may hold ``{figure}`` and ``{noun}``."""

    number: int  #: its place in the bank, from 1
    topic: str
    moods: frozenset[Mood]
    text: str
    alt: str
    figure: str | None  #: the anonymous role: "a baker"
    noun: str | None  #: the kind of noun that fits: animal, bird, sea, food
    usual: str  #: the noun where the headline names none

    def filled(self, figure: str | None = None, noun: str | None = None) -> tuple[str, str]:
        """The scene and its alternative text (a sentence), with the slots filled."""
        words = {"figure": figure or self.figure or "", "noun": noun or self.usual}
        alt = self.alt.format(**words)
        return self.text.format(**words), alt[0].upper() + alt[1:]

    @property
    def mark(self) -> str:
        """The longest part of the text that no slot can change: by it a filled scene is known again."""
        parts = self.text.replace("{figure}", "\0").replace("{noun}", "\0").split("\0")
        return max(parts, key=len)


def _scene(number: int, topic: str, entry: dict[str, Any]) -> Scene:
    return Scene(
        number=number,
        topic=topic,
        moods=frozenset(Mood(m) for m in entry["moods"].split()),
        text=entry["scene"],
        alt=entry["alt"],
        figure=entry.get("figure"),
        noun=entry.get("noun"),
        usual=entry.get("usual", ""),
    )


def _entries() -> Iterator[tuple[str, dict[str, Any]]]:
    for path in sorted((HERE / "scenes").glob("*.toml")):
        for topic, entries in tomllib.loads(path.read_text(encoding="utf-8")).items():
            yield from ((topic, entry) for entry in entries)


@cache
def scenes() -> tuple[Scene, ...]:
    """Every scene, read once, in a stable order."""
    return tuple(_scene(n, topic, entry) for n, (topic, entry) in enumerate(_entries(), 1))


@cache
def by_topic() -> dict[str, tuple[Scene, ...]]:
    shelves: dict[str, list[Scene]] = {}
    for scene in scenes():
        shelves.setdefault(scene.topic, []).append(scene)
    return {topic: tuple(shelf) for topic, shelf in shelves.items()}


@lru_cache(maxsize=4096)
def number_of(text: str) -> int | None:
    """The number of the scene that a filled text was made from, whoever stands in its slots; None: not ours."""
    return next((number for number, mark in _marks() if mark in text), None)


@cache
def _marks() -> tuple[tuple[int, str], ...]:
    return tuple((scene.number, scene.mark) for scene in scenes())
