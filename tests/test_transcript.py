"""Why this picture: every step on the way to it is told, kept within bounds, and shown."""

import json
from dataclasses import replace
from datetime import UTC
from pathlib import Path

import pytest

from service.editors.chat import Chat, Settings
from service.errors import EditorError
from service.model import Mood
from service.press import Press
from service.protocols import Brief, Note
from service.store import Account, Journal, Store
from service.store.journal import NOTE_CHARS, NOTES
from service.surroundings import Surroundings

from .command import objects, told
from .dialects import SCENE, SUBJECT_SCENE, direction, llama_cpp_python, openai, said, silent, speaking, wrong
from .test_duty import USED, configured, refused_address
from .test_pipeline import Bench
from .values import NOON, story, verdict

TEMPLATES = Path(__file__).parent.parent / "templates"


def described(reply, tmp_path, a_story=None, **other):
    """The notes of one direction, as (who, what, text)."""
    notes = []
    with speaking(reply) as server:
        chat = Chat(
            Settings(base_url=server.url, model="tiny", timeout_seconds=20),
            Surroundings("llm", tmp_path, TEMPLATES),
            pause=lambda _: None,
        )
        brief = Brief(**{"verdict": verdict(), "style": "gouache", "now": NOON, "note": notes.append} | other)
        try:
            chat.describe(a_story or story(), brief)
        except EditorError:
            notes.append(Note("test", "failed", ""))
    return notes, server


def test_a_question_and_its_answer_are_told(tmp_path):
    """The user's part in full, the standing instructions by name and fingerprint, the answer as it was said."""
    notes, server = described(lambda heard: said(heard.sound()) | {"usage": USED}, tmp_path)
    asked, answered = notes
    assert (asked.who, answered.who) == ("editor", "model")
    assert asked.text == server.heard[0].user
    assert "describe.system (" in asked.what
    assert "picture editor of a small illustrated daily" not in asked.text
    assert json.loads(answered.text)["scene"]
    assert "as schema: 10,000 tokens in, 1,000 out" in answered.what


def test_faults_and_their_repair_are_told(tmp_path):
    """What was wrong with an answer and what the model was told of it."""
    bad = json.dumps(direction(scene="a clock on a lake"))
    notes, _ = described(lambda heard: heard.sound() if heard.repair else bad, tmp_path)
    assert [note.what.split(" in ")[0].split(",")[0] for note in notes] == [
        "asked tiny", "answered", "found it unusable", "asked again", "answered",
    ]  # fmt: skip
    assert "5 words" in notes[2].text
    assert "5 words" in notes[3].text


def test_steps_down_the_ladder_are_told(tmp_path):
    """A server that does not take a schema, and the waits for a busy one."""
    notes, _ = described(llama_cpp_python, tmp_path)
    whats = [note.what for note in notes]
    assert "waited 1 s" in whats
    assert "asked in another way, as object" in whats
    assert any("as object: " in what for what in whats)


def test_what_our_rules_changed_is_told(tmp_path):
    """The mood's floor, a subject left out of a dark picture, an alt text that was not fit."""
    dark, _ = described(
        lambda heard: heard.sound(mood="joyful"), tmp_path, verdict=verdict(gravity=0.6, mood=Mood.SOMBER)
    )
    assert "joyful became somber" in next(n.text for n in dark if n.what == "darkened the mood")
    grim, _ = described(
        lambda heard: heard.sound(mood="grim", scene=SUBJECT_SCENE),
        tmp_path,
        subjects=("rex",),
        verdict=verdict(subject_allowed=True),
    )
    assert [n.who for n in grim if n.what == "left the subject out"] == ["gate"]
    unfit, _ = described(lambda heard: heard.sound(alt="Buy at www.shop.example"), tmp_path)
    assert "address" in next(n.text for n in unfit if n.what == "replaced the alt text")


def test_a_long_answer_is_cut(tmp_path):
    """Neither an endless answer nor an endless summary fills the store."""
    notes, _ = described(lambda heard: "turtles " * 20_000, tmp_path, story(summary="words " * 5_000))
    assert len(notes) < NOTES
    assert all(len(note.text) <= NOTE_CHARS for note in notes)


