"""Our engines for other programs, by OpenAI's protocol: asked with the official client, and by another of ours."""

import base64
import contextlib
import io
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import httpx
import openai
import pytest
from PIL import Image

from service import subjects
from service.assembly import opened
from service.engines.images_api import Settings as Remote, make
from service.errors import EngineError, NotNow
from service.model import Mood, Picture, Prompt
from service.settings import Channel, Settings
from service.studio import MOST, Order, Studio
from service.subjects import Kind, Subject
from service.surroundings import Surroundings

from .web_values import SECRET, TEMPLATES, Wall, drawn, serving

SCENE = "a small red boat on a calm lake under a round moon"


@pytest.fixture
def studio(tmp_path):
    with opened(Settings(timezone="UTC", channels={"home": Channel(feeds=())}), tmp_path) as service:
        yield Studio(service.press.line)


@pytest.fixture
def address(studio):
    with serving(Wall(), studio=studio) as url:
        yield url


def asking(url, key=SECRET):
    return openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0, timeout=30)


def picture_of(entry):
    return Image.open(io.BytesIO(base64.b64decode(entry.b64_json)))


def test_the_official_client_gets_a_picture(address):
    """Words in, a picture of the asked shape out, in the asked format; the same seed is the same picture."""
    client = asking(address)
    assert [model.id for model in client.models.list()] == ["papercut"]
    asked = {"prompt": SCENE, "model": "papercut", "size": "640x384", "extra_body": {"seed": 7}}
    one, again = (client.images.generate(**asked, output_format="jpeg").data[0] for _ in range(2))
    assert picture_of(one).format == "JPEG"
    assert picture_of(one).size == (640, 384)
    assert one.b64_json == again.b64_json
    two = client.images.generate(**asked, n=2, output_format="png").data
    assert len({entry.b64_json for entry in two}) == 2
    assert {picture_of(entry).format for entry in two} == {"PNG"}


def test_a_second_box_of_ours_is_just_a_remote(address, tmp_path, monkeypatch):
    """One service's ``images-api`` engine paints with another's engines."""
    monkeypatch.setenv("ATTIC_TOKEN", SECRET)
    table = Remote(base_url=f"{address}/v1", model="papercut", api_key_env="ATTIC_TOKEN")
    engine = make(table, Surroundings("attic", tmp_path, TEMPLATES))
    picture = engine.render(Prompt(SCENE, SCENE, Mood.CALM, "sea", 3), 1024, 600)
    engine.close()
    assert (picture.width_px, picture.height_px) == (1024, 600)


def test_a_second_box_whose_gpu_is_taken_is_waited_for(studio, address, tmp_path, monkeypatch):
    """It says when to ask again, and who asks spends no attempt."""

    def taken(*_):
        raise NotNow("waiting for the GPU: learning rex (process 7)")

    monkeypatch.setattr(studio.line.engines["papercut"], "render", taken)
    monkeypatch.setenv("ATTIC_TOKEN", SECRET)
    answer = httpx.post(
        f"{address}/v1/images/generations", json={"prompt": SCENE}, headers={"authorization": f"Bearer {SECRET}"}
    )
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")
    engine = make(
        Remote(base_url=f"{address}/v1", model="papercut", api_key_env="ATTIC_TOKEN"),
        Surroundings("attic", tmp_path, TEMPLATES),
    )
    with pytest.raises(NotNow, match="learning rex"):
        engine.render(Prompt(SCENE, SCENE, Mood.CALM, "sea", 3), 1024, 600)
    engine.close()


@pytest.mark.parametrize(
    ("key", "asked", "status", "says"),
    [
        ("wrong", {}, 401, "frontispiece token"),
        (SECRET, {"model": "gpu"}, 404, "/v1/models"),
        (SECRET, {"size": "20000x20000"}, 400, "64 to 4096"),
        (SECRET, {"size": "8x8"}, 400, "64 to 4096"),
        (SECRET, {"response_format": "url"}, 400, "b64_json"),
        (SECRET, {"n": 9}, 422, "n: "),
        (SECRET, {"prompt": ""}, 422, "prompt: "),
        (SECRET, {"extra_body": {"subject": "nobody"}}, 404, "no subject called 'nobody'"),
        (SECRET, {"extra_body": {"subject": "../rex"}}, 404, "cannot name a subject"),
    ],
)
def test_a_refusal_is_said_in_the_protocols_form(address, key, asked, status, says):
    """The client raises its own error for it, with our words."""
    with pytest.raises(openai.APIStatusError) as caught:
        asking(address, key).images.generate(**{"prompt": SCENE, "model": "papercut", **asked})
    assert caught.value.status_code == status
    assert says in caught.value.body["message"]


