"""What is good and bad about photos, in words for their owner; which to take of many; what to add. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

from service.subjects import Kind

from .crops import Box
from .measures import Measures, alike, apart
from .persons import Person, strangers

MOST = 30  #: photos learned from: more teach nothing new and cost time
FEW = 5  #: fewer, and one pose or one room is taken for the subject
BLURRED, SOFT = 0.005, 0.013  #: sharpness below which a photo teaches blur, or is just not crisp (calibrated at 512 px)
DARK, DIM, GLARING = 0.12, 0.22, 0.86  #: mean brightness
FLAT = 0.05  #: contrast below which nearly nothing is seen
BURNT = 0.3  #: part of the subject without detail
SMALL_PX, TINY_PX = 512, 256  #: of the part that is learned, its shorter side
SAME = 6  #: bits of 64: near duplicates
SAME_PLACE = 0.62  #: of what is around the subject in common: the same room


@dataclass(frozen=True, slots=True)
class Looked:
    """A photo as far as it was looked at."""

    name: str
    size: tuple[int, int]  #: px, as its file has it
    learned_px: int  #: the shorter side of the part that is learned
    measures: Measures
    box: Box | None
    faces: int | None  #: None: not looked for
    person: Person | None = None  #: None: not looked for, or no face


class Finding(NamedTuple):
    """Something about a photo; ``out``: it should not be learned from."""

    says: str
    out: bool = False


def findings(looked: Looked, kind: Kind, twin: str = "") -> list[Finding]:
    """What is bad about a photo. ``twin``: the name of a better one that is nearly the same."""
    found = [Finding(f"nearly the same as {twin}", out=True)] if twin else []
    return [*found, *_focus(looked.measures), *_light(looked.measures), *_size(looked), *_people(looked, kind)]


def _focus(measures: Measures) -> list[Finding]:
    if measures.contrast < FLAT:
        return [Finding("nearly nothing is seen in it", out=True)]
    if measures.sharpness < BLURRED:
        return [Finding("blurred", out=True)]
    return [Finding("a little blurred")] if measures.sharpness < SOFT else []


def _light(measures: Measures) -> list[Finding]:
    if measures.brightness < DARK:
        return [Finding("very dark", out=True)]
    if measures.brightness < DIM:
        return [Finding("a little dark")]
    if measures.brightness > GLARING or measures.burnt > BURNT:
        return [Finding("too bright: parts have no detail")]
    return []


def _size(looked: Looked) -> list[Finding]:
    if looked.learned_px < TINY_PX:
        return [Finding(f"too small: {looked.learned_px} pixels of it can be learned", out=True)]
    return [Finding(f"small: {looked.learned_px} pixels of it can be learned")] if looked.learned_px < SMALL_PX else []


def _people(looked: Looked, kind: Kind) -> list[Finding]:
    if kind is not Kind.PERSON or looked.faces is None:
        return []
    if looked.faces == 0:
        return [Finding("no face was found", out=True)]
    return [Finding(f"{looked.faces} people: the largest face is taken")] if looked.faces > 1 else []


def twins(photos: Sequence[Looked], kind: Kind, settled: int = 0) -> dict[int, int]:
    """Of near duplicates the worse, with the better of each pair; the first ``settled`` give way to no later one.

    One that is left out for a fault of its own is nobody's better.
    """
    order = sorted(range(len(photos)), key=lambda at: (at >= settled, -worth(photos[at], kind), -_crisp(photos[at])))
    worse: dict[int, int] = {}
    for place, better in enumerate(order):
        if better in worse or any(finding.out for finding in findings(photos[better], kind)):
            continue
        for other in order[place + 1 :]:
            if other >= settled and other not in worse and _same(photos[better], photos[other]):
                worse[other] = better
    return worse


def worth(photo: Looked, kind: Kind) -> float:
    """How good a photo is to learn from, 0 to 1."""
    found = findings(photo, kind)
    return 0.05 if any(finding.out for finding in found) else 0.7 ** len(found)


def _crisp(photo: Looked) -> float:
    return photo.measures.sharpness * photo.learned_px


def _same(one: Looked, other: Looked) -> bool:
    return apart(one.measures.fingerprint, other.measures.fingerprint) <= SAME


def varied(photos: Sequence[Looked], kind: Kind, most: int) -> list[int]:
    """Which of many to take, in their order: the best first, then always the good one least like those taken."""
    good, doubles = [worth(photo, kind) for photo in photos], twins(photos, kind)
    left = {number for number in range(len(photos)) if number not in doubles}
    taken: list[int] = []
    distance = dict.fromkeys(left, 1.0)
    while left and len(taken) < most:
        best = max(left, key=lambda number: (good[number] * distance[number], -number))
        left.remove(best)
        taken.append(best)
        for number in left:
            distance[number] = min(distance[number], _distance(photos[number].measures, photos[best].measures))
    return sorted(taken)


def _distance(one: Measures, other: Measures) -> float:
    """How unlike two photos are, 0 to 1: half by their shapes, half by their places."""
    return 0.5 * min(1.0, apart(one.fingerprint, other.fingerprint) / 32) + 0.5 * (
        1 - alike(one.surroundings, other.surroundings)
    )


# -- of all of them together ---------------------------------------------------------------------------------------


def advice(photos: Sequence[Looked], kind: Kind) -> list[str]:
    """What to add or to look at, most important first. ``photos``: those that are learned from."""
    return [*_number(len(photos)), *_places(photos), *_distances(photos), *_strangers(photos, kind)]


def _number(number: int) -> list[str]:
    more = "in other places, in other light, from other sides"
    if number == 0:
        return [f"No photo can be learned from. Add 5 to 20, {more}."]
    if number == 1:
        return [f"One photo teaches that photo. Add 4 to 20 more, {more}."]
    return [f"{number} photos are few. Add {FEW - number} or more, {more}."] if number < FEW else []


def _places(photos: Sequence[Looked]) -> list[str]:
    seen = [photo.measures.surroundings for photo in photos if photo.measures.surroundings]
    pairs = [alike(one, other) for one, other in combinations(seen, 2)]
    if len(seen) < 3 or not pairs or sum(pair > SAME_PLACE for pair in pairs) < 0.6 * len(pairs):
        return []
    return ["The background is the same in nearly all: it would be learned too. Add some from other places."]


def _distances(photos: Sequence[Looked]) -> list[str]:
    boxes = [(photo.box, photo.size) for photo in photos if photo.box]
    parts = [(box[2] - box[0]) * (box[3] - box[1]) / (size[0] * size[1]) for box, size in boxes]
    if len(parts) < 3:
        return []
    if min(parts) > 0.6:
        return ["All are close-ups. Add some from further away."]
    return ["All are from far away. Add some close-ups."] if max(parts) < 0.12 else []


def _strangers(photos: Sequence[Looked], kind: Kind) -> list[str]:
    if kind is not Kind.PERSON or not photos:
        return []
    if all(photo.faces is None for photo in photos):
        return ["Nobody looked for faces: `make train` installs what does."]
    crowd = [photo.name for photo in photos if (photo.faces or 0) > 1]
    others = [f"Other people are in {', '.join(crowd)}: leave out those where the wrong face is framed."]
    return [*(others if crowd else []), *_others(photos)]


def _others(photos: Sequence[Looked]) -> list[str]:
    """Whether all show one person."""
    people = {photo.name: photo.person for photo in photos if photo.person}
    if not people:
        return ["Whether all show the same person is not checked: look at them once."]
    found = strangers(people)
    if found is None:
        return [
            f"{_several(list(people))} look like different people. One subject is one person: leave out the others."
        ]
    look = "looks" if len(found) == 1 else "look"
    return (
        [f"{_several(found)} {look} like somebody else than the rest: leave out whoever is not meant."] if found else []
    )


def _several(names: Sequence[str]) -> str:
    """Photos by their names: "Photo 3", "Photos 3, 5 and 7"."""
    if len(names) == 1:
        return f"Photo {names[0]}"
    return f"Photos {', '.join(names[:-1])} and {names[-1]}"
