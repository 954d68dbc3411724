"""House styles: how pictures should look, one TOML file each in ``templates/styles``, and which one a story gets."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@dataclass(frozen=True, slots=True)
class Style:
    """How pictures should look."""

    name: str  #: for people
    words: str  #: for models that read prose
    tags: str  #: for models that read 75 tokens, the scene included: some ten words
    avoid: tuple[str, ...] = ()  #: for models that take a negative prompt


def known(folder: Path) -> tuple[str, ...]:
    """The names of the styles there are: their files' names."""
    return tuple(sorted(path.stem for path in folder.glob("*.toml")))


def style(folder: Path, name: str) -> Style:
    """A style by its name; where there is no such file, or one that cannot be read, its name is what is said of it."""
    path = folder / f"{name}.toml"
    try:
        return _read(path, path.stat().st_mtime_ns)
    except (OSError, ValueError, KeyError, TypeError):
        plain = f"{name.replace('-', ' ')} style illustration"
        return Style(name, plain, plain)


@lru_cache(maxsize=64)
def _read(path: Path, _changed: int) -> Style:
    table: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    words = str(table["words"])
    return Style(str(table.get("name", path.stem)), words, str(table.get("tags", words)), tuple(table.get("avoid", ())))


def chosen(usual: str, special: Mapping[str, str], topics: Sequence[str], now: datetime) -> str:
    """The style of a story: its first topic that has one, else the weekday's, else the usual one."""
    today = WEEKDAYS[now.weekday()]
    return next((special[key] for key in (*topics, today) if key in special), usual)
