"""From files to an album: photos are added, told of, captioned and shown, by the verbs as the service asks for them."""

import json
import shutil
import signal
from argparse import ArgumentParser, Namespace
from datetime import UTC, datetime

import pytest
from PIL import Image, ImageFilter

from personalization import adding, captions, cli, looking, sheet, tokens
from personalization.captions import marked
from personalization.dataset import photos
from personalization.errors import PhotoError
from personalization.request import Request
from service import faces, subjects
from service.album import composed
from service.errors import SubjectError
from service.subjects import Kind, Subject

from .photo_files import SKIN, located, portrait, scene


def ask(verb, data, name, *more):
    """Everything a verb tells."""
    parser = ArgumentParser()
    verb.options(parser)
    return list(verb.run(Request(data, name, parser.parse_args([str(part) for part in more]))))


def of(events, kind):
    return [event for event in events if event["event"] == kind]


@pytest.fixture(scope="module")
def album(tmp_path_factory):
    """A folder of a home user's photos of one thing, added; (data, its folder, what was told)."""
    at = tmp_path_factory.mktemp("photos")
    inside = at / "in"
    inside.mkdir()
    for number in (1, 2, 3):
        (inside / f"{number}.jpg").write_bytes(located(scene(number)))
    scene(1).resize((700, 545)).save(inside / "1 again.jpg", quality=70)
    scene(2).filter(ImageFilter.GaussianBlur(8)).save(inside / "4 blurred.png")
    (inside / "5 letter.jpg").write_bytes(b"%PDF-1.7 and so on")
    (inside / "6 empty.jpg").write_bytes(b"")
    (inside / "notes.txt").write_text("no photo")
    told = ask(adding, at / "data", "globe", inside, "--kind", "thing", "--noun", "ball")
    return at / "data", at / "data/subjects/globe", told


def test_each_file_is_taken_or_refused_by_itself(album):
    """What cannot be read costs only itself; a text file in the folder is no photo and not spoken of."""
    _, _, told = album
    assert {event["original"]: event["says"] for event in of(told, "refused")} == {
        "5 letter.jpg": "is a PDF, not a photo",
        "6 empty.jpg": "is empty (0 bytes): copy it again from where it came from",
    }
    assert [event["original"] for event in of(told, "photo")] == [
        "1 again.jpg",
        "1.jpg",
        "2.jpg",
        "3.jpg",
        "4 blurred.png",
    ]
    assert told[-1]["event"] == "done"
    assert (told[-1]["photos"], told[-1]["used"]) == (5, 3)


def test_faulty_ones_are_kept_and_left_out_with_the_reason(album):
    """The smaller copy, and the blurred one."""
    _, folder, _ = album
    why = {photo.original: photo.faults for photo in photos(folder) if not photo.used}
    assert list(why) == ["1 again.jpg", "4 blurred.png"]
    assert "nearly the same as 2" in why["1 again.jpg"]
    assert "blurred" in why["4 blurred.png"]


