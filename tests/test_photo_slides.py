"""A subject that appears as its one learned photo: painted by the worker from that photo, or left out with the reason.

What was "learned" here is written down by hand: the toy world with two colours exchanged (``test_halves.recolouring``).
That such a picture keeps the photo's layout is shown where a photo is really learned: ``test_unitune``.
"""

import hashlib
import json
from dataclasses import asdict, replace
from importlib.util import find_spec
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from service import checking, onephoto, pipeline, subjects
from service.anew import denoiser
from service.engines.cards import SHIPPED, read as cards
from service.engines.gallery import Gallery
from service.engines.job import Job, Kept, Painted, job_of, together
from service.engines.loading import Model
from service.engines.settling import Settled
from service.errors import EngineError
from service.onephoto import OnePhoto, Way
from service.protocols import Fetched
from service.studio import Studio
from service.subjects import Kind, Subject

from .command import objects, told
from .homes import FEED, client, home as house
from .test_halves import opened, padded, recolouring
from .test_painter import eager, pixels, warmed  # noqa: F401 - a fixture
from .toyworld import PIPELINE
from .toyworld.world import Scene, draw
from .values import NOON, prompt, story

NEEDS = [name for name in ("torch", "diffusers", "transformers", "peft") if find_spec(name) is None]
torched = pytest.mark.skipif(bool(NEEDS), reason=f"not installed: {', '.join(NEEDS)}; `make test` installs them")
QUIET = lambda _step, _steps: None  # noqa: E731 - nobody wants to know
JOB = Job("a red ball on a white background", "", 3, 128, 128, steps=2, guidance=3.0)
WAY = Way(0.75, 3.0, 0.5, 4)
CARDS = cards(SHIPPED)


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def keep(data, name="rex", base=PIPELINE, way=WAY, weights=b"weights", **card):
    """A subject that appears as its learned photo; its folder."""
    subjects.save(
        data,
        Subject(**{"name": name, "kind": "thing", "class_noun": "ball", "token": "zqx", "appears": "photo"} | card),
    )
    folder = subjects.folder(data, name)
    Image.fromarray(draw(Scene("ball", "green", "white", "left"))).resize((128, 96)).save(folder / onephoto.PHOTO)
    (folder / onephoto.WEIGHTS).write_bytes(weights)
    learned = OnePhoto("q", "sd15", str(base), "holiday.jpg", "0" * 64, digest(folder / onephoto.PHOTO),
                       digest(folder / onephoto.WEIGHTS), 128, 96, 4, way)  # fmt: skip
    onephoto.write(folder, learned, {}, {})
    return folder


def settled(card="", **model):
    kind = CARDS[card] if card else CARDS["sd15"].like()
    return Settled(Model(**{"name": kind.hub if card else str(PIPELINE)} | model), kind, "")


# -- the model -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A learned photo, and three subjects: rex, mia, and one who reaches into the text encoder."""
    import torch
    from safetensors.torch import load_file, save_file

    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("home")
    rex, mia = (
        recolouring(folder / "rex.safetensors", (2, 1, 0), "rex"),
        recolouring(folder / "mia.safetensors", (1, 0, 2), "mia"),
    )
    layer = "text_encoder.text_model.encoder.layers.0.self_attn.q_proj"
    torch.manual_seed(0)
    said = {f"{layer}.lora_A.weight": torch.randn(4, 64), f"{layer}.lora_B.weight": torch.randn(64, 4)}
    save_file(load_file(mia.file) | said, folder / "ada.safetensors")
    layer = "unet.mid_block.attentions.0.transformer_blocks.0.attn1.to_q"  # one that none of them has
    more = {f"{layer}.lora_A.weight": torch.randn(27, 64), f"{layer}.lora_B.weight": torch.randn(64, 27)}
    save_file(load_file(rex.file) | more, folder / "photo.safetensors")
    keep(folder, weights=(folder / "photo.safetensors").read_bytes())
    ada = replace(mia, subject="ada", file=str(folder / "ada.safetensors"), sha256=digest(folder / "ada.safetensors"))
    found = Gallery(folder).presence("rex", settled()).kept
    return SimpleNamespace(
        folder=folder, kept=replace(found, words="a red ball on a blue background"), rex=rex, mia=mia, ada=ada
    )


