"""Two of this home in one picture: who, how it is said, and what becomes of it when one of them is not to be shown."""

import json
import sqlite3
import sys
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from service import pipeline
from service.editors import house
from service.editors.alt import alt_text
from service.editors.chat import Chat, Settings as ChatSettings
from service.editors.critic import asked
from service.editors.scenery import Cast
from service.engines.diffusion import Diffusion, Settings
from service.engines.halves import sides
from service.engines.learned import guest
from service.engines.papercut import Papercut
from service.engines.settling import Home
from service.engines.wording import Wording
from service.errors import Withdrawn
from service.gate.casting import at_once
from service.model import Mood, Picture, Step
from service.protocols import Brief, Fetched
from service.store import schema
from service.store.rows import prompt_of
from service.studio import Studio
from service.subjects import WEIGHTS, in_turn, load, renamed, save
from service.surroundings import Surroundings

from .dialects import speaking
from .homes import client, home, painted
from .test_learned import subject
from .values import NOON, prompt, story, verdict

ROOT = Path(__file__).parent.parent
TOPICAL = verdict(topics=("sport",))
BOTH = prompt(words="rex with mia beside rides a red tram", scene="rex with mia beside rides a red tram", subject="rex", company=("mia",))  # fmt: skip
MIA = {"name": "mia", "kind": "person", "class_noun": "woman", "token": "vrk", "consent_at": datetime(2026, 11, 1, tzinfo=UTC)}  # fmt: skip


# -- who ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("share", "least", "most"), [(0.0, 0, 0), (0.25, 200, 300), (1.0, 1000, 1000)])
def test_two_appear_in_a_share_of_stories(share, least, most):
    """Of a thousand stories in which two may appear; a story that is asked again answers the same."""
    ids = [story(f"Story {n}").id for n in range(1000)]
    two = [each for each in ids if at_once(("rex", "mia", "tom"), each, share) == 2]
    assert least <= len(two) <= most
    assert two == [each for each in ids if at_once(("rex", "mia", "tom"), each, share) == 2]


def test_one_who_may_appear_is_alone_and_of_none_there_is_none():
    """A share of all stories makes no company."""
    assert (at_once(("rex",), "0" * 64, 1.0), at_once((), "0" * 64, 1.0)) == (1, 0)


def test_who_comes_after_stands_beside():
    """Turns go round; nobody stands beside themselves."""
    names = ("rex", "mia", "tom")
    assert [in_turn(names, turn, 2) for turn in (0, 1, 2, 3)] == [("rex", "mia"), ("mia", "tom"), ("tom", "rex"), ("rex", "mia")]  # fmt: skip
    assert (in_turn(names, 1, 1), in_turn(("rex",), 5, 2), in_turn((), 5, 2)) == (("mia",), ("rex",), ())


@pytest.mark.parametrize(("engine", "two"), [("diffusion", 2), ("papercut", 1)])
def test_the_brief_says_how_many(tmp_path, engine, two):
    """As the channel's share has it; where paper people play, one at a time."""
    kind = {"kind": engine} | ({"model": "sd15"} if engine == "diffusion" else {})
    channel = {"subjects": ["rex", "mia"], "together": 1.0, "engines": ["mine"]}
    with home(tmp_path, plates=0, channels={"home": channel}, engines={"mine": kind}) as (service, _):
        subject(tmp_path, frequency="always")
        subject(tmp_path, frequency="always", **MIA)
        plate = described(service, 1, None)
        told = pipeline.brief(service.press.line, service.desks["home"], service.archive.plate(plate))
    assert (tuple(told.subjects), told.at_once) == (("rex", "mia"), two)


# -- how it is said ----------------------------------------------------------------------------------------------------


def brief(at_once=2, **other):
    return Brief(verdict(**other), "gouache", NOON, subjects=("rex", "mia"), at_once=at_once)


