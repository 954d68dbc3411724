"""Reference pictures: a subject that nobody learned, painted here from its photos; and pictures that an order brings."""

import base64
import io
import json
import sys
from pathlib import Path

import pytest
from PIL import Image

from service.engines.diffusion import Diffusion, Settings
from service.engines.references import LONGEST_PX, around, jpeg, taken
from service.engines.settling import Home
from service.engines.wording import Wording
from service.errors import EngineError
from service.protocols import Referring
from service.subjects import WEIGHTS

from .pictures import dusk
from .test_company import BOTH, MIA
from .test_learned import REX, subject
from .values import NOON, prompt

ROOT = Path(__file__).parent.parent
KLEIN = "flux2-klein-4b"


@pytest.fixture
def klein(tmp_path):
    """An engine of a model that takes four pictures; its worker tells what it was shown."""
    made = []

    def engine(model=KLEIN, how="well", **table):
        settings = Settings(model=model, **table)
        words = Wording(ROOT / "templates", tmp_path / "subjects")
        command = (sys.executable, "-m", "tests.odd_painter", how)
        made.append(Diffusion(settings, words, Home(tmp_path), command=command))
        return made[-1]

    yield engine
    for each in made:
        each.close()


def painted(engine, asked=REX):
    return engine.render(asked, 320, 200).recipe


def shown(recipe):
    return [Image.open(io.BytesIO(base64.b64decode(photo))) for photo in recipe["shown"]]


def file(image, kind="PNG", **how):
    out = io.BytesIO()
    image.save(out, kind, **how)
    return out.getvalue()


def test_who_was_never_learned_is_painted_from_photos(klein, tmp_path):
    """At most four, small and bare; the words speak of them, also on a page; even photos that may never travel."""
    subject(tmp_path, pictures=6, photos_travel="never")
    engine = klein()
    recipe = painted(engine)
    assert "the corgi in the reference pictures rides a red tram past Rexford" in recipe["words"]
    assert "the corgi in the reference pictures rides" in engine.worded(REX)
    assert recipe["photos"] == 4
    for image in shown(recipe):
        assert (image.format, max(image.size), len(image.getexif())) == ("JPEG", LONGEST_PX, 0)


def test_weights_go_before_photos_and_photos_before_a_noun(klein, tmp_path):
    """Weights of this model: the token. Of another: its photos, so that nobody is left out."""
    subject(tmp_path, pictures=1, base="black-forest-labs/FLUX.2-klein-base-4B", family="flux2")
    (tmp_path / "subjects/rex" / WEIGHTS).write_bytes(b"weights")
    engine = klein()
    mine = painted(engine)
    assert ("sks corgi rides" in mine["words"], mine["shown"]) == (True, [])
    subject(tmp_path, base="other/sdxl", family="sdxl")
    assert engine.leaves_out("rex") == ""
    recipe = painted(engine)
    assert "the corgi in the reference picture rides" in recipe["words"]
    assert len(recipe["shown"]) == recipe["photos"] == 1
    assert "subject" not in recipe


@pytest.mark.parametrize(
    ("card", "table"),
    [
        ({"kind": "person", "class_noun": "corgi"}, {}),
        ({"pictures": 0}, {}),
        ({}, {"references": 0}),
        ({}, {"model": "z-image-turbo"}),
    ],
    ids=["no consent", "no photos", "the owner says no", "a model that takes none"],
)
def test_else_the_noun(klein, tmp_path, card, table):
    """Nothing is shown to the model, and the words are what they always were."""
    subject(tmp_path, **{"pictures": 2} | card)
    engine = klein(**table)
    recipe = painted(engine)
    assert "a corgi rides" in recipe["words"]
    assert recipe["shown"] == []
    assert "photos" not in recipe
    assert "a corgi rides" in engine.worded(REX)


def test_a_person_who_agreed_is_shown(klein, tmp_path):
    """Consent is all it takes: nothing leaves the machine."""
    subject(tmp_path, pictures=1, kind="person", class_noun="woman", consent_at=NOON, photos_travel="never")
    assert "the woman in the reference picture" in painted(klein())["words"]