@pytest.fixture(scope="module")
def painter(home):
    return opened()


def one(painter, job):
    (made,) = painter.render([job], QUIET)
    assert isinstance(made, Painted), made
    return made


def worn(pipe):
    """Everything of a model that says what it wears."""
    from service.engines.recalled import layers

    of_layers = {id(layer): (list(layer.active_adapters), layer.disable_adapters, [p.requires_grad for p in layer.parameters()])
                 for layer in layers(pipe)}  # fmt: skip
    return pipe.get_list_adapters(), of_layers, denoiser(pipe).forward


@torched
def test_a_photo_in_between_leaves_every_other_picture_as_it_was(home, painter):
    """To the bit: nobody's, one's in either model, several in one run; and what the model wears is what it wore."""
    jobs = [JOB, *(replace(JOB, learned=learned) for learned in (home.rex, home.ada, home.mia))]
    anew = replace(JOB, kept=home.kept)
    first = one(painter, anew)  # before anybody else was there
    fresh = opened()
    plain = [one(fresh, job).pixels for job in jobs]
    assert [one(painter, job).pixels for job in jobs] == plain
    both = [made.pixels for made in painter.render([jobs[1], jobs[3]], QUIET)]
    for job in jobs[1:3]:  # after the second of these, a text encoder wears something
        one(painter, job)
        before = worn(painter._pipe)
        assert one(painter, anew).pixels == first.pixels
        assert worn(painter._pipe) == before
    assert [one(painter, job).pixels for job in reversed(jobs)] == plain[::-1]
    assert [made.pixels for made in painter.render([jobs[1], jobs[3]], QUIET)] == both


@torched
def test_the_photo_counts_and_so_do_words_and_seed(home, painter):
    """It is in the photo's shape, whatever is asked for; its way is the card's; the recipe names photo and weights."""
    anew = replace(JOB, kept=home.kept)
    heard = []
    (made,) = painter.render([anew], lambda *step: heard.append(step))
    assert heard == [(1, 3), (2, 3), (3, 3)]
    assert (made.width_px, made.height_px) == (128, 96)
    assert made.facts["photo"] == {
        "sha256": home.kept.photo_sha256,
        "weights_sha256": home.kept.learned.sha256,
        **asdict(WAY),
    }
    assert (made.facts["subject"], made.facts["steps"], made.facts["guidance"]) == ("rex", 3, 3.0)
    assert made.facts["prompt"] == home.kept.words
    others = [replace(anew, seed=4), replace(anew, kept=replace(home.kept, words="a pole")),
              replace(anew, kept=replace(home.kept, way=replace(WAY, hold=0.0)))]  # fmt: skip
    assert len({made.pixels, *(one(painter, job).pixels for job in others)}) == 4


@torched
def test_little_strength_leaves_the_photo_as_it_is(home, painter):
    """What is not taken towards noise stays, but for what the autoencoder makes of it."""
    near, far = (
        one(painter, replace(JOB, kept=replace(home.kept, way=replace(WAY, strength=s, steps=20)))) for s in (0.05, 1.0)
    )
    with Image.open(home.kept.photo) as file:
        photo = np.asarray(file.convert("RGB")).astype(int).ravel()
    assert abs(pixels(near) - photo).mean() < abs(pixels(far) - photo).mean() / 2


@torched
def test_what_cannot_be_painted_so_is_painted_otherwise(home, painter, tmp_path, monkeypatch):
    """The picture is as if there were no photo, and says why: a model held in parts, a photo or weights that changed."""
    plain = replace(JOB, learned=home.rex)
    ball = one(painter, plain).pixels
    changed = tmp_path / "photo.png"
    Image.new("RGB", (128, 96), "white").save(changed)
    short = tmp_path / "short.safetensors"
    short.write_bytes(b"x" * 20)
    longer = padded(home.folder / "photo.safetensors", tmp_path / "longer.safetensors")
    bad = {
        "was learned anew just now": replace(home.kept, photo=str(changed)),
        "cannot be read": replace(home.kept, photo=str(tmp_path / "none.png")),
        "no safetensors file": replace(home.kept, learned=replace(home.kept.learned, file=str(short))),
        "anew just now: it": replace(home.kept, learned=replace(home.kept.learned, file=str(longer))),
    }
    for why, kept in bad.items():
        made = one(painter, replace(plain, kept=kept))
        assert (made.pixels, made.facts["subject"]) == (ball, "rex"), why
        assert made.facts["photo"].startswith("left out: ")
        assert why in made.facts["photo"]
    monkeypatch.setattr(painter._pipe.unet, "_hf_hook", object(), raising=False)
    assert "held in parts" in one(painter, replace(plain, kept=home.kept)).facts["photo"]


