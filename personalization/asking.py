"""What is asked of a model to see what it has learned: the subject in its photos' surroundings and in new ones, its
class alone, and other things.

A model is only asked for what it can read: words that its tokenizer has whole. A model of a small world is asked about
that world.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .dataset import MARK
from .prior import plain

PLACES = (
    "on a beach", "in the snow", "in a forest", "on a street at night", "in front of a mountain", "on the moon",
    "in a kitchen", "in a field of flowers",
)  # fmt: skip
OTHERS = (
    "a man", "a woman", "a dog", "a cat", "a horse", "a bird", "a car", "a house", "a tree", "a boat", "a chair",
    "a flower", "a mountain", "a street", "a ball", "a box", "a wall", "a pole", "a ring", "a cross",
)  # fmt: skip
CONTEXTS = 8  #: at most: so many surroundings are asked for

Whole = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Questions:
    """Prompts in three groups, each as long as asked, and the surroundings by which they can be told apart."""

    subject: list[str]
    classes: list[str]  #: the same without the token
    others: list[str]
    contexts: list[str]  #: the prompts of the class, each once; ``subject[i]`` is in ``contexts[i % len(contexts)]``


def questions(captions: Sequence[str], token: str, noun: str, count: int, whole: Whole) -> Questions:
    """``captions`` have the mark in place; ``whole`` says whether the model has a word."""
    marked = _surroundings([caption or f"a {MARK} {noun}" for caption in captions], noun, whole)
    classes = [plain(context) for context in marked]
    few = max(count // 2, 1)
    others = _others([plain(c) for c in captions], noun, whole)
    return Questions(
        [marked[number % len(marked)].replace(MARK, token) for number in range(count)],
        [classes[number % len(classes)] for number in range(few)],
        [others[number % len(others)] for number in range(few)],
        classes,
    )


def _surroundings(captions: Sequence[str], noun: str, whole: Whole) -> list[str]:
    """The photos' own, half of them at most where there are new ones to ask for."""
    own = list(dict.fromkeys(captions))
    new = [f"a {MARK} {noun} {place}" for place in PLACES if all(map(whole, place.split()))]
    return [*own[: CONTEXTS // 2 if new else CONTEXTS], *new][:CONTEXTS]


def _others(captions: Sequence[str], noun: str, whole: Whole) -> list[str]:
    """Things that the class is not; in the photos' surroundings where those are told apart from the class."""
    things = [thing for thing in OTHERS if thing.split()[-1] != noun and whole(thing.split()[-1])] or ["a picture"]
    tails = [caption.split(noun, 1)[1] for caption in captions if noun in caption] or [""]
    return [
        f"{things[number % len(things)]}{tails[number % len(tails)]}" for number in range(max(len(things), len(tails)))
    ]


def whole_in(tokenizers: Sequence[object]) -> Whole:
    """Whether every tokenizer has a word in one piece. A tokenizer that has hardly any takes every word."""

    def pieces(tokenizer: object, word: str) -> int:
        ids = tokenizer(f" {word}", add_special_tokens=False).input_ids  # type: ignore[operator]
        return len(ids)

    common = ("a", "the", "on", "in", "man", "dog", "red", "ball")
    spelling = [t for t in tokenizers if sum(pieces(t, word) == 1 for word in common) < len(common) // 2]
    reading = [t for t in tokenizers if t not in spelling]
    return lambda word: all(pieces(tokenizer, word) == 1 for tokenizer in reading)
