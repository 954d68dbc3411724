"""The verbs: every plate moves on, none is lost, whoever fails. Real store, gate and choice; adapters are small fakes."""

import itertools
import threading
from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType

import pytest

from service import pipeline
from service.editors import house
from service.errors import Busy, Declined, EditorError, EngineError, SourceError
from service.gate.verdict import Rules
from service.model import Picture, Step
from service.pipeline import Desk, Line, plates
from service.press import Press
from service.protocols import Bookmark, Fetched, Ruling
from service.settings import Channel, Display, Settings
from service.store import Archive, Journal, Store, Wishes
from service.surroundings import Surroundings

from .values import NOON, plate, prompt, story
from .web_values import drawn

FEED, OTHER = "http://feeds.example/a.xml", "http://other.example/b.xml"
TITLES = [
    "Night trains return to the Alps", "A kettle wins the village prize", "Astronomers find a quiet planet",
    "Bakers open a school for bread", "A lost violin comes home", "The library lends telescopes",
]  # fmt: skip


class Clock:
    def __init__(self):
        self.time = NOON

    def __call__(self):
        return self.time

    def pass_(self, **span):
        self.time += timedelta(**span)


class Feed:
    def __init__(self, answer):
        self.answer, self.bookmarks = answer, []

    def fetch(self, bookmark):
        self.bookmarks.append(bookmark)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class Editor:
    def __init__(self, error=None, keep=True):
        self.error, self.keep, self.briefs = error, keep, []

    def decide(self, candidates):
        return [Ruling(s.id, self.keep, "an advert") for s, _ in candidates]

    def describe(self, told, brief):
        self.briefs.append(brief)
        if self.error:
            raise self.error
        return prompt(scene=f"a paper boat for {told.title}")


class Engine:
    def __init__(self, error=None):
        self.error, self.calls = error, 0

    def render(self, told, width_px, height_px, progress=None):
        self.calls += 1
        if self.error:
            raise self.error
        data = drawn(sum(told.scene.encode()) + told.seed, width_px, height_px).data
        return Picture(data, ".jpg", width_px, height_px, {"engine": "fake"})

    def close(self):
        pass


class Bench:
    """A line whose parts a test can swap."""

    def __init__(self, folder):
        self.clock = Clock()
        self.store = Store(folder, self.clock)
        self.archive = Archive(self.store)
        stories = tuple(story(t, feed=FEED, published=NOON - timedelta(minutes=n)) for n, t in enumerate(TITLES))
        self.sources = {
            FEED: Feed(Fetched(stories, Bookmark(etag='"1"'), "Daily")),
            OTHER: Feed(SourceError("HTTP 500")),
        }
        self.editor, self.engines = Editor(), [("gpu", Engine())]
        self.channel = Channel(feeds=(FEED, OTHER), plates_per_round=3)
        self.settings = Settings(timezone="UTC", channels={"home": self.channel}, displays=(Display(name="hall"),))
        self.rested = 0

    def line(self):
        desk = Desk(
            "home",
            self.channel,
            Rules(),
            self.editor,
            house.make(house.Settings(), Surroundings("house", None, None)),
            None,
            self.engines,
            1024,
            600,
        )
        return Line(
            self.settings,
            self.store,
            self.archive,
            Wishes(self.store),
            Journal(self.store),
            [desk],
            lambda feed, _: self.sources[feed],
            MappingProxyType({}),
            self.rest,
        )

    def rest(self):
        self.rested += 1

    def round(self):
        return list(Press(self.line()).round())

    def steps(self):
        return sorted(str(row["step"]) for row in self.store.db.execute("SELECT step FROM plates"))


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)


def test_a_round_goes_from_feeds_to_the_wall(bench):
    """One round fetches, judges, chooses, describes, paints and shows, and gives back what fetching held."""
    events = bench.round()
    assert [e.verb for e in events if e.verb != "fetch"] == [
        "judge",
        "choose",
        *["describe"] * 3,
        *["render"] * 3,
        "show",
    ]
    assert bench.steps() == ["rendered"] * 3
    assert bench.archive.hung("hall").plate.story.title in TITLES
    assert bench.rested == 1


def test_a_bad_feed_does_not_stop_the_others(bench):
    """A feed that fails is marked with its reason; the good one's stories are on the wall."""
    errors = [e for e in bench.round() if e.error]
    assert [(e.what, e.error) for e in errors] == [(OTHER, "HTTP 500")]
    assert bench.store.feed(OTHER).error == "HTTP 500"


