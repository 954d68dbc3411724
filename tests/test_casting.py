"""Who of this home may appear in a story."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from service import pipeline, subjects
from service.assembly import opened
from service.gate.casting import unwelcome
from service.model import Step
from service.protocols import Fetched
from service.settings import Channel, Settings
from service.subjects import Frequency, Kind, Subject

from .values import prompt, story, verdict

AGREED = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
ABOUT_SPORT = verdict(gravity=0.1, topics=("sport",), subject_allowed=True)


def rex(**other):
    base = {"name": "rex", "kind": Kind.DOG, "class_noun": "corgi", "token": "ohwx", "frequency": Frequency.ALWAYS}
    return Subject(**(base | other))


def why(subject, about=ABOUT_SPORT, refused=None, story_id="0" * 64):
    return unwelcome(subject, about, story_id, refused or {})


@pytest.mark.parametrize(
    ("card", "about", "says"),
    [
        ({}, verdict(subject_allowed=False), "nobody of this home appears in such a story"),
        ({"kind": Kind.PERSON}, ABOUT_SPORT, "rex has not agreed to appear"),
        ({"frequency": Frequency.NEVER}, ABOUT_SPORT, "rex never appears"),
        ({"max_gravity": 0.05}, ABOUT_SPORT, "the story is graver (0.10) than rex's 0.05"),
        ({"topics_forbidden": ("sport",)}, ABOUT_SPORT, "rex does not appear in stories about sport"),
        (
            {"topics_allowed": ("science", "animals")},
            ABOUT_SPORT,
            "rex appears in stories about science and animals only",
        ),
    ],
)
def test_each_rule_of_the_card_keeps_a_subject_out(card, about, says):
    """Any one rule suffices, and it is named."""
    assert why(rex(**card), about) == says


@pytest.mark.parametrize(
    "card", [{}, {"kind": Kind.PERSON, "consent_at": AGREED}, {"topics_allowed": ("sport",)}, {"max_gravity": 0.1}]
)
def test_a_subject_that_every_rule_lets_in_appears(card):
    """Rules take away; where none does, the subject is in."""
    assert why(rex(**card)) == ""


@pytest.mark.parametrize(
    ("frequency", "least", "most"), [("rarely", 100, 200), ("sometimes", 430, 570), ("always", 1000, 1000)]
)
def test_frequency_is_a_share_of_stories(frequency, least, most):
    """Of a thousand stories: about one in seven, every other one, all; a story asked again answers the same."""
    card, ids = rex(frequency=Frequency(frequency)), [story(f"Story {n}").id for n in range(1000)]
    cast = [each for each in ids if not why(card, story_id=each)]
    assert least <= len(cast) <= most
    assert cast == [each for each in ids if not why(card, story_id=each)]


def test_not_me_teaches():
    """Taken out of one story about sport, a subject appears in half as many; out of two, in none; elsewhere as before."""
    ids = [story(f"Story {n}").id for n in range(400)]
    once, twice = ({("rex", "sport"): number} for number in (1, 2))
    assert 150 <= sum(not why(rex(), refused=once, story_id=each) for each in ids) <= 250
    assert why(rex(), refused=twice) == "you took rex out of 2 stories about sport"
    assert why(rex(), verdict(gravity=0, topics=("science",), subject_allowed=True), twice) == ""
    assert why(rex(name="mia"), refused=twice) == ""


def described(service, number, subject):
    """A plate about sport that shows a subject, through the real store."""
    desk, told = service.desks["home"], story(f"Match {number}")
    service.store.visited(told.feed, Fetched((told,)), told.published)
    service.store.judged([(told.id, ABOUT_SPORT)])
    plate = service.store.chosen("home", told.id, ABOUT_SPORT, text_only=False, also=())
    service.store.described(service.archive.plate(plate), prompt(subject=subject))
    return desk, plate


@pytest.fixture
def home(tmp_path):
    settings = Settings(timezone="UTC", channels={"home": Channel(feeds=(), subjects=("rex", "nobody"))})
    subjects.save(tmp_path, rex())
    with opened(settings, tmp_path) as service:
        yield service


def test_the_line_casts_by_the_cards(home):
    """The editor is told who may appear; the transcript says why another may not."""
    desk, number = described(home, 1, None)
    told = pipeline.brief(home.press.line, desk, home.archive.plate(number))
    assert told.subjects == ("rex",)
    notes = [(note.what, note.text) for _, note in home.journal.notes(number)]
    assert [what for what, _ in notes] == ["kept nobody out"]
    assert "there is no subject called 'nobody'" in notes[0][1]


def test_what_not_me_taught_outlives_the_press(home):
    """Two plates about sport without rex, and a third is directed without; taken back, it is not."""
    for number in (1, 2):
        desk, plate = described(home, number, "rex")
        home.hand.not_me(plate)
    desk, third = described(home, 3, None)
    line = home.press.line
    assert pipeline.brief(line, desk, home.archive.plate(third)).subjects == ()
    assert "taken out" not in home.journal.notes(third)[0][1].text
    home.hand.not_me(plate, absent=False)
    assert line.screens.refusals() == {("rex", "sport"): 1}


def test_a_card_that_changes_is_read_anew(home):
    """Its owner edits the file by hand, and the next plate follows it."""
    desk, plate = described(home, 1, None)
    subjects.save(home.data, rex(frequency=Frequency.NEVER))
    assert pipeline.brief(home.press.line, desk, home.archive.plate(plate)).subjects == ()
    Path(subjects.folder(home.data, "rex") / subjects.CARD).write_text("name = 3")
    assert pipeline.brief(home.press.line, desk, home.archive.plate(plate)).subjects == ()
    assert "subject.toml" in home.journal.notes(plate)[-2][1].text
    assert home.archive.plate(plate).step is Step.DESCRIBED
