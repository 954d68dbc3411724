"""The folder display: the current slide as a file, whole at every moment."""

import contextlib
import threading
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from service.displays import folder
from service.displays.folder import put
from service.nights import Look, Nights, hours
from service.surroundings import Surroundings

from .loopback import Loopback, answer
from .test_cast import said
from .values import NOON, plate


@contextlib.contextmanager
def display(tmp_path, port, **settings):
    made = folder.make(
        folder.Settings(address=str(tmp_path / "frame"), **settings), Surroundings("frame", tmp_path, tmp_path, port)
    )
    with contextlib.closing(made):
        yield made


def test_the_current_slide_is_written(tmp_path):
    """Fetched from the service's own page and put under the one name a frame looks for."""
    with Loopback(answer(b"one"), answer(b"two")) as pages, display(tmp_path, pages.port) as frame:
        for number, slide in ((1, b"one"), (2, b"two")):
            frame.show(plate(id=number))
            assert said(frame, lambda s, n=number: s["shown_plate"] == n)
            assert (tmp_path / "frame/frontispiece.jpg").read_bytes() == slide
        assert pages.requests[0].startswith("GET /d/frame.jpg ")
        assert [path.name for path in (tmp_path / "frame").iterdir()] == ["frontispiece.jpg"]


def test_a_failure_is_said_and_the_slide_before_it_stays(tmp_path):
    """A service that does not answer, then one that does."""
    with (
        Loopback(answer(b"no", "503 Busy"), answer(b"yes")) as pages,
        display(tmp_path, pages.port, format="png") as frame,
    ):
        frame.show(plate(id=1))
        assert "does not answer" in said(frame, lambda s: s["last_error"])["last_error"]
        assert said(frame, lambda s: s["shown_plate"] == 1 and not s["last_error"])
        assert (tmp_path / "frame/frontispiece.png").read_bytes() == b"yes"


def test_a_folder_that_cannot_be_written_is_said(tmp_path):
    """Where a file stands in its place, for instance."""
    (tmp_path / "frame").write_text("a file")
    with Loopback(answer(b"one")) as pages, display(tmp_path, pages.port) as frame:
        frame.show(plate())
        assert "cannot be written" in said(frame, lambda s: s["last_error"])["last_error"]


def test_so_many_older_slides_are_kept(tmp_path):
    """The newest ones, and nothing that is not ours goes."""
    (tmp_path / "holiday.jpg").write_bytes(b"theirs")
    (tmp_path / "frontispiece-notes.txt").write_bytes(b"theirs")
    for number in range(6):
        put(tmp_path, f"slide {number}".encode(), "jpg", keep=3)
    older = sorted(tmp_path.glob("frontispiece-2*.jpg"))
    assert [path.read_bytes() for path in older] == [b"slide 2", b"slide 3", b"slide 4"]
    assert (tmp_path / "frontispiece.jpg").read_bytes() == b"slide 5"
    assert (tmp_path / "holiday.jpg").exists()
    assert (tmp_path / "frontispiece-notes.txt").exists()


def test_the_same_slide_again_changes_nothing(tmp_path):
    """No older copy of itself, no new file time for a frame to reload."""
    put(tmp_path, b"same", "jpg", keep=3)
    before = (tmp_path / "frontispiece.jpg").stat().st_mtime_ns
    put(tmp_path, b"same", "jpg", keep=3)
    assert [path.name for path in tmp_path.iterdir()] == ["frontispiece.jpg"]
    assert (tmp_path / "frontispiece.jpg").stat().st_mtime_ns == before


def test_a_reader_never_sees_half_a_slide(tmp_path):
    """Whoever opens the file finds one slide or the other, whole."""
    slides = [bytes([letter]) * 300_000 for letter in b"ab"]
    put(tmp_path, slides[0], "jpg", keep=0)
    stop, torn = threading.Event(), []

    def read():
        while not stop.is_set():
            data = (tmp_path / "frontispiece.jpg").read_bytes()
            if data not in slides:
                torn.append(len(data))

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(100):
        put(tmp_path, slides[number % 2], "jpg", keep=0)
    stop.set()
    reader.join()
    assert torn == []


def test_a_folder_has_its_night(tmp_path, monkeypatch):
    """Written again when it begins and ends, left alone where the screen is off; a clock is no older slide."""

    class Time(datetime):
        at = NOON

        @classmethod
        def now(cls, zone=None):
            return cls.at

    monkeypatch.setattr(folder, "datetime", Time)
    answers = [answer(name) for name in (b"day", b"22:30", b"22:31", b"morning")]
    nights = Nights(hours("22:30-07:00"), Look.CLOCK, UTC)
    around = replace(Surroundings("frame", tmp_path, tmp_path), nights=nights)
    with Loopback(*answers) as pages:
        frame = folder.make(folder.Settings(address=str(tmp_path), keep=5), replace(around, port=pages.port))
        with contextlib.closing(frame):
            for number, (moment, slide) in enumerate((
                ("2026-11-22T12:00", b"day"), ("2026-11-22T22:30", b"22:30"), ("2026-11-22T22:31", b"22:31"),
                ("2026-11-23T07:00", b"morning"),
            )):  # fmt: skip
                Time.at = datetime.fromisoformat(f"{moment}+00:00")
                frame.show(plate(id=number))
                assert said(frame, lambda s, n=number: s["shown_plate"] == n)
                assert (tmp_path / "frontispiece.jpg").read_bytes() == slide
        assert list(tmp_path.glob("frontispiece-2*")) == []


@pytest.mark.parametrize("table", [{}, {"address": ""}, {"address": "a\0b"}, {"address": "x", "keep": -1}])
def test_a_folder_that_cannot_be_meant_is_a_mistake(table):
    """It is told when the config is read."""
    with pytest.raises(ValidationError):
        folder.Settings(**table)