@torched
def test_a_painting_that_is_stopped_leaves_nothing_behind(home, painter):
    """The photo is forgotten though its picture never came."""
    from service.engines.job import Cancelled

    def stop(_step, _steps):
        raise Cancelled

    plain, before = one(painter, JOB).pixels, worn(painter._pipe)
    with pytest.raises(Cancelled):
        painter.render([replace(JOB, kept=home.kept)], stop)
    assert worn(painter._pipe) == before
    assert one(painter, JOB).pixels == plain


@torched
def test_a_compiled_model_is_run_as_it_is(home, eager, monkeypatch):  # noqa: F811
    """And compiled anew behind the next picture, once, since it has more layers now; nobody waits for that."""

    def attention(module):
        return [part for part in module.modules() if type(part).__name__ == "BasicTransformerBlock"]

    monkeypatch.setattr("service.engines.haste._blocks", attention)
    painter = opened(haste="always")
    anew, mia = replace(JOB, kept=home.kept), replace(JOB, learned=home.mia)
    fresh = opened()
    plain = {job: pixels(one(fresh, job)) for job in (mia, anew)}

    def compiled(job):
        made = one(painter, job)
        assert abs(pixels(made) - plain[job]).max() <= 1
        return made.facts["compiled"]

    assert compiled(mia) is False
    warmed(painter)
    assert compiled(mia) is True
    assert compiled(anew) is False
    assert compiled(mia) is False
    warmed(painter)
    graphs = len(eager)
    assert [compiled(job) for job in (mia, anew, mia)] == [True, False, True]
    assert len(eager) == graphs


@torched
@pytest.mark.parametrize("family", ["sdxl", "flux2"])
def test_the_other_families_paint_from_the_photo(home, tmp_path, family):
    """On the real classes with random weights: photo, words and hold all count, and other pictures stay as they were."""
    from peft import LoraConfig
    from peft.utils import get_peft_model_state_dict
    from safetensors.torch import save_file

    from . import tiny_bases, tiny_families

    model = tiny_bases.sdxl(tmp_path / "sdxl") if family == "sdxl" else tiny_families.save_klein(tmp_path / "klein")
    painter = opened(model)
    part, name = denoiser(painter._pipe), "unet" if family == "sdxl" else "transformer"
    part.add_adapter(LoraConfig(r=2, init_lora_weights=False, target_modules=["to_q", "to_v"]), "made")
    file = tmp_path / "photo.safetensors"
    save_file(
        {
            f"{name}.{key}": value.contiguous()
            for key, value in get_peft_model_state_dict(part, adapter_name="made").items()
        },
        file,
    )
    painter = opened(model)
    painter._native = 16, 64 * 64
    Image.fromarray(draw(Scene("ball", "red", "white", "left"))).resize((64, 32)).save(tmp_path / "photo.png")
    learned = replace(home.kept.learned, file=str(file), sha256=digest(file))
    kept = Kept("a boat", "q", str(tmp_path / "photo.png"), digest(tmp_path / "photo.png"), learned, WAY)
    job = Job("a red boat", "", 3, 64, 64, steps=1)
    plain, first = one(painter, job).pixels, one(painter, replace(job, kept=kept))
    assert isinstance(first.facts["photo"], dict), first.facts
    assert (first.width_px, first.height_px) == (64, 32)
    assert one(painter, job).pixels == plain
    others = [replace(kept, words="a dog"), replace(kept, way=replace(WAY, hold=0.0)), replace(kept, token="w"), kept]
    made = [one(painter, replace(job, kept=each)).pixels for each in others]
    assert made[-1] == first.pixels
    assert len(set(made)) == 4