def test_the_house_puts_one_beside_the_other():
    """In the scene, the alt text and the why; a second person is nothing to avoid then. Nobody is in a dark picture."""
    editor = house.make(house.Settings(), Surroundings("house", Path(), Path()))
    told = editor.describe(story("Village choir wins the cup"), brief(mood=Mood.JOYFUL))
    both = " with ".join(told.subjects) + " beside"
    assert {told.subject, *told.company} == {"rex", "mia"}
    assert told.scene.count(both) == 1
    assert told.alt.startswith(both.capitalize())
    assert told.why.endswith(f"; {both}")
    assert "a second person" not in told.avoid
    alone = editor.describe(story("Village choir wins the cup"), brief(1, mood=Mood.JOYFUL))
    assert (alone.subject, alone.company) == (told.subject, ())
    assert "a second person" in alone.avoid
    assert editor.describe(story("Village choir wins the cup"), brief(mood=Mood.GRIM)).subjects == ()


def test_a_model_is_told_of_two_and_names_neither(tmp_path):
    """Its mark stands for both; what becomes of it says both. A darker reading leaves both out."""
    subject(tmp_path)
    subject(tmp_path, **MIA)
    with speaking(lambda heard: heard.sound()) as server:
        editor = Chat(
            ChatSettings(base_url=server.url, model="tiny"), Surroundings("llm", tmp_path, ROOT / "templates")
        )
        told = editor.describe(story(), brief())
    first, second = told.subjects
    nouns = {"rex": "corgi", "mia": "woman"}
    user = server.heard[0].user
    assert f"SUBJECT appears: a {nouns[first]} with a {nouns[second]} beside." in user
    assert "SUBJECT stands for the two of them" in user
    assert not {"rex", "mia", "sks", "vrk"} & set(user.replace(".", " ").split())
    assert told.scene.startswith(f"{first} with {second} beside")
    assert f"{first} with {second} beside" in told.why
    with speaking(lambda heard: heard.sound(mood="somber")) as server:
        editor = Chat(
            ChatSettings(base_url=server.url, model="tiny"), Surroundings("llm", tmp_path, ROOT / "templates")
        )
        dark = editor.describe(story(), brief())
    assert dark.subjects == ()
    assert dark.scene.startswith(f"a {nouns[first]} with a {nouns[second]} beside")


def test_an_alt_text_lists_both_as_its_language_does():
    """German says "und"; English says it as the scene does."""
    cast = Cast("rex", "corgi", company=("mia",), kinds=("woman",))
    scene = "SUBJECT, a ferryman, rows a boat over a quiet lake under the stars while an owl looks on from the bow"
    for language, said, shown in (
        ("de", "SUBJECT rudert ein kleines Boot über einen stillen See.", "Rex und mia rudert"),
        ("en", "SUBJECT rows a small boat over a quiet lake.", "Rex with mia beside rows"),
    ):
        told = alt_text(said, scene, story("Ein See friert zu", language=language), cast, subject="rex")
        assert told.text.startswith(shown), told


def test_a_critic_looks_for_both_and_learns_no_name():
    """Each by its noun."""
    told = asked(BOTH, {"rex": "corgi", "mia": "woman"})
    assert told["scene"] == "a corgi with a woman beside rides a red tram"
    assert (told["figure"], told["beside"]) == ("corgi", "woman")
    assert asked(prompt(), {})["figure"] == ""


def test_a_longer_name_is_not_taken_for_the_shorter_one():
    """Nobody's noun is said twice over."""
    assert renamed("ana and ana-2 in Anatolia", {"ana": "a woman", "ana-2": "a cat"}) == "a woman and a cat in Anatolia"


# -- engines -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def engine(tmp_path):
    """An engine whose worker tells what it was asked for."""
    made = []

    def opened(model, how="well", **table):
        words = Wording(ROOT / "templates", tmp_path / "subjects")
        command = (sys.executable, "-m", "tests.odd_painter", how)
        made.append(Diffusion(Settings(model=model, **table), words, Home(tmp_path), command=command))
        return made[-1]

    yield opened
    for each in made:
        each.close()


def learned(data, **card):
    """A subject that Stable Diffusion has learned."""
    made = subject(data, base="stable-diffusion-v1-5/stable-diffusion-v1-5", family="sd15", **card)
    (data / "subjects" / made.name / WEIGHTS).write_bytes(made.name.encode())


