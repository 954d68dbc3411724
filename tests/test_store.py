"""Rows: what is finished stays finished, an attempt is counted before it runs, files are whole before rows name them."""

import sqlite3
from datetime import timedelta

import pytest

from service.errors import DataFolderError
from service.model import Picture, Step
from service.protocols import Bookmark, Critique, Fetched
from service.store import Archive, Journal, Store, Wishes

from .values import NOON, prompt, story, verdict

FEED = "http://feeds.example/news.xml"


class Clock:
    def __init__(self):
        self.time = NOON

    def __call__(self):
        return self.time

    def pass_(self, **span):
        self.time += timedelta(**span)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def store(tmp_path, clock):
    return Store(tmp_path, clock)


@pytest.fixture
def archive(store):
    return Archive(store)


def add(store, *titles):
    stories = tuple(story(title, feed=FEED) for title in titles)
    store.visited(FEED, Fetched(stories, Bookmark(etag='"x"'), "News"), NOON)
    store.judged([(s.id, verdict()) for s in stories])
    return stories


def picture(data=b"pixels"):
    return Picture(data, ".png", 4, 2, {"engine": "papercut", "seed": 7})


def plate(store, title="A kettle wins a prize", step=Step.CHOSEN):
    (told,) = add(store, title)
    store.chosen("home", told.id, verdict(), text_only=False)
    made = next(p for p in store.unfinished() if p.story.id == told.id)
    if step is not Step.CHOSEN:
        store.described(made, prompt())
    if step is Step.RENDERED:
        store.rendered(made, store.keep(picture(title.encode())))
    return Archive(store).plate(made.id)


def test_a_visit_is_remembered_whole(store):
    """New stories and the feed's bookmark are kept together, and a story is kept once."""
    add(store, "One", "Two")
    assert store.visited(FEED, Fetched((story("Two", feed=FEED), story("Three", feed=FEED))), NOON) == 1
    assert store.feed(FEED).title == "News"


def test_a_failed_visit_keeps_the_stories(store):
    """A feed that fails is marked, counted and waits; a good visit clears it."""
    add(store, "One")
    store.unreachable(FEED, "HTTP 503", NOON + timedelta(hours=1))
    store.unreachable(FEED, "HTTP 503", NOON + timedelta(hours=2))
    row = store.feed(FEED)
    assert (row.failures, row.error, row.bookmark.etag) == (2, "HTTP 503", '"x"')
    assert len(store.candidates("home", [FEED])) == 1
    store.visited(FEED, Fetched(), NOON)
    assert (store.feed(FEED).failures, store.feed(FEED).error) == (0, None)


def test_a_permanent_redirect_is_counted(store):
    """The same new address met twice is seen twice; another one starts anew."""
    for moved, seen in (("http://new.example/", 1), ("http://new.example/", 2), ("http://other.example/", 1)):
        store.visited(FEED, Fetched(moved_to=moved), NOON)
        assert store.feed(FEED).moved_seen == seen


def test_a_plate_moves_through_its_steps(store, archive):
    """Chosen, described, rendered: each step keeps what it made."""
    made = plate(store, step=Step.RENDERED)
    assert made.step is Step.RENDERED
    assert made.prompt == prompt()
    assert store.folder.read(made.picture) == b"A kettle wins a prize"
    assert archive.recipe(made.picture)["engine"] == "papercut"
    assert store.unfinished() == []


def test_an_attempt_is_counted_before_it_runs(store):
    """A process killed while painting leaves a plate with one attempt spent, and ready to be tried again at once."""
    made = plate(store, step=Step.DESCRIBED)
    store.begin(made)
    (left,) = store.waiting("home", Step.DESCRIBED)
    assert (left.attempts, left.retry_at) == (1, None)


def test_a_failed_plate_waits(store, clock):
    """A failure is written on the row with the time of the next try."""
    made = plate(store)
    store.begin(made)
    store.failed(made, "the model is asleep", timedelta(minutes=2))
    assert store.waiting("home", Step.CHOSEN) == []
    assert store.unfinished()[0].error == "the model is asleep"
    clock.pass_(minutes=3)
    assert len(store.waiting("home", Step.CHOSEN)) == 1


def test_retry_ends_the_wait(store):
    """The owner can have a waiting plate tried at once, with all its attempts back."""
    made = plate(store)
    store.begin(made)
    store.failed(made, "no", timedelta(hours=9))
    assert store.retry() == 1
    assert store.waiting("home", Step.CHOSEN)[0].attempts == 0


def test_an_impossible_row_is_impossible(store):
    """The database itself refuses a described plate without a prompt."""
    made = plate(store)
    with pytest.raises(sqlite3.IntegrityError):
        store._set(made, "step = 'described'")


def test_a_story_is_used_once_a_channel(store):
    """A chosen or declined story is no candidate any more on that channel, and still is on another."""
    one, two = add(store, "One", "Two")
    store.chosen("home", one.id, verdict(), text_only=False)
    store.declined("home", two.id, "an advert")
    assert store.candidates("home", [FEED]) == []
    assert len(store.candidates("kids", [FEED])) == 2


def test_two_services_cannot_share_a_folder(store, tmp_path):
    """The second one is told who has it and what to do."""
    store.folder.claim({"url": "http://127.0.0.1:1"})
    with pytest.raises(DataFolderError, match=r"another frontispiece \(process \d+\) is using"):
        Store(tmp_path).folder.claim({})
    assert Store(tmp_path).folder.owner()["url"] == "http://127.0.0.1:1"
    store.folder.release()
    Store(tmp_path).folder.claim({})