def test_a_photo_is_a_run_of_its_own_and_goes_through_a_pipe():
    """Neither its size nor its steps are those of the pictures beside it."""
    learned = Kept("w", "q", "p.png", "1", SimpleNamespace(), WAY)
    assert together([JOB, replace(JOB, kept=learned), JOB], lambda _: (1, 1), mixing=lambda _: True) == [[0, 2], [1]]


# -- the service ---------------------------------------------------------------------------------------------------------


def test_why_a_photo_is_not_for_an_engine(tmp_path):
    """Another model, a distilled one, few steps, a cluster, a file that was changed, one that is missing; each in words."""
    hub = CARDS["sd15"].hub
    folder = keep(tmp_path, base=hub)
    gallery = Gallery(tmp_path)
    assert gallery.presence("rex", settled("sd15")).kept.photo == str(folder / onephoto.PHOTO)
    assert Gallery(tmp_path, also=[hub]).presence("rex", settled()).kept
    undistilled = CARDS["flux2-klein-4b"].learning.train_on
    like = Settled(Model(undistilled), CARDS["flux2-klein-4b"].like(), "")
    keep(tmp_path, "ada", base=undistilled)
    assert gallery.presence("ada", like).kept
    assert "learned on" in gallery.presence("ada", Settled(Model("/fine-tuned"), like.card, "")).unkept
    found = {
        "learned on stable-diffusion-v1-5/": gallery.presence("rex", settled("sdxl")),
        "this engine paints with /": gallery.presence("rex", settled()),
        "is distilled": gallery.presence("rex", settled("flux2-klein-4b")),
        "in few steps": gallery.presence("rex", settled("sd15", few_step=True)),
        "are not sent": Gallery(tmp_path, keeps=False).presence("rex", settled("sd15")),
    }
    (folder / onephoto.WEIGHTS).write_bytes(b"another")
    found["is not the one that unitune.toml"] = gallery.presence("rex", settled("sd15"))
    (folder / onephoto.CARD).write_text((folder / onephoto.CARD).read_text().replace("hold = 0.5", "hold = 7"))
    found["less than or equal to 0.95"] = gallery.presence("rex", settled("sd15"))
    (folder / onephoto.CARD).unlink()
    found["no photo of rex was learned yet"] = gallery.presence("rex", settled("sd15"))
    assert {why: (each.kept, why in each.unkept) for why, each in found.items()} == dict.fromkeys(found, (None, True))


def test_only_who_appears_so_and_has_agreed_does(tmp_path):
    """The card's word and a person's consent count; nobody else's photo is even looked at."""
    keep(tmp_path, base=PIPELINE, appears="itself")
    keep(tmp_path, "ana", kind=Kind.PERSON)
    gallery = Gallery(tmp_path)
    for name in ("rex", "ana", "nobody", None):
        found = gallery.presence(name, settled())
        assert (found.kept, found.unkept) == (None, "")
    keep(tmp_path, "ana", kind=Kind.PERSON, consent_at=NOON)
    assert gallery.presence("ana", settled()).kept


def orders(data, **how):
    from service.engines.diffusion import Settings, make
    from service.surroundings import Surroundings

    table = Settings(**{"model": str(PIPELINE), "device": "cpu", "references": 0} | how)
    return make(table, Surroundings("gpu", data, PIPELINE.parents[2] / "templates"))._orders


def job(made, asked):
    from service.engines.awaited import Awaited, Wish

    (found,) = made.jobs([Wish(asked, 320, 200)], Awaited()).values()
    return found