def test_two_that_were_learned_have_half_a_picture_each(engine, tmp_path):
    """Each with words of its own, on the side that the seed gives; the recipe says both."""
    learned(tmp_path)
    learned(tmp_path, **MIA)
    for seed in (6, 7):
        recipe = engine("sd15").render(replace(BOTH, seed=seed), 320, 200).recipe
        first, second = sides(seed)
        (rex, at, his), (mia, there, hers) = recipe["told"]
        assert (rex, at, mia, there) == ("rex", first, "mia", second)
        assert his.startswith(f"a sks corgi on the {first} rides a red tram, layered")
        assert hers.startswith(f"a vrk woman on the {second} rides a red tram, layered")
        assert recipe["subjects"] == ["rex", "mia"]
        assert "beside" not in recipe


def test_where_memory_is_too_small_for_two_the_first_is_painted(engine, tmp_path):
    """The picture comes at once, the recipe says why; the model is held as before, and the next pair is not tried."""
    learned(tmp_path)
    learned(tmp_path, **MIA)
    narrow = engine("sd15", "narrow")
    for seed in (6, 8):
        recipe = narrow.render(replace(BOTH, seed=seed), 320, 200).recipe
        assert recipe["beside"] == "left out: mia: there was not enough memory to paint two at once"
        assert recipe["subjects"] == ["rex", "mia"]
        assert "a sks corgi" in recipe["words"]
        assert "a woman beside rides" in recipe["words"]
        assert recipe["thrift"] == 0
    assert narrow.state()["says"].endswith(
        "one of rex and mia was left out: mia: there was not enough memory to paint two at once"
    )


def test_who_was_not_learned_stands_beside_by_the_noun(engine, tmp_path):
    """The first wears its weights over the whole picture, or the second does."""
    learned(tmp_path)
    subject(tmp_path, **MIA)
    stable = engine("sd15")
    assert "told" not in stable.render(BOTH, 320, 200).recipe
    words = stable.render(replace(BOTH, subject="mia", company=("rex",)), 320, 200).recipe["words"]
    assert "a sks corgi" in words
    assert "a woman" in words


def test_who_was_learned_on_another_model_is_said_beside(engine, tmp_path):
    """The first wears its weights, and the recipe says whose cannot be used and why."""
    learned(tmp_path)
    learned(tmp_path, **MIA)
    save(tmp_path, load(tmp_path, "mia").model_copy(update={"base": "other/sdxl", "family": "sdxl"}))
    recipe = engine("sd15").render(BOTH, 320, 200).recipe
    assert recipe["beside"].startswith("left out: mia: learned on other/sdxl")
    assert "subject" not in recipe


def test_two_share_the_photos_that_a_model_takes(engine, tmp_path):
    """Two of each, and words that say which are whose; an odd one is the first's."""
    subject(tmp_path, pictures=3)
    subject(tmp_path, pictures=3, **MIA)
    recipe = engine("flux2-klein-4b").render(BOTH, 320, 200).recipe
    assert recipe["photos"] == 4
    said = "the corgi in the reference pictures 1 and 2 with the woman in the reference pictures 3 and 4 beside rides"
    assert said in recipe["words"]
    recipe = engine("flux2-klein-4b", references=3).render(BOTH, 320, 200).recipe
    assert "pictures 1 and 2 with the woman in the reference picture 3 beside" in recipe["words"]


def test_a_server_is_sent_photos_of_both_or_wears_the_first_that_it_learned(tmp_path):
    """Who may not travel stays at home and is told by the noun; the recipe says both."""
    subject(tmp_path, pictures=3)
    subject(tmp_path, pictures=1, **MIA)
    how = {"data": tmp_path, "most": 4, "host": "192.168.1.9"}
    found = guest(BOTH, loras={}, **how)
    assert len(found.photos) == 3
    assert found.prompt.words.startswith("the corgi in the reference pictures 1 and 2 with the woman in the reference picture 3 beside")  # fmt: skip
    assert found.prompt.subjects == ()
    assert found.told == {"subjects": ["rex", "mia"]}
    worn = guest(BOTH, loras={"mia": "mia-lora"}, **how)
    assert (worn.prompt.words, worn.prompt.subjects) == ("rex with vrk woman beside rides a red tram", ("rex",))
    assert (worn.lora.name, worn.photos) == ("mia-lora", ())
    subject(tmp_path, pictures=1, photos_travel="never", **MIA)
    alone = guest(BOTH, loras={}, **how)
    assert alone.prompt.words.startswith("the corgi in the reference pictures with mia beside")
    assert alone.prompt.subjects == ("mia",)
    said = Wording(ROOT / "templates", tmp_path / "subjects").said(replace(alone.prompt, style="ink"), "flux").words
    assert "with a woman beside" in said


