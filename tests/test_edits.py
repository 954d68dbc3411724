"""Painting from pictures for other programs: asked with the official client, and by another of ours."""

import io
import socket
import tempfile

import httpx
import openai
import pytest
from PIL import Image

from service.assembly import opened
from service.engines.images_api import Settings as Remote, make
from service.errors import EngineError
from service.model import Picture
from service.settings import Channel, Settings
from service.studio import Studio
from service.surroundings import Surroundings

from .pictures import dusk
from .test_learned import REX, subject
from .test_studio import SCENE, asking, picture_of
from .web_values import SECRET, TEMPLATES, Wall, drawn, serving


class Shown:
    """An engine that takes two pictures and remembers what it was shown and told."""

    references = 2

    def __init__(self):
        self.heard = []

    def render_from(self, photos, prompt, width_px, height_px, progress=None):
        self.heard.append(([Image.open(io.BytesIO(photo)).size for photo in photos], prompt))
        still = drawn(prompt.seed, width_px, height_px)
        return Picture(still.data, ".jpg", width_px, height_px)

    def render(self, prompt, width_px, height_px, progress=None):
        return self.render_from((), prompt, width_px, height_px, progress)

    def close(self):
        pass


@pytest.fixture
def engine():
    return Shown()


@pytest.fixture
def address(tmp_path, engine):
    """A service with an engine that takes pictures, and one that does not."""
    with opened(Settings(timezone="UTC", channels={"home": Channel(feeds=())}), tmp_path / "there") as service:
        studio = Studio(service.press.line)
        studio.line.desks[0].engines.insert(0, ("gpu", engine))
        with serving(Wall(), studio=studio) as url:
            yield url


def file(width=96, height=80, name="a.png"):
    out = io.BytesIO()
    dusk(width, height).save(out, "PNG")
    return name, out.getvalue(), "image/png"


def test_the_official_client_edits(address, engine):
    """One picture or several, a prompt and the fields that generations take; each of ``n`` has a seed of its own."""
    edit = asking(address).images.edit
    one = edit(image=file(), prompt=SCENE, model="gpu", size="640x384", extra_body={"seed": 7}).data[0]
    assert picture_of(one).size == (640, 384)
    two = edit(image=[file(), file(200, 100)], prompt=SCENE, n=2, output_format="png", extra_body={"seed": 7}).data
    assert [picture_of(entry).format for entry in two] == ["PNG", "PNG"]
    assert [(sizes, told.words, told.seed) for sizes, told in engine.heard] == [
        ([(96, 80)], SCENE, 7), ([(96, 80), (200, 100)], SCENE, 7), ([(96, 80), (200, 100)], SCENE, 8),
    ]  # fmt: skip


def test_pictures_are_written_nowhere(address, engine, monkeypatch):
    """A large one stays in memory: a form's file on the disk would outlive a crash."""

    def written(_file):
        raise AssertionError("a picture was written to the disk")

    monkeypatch.setattr(tempfile.SpooledTemporaryFile, "rollover", written)
    name, data, kind = file()
    large = name, data + b"\0" * 5_000_000, kind
    asking(address).images.edit(image=[large, large], prompt=SCENE, size="640x384")
    assert engine.heard[0][0] == [(96, 80)] * 2


@pytest.mark.parametrize(
    ("asked", "status", "code", "says"),
    [
        ({"model": "papercut"}, 400, "unsupported", "papercut takes no reference pictures"),
        ({"model": "attic"}, 404, "model_not_found", "/v1/models"),
        ({"mask": file()}, 400, "unsupported", "mask"),
        ({"image": [file()] * 3}, 400, "invalid_image", "1 to 2 reference pictures"),
        ({"image": [file()] * 5}, 400, "invalid_form", "Maximum number of files is 4"),
        ({"image": ("a.png", b"<svg/>", "image/png")}, 400, "invalid_image", "picture 1 is a document"),
        ({"image": ("a.png", b"\0" * 10_000_001, "image/png")}, 413, "too_large", "at most 10 MB"),
        ({"size": "8x8"}, 400, "invalid_size", "64 to 4096"),
        ({"response_format": "url"}, 400, "unsupported", "b64_json"),
        ({"n": 9}, 422, None, "n: "),
        ({"prompt": ""}, 422, None, "prompt: "),
        ({"extra_body": {"subject": "nobody"}}, 404, "subject_not_found", "no subject called"),
    ],
    ids=lambda value: "" if isinstance(value, dict) else None,
)
def test_a_refusal_is_said_in_the_protocols_form(address, engine, asked, status, code, says):
    """The client raises its own error for it, with our words; nothing is painted."""
    with pytest.raises(openai.APIStatusError) as caught:
        asking(address).images.edit(**{"image": file(), "prompt": SCENE, **asked})
    assert (caught.value.status_code, caught.value.code) == (status, code)
    assert says in caught.value.body["message"]
    assert engine.heard == []


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", b"{}"),
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=b", b"--b\r\nno header at all"),
        ("multipart/form-data; boundary=b", b'--b\r\ncontent-disposition: form-data; name="prompt"\r\n\r\nx\r\n'),
        ("multipart/form-data; boundary=b", b"--b\r\ncontent-disposition: form-data\r\n\r\nx\r\n--b--"),
        ("multipart/form-data; boundary=b; charset=none", b'--b\r\ncontent-disposition: form-data; name="a"\r\n\r\n\xff\r\n--b--'),
    ],
)  # fmt: skip
def test_what_is_no_form_is_refused(address, engine, kind, body):
    """In words, and never by a fault of ours."""
    headers = {"authorization": f"Bearer {SECRET}", "content-type": kind}
    answer = httpx.post(f"{address}/v1/images/edits", content=body, headers=headers)
    assert answer.status_code in (400, 422)
    assert answer.json()["error"]["message"]
    assert engine.heard == []


