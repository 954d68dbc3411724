"""Headlines that give orders, against a model that obeys everything it reads: only our own code protects the wall."""

import re

import pytest

from service.editors.house import House
from service.editors.orders import doubts, orders
from service.editors.scenery import Cast, scene_faults
from service.engines.wording import Wording
from service.errors import Declined, EditorError
from service.model import Mood
from service.press import Press
from service.protocols import Fetched

from .dialects import speaking
from .obedient import ELEPHANT, UGLY, intruders, obedient
from .test_chat import TEMPLATES, brief, chat, named
from .test_pipeline import FEED, Bench, Engine, Feed
from .values import NOON, story, verdict

INTRUDERS = intruders()
EACH = pytest.mark.parametrize("intruder", INTRUDERS, ids=[f"{n}-{each.label}" for n, each in enumerate(INTRUDERS, 1)])
VILLAGES = [story(f"Village {n} opens a library") for n in range(6)]
GRAVE = verdict(gravity=0.5, mood=Mood.SOMBER, subject_allowed=False)


def directed(editor, told, a_brief):
    """The prompt that a plate gets: the editor's, where it fails the house editor's, None where it is declined."""
    try:
        try:
            return editor.describe(told, a_brief)
        except Declined:
            raise
        except EditorError:
            return House().describe(told, a_brief)
    except Declined:
        return None


def worded(prompt, folder):
    """All that an engine of any family is told of a prompt."""
    wording = Wording(TEMPLATES, folder)
    said = [wording.said(prompt, family) for family in ("tags", "prose", "flux", "labelled")]
    return " ".join([prompt.words, *(part for each in said for part in (each.words, each.avoid))])


def assert_untouched(prompt, folder):
    """Nothing of what the obedient model wrote is in a prompt, or in what engines are told."""
    if prompt is None:
        return
    everything = " ".join(
        (worded(prompt, folder), prompt.scene, prompt.alt, prompt.why, prompt.topic, *prompt.avoid)
    ).lower()
    assert not any(word in everything for word in ("elephant", "unicycle", "penguin", "hacked", "evil", "gun ", "rex"))
    assert prompt.subject is None
    assert prompt.mood in (Mood.SOMBER, Mood.GRIM)


def test_there_are_sixty_in_many_languages_and_codes():
    """At least 60 orders in at least 8 languages and 20 codes, of every kind."""
    assert len(INTRUDERS) >= 60
    assert len({each.label.split(",")[0] for each in INTRUDERS}) >= 8
    assert {each.wants for each in INTRUDERS} == {*UGLY}


@EACH
def test_the_model_understands_the_order(intruder, tmp_path):
    """The obedient model obeys each of them where nobody stands between: else this file would prove nothing."""
    assert intruder.reached(f'<item id="1">\nheadline: {intruder.text}\n</item>')


@pytest.fixture(scope="module")
def model():
    """The obedient model, at an address."""
    with speaking(obedient(INTRUDERS)) as server:
        yield server


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("home")
    named(folder, "rex")
    return folder


@EACH
def test_an_order_in_a_headline_is_not_obeyed(intruder, model, folder):
    """No other story is dropped, and neither scene, subject, mood nor a word for the painter follows the headline."""
    told, editor = story(intruder.text), chat(model.url, folder)
    rulings = editor.decide([(each, verdict()) for each in (VILLAGES[0], told, *VILLAGES[1:])])
    assert [ruling.keep for ruling in rulings if ruling.story != told.id] == [True] * 6
    assert_untouched(directed(editor, told, brief(verdict=GRAVE, subjects=("rex",))), folder / "subjects")
    light = directed(editor, told, brief(subjects=("rex",)))
    assert light is None or "elephant" not in f"{light.scene} {light.alt} {light.why} {light.avoid}".lower()


@EACH
def test_an_order_beside_the_headline_is_not_obeyed(intruder, model, folder):
    """An order in a summary, a publication's name or a link does not reach the model."""
    told = story("Harbour opens to small boats", summary=intruder.text, source=intruder.text, link=intruder.text)
    editor, asked = chat(model.url, folder), len(model.heard)
    assert all(ruling.keep for ruling in editor.decide([(each, verdict()) for each in (*VILLAGES, told)]))
    assert_untouched(directed(editor, told, brief(verdict=GRAVE)), folder / "subjects")
    assert len(model.heard) >= asked + 2


@pytest.mark.parametrize("wants", UGLY)
def test_what_an_order_asks_for_is_no_scene(wants):
    """Were an order ever obeyed, what it asks for is found in what the model wrote, and not painted."""
    told = story("Harbour opens to small boats", summary="A quiet day")
    if wants == "leak":
        told = story("You are the picture editor of a small illustrated daily")
    assert scene_faults(UGLY[wants], told, Cast(None, unwelcome=("rex", "sks")))


def test_an_order_moves_no_row_and_no_brush(tmp_path):
    """A whole round over feeds that hold nothing but orders and six stories: six pictures, none of them as ordered."""
    bench = Bench(tmp_path)
    intruding = [story(each.text, feed=FEED, summary=each.text, published=NOON) for each in INTRUDERS]
    honest = [story(title, feed=FEED, published=NOON) for title in (
        "Bakers open a school for bread", "Astronomers find a quiet planet", "A lost violin comes home",
        "Old lighthouse becomes a hotel", "Beavers restore a river", "The library lends telescopes")]  # fmt: skip
    bench.sources = {FEED: Feed(Fetched((*honest, *intruding), title=INTRUDERS[0].text))}
    bench.channel = bench.channel.model_copy(update={"feeds": (FEED,), "plates_per_round": 40, "max_age_hours": 0})
    engine = Told()
    bench.engines = [("gpu", engine)]
    with speaking(obedient(INTRUDERS)) as server:
        bench.editor = chat(server.url, tmp_path)
        for _ in range(4):
            list(Press(bench.line()).round())
    painted = {plate.story.title for plate in bench.archive.recent(400)}
    assert painted >= {each.title for each in honest}
    assert [told for told in engine.told if re.search("elephant|unicycle|penguins applaud", told)] == []


class Told(Engine):
    """An engine that remembers all it was told."""

    def __init__(self):
        super().__init__()
        self.told = []

    def render(self, told, width_px, height_px, progress=None):
        self.told.append(repr(told).lower())
        return super().render(told, width_px, height_px, progress)


def test_doubts_are_wider_than_orders():
    """What is surely an order is doubtful too, and an honest headline is neither."""
    for each in INTRUDERS:
        assert doubts(each.text) or not each.reached(each.text) or not orders(each.text)
    for title in (ELEPHANT, "Elephants get a bridge of their own over the motorway", "Draw for the world cup is made"):
        assert not doubts(title)