def test_paper_shows_the_first():
    """The picture is what it is without the other."""
    assert Papercut().render(BOTH, 320, 200).data == Papercut().render(replace(BOTH, company=()), 320, 200).data


# -- what becomes of it ------------------------------------------------------------------------------------------------


def described(service, number, a_prompt):
    """A plate about sport with a direction, through the real store."""
    told = story(f"Match {number}")
    service.store.visited(told.feed, Fetched((told,)), told.published)
    service.store.judged([(told.id, TOPICAL)])
    plate = service.store.chosen("home", told.id, TOPICAL, text_only=False)
    if a_prompt:
        service.store.described(service.archive.plate(plate), a_prompt)
    return plate


def test_a_prompt_of_before_is_read_as_before():
    """A row that knows of no company has none; one that does has it back."""
    table = json.loads(json.dumps(asdict(BOTH)))
    assert prompt_of(json.dumps(table)) == BOTH
    del table["company"]
    assert prompt_of(json.dumps(table)) == replace(BOTH, company=())


def test_a_database_of_before_is_read_on(monkeypatch):
    """What "not me" taught before is still known, and the new rows are there."""
    db = sqlite3.connect(":memory:")
    monkeypatch.setattr(schema, "MIGRATIONS", schema.MIGRATIONS[:-1])
    schema.migrate(db)
    db.execute("INSERT INTO absences (story, since, subject) VALUES ('s', 'now', 'rex')")
    db.commit()
    monkeypatch.undo()
    schema.migrate(db)
    assert db.execute("SELECT subject, company FROM absences").fetchall() == [("rex", "[]")]


@pytest.mark.parametrize("name", ["rex", "mia"])
def test_removing_one_of_two_takes_the_picture(tmp_path, name):
    """Whichever it is: counted with each, and gone with either, also where only a try showed them."""
    with home(tmp_path, plates=1) as (service, _):
        plate = painted(service, 2, subject="rex", company=("mia",))
        tried = painted(service, 3)
        line = service.press.line
        made = line.archive.plate(plate)
        picture = line.store.folder.read(made.picture)
        line.journal.tried(service.archive.plate(tried), BOTH, Picture(picture, ".jpg", 64, 64), "mine", None)
        assert (line.appearances.plates("rex"), line.appearances.plates("mia"), line.appearances.plates("tom")) == (
            1,
            1,
            0,
        )
        assert line.appearances.forget("tom") == 0
        assert line.appearances.forget(name) == 2
        assert (service.archive.plate(plate), service.archive.plate(tried)) == (None, None)
        assert not line.store.folder.whole(made.picture)
        assert line.appearances.plates("rex") == line.appearances.plates("mia") == 0


def test_not_me_of_either_takes_both_out_and_teaches_of_both(tmp_path):
    """The picture goes at once, nobody of this home is in the story, and a late direction of two is not taken."""
    with home(tmp_path, plates=1) as (service, _):
        plate = painted(service, 2, subject="rex", company=("mia",))
        told = service.hand.told(plate)
        assert (told["subject"], told["company"]) == ("rex", ["mia"])
        story_id = service.archive.plate(plate).story.id
        service.store.db.execute("UPDATE stories SET verdict = ? WHERE id = ?", (json.dumps(asdict(TOPICAL)), story_id))
        assert "Without rex and mia" in client(service, clock=_).get(f"/plates/{plate}").text
        service.hand.not_me(plate)
        again = service.archive.plate(plate)
        assert (again.step, again.picture, again.prompt) == (Step.CHOSEN, None, None)
        assert service.screens.refusals() == {("rex", "sport"): 1, ("mia", "sport"): 1}
        with pytest.raises(Withdrawn):
            service.store.described(again, BOTH)
        service.hand.not_me(plate, absent=False)
        assert service.screens.refusals() == {}


def test_the_same_two_are_painted_again(tmp_path):
    """``repaint`` asks the engine for everybody who was in it."""
    with home(tmp_path) as (service, _):
        plate = described(service, 1, BOTH)
        list(pipeline.render(service.press.line, service.desks["home"]))
        made = Studio(service.press.line).repaint(plate)
        assert made.same
        assert made.prompt == BOTH