def test_looking_at_the_engines_needs_the_token(address):
    """Who has no token learns nothing of what is here."""
    with pytest.raises(openai.AuthenticationError):
        asking(address, "wrong").models.list()


@pytest.mark.parametrize(
    ("words", "rules", "why"),
    [
        ("rex among the victims of the massacre", {}, "nobody of this home"),
        ("rex scores at the football match", {"topics_forbidden": ("sport",)}, "stories about sport"),
        ("rex on a lake", {"kind": Kind.PERSON}, "has not agreed"),
    ],
)
def test_a_subject_is_never_put_where_its_card_or_the_gate_forbids(studio, words, rules, why):
    """Another program's words are judged like a headline before anybody of this home is in the picture."""
    card = {"name": "rex", "kind": Kind.DOG, "class_noun": "corgi", "token": "ohwx", **rules}
    subjects.save(studio.line.store.folder.path, Subject(**card))
    with serving(Wall(), studio=studio) as url, pytest.raises(openai.BadRequestError, match=why):
        asking(url).images.generate(prompt=words, model="papercut", extra_body={"subject": "rex"})


class Heard:
    """An engine that words prompts for a model, and remembers what it was asked for."""

    family = "prose"

    def __init__(self):
        self.heard = []

    def worded(self, prompt):
        return prompt.words

    def render(self, prompt, width_px, height_px, progress=None):
        self.heard.append(prompt)
        still = drawn(prompt.seed, width_px, height_px)
        return Picture(still.data, ".jpg", width_px, height_px)

    def close(self):
        pass


@pytest.fixture
def both(studio):
    """Two dogs of the home, of which one does not like sport."""
    for name, rules in (("rex", {}), ("lotte", {"topics_forbidden": ("sport",)})):
        card = {"name": name, "kind": Kind.DOG, "class_noun": "corgi", "token": "ohwx", **rules}
        subjects.save(studio.line.store.folder.path, Subject(**card))


def test_two_of_a_home_are_painted_together(studio, both, tmp_path, monkeypatch):
    """As another program asks for them, and as a second box of ours does by the names that they have there."""
    engine = Heard()
    studio.line.desks[0].engines.insert(0, ("gpu", engine))
    names, here = {"fido": "rex", "wilma": "lotte"}, Prompt(SCENE, f"fido and wilma on {SCENE}", Mood.CALM, "", 3)
    for name, noun in (("fido", "corgi"), ("wilma", "dog")):
        (tmp_path / "here").mkdir(exist_ok=True)
        subjects.save(tmp_path / "here", Subject(name=name, kind=Kind.DOG, class_noun=noun, token="sks"))
    monkeypatch.setenv("ATTIC_TOKEN", SECRET)
    with serving(Wall(), studio=studio) as url:
        asking(url).images.generate(
            prompt=f"rex and lotte on {SCENE}", extra_body={"subject": "rex", "company": "lotte"}
        )
        asking(url).images.generate(prompt=f"rex on {SCENE}", extra_body={"subject": "rex", "company": "rex"})
        table = Remote(base_url=f"{url}/v1", model="gpu", server="frontispiece", api_key_env="ATTIC_TOKEN", loras=names)
        remote = make(table, Surroundings("attic", tmp_path / "here", TEMPLATES))
        recipe = remote.render(replace(here, subject="fido", company=("wilma",)), 640, 384).recipe
        remote.close()
    assert [each.subjects for each in engine.heard] == [("rex", "lotte"), ("rex",), ("rex", "lotte")]
    assert engine.heard[2].words.startswith("rex and lotte on a small red boat")
    assert recipe["subjects"] == ["fido", "wilma"]


