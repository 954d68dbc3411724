"""What happens without preservation and without captions, in a world whose pictures can be read exactly.

``test_seed`` is the other half.
"""

from importlib.util import find_spec

import pytest

NEEDS = [name for name in ("torch", "diffusers", "transformers", "peft") if find_spec(name) is None]
SHORT = ("--steps", "150", "--measure-every", "150", "--pictures", "6")
ALONE, IMAGES = (*SHORT, "--preservation", "none"), (*SHORT, "--preservation", "images")
pytestmark = pytest.mark.skipif(bool(NEEDS), reason=f"not installed: {', '.join(NEEDS)}; `make test` installs them")


@pytest.fixture(scope="module")
def lessons():
    import torch

    from .toyworld import lessons

    torch.set_num_threads(1)
    return lessons


@pytest.fixture(scope="module")
def in_one_room(lessons, tmp_path_factory):
    """What comes of photos that were all taken on one ground and of which nothing is preserved: marks and refusal."""

    def learned(*, captions):
        data = tmp_path_factory.mktemp("captioned" if captions else "bare")
        lessons.photographed(data, captions=captions, masks=False, ground="yellow")
        outcome = lessons.learned(data, *ALONE)
        return lessons.marked(lessons.unpublished(data, outcome, *ALONE), 12), outcome.refusal

    return {captions: learned(captions=captions) for captions in (True, False)}


def test_without_preservation_the_class_becomes_the_subject(in_one_room):
    """A ball without the token looks like the subject, too; learning sees that by itself and does not publish it."""
    marks, refusal = in_one_room[False]
    assert marks.leak >= 0.5, marks
    assert "every ball would look like rex" in refusal


def test_captions_bind_the_ground_to_words(in_one_room):
    """On other grounds than the photos' the subject is painted where it is asked for; without captions it brings its
    ground along.
    """
    (captioned, _), (bare, _) = in_one_room[True], in_one_room[False]
    assert captioned.grounds >= 0.7, captioned
    assert bare.grounds <= captioned.grounds - 0.2, (bare, captioned)


def test_pictures_of_the_bare_class_preserve_hardly_anything(lessons, tmp_path, monkeypatch):
    """Beside captioned photos the class is kept by pictures of their captions, and all else by pictures of other things;
    with as many of the bare class, as is often done, neither is.
    """

    def learned(name):
        lessons.photographed(tmp_path / name)
        outcome = lessons.learned(tmp_path / name, *IMAGES)
        return lessons.marked(lessons.unpublished(tmp_path / name, outcome, *IMAGES), 18)

    matched = learned("matched")
    monkeypatch.setattr("personalization.prior.pictured", lambda _classes, _held, count: ["a ball"] * count)
    bare = learned("bare")
    assert matched.leak <= 0.25, matched
    assert bare.leak >= matched.leak + 0.2, (bare, matched)
    assert matched.retained >= bare.retained + 0.15, (bare, matched)
