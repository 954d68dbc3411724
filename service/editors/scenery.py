# ruff: noqa: SIM905  (a list of words reads best as words)
"""What a scene that a model wrote must be before it may reach an engine. Pure: values in, faults in words out.

A model that follows orders hidden in a headline can only say so in the fields it fills; these checks are what stands
between such words and the wall.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from ..model import Mood, Story
from ..subjects import figure
from .likeness import alike
from .quoting import orders
from .taste import faults as tasteless

MARK = "SUBJECT"  #: stands for the subject in what the model reads and writes: it never learns a name or a token
MIN_WORDS = 15
MAX_LETTERS = 700  #: sixty long words
QUOTED_WORDS = 4  #: in a row from the headline: then the scene repeats the text instead of showing it
MAX_AVOID = 6

_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_MARK = re.compile(rf"[{{<\[(*\"']{{0,4}}\b{MARK}\b(?!['’]s)[}}>\])*\"']{{0,4}}")
_SENTENCE = re.compile(r"(?:^|[.!?:;]\s+)([^\W_]+)")
_SPEECH = re.compile(r"\b(?:you|your|yours|yourself|please|prompts?|instructions?|headlines?)\b", re.IGNORECASE)
# words that begin a headline's sentence and are nobody's name even where the next word is one
_STARTS = frozenset(
    "after also amid before every first from here into just more most next once only other over some such than that "
    "their then there these they this those under until what when where while with your".split()
)
NOUNS_IN_CAPITALS = ("de", "lb", "nds", "gsw")  #: languages where a capital does not make a name


@dataclass(frozen=True, slots=True)
class Cast:
    """Who may be in a picture."""

    subject: str | None  #: a subject's name, by which a scene calls it and an engine knows it; or nobody
    kind: str = "person"  #: its class noun, all that the model is told
    unwelcome: tuple[str, ...] = ()  #: names and tokens of everybody known here: never written by the model
    company: tuple[str, ...] = ()  #: the subjects beside the first
    kinds: tuple[str, ...] = ()  #: and their class nouns

    @property
    def figure(self) -> str:
        """What stands for the mark in a scene that shows them."""
        return figure(self.subject or "", *self.company)

    @property
    def strangers(self) -> str:
        """What stands for it in one that shows somebody of their kind."""
        return figure(f"a {self.kind}", *(f"a {kind}" for kind in self.kinds))


def tidy(scene: str) -> str:
    """One line, plain quotes, the subject's mark bare of the brackets that models put around it."""
    line = " ".join(unicodedata.normalize("NFKC", scene[: 2 * MAX_LETTERS]).split())
    return _MARK.sub(MARK, line).replace("’", "'")


def scene_faults(scene: str, story: Story, cast: Cast, recent: Sequence[str] = ()) -> tuple[str, ...]:
    """Why a tidied scene may not be painted; nothing: it may."""
    found = [*tasteless(scene, MARK if cast.subject else None), *wording_faults(scene, story, cast)]
    if len(scene.split()) < MIN_WORDS:
        found.append(f"{len(scene.split())} words: write 25 to 50")
    if len(scene) > MAX_LETTERS:
        found.append("far too long: write 25 to 50 words")
    if MARK in scene and not cast.subject:
        found.append(f"{MARK} does not appear in this story")
    if other := alike(scene.replace(MARK, cast.figure), recent):
        found.append(f"much the same was on the wall lately: {other}: find another idea")
    return tuple(found)


def wording_faults(text: str, story: Story, cast: Cast) -> Iterator[str]:
    """What a text about a picture may not hold, beside matters of taste: speech, the story's names, its very words."""
    yield from speech_faults(text, cast.unwelcome)
    if names := _names_in(text, story):
        yield f"no proper names: {_some(names)}"
    if phrase := _repeated(text, f"{story.title}\n{story.summary}"):
        yield f"do not repeat the headline: {phrase}"


def speech_faults(text: str, unwelcome: Collection[str]) -> Iterator[str]:
    """What no text for a painter may hold, whatever it is about: speech, and the names of people at home."""
    if speech := orders(text) or ", ".join(_SPEECH.findall(text)):
        yield f"describe things, do not speak to anybody: {speech}"
    words = {word.lower() for word in re.findall(r"[\w-]+", text)}
    if names := [name for name in unwelcome if name.lower() in words]:
        yield f"no proper names: {_some(names)}"


def darkest(*moods: Mood) -> Mood:
    """The darkest of some moods."""
    return max(moods, key=list(Mood).index)


def sober(avoid: Sequence[str], story: Story, cast: Cast) -> tuple[str, ...]:
    """The words to avoid that are short, plain nouns."""
    words = dict.fromkeys(" ".join(word.lower().split()) for word in avoid)
    return tuple(
        word for word in words
        if re.fullmatch(r"[a-z][a-z' -]{1,38}", word) and len(word.split()) <= 3
        and not any(wording_faults(word, story, cast))
    )[:MAX_AVOID]  # fmt: skip


def _names_in(text: str, story: Story) -> list[str]:
    """The headline's names; any other capital inside a sentence is a matter of taste."""
    loud, quiet = headline_names(story)
    words = [part for word in _WORD.findall(text) for part in (word, *word.split("-"))]
    bare = [(word, re.sub(r"['’]s$", "", word)) for word in dict.fromkeys(words)]
    return [word for word, stem in bare if stem != MARK and (stem in loud or stem.lower() in quiet)]


def headline_names(story: Story) -> tuple[frozenset[str], frozenset[str]]:
    """Names of a headline: those that count only with their capital, and those that count in lower case as well.

    Where every word has a capital ("Night Trains Return", German) a capital tells little; and a short one in lower
    case is another word ("US", "us").
    """
    capitalised, sure = set(), set()
    for text in (story.title, story.summary):
        words = [re.sub(r"['’]s$", "", word) for word in _WORD.findall(text)]
        upper = [word for word in words if word[:1].isupper()]
        capitalised |= {word for word in upper if len(word) > 1}
        everywhere = len(upper) > 0.6 * len([word for word in words if len(word) > 3])
        if everywhere or story.language.split("-")[0] in NOUNS_IN_CAPITALS:
            continue
        first = set(_SENTENCE.findall(text))
        if len(words) > 1 and words[0][:1].isupper() and words[1][:1].isupper():  # "Marie Curie wins"
            first.discard(words[0])
        sure |= {word.lower() for word in upper if len(word) > 3 and word not in first} - _STARTS
    return frozenset(capitalised - _common_starts(story)), frozenset(sure)


def _common_starts(story: Story) -> set[str]:
    """The first words of sentences: capitals that mean nothing, unless the word has one elsewhere as well."""
    text = f"{story.title}. {story.summary}"
    return {word for word in _SENTENCE.findall(text) if len(re.findall(rf"\b{re.escape(word)}\b", text)) == 1}


def _repeated(text: str, source: str) -> str:
    """Words that stand in a row both here and in the source, if there are too many."""
    said, there = ([word.lower() for word in _WORD.findall(part)] for part in (text, source))
    runs = {tuple(there[at : at + QUOTED_WORDS]) for at in range(len(there) - QUOTED_WORDS + 1)}
    for at in range(len(said) - QUOTED_WORDS + 1):
        if tuple(said[at : at + QUOTED_WORDS]) in runs:
            return " ".join(said[at : at + QUOTED_WORDS])
    return ""


def _some(words: Sequence[str]) -> str:
    return ", ".join(dict.fromkeys(words[:5]))
