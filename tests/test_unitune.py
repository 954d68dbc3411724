"""UniTune: a photo is learned once, and words then change that very photo; the toy world's oracle proves it."""

import json
from dataclasses import replace
from importlib.util import find_spec
from statistics import median

import numpy as np
import pytest
from PIL import Image

from personalization import pictures, shelf, unitune
from personalization.errors import BaseError, PersonalizationError, PhotoError, TrainingError
from personalization.lesson import loaded
from personalization.plan import Room
from service import onephoto
from service.anew import Known, denoiser
from service.errors import SubjectError
from service.files import write_whole
from service.subjects import Kind, load, save

from .toyworld import PIPELINE
from .toyworld.world import draw

NEEDS = [name for name in ("torch", "diffusers", "transformers", "peft") if find_spec(name) is None]
pytestmark = pytest.mark.skipif(bool(NEEDS), reason=f"not installed: {', '.join(NEEDS)}; `make test` installs them")
SEEDS = 3
QUICK = ("--device", "cpu", "--batch", "2", "--side-px", "32", "--sampling-steps", "1", "--steps", "4")


@pytest.fixture(scope="module")
def edits():
    import torch

    from .toyworld import edits

    torch.set_num_threads(1)
    return edits


@pytest.fixture(scope="module")
def learned(edits, tmp_path_factory):
    """The toy world's first photo, learned with no flag but the base: its data folder, and what was said."""
    data = tmp_path_factory.mktemp("data")
    photo = edits.house(data, edits.PHOTOS[0][0])
    return data, edits.said(data, "unitune learn", "--photo", photo, "--base", PIPELINE, "--device", "cpu")


@pytest.fixture(scope="module")
def album(edits, learned):
    return edits.opened(learned[0])


@pytest.fixture(scope="module")
def base(edits, tmp_path_factory):
    from .tiny_model import save as tiny

    return tiny(tmp_path_factory.mktemp("base") / "tiny")


@pytest.mark.parametrize("number", [0, 1])
def test_an_edit_does_what_the_words_say_and_keeps_the_layout(edits, album, number):
    """What the words ask for is there, and place, shape and all else is nearer the photo than by SDEdit."""
    photo, both = edits.PHOTOS[0]
    words, change = both[number]
    ours, theirs = (
        [edits.graded(picture, photo, change) for picture in album.paint(words, SEEDS, **how)]
        for how in ({}, {"hold": 0.0})
    )
    assert [grade.said for grade in ours] == [1.0] * SEEDS
    assert median(grade.outline for grade in ours) > median(grade.outline for grade in theirs) + 0.05
    assert median(grade.kept for grade in ours) > median(grade.kept for grade in theirs) + 0.02


def test_learning_says_what_it_does_and_leaves_three_files(learned):
    """A plan, a token that is not the subject's, progress; then the LoRA, the photo and its card, and no checkpoint."""
    data, said = learned
    folder = data / "subjects/rex"
    assert [event["event"] for event in said[:2]] == ["plan", "token"]
    assert said[1]["token"] != load(data, "rex").token
    assert said[-1]["event"] == "done"
    assert {path.name for path in folder.iterdir()} >= {onephoto.CARD, onephoto.PHOTO, onephoto.WEIGHTS}
    assert not (folder / "learning-unitune").exists()
    found = onephoto.read(folder)
    assert (found.token, found.original, found.width_px, found.height_px) == (said[1]["token"], "holiday.png", 128, 128)
    json.dumps(said)