def test_no_key_and_no_name_stands_in_a_transcript(tmp_path, monkeypatch):
    """A server that quotes the key in its error does not bring it into the notes."""
    monkeypatch.setenv("LLM_KEY", "sk-very-secret")
    notes = []
    with speaking(lambda heard: (500, wrong("bad header Bearer sk-very-secret"))) as server:
        chat = Chat(
            Settings(base_url=server.url, model="tiny", api_key_env="LLM_KEY"),
            Surroundings("llm", tmp_path, TEMPLATES), pause=lambda _: None,
        )  # fmt: skip
        with pytest.raises(EditorError):
            chat.describe(story(), Brief(verdict(), "gouache", NOON, note=notes.append))
    assert len(notes) >= 3
    assert "sk-very" not in str(notes)


# -- in a round --------------------------------------------------------------------------------------------------------


class Line(Bench):
    """A bench whose editor is a language model."""

    def __init__(self, folder, url, **settings):
        super().__init__(folder)
        self.seconds = 0.0
        here = Surroundings("llm", folder, TEMPLATES, zone=UTC, ledger=Account(self.store, "llm", UTC))
        table = {"base_url": url, "model": "tiny", "timeout_seconds": 20, **settings}
        self.editor = Chat(
            Settings.model_validate(table), here, pause=lambda _: None, monotonic=lambda: self.seconds
        )  # fmt: skip
        self.channel = self.channel.model_copy(update={"editor": "llm"})

    def transcript(self, plate=1):
        """The lines before the painting."""
        return [note for _, note in Journal(self.store).notes(plate) if note.who not in ("engine", "critic")]

    def row(self):
        return next(row for row in Press(self.line()).status()["editors"] if row["name"] == "llm")


def test_a_round_leaves_a_transcript(tmp_path):
    """Each plate tells why it was kept, what was asked and what was answered."""
    scenes = (
        SCENE,
        "a heron in a knitted scarf carries a teapot over a frozen river, reeds bending in the wind, lanterns at dusk",
        "two goats pull a piano up a steep meadow path, snow on far peaks, washing on a line, bright cold morning light",
    )

    def varied(heard):
        return heard.sound(scene=scenes[heard.number - 2])

    with speaking(lambda heard: varied(heard) if heard.number > 1 else heard.sound()) as server:
        bench = Line(tmp_path, server.url)
        bench.round()
    for plate in (1, 2, 3):
        kept, asked, answered = bench.transcript(plate)
        assert (kept.what, kept.text) == ("kept it", "news; Something good (tiny)")
        assert asked.what.startswith("asked tiny")
        assert answered.what.startswith("answered")
    assert bench.row()["calls"] == len(server.heard) == 4


def test_a_round_with_a_dead_server_costs_one_time_out(tmp_path):
    """The stories after the first failure go to the house editor at once, which says so; no plate is an error."""
    with speaking(lambda heard: silent) as server:
        bench = Line(tmp_path, server.url, timeout_seconds=0.3)
        events = bench.round()
        assert len(server.heard) == 1
    assert bench.steps() == ["rendered"] * 3
    assert [event.error for event in events if event.verb == "describe"] == [None] * 3
    off = [note for note in bench.transcript() if note.what == "was not asked"]
    assert "did not answer in full" in off[0].text
    assert "house rules" in bench.transcript()[-1].what
    assert bench.row()["state"] == "resting"
    assert "did not answer" in bench.row()["error"]


def test_a_failure_is_told_with_who_did_it_instead(tmp_path):
    """A model that fails on a story is named, and so is the house editor."""
    with speaking(lambda heard: heard.sound() if "Rule on" in heard.user else "I like turtles.") as server:
        bench = Line(tmp_path, server.url)
        events = bench.round()
    failed = next(note for note in bench.transcript() if note.what == "failed")
    assert "gave no usable answer" in failed.text
    assert failed.text.endswith("the house editor did it")
    assert all("no usable answer" in event.error for event in events if event.verb == "describe")


