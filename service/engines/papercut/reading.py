"""What a prompt asks of the scissors: who plays, where, when, in what weather."""

from __future__ import annotations

import random
import tomllib
from collections import Counter
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from service.model import Mood, Prompt

from .lexicon import Noun, found, singulars, words_of
from .palette import Hour
from .staging import Troupe, troupe

#: The only cut-outs that a quiet picture may show.
QUIET = (
    "own/candle",
    "own/glass-flower",
    "own/bench",
    "own/bare-tree",
    "own/street-lamp",
    "own/lantern",
    "own/stones",
    "own/cup",
)

HOURS = {
    Mood.JOYFUL: (Hour.DAY, Hour.DAY, Hour.DAWN, Hour.DUSK),
    Mood.PLAYFUL: (Hour.DAY, Hour.DAY, Hour.DAWN, Hour.NIGHT),
    Mood.HOPEFUL: (Hour.DAWN, Hour.DAY, Hour.DAWN, Hour.DUSK),
    Mood.CALM: (Hour.DAY, Hour.DAWN, Hour.DUSK, Hour.NIGHT),
    Mood.TENSE: (Hour.DUSK, Hour.DAY, Hour.NIGHT, Hour.DUSK),
    Mood.SOMBER: (Hour.DUSK, Hour.DAY, Hour.NIGHT, Hour.DAWN),
    Mood.GRIM: (Hour.DUSK, Hour.DAWN, Hour.DAWN, Hour.DUSK),
}


@dataclass(frozen=True, slots=True)
class Cast:
    """The parts of a picture, most important first."""

    seed: int
    mood: Mood
    hour: Hour
    quiet: bool  #: a still life from the quiet list, never the scene's own things
    heroes: tuple[Noun, ...]
    ground: tuple[Noun, ...]
    sky: tuple[Noun, ...]
    swarm: tuple[Noun, ...]
    row: tuple[Noun, ...]
    places: tuple[str, ...]  #: likeliest first; may be empty
    weather: str  #: rain, snow, mist, wind or ""
    people: bool  #: somebody may stand in it
    troupe: Troupe  #: what is shown, and how it stands together
    marks: frozenset[str] = field(default_factory=frozenset)  #: what is seen besides: moon, crescent, leaves, petals …
    calm: tuple[str, ...] = ()  #: what the scene names of the quiet list
    subject_shown: bool = False  #: a subject of the house stands in it

    @property
    def everything(self) -> tuple[Noun, ...]:
        """All nouns, heroes first."""
        return (*self.heroes, *self.ground, *self.swarm, *self.sky, *self.row)


NOBODY = Troupe(None, (), (), (), "")


@lru_cache(maxsize=1)
def settings() -> dict[str, dict[str, list[str]]]:
    """The words of ``setting.toml``."""
    return tomllib.loads(Path(__file__).with_name("setting.toml").read_text("utf-8"))


def cast(prompt: Prompt) -> Cast:
    """Read a prompt. Pure: the same prompt gives the same cast."""
    rng = random.Random(f"cast {prompt.seed}")
    marks = _marks(prompt.scene)
    said = {group: _count(marks, settings()[group]) for group in ("place", "hour", "weather")}
    quiet = prompt.mood is Mood.GRIM or any(_has(marks, w) for w in settings()["quiet"]["words"])
    parts = _parts(prompt.scene) if not quiet else {}
    people = any(_has(marks, w) for w in settings()["people"]["one"]) or prompt.subject is not None
    return Cast(
        seed=prompt.seed,
        mood=Mood.GRIM if quiet else prompt.mood,
        hour=_hour(said["hour"] or _sunny(marks), prompt.mood, rng),
        quiet=quiet,
        heroes=parts.get("hero", ()),
        ground=parts.get("ground", ()),
        sky=parts.get("sky", ()),
        swarm=parts.get("swarm", ()),
        row=parts.get("row", ()),
        places=tuple(place for place, _ in said["place"].most_common()),
        weather=next((name for name, _ in said["weather"].most_common()), ""),
        people=people and not quiet,
        troupe=troupe(prompt.scene) if not quiet else NOBODY,
        marks=frozenset(name for name, words in settings()["seen"].items() if any(_has(marks, w) for w in words)),
        calm=tuple(dict.fromkeys(n.looks[0] for n, _ in found(prompt.scene) if n.looks[0] in QUIET)) if quiet else (),
        subject_shown=prompt.subject is not None and not quiet,
    )


def _marks(scene: str) -> str:
    """The scene's words and their singulars between spaces, so that whole words and phrases can be looked up."""
    words = words_of(scene)
    return f" {' '.join(words)} | {' '.join(s for w in words for s in singulars(w)[1:])} "


def _has(marks: str, word: str) -> bool:
    return f" {word} " in marks


def _count(marks: str, groups: dict[str, list[str]]) -> Counter[str]:
    counts = Counter({name: sum(_has(marks, w) for w in words) for name, words in groups.items()})
    return +counts


def _sunny(marks: str) -> Counter[str]:
    """Day, where a scene that tells no hour speaks of the sun."""
    return Counter({"day": 1} if any(_has(marks, word) for word in settings()["seen"]["sun"]) else {})


def _hour(said: Counter[str], mood: Mood, rng: random.Random) -> Hour:
    if said and mood is not Mood.GRIM:
        clear = Counter({hour: count for hour, count in said.items() if hour != "lit"})
        return Hour((clear or Counter({"night": 1})).most_common(1)[0][0])
    return rng.choice(HOURS[mood])


def _parts(scene: str) -> dict[str, tuple[Noun, ...]]:
    """Nouns by role, the weightiest first; what is named early counts a little more."""
    best: dict[str, tuple[float, Noun]] = {}
    for noun, at in found(scene):
        score = noun.weight - 0.08 * min(at, 40)
        if noun.looks[0] not in best or best[noun.looks[0]][0] < score:
            best[noun.looks[0]] = (score, noun)
    ranked = [noun for _, noun in sorted(best.values(), key=lambda pair: (-pair[0], pair[1].word))]
    return {role: tuple(n for n in ranked if n.role == role) for role in ("hero", "ground", "sky", "swarm", "row")}
