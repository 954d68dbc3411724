"""Rare words for subjects: each is one token of CLIP's vocabulary, from its rarest end, and means nothing.

Whether a model indeed makes nothing of one is proven before learning starts.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from service import subjects
from service.errors import SubjectError
from service.subjects import Kind

from .asking import COLOURS, OTHERS
from .errors import PhotoError

RARE = ("ohwx", "phol", "zshq", "sleg", "wamy", "mlas", "bsgo", "coyi", "gden", "utto", "ncbd", "cwgc")
MEANS = {
    "sks": "a rifle",
    "xxx": "something else",
    "ak": "a rifle",
    "v": "the letter",
}  #: words that others were misled by


def free(data: Path, name: str) -> str:
    """A rare word that no other subject has."""
    others = taken(data, name)
    return next((word for word in RARE if word not in others), f"{RARE[0]}{len(others)}")


def sound(data: Path, name: str, token: str, noun: str) -> str:
    """The owner's own word. Raises PhotoError where it cannot stand for one subject alone."""
    if not token.isascii() or not token.isalnum() or not 2 <= len(token) <= 12:
        raise PhotoError(f"--token {token!r}: a token is one rare word of 2-12 letters and digits, such as {RARE[0]}")
    if token.lower() in MEANS:
        raise PhotoError(
            f"--token {token}: to the models that is {MEANS[token.lower()]}; leave it out, or take {RARE[0]}"
        )
    if token.lower() in (noun.lower(), name.lower(), *Kind, *OTHERS, *COLOURS):
        raise PhotoError(f"--token {token}: the model knows that word already; leave it out, or take {RARE[0]}")
    unshared(data, name, token)
    return token


def unshared(data: Path, name: str, token: str) -> None:
    """Raises PhotoError where a word stands for another subject already."""
    if token in taken(data, name):
        raise PhotoError(f"--token {token} stands for another subject already")


def taken(data: Path, name: str) -> Collection[str]:
    """The words that stand for others."""
    found = set()
    for other in subjects.names(data):
        try:
            found.add(subjects.load(data, other).token if other != name else "")
        except SubjectError:  # a card that cannot be read takes no word
            continue
    return found
