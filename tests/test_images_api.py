"""A server elsewhere paints, and nothing that it answers is believed before it has been looked at."""

import base64
import contextlib
import io
import json
import struct
import subprocess
import sys
import time
import zlib
from pathlib import Path

import pytest
from hypothesis import given, strategies as st
from PIL import Image
from pydantic import ValidationError

from service.engines import proof, sizes
from service.engines.images import wire
from service.engines.images_api import ImagesApi, Settings, make
from service.engines.images_refusal import Refusal
from service.engines.wording import LONGEST, Wording
from service.errors import EngineError, NotNow
from service.surroundings import Surroundings

from .images_server import file, holding, painted, refusing, silence, speaking
from .pictures import dusk, noise
from .values import prompt

TEMPLATES = Path(__file__).parent.parent / "templates"


def engine(server, tmp_path, clock=time.monotonic, **table):
    settings = Settings(base_url=server.url, **({"model": "flux"} | table))
    return ImagesApi(settings, Wording(TEMPLATES, tmp_path / "subjects", settings.style), tmp_path, clock=clock)


def paint(tmp_path, *scripts, a_prompt=None, size=(1024, 600), **table):
    """The picture that an engine makes of a server's answers, and the server."""
    with speaking(*scripts) as server:
        return engine(server, tmp_path, **table).render(a_prompt or prompt(), *size), server


def failure(tmp_path, *scripts, **table):
    """The sentence that an engine fails with."""
    with speaking(*scripts) as server, pytest.raises(EngineError) as caught:
        engine(server, tmp_path, **table).render(prompt(), 1024, 600)
    return str(caught.value)


def png(width, height, *, rows=0):
    """A PNG that promises a size and holds ``rows`` rows of it."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = zlib.compress(bytes(rows * (width + 1)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def test_a_server_paints_a_picture_for_the_screen(tmp_path):
    """The size asked for is a multiple of 16 that covers the screen; the picture is its middle, in the screen's shape."""
    picture, server = paint(tmp_path, painted)
    with Image.open(io.BytesIO(picture.data)) as image:
        assert (image.format, image.size) == ("JPEG", (1024, 600))
    assert (picture.width_px, picture.height_px, picture.suffix) == (1024, 600, ".jpg")
    (asked,) = server.asked
    assert asked["path"] == "/v1/images/generations"
    assert (asked["size"], asked["model"], asked["seed"]) == ("1024x608", "flux", 7)
    assert asked["response_format"] == "b64_json"


def test_the_recipe_says_how_to_make_it_again(tmp_path):
    """Engine, server, model, words, size, seed and what the server made of the words, as plain JSON."""
    picture, server = paint(tmp_path, holding(file(dusk(1024, 608)), revised_prompt="A train at night"), quality="low")
    recipe = json.loads(json.dumps(picture.recipe))
    assert recipe["engine"] == "images-api"
    assert recipe["server"] == server.host
    assert (recipe["model"], recipe["seed"], recipe["quality"]) == ("flux", 7, "low")
    assert recipe["prompt"] == server.asked[0]["prompt"]
    assert recipe["revised_prompt"] == "A train at night"
    assert (recipe["width_px"], recipe["height_px"]) == (1024, 608)


def test_the_model_is_told_scene_and_style(tmp_path):
    """The channel's style in words, or the engine's own; nothing is named by its absence."""
    told = paint(tmp_path, painted)[1].asked[0]["prompt"]
    assert "small night train" in told
    assert "paper-cut" in told
    assert " no " not in told.lower()
    picture, server = paint(tmp_path, painted, style="oil on canvas")
    assert "Oil on canvas." in server.asked[0]["prompt"]
    assert picture.recipe["style"] == "oil on canvas"


