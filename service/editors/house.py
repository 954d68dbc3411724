"""The house editor: rules and a bank of scenes written by hand. No model, no network, never distasteful.

Its mood is the gate's or darker, never lighter. A grave headline gets a still life with nobody in it. The same story
and the same recent scenes give the same prompt; a scene shown lately stays in the drawer while others fit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict

from service.errors import Declined
from service.model import Mood, Prompt, Story, Verdict
from service.protocols import Brief, Note, Ruling
from service.subjects import figure, in_turn
from service.surroundings import Surroundings

from . import topics
from .bank import ANYWHERE, Scene, by_topic, number_of, scenes
from .disguise import visible
from .orders import doubts
from .refusals import READ_MAX, TITLE_MAX, refused
from .topics import Match

ORDER = {mood: place for place, mood in enumerate(Mood)}
DARK = frozenset({Mood.SOMBER, Mood.GRIM})
BRIGHT = frozenset({Mood.JOYFUL, Mood.PLAYFUL, Mood.HOPEFUL, Mood.CALM})
#: a verdict's gravity (0 … 1) from which a mood may be no lighter
FLOORS = ((0.8, Mood.GRIM), (0.55, Mood.SOMBER), (0.4, Mood.TENSE), (0.25, Mood.CALM))
#: scenes of which other moods will do, best first; never a lighter one than the story's
NEIGHBOURS = {
    Mood.JOYFUL: (Mood.PLAYFUL, Mood.HOPEFUL, Mood.CALM),
    Mood.PLAYFUL: (Mood.HOPEFUL, Mood.CALM),
    Mood.HOPEFUL: (Mood.CALM,),
    Mood.CALM: (),
    Mood.TENSE: (Mood.SOMBER,),
    Mood.SOMBER: (Mood.GRIM,),
    Mood.GRIM: (),
}
#: topics whose scenes suit most headlines, when a day has used up what was meant for it
ABROAD = ("village", "forest", "weather", "ocean", "books", "trains", "city", "travel", "art", "oddity")
QUIET = ("mourning", "history", "faith", "health", "music", "violence", "accident")
AVOID = (
    "lettering", "captions", "numbers", "logos", "flags", "watermark", "weapons", "real people's faces",
)  # fmt: skip
AVOID_DARK = ("people", "blood", "injury", "ruins", "smiling", "garish colours")
AVOID_CROWD = ("a second person", "extra fingers")
AVOID_THIRD = ("a crowd", "extra fingers")


class Settings(BaseModel):
    """What ``[editors.NAME]`` may say for ``kind = "house"``."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    kind: Literal["house"] = "house"


class Reading(NamedTuple):
    """What the rules made of a headline."""

    matches: list[Match]  #: topics, likeliest first
    mood: Mood
    text: str
    language: str


class House:
    """An ``Editor`` that needs nothing."""

    def decide(self, candidates: Sequence[tuple[Story, Verdict]]) -> Sequence[Ruling]:
        """Keep all but what is no news: adverts, horoscopes, lists, orders to machines. Grimness is the gate's work."""
        rulings = []
        for story, _ in candidates:
            why = refused(story)
            rulings.append(Ruling(story.id, keep=why is None, why=why or "a headline"))
        return rulings

    def describe(self, story: Story, brief: Brief) -> Prompt:
        """Choose a scene. Raises Declined for what ``decide`` would drop."""
        why = refused(story)
        if why:
            raise Declined(f"not for the wall: {why}")
        reading = read(story, brief.verdict)
        seed = int(story.id[:8], 16)
        subjects = _subjects(brief, reading.mood, seed)
        scene, passed = choose(reading, brief.recent_scenes, seed, with_figure=bool(subjects))
        subjects = subjects if scene.figure else ()
        noun = _noun(scene, reading)
        text, alt = scene.filled(figure(*subjects) if subjects else None, noun)
        why = _why(reading, scene, passed) + (f"; {figure(*subjects)}" if len(subjects) > 1 else "")
        brief.note(Note("editor", "chose a scene by the house rules", _rule(reading, why)))
        return Prompt(
            scene=text,
            words=text,
            mood=reading.mood,
            topic=scene.topic if scene.topic != ANYWHERE or not reading.matches else reading.matches[0].label,
            seed=seed,
            style=brief.style,
            avoid=_avoid(scene, reading.mood, two=len(subjects) > 1),
            subject=subjects[0] if subjects else None,
            company=subjects[1:],
            alt=alt,
            why=why,
        )


def make(settings: Settings, surroundings: Surroundings) -> House:  # noqa: ARG001 - every adapter is made alike
    """The house editor; it has nothing to set and needs no place."""
    return House()


