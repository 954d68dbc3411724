"""Whether the noun is what the base sees in the photos: in a world whose things a real, small model knows."""

import threading
from argparse import ArgumentParser
from dataclasses import replace
from importlib.util import find_spec

import pytest

from personalization.naming import told_apart

NEEDS = [name for name in ("torch", "diffusers", "transformers", "peft") if find_spec(name) is None]


@pytest.fixture(scope="module")
def lesson(tmp_path_factory):
    """Photos of a ball, on the toy world's own model."""
    import torch

    from personalization import train
    from personalization.examples import prepared
    from personalization.lesson import opened
    from personalization.request import Request

    from .toyworld import PIPELINE, lessons

    torch.set_num_threads(1)
    data = tmp_path_factory.mktemp("toy")
    lessons.photographed(data)
    parser = ArgumentParser()
    train.options(parser)
    told = parser.parse_args(["--base", str(PIPELINE), "--device", "cpu", *lessons.SAMPLED])
    it = opened(Request(data, "rex", told, threading.Event()))
    return it, prepared(
        it.family, it.pipe, it.folder, it.used, token=lessons.TOKEN, noun="ball", side_px=it.recipe.side_px
    )


@pytest.mark.skipif(bool(NEEDS), reason=f"not installed: {', '.join(NEEDS)}; `make test` installs them")
@pytest.mark.parametrize(("noun", "seen"), [("ball", ""), ("wall", "ball"), ("pole", "ball"), ("teapot", "")])
def test_a_class_that_does_not_fit_is_said_with_the_one_that_does(lesson, noun, seen):
    """A ball is no wall and no pole; of a thing that the model does not know, nothing can be said."""
    from personalization.naming import doubted

    it, shown = lesson
    card = it.card.model_copy(update={"class_noun": noun, "kind": "thing"})
    said = [event["says"] for event in doubted(replace(it, card=card), shown, "zqx")]
    assert len(said) == bool(seen)
    assert all(f"look like a {seen} rather than a {noun}" in each and f"--noun {seen}" in each for each in said)


@pytest.mark.parametrize(
    ("own", "photo", "seen"),
    [
        ((1.0, 2.0), (2.0, 1.0), "b"),  # as clear as in the base's own
        ((1.0, 2.0), (1.2, 1.0), ""),  # a fifth as clear
        ((1.0, 1.0), (2.0, 1.0), ""),  # the base does not tell them apart itself
        ((1.0, 2.0), (1.0, 2.0), ""),
    ],
)
def test_a_noun_is_doubted_only_as_clearly_as_the_base_can_tell(own, photo, seen):
    """Held against pictures of the noun that the base painted."""
    pictures = [{"a": [a] * 4, "b": [b] * 4} for a, b in (own, photo)]
    assert told_apart(*pictures, "a") == seen