@pytest.mark.parametrize(("model", "family"), [("gpt-image-2.5-flare", "labelled"), ("flux-schnell", "flux")])
def test_the_models_name_tells_how_it_wants_to_be_told(tmp_path, model, family):
    """Labelled lines for OpenAI's models; the owner's word wins."""
    said = paint(tmp_path, painted, model=model)[1].asked[0]["prompt"]
    assert said.startswith("Scene: ") == (family == "labelled")
    tags = paint(tmp_path, painted, model=model, family="tags")[1].asked[0]["prompt"]
    assert "mood" in tags.split(", ")[-3]


def test_a_subject_stays_at_home(tmp_path):
    """The server reads what a subject is, not what it is called; without a card, a person."""
    rex = prompt(words="rex rides a red tram, T-rex watches Rexford", subject="rex")
    assert paint(tmp_path, painted, a_prompt=rex)[1].asked[0]["prompt"].startswith("a person rides a red tram")
    (tmp_path / "subjects/rex").mkdir(parents=True)
    (tmp_path / "subjects/rex/subject.toml").write_text('class_noun = "old \\\\1 corgi"')
    told = paint(tmp_path, painted, a_prompt=rex)[1].asked[0]["prompt"]
    assert told.startswith("an old \\1 corgi rides a red tram")
    assert "Rexford" in told


def test_a_very_long_prompt_is_cut_at_a_word(tmp_path):
    """Ten thousand words are more than any server takes."""
    told = paint(tmp_path, painted, a_prompt=prompt(words="lantern " * 10_000))[1].asked[0]["prompt"]
    assert len(told) <= LONGEST
    assert told.endswith("lantern")


@pytest.mark.parametrize(
    ("model", "size"),
    [("gpt-image-2.5-flare", "1072x624"), ("openai/gpt-image-2", "1072x624"), ("gpt-image-1.5", "1536x1024"),
     ("gpt-image-1-mini", "1536x1024"), ("chatgpt-image-latest", "1536x1024"), ("flux", "1024x608")],
)  # fmt: skip
def test_openai_is_asked_only_for_what_it_takes(tmp_path, model, size):
    """Its newer models want at least 655,360 pixels, its older ones know three sizes, and none takes a seed."""
    picture, server = paint(tmp_path, painted, model=model)
    asked = server.asked[0]
    assert asked["size"] == size
    assert ("seed" in asked, "response_format" in asked) == ((True, True) if model == "flux" else (False, False))
    assert picture.width_px / picture.height_px == pytest.approx(1024 / 600, rel=0.01)
    assert picture.width_px >= 1024


def test_an_owner_may_list_a_servers_sizes_and_further_fields(tmp_path):
    """The nearest shape of the list is asked for, and extra fields go along."""
    table = {"sizes": ("512x512", "768x512", "512x768"), "extra": {"num_inference_steps": 4, "seed": 5}}
    picture, server = paint(tmp_path, painted, **table)
    assert server.asked[0]["size"] == "768x512"
    assert (server.asked[0]["num_inference_steps"], picture.recipe["seed"]) == (4, 5)
    assert (picture.width_px, picture.height_px) == (1024, 600)


def test_a_field_that_a_server_objects_to_is_left_out_from_then_on(tmp_path):
    """The first picture costs one more request, the second does not."""
    objection = refusing(400, "Unknown parameter: 'response_format'.", "unknown_parameter")
    with speaking(objection, refusing(422, "extra field seed"), painted) as server:
        ours = engine(server, tmp_path)
        recipe = ours.render(prompt(), 1024, 600).recipe
        ours.render(prompt(), 1024, 600)
        assert [("response_format" in a, "seed" in a) for a in server.asked] == [
            (True, True), (False, True), (False, False), (False, False),
        ]  # fmt: skip
    assert recipe["seed"] is None