def test_feeds_are_left_alone_until_they_are_due(bench):
    """The next visit hands back the validators, and not before its time."""
    bench.round()
    bench.round()
    assert len(bench.sources[FEED].bookmarks) == 1
    bench.clock.pass_(hours=25)
    bench.round()
    assert bench.sources[FEED].bookmarks[1].etag == '"1"'


def test_no_more_than_a_rounds_plates(bench):
    """Rounds take turns with the stories until all have been used."""
    bench.round()
    bench.round()
    bench.round()
    assert bench.steps() == ["rendered"] * 6


def test_a_failing_engine_hands_over_to_the_next(bench):
    """Three attempts on the first engine, then the second one paints."""
    broken = Engine(EngineError("no GPU"))
    bench.engines = [("gpu", broken), ("papercut", Engine())]
    bench.channel = Channel(feeds=(FEED,), plates_per_round=1)
    bench.round()
    assert broken.calls == 3
    assert bench.archive.recent(1)[0].engine == 1


def test_an_engine_that_keeps_failing_is_left_alone_for_a_while(bench):
    """Four failures in a row open its breaker: the next plates go on without it, and their transcripts say why."""
    broken = Engine(EngineError("no GPU"))
    bench.engines = [("gpu", broken), ("papercut", Engine())]
    press = Press(bench.line())
    list(press.round())
    assert broken.calls == 4
    told = {engine["name"]: engine for engine in press.status()["engines"]}
    assert (told["gpu"]["state"], told["gpu"]["error"]) == ("resting", "no GPU")
    assert (told["papercut"]["state"], told["papercut"]["painted_today"]) == ("at work", 3)
    passed = [n.text for p in bench.archive.recent(3) for _, n in press.line.journal.notes(p.id) if "passed" in n.what]
    assert passed == ["gpu rests until 12:05 after 4 failures in a row: no GPU"] * 2


def test_a_rested_engine_is_tried_with_one_picture(bench):
    """A failure doubles its rest; a picture closes the breaker."""
    engine = Engine(EngineError("no GPU"))
    bench.engines, bench.channel = [("gpu", engine), ("papercut", Engine())], Channel(feeds=(FEED,), plates_per_round=2)
    press = Press(bench.line())
    list(press.round())
    bench.clock.pass_(minutes=6)
    list(press.round())
    assert engine.calls == 5
    bench.clock.pass_(minutes=6)
    assert press.status()["engines"][0]["state"] == "resting"
    bench.clock.pass_(minutes=5)
    engine.error = None
    list(press.round())
    assert (press.status()["engines"][0]["state"], press.line.breakers) == ("at work", {})


def test_a_scene_that_an_engine_refuses_does_not_stop_it(bench):
    """One plate cannot open a breaker, and the last engine has none."""
    refuses = Engine(EngineError("not this"))
    bench.engines, bench.channel = (
        [("gpu", refuses), ("papercut", Engine())],
        Channel(feeds=(FEED,), plates_per_round=1),
    )
    line = bench.line()
    list(Press(line).round())
    assert not line.breaker("gpu").rests(bench.clock())


def test_spent_engines_end_in_a_text_only_slide(bench):
    """The last engine is tried again after waits; then the story is shown in words, never lost."""
    bench.engines = [("gpu", Engine(EngineError("no GPU")))]
    bench.round()
    assert bench.steps() == ["described"] * 3
    assert "no GPU" in bench.store.unfinished()[0].error
    for _ in range(4):
        bench.clock.pass_(minutes=30)
        bench.round()
    assert all(plate.text_only for plate in bench.archive.recent(3))
    assert bench.archive.recent(3)


def test_attempts_of_killed_rounds_count(bench):
    """A plate whose painting was killed three times goes to the next engine without another try."""
    bench.round()
    made = bench.archive.recent(1)[0]
    bench.store.folder.remove(made.picture)
    bench.store.spoilt(made)
    for _ in range(3):
        bench.store.begin(replace(made, step=Step.DESCRIBED))
    last = Engine()
    bench.engines = [("gpu", Engine(EngineError("never called"))), ("papercut", last)]
    bench.round()
    assert bench.engines[0][1].calls == 0 or last.calls
    assert bench.archive.plate(made.id).engine == 1