def test_a_form_that_never_ends_is_cut_off(address):
    """It is read no further than pictures can be long."""

    def endless():
        yield b'--b\r\ncontent-disposition: form-data; name="image"; filename="a.png"\r\n\r\n'
        for _ in range(60):
            yield b"\0" * 1_000_000

    headers = {"authorization": f"Bearer {SECRET}", "content-type": "multipart/form-data; boundary=b"}
    answer = httpx.post(f"{address}/v1/images/edits", content=endless(), headers=headers, timeout=30)
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")


def test_a_form_that_is_broken_off_is_no_fault_of_ours(address, engine, caplog):
    """Its sender went away in the middle: nothing is painted, and the log has no traceback."""
    host, port = address.removeprefix("http://").split(":")
    head = (
        f"POST /v1/images/edits HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: Bearer {SECRET}\r\n"
        "Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 5000\r\n\r\n--b\r\n"
    )
    with socket.create_connection((host, int(port)), 10) as line:
        line.sendall(head.encode())
    assert httpx.get(f"{address}/healthz").status_code == 200
    asking(address).models.list()
    assert engine.heard == []
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


def test_who_has_no_token_is_not_listened_to(address, engine):
    """As everywhere behind this door."""
    with pytest.raises(openai.AuthenticationError):
        asking(address, "wrong").images.edit(image=file(), prompt=SCENE)
    assert engine.heard == []


@pytest.fixture
def attic(address, tmp_path, monkeypatch):
    """Our ``images-api`` engine before our own server."""
    monkeypatch.setenv("ATTIC_TOKEN", SECRET)
    made = []

    def engine(model="gpu", **table):
        asked = {"base_url": f"{address}/v1", "model": model, "api_key_env": "ATTIC_TOKEN", "server": "frontispiece"}
        made.append(make(Remote(**asked, **table), Surroundings("attic", tmp_path / "here", TEMPLATES)))
        return made[-1]

    yield engine
    for each in made:
        each.close()


def test_a_subject_is_painted_by_a_second_box_of_ours_from_its_photos(attic, engine, tmp_path):
    """The photos travel with the words, small, and the subject's name does not."""
    subject(tmp_path / "here", pictures=2)
    picture = attic(references=True).render(REX, 1024, 600)
    ((sizes, told),) = engine.heard
    assert sizes == [(1024, 768)] * 2
    assert "the corgi in the reference pictures rides a red tram" in told.words
    assert told.subject is None
    assert (picture.width_px, picture.height_px, picture.recipe["photos"]) == (1024, 600, 2)


def test_an_order_passes_through_two_boxes(attic, engine):
    """What one is shown it shows the next, where its owner lets it."""
    ours = attic(references=True)
    assert (ours.references, attic().references) == (4, 0)
    assert ours.render_from([file()[1]], REX, 640, 384).recipe["photos"] == 1
    assert engine.heard[0][0] == [(96, 80)]
    with pytest.raises(EngineError, match="no reference pictures are taken"):
        attic().render_from([file()[1]], REX, 640, 384)
    with pytest.raises(EngineError, match=r"127\.0\.0\.1:\d+ takes no reference pictures"):
        attic("papercut", references=True).render_from([file()[1]], REX, 640, 384)


def test_a_second_box_whose_engine_takes_none_is_told_the_noun(attic, tmp_path):
    """Its refusal costs no picture, and it is not asked again."""
    subject(tmp_path / "here", pictures=1)
    remote = attic("papercut", references=True)
    recipe = remote.render(REX, 640, 384).recipe
    assert "a corgi rides" in recipe["prompt"]
    assert (recipe["photos"], remote.references) == (0, 0)