def test_the_key_comes_from_the_environment(tmp_path, monkeypatch):
    """Or from a file that the environment names; a missing one is said before anything is sent."""
    monkeypatch.setenv("PAINT_KEY", "sk-abc\n")
    assert paint(tmp_path, painted, api_key_env="PAINT_KEY")[1].headers[0]["Authorization"] == "Bearer sk-abc"
    monkeypatch.delenv("PAINT_KEY")
    (tmp_path / "key").write_text("sk-from-file\n")
    monkeypatch.setenv("PAINT_KEY_FILE", str(tmp_path / "key"))
    assert paint(tmp_path, painted, api_key_env="PAINT_KEY")[1].headers[0]["Authorization"] == "Bearer sk-from-file"
    monkeypatch.setenv("PAINT_KEY_FILE", str(tmp_path / "gone"))
    assert "cannot be read" in failure(tmp_path, painted, api_key_env="PAINT_KEY")
    monkeypatch.delenv("PAINT_KEY_FILE")
    assert "set PAINT_KEY" in failure(tmp_path, painted, api_key_env="PAINT_KEY")


SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script>fetch("/")</script></svg>'
WHOLE = file(noise(256, 256))
BAD_PICTURES = {
    "20,000 x 20,000 px": (png(20_000, 20_000), "far too large"),
    "7,000 x 7,000 px": (png(7000, 7000, rows=7000), "far too large"),
    "1x1": (png(1, 1, rows=1), "too small"),
    "no wider than a line": (png(5000, 2, rows=2), "too small"),
    "SVG": (SVG, "SVG or HTML"),
    "HTML": (b"\n <!doctype html><p>Sign in</p>", "SVG or HTML"),
    "half a picture": (WHOLE[: len(WHOLE) // 2], "damaged"),
    "a head without a body": (png(512, 512), "damaged"),
    "GIF": (file(dusk(128, 128).quantize(), "GIF"), "not a PNG"),
    "nothing": (b"", "holds no picture"),
    "a pickle": (b"\x80\x04\x95cos\nsystem\n", "not a PNG"),
    "black": (file(Image.new("RGB", (512, 512))), "is black"),
    "nearly black": (file(Image.new("RGB", (512, 512), (3, 1, 2))), "is black"),
    "flat": (file(Image.new("RGB", (512, 512), "teal")), "a single colour"),
    "transparent": (file(Image.new("RGBA", (512, 512), (90, 0, 0, 0))), "a single colour"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_PICTURES)
def test_what_is_no_picture_never_hangs(tmp_path, name):
    """It is opened within bounds, and refused with what is wrong with it."""
    data, reason = BAD_PICTURES[name]
    assert reason in failure(tmp_path, holding(data))


@given(cut=st.integers(0, len(WHOLE) - 1), place=st.integers(0, len(WHOLE) - 1), value=st.integers(0, 255))
def test_a_damaged_file_is_a_picture_or_a_reason(cut, place, value):
    """Any cut, and any changed byte: nothing else than EngineError comes out."""
    for data in (WHOLE[:cut], WHOLE[:place] + bytes([value]) + WHOLE[place + 1 :]):
        with contextlib.suppress(EngineError):
            assert proof.opened(data).mode == "RGB"


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("mode", ["RGB", "L", "P", "CMYK", "RGBA", "I;16"])
def test_every_kind_of_real_picture_is_opened(kind, mode):
    """Grey, palette, print colours, alpha and 16 bit come out as RGB."""
    image = dusk(200, 100).convert("L").convert("I;16") if mode == "I;16" else dusk(200, 100).convert(mode)
    try:
        data = file(image, kind)
    except OSError:
        pytest.skip(f"{kind} knows no {mode}")
    opened = proof.opened(data)
    assert (opened.mode, opened.size) == ("RGB", (200, 100))


def test_a_picture_carries_nothing_but_pixels(tmp_path):
    """What a server wrote beside them (comments, places, profiles) is gone."""
    out = io.BytesIO()
    dusk(1024, 608).save(out, "JPEG", comment=b"made for somebody", exif=Image.Exif())
    picture, _ = paint(tmp_path, holding(out.getvalue()))
    assert b"somebody" not in picture.data
    assert Image.open(io.BytesIO(picture.data)).getexif() == {}


def entry(**fields):
    return 200, {}, json.dumps({"data": [fields]}).encode()


BAD_ANSWERS = {
    "broken base64": (entry(b64_json="%%%"), "broken base64"),
    "half a base64": (entry(b64_json=base64.b64encode(WHOLE).decode()[:-3]), "broken base64"),
    "an address at home": (entry(url="http://127.0.0.1:9/admin.png"), "addresses in answers are not followed"),
    "a number": (entry(b64_json=7), "holds no picture"),
    "no data": ((200, {}, b'{"created": 1}'), "holds no picture"),
    "empty data": ((200, {}, b'{"data": []}'), "holds no picture"),
    "data of another kind": ((200, {}, b'{"data": ["x"]}'), "holds no picture"),
    "a list": ((200, {}, b"[]"), "no answer of this protocol"),
    "a page": ((200, {"Content_Type": "text/html"}, b"<html>It works!</html>"), "base_url usually ends in /v1"),
    "deep JSON": ((200, {}, b"[" * 100_000), "not JSON"),
    "half a body": ((200, {"Content_Length": 5000}, b'{"data": [{"b64_json": "iVBO'), "broke off"),
    "elsewhere": ((307, {"Location": "http://127.0.0.1:9/"}, b""), "put the address it now has into base_url"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_ANSWERS)
def test_a_bad_answer_is_a_sentence(tmp_path, name):
    """Whatever a server sends instead of the protocol's answer, the owner reads what is wrong."""
    script, reason = BAD_ANSWERS[name]
    assert reason in failure(tmp_path, script)


REFUSALS = {
    "wrong key": (refusing(401, "Incorrect API key provided: sk-abc"), "does not accept the key: see that PAINT_KEY"),
    "key without the right": (refusing(403, "must be verified"), "may use flux"),
    "no credit": (refusing(402, "Payment required"), "no credit left"),
    "quota": (refusing(429, "You exceeded your current quota", "insufficient_quota"), "no credit left"),
    "too fast": (refusing(429, "Rate limit reached", "rate_limit_exceeded"), "lower plates_per_round"),
    "moderation": (refusing(400, "rejected by the safety system", "moderation_blocked"), "will not paint this scene"),
    "policy": (refusing(400, "Your request was rejected", "content_policy_violation"), "will not paint this scene"),
    "no such model": (refusing(404, "The model 'flux' does not exist", "model_not_found"), "see base_url"),
    "own trouble": (refusing(503, "overloaded"), "has trouble itself (503)"),
    "a gateway's page": ((502, {}, b"<html><h1>Bad gateway</h1></html>"), "has trouble itself (502)"),
    "a strange wish": (refusing(400, "steps must be positive"), "did not understand the request (400)"),
    "a detail": ((422, {}, b'{"detail": [{"loc": ["body"], "msg": "bad"}]}'), "did not understand the request (422)"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_a_refusal_says_what_to_do(tmp_path, monkeypatch, name):
    """Each status has a sentence for the owner, and the key is never part of it."""
    monkeypatch.setenv("PAINT_KEY", "sk-abc")
    script, reason = REFUSALS[name]
    said = failure(tmp_path, script, api_key_env="PAINT_KEY")
    assert reason in said
    assert "sk-abc" not in said
    assert len(said) < 500


def again(ours, server):
    """A second try: what it says, and how many requests there have been by then."""
    with pytest.raises(EngineError) as caught:
        ours.render(prompt(), 1024, 600)
    return str(caught.value), len(server.asked)


def test_a_server_that_wants_peace_gets_it(tmp_path):
    """After 429 nothing is sent until its Retry-After has passed; then it is asked again."""
    now = [100.0]
    with speaking(refusing(429, "slow down", Retry_After="40"), painted) as server:
        ours = engine(server, tmp_path, clock=lambda: now[0])
        assert again(ours, server)[1] == 1
        now[0] += 39
        said, count = again(ours, server)
        assert (count, "not asked again for 1 s" in said) == (1, True)
        now[0] += 2
        assert ours.render(prompt(), 1024, 600).width_px == 1024


BUSY = {
    "another of ours": refusing(503, "waiting for the GPU: learning rex", "engine_busy"),
    "any server that says when": refusing(503, "down", Retry_After="9"),
    "too many orders": refusing(429, "8 pictures are waited for", "rate_limit_exceeded", Retry_After="30"),
}


@pytest.mark.parametrize("name", BUSY)
def test_a_busy_server_is_waited_for(tmp_path, name):
    """No attempt is spent on it, and the status says what it waits for, until it paints."""
    now = [100.0]
    with speaking(BUSY[name], painted) as server:
        ours = engine(server, tmp_path, clock=lambda: now[0])
        for _ in range(2):
            with pytest.raises(NotNow, match=r"^waiting: 127"):
                ours.render(prompt(), 1024, 600)
        assert (len(server.asked), ours.state()["now"][:8]) == (1, "waiting:")
        now[0] += 61
        ours.render(prompt(), 1024, 600)
        assert ours.state()["now"] == ""


def test_a_server_that_is_always_busy_fails_in_the_end(tmp_path):
    """After an hour and four times in a row it counts as out of order; a picture in between begins the count anew."""
    now, told = [100.0], []
    with speaking(BUSY["another of ours"]) as server:
        ours = engine(server, tmp_path, clock=lambda: now[0])
        for _ in range(5):
            with pytest.raises(EngineError) as caught:
                ours.render(prompt(), 1024, 600)
            told.append(type(caught.value))
            now[0] += 1801
        assert told == [NotNow, NotNow, NotNow, EngineError, EngineError]
        assert "nothing else for 120 minutes" in str(caught.value)
        server.scripts = [*[BUSY["another of ours"]] * 5, painted, BUSY["another of ours"]]
        ours.render(prompt(), 1024, 600)
        with pytest.raises(NotNow):
            ours.render(prompt(seed=8), 1024, 600)


@pytest.mark.parametrize(
    "script", [refusing(503, "no model"), refusing(429, "slow down"), refusing(429, "quota", Retry_After="9")]
)
def test_what_is_not_busy_fails(tmp_path, script):
    """A server that says neither that it is busy nor when to ask again, and one that wants to be paid."""
    with speaking(script) as server, pytest.raises(EngineError) as caught:
        engine(server, tmp_path).render(prompt(), 1024, 600)
    assert not isinstance(caught.value, NotNow)


def test_a_scene_that_was_refused_is_not_sent_again(tmp_path):
    """The same words are refused here at once; other words are sent."""
    with speaking(refusing(400, "no", "moderation_blocked"), painted) as server:
        ours = engine(server, tmp_path)
        assert [again(ours, server)[1] for _ in range(3)] == [1, 1, 1]
        assert ours.render(prompt(words="a fox asleep in a wheelbarrow"), 1024, 600).width_px == 1024


def test_silence_ends_with_the_time_allowed(tmp_path):
    """A server that says nothing costs the seconds of timeout_seconds, and the next picture is asked for anew."""
    with speaking(silence, painted) as server:
        ours, began = engine(server, tmp_path, timeout_seconds=0.4), time.monotonic()
        said, _ = again(ours, server)
        assert "did not answer in full" in said
        assert time.monotonic() - began < 5
        ours.settings = ours.settings.model_copy(update={"timeout_seconds": 60})
        assert ours.render(prompt(), 1024, 600).width_px == 1024
        ours.close()
        ours.close()


def test_nobody_at_home_is_a_sentence(tmp_path):
    """A port where nothing listens."""
    with speaking(painted) as server:
        pass
    with pytest.raises(EngineError, match="does not answer: is it running"):
        engine(server, tmp_path).render(prompt(), 1024, 600)


def test_an_endless_answer_ends(tmp_path, monkeypatch):
    """More bytes than any picture has are not read, of a refusal neither."""
    monkeypatch.setattr(wire, "MOST_BYTES", 50_000)
    assert "sent more than" in failure(tmp_path, holding(bytes(100_000)))
    assert "sent more than" in failure(tmp_path, refusing(500, "x" * 100_000))


def test_progress_is_told(tmp_path):
    """A server says nothing on the way, so there is little to tell; it never goes back."""
    heard = []
    with speaking(painted) as server:
        engine(server, tmp_path).render(prompt(), 640, 480, heard.append)
    assert heard == sorted(heard)
    assert heard


@pytest.mark.parametrize(
    "table",
    [{"base_url": "ftp://x/v1", "model": "m"}, {"base_url": "http://x/v1", "model": ""}, {"base_url": "http://x/v1"},
     {"base_url": "http://x", "model": "m", "sizes": ["big"]}, {"base_url": "http://x", "model": "m", "sise": "1"}],
)  # fmt: skip
def test_a_mistake_in_the_table_is_told_before_anything_is_painted(table):
    """Addresses, sizes and unknown keys are checked when the config is read."""
    with pytest.raises(ValidationError):
        Settings(**table)


def test_make_connects_to_nothing(tmp_path):
    """Neither network nor the openai package before the first picture."""
    ours = make(Settings(base_url="http://192.0.2.1/v1/", model="m"), Surroundings("x", tmp_path, tmp_path))
    assert ours.host == "192.0.2.1"
    code = "import sys, service.engines.images_api; assert not {'openai', 'httpx2'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


SIDE = st.integers(64, 8000)


@given(width=SIDE, height=SIDE, multiple=st.sampled_from([1, 8, 16, 32, 64]))
def test_sizes_are_ones_that_openai_takes(width, height, multiple):
    """Divisible, within 3:1, at most 3840 px a side, between 655,360 and 8,294,400 px, whatever the screen."""
    w, h = sizes.covering(width, height, multiple, least=655_360)
    assert w % multiple == h % multiple == 0
    assert max(w, h) <= 3840
    assert max(w, h) <= 3 * min(w, h)
    assert 655_360 <= w * h <= 8_294_400


@given(width=SIDE, height=SIDE, family=st.sampled_from([(64, 512 * 512), (32, 1024 * 1024), (16, 1024 * 1024)]))
def test_a_models_own_size_is_near_what_it_was_trained_at(width, height, family):
    """Sides divisible by the family's multiple, and about its number of pixels, whatever the screen."""
    multiple, area = family
    w, h = sizes.near(width, height, multiple, area)
    assert w % multiple == h % multiple == 0
    assert 0.65 * area <= w * h <= 1.35 * area


@given(width=st.integers(64, 400), height=st.integers(64, 400), w=st.integers(64, 400), h=st.integers(64, 400))
def test_a_picture_is_cut_to_the_shape_and_never_smaller(width, height, w, h):
    """Whatever came, the result covers what was asked for, in its shape to a pixel."""
    shaped = proof.shaped(Image.new("RGB", (w, h)), width, height)
    assert shaped.width >= width
    assert shaped.height >= height
    assert abs(shaped.width * height - shaped.height * width) <= max(shaped.size)


@given(status=st.integers(300, 599), code=st.text(max_size=30), said=st.text(max_size=80), pause=st.floats(0, 1e9))
def test_any_refusal_is_a_sentence(status, code, said, pause):
    """Whatever a server says, there is something to tell, and a rest is never longer than an hour."""
    refusal = Refusal(status, code, said, pause)
    assert refusal.explained("host", "model", "").startswith(("host", "the account at host"))
    assert 0 <= refusal.rest_s <= 3600