def test_what_is_kept_is_upright_bare_and_complete(album):
    """Photo, mask and what learning sees, each where the list says; nothing of place or camera in any file."""
    _, folder, _ = album
    for photo in photos(folder):
        with Image.open(folder / photo.file) as file:
            assert file.size == (photo.width_px, photo.height_px)
            assert file.mode == "RGB"
        with Image.open(folder / f"seen/{photo.number:03}.jpg") as file:
            assert file.width % 64 == file.height % 64 == 0
        if photo.mask:
            with Image.open(folder / photo.mask) as file:
                assert (file.size, file.mode) == ((photo.width_px, photo.height_px), "L")
    assert not any(b"Camera & Sons" in path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_the_card_says_what_was_said(album):
    """A thing has no consent; its word is rare and its own."""
    data, _, _ = album
    assert subjects.load(data, "globe") == Subject(name="globe", kind=Kind.THING, class_noun="ball", token="ohwx")
    assert tokens.free(data, "rex") == "phol"
    assert tokens.free(data, "globe") == "ohwx"


def test_photos_can_be_added_later_and_each_only_once(album, tmp_path):
    """What is there already is said to be; a near duplicate of the album's gives way to it."""
    data, folder, _ = album
    copy = tmp_path / "data"
    shutil.copytree(data, copy)
    scene(3).resize((1200, 933)).save(tmp_path / "3 large.jpg")
    told = ask(adding, copy, "globe", data.parent / "in/2.jpg", tmp_path / "3 large.jpg")
    (known,) = of(told, "refused")
    assert (known["original"], known["says"], known["harmless"]) == ("2.jpg", "is there already", True)
    (new,) = of(told, "photo")
    assert (new["number"], new["used"], new["faults"]) == (6, False, ["nearly the same as 4"])
    assert [photo.number for photo in photos(copy / "subjects/globe")] == [1, 2, 3, 4, 5, 6]
    with pytest.raises(PhotoError, match="its noun is ball"):
        ask(adding, copy, "globe", tmp_path / "3 large.jpg", "--noun", "apple")
    assert len(photos(folder)) == 5


def test_the_owner_leaves_out_and_takes(album, tmp_path):
    """By number; a number that there is not is refused and changes nothing."""
    data, folder, _ = album
    told = ask(looking, data, "globe", "--leave-out", 4, "--take", 1)
    assert [event["number"] for event in of(told, "photo") if event["used"]] == [1, 2, 3]
    with pytest.raises(PhotoError, match="no photo 9"):
        ask(looking, data, "globe", "--leave-out", 2, 9)
    ask(looking, data, "globe", "--leave-out", 1, "--take", 4)
    assert [photo.number for photo in photos(folder) if photo.used] == [2, 3, 4]


def test_a_caption_has_the_mark_in_place(album):
    """However it was written; others stay."""
    data, folder, _ = album
    ask(captions, data, "globe", "--set", json.dumps({"2": "The ball on a table", "3": "a [v] ball, lying\n in grass"}))
    assert [photo.caption for photo in photos(folder)] == [
        "",
        "a [V] ball on a table",
        "a [V] ball, lying in grass",
        "",
        "",
    ]
    with pytest.raises(PhotoError, match="no photo 77"):
        ask(captions, data, "globe", "--set", '{"2": "a [V] ball", "77": "a [V] ball"}')
    assert photos(folder)[1].caption == "a [V] ball on a table"
    ask(captions, data, "globe", "--set", '{"3": ""}')
    assert photos(folder)[2].caption == ""


@pytest.mark.parametrize(
    ("said", "becomes"),
    [
        ("", ""), ("  ", ""), ("a dog on a sofa", "a [V] dog on a sofa"), ("my Dog asleep", "a [V] Dog asleep"),
        ("on a beach", "a [V] dog, on a beach"), ("a hotdog stand", "a [V] dog, a hotdog stand"), ("[V] runs", "[V] runs"),
    ],
)  # fmt: skip
def test_a_mark_is_put_where_it_belongs(said, becomes):
    """Before the noun, or before everything."""
    assert marked(said, "dog") == becomes


@pytest.mark.parametrize(("said", "why"), [("a [V] dog by a [V] dog", "once"), ("a" * 301, "300 characters")])
def test_a_caption_that_cannot_be_is_refused(said, why):
    """Two subjects, or a novel."""
    with pytest.raises(PhotoError, match=why):
        marked(said, "dog")


def test_two_answers_make_a_caption():
    """Either, both or none."""
    assert composed("dog", "asleep", "on a sofa.") == "a [V] dog asleep, on a sofa"
    assert composed("dog", "", "on a sofa") == "a [V] dog, on a sofa"
    assert composed("dog", " ", "") == ""


def test_the_sheet_shows_every_photo(album, tmp_path):
    """As a picture, in the file that was named."""
    data, _, _ = album
    (done,) = ask(sheet, data, "globe", "-o", tmp_path / "all.png")
    with Image.open(tmp_path / "all.png") as file:
        assert file.size == (done["width_px"], done["height_px"])
        assert len(file.convert("RGB").getcolors(2**20)) > 1000
    with pytest.raises(PhotoError, match=r"\.jpg or \.png"):
        ask(sheet, data, "globe", "-o", tmp_path / "all.pdf")


# -- persons and names -------------------------------------------------------------------------------


def test_a_person_is_not_learned_without_having_agreed(tmp_path):
    """Nothing is kept; with the word that they did, the moment is."""
    path = tmp_path / "ana.png"
    portrait((450, 400, 200, SKIN)).save(path)
    with pytest.raises(PhotoError, match="--consent"):
        ask(adding, tmp_path, "ana", path, "--kind", "person")
    assert not (tmp_path / "subjects").exists() or not list((tmp_path / "subjects").iterdir())
    scene(1).save(tmp_path / "room.png")
    told = ask(adding, tmp_path, "ana", path, tmp_path / "room.png", "--kind", "person", "--consent")
    card = subjects.load(tmp_path, "ana")
    assert abs((datetime.now(UTC) - card.consent_at).total_seconds()) < 60
    assert (card.class_noun, card.consented) == ("person", True)
    if faces._network():
        ana, room = of(told, "photo")
        assert (ana["faces"], ana["used"]) == (1, True)
        assert (room["faces"], room["used"], room["faults"]) == (0, False, ["no face was found"])


@pytest.mark.parametrize("name", ["../rex", "Rex", "", "a" * 41, "rex/..", ".rex"])
def test_a_name_leads_nowhere_else(tmp_path, name):
    """It is refused before a file is touched."""
    (tmp_path / "a.png").write_bytes(b"x")
    with pytest.raises(SubjectError, match="cannot name a subject"):
        ask(adding, tmp_path / "data", name, tmp_path / "a.png", "--kind", "dog")
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("token", "why"), [("sks", "a rifle"), ("dog", "knows that word"), ("two words", "one rare word"), ("rex", "knows")]
)
def test_a_word_that_means_something_is_refused(tmp_path, token, why):
    """A model would paint what it means."""
    with pytest.raises(PhotoError, match=why):
        ask(adding, tmp_path, "rex", __file__, "--kind", "dog", "--token", token)


