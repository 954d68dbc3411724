"""The wall is never blank, and never shows what is not so."""

import io
import sqlite3
from datetime import timedelta

import pytest
from PIL import Image

from bench import loopback
from service import sample, wall as wall_room
from service.assembly import Service, opened
from service.settings import Settings

from .values import NOON


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self):
        self.at = NOON

    def __call__(self):
        return self.at

    def passes(self, **span):
        self.at += timedelta(**span)


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr("service.clock.now", clock)
    return clock


@pytest.fixture(scope="module")
def feed():
    with loopback.serving({"news.xml": loopback.rss(loopback.headlines(8))}) as base:
        yield f"{base}/news.xml"


@pytest.fixture
def service(feed, tmp_path, clock):
    table = {
        "channels": {"home": {"feeds": [feed], "plates_per_round": 1, "max_age_hours": 0}},
        "displays": [{"name": "hall"}, {"name": "frame", "profile": "eink7"}],
        "net": {"allow_private": ["127.0.0.1"]},
    }
    with opened(Settings.model_validate(table), tmp_path / "data") as service:
        yield service


def test_how_a_plate_came_to_be(service):
    """A plate tells its recipe and its tries, whose pictures are served; a file that is gone is missing, no failure."""
    round_of(service)
    wall, plate = service.wall, service.wall.recent(1)[0]
    made = wall.making(plate.id)
    assert (made.recipe["engine"], [t.picture for t in made.tries]) == ("papercut", [plate.picture])
    assert wall.tried(plate.id, 1).data == wall.picture(plate.id).data
    with pytest.raises(LookupError, match="no try 2"):
        wall.tried(plate.id, 2)
    service.store.folder.remove(plate.picture)
    with pytest.raises(LookupError, match="is gone"):
        wall.tried(plate.id, 1)
    assert wall.making(-1).tries == []
    assert wall.making(-1).recipe["engine"] == "papercut"


def size(still):
    return Image.open(io.BytesIO(still.data)).size


def round_of(service: Service):
    return list(service.wall.round())


def test_before_the_first_story_the_sample_edition_hangs(service, clock):
    """With nothing on the wall an invented headline hangs, says so, and another follows within the minute."""
    wall, seen = service.wall, []
    for _ in range(len(sample.edition("home")) + 1):
        showing = wall.showing("hall")
        assert showing.plate.sample
        assert showing.note == "sample edition: no story has arrived yet"
        assert showing.since <= clock() < showing.until
        seen.append(showing.plate.id)
        clock.passes(seconds=wall_room.SAMPLE_SECONDS)
    assert len(set(seen)) == len(seen) - 1
    assert seen[-1] == seen[0]
    assert wall.recent(4)[0].sample
    assert wall.plate(-1).sample


def test_a_sample_has_its_pixels(service):
    """A slide of the sample edition is composed for each display's size, and its bare picture can be had."""
    assert size(service.wall.still("hall", ".jpg")) == (1024, 600)
    assert size(service.wall.still("frame", ".png")) == (800, 480)
    assert size(service.wall.picture(-1)) == (1024, 600)
    fragment = service.wall.fragment(service.wall.plate(-1), "hall", 1024, 600, "/x")
    assert "sample" in fragment.html


def test_a_finished_plate_hangs(service):
    """After a round the new plate hangs everywhere, without a note, and the slide's validator changes with it."""
    before = service.wall.still("hall", ".jpg").etag
    round_of(service)
    showing = service.wall.showing("hall")
    assert (showing.plate.sample, showing.note) == (False, "")
    assert service.wall.showing("frame").plate == showing.plate
    after = service.wall.still("hall", ".jpg")
    assert after.etag != before
    assert service.wall.still("hall", ".jpg").etag == after.etag
    assert [p.id for p in service.wall.recent()] == [showing.plate.id]
    assert service.wall.slide(showing.plate.id, "nest-hub").data == after.data


