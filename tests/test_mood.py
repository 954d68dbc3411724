"""The mood dial turned by hand: kept in the rows, used by the next round, told everywhere, undone by the config."""

import sqlite3

import pytest
from hypothesis import given, strategies as st

from service.errors import Refused

from .command import objects, told
from .homes import FEED, client, home
from .values import NOON, story, verdict

CONFIG = f'[channels.home]\nfeeds = ["{FEED}"]\nmood = 2\n[channels.kids]\nfeeds = ["{FEED}"]\nmood = 8\n'


@pytest.fixture
def house(tmp_path):
    with home(tmp_path / "data", channels={"home": {"feeds": [FEED], "mood": 2}}) as (service, clock):
        yield service, clock


def grave(service, gravity):
    """A judged story of that gravity, waiting to be chosen."""
    from service.protocols import Fetched

    told_story = story(f"A story of gravity {gravity}", feed=FEED)
    service.store.visited(FEED, Fetched((told_story,)), NOON)
    service.store.judged([(told_story.id, verdict(gravity=gravity))])


def test_the_next_round_goes_by_the_hand(house):
    """A story that the config's dial paints is kept off once the dial stands at only joy."""
    from service import pipeline

    service, _ = house
    line = service.press.line
    (desk,) = line.desks
    grave(service, 0.3)
    service.hand.turn("home", 10)
    list(pipeline.choose(line, desk))
    assert service.store.unfinished() == []
    service.hand.turn("home", None)
    list(pipeline.choose(line, desk))
    assert len(service.store.unfinished()) == 1


def test_the_gate_tells_its_day_by_the_hand(house):
    """What the status counts is what the turned dial decides, and the sentence says that a hand turned it."""
    service, _ = house
    grave(service, 0.3)
    (before,) = service.wall.status()["gate"]
    assert (before["mood"], before["turned_at"], before["paint"]) == (2, None, 1)
    service.hand.turn("home", 10)
    (after,) = service.wall.status()["gate"]
    assert (after["mood"], after["configured"], after["paint"]) == (10, 2, 0)
    assert "only joy" in after["says"]
    assert "turned by hand to +10, the config says +2" in after["says"]
    assert len(service.press.gatekeeper.kept_off()) == 1


def test_the_last_word_wins(tmp_path):
    """A hand holds through a restart, and is forgotten when the config's dial is changed after it."""
    config = {"channels": {"home": {"feeds": [FEED], "mood": 2}}}
    with home(tmp_path / "data", **config) as (service, _):
        service.hand.turn("home", -3)
    with home(tmp_path / "data", **config) as (service, _):
        assert service.hand.mood("home")["mood"] == -3
    config["channels"]["home"]["mood"] = 5
    with home(tmp_path / "data", **config) as (service, _):
        assert service.hand.mood("home") == {"channel": "home", "mood": 5, "configured": 5, "turned_at": None}


def test_a_dial_turned_to_what_is_configured_is_not_turned(house):
    """Nothing is remembered, so that the config's next change counts at once."""
    service, _ = house
    service.hand.turn("home", 7)
    assert service.hand.turn("home", 2)["turned_at"] is None
    assert service.store.db.execute("SELECT count(*) FROM dials").fetchone()[0] == 0


@given(st.integers())
def test_only_what_a_dial_has_is_kept(tmp_path_factory, number):
    """Beyond its ends the hand is refused with a sentence, and the rows could not hold it either."""
    with home(tmp_path_factory.mktemp("dial")) as (service, _):
        if -10 <= number <= 10:
            assert service.hand.turn("home", number)["mood"] == number
        else:
            with pytest.raises(Refused, match="from -10 to 10"):
                service.hand.turn("home", number)
            with pytest.raises((sqlite3.IntegrityError, OverflowError)):
                service.wishes.turn("home", number, 0)


def test_the_command_turns_tells_and_undoes(tmp_path):
    """One channel or all; a minus is no option; a mistake is a sentence and exit code 2."""
    config = tmp_path / "config.toml"
    config.write_text(CONFIG)
    where = ("--config", config, "--data", tmp_path / "data")
    assert "home: +2, careful, as the config says" in told("mood", *where).out
    assert "home: -3, lenient; turned by hand" in told("mood", "-3", "--channel", "home", *where).out
    assert [(row["channel"], row["mood"]) for row in objects(told("mood", "--json", *where).out)] == [
        ("home", -3),
        ("kids", 8),
    ]
    assert "turned by hand to -3, the config says +2" in told("status", *where).out
    assert "home: +2, careful, as the config says" in told("mood", "--undo", *where).out
    for wrong in (["11"], ["-11"], ["joy"], ["3", "--undo"], ["--jsno"], ["3", "--channel", "attic"]):
        assert told("mood", *wrong, *where).code == 2, wrong


def test_judge_goes_by_the_hand_too(tmp_path):
    """Whoever tries a headline is told what the wall would do now, and no data folder is made for that."""
    config = tmp_path / "config.toml"
    config.write_text(CONFIG)
    where = ("--config", config, "--data", tmp_path / "data")
    headline = "Markets fall after a weak quarter"
    calm = objects(told("judge", "--json", *where, given=headline).out)[0]["decision"]
    assert not (tmp_path / "data").exists()
    told("mood", "-10", *where)
    assert objects(told("judge", "--json", *where, given=headline).out)[0]["decision"] == "paint" != calm


def test_the_api_turns_the_dial(house):
    """With the token; numbers that no dial has, and channels that there are not, are refused by their status."""
    service, clock = house
    browser = client(service, clock)
    answer = browser.put("/api/channels/home/mood", json={"mood": -4})
    assert answer.json() == {**service.hand.mood("home")}
    assert answer.json()["mood"] == -4
    assert "turned by hand to -4" in browser.get("/status").text
    assert browser.delete("/api/channels/home/mood").json()["mood"] == 2
    assert browser.put("/api/channels/home/mood", json={"mood": 11}).status_code == 422
    assert browser.put("/api/channels/attic/mood", json={"mood": 1}).status_code == 404
    assert client(service, clock, token=None).put("/api/channels/home/mood", json={"mood": 1}).status_code == 401