def test_a_photo_that_was_deleted_by_hand_is_named_with_a_way_out(album, tmp_path):
    """Left out, as the sentence says, it is in nobody's way."""
    shutil.copytree(album[0], tmp_path / "data")
    there = photos(tmp_path / "data/subjects/globe")
    lost = next(photo for photo in there if photo.used)
    (tmp_path / "data/subjects/globe" / lost.file).unlink()
    with pytest.raises(
        PhotoError, match=rf"photo {lost.number} .*cannot be read.*photos globe --leave-out {lost.number}"
    ):
        ask(looking, tmp_path / "data", "globe")
    assert ask(looking, tmp_path / "data", "globe", "--leave-out", lost.number)[-1]["event"] == "done"


@pytest.mark.parametrize(
    "entry",
    [
        "3", '{"a": 1}', '["x"]', "[{}]", '[{"file": "photos/one.jpg", "original": "", "sha256": "", "width_px": 1, "height_px": 1}]',
        '[{"file": "../1.jpg", "original": "", "sha256": "", "width_px": 1, "height_px": 1}]',
        '[{"file": "photos/1.jpg", "original": "", "sha256": "", "width_px": 1, "height_px": 1, "caption": null}]',
    ],
)  # fmt: skip
def test_a_list_that_was_edited_for_the_worse_is_a_sentence(tmp_path, entry):
    """Whatever it became, it names the file, and no name in it leads elsewhere."""
    (tmp_path / "photos.json").write_text(entry)
    with pytest.raises(PhotoError, match=r"photos\.json cannot be read"):
        photos(tmp_path)


def test_nothing_is_left_where_no_photo_could_be_taken(tmp_path):
    """No card, no folder; the sentence says so."""
    (tmp_path / "a.jpg").write_bytes(b"%PDF")
    with pytest.raises(PhotoError, match="none of these files"):
        ask(adding, tmp_path / "data", "rex", tmp_path / "a.jpg", "--kind", "dog")
    assert not (tmp_path / "data/subjects/rex").exists()
    with pytest.raises(PhotoError, match="--noun"):
        ask(adding, tmp_path / "data", "pot", tmp_path / "a.jpg", "--kind", "thing")


