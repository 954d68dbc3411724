"""The line above the headline: who says it, how old it is, what the picture is; in the story's language."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

from .languages import traditional

DATE_AFTER = timedelta(days=7)  #: from here on a date says more than a count of days


@dataclass(frozen=True, slots=True)
class Kicker:
    """The source, and what else is said about the slide, in order."""

    source: str
    facts: tuple[str, ...]


@cache
def _labels() -> dict[str, dict[str, str]]:
    return tomllib.loads(Path(__file__).with_name("labels.toml").read_text("utf-8"))


def label(name: str, language: str) -> str:
    """A word of ours ("picture", "sample", "now") in a language; English where we have none."""
    table = _labels()
    primary = {"no": "nb", "nn": "nb", "iw": "he", "in": "id", "yue": "zh_Hant"}.get(
        _primary(language), _primary(language)
    )
    if traditional(language):
        primary = "zh_Hant"
    return table.get(primary, table["en"])[name]


def _primary(language: str) -> str:
    return language.replace("_", "-").split("-")[0].lower()


@cache
def _locale(language: str) -> str:
    """The nearest locale Babel knows."""
    from babel import Locale, UnknownLocaleError

    tag = "zh_Hant" if traditional(language) else language.replace("-", "_")
    for candidate in (tag, _primary(language)):
        try:
            return str(Locale.parse(candidate))
        except (UnknownLocaleError, ValueError):
            continue
    return "en"


def age(published: datetime, now: datetime, language: str) -> str:
    """How long ago, in few words: "3 h ago", "vor 3 Std.", "قبل 3 ساعات"; a date after a week; never in the future."""
    from babel.dates import format_date, format_timedelta

    passed = now - published
    if passed < timedelta(minutes=1):
        return label("now", language)
    locale = _locale(language)
    if passed >= DATE_AFTER:
        local = published.astimezone(now.tzinfo)
        form = "d MMM" if local.year == now.year else "d MMM y"
        skeletons = {"d MMM": "MMMd", "d MMM y": "yMMMd"}
        from babel.dates import format_skeleton

        return format_skeleton(skeletons[form], local, locale=locale) or format_date(local, "medium", locale=locale)
    if locale.split("_")[0] == "en":
        return _english(passed)
    for width in ("short", "long"):
        try:
            return format_timedelta(-passed, add_direction=True, format=width, locale=locale, threshold=1)
        except (KeyError, ValueError):
            continue  # some locales lack the short forms
    return _english(passed)


def _english(passed: timedelta) -> str:
    minutes = int(passed.total_seconds() // 60)
    if minutes < 60:
        return f"{minutes} min ago"
    if minutes < 36 * 60:
        return f"{minutes // 60} h ago"
    return f"{round(minutes / 1440)} days ago"


def kicker(source: str, age_text: str, language: str, *, painted: bool, sample: bool) -> Kicker:
    """The kicker of a slide. ``painted``: there is a picture, and no person took it; the slide says so."""
    facts = [label("sample", language) if sample else age_text]
    if painted:
        facts.append(label("picture", language))
    return Kicker(source, tuple(f for f in facts if f))