def test_a_spent_budget_is_said_and_the_house_goes_on(tmp_path):
    """After two calls of two the wall still fills, and the status says why the model does not direct it."""
    with speaking(openai) as server:
        bench = Line(tmp_path, server.url, max_calls_per_day=2)
        bench.round()
        assert len(server.heard) == 2
    assert bench.steps() == ["rendered"] * 3
    row = bench.row()
    assert row["state"] == "spent for today"
    assert row["error"] == (
        "the budget of llm for today is spent (2 of 2 calls): the house editor goes on until midnight"
    )
    assert row["channels"] == ["home"]


def test_a_transcript_keeps_its_first_line_and_its_newest(tmp_path):
    """A plate that is tried for ever does not fill the store."""
    bench = Bench(tmp_path)
    bench.round()
    journal = Journal(bench.store)
    first = bench.store.db.execute("SELECT what FROM notes WHERE plate = 1").fetchone()["what"]
    for number in range(100):
        journal.note(1, Note("editor", f"step {number}", "x" * 10_000))
    notes = [note for _, note in journal.notes(1)]
    assert len(notes) == NOTES
    assert [notes[0].what, notes[-1].what] == [first, "step 99"]
    assert all(len(note.text) <= NOTE_CHARS for note in notes)


def test_a_crowded_store_is_bounded_for_each_plate_alone(tmp_path):
    """One plate's notes never push out another's."""
    bench = Bench(tmp_path)
    bench.round()
    journal, before = Journal(bench.store), Journal(bench.store).notes(2)
    for number in range(40):
        journal.note(1, Note("editor", f"step {number}", ""))
    assert journal.notes(2) == before


# -- at the door -------------------------------------------------------------------------------------------------------


def test_describe_shows_the_whole_course(tmp_path):
    """``describe --json`` has the transcript; ``--why`` prints it for a person, safe for a terminal."""
    with speaking(lambda heard: heard.sound(idea="a \x1b[2J[red]trick")) as server:
        config = configured(tmp_path / "c.toml", server.url)
        here = ["describe", "--config", config, "--data", tmp_path / "data", "--headline", "A library lends telescopes"]
        direction_ = objects(told(*here, "--json").out)[0]
        assert [set(note) for note in direction_["transcript"]] == [{"who", "what", "text"}] * 2
        assert "A library lends telescopes" in direction_["transcript"][0]["text"]
        assert "1. editor" not in told(*here).out
        words = told(*here, "--why").out
    assert "1. editor asked tiny, with the instructions describe.system (" in words
    assert "headline: A library lends telescopes" in words
    assert "\x1b" not in words


def test_describe_tells_of_a_failure(tmp_path):
    """Where the model fails the transcript says so, and the house editor's rule follows."""
    config = configured(tmp_path / "c.toml", refused_address())
    here = ["describe", "--config", config, "--data", tmp_path / "data", "--headline", "Night trains return", "--json"]
    notes = objects(told(*here).out)[0]["transcript"]
    assert [note["what"] for note in notes[1:]] == ["failed", "chose a scene by the house rules"]
    assert "topic 'trains'" in notes[-1]["text"]


def test_the_house_tells_its_rule(tmp_path):
    """Which words of the headline decided, and how many scenes were passed over."""
    bench = Bench(tmp_path)
    notes = []
    house = bench.line().desks[0].house
    for _ in range(2):
        brief = Brief(verdict(), "papercut", NOON, note=notes.append)
        scene = house.describe(story(), brief).scene
        brief = replace(brief, recent_scenes=(scene,))
        house.describe(story(), brief)
    assert "topic 'trains'" in notes[0].text
    assert "1 passed over" in notes[1].text


def test_a_store_made_elsewhere_takes_notes(tmp_path):
    """Deleting a plate takes its transcript along."""
    bench = Bench(tmp_path)
    bench.round()
    with bench.store.transaction() as db:
        db.execute("DELETE FROM showings")
        db.execute("DELETE FROM plates WHERE id = 1")
    assert Journal(Store(tmp_path)).notes(1) == []