@pytest.mark.parametrize(
    ("model", "words", "company", "status", "says"),
    [
        (
            "gpu",
            "rex and lotte score at the football match",
            "lotte",
            400,
            "lotte does not appear in stories about sport",
        ),
        ("gpu", "rex and ann on a lake", "ann", 404, "no subject called 'ann'"),
        ("papercut", "rex and lotte on a lake", "lotte", 400, "papercut shows one figure: name one subject"),
    ],
)
def test_the_second_is_asked_like_the_first(studio, both, model, words, company, status, says):
    """The card of each must allow it, and the engine must be able to."""
    studio.line.desks[0].engines.insert(0, ("gpu", Heard()))
    asked = {"prompt": words, "model": model, "extra_body": {"subject": "rex", "company": company}}
    with serving(Wall(), studio=studio) as url, pytest.raises(openai.APIStatusError, match=says) as caught:
        asking(url).images.generate(**asked)
    assert caught.value.status_code == status
    assert studio.line.engines["gpu"].heard == []


class Slow:
    """An engine that says when two threads are in it."""

    def __init__(self):
        self.inside, self.most, self.both = 0, 0, threading.Barrier(2)

    def render(self, prompt, width_px, height_px, progress=None):
        self.inside += 1
        self.most = max(self.most, self.inside)
        with contextlib.suppress(threading.BrokenBarrierError):
            self.both.wait(0.2)
        self.inside -= 1
        still = drawn(prompt.seed, width_px, height_px)
        return Picture(still.data, ".jpg", width_px, height_px)

    def close(self):
        pass


def test_an_engine_paints_one_thing_at_a_time(studio):
    """Orders from two programs at once wait for each other."""
    slow = Slow()
    studio.line.desks[0].engines[:] = [("gpu", slow)]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda seed: studio.paint(Order(SCENE, 640, 400, seed=seed)), range(2)))
    assert slow.most == 1


def test_too_many_orders_are_turned_away(studio, address):
    """Those that wait hold the web server's threads: the others are told at once, and pages are still served."""
    gate, inside = threading.Event(), threading.Event()

    class Held(Slow):
        def render(self, prompt, width_px, height_px, progress=None):
            inside.set()
            gate.wait(20)
            return super().render(prompt, width_px, height_px, progress)

    studio.line.desks[0].engines[:] = [("gpu", Held())]
    ask = asking(address).images.generate
    with ThreadPoolExecutor(MOST) as pool:
        waiting = [pool.submit(ask, prompt=SCENE, size="640x384") for _ in range(MOST)]
        assert inside.wait(20)
        while studio._places._value:
            threading.Event().wait(0.01)
        with pytest.raises(openai.RateLimitError, match="8 pictures are waited for already"):
            ask(prompt=SCENE, size="640x384")
        gate.set()
        assert [len(each.result(20).data) for each in waiting] == [1] * MOST
    assert len(ask(prompt=SCENE, size="640x384").data) == 1


def test_an_order_is_not_begun_by_a_service_that_stops(studio, address):
    """It is told to come back; nothing goes out to an engine that would be paid."""
    studio.line.easel.stop()
    with pytest.raises(openai.InternalServerError, match="was stopped") as caught:
        asking(address).images.generate(prompt=SCENE)
    assert (caught.value.status_code, caught.value.code) == (503, "engine_busy")


def test_the_schema_says_what_is_asked_for(address):
    """Both ways to a picture: the fields, the pictures of a form, how it may fail, and that it needs the token."""
    told = httpx.get(f"{address}/api/openapi.json").json()
    made, edited = (told["paths"][f"/v1/images/{verb}"]["post"] for verb in ("generations", "edits"))
    fields = told["components"]["schemas"]["Painting"]["properties"]
    form = edited["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert form["properties"].keys() == fields.keys() | {"image"}
    assert set(form["required"]) == {"prompt", "image"}
    for each in (made, edited):
        assert {"400", "401", "404", "429", "502", "503"} <= each["responses"].keys()
        assert each["security"] == [{"HTTPBearer": []}]


def test_a_picture_that_shows_nothing_is_not_handed_out(studio):
    """What would never hang is an error for other programs too."""

    class Black(Slow):
        def render(self, prompt, width_px, height_px, progress=None):
            out = io.BytesIO()
            Image.new("RGB", (width_px, height_px)).save(out, "JPEG")
            return Picture(out.getvalue(), ".jpg", width_px, height_px)

    studio.line.desks[0].engines[:] = [("gpu", Black())]
    with pytest.raises(EngineError, match="cannot be shown: black"):
        studio.paint(Order(SCENE, 640, 400))
