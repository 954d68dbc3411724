"""What does not belong on the wall, whatever its mood: orders to machines, adverts, horoscopes, lists, empty titles."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from typing import NamedTuple

from service.model import Story

from .bank import HERE
from .disguise import visible
from .orders import orders

READ_MAX = 1200  #: characters of a summary that are read
TITLE_MAX = 600  #: characters of a title; the rest is noise


class Refusal(NamedTuple):
    why: str
    pattern: re.Pattern[str]


@cache
def _refusals() -> tuple[tuple[Refusal, ...], frozenset[str]]:
    file = tomllib.loads((HERE / "refusals.toml").read_text(encoding="utf-8"))
    rules = tuple(
        Refusal(rule["why"], re.compile("|".join(rule["patterns"]), re.IGNORECASE)) for rule in file["refusal"]
    )
    names = file["sections"]["names"].replace("\n", " ").split(",")
    return rules, frozenset(name.strip() for name in names if name.strip())


def refused(story: Story) -> str | None:
    """Why a story is not for the wall; None where it may be."""
    title = visible(story.title[:TITLE_MAX]).strip()
    rules, sections = _refusals()
    if not any(c.isalpha() for c in title):
        return "a title without words"
    if _is_section(title, story.source, sections):
        return "the name of a section or a paper, not a headline"
    if order := orders(title) or orders(story.summary[:READ_MAX]):
        return f"an order to a machine, not news ({order[:40]!r})"
    for rule in rules:
        if hit := rule.pattern.search(title):
            return f"{rule.why} ({hit[0].strip()[:40]!r})"
    return None


def _is_section(title: str, source: str, sections: frozenset[str]) -> bool:
    bare = title.casefold().strip(" .:|-–—!·»›")
    return bare in sections or bare == source.casefold().strip()
