"""The sample edition."""

import re

import pytest

from service.editors.taste import faults
from service.editors.topics import topics
from service.model import Mood, Step
from service.sample import edition

PLATES = edition("home")
SCRIPT = {
    "ja": r"[\u3040-\u30ff]", "zh": r"[\u4e00-\u9fff]", "ko": r"[\uac00-\ud7a3]", "ar": r"[\u0600-\u06ff]", "he": r"[\u0590-\u05ff]",
    "hi": r"[\u0900-\u097f]", "ru": r"[\u0400-\u04ff]",
}  # fmt: skip


def test_it_is_large_and_varied():
    """At least 28 plates in at least ten languages and in every mood."""
    assert len(PLATES) >= 28
    assert len({p.story.language for p in PLATES}) >= 10
    assert {p.verdict.mood for p in PLATES} == set(Mood)


def test_it_opens_with_its_best():
    """The first is English and joyful; the first six are light and in six languages."""
    first = PLATES[0]
    assert (first.story.language, first.verdict.mood) == ("en", Mood.JOYFUL)
    assert len({p.story.language for p in PLATES[:6]}) == 6
    assert {p.verdict.mood for p in PLATES[:6]} <= {Mood.JOYFUL, Mood.PLAYFUL, Mood.HOPEFUL, Mood.CALM}


def test_plates_have_no_rows():
    """Ids are negative, stories link nowhere and carry a hash, and each plate says that it is a sample."""
    assert [p.id for p in PLATES] == [-n for n in range(1, len(PLATES) + 1)]
    assert len({p.story.id for p in PLATES}) == len(PLATES)
    for p in PLATES:
        assert p.sample
        assert p.step is Step.RENDERED
        assert p.channel == "home"
        assert re.fullmatch(r"[0-9a-f]{64}", p.story.id)
        assert p.story.link == ""
        assert p.story.feed == "sample:"
        assert p.story.published.tzinfo is not None


@pytest.mark.parametrize("plate", PLATES, ids=lambda p: str(p.id))
def test_scenes_are_faultless(plate):
    """Every scene passes the judge, names a topic of the house and has an alternative text of its own script."""
    assert faults(plate.prompt.scene) == ()
    assert plate.prompt.topic in topics()
    script = SCRIPT.get(plate.story.language[:2])
    assert plate.prompt.alt
    assert script is None or re.search(script, plate.prompt.alt)
    assert script is None or re.search(script, plate.story.title)


def test_gravity_and_mood_agree():
    """The darker the mood, the graver the story."""
    order = list(Mood)
    for p in PLATES:
        assert (p.verdict.gravity >= 0.45) == (order.index(p.verdict.mood) >= order.index(Mood.SOMBER))


def test_scenes_differ():
    """No picture is painted twice."""
    assert len({p.prompt.scene for p in PLATES}) == len(PLATES)


def test_it_is_the_same_edition_for_every_channel():
    """A channel gets its own plates of the same stories, equal each time they are asked for."""
    assert edition("home") == PLATES
    assert [p.story for p in edition("hall")] == [p.story for p in PLATES]
    assert {p.channel for p in edition("hall")} == {"hall"}