def test_a_damaged_picture_is_noticed(store):
    """A truncated file is told from a whole one by its name."""
    made = plate(store, step=Step.RENDERED)
    (store.folder.path / "pictures" / made.picture).write_bytes(b"A kett")
    with pytest.raises(ValueError, match="damaged"):
        store.folder.read(made.picture)
    store.spoilt(made)
    again = store.waiting("home", Step.DESCRIBED)[0]
    store.rendered(again, store.keep(picture(b"A kettle wins a prize")))
    assert store.folder.read(Archive(store).plate(made.id).picture) == b"A kettle wins a prize"


def test_unfinished_files_are_swept(store):
    """What a killed process left half-written goes at the next start."""
    plate(store, step=Step.RENDERED)
    (store.folder.path / "pictures" / "ab").mkdir(exist_ok=True)
    (store.folder.path / "pictures" / "ab" / "abcd.png.77.part").write_bytes(b"half")
    assert store.folder.sweep() == 1
    assert len(list(store.folder.files())) == 1


def test_old_plates_go_and_favourites_stay(store, archive, clock):
    """After keep_days rows and files go together; a favourite keeps both."""
    old, dear = plate(store, "Old news", Step.RENDERED), plate(store, "Dear news", Step.RENDERED)
    Wishes(store).favour(dear.id)
    archive.show("hall", old.id)
    clock.pass_(days=100)
    assert archive.prune(90, 5) == 1
    assert archive.plate(old.id) is None
    assert store.folder.read(archive.plate(dear.id).picture)
    assert archive.hung("hall") is None


def test_too_many_bytes_go_oldest_first(store, archive):
    """keep_gb is kept by letting the oldest pictures go."""
    first, second = plate(store, "First", Step.RENDERED), plate(store, "Second", Step.RENDERED)
    archive.prune(90, len(b"Second") / 1e9)
    assert archive.plate(first.id) is None
    assert archive.plate(second.id) is not None


def test_what_hangs_is_the_last_showing(store, archive):
    """A showing is a plate on a display at a time."""
    one, two = plate(store, "One", Step.RENDERED), plate(store, "Two", Step.RENDERED)
    archive.show("hall", one.id)
    archive.show("hall", two.id)
    assert archive.hung("hall").plate.id == two.id
    assert [r.plate for r in archive.ready("home", "hall")] == [two.id, one.id]
    assert all(r.last_shown for r in archive.ready("home", "hall"))
    assert archive.hung("kitchen") is None


def test_recent_scenes_are_remembered(store, archive, clock):
    """Titles and scenes of the last days, so that neither is used again soon."""
    plate(store, "A", Step.DESCRIBED)
    clock.pass_(hours=50)
    plate(store, "B", Step.DESCRIBED)
    assert [plate.title for plate in archive.since("home", clock() - timedelta(hours=48))] == ["B"]


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    """A file in the folder's place is an expected failure, not a traceback."""
    (tmp_path / "data").write_text("a file")
    with pytest.raises(DataFolderError, match="cannot be made"):
        Store(tmp_path / "data")


def test_a_database_that_is_none_is_told(tmp_path):
    """Garbage in the database's place is an expected failure."""
    (tmp_path / "frontispiece.db").write_bytes(b"not a database" * 100)
    with pytest.raises(DataFolderError, match="cannot be used"):
        Store(tmp_path)


def test_a_newer_database_is_left_alone(tmp_path):
    """A database of a later version is refused with what to do, not changed."""
    Store(tmp_path).db.execute("PRAGMA user_version = 99")
    with pytest.raises(DataFolderError, match="newer Frontispiece"):
        Store(tmp_path)


def test_tries_count_when_room_is_made(store):
    """A plate lets go of all its tries' files with itself, and no more plates go than must."""
    journal, plates = Journal(store), [plate(store, f"Story {n}", step=Step.DESCRIBED) for n in range(3)]
    for n, made in enumerate(plates):
        files = [journal.tried(made, prompt(), picture(bytes([n, k]) * 500), "gpu", None) for k in range(3)]
        store.rendered(made, files[-1])
    Archive(store).prune(keep_days=9999, keep_gb=7000 / 1e9)
    assert [Archive(store).plate(made.id) is None for made in plates] == [True, False, False]
    assert sum(1 for _ in store.folder.files()) == 6


def test_a_try_that_is_kept_ends_the_attempt(store):
    """What was painted was no failure; the same try again is the same row, with what was seen last."""
    journal, made = Journal(store), plate(store, step=Step.DESCRIBED)
    store.begin(made)
    journal.tried(made, prompt(), picture(b"one"), "gpu", None)
    journal.tried(made, prompt(), picture(b"one"), "gpu", Critique("accept", ""))
    assert Archive(store).plate(made.id).attempts == 0
    assert [t.critique for t in journal.tries(made.id)] == [Critique("accept", "")]


def test_what_was_declined_when_choosing_is_no_plate_to_look_at(store, archive):
    """An editor's no leaves a row, so that nobody is asked again; there is nothing to show of it."""
    (told,) = add(store, "Ten deals of the week")
    store.declined("home", told.id, "an advert")
    (number,) = store.db.execute("SELECT id FROM plates").fetchone()
    assert archive.plate(number) is None
