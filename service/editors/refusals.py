"""What does not belong on the wall, whatever its mood: orders to machines, adverts, horoscopes, lists, empty titles."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from functools import cache
from typing import NamedTuple

from service.model import Story

from .bank import HERE

#: a run of base64 or hexadecimal too long for a word of any language
BLOB = re.compile(r"[A-Za-z0-9+/_-]{24,}={0,2}")
ADDRESS = re.compile(r"https?://\S+|www\.\S+")
READ_MAX = 1200  #: characters of a summary that are read
TITLE_MAX = 600  #: characters of a title; the rest is noise


class Refusal(NamedTuple):
    why: str
    everywhere: bool  #: look in the summary too
    pattern: re.Pattern[str]


@cache
def _refusals() -> tuple[tuple[Refusal, ...], frozenset[str]]:
    file = tomllib.loads((HERE / "refusals.toml").read_text(encoding="utf-8"))
    rules = tuple(
        Refusal(rule["why"], "where" in rule, re.compile("|".join(rule["patterns"]), re.IGNORECASE))
        for rule in file["refusal"]
    )
    names = file["sections"]["names"].replace("\n", " ").split(",")
    return rules, frozenset(name.strip() for name in names if name.strip())


def plain(text: str) -> str:
    """Compatibility forms folded and invisible characters removed: what a disguise is made of."""
    if text.isascii():
        return text
    flat = unicodedata.normalize("NFKC", text)
    return "".join(c for c in flat if unicodedata.category(c) != "Cf")


def refused(story: Story) -> str | None:
    """Why a story is not for the wall; None where it may be."""
    title = plain(story.title[:TITLE_MAX]).strip()
    rules, sections = _refusals()
    if not any(c.isalpha() for c in title):
        return "a title without words"
    if _is_section(title, story.source, sections):
        return "the name of a section or a paper, not a headline"
    whole = f"{title}\n{plain(story.summary[:READ_MAX])}"
    for rule in rules:
        hit = rule.pattern.search(whole if rule.everywhere else title)
        if hit:
            return f"{rule.why} ({hit[0].strip()[:40]!r})"
    return "an order to a machine, not news (encoded text)" if _encoded(title) else None


def _is_section(title: str, source: str, sections: frozenset[str]) -> bool:
    bare = title.casefold().strip(" .:|-–—!·»›")
    return bare in sections or bare == source.casefold().strip()


def _encoded(title: str) -> bool:
    for blob in BLOB.findall(ADDRESS.sub("", title)):
        kinds = sum(any(test(c) for c in blob) for test in (str.isdigit, str.isupper, str.islower))
        if blob.endswith("=") or (kinds == 3 and "-" not in blob):
            return True
    return False