def test_a_photos_words_are_the_scenes(tmp_path):
    """It is called by its noun, as the base knows no name; of two the photo is alone; what is otherwise told stays."""
    keep(tmp_path, class_noun="green ball")
    subjects.save(tmp_path, Subject(name="mia", kind="dog", class_noun="corgi", token="ohwx"))
    asked = prompt(words="rex with mia beside on a blue background", subject="rex", company=("mia",), style="ink-wash")
    made = orders(tmp_path)
    both = job(made, asked)
    assert both.kept.words.startswith("a green ball on a blue background, ")
    assert "corgi" not in both.kept.words
    assert both.words.startswith("a green ball")
    assert "a corgi" in both.words
    assert made.worded(asked) == both.kept.words
    assert job(made, replace(asked, style="", company=(), words="rex at sea")).kept.words == "a green ball at sea"
    assert job_of(json.loads(json.dumps(asdict(both)))) == both
    one = job(made, replace(asked, subject="mia", company=("rex",), words="mia with rex beside asleep", style=""))
    assert one.kept.words == "a green ball asleep"
    assert (made.leaves_out("rex"), made.lacks_photo("rex"), made.from_photos("rex")) == ("", "", 0)


def test_the_recipe_says_who_was_left_out(tmp_path, caplog):
    """Of two, the other; and where the photo is not painted after all, why; the log says so once, the status too."""
    keep(tmp_path)
    made, pixels_ = orders(tmp_path), Image.effect_noise((64, 64), 90).convert("RGB").tobytes()
    from service.engines.awaited import Wish

    wish = Wish(prompt(words="rex naps", subject="rex", company=("mia",)), 64, 64)
    asked = job(made, wish.prompt)

    def recipe(photo, job=asked):
        said = {"width_px": 64, "height_px": 64, "facts": {"photo": photo} if photo else {}}
        return made.picture(wish, job, said, pixels_).recipe

    assert (
        recipe(asked.kept.told["photo"])["beside"]
        == "left out: rex appears as the learned photo, which is of rex alone"
    )
    for _ in range(2):
        assert recipe("left out: the model is held in parts")["photo"] == "left out: the model is held in parts"
    assert made.unkept == "rex does not appear as the learned photo: the model is held in parts"
    assert recipe("", replace(asked, kept=None, unkept="no"))["photo"] == "left out: no"
    lines = [record.message for record in caplog.records if "does not appear as" in record.message]
    assert lines == [
        "rex does not appear as the learned photo: the model is held in parts",
        "rex does not appear as the learned photo: no",
    ]


def test_check_names_the_engines_that_cannot(tmp_path):
    """Up to the first that can: what stands in for it may paint otherwise; one that fails is a finding of its own."""

    def engine(why):
        def lacks_photo(_name):
            if why is None:
                raise EngineError("asleep")
            return why

        return SimpleNamespace(lacks_photo=lacks_photo)

    def found(*engines):
        desk = SimpleNamespace(engines=[(str(at), each) for at, each in enumerate(engines)], name="home")
        return [(each["what"], each["says"]) for each in checking.as_photo(desk, "rex")]

    assert found(engine("")) == found(engine(""), object()) == []
    assert found(object(), engine("learned elsewhere"), engine(""), object()) == [
        ("photo of rex with engine 0 of home", "this kind of engine paints no learned photo"),
        ("photo of rex with engine 1 of home", "learned elsewhere"),
    ]
    assert len(found(engine(None))) == 1


# -- the whole way -------------------------------------------------------------------------------------------------------

GLAD, SOBER, GRIM = (
    "Night library opens for shift workers",
    "Court fines bank over hidden fees",
    "Earthquake kills dozens in coastal town",
)


