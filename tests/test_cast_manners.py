"""When a Cast display acts: decisions on values and a clock held by the test."""

import math
from dataclasses import replace

import pytest
from hypothesis import given, strategies as st

from service.displays.cast_find import Target, has_screen, matches, target
from service.displays.cast_manners import (
    Act,
    Front,
    Memory,
    Rules,
    absent_wait,
    failed,
    front,
    next_act,
    noticed,
    refused_wait,
    return_at,
)

RULES = Rules(resume_after=30, reload_after=420)
PLAYER, BACKDROP, SPOTIFY = "CC1AD845", "E8C28D3C", "CC32E753"
UP = Memory(wanted="v=1", loaded="v=1", loaded_at=0, session="ours", front=Front.OURS)

act = lambda memory, quiet=False: next_act(memory, RULES, quiet=quiet)  # noqa: E731


@pytest.mark.parametrize(
    ("app", "session", "whose"),
    [
        ("", None, Front.FREE),
        (BACKDROP, "ambient", Front.FREE),
        (PLAYER, "ours", Front.OURS),
        (PLAYER, "another", Front.GUEST),
        (PLAYER, None, Front.GUEST),
        (SPOTIFY, "ours", Front.GUEST),
        ("MultizoneFollower", None, Front.GUEST),
    ],
)
def test_whose_app_is_in_front(app, session, whose):
    """Free is no app or Backdrop; ours is the player with the session we launched; all else is a guest."""
    assert front(app, session, "ours") is whose


def test_a_player_is_a_guest_while_we_have_none():
    """Another program may show something with the same player."""
    assert front(PLAYER, None, None) is Front.GUEST


def test_a_free_screen_is_taken_at_once():
    """The first slide does not wait."""
    assert act(Memory(wanted="v=1")) == (Act.LAUNCH, -math.inf)


def test_nothing_is_done_without_a_plate():
    """No app is started to show nothing."""
    assert act(Memory()) == (Act.NOTHING, math.inf)


def test_a_guest_is_left_alone_whatever_else_holds():
    """No wish, age or failure makes us act while a guest is in front."""
    busy = noticed(UP, 100, Front.GUEST)
    assert busy.session is None
    for memory in (busy, replace(busy, wanted="v=2"), replace(busy, loaded_at=-1e6, not_before=0)):
        for quiet in (True, False):
            assert act(memory, quiet) == (Act.NOTHING, math.inf)


def test_the_screen_is_taken_again_some_time_after_the_guest():
    """``resume_after`` counts from the moment the guest left."""
    memory = noticed(noticed(UP, 100, Front.GUEST), 500, Front.FREE)
    assert act(memory) == (Act.LAUNCH, 530)
    again = noticed(noticed(memory, 510, Front.GUEST), 600, Front.FREE)
    assert act(again) == (Act.LAUNCH, 630)


def test_a_guest_that_left_while_we_were_cut_off_counts_from_when_we_see_it():
    """A lost connection does not make us less polite."""
    memory = noticed(noticed(UP, 100, Front.GUEST), 900, Front.FREE, fresh=True)
    assert act(memory) == (Act.LAUNCH, 930)


def test_a_new_plate_is_loaded_into_our_player_at_once():
    """One launch, then loads only."""
    assert act(replace(UP, wanted="v=2"))[0] is Act.LOAD
    assert act(replace(UP, wanted="v=2"))[1] == -math.inf


def test_the_same_plate_is_loaded_again_before_the_device_puts_it_away():
    """At ``reload_after``, which is less than the device's ten minutes."""
    assert act(UP) == (Act.LOAD, 420)


def test_three_removals_are_answered_and_the_fourth_is_not():
    """Each of the first three in ten minutes within 10 s; then somebody does not want us."""
    memory, now = UP, 0.0
    for _ in range(3):
        memory = noticed(memory, now, Front.FREE)
        verb, at = act(memory)
        assert verb is Act.LAUNCH
        assert 0 < at - now <= 10
        memory = replace(memory, session="ours", front=Front.OURS, loaded="v=1")
        now += 60
    memory = noticed(memory, now, Front.FREE)
    assert act(memory)[1] - now >= 600


def test_rare_removals_are_answered_for_ever():
    """A photo frame that comes back every ten minutes is no wish of a person."""
    memory = UP
    for now in range(0, 60_000, 610):
        memory = noticed(memory, now, Front.FREE)
        assert act(memory)[1] - now <= 10
        memory = replace(memory, session="ours", front=Front.OURS, loaded="v=1")
    assert len(memory.removals) < 10


