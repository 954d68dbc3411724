"""What a picture shows, for those who cannot see it: in the headline's language where that can be trusted. Pure.

A model is asked for one sentence in the language of the headline. Our knowledge of what a scene must not hold is in
English; in any other language we hold to what can be told without knowing its words: the language it was asked for, no
order to a machine, no name, no digit, address or markup, nothing of the headline in a row. (Whether it is grave, the
gate says.) A sentence that fails is replaced by the English scene's first one, and marked as English.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from babel import Locale, UnknownLocaleError
from babel.lists import format_list

from ..language import language as language_of
from ..model import Story
from .scenery import MARK, NOUNS_IN_CAPITALS, Cast, tidy, wording_faults
from .taste import MARKS, faults as tasteless

MAX_CHARS = 200
_JOINERS = str.maketrans("", "", "\u200c\u200d")  # hidden in Latin, but how Persian and Hindi join their letters
_ENDS = ".!?…。।॥۔؟"
_UNSPACED = ("ja", "zh", "yue", "wuu")  #: their sentences end with 。
_ALIKE = {"nb": "no", "nn": "no", "hr": "sr", "bs": "sr", "sh": "sr", "ms": "id", "iw": "he"}  #: told apart badly
_KATAKANA = re.compile(r"[\u30a1-\u30fa\u30fc・]{3,}")  # foreign words in Japanese, most of all names
_LONG_RUN = 6  #: characters
_LETTER = re.compile(r"[^\W\d_]")
_AFTER_FIRST = re.compile(r"(?<![.!?…])\s+[\"'(¿¡]*([^\W\d_][\w'’-]*)")
# a noun of German or Luxembourgish stands with an article and perhaps an adjective; a name mostly stands alone
_ARTICLED = re.compile(
    r"\b(?:[dD](?:er|ie|as|en|em|es)|[Kk]?[Ee]in(?:e[nmrs]?)?|[Ii]ms?|[Ii]ns|[Aa]ms?|[Aa]ns|[Zz]u[mr]|[Vv]om|[Bb]eim|[Vv]iele|[Zz]wei"
    r"|[Dd]rei|eng?|dat|déi|den|dem)(?:\s[a-zäöüß]+(?:e|er|es|en|em)){0,2}\s[A-ZÄÖÜ][\w-]*"
)


class Alt(NamedTuple):
    """A sentence, its language (BCP 47), and why it is not the model's; "" where it is."""

    text: str
    language: str
    fault: str = ""


def wanted(story: Story) -> str:
    """The language to ask for: the headline's where it has a name, else English."""
    return story.language if named(story.language) else "en"


@lru_cache(maxsize=64)
def named(tag: str) -> str:
    """A language's English name, such as "Portuguese (Brazil)"; "" where nobody knows it."""
    try:
        return Locale.parse(tag, sep="-").get_display_name("en") or "" if tag != "und" else ""
    except (UnknownLocaleError, ValueError, TypeError):
        return ""


def alt_text(said: str, scene: str, story: Story, cast: Cast, *, subject: str | None) -> Alt:
    """The model's own sentence where it is fit to be shown, else the scene's first in English.

    ``scene`` still has the mark; ``subject`` is who may be named in its place, or nobody.
    """
    text, language = tidy(said), wanted(story)
    if _base(language_of(text, None, (language, "en"))) == "en":
        language = "en"
    fault = _fault(text, language, story, cast)
    if MARK in text and not subject and (language != "en" or cast.subject is None):
        fault = "it shows somebody who is not there"
    if fault:
        text, language = re.split(r"(?<=[.!?])\s", scene)[0], "en"
    return Alt(
        sentence(text.replace(MARK, _who(cast, language) if subject else cast.strangers), language), language, fault
    )


def _who(cast: Cast, language: str) -> str:
    """Those who are shown, as a sentence in a language lists them."""
    if not cast.subject or not cast.company or _base(language) == "en":
        return cast.figure
    return format_list((cast.subject, *cast.company), locale=Locale.parse(language, sep="-"))


def _fault(text: str, language: str, story: Story, cast: Cast) -> str:
    if not _LETTER.search(text):
        return "there is none"
    if len(text) > MAX_CHARS:
        return f"{len(text)} characters"
    bare = text.replace(MARK, "somebody" if language == "en" else "")
    if language == "en":
        found = [fault for fault in tasteless(bare) if not fault.startswith("too short")]
    else:
        if nouns := _base(language) in NOUNS_IN_CAPITALS:
            text = _ARTICLED.sub(lambda noun: noun[0].lower(), text)  # what keeps its capital may be a name
        found = [*_foreign(bare, language, story), *(_german_names(text, story) if nouns else ())]
    return "; ".join([*found, *wording_faults(text, story, cast)])


def _foreign(text: str, language: str, story: Story) -> list[str]:
    base = _base(language)
    found = []
    spoken = _base(language_of(text, None, (language, "en")))
    if _ALIKE.get(spoken, spoken) != _ALIKE.get(base, base):
        found.append(f"it is in {spoken}, not in {base}")
    plain = text.translate(_JOINERS) if not re.search(r"[a-zA-Z]", text) else text
    found += [f"{name}: {hit[0]!r}" for name, mark in MARKS.items() if (hit := re.search(mark, plain, re.IGNORECASE))]
    inside = [word for word in _AFTER_FIRST.findall(text) if word[0].isupper()]
    if inside and base not in NOUNS_IN_CAPITALS:
        found.append(f"name: {inside[0]!r}")
    capitals = not any(char.isalpha() and char.upper() == char.lower() for char in text)
    if not capitals and (run := _shared(text, story.title) or "".join(re.findall(r"[A-Za-z]+", text))):
        found.append(f"perhaps a name: {run!r}")
    return found


def _shared(text: str, title: str) -> str:
    """What a text in a script without capitals shares with the headline, where that is long enough for a name."""
    katakana = [run for run in _KATAKANA.findall(text) if run in title]
    pairs = [pair for pair in map(" ".join, pairwise(text.split())) if pair in title]
    runs = [run for at in range(len(text)) if len(run := text[at : at + _LONG_RUN]) == _LONG_RUN and run in title]
    return next(iter([*katakana, *pairs, *runs]), "")


def _german_names(text: str, story: Story) -> list[str]:
    """Capitals of the headline that stand without an article, and two capitals in a row ("Bad Lindow")."""
    there = {word for word in re.findall(r"[\w-]+", f"{story.title} {story.summary}") if word[0].isupper()}
    alone = [word for word in re.findall(r"[\w-]+", text) if word in there]
    return [f"name: {word!r}" for word in [*alone, *re.findall(r"[A-ZÄÖÜ][\w-]* [A-ZÄÖÜ][\w-]*", text)]]


def sentence(text: str, language: str = "en") -> str:
    """Begun with a capital, ended as its language ends sentences."""
    text = text[:1].upper() + text[1:]
    if text.endswith(tuple(_ENDS)):
        return text
    return text + ("。" if _base(language) in _UNSPACED else ".")


def _base(language: str) -> str:
    return language.partition("-")[0]