def test_an_edit_is_one_picture_the_same_every_time(edits, learned, tmp_path):
    """The command paints at -o what was asked for; without it, in the subject's folder; the same seed, the same bytes."""
    told = ("--device", "cpu", "--sampling-steps", "2")
    (event,) = edits.said(learned[0], "unitune edit", "… a red ball", "-o", tmp_path / "a.png", *told)
    assert (event["event"], event["words"]) == ("done", "a red ball")
    (again,) = edits.said(learned[0], "unitune edit", "a red ball", *told)
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.size == (128, 128)
    assert (learned[0] / "subjects/rex/edits/0.png").read_bytes() == (tmp_path / "a.png").read_bytes()
    assert again["path"].endswith("edits/0.png")
    edits.said(learned[0], "unitune edit", "a red ball", "-o", tmp_path / "b.JPG", *told)
    with Image.open(tmp_path / "b.JPG") as picture:
        assert (picture.format, picture.size) == ("JPEG", (128, 128))


def test_a_slide_is_that_photo_and_what_the_text_says(edits, album, learned):
    """Painted by the engine's own painter, it is what an edit is: the layout is kept, the words are obeyed."""
    from service.engines.gallery import Gallery
    from service.engines.job import Job
    from service.engines.loading import Model
    from service.engines.painter import Painter
    from service.engines.settling import PLAIN, Settled

    data = learned[0]
    card = load(data, "rex")
    save(data, card.model_copy(update={"appears": "photo"}))
    kept = Gallery(data).presence("rex", Settled(Model(str(PIPELINE)), PLAIN, "")).kept
    save(data, card)
    photo, ((words, change), _) = edits.PHOTOS[0]
    kept = replace(kept, words=words, way=replace(kept.way, guidance=edits.GUIDANCE))
    painter = Painter()
    painter.load(Model(str(PIPELINE), device="cpu"))
    (made,) = painter.render([Job("", "", 0, 1024, 600, kept=kept)], lambda *_: None)
    shown = np.frombuffer(made.pixels, np.uint8).reshape(made.height_px, made.width_px, 3)
    (edit,), (other,) = album.paint(words, 1), album.paint(words, 1, hold=0.0)
    assert np.abs(shown.astype(int) - edit).max() <= 1
    grade, plain = (edits.graded(picture, photo, change) for picture in (shown, other))
    assert grade.said == 1.0
    assert grade.outline > plain.outline
    assert grade.kept > plain.kept


def test_without_hold_the_base_is_what_it_was(edits, album):
    """SDEdit by plain diffusers on a base that never met the photo gives the same picture, and so does hold 0."""
    import io

    import torch
    from diffusers import StableDiffusionImg2ImgPipeline

    plain = StableDiffusionImg2ImgPipeline.from_pretrained(PIPELINE, safety_checker=None)
    plain.set_progress_bar_config(disable=True)
    picture = Image.open(io.BytesIO(album.known.picture))
    other = plain("a red ball", picture, strength=0.5, guidance_scale=3.0, num_inference_steps=4, output_type="np",
                  generator=torch.Generator().manual_seed(0)).images[0]  # fmt: skip
    album.paint("a red ball", 1, steps=2)  # leaves nothing behind
    (ours,) = album.paint("a red ball", 1, strength=0.5, guidance=3.0, steps=4, hold=0.0)
    assert np.abs((other * 255).round() - ours).max() <= 1


def test_stopped_learning_goes_on_bit_for_bit(edits, base, tmp_path):
    """A step, a stop, and three more give the file that four steps give."""
    import safetensors.torch as tensors
    import torch

    found = []
    for name in ("straight", "stopped"):
        data = tmp_path / name
        photo = edits.house(data, edits.PHOTOS[0][0])
        told = ("--photo", photo, "--base", base, *QUICK)
        if name == "stopped":
            last = stopped(edits, data, told)[-1]
            assert (last["event"], last["step"]) == ("stopped", 1)
            assert not (data / "subjects/rex" / onephoto.CARD).exists()
        said = edits.said(data, "unitune learn", *told)
        assert ({"event": "resumed", "step": 1, "steps": 4} in said) is (name == "stopped")
        found.append(tensors.load_file(data / "subjects/rex" / onephoto.WEIGHTS))
    assert all(torch.equal(found[0][name], found[1][name]) for name in found[0])