def test_another_plate_another_etag(service, clock):
    """The next plate of the next round changes what every display validates against."""
    round_of(service)
    first = service.wall.showing("hall").plate, service.wall.still("hall", ".jpg").etag
    clock.passes(hours=2)
    round_of(service)
    second = service.wall.showing("hall").plate, service.wall.still("hall", ".jpg").etag
    assert first[0].id != second[0].id
    assert first[1] != second[1]


def test_the_last_good_plate_stays(service, clock):
    """Days without a new story leave the last plate where it hangs."""
    round_of(service)
    plate = service.wall.showing("hall").plate
    clock.passes(days=5)
    service.press.show()
    assert service.wall.showing("hall").plate.id == plate.id


@pytest.mark.parametrize("harm", ["cut", "flipped", "gone"])
def test_a_damaged_picture_is_text_now_and_painted_again(service, harm, clock):
    """A picture's file that is cut, changed or gone: its words stand alone at once, and the next round paints it."""
    round_of(service)
    wall, plate = service.wall, service.wall.showing("hall").plate
    whole, picture = wall.still("hall", ".jpg"), wall.picture(plate.id)
    file = service.store.folder.path / "pictures" / plate.picture
    data = file.read_bytes()
    if harm == "gone":
        file.unlink()
    else:
        file.write_bytes(data[:-100] if harm == "cut" else data[:-50] + b"!" + data[-49:])
    assert wall.showing("hall").plate.picture is None
    card = wall.still("hall", ".jpg")
    assert size(card) == (1024, 600)
    assert card.etag != whole.etag
    assert plate.story.title.split()[0] in wall.fragment(wall.plate(plate.id), "hall", 1024, 600, "").html
    with pytest.raises(LookupError):
        wall.picture(plate.id)
    assert any(event["verb"] == "mend" for event in round_of(service))
    assert file.read_bytes() == data
    assert wall.picture(plate.id).etag == picture.etag
    assert wall.slide(plate.id, "nest-hub").etag == whole.etag


def test_rows_that_cannot_be_read_leave_the_sample_edition(service, monkeypatch):
    """A store that fails while the service runs does not blank the wall; the note says what is wrong."""

    def fails(_):
        raise sqlite3.OperationalError("disk I/O error")

    round_of(service)
    monkeypatch.setattr(service.archive, "hung", fails)
    showing = service.wall.showing("hall")
    assert showing.plate.sample
    assert showing.note == "sample edition: the data folder cannot be read"


def test_what_is_not_there(service):
    """Unknown displays, plates and profiles are lookup errors."""
    for ask in (lambda w: w.showing("attic"), lambda w: w.still("attic", ".jpg"), lambda w: w.plate(99),
                lambda w: w.picture(99), lambda w: w.slide(-1, "attic"), lambda w: w.slide(99, "nest-hub")):  # fmt: skip
        with pytest.raises(LookupError):
            ask(service.wall)
    with pytest.raises(KeyError):
        service.wall.showing("attic")


@pytest.mark.parametrize("window", [(1024, 600), (390, 844), (1920, 1080), (160, 160), (3840, 2160)], ids=str)
def test_a_fragment_fits_its_window(service, window):
    """The live page's slide is made for the window that asks, whatever the display's own size."""
    plate = service.wall.showing("hall").plate
    fragment = service.wall.fragment(plate, "hall", *window, "/plates/-1/picture?v=1")
    assert (fragment.width_px, fragment.height_px) == window
    assert 'src="/plates/-1/picture?v=1"' in fragment.html


def test_status_tells_what_hangs(service):
    """The status names what is on each display and is JSON-safe."""
    round_of(service)
    told = service.wall.status()
    assert [d["name"] for d in told["displays"]] == ["hall", "frame"]
    assert told["displays"][0]["headline"] == service.wall.showing("hall").plate.story.title
    assert service.wall.ready() == (True, "ready")
