"""The night of a screen: when it is, through changes of daylight saving, and what it looks like."""

import io
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, strategies as st
from PIL import Image, ImageStat

from service.assembly import opened
from service.compose import night
from service.compose.slide import Composer
from service.nights import Look, Nights, hours, look_at
from service.profiles import PROFILES
from service.settings import Settings

from .values import NOON, plate

TEMPLATES = Path(__file__).parent.parent / "templates"
HUB = PROFILES["nest-hub"]


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("23:00-06:30", ["23:00", "00:00", "03:59", "06:29"], ["06:30", "12:00", "22:59"]),
        ("13:00-15:00", ["13:00", "14:59"], ["15:00", "12:59", "00:00"]),
        ("0:00 - 0:00", [], ["00:00", "12:00"]),
    ],
)
def test_quiet_hours_may_span_midnight(text, inside, outside):
    """From the first moment to before the last, by the owner's clock."""
    window = hours(text)
    assert all(time.fromisoformat(moment) in window for moment in inside)
    assert not any(time.fromisoformat(moment) in window for moment in outside)


@given(st.text(max_size=14))
def test_hours_that_are_none_are_a_value_error(text):
    """Whatever is written, the answer is hours or a ValueError."""
    try:
        hours(text)
    except ValueError:
        return
    assert text.count(":") == 2


def lengths(zone, window, first, nights):
    """How many minutes each night lasts, and how often it begins, from a day on."""
    plan, at = Nights(hours(window), Look.OFF, ZoneInfo(zone)), first.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    looks = [plan.at(at + timedelta(minutes=minute)) for minute in range(nights * 1440)]
    runs = [0]
    for before, look in pairwise(looks):
        if look is Look.OFF:
            runs[-1] += 1
        elif before is Look.OFF:
            runs.append(0)
    return [run for run in runs if run]


@pytest.mark.parametrize(
    ("zone", "first", "minutes"),
    [
        ("Europe/Lisbon", datetime(2026, 3, 28, 12), 510 - 60),  # the clock leaves 01:00-02:00 out
        ("Europe/Lisbon", datetime(2026, 10, 24, 12), 510 + 60),  # and has it twice
        ("Europe/Berlin", datetime(2026, 3, 28, 12), 510 - 60),
        ("Europe/Berlin", datetime(2026, 10, 24, 12), 510 + 60),
        ("Australia/Lord_Howe", datetime(2026, 4, 4, 12), 510 + 30),  # half an hour
        ("Australia/Lord_Howe", datetime(2026, 10, 3, 12), 510 - 30),
        ("Pacific/Apia", datetime(2011, 12, 29, 12), 510),  # where the 30th never was
        ("Asia/Kolkata", datetime(2026, 3, 28, 12), 510),
    ],
)
def test_a_night_begins_and_ends_by_the_clock_on_the_wall(zone, first, minutes):
    """Through a change of daylight saving it is longer or shorter, and still one night."""
    runs = lengths(zone, "22:30-07:00", first, 1)
    assert runs == [minutes]


def test_hours_that_a_spring_night_leaves_out_are_not_there_that_night():
    """02:10-02:50 does not happen in Berlin on the last Sunday of March; on the day before it does."""
    assert lengths("Europe/Berlin", "02:10-02:50", datetime(2026, 3, 28, 12), 1) == []
    assert len(lengths("Europe/Berlin", "02:10-02:50", datetime(2026, 3, 27, 12), 1)) == 1


def test_a_screen_without_a_night_has_only_day():
    """Nothing is asked of it."""
    assert look_at(None, NOON) is Look.DAY


def seen(data):
    with Image.open(io.BytesIO(data)) as image:
        return image.size, sum(ImageStat.Stat(image.convert("RGB")).mean) / 3, image.info


def test_a_dim_slide_is_dark_warm_and_says_what_it_is():
    """A fraction of the light, and the file's own mark stays."""
    composer = Composer(TEMPLATES)
    slide = composer.compose(plate(), Image.new("RGB", (1024, 600), "white"), HUB, now=NOON)
    dark = night.dimmed(slide, ".jpg")
    assert seen(dark)[0] == (1024, 600)
    assert seen(dark)[1] < seen(slide)[1] / 3
    assert seen(dark)[2].get("xmp") == seen(slide)[2].get("xmp")
    assert b"progressive" not in dark
    assert seen(night.dimmed(slide, ".png"))[0] == (1024, 600)


@pytest.mark.parametrize("profile", ["nest-hub", "hub-max", "tv", "phone"])
def test_the_clock_is_dark_moves_and_fits(profile):
    """Two minutes differ, most of it is black, and no digit leaves the screen."""
    composer, screen = Composer(TEMPLATES), PROFILES[profile]
    for at in (datetime(2026, 11, 22, 3, 41), datetime(2026, 11, 22, 22, 58)):
        first, second = (night.clock(composer, when, screen, ".png") for when in (at, at + timedelta(minutes=1)))
        assert first != second
        size, light, _ = seen(first)
        assert size == (screen.width_px, screen.height_px)
        assert 1 < light < 25
        box = Image.open(io.BytesIO(first)).convert("L").point(lambda v: 255 * (v > 20)).getbbox()
        assert box[0] > screen.width_px * 0.04
        assert box[2] < screen.width_px * 0.96


@pytest.fixture
def clock(monkeypatch):
    class Clock:
        at = NOON

        def __call__(self):
            return self.at

    clock = Clock()
    monkeypatch.setattr("service.clock.now", clock)
    return clock


def test_every_kind_of_screen_has_its_night(tmp_path, clock):
    """The still and the live page of a browser follow it; e-ink, which gives no light, does not."""
    table = {"timezone": "UTC", "displays": [
        {"name": "dim", "quiet_hours": "22:30-07:00", "night": "dim"},
        {"name": "clock", "quiet_hours": "22:30-07:00", "night": "clock"},
        {"name": "off", "quiet_hours": "22:30-07:00"},
        {"name": "paper", "quiet_hours": "22:30-07:00", "night": "dim", "profile": "eink7"},
    ]}  # fmt: skip
    with opened(Settings.model_validate(table), tmp_path) as service:
        wall, names = service.wall, ["dim", "clock", "off", "paper"]
        day = {name: seen(wall.still(name, ".jpg").data)[1] for name in names}
        clock.at = datetime(2026, 11, 22, 23, 40, tzinfo=UTC)
        assert [str(info.night) for info in wall.displays()] == ["dim", "clock", "off", ""]
        dark = {name: seen(wall.still(name, ".jpg").data)[1] for name in names}
        assert dark["dim"] < day["dim"] / 3
        assert 1 < dark["clock"] < 25
        assert dark["off"] == 0
        assert dark["paper"] > 40
        shown = wall.showing("clock").plate
        assert ">23:40<" in wall.fragment(shown, "clock", 1024, 600, "").html