def test_text_encoders_leave_the_device_to_learning(edits, base, tmp_path, monkeypatch):
    """All that is ever said of the photo is said before its first step, and the plan counts on it where there is a GPU."""
    photo = edits.house(tmp_path, edits.PHOTOS[0][0])
    spoke, speaking = [], shelf.Shelf._speaking
    monkeypatch.setattr(shelf.Shelf, "_speaking", lambda self, pipe: spoke.append("spoke") or speaking(self, pipe))
    told = ("--photo", photo, "--base", base, *QUICK)
    spoke.extend(event["event"] for event in unitune.run(edits.asked(tmp_path, "unitune learn", *told)))
    assert "spoke" in spoke[: spoke.index("token")]
    assert "spoke" not in spoke[spoke.index("step") :]
    demands = []
    monkeypatch.setattr(unitune, "device_of", lambda _: "cuda")
    monkeypatch.setattr(unitune, "loaded", lambda base, _: loaded(base, "cpu"))
    monkeypatch.setattr(unitune, "half", lambda _: False)
    monkeypatch.setattr("personalization.demand.room", lambda _: Room(None, 2**40))
    monkeypatch.setattr(unitune, "planned", lambda demand, *_: demands.append(demand))
    lesson, _ = unitune.opened(edits.asked(tmp_path, "unitune learn", *told))
    assert (demands[0].text_rests, lesson.family.device) == (True, "cuda")


def test_another_photo_does_not_cost_the_checkpoints_of_this_one(edits, base, tmp_path):
    """What was stopped early goes on, also where another photo was learned for longer before it."""
    photos = edits.house(tmp_path, edits.PHOTOS[0][0]), tmp_path / "other.png"
    with Image.open(photos[0]) as image:
        image.rotate(180).save(photos[1])
    asked, kept = edits.asked(tmp_path, "unitune learn", "--photo", photos[0], "--base", base, *QUICK,
                              "--measure-every", "1"), 0  # fmt: skip
    for event in unitune.run(asked):
        kept += event["event"] == "saved"
        if kept == 2:
            asked.stop.set()
    told = ("--photo", photos[1], "--base", base, *QUICK)
    assert stopped(edits, tmp_path, told)[-1]["step"] == 1
    assert {"event": "resumed", "step": 1, "steps": 4} in edits.said(tmp_path, "unitune learn", *told)


def stopped(edits, data, told):
    """As after Ctrl-C: the step at work is finished."""
    request = edits.asked(data, "unitune learn", *told)
    found = []
    for event in unitune.run(request):
        found.append(event)
        if event["event"] == "token":
            request.stop.set()
    return found


@pytest.mark.parametrize(
    ("words", "error", "says"),
    [
        (("--photo", "nowhere.jpg"), PhotoError, "nowhere.jpg cannot be read"),
        (("--photo", "."), PhotoError, "is a folder; one photo"),
        (("--photo", "{data}/paper.jpg"), PhotoError, "paper.jpg is a PDF, not a photo"),
        (("--photo", "{data}/empty.jpg"), PhotoError, "empty.jpg is empty"),
        (("--photo", "{data}/black.png"), PhotoError, "black.png is black: there is nothing in it to learn"),
        (("--photo", "{data}/flat.png"), PhotoError, "flat.png is a single colour"),
        (("--photo", "{data}/holiday.png", "--base", "{data}"), BaseError, "cannot be read"),
        (("--photo", "{data}/holiday.png", "--steps", "0"), TrainingError, "--steps is between"),
    ],
)
def test_wrong_input_is_refused_in_words(edits, base, tmp_path, words, error, says):
    """Each with what it is instead, before anything is learned."""
    edits.house(tmp_path, edits.PHOTOS[0][0])
    (tmp_path / "paper.jpg").write_bytes(b"%PDF-1.7")
    (tmp_path / "empty.jpg").touch()
    for name, colour in ("black", "black"), ("flat", "teal"):
        Image.new("RGB", (90, 90), colour).save(tmp_path / f"{name}.png")
    told = [word.format(data=tmp_path) for word in words]
    with pytest.raises(error, match=says):
        edits.said(tmp_path, "unitune learn", *([] if "--base" in told else ["--base", base]), *told)