def test_a_restart_of_the_device_is_no_removal():
    """After it the screen is taken at once."""
    memory = noticed(UP, 100, Front.FREE, fresh=True)
    assert memory.removals == ()
    assert act(memory) == (Act.LAUNCH, -math.inf)


def test_our_picture_is_still_there_after_a_short_drop():
    """Nothing is launched, nothing loaded anew."""
    assert act(noticed(UP, 100, Front.OURS, fresh=True)) == (Act.LOAD, 420)


def test_quiet_hours_end_our_session_once_and_then_nothing():
    """Inside them nothing is sent."""
    assert act(UP, quiet=True)[0] is Act.QUIT
    gone = replace(UP, session=None, front=Front.FREE, loaded=None, wanted="v=2")
    assert act(gone, quiet=True) == (Act.NOTHING, math.inf)


def test_an_absent_device_is_looked_for_every_few_seconds():
    """So that it shows the newest slide within 5 s of its return, and rarely after a long absence."""
    waits = [absent_wait(n) for n in range(1, 300)]
    assert max(waits) <= 4
    assert waits == sorted(waits)
    assert absent_wait(100_000) == 30


def test_a_device_that_says_no_is_asked_less_and_less():
    """Up to five minutes: each time may be seen in the room."""
    waits = [refused_wait(n) for n in range(1, 50)]
    assert waits[0] <= 2
    assert waits == sorted(waits)
    assert waits[-1] == 300


def test_a_failure_holds_back_what_would_come_next():
    """Loads and launches wait, reloads too."""
    memory = failed(replace(UP, wanted="v=2"), 100, refused=True)
    assert act(memory) == (Act.LOAD, 102)
    assert act(failed(Memory(wanted="v=1"), 100, refused=False)) == (Act.LAUNCH, 100.5)


fronts = st.sampled_from(Front)


@given(st.lists(st.tuples(fronts, st.booleans(), st.floats(0, 1000)), max_size=40))
def test_whatever_happens_a_guest_is_safe_and_our_session_known(events):
    """Over any history: nothing to do for a guest, and a session is remembered only while it may exist."""
    memory, now = UP, 0.0
    for seen, fresh, passed in events:
        now += passed
        possible = Front.FREE if seen is Front.OURS and memory.session is None else seen
        memory = noticed(memory, now, possible, fresh=fresh)
        assert memory.front is possible
        verb, at = act(memory)
        if possible is Front.GUEST:
            assert (verb, at) == (Act.NOTHING, math.inf)
        if possible is not Front.OURS:
            assert memory.session is None
            assert verb is not Act.LOAD
    assert return_at(memory.removals) <= now + 1800


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("192.168.1.20", Target("192.168.1.20", 8009)),
        ("192.168.1.20:8010", Target("192.168.1.20", 8010)),
        (" hub.lan:8009 ", Target("hub.lan", 8009)),
        ("localhost", Target("localhost", 8009)),
        ("kitchen:8009", Target("kitchen", 8009)),
        ("Kitchen display", Target(wanted="Kitchen display")),
        ("Küche", Target(wanted="Küche")),
        ("kitchen", Target(wanted="kitchen")),
        ("5f0c9de4-2c0b-4a0e-8a3c-1d2e3f405162", Target(wanted="5f0c9de42c0b4a0e8a3c1d2e3f405162")),
    ],
)
def test_an_address_is_a_host_a_name_or_a_uuid(address, found):
    """What has a dot, a port or is localhost is a host; what else is looked for by name."""
    assert target(address) == found


@pytest.mark.parametrize("address", ["", "  ", "http://192.168.1.20/", "[::1]:8009", "hub.lan:99999", "hub.lan:0"])
def test_an_address_that_cannot_be_meant_is_a_value_error(address):
    """An empty one, a web address, IPv6 (pychromecast has none), a port that there is not."""
    with pytest.raises(ValueError, match=r"should be|no port"):
        target(address)


def test_a_record_is_the_device_by_name_or_uuid():
    """Case and dashes do not matter."""
    record = {"id": "5F0C9DE42C0B4A0E8A3C1D2E3F405162", "fn": "Kitchen display"}
    assert matches(record, "kitchen Display")
    assert matches(record, target("5f0c9de4-2c0b-4a0e-8a3c-1d2e3f405162").wanted)
    assert not matches(record, "kitchen")
    assert not matches({}, "kitchen")


def test_speakers_and_groups_have_no_screen():
    """By the record's capabilities, or by the model of a group."""
    assert has_screen({"md": "Google Nest Hub", "ca": "231941"})
    assert has_screen({"md": "Some TV"})
    assert not has_screen({"md": "Google Home Mini", "ca": "199172"})
    assert not has_screen({"md": "Google Cast Group"})