def test_a_full_disk_is_a_sentence_and_leaves_the_album_as_it_was(album, tmp_path, monkeypatch):
    """The list is written last: a photo that is not in it is not there."""
    data, folder, _ = album
    before = photos(folder)
    scene(8).save(tmp_path / "8.png")

    def full(*_):
        raise OSError(28, "No space left on device", "photos/006.jpg")

    monkeypatch.setattr("personalization.preparing.write_whole", full)
    monkeypatch.setattr(cli, "_listen", lambda *_, **__: None)
    told = list(cli._events(["add", "--data", str(data), "globe", str(tmp_path / "8.png")]))
    assert told[-1] == {"event": "error", "says": "photos/006.jpg: No space left on device"}
    assert photos(folder) == before


def test_asked_to_stop_it_takes_nothing(album, tmp_path):
    """Between two photos, and says so."""
    request = Request(tmp_path, "rex", ArgumentParser().parse_args([]))
    request.options.photos, request.options.kind = [str(album[0].parent / "in")], "dog"
    request.options.noun = request.options.token = ""
    request.options.consent = False
    request.stop.set()
    assert [event["event"] for event in adding.run(request)] == ["stopped"]
    assert not (tmp_path / "subjects/rex").exists()


def test_of_very_many_files_only_the_best_are_looked_at_closely(tmp_path, monkeypatch):
    """All are glanced at, each fault is told once, and no near duplicate or blurred one has its subject cut out."""
    monkeypatch.setattr(adding, "MOST", 2)
    inside = tmp_path / "in"
    inside.mkdir()
    for number in range(6):
        scene(number + 1, (640, 500)).save(inside / f"{number}.jpg", quality=90)
    scene(7, (640, 500)).filter(ImageFilter.GaussianBlur(9)).save(inside / "blurred.jpg")
    scene(1, (640, 500)).save(inside / "0 again.jpg", quality=80)
    shutil.copy(inside / "3.jpg", inside / "the same.jpg")
    (inside / "empty.jpg").write_bytes(b"")
    cut = []
    monkeypatch.setattr("personalization.cutout.cut", cut.append)
    told = ask(adding, tmp_path, "globe", inside, "--kind", "thing", "--noun", "ball")
    assert {(event["what"], event["total"]) for event in of(told, "progress")} == {
        ("Sifting", 10), ("Looking", 4), ("Storing", 2),
    }  # fmt: skip
    assert len(cut) == 4
    assert [event["original"] for event in of(told, "refused")] == ["empty.jpg", "the same.jpg"]
    assert of(told, "chosen")[0]["says"].startswith("8 photos are more than learning needs")
    assert not {"blurred.jpg"} & {event["original"] for event in of(told, "photo")}
    assert (told[-1]["photos"], told[-1]["used"]) == (2, 2)
    # and with no room left, none is looked at closely
    more = ask(adding, tmp_path, "globe", inside)
    assert len(cut) == 4
    assert of(more, "chosen")[0]["says"].startswith("2 photos are there already")


def test_a_verb_with_nothing_to_finish_ends_at_once(tmp_path):
    """One that learns is asked to come to an end, and told twice that it is enough."""
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    try:
        for patient in (True, False):
            request = Request(tmp_path, "rex", Namespace())
            cli._listen(request, patient=patient)
            if patient:
                signal.raise_signal(signal.SIGTERM)
            assert request.stop.is_set() is patient
            with pytest.raises(KeyboardInterrupt):
                signal.raise_signal(signal.SIGINT)
    finally:
        for number, handler in zip((signal.SIGINT, signal.SIGTERM), before, strict=True):
            signal.signal(number, handler)


def test_a_verb_that_is_not_there_and_a_package_that_is_not(monkeypatch):
    """Are sentences, with the way out."""
    monkeypatch.setattr(cli, "_listen", lambda *_, **__: None)
    (told,) = cli._events(["fly", "rex"])
    assert "there is no verb 'fly'" in told["says"]

    def lacks(_):
        raise ModuleNotFoundError("No module named 'torch'", name="torch")

    monkeypatch.setattr(cli, "_module", lacks)
    assert list(cli._events(["train", "rex"])) == [
        {
            "event": "error",
            "says": "learning needs the package 'torch', which is not installed: `make train` installs it",
        }
    ]
