"""Headlines that are less than news: bait, lists, deals, scores, horoscopes, quizzes, and what is no headline."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

_DATA = Path(__file__).with_name("trifles.toml")


@dataclass(frozen=True, slots=True)
class Trifle:
    """A kind of headline that is less than news, and how much of its worth one keeps, 0 … 1."""

    kind: str
    keeps: float


@lru_cache(maxsize=8192)
def trifle(title: str) -> Trifle | None:
    """What makes a headline less than news: the least worthy kind it is; None for a headline like any other."""
    for found, pattern in _patterns().items():
        if pattern.search(title):
            return found
    return None


@cache
def _patterns() -> Mapping[Trifle, re.Pattern[str]]:
    table = tomllib.loads(_DATA.read_text(encoding="utf-8"))
    kinds = sorted(table.items(), key=lambda kind: float(kind[1]["keeps"]))
    return {Trifle(name, float(kind["keeps"])): _any_of(kind["found"].split("\n")) for name, kind in kinds}


def _any_of(lines: list[str]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{line})" for line in lines if line), re.IGNORECASE)
