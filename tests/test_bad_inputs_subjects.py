"""What people give a subject that it cannot use, each told in a sentence that says what to do; the rest is taken."""

import io
import pickle
import shutil

import numpy as np
import pytest
from PIL import Image, ImageDraw

from personalization import cli
from personalization.dataset import photos

from .photo_files import bomb, grained, scene


def jpeg(image, **more):
    out = io.BytesIO()
    image.save(out, "JPEG", quality=90, **more)
    return out.getvalue()


def saved(image, kind, **more):
    out = io.BytesIO()
    image.save(out, kind, **more)
    return out.getvalue()


def sixteen():
    return Image.fromarray(np.asarray(scene(3).convert("L")).astype(np.uint16) * 257)


def clear():
    image, seen = scene(7).convert("RGBA"), Image.new("L", (900, 700))
    ImageDraw.Draw(seen).ellipse((200, 150, 700, 600), fill=255)
    image.putalpha(seen)
    return image


def told(data, *words):
    """What a verb says, as its process would; the last line is how it ended."""
    return list(cli._events([words[0], "--data", str(data), *map(str, words[1:])]))


@pytest.fixture(autouse=True)
def here(monkeypatch):
    """The test's own process keeps its signals; and nothing is cut out, which takes longest."""
    monkeypatch.setattr(cli, "_listen", lambda *_, **__: None)
    monkeypatch.setattr("personalization.cutout.cut", lambda _: None)


FILES = {
    "a-pdf-named-jpg": ("letter.jpg", lambda: b"%PDF-1.7 and so on", "is a PDF, not a photo"),
    "0-bytes": ("empty.jpg", bytes, "is empty (0 bytes): copy it again"),
    "truncated": ("cut.jpg", lambda: jpeg(scene(1))[:20_000], "was cut short: copy it again"),
    "100-megapixels": ("bomb.png", bomb, "at most 80 are opened: save a smaller copy"),
    "cmyk": ("cmyk.jpg", lambda: jpeg(scene(2).convert("CMYK")), ""),
    "16-bit": ("deep.png", lambda: saved(sixteen(), "PNG"), ""),
    "animated": ("film.gif", lambda: saved(scene(4), "GIF", save_all=True, append_images=[scene(5)]), ""),
    "transparent": ("clear.png", lambda: saved(clear(), "PNG"), ""),
}


@pytest.mark.parametrize(("name", "made", "says"), FILES.values(), ids=FILES)
def test_a_file_is_taken_or_named_with_its_reason(tmp_path, name, made, says):
    """Beside a good photo, which is taken either way."""
    (tmp_path / name).write_bytes(made())
    (tmp_path / "good.jpg").write_bytes(jpeg(scene(9)))
    heard = told(tmp_path, "add", "globe", "--kind", "thing", "--noun", "ball", tmp_path / name, tmp_path / "good.jpg")
    assert heard[-1]["event"] == "done"
    refused = {event["original"]: event["says"] for event in heard if event["event"] == "refused"}
    assert list(refused) == ([name] if says else [])
    assert says in refused.get(name, "")
    kept = [photo.original for photo in photos(tmp_path / "subjects/globe") if photo.used]
    assert kept == (["good.jpg"] if says else [name, "good.jpg"])


ORDERS = {
    "one-photo": (["--kind", "dog"], "One photo teaches that photo. Add 4 to 20 more"),
    "no-face-for-a-person": (["--kind", "person", "--consent"], "No photo can be learned from. Add 5 to 20"),
    "a-person-who-was-not-asked": (["--kind", "person"], "--consent says so"),
    "no-kind": ([], "say what rex is with --kind: person, dog"),
    "a-thing-of-no-class": (["--kind", "thing"], "such as --noun teapot"),
    "a-token-that-is-a-rifle": (["--kind", "dog", "--token", "sks"], "a rifle; leave it out, or take ohwx"),
    "a-token-that-is-a-word": (["--kind", "dog", "--token", "Horse"], "knows that word already; leave it out, or take"),
    "a-token-of-two-words": (["--kind", "dog", "--token", "big dog"], "a token is one rare word"),
}


@pytest.mark.parametrize(("words", "says"), ORDERS.values(), ids=ORDERS)
def test_an_order_says_what_is_missing_or_wrong(tmp_path, words, says, monkeypatch):
    """In the sentence that it ends with, or in the advice."""
    monkeypatch.setattr("service.faces.faces", lambda *_: [])
    grained(scene(1)).save(tmp_path / "one.png")
    last = told(tmp_path, "add", "rex", tmp_path / "one.png", *words)[-1]
    assert says in (last["says"] if last["event"] == "error" else last["advice"][0])
    assert (tmp_path / "subjects/rex").exists() is (last["event"] == "done")


@pytest.mark.parametrize("name", ["../evil", "..", "/etc", "a/b", "Rex", "", "rex ", "con\x00"])
def test_a_name_leads_nowhere_else(tmp_path, name):
    """Whatever the verb; nothing is written."""
    scene(1).save(tmp_path / "one.png")
    for verb, *more in (("add", tmp_path / "one.png", "--kind", "dog"), ("photos",), ("export", "-o", tmp_path / "x")):
        last = told(tmp_path / "data", verb, name, *more)[-1]
        assert "cannot name a subject: use 1-40 lower-case letters" in last["says"]
    assert [path.name for path in tmp_path.rglob("*")] == ["one.png"]


EDITS = {
    "a-card-of-another-kind": (
        "subject.toml",
        lambda text: text.replace('"thing"', '"teapot"'),
        "kind: Input should be",
    ),
    "a-card-of-somebody-else": ("subject.toml", lambda text: text.replace('"globe"', '"rex"'), "rename the folder"),
    "a-card-that-is-no-toml": ("subject.toml", lambda text: text + "= =", "is not valid TOML"),
    "a-list-cut-short": ("photos.json", lambda text: text[:40], "or delete it and add the photos again"),
    "a-photo-deleted": ("photos/001.jpg", None, "--leave-out 1"),
    "a-photo-that-is-a-pdf": ("photos/001.jpg", lambda _: "%PDF", "is a PDF, not a photo; or leave it out"),
}


@pytest.fixture(scope="module")
def globe(tmp_path_factory):
    """A subject with one photo."""
    at = tmp_path_factory.mktemp("globe")
    scene(1).save(at / "one.png")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cli, "_listen", lambda *_, **__: None)
        told(at, "add", "globe", "--kind", "thing", "--noun", "ball", at / "one.png")
    return at


@pytest.mark.parametrize(("file", "edit", "says"), EDITS.values(), ids=EDITS)
def test_a_folder_that_was_edited_by_hand_is_a_sentence(globe, tmp_path, file, edit, says):
    """It names the file, the fault and the way out."""
    folder = tmp_path / "subjects/globe"
    shutil.copytree(globe / "subjects/globe", folder)
    path = folder / file
    content = None if edit is None else edit(path.read_text("latin-1"))
    path.unlink()
    if content is not None:
        path.write_text(content, "latin-1")
    last = told(tmp_path, "photos", "globe")[-1]
    assert last["event"] == "error"
    assert says in last["says"]


@pytest.mark.parametrize("name", ["evil.pt", "evil.safetensors"])
def test_a_file_that_could_run_code_is_not_opened(tmp_path, name):
    """Whatever it is called."""
    (tmp_path / name).write_bytes(pickle.dumps({"a": 1}))
    last = told(tmp_path, "import", "rex", tmp_path / name, "--look")[-1]
    assert "can run code: it is not opened. Get it as .safetensors" in last["says"]