def test_a_photo_that_cannot_be_opened_costs_that_subject_only(klein, tmp_path):
    """The sentence names the file; whoever is not in it is painted."""
    subject(tmp_path)
    (tmp_path / "subjects/rex/photos/000.jpg").write_bytes(b"\xff\xd8nothing")
    engine = klein()
    engine.expect([prompt(), REX], 320, 200)
    assert engine.render(prompt(), 320, 200).width_px == 320
    with pytest.raises(EngineError, match=r"000\.jpg cannot be opened"):
        painted(engine)


def test_an_order_brings_its_own_pictures(klein, tmp_path):
    """These are shown, and none of a subject; how many is said by the card and by the owner."""
    subject(tmp_path, pictures=2)
    engine = klein()
    assert isinstance(engine, Referring)
    assert (engine.references, klein(references=2).references, klein("z-image-turbo").references) == (4, 2, 0)
    recipe = engine.render_from([file(dusk(200, 100))], REX, 320, 200).recipe
    assert [image.size for image in shown(recipe)] == [(200, 100)]
    assert "a corgi rides" in recipe["words"]
    with pytest.raises(EngineError, match="1 to 4 reference pictures are taken, not 5"):
        engine.render_from([b""] * 5, REX, 320, 200)
    with pytest.raises(EngineError, match="no reference pictures are taken here"):
        klein("z-image-turbo").render_from([file(dusk(200, 100))], REX, 320, 200)


# -- a model that takes none by itself ---------------------------------------------------------------------------------


def test_a_model_that_takes_none_is_shown_photos_through_an_adapter(klein, tmp_path):
    """The words say what it is, since the text encoder knows of no pictures; each photo is the square around it."""
    subject(tmp_path, pictures=2)
    entry = {"original": "a.jpg", "sha256": "", "width_px": 2000, "height_px": 1500, "faults": []}
    listed = [entry | {"file": f"photos/00{n}.jpg", "box": box} for n, box in enumerate([[200, 300, 500, 700], None])]
    (tmp_path / "subjects/rex/photos.json").write_text(json.dumps(listed))
    engine = klein("sd15")
    assert (engine.references, engine.from_photos("rex"), engine.leaves_out("rex")) == (4, 2, "")
    recipe = painted(engine)
    assert "a corgi rides a red tram past Rexford" in recipe["words"]
    assert "reference" not in recipe["words"]
    assert "a corgi rides" in engine.worded(REX)
    assert [image.size for image in shown(recipe)] == [(480, 480), (1024, 768)]
    assert (recipe["photos"], recipe["seen"]) == (2, "models/ip-adapter-plus_sd15.safetensors")
    assert "h94/IP-Adapter (Apache-2.0, 2.63 GB to fetch" in engine.state()["says"]


def test_no_adapter_is_read_for_a_picture_without_photos(klein, tmp_path):
    """Nothing is fetched for nobody; nor for somebody whose weights were learned on this model."""
    subject(tmp_path, pictures=1, base="stable-diffusion-v1-5/stable-diffusion-v1-5", family="sd15")
    engine = klein("sd15")
    assert painted(engine, prompt())["seen"] == ""
    (tmp_path / "subjects/rex" / WEIGHTS).write_bytes(b"weights")
    recipe = painted(engine)
    assert ("sks corgi" in recipe["words"], recipe["seen"], recipe["shown"]) == (True, "", [])
    assert engine.from_photos("rex") == 0


def test_of_two_an_adapter_is_shown_the_first(klein, tmp_path):
    """The second is told by its noun, and the recipe says why; also where the first has nothing to be shown."""
    subject(tmp_path, pictures=2)
    subject(tmp_path, pictures=3, **MIA)
    engine = klein("sd15")
    recipe = painted(engine, BOTH)
    assert "a corgi, layered paper cut" in recipe["words"]
    assert "a woman beside rides" in recipe["words"]
    assert (recipe["photos"], len(recipe["shown"]), recipe["subjects"]) == (2, 2, ["rex", "mia"])
    assert recipe["beside"] == "left out: mia: of two, only the first one's photos are looked at"
    assert engine.state()["says"].endswith(f"one of rex and mia was {recipe['beside']}")
    (tmp_path / "subjects/rex/photos.json").write_text("[]")
    recipe = painted(engine, BOTH)
    assert (recipe["shown"], recipe["seen"], "photos" in recipe) == (
        [],
        "models/ip-adapter-plus_sd15.safetensors",
        False,
    )
    assert recipe["beside"].startswith("left out: mia: of two")