def read(story: Story, verdict: Verdict) -> Reading:
    """Topics and mood of a story: from its title, or from its summary too where the title says little.

    A title that may speak to a machine has no topic: its words move nothing here.
    """
    if doubts(story.title):
        return Reading([], mood_of(verdict, []), "", "en")
    text = visible(story.title[:TITLE_MAX])
    language = topics.language_of(text, story.language)
    found = topics.ranked(text, language)
    summary = visible(story.summary[: READ_MAX // 4])
    if not found and summary and not doubts(summary):
        text = f"{text}. {summary}"
        found = topics.ranked(text, language)
    if not found:
        found = [Match(topic, "the gate", 1) for topic in verdict.topics if topic in topics.topics()]
    return Reading(found, mood_of(verdict, found), text, language)


def mood_of(verdict: Verdict, found: Sequence[Match]) -> Mood:
    """The gate's mood, darkened by its gravity and by the first topic; never lightened."""
    floors = [verdict.mood]
    floors += [mood for gravity, mood in FLOORS if verdict.gravity >= gravity]
    floors += [topics.topics()[m.label].floor for m in found[:1]]
    return max(floors, key=ORDER.__getitem__)


def choose(reading: Reading, recent: Sequence[str], seed: int, *, with_figure: bool) -> tuple[Scene, int]:
    """A scene not shown lately from the first shelf that has one, else the oldest; and how many were passed over."""
    shown: dict[int, int] = {}  # scene's number -> how long ago, 0 the newest
    for age, text in enumerate(recent):
        number = number_of(text)
        if number is not None:
            shown.setdefault(number, age)
    passed: dict[int, Scene] = {}
    for shelf in shelves(reading, with_figure=with_figure):
        fresh = [scene for scene in shelf if scene.number not in shown]
        passed |= {scene.number: scene for scene in shelf if scene.number in shown}
        if fresh:
            return fresh[seed % len(fresh)], len(passed)
    oldest = max(passed.values(), key=lambda scene: shown[scene.number])
    return oldest, len(passed)


def shelves(reading: Reading, *, with_figure: bool) -> Iterator[list[Scene]]:
    """Scenes that fit, in groups, best first: the topic, its neighbours in mood, its kin, other topics named, any."""
    named = [match.label for match in reading.matches[:2]]
    kin = [k for name in named[:1] for k in topics.topics()[name].kin]
    exact, *near = _moods(reading.mood)
    own = [(name, moods) for name in named[:1] for moods in (exact, *(near if reading.mood in BRIGHT else ()))]
    others = [(name, exact) for name in [*kin, *named[1:]]]
    # a grave story's kin may be far-fetched (a blackout for a theft): a quiet scene of no topic is better
    places = [*own, (ANYWHERE, exact), *others] if reading.mood in DARK else [*own, *others, (ANYWHERE, exact)]
    places += [(name, moods) for moods in near for name in [*named[:1], ANYWHERE]]
    places += [(name, exact) for name in (QUIET if reading.mood in DARK else ABROAD)]
    for topic, moods in places:
        shelf = [scene for scene in by_topic().get(topic, ()) if not scene.moods.isdisjoint(moods)]
        with_one = [scene for scene in shelf if scene.figure] if with_figure else []
        yield from (group for group in (with_one, _fitting(shelf, reading), shelf) if group)


def _moods(mood: Mood) -> list[tuple[Mood, ...]]:
    return [(mood,), *((other,) for other in NEIGHBOURS[mood])]


def _fitting(shelf: list[Scene], reading: Reading) -> list[Scene]:
    """Scenes with a slot for what the headline names, if it names such a thing: the fox deserves its picture."""
    return [scene for scene in shelf if scene.noun and _noun(scene, reading)]


def _noun(scene: Scene, reading: Reading) -> str | None:
    if scene.noun is None:
        return None
    found = topics.nouns(reading.text, scene.noun, reading.language)
    return found[0].label if found else None


def _subjects(brief: Brief, mood: Mood, seed: int) -> tuple[str, ...]:
    if mood in DARK or not brief.verdict.subject_allowed:
        return ()
    return in_turn(brief.subjects, seed // 7, brief.at_once)


def _avoid(scene: Scene, mood: Mood, *, two: bool) -> tuple[str, ...]:
    if mood in DARK:
        return AVOID + AVOID_DARK
    if two:
        return AVOID + AVOID_THIRD
    return AVOID + AVOID_CROWD if scene.figure else (*AVOID, "people")


def _rule(reading: Reading, why: str) -> str:
    """The rule that decided, and what else was heard in the headline."""
    also = ", ".join(f"{match.label} ({match.words!r})" for match in reading.matches[1:4])
    return f"{why}; read as {reading.language}" + (f"; also heard: {also}" if also else "")


def _why(reading: Reading, scene: Scene, passed: int) -> str:
    first = reading.matches[0] if reading.matches else None
    topic = f"topic {first.label!r} (matched {first.words!r})" if first else "no topic matched"
    if first and scene.topic != first.label:
        topic += f", a scene of {scene.topic!r}"
    lately = f", {passed} passed over because shown within 48 h" if passed else ""
    return f"{topic}, mood {reading.mood}; scene {scene.number} of {len(scenes())}{lately}"
