"""What a lesson needs before its first step: a token, the studio that measures, and what must stay."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from service.files import write_whole

from . import asking, knowing, likeness, measure, prior, sampling, token, tokens
from .dataset import Photo
from .examples import Examples
from .lesson import Lesson
from .published import Known
from .steps import Kept

CLASS_IMAGES = 64  #: for preservation by pictures; guides say 200 of the bare class, these are of many prompts
CLASS_SEED = 50_000
TOKEN_SEED = 90_000


def token_of(lesson: Lesson) -> token.Proof:
    """The card's token if it is proven on this base, else a rare one that is, and that stands for no other subject.

    Remembered beside the photos.
    """
    note = lesson.folder / "learning" / "token.json"
    others = tokens.taken(lesson.folder.parent.parent, lesson.card.name)
    key = [lesson.base, lesson.card.token]
    try:
        found = json.loads(note.read_text(encoding="utf-8"))
        if found["for"] == key and found["token"] not in others:
            return token.Proof(found["token"], found["single"], found["meaning"])
    except (OSError, ValueError, KeyError, TypeError):
        pass  # never proven yet
    words = token.candidates(token.tokenizers(lesson.pipe), lesson.card.token)
    proof = token.proven((word for word in words if word not in others), Meaning(lesson))
    told = {"for": key, "token": proof.token, "single": proof.single, "meaning": proof.meaning}
    write_whole(note, json.dumps(told).encode())
    return proof


class Meaning:
    """Asks the untouched base what a word looks like."""

    def __init__(self, lesson: Lesson) -> None:
        self._lesson = lesson
        with lesson.adapter.off():
            self._eye = likeness.own_eye(lesson.family, lesson.pipe, lesson.family.encode_words(lesson.pipe, [""]))
            nothing = self._looked("")
            self._centre = nothing.mean((0, 2, 3))[:, None, None]
            self._alike = token.agreement(nothing - self._centre)

    def __call__(self, word: str) -> float:
        """0: its pictures agree no more than those of the empty prompt; 1: they are one picture."""
        with self._lesson.adapter.off():
            alike = token.agreement(self._looked(f"a {word}") - self._centre)
        return (alike - self._alike) / max(1 - self._alike, 1e-6)

    def _looked(self, prompt: str) -> Any:
        lesson = self._lesson
        painted = sampling.paint(lesson.family, lesson.pipe, lesson.recipe, [prompt] * token.PAINTED, TOKEN_SEED)
        return likeness.looked(self._eye, painted)


def studio(lesson: Lesson, shown: Examples, word: str) -> measure.Studio:
    """Where this lesson is measured."""
    asked = asked_of(lesson, lesson.used, word)
    return measure.studio(lesson.family, lesson.pipe, lesson.adapter, lesson.recipe, asked=asked, photos=shown.pixels,
                          masks=shown.subjects, eye=lesson.likeness)  # fmt: skip


def held_by(lesson: Lesson, word: str) -> list[tuple[str, ...]]:
    """What else must stay as it was, for each photo, in words that this base has."""
    captions = [photo.caption for photo in lesson.used]
    return asking.held(captions, lesson.card.class_noun, read_by(lesson, captions, word))


def preserved(lesson: Lesson, shown: Examples) -> Kept | None:
    """Pictures of what must stay, painted by the base; None where its answers preserve it."""
    import torch

    if lesson.recipe.preservation != "images":
        return None
    captions = prior.pictured(shown.classes, shown.held, CLASS_IMAGES)
    with lesson.adapter.off(), torch.no_grad():
        painted = sampling.paint(lesson.family, lesson.pipe, lesson.recipe, captions, CLASS_SEED)
        latents = torch.cat([lesson.family.encode_pictures(lesson.pipe, one[None]).float() for one in painted])
    return Kept(captions, latents)


def asked_of(model: Lesson | Known, used: Sequence[Photo], word: str) -> asking.Questions:
    """What this model can be asked about a subject. ``word`` is its token."""
    captions = [photo.caption for photo in used]
    read = read_by(model, captions, word)
    return asking.questions(captions, word, model.card.class_noun, model.recipe.pictures, read)


def read_by(model: Lesson | Known, captions: Sequence[str], word: str) -> asking.Whole:
    """Whether a model can read a word: it has it whole, and if it is a thing, knows it."""
    noun, whole = model.card.class_noun, asking.whole_in(token.tokenizers(model.pipe))
    things = [thing for thing in asking.OTHERS if thing != noun and whole(thing)]
    with model.adapter.off():
        known = knowing.known(model.family, model.pipe, things, word=word, tails=asking.tails(captions, noun),
                              side_px=model.recipe.side_px)  # fmt: skip
    return lambda each: whole(each) and (each not in things or each in known)
