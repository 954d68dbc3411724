"""Whether the owner's noun is what the base sees in the photos: a teapot that was called a dog is learned badly.

The base is asked which thing explains a photo best (Li et al. 2023, "Your Diffusion Model is Secretly a Zero-Shot
Classifier"), and how sure it can be it shows on pictures of the noun that it painted itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import mean
from typing import Any

from service.subjects import Kind

from . import asking, knowing, measure, sampling, shelf, token
from .examples import Examples
from .lesson import Lesson
from .request import Events

LOOKED_AT = 4  #: photos, and pictures of the base's own
AT_ONCE = 8  #: prompts
RIVALS = 3  #: those that explain the photos best are held against the base's own pictures
CLEARLY = 0.5  #: of how much better the noun explains the base's own pictures of it
NO_RIVALS = {  #: of a kind: its noun may be one of them in other words
    Kind.PERSON: ("man", "woman"), Kind.DOG: ("dog",), Kind.CAT: ("cat",), Kind.ANIMAL: ("dog", "cat", "horse", "bird"),
}  # fmt: skip
SEED = 70_000


def doubted(lesson: Lesson, shown: Examples, word: str) -> Events:
    """A warning where the photos show something else than the owner says; learning goes on all the same."""
    if seen := misnamed(lesson, shown, word):
        card = lesson.card
        yield {"event": "warning", "says": (
            f"to this model the photos look like a {seen} rather than a {card.class_noun}: if they do to you, stop, "
            f"`frontispiece subject remove {card.name}`, and add them again with --noun {seen}"
        )}  # fmt: skip


def misnamed(lesson: Lesson, shown: Examples, word: str) -> str:
    """What the base sees instead of the noun in most photos; "" where it sees the noun, or cannot tell.

    ``word``: the token.
    """
    family, pipe, noun = lesson.family, lesson.pipe, lesson.card.class_noun
    tail = asking.tails([lesson.used[0].caption], noun)[0]
    whole = asking.whole_in(token.tokenizers(pipe))
    others = [
        thing for thing in asking.OTHERS if thing not in (noun, *NO_RIVALS.get(lesson.card.kind, ())) and whole(thing)
    ]
    with lesson.adapter.off():
        known = knowing.known(family, pipe, others, word=word, tails=[tail], side_px=lesson.recipe.side_px)
        prompts = {thing: f"a {thing}" for thing in (noun, *known)}
        shelf.ready(family, pipe, list(prompts.values()))
        photographed = _explained(lesson, shown.pixels[:LOOKED_AT], prompts)
        better = [thing for thing in known if _beaten(photographed, noun, thing)]
        rivals = sorted(better, key=lambda thing: sum(photographed[thing]))[:RIVALS]
        if not rivals:  # as it should be, at half the price
            return ""
        own = sampling.paint(family, pipe, lesson.recipe, [prompts[noun]] * LOOKED_AT, SEED)
        painted = _explained(lesson, own, {thing: prompts[thing] for thing in (noun, *rivals)})
    return told_apart(painted, photographed, noun)


def told_apart(painted: Mapping[str, Sequence[float]], photographed: Mapping[str, Sequence[float]], noun: str) -> str:
    """The thing that explains the photos better than the noun: nearly all of them, and clearly.

    Both: how badly each thing explains each picture. Clearly is measured where it is the other way around, in the
    base's own pictures of the noun; where the noun does not explain those best, nothing can be told.
    """
    found = {}
    for thing in painted:
        sure, seen = -mean(_gaps(painted, noun, thing)), mean(_gaps(photographed, noun, thing))
        if sure > 0 and _beaten(photographed, noun, thing) and seen > CLEARLY * sure:
            found[thing] = seen
    return max(found, key=lambda thing: found[thing], default="")


def _beaten(explained: Mapping[str, Sequence[float]], noun: str, thing: str) -> bool:
    """Whether a thing explains nearly all pictures better than the noun does."""
    gaps = _gaps(explained, noun, thing)
    return sum(gap > 0 for gap in gaps) > 0.7 * len(gaps)


def _gaps(explained: Mapping[str, Sequence[float]], noun: str, thing: str) -> list[float]:
    return [own - other for own, other in zip(explained[noun], explained[thing], strict=True)]


def _explained(lesson: Lesson, pictures: Any, prompts: Mapping[str, str]) -> dict[str, list[float]]:
    things = list(prompts)
    told = [lesson.family.encode_words(lesson.pipe, [prompts[thing]]) for thing in things]
    rows = [
        [error for at in range(0, len(told), AT_ONCE)
         for error in measure.explained(lesson.family, lesson.pipe, picture[None], told[at : at + AT_ONCE])]
        for picture in pictures
    ]  # fmt: skip
    return {thing: [row[at] for row in rows] for at, thing in enumerate(things)}