@pytest.mark.parametrize(
    ("model", "how", "says"),
    [("sd15", "blind", "the hub does not answer"), ("sd15", "squint", "no memory"), (KLEIN, "squint", "no memory")],
)
def test_photos_that_cannot_be_looked_at_cost_no_picture(klein, tmp_path, model, how, says):
    """The subject is any of its kind, and the recipe, the state and the check say why; it is tried again later."""
    subject(tmp_path, pictures=1)
    engine = klein(model, how)
    engine.expect([REX, prompt()], 320, 200)
    recipe = painted(engine)
    assert recipe["subject"] == f"left out: its photos cannot be looked at: {says}"
    assert ("a corgi rides" in recipe["words"], recipe["shown"], "photos" in recipe) == (True, [], False)
    assert says in engine.leaves_out("rex")
    assert says in engine.state()["says"]
    assert (engine.references, engine.from_photos("rex")) == (0, 0)
    assert painted(engine, prompt())["shown"] == []
    engine._sight._until = 0.0
    assert (engine.references, engine.from_photos("rex")) == (4, 1)


@pytest.mark.parametrize(("how", "says"), [("blind", "the hub does not answer"), ("squint", "no memory")])
def test_an_order_whose_pictures_cannot_be_looked_at_fails(klein, how, says):
    """Whoever sent them wants them used; the next one is told before anything is painted."""
    engine = klein("sd15", how)
    with pytest.raises(EngineError, match=says):
        engine.render_from([file(dusk(200, 100))], prompt(), 320, 200)
    if how == "blind":
        with pytest.raises(EngineError, match=f"none can be looked at now: .*{says}"):
            engine.render_from([file(dusk(200, 100))], prompt(), 320, 200)


@pytest.mark.parametrize(
    ("table", "references"),
    [({"ip_adapter": False}, 0), ({"references": 0}, 0), ({"references": 2}, 2), ({"ip_adapter": "./own"}, 4)],
)
def test_the_owner_has_the_say(klein, tmp_path, table, references):
    """None, fewer, or a folder of their own."""
    subject(tmp_path, pictures=3)
    engine = klein("sd15", **table)
    assert (engine.references, engine.from_photos("rex")) == (references, min(references, 3))
    if "own" in str(table):
        assert engine._sight.adapter.hub == str(Path("own").absolute())


@pytest.mark.parametrize(
    ("box", "square"),
    [
        ((400, 300, 600, 500), (380, 280, 620, 520)),
        ((0, 0, 100, 50), (0, 0, 120, 120)),
        ((900, 700, 1000, 800), (880, 680, 1000, 800)),
        ((300, 0, 500, 800), (0, 0, 800, 800)),
        ((100, 100, 1000, 700), (100, 0, 900, 800)),
    ],
)
def test_the_square_around_a_subject_lies_in_the_photo(box, square):
    """With a little of what is beside it; of one too long for that, its beginning."""
    assert around(box, (1000, 800)) == square


def test_pictures_of_any_shape_are_made_fit():
    """Upright as the camera held it; the middle of a very long one; none too small for the model."""
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    (upright,) = taken([file(dusk(300, 200), "JPEG", exif=exif)], 4)
    assert Image.open(io.BytesIO(upright)).size == (200, 300)
    sides = {(3000, 100): (400, 100), (100, 9000): (100, 400), (20, 30): (64, 96), (4000, 2000): (1024, 512)}
    assert {size: Image.open(io.BytesIO(jpeg(dusk(*size)))).size for size in sides} == sides


@pytest.mark.parametrize(
    ("data", "says"),
    [(b"<svg/>", "picture 2 is a document"), (b"GIF89a", "picture 2 is not a PNG"), (b"", "picture 2 is not a PNG")],
)
def test_what_is_no_picture_is_named_by_its_number(data, says):
    """So that whoever sent several knows which."""
    with pytest.raises(EngineError, match=says):
        taken([file(dusk(100, 100)), data], 4)