def test_a_person_is_asked_first(edits, base, tmp_path):
    """Without consent nothing is learned, and nothing that was is painted."""
    photo = edits.house(tmp_path, edits.PHOTOS[0][0])
    save(tmp_path, load(tmp_path, "rex").model_copy(update={"kind": Kind.PERSON}))
    for verb, words in ("unitune learn", ("--photo", photo, "--base", base)), ("unitune edit", ("on the moon",)):
        with pytest.raises(SubjectError, match="has not consented"):
            edits.said(tmp_path, verb, *words)


def test_an_edit_is_refused_in_words(edits, learned, tmp_path):
    """Where nothing was learned, a number is out of bounds, no words are said, or a file is not the one it was."""
    edits.house(tmp_path, edits.PHOTOS[0][0])

    def refusal(data, *words):
        with pytest.raises((PersonalizationError, SubjectError)) as found:
            edits.said(data, "unitune edit", *words, "--device", "cpu")
        return str(found.value)

    assert "no photo of rex was learned yet" in refusal(tmp_path, "a red ball")
    assert "--strength is above 0" in refusal(learned[0], "a red ball", "--strength", "0")
    assert "--hold is between 0" in refusal(learned[0], "a red ball", "--hold", "1")
    assert "a step is left" in refusal(learned[0], "a red ball", "--strength", "0.1", "--sampling-steps", "5")
    assert "say what the photo shall show" in refusal(learned[0], " … ")
    assert "a.gif: pictures are written as .png" in refusal(learned[0], "a red ball", "-o", tmp_path / "a.gif")
    for path in (learned[0] / "subjects/rex").glob("unitune.*"):
        write_whole(tmp_path / "subjects/rex" / path.name, path.read_bytes())
    write_whole(tmp_path / "subjects/rex" / onephoto.WEIGHTS, b"another")
    assert "is not the one" in refusal(tmp_path, "a red ball")
    write_whole(tmp_path / "subjects/rex" / onephoto.CARD, b"[photo]")
    assert "cannot be read" in refusal(tmp_path, "a red ball")


@pytest.mark.parametrize("name", ["sdxl", "flux2"])
def test_the_other_families_start_from_the_photo(edits, tmp_path, name):
    """On the real classes with random weights: little strength leaves the photo as the autoencoder gives it back."""
    import torch

    from personalization import editing, families
    from personalization.lesson import loaded

    from . import tiny_bases

    family, pipe = families.named(name), loaded(str(getattr(tiny_bases, name)(tmp_path / name)), "cpu")
    picture = pictures.fitted(Image.fromarray(draw(edits.PHOTOS[0][0])), (64, 32))
    known = Known("q", picture)
    part = denoiser(pipe)
    part.disable_lora, part.enable_lora = (lambda: None), (lambda: None)  # nothing was learned
    way = onephoto.Way(1.0, 1.5, 0.5, 20)
    near, far = (editing.paint(family, pipe, known, ["a dog"], replace(way, strength=s)) for s in (0.05, 1.0))
    with torch.no_grad():
        again = editing.paint(family, pipe, known, ["a dog"], replace(way, strength=0.05))
    assert near.shape == (1, 3, 32, 64)
    assert torch.equal(near, again)
    assert (near - far).abs().mean() > 1e-4


def test_a_photo_keeps_its_shape():
    """As many pixels as a square of the model's size, sides on its grid, at most three times as long as high."""
    assert pictures.sized((4000, 3000), 512, 64) == (576, 448)
    assert pictures.sized((3000, 4000), 512, 64) == (448, 576)
    assert pictures.sized((9000, 1000), 512, 64) == (896, 320)
    assert pictures.sized((100, 100), 128, 16) == (128, 128)
