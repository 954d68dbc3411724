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
    "man", "woman", "dog", "cat", "horse", "bird", "car", "house", "tree", "boat", "chair", "flower", "ball", "box",
    "wall", "pole",
)  # fmt: skip
COLOURS = ("red", "blue", "green", "yellow", "white", "black", "purple")
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
    """Things that the class is not, every other one of a colour, in the photos' surroundings."""
    things, colours, tails = _things(noun, whole), _colours(whole), _tails(captions, noun)
    return [
        f"a {colours[at % len(colours)] if at % 2 else ''} {things[at % len(things)]}{tails[at % len(tails)]}".replace(
            "  ", " "
        )
        for at in range(2 * max(len(things), len(tails)))
    ]


def held(captions: Sequence[str], noun: str, whole: Whole) -> list[tuple[str, ...]]:
    """For each photo, what else must stay as it was: its class in a colour, another thing, that in a colour."""
    things, colours = _things(noun, whole), _colours(whole)
    found: list[tuple[str, ...]] = []
    for at, caption in enumerate(captions):
        thing, colour, tail = things[at % len(things)], colours[at % len(colours)], _tails([plain(caption)], noun)[0]
        other = colours[(at + 1) % len(colours)]
        found.append((f"a {colour} {noun}{tail}", f"a {thing}{tail}", f"a {other} {thing}{tail}", f"a {other} {noun}"))
    return found


def _things(noun: str, whole: Whole) -> list[str]:
    return [thing for thing in OTHERS if thing != noun and whole(thing)] or ["picture"]


def _colours(whole: Whole) -> list[str]:
    return [colour for colour in COLOURS if whole(colour)] or [""]


def _tails(captions: Sequence[str], noun: str) -> list[str]:
    """What captions say after the noun."""
    return [caption.partition(noun)[2] for caption in captions] or [""]


def whole_in(tokenizers: Sequence[object]) -> Whole:
    """Whether every tokenizer has a word in one piece. A tokenizer that has hardly any takes every word."""

    def pieces(tokenizer: object, word: str) -> int:
        ids = tokenizer(f" {word}", add_special_tokens=False).input_ids  # type: ignore[operator]
        return len(ids)

    common = ("a", "the", "on", "in", "man", "dog", "red", "ball")
    spelling = [t for t in tokenizers if sum(pieces(t, word) == 1 for word in common) < len(common) // 2]
    reading = [t for t in tokenizers if t not in spelling]
    return lambda word: all(pieces(tokenizer, word) == 1 for tokenizer in reading)