def test_a_failing_editor_is_replaced_by_the_house(bench):
    """Where the editor fails, the house editor directs the picture at once, and the round says why."""
    bench.editor = Editor(EditorError("model asleep"))
    assert "model asleep" in [e.error for e in bench.round() if e.verb == "describe"]
    plates = bench.archive.recent(10)
    assert plates
    assert all(plate.prompt and not plate.text_only for plate in plates)


def test_an_editor_is_told_two_days_and_two_weeks(bench):
    """The scenes of 48 hours and of 14 days on this channel, newest first; what is older may come again."""
    bench.round()
    shown = [f"a paper boat for {title}" for title in TITLES]
    assert [len(brief.fortnight) for brief in bench.editor.briefs] == [0, 1, 2]
    for hours, recent, fortnight in ((1, 3, 3), (49, 0, 3), (13 * 24, 0, 3), (15 * 24, 0, 0)):
        bench.clock.time = NOON
        bench.clock.pass_(hours=hours)
        line = bench.line()
        told = plates.brief(line, line.desks[0], plate())
        assert (len(told.recent_scenes), len(told.fortnight)) == (recent, fortnight)
        assert set(told.fortnight) <= set(shown)


def test_what_the_editor_declines_is_not_asked_again(bench):
    """A declined story is remembered with its reason and is no candidate any more."""
    bench.editor = Editor(keep=False)
    bench.round()
    bench.editor = Editor(Declined("tasteless"))
    bench.round()
    assert set(bench.steps()) == {"declined"}
    assert bench.archive.hung("hall") is None


def test_a_damaged_picture_is_painted_again(bench):
    """A truncated file is noticed by the next round and made anew."""
    bench.round()
    made = bench.archive.recent(1)[0]
    path = bench.store.folder.path / "pictures" / made.picture
    path.write_bytes(path.read_bytes()[:5])
    events = bench.round()
    assert any(e.verb == "mend" and e.plate == made.id for e in events)
    assert bench.store.folder.read(bench.archive.plate(made.id).picture)


def test_grim_stories_get_no_picture(bench):
    """A story in a veto topic is shown in words at most."""
    told = story("Bomb attack kills 14 at a school", feed=FEED)
    bench.sources[FEED].answer = Fetched((told,))
    bench.round()
    assert [p.text_only for p in bench.archive.recent(5)] in ([], [True])


def test_a_full_disk_stops_the_round_and_says_so(bench, monkeypatch):
    """What cannot be written is told as the round's last event, and remembered for status; the wall keeps its plate."""
    bench.round()
    hung = bench.archive.hung("hall").plate.id

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("service.store.folder.write_whole", full)
    press = Press(bench.line())
    events = list(press.round())
    assert "No space left" in next(e.error for e in events if e.verb == "stop")
    assert "No space left" in press.last_error
    assert bench.archive.hung("hall").plate.id == hung


def test_one_round_at_a_time(bench):
    """A second round is refused while one runs, and may run after it."""
    press = Press(bench.line())
    running = press.round()
    next(running)
    with pytest.raises(Busy):
        list(press.round())
    list(running)
    list(press.round())


def test_showing_does_not_wait_for_a_round(bench):
    """Slides change while a picture is being painted."""
    bench.round()
    press = Press(bench.line())
    running = press.round()
    next(running)
    bench.clock.pass_(hours=1)
    done = threading.Event()
    threading.Thread(target=lambda: (press.show(), done.set()), daemon=True).start()
    assert done.wait(10)
    list(running)


def test_slides_take_turns_when_their_time_is_up(bench):
    """The wall moves on after the dwell, never to the plate that hangs already."""
    bench.round()
    press, seen = Press(bench.line()), [bench.archive.hung("hall").plate.id]
    for _ in range(5):
        bench.clock.pass_(minutes=6)
        press.show()
        seen.append(bench.archive.hung("hall").plate.id)
    assert len(set(seen)) == 3
    assert all(a != b for a, b in itertools.pairwise(seen))


def test_the_dial_is_obeyed(bench):
    """At +10 only joyful stories are chosen."""
    bench.channel = Channel(feeds=(FEED,), plates_per_round=6, mood=10)
    bench.sources[FEED].answer = Fetched((story("Minister resigns over tax fraud scandal", feed=FEED),))
    bench.round()
    assert bench.steps() == []


def test_steps_are_told_apart(bench):
    """A plate waits at the step it has finished."""
    line = bench.line()
    for verb in (pipeline.fetch(line, line.desks), pipeline.judge(line), pipeline.choose(line, line.desks[0])):
        list(verb)
    assert {p.step for p in bench.store.unfinished()} == {Step.CHOSEN}
