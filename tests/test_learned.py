"""A subject before a server that is not ours: a token, its photos, or a noun; and nothing leaves that may not."""

import io
import json

import pytest
from PIL import Image

from service.engines.learned import Lora, at_home, from_photos, guest, lora, may_travel, photos, told
from service.engines.references import LONGEST_PX
from service.errors import EngineError
from service.subjects import Subject, save

from .pictures import dusk
from .values import NOON, prompt

REX = prompt(words="rex rides a red tram past Rexford", subject="rex")


def subject(folder, *, pictures=0, **card):
    """A subject's folder with a card and photos as a phone makes them; the card."""
    made = Subject(**({"name": "rex", "kind": "dog", "class_noun": "corgi", "token": "sks"} | card))
    save(folder, made)
    below = folder / "subjects" / made.name / "photos"
    below.mkdir(exist_ok=True)
    for number in range(pictures):
        exif = Image.Exif()
        exif[0x010F] = "the phone of somebody"
        dusk(2000 + number, 1500).save(below / f"{number:03}.jpg", exif=exif, comment=b"at our home")
    return made


def welcomed(folder, a_prompt=REX, loras=(), *, most=4, host="192.168.1.9"):
    return guest(a_prompt, folder, dict(loras), most=most, host=host)


def test_a_server_that_has_learned_a_subject_is_told_its_token(tmp_path):
    """The name is replaced by token and noun, the LoRA goes along, and no photo does."""
    subject(tmp_path, pictures=1)
    found = welcomed(tmp_path, loras={"rex": "dogs/rex.safetensors:0.8"})
    assert found.prompt.words == "sks corgi rides a red tram past Rexford"
    assert (found.prompt.subject, found.photos) == (None, ())
    assert (found.lora, found.lora.stem) == (Lora("dogs/rex.safetensors", 0.8), "rex")


def test_photos_go_along_where_that_is_allowed(tmp_path):
    """At most four, at most 1024 px, without anything that the phone wrote into them; the words speak of them."""
    subject(tmp_path, pictures=6)
    found = welcomed(tmp_path)
    assert found.prompt.words.startswith("the corgi in the reference pictures rides a red tram")
    assert len(found.photos) == 4
    for data in found.photos:
        image = Image.open(io.BytesIO(data))
        assert (image.format, max(image.size), len(image.getexif())) == ("JPEG", LONGEST_PX, 0)
        assert b"somebody" not in data
        assert b"our home" not in data


def test_how_many_go_along_is_known_before(tmp_path):
    """None where the server has learned it, takes none, or is too far away for the card."""
    subject(tmp_path, pictures=6)
    asked = [({}, "192.168.1.9"), ({"rex": "l"}, "192.168.1.9"), ({}, ""), ({}, "images.example.com")]
    assert [from_photos("rex", tmp_path, loras, host) for loras, host in asked] == [4, 0, 0, 0]
    assert from_photos("nobody", tmp_path, {}, "192.168.1.9") == 0


def test_a_scene_that_does_not_speak_of_the_subject_begins_with_it(tmp_path):
    """An editor may have meant it without a word."""
    subject(tmp_path, pictures=1)
    said = welcomed(tmp_path, prompt(words="a red tram", subject="rex")).prompt.words
    assert said == "the corgi in the reference picture, a red tram"


@pytest.mark.parametrize(
    ("card", "table"),
    [
        ({"kind": "person", "class_noun": "woman"}, {}),
        ({"kind": "person", "class_noun": "woman"}, {"loras": {"rex": "rex"}}),
        ({"photos_travel": "never"}, {}),
        ({}, {"host": "api.example.com"}),
        ({}, {"most": 0}),
    ],
    ids=["no consent", "no consent to a LoRA", "never", "not at home", "the engine says no"],
)
def test_nothing_goes_along_that_may_not(tmp_path, card, table):
    """Then the prompt is what it was, for the noun to be put in."""
    subject(tmp_path, pictures=2, **card)
    found = welcomed(tmp_path, **table)
    assert (found.prompt, found.lora, found.photos) == (REX, None, ())


def test_a_person_who_agreed_to_travel_may(tmp_path):
    """Consent and the card's "anywhere", both."""
    ada = subject(tmp_path, kind="person", class_noun="woman", consent_at=NOON, photos_travel="anywhere")
    assert may_travel(ada, "api.example.com")
    assert not may_travel(ada.model_copy(update={"consent_at": None}), "10.0.0.2")


@pytest.mark.parametrize(
    "host", ["localhost", "nas", "attic.lan", "gpu.local.", "192.168.1.4", "10.1.2.3", "::1", "fe80::1", "127.0.0.1"]
)
def test_what_is_at_home(host):
    """Private addresses, names without a dot, and those that mean something at home only."""
    assert at_home(host)
    assert "a machine at home" in told(host)


@pytest.mark.parametrize(
    "host", ["api.openai.com", "8.8.8.8", "2606:4700::1111", "lan.example.com", "192.168.1.4.example.com"]
)
def test_what_is_not_at_home(host):
    """All else is somebody else's."""
    assert not at_home(host)
    assert "not at home" in told(host)


def test_no_card_no_subject_no_photos(tmp_path):
    """Each leaves the prompt as it is."""
    assert welcomed(tmp_path).prompt == REX
    assert welcomed(tmp_path, prompt()).prompt == prompt()
    subject(tmp_path)
    assert welcomed(tmp_path).prompt == REX


def test_the_owners_choice_of_photos_counts(tmp_path):
    """Those left out in the list stay at home, and a list that points outside the folder is not followed."""
    subject(tmp_path, pictures=3)
    (tmp_path / "secret.jpg").write_bytes(b"x")
    listed = [
        {"file": "photos/000.jpg", "used": False}, {"file": "../../secret.jpg"}, {"file": "photos/../../../secret.jpg"},
        {"file": "photos/002.jpg", "used": True}, {"file": "photos/gone.jpg"},
    ]  # fmt: skip
    (tmp_path / "subjects/rex/photos.json").write_text(json.dumps(listed))
    assert len(photos(tmp_path, "rex")) == 1
    (tmp_path / "subjects/rex/photos.json").write_text("[{]")
    with pytest.raises(EngineError, match="add the photos again"):
        photos(tmp_path, "rex")


def test_a_photo_that_cannot_be_opened_is_named(tmp_path):
    """An owner reads which one it is."""
    subject(tmp_path)
    (tmp_path / "subjects/rex/photos/000.jpg").write_bytes(b"\xff\xd8nothing")
    with pytest.raises(EngineError, match=r"000\.jpg cannot be opened"):
        photos(tmp_path, "rex")


@pytest.mark.parametrize(
    ("text", "found"),
    [("rex", Lora("rex")), ("rex:0.7", Lora("rex", 0.7)), ("C:/models/rex.safetensors", Lora("C:/models/rex.safetensors")),
     ("C:\\models\\rex:1", Lora("C:\\models\\rex", 1.0)), (":0.5", Lora(":0.5"))],
)  # fmt: skip
def test_a_weight_stands_after_the_name(text, found):
    """A drive letter is no name with a weight."""
    assert lora(text) == found
