"""The words and numbers of ``stock.toml``."""

from __future__ import annotations

import tomllib
from functools import lru_cache
from pathlib import Path
from typing import Any

#: Who else is in a crowd of a kind.
CROWDS = {
    "walker": ["walker", "woman", "girl"],
    "child": ["child", "girl", "child"],
    "musician": ["musician", "reader", "musician"],
}


@lru_cache(maxsize=1)
def stock() -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_name("stock.toml").read_text("utf-8"))


@lru_cache(maxsize=1)
def people_words() -> dict[str, list[str]]:
    """Words for people, and the kinds of paper people that a plural of each shows."""
    return {word: CROWDS.get(kind, [kind]) for kind, words in stock()["people"].items() for word in words}


def seat(name: str) -> float | None:
    """How high a cut-out is sat upon, as a share of its height; None: it is stood upon."""
    height: float | None = stock()["seats"].get(name)
    return height
