"""The owner's word on plates: favourites stay, banned plates leave the wall at once, and both teach what is chosen."""

from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType

import pytest
from fastapi.testclient import TestClient

from bench import loopback
from service.assembly import opened, read_settings
from service.choice import Candidate, choose, learn
from service.gate.verdict import decide, judge
from service.model import Step, Telling
from service.press import Press
from service.protocols import Fetched
from service.settings import Channel

from .command import objects, told
from .test_pipeline import FEED, Bench
from .values import NOON, story
from .web_values import app

HOUR = timedelta(hours=1)


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)


@pytest.fixture(scope="module")
def feed():
    with loopback.serving({"news.xml": loopback.rss(loopback.headlines(6))}) as base:
        yield base


@pytest.fixture
def new(feed, tmp_path):
    """The command's options for a house before its first round."""
    path = tmp_path / "config.toml"
    path.write_text(loopback.config(feed, ["news.xml"], plates=2))
    return ["--config", path, "--data", tmp_path / "data"]


@pytest.fixture
def here(new):
    """The same after it."""
    assert told("once", *new).code == 0
    return new


class Screen:
    """A display that is told what to show."""

    def __init__(self):
        self.shown = []

    def show(self, plate):
        self.shown.append(plate.id)


def hung(bench):
    return bench.archive.hung("hall").plate.id


def test_a_banned_plate_leaves_the_wall_at_once(bench):
    """The display that shows it is told of the next one long before its time, and never of the banned one again."""
    screen = Screen()
    line = replace(bench.line(), displays=MappingProxyType({"hall": screen}))
    press = Press(line)
    list(press.round())
    banned = hung(bench)
    assert press.show() == []
    line.wishes.ban(banned)
    assert [event.verb for event in press.show()] == ["show"]
    for _ in range(8):
        bench.clock.pass_(hours=1)
        press.show()
    assert len(screen.shown) > 4
    assert banned not in screen.shown[1:]
    assert banned not in [plate.id for plate in bench.archive.recent(10)]


def test_a_ban_taken_back_lets_the_plate_hang_again(bench):
    """What is no longer banned takes its turn like any other."""
    press = Press(bench.line())
    list(press.round())
    first = hung(bench)
    press.line.wishes.ban(first)
    press.show()
    press.line.wishes.ban(first, banned=False)
    seen = set()
    for _ in range(6):
        bench.clock.pass_(hours=1)
        press.show()
        seen.add(hung(bench))
    assert first in seen


def test_a_banned_plate_on_its_way_is_not_painted(bench):
    """No engine works for what nobody wants to see, and its place goes to another story."""
    bench.channel = Channel(feeds=(FEED,), plates_per_round=1)
    line = bench.line()
    bench.store.visited(FEED, bench.sources[FEED].answer, NOON + HOUR)
    bench.store.judged([(each.id, judge(each.title)) for each in bench.store.unjudged()])
    first = bench.store.candidates("home", [FEED])[0]
    bench.store.chosen("home", first[0].id, first[1], text_only=False)
    (waiting,) = bench.store.unfinished("home")
    line.wishes.ban(waiting.id)
    bench.round()
    assert bench.archive.plate(waiting.id).step is Step.CHOSEN
    assert [plate.id != waiting.id for plate in bench.archive.recent(5)] == [True]
    line.wishes.ban(waiting.id, banned=False)
    bench.round()
    assert bench.archive.plate(waiting.id).step is Step.RENDERED


def test_votes_decide_between_equals(bench):
    """What the owner favoured brings more like it, what was banned less: by topics and by words."""
    other = "http://more.example/feed"
    rivals = ["Opera festival opens at the harbour", "Football cup final opens at the harbour"]
    bench.sources[FEED].answer = Fetched(tuple(
        story(title, feed=FEED) for title in ("A new opera for the old theatre", "The football cup comes home")
    ))  # fmt: skip
    bench.channel = Channel(feeds=(FEED, other), plates_per_round=2)
    bench.sources[other] = bench.sources[FEED].__class__(Fetched())
    bench.round()
    plates = {plate.story.title.split()[-1]: plate.id for plate in bench.archive.recent(5)}
    wishes = bench.line().wishes
    for liked, banned, first in (("theatre", "home", 0), ("home", "theatre", 1)):
        wishes.favour(plates[liked])
        wishes.ban(plates[banned])
        told_now = [
            Candidate(story(title, source=title[:3]), judge(title), decide(judge(title), 0)) for title in rivals
        ]
        votes = wishes.votes("home")
        taste = learn(
            [(v.title, v.verdict) for v in votes if v.liked], [(v.title, v.verdict) for v in votes if not v.liked]
        )
        chosen = choose(told_now, 1, now=NOON, max_age_hours=48, taste=taste).chosen
        assert chosen[0].candidate.story.title == rivals[first]