@torched
def test_a_glad_story_shows_it_and_no_other_does(home, tmp_path, monkeypatch):
    """Through gate, editor and the real worker; the same picture again by its recipe, and as ever once it is told so."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    folder = keep(tmp_path, frequency="always", weights=(home.folder / "photo.safetensors").read_bytes())
    table = {"kind": "diffusion", "model": str(PIPELINE), "device": "cpu", "steps": 2, "references": 0}
    channel = {"feeds": [FEED], "engines": ["gpu"], "subjects": ["rex"], "max_age_hours": 0, "plates_per_round": 4}
    with house(tmp_path, channels={"home": channel}, engines={"gpu": table}) as (service, clock):
        line, desk = service.press.line, service.desks["home"]
        service.store.visited(FEED, Fetched(tuple(story(title, feed=FEED) for title in (GLAD, SOBER, GRIM))), NOON)
        for verb in (
            pipeline.judge(line),
            pipeline.choose(line, desk),
            pipeline.describe(line, desk),
            pipeline.render(line, desk),
        ):
            list(verb)
        plates = {plate.story.title: plate for plate in map(service.archive.plate, (1, 2, 3)) if plate}
        made = {title: service.archive.recipe(plate.picture) for title, plate in plates.items() if plate.picture}
        assert set(made) >= {GLAD, SOBER}
        assert GRIM not in made
        recipe = made[GLAD]
        assert recipe["photo"] == {
            "sha256": digest(folder / onephoto.PHOTO),
            "weights_sha256": digest(folder / onephoto.WEIGHTS),
            **asdict(WAY),
        }
        assert (recipe["subject"], recipe["width_px"], recipe["height_px"], recipe["steps"]) == ("rex", 128, 96, 3)
        assert "rex" not in recipe["prompt"]
        assert "photo" not in made[SOBER]
        page = client(service, clock).get(f"/plates/{plates[GLAD].id}", headers={"accept": "text/html"}).text
        assert "the learned one, painted anew" in page
        assert Studio(line).repaint(plates[GLAD].id).same
        subjects.save(tmp_path, subjects.load(tmp_path, "rex").model_copy(update={"appears": "itself"}))
        assert not Studio(line).repaint(plates[GLAD].id, keep=False).same
        service.engines["gpu"].close()


def test_an_owner_says_that_it_appears_so(tmp_path):
    """By command or on its page, once a photo was learned; the list and the page say so, and it can be taken back."""
    data = tmp_path / "data"
    folder = keep(data, appears="itself")
    asked = ("--data", data)
    said = told("subject", "use", "rex", "--as-photo", *asked)
    assert "may appear on home, as the learned photo, sometimes" in said.out
    assert "engine papercut of home: this kind of engine paints no learned photo" in " ".join(said.err.split())
    assert subjects.load(data, "rex").appears == "photo"
    assert "may appear on home, as the learned photo" in told("subject", "use", "rex", *asked).out
    (listed,) = objects(told("subject", "list", "--json", *asked).out)
    assert (listed["appears"], listed["photo"], listed["learned"]) == ("photo", True, False)
    assert "as the learned photo" in " ".join(told("subject", "list", *asked).out.split())
    assert told("subject", "use", "rex", "--off", "--as-photo", *asked).code == 2
    with house(data) as (service, clock):
        owner = client(service, clock)
        assert "Appears as the learned photo" in owner.get("/subjects/rex", headers={"accept": "text/html"}).text
        assert owner.post("/subjects/rex/rules", data={"appears": "itself"}).status_code == 303
        assert subjects.load(data, "rex").appears == "itself"
        (folder / onephoto.CARD).unlink()
        assert owner.post("/subjects/rex/rules", data={"appears": "photo"}).status_code == 409
    refused = told("subject", "use", "rex", "--as-photo", *asked)
    assert (refused.code, "no photo of rex was learned yet" in refused.err) == (1, True)
    assert told("subject", "use", "rex", "--as-itself", *asked).code == 0
    assert subjects.load(data, "rex").appears == "itself"


def test_an_edit_is_painted_where_the_engine_paints(tmp_path, monkeypatch):
    """What the config says of the first diffusion engine's device is handed on, before what its owner says."""
    from service import learning

    keep(tmp_path, consent_at=NOON)
    config = tmp_path / "config.toml"
    config.write_text(
        f'[channels.home]\nengines = ["gpu"]\n[engines.gpu]\nkind = "diffusion"\nmodel = "{PIPELINE}"\ndevice = "cpu"\n'
    )
    heard = []
    monkeypatch.setattr(learning, "followed", lambda *words: heard.append(words[3:]) or [{"event": "done"}])
    for table in (config, tmp_path / "none.toml"):
        (tmp_path / "none.toml").write_text('[channels.home]\nengines = ["papercut"]\n')
        assert (
            told("subject", "edit", "rex", "in the snow", "--seed", 3, "--data", tmp_path, "--config", table).code == 0
        )
    assert heard == [("--device=cpu", "in the snow", "--seed", "3"), ("in the snow", "--seed", "3")]
