"""A prompt as an engine's model is told it: the scene, the house's style, and nothing that must stay at home."""

from __future__ import annotations

import contextlib
import re
import tomllib
from pathlib import Path

from ..model import Prompt

LONGEST = 3000  #: characters; a longer text is cut at a word. Servers refuse more than 4,000 to 32,000

#: what a channel's style is called, and the words that make a model paint so
STYLES = {
    "papercut": "layered paper-cut illustration, hand-cut coloured paper with soft shadows between the layers",
    "watercolour": "loose watercolour illustration on rough paper, soft washes and visible brushwork",
    "gouache": "gouache illustration with flat opaque colours and gentle texture",
    "woodcut": "two-colour woodcut print with bold carved lines",
    "risograph": "risograph print in three inks with visible grain",
    "photo": "natural photograph with soft daylight and shallow depth of field",
}
#: said of what is there: a model paints what a sentence denies
PLAIN = "One clear scene filling the whole frame, wordless, plain unmarked surfaces, calm lower third."


def style_of(prompt: Prompt, own: str) -> str:
    """The style in words: the engine's own where its table has some, else the channel's."""
    return own or STYLES.get(prompt.style, f"{prompt.style} style illustration")


def scene_of(prompt: Prompt, subjects: Path) -> str:
    """The scene without a subject's name: an engine that has not learned it would paint any such person.

    The subject's card, ``<subjects>/<name>/subject.toml``, says what to call it: a corgi, a man.
    """
    words = " ".join((prompt.words or prompt.scene).split())
    if prompt.subject:
        called = _called(subjects, prompt.subject)
        words = re.sub(rf"(?<!\w){re.escape(prompt.subject)}(?!\w)", lambda _: called, words)
    return _cut(words)


def _called(subjects: Path, name: str) -> str:
    noun = "person"
    if re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,39}", name):
        with contextlib.suppress(OSError, ValueError, KeyError):
            noun = str(tomllib.loads((subjects / name / "subject.toml").read_text(encoding="utf-8"))["class_noun"])
    return f"{'an' if noun[:1].lower() in 'aeiou' else 'a'} {noun}"


def _cut(words: str) -> str:
    return words if len(words) <= LONGEST else words[:LONGEST].rsplit(" ", 1)[0]