def test_favourites_outlast_everything(bench):
    """Neither age nor a full folder takes a favourite, its picture or its story."""
    bench.round()
    kept = bench.archive.recent(5)[-1]
    bench.line().wishes.favour(kept.id)
    bench.clock.pass_(days=400)
    bench.archive.prune(keep_days=1, keep_gb=0)
    assert [plate.id for plate in bench.archive.recent(5)] == [kept.id]
    assert bench.store.folder.read(kept.picture)


# -- the commands -------------------------------------------------------------------------------


def test_favourite_and_ban_say_what_they_mean(here):
    """A vote is said in words; the other vote takes its place; --undo takes it back."""
    assert told("favourite", "1", *here).out.endswith(": kept for ever; more like it\n")
    assert objects(told("ban", "1", "--json", *here).out)[0] | {"headline": ""} == {
        "plate": 1, "headline": "", "favourite": False, "banned": True, "subject": None, "company": [],
        "subject_allowed": True,
    }  # fmt: skip
    assert told("ban", "1", "--undo", *here).out.endswith(": may hang again\n")
    assert told("favourite", "1", *here).code == 0
    assert objects(told("favourite", "1", "--undo", "--json", *here).out)[0]["favourite"] is False


def test_a_display_stands_for_what_hangs_there(here):
    """``ban hall`` means the plate that hangs in the hall now."""
    hangs = objects(told("status", "--json", *here).out)[0]["displays"][0]
    voted = objects(told("ban", hangs["name"], "--json", *here).out)[0]
    assert voted["plate"] == hangs["plate"]
    assert objects(told("status", "--json", *here).out)[0]["displays"][0]["plate"] != hangs["plate"]


@pytest.mark.parametrize("which", ["99", "attic", "", "9" * 40, "hall", "²", "1; DROP TABLE plates"])
def test_a_vote_on_nothing_is_said(which, new):
    """A plate or display that there is not: a sentence, exit 2, and nothing changes."""
    found = told("ban", which, *new)
    assert found.code == 2
    assert found.err.count("\n") == 1
    assert "Traceback" not in found.err


def test_banning_all_there_is_leaves_the_sample_edition(here):
    """With nothing else to hang, the sample edition does, and says why; the pixels follow at once."""
    with opened(read_settings(here[1]), here[3]) as service:
        wall = service.wall
        before = wall.still("hall", ".jpg").etag
        for plate in wall.recent():
            told("ban", plate.id, *here)
        service.press.show()
        assert wall.showing("hall").plate.sample
        assert wall.showing("hall").note == "sample edition: the only picture there was is banned"
        assert wall.still("hall", ".jpg").etag != before
        told("ban", 1, "--undo", *here)
        assert wall.showing("hall").plate.id == 1


def test_pages_mark_favourites_and_name_the_others(here):
    """A favourite has a small mark on its page and on the index; other tellers are linked where that is safe."""
    with opened(read_settings(here[1]), here[3]) as service:
        plates = [plate.id for plate in service.wall.recent()]
        other = next(plate for plate in plates if plate != service.wall.showing("hall").plate.id)
        service.wishes.favour(other)
        service.store.retold(other, telling(("The <b>Gull", "https://gull.example/a"), ("Trap", "javascript:alert(1)")))
        with TestClient(app(service.wall)) as site:
            page, index = site.get(f"/plates/{other}").text, site.get("/").text
    assert "★ favourite" in page
    assert index.count("★") == 1
    assert "Also in: <a href=" in " ".join(page.split())
    assert 'href="https://gull.example/a"' in page
    assert "The &lt;b&gt;Gull" in page
    assert "<bdi>Trap</bdi>" in page
    assert "javascript:" not in page


def telling(*pairs):
    return [Telling(source, "Otters settle", link) for source, link in pairs]
