"""A web UI paints: what it is asked, how far it says it is, and what its refusals mean."""

import base64
import io
import json

import pytest
from PIL import Image
from pydantic import ValidationError

from service.album import Photo, keep
from service.engines import sdapi
from service.engines.sdapi import Settings
from service.errors import EngineError, NotNow

from . import painters
from .painters import Answer, WebUi, painting, send
from .test_learned import REX, subject
from .test_painters import SDAPI, built
from .values import prompt


def paint(folder, a_prompt=None, name="AUTOMATIC1111", wire=None, **table):
    with painting(wire or WebUi(takes=SDAPI)) as server:
        picture = built(name, server, folder, **table).render(a_prompt or prompt(), 1024, 600)
    return picture.recipe, server.pictures[0]


def test_it_is_asked_in_its_own_fields(tmp_path):
    """Words and negative words, steps, guidance, sampler, seed, and the model without reading the old one back."""
    table = {"steps": 24, "guidance": 6.5, "sampler": "DPM++ 2M", "scheduler": "Karras", "checkpoint": "dreamshaper_8"}
    recipe, asked = paint(tmp_path, prompt(avoid=("fog",), seed=2**32 - 1), **table)
    said = asked.fields
    assert "fog" in said["negative_prompt"]
    assert (said["steps"], said["cfg_scale"], said["sampler_name"], said["scheduler"]) == (
        24,
        6.5,
        "DPM++ 2M",
        "Karras",
    )
    assert said["override_settings"] == {"sd_model_checkpoint": "dreamshaper_8"}
    assert said["override_settings_restore_afterwards"] is False
    assert 0 <= said["seed"] < 2**31
    assert (recipe["seed"], recipe["steps"], recipe["model"]) == (said["seed"], 24, "dreamshaper_8")


@pytest.mark.parametrize(("side", "size"), [(512, (640, 384)), (1024, (1408, 832))])
def test_the_size_is_near_what_the_model_was_trained_at(tmp_path, side, size):
    """Sides divisible by 64, as KoboldCpp would cut them anyway."""
    _, asked = paint(tmp_path, side_px=side)
    assert (asked.fields["width"], asked.fields["height"]) == size


def test_a_learned_subject_is_a_tag_in_the_prompt(tmp_path):
    """By the file's name with its weight, and the token in the words."""
    subject(tmp_path)
    _, asked = paint(tmp_path, REX, loras={"rex": "rex-v2:0.75"})
    assert asked.fields["prompt"].endswith("<lora:rex-v2:0.75>")
    assert "sks corgi rides" in asked.fields["prompt"]


def test_sd_cpp_wants_its_loras_apart(tmp_path):
    """It does not read tags."""
    subject(tmp_path)
    wire = WebUi(takes=SDAPI | {"lora"}, reports=False)
    _, asked = paint(tmp_path, REX, "stable-diffusion.cpp's sdapi", wire, loras={"rex": "rex-v2:0.75"})
    assert asked.fields["lora"] == [{"path": "rex-v2", "multiplier": 0.75}]
    assert "<" not in asked.fields["prompt"]


def test_words_never_become_tags(tmp_path):
    """A headline with a tag in it loads nothing."""
    _, asked = paint(tmp_path, prompt(words="a tram <lora:evil:9> at dusk"))
    assert "<" not in asked.fields["prompt"]
    assert "lora" in asked.fields["prompt"]


def test_it_is_asked_how_far_it_is(tmp_path):
    """Shares only grow; a server that does not tell is not asked again."""
    wire, heard = WebUi(takes=SDAPI), []
    wire.steps = iter([0.1, 0.5, 0.3, 0.9])

    def slow(handler, server, good):
        while len(server.asked) < 6 and not server.release.wait(0.01):
            pass
        send(handler, good())

    with painting(wire, fault=slow) as server:
        built("AUTOMATIC1111", server, tmp_path).render(prompt(), 1024, 600, heard.append)
    assert heard[:3] == [pytest.approx(0.09), pytest.approx(0.45), pytest.approx(0.81)]
    assert heard == sorted(heard)
    with painting(
        WebUi(takes=SDAPI, reports=False), fault=lambda h, s, good: (s.release.wait(0.2), send(h, good()))
    ) as server:
        built("KoboldCpp", server, tmp_path).render(prompt(), 1024, 600)
    assert [request.path for request in server.asked].count("/sdapi/v1/progress") == 1


PLUS, XL = "ip-adapter-plus_sd15 [1234abcd]", "ip-adapter_sdxl [d5d53548]"
A1111 = ["none", "canny", "ip-adapter-auto", "ip-adapter_clip_h"]
FORGE = ["None", "CLIP-ViT-H (IPAdapter)", "CLIP-ViT-bigG (IPAdapter)", "InsightFace+CLIP-H (IPAdapter)"]


def shown(folder, modules, model, a_prompt=REX, **table):
    wire = WebUi(takes=SDAPI | {"alwayson_scripts"}, controlnet=modules and ([PLUS, XL], modules))
    recipe, asked = paint(folder, a_prompt, wire=wire, ip_adapter=model, **table)
    return recipe, asked.fields.get("alwayson_scripts", {}).get("controlnet", {}).get("args", []), asked.fields


@pytest.mark.parametrize(
    ("modules", "model", "module", "whole"),
    [
        (A1111, "ip-adapter-plus_sd15", "ip-adapter-auto", PLUS),
        (FORGE, "IP-Adapter-plus_sd15", "CLIP-ViT-H (IPAdapter)", PLUS),
        (FORGE, XL, "CLIP-ViT-bigG (IPAdapter)", XL),
    ],
)
def test_a_photo_goes_along_through_the_servers_own_adapter(tmp_path, modules, model, module, whole):
    """As AUTOMATIC1111's and Forge's ControlNet take it: one square photo, and words that say its noun."""
    subject(tmp_path, pictures=2)
    box = 100, 100, 500, 900
    keep(tmp_path / "subjects/rex", [Photo("photos/000.jpg", "a.jpg", "0" * 64, 2000, 1500, box=box)])
    recipe, (unit,), fields = shown(tmp_path, modules, model)
    assert (unit["module"], unit["model"], unit["enabled"], unit["weight"]) == (module, whole, True, 0.6)
    width, height = Image.open(io.BytesIO(base64.b64decode(unit["image"]))).size
    assert width == height
    assert fields["prompt"].startswith("a corgi rides a red tram")
    assert (recipe["photos"], recipe["ip_adapter"]) == (1, whole)
    json.dumps(recipe)


@pytest.mark.parametrize(
    ("modules", "model", "why"),
    [
        (None, "ip-adapter-plus_sd15", "install the extension"),
        (A1111, "ip-adapter_sd15", f"there is {PLUS}, {XL}"),
        (["none", "canny"], PLUS, "bring it up to date"),
        (A1111, "ip-adapter-faceid-plusv2_sd15", "not free for every use"),
    ],
)
def test_a_server_that_cannot_look_at_photos_is_asked_for_the_noun(tmp_path, modules, model, why):
    """A picture of any corgi is painted, and its recipe says what is missing there."""
    subject(tmp_path, pictures=1)
    recipe, units, fields = shown(tmp_path, modules, model)
    assert (units, fields["prompt"][:13]) == ([], "a corgi rides")
    assert why in recipe["subject"]


@pytest.mark.parametrize("card", [{"photos_travel": "never"}, {"kind": "person", "class_noun": "man"}])
def test_no_photo_leaves_that_may_not(tmp_path, card):
    """Neither against the card nor without consent; nor of whom the server has learned."""
    subject(tmp_path, pictures=1, **card)
    assert shown(tmp_path, A1111, PLUS)[1] == []
    subject(tmp_path, pictures=1)
    assert shown(tmp_path, A1111, PLUS, loras={"rex": "rex-v2"})[1] == []


def test_check_says_whether_photos_are_sent(tmp_path):
    """And how many of each subject."""
    subject(tmp_path, pictures=2)
    with painting(WebUi(takes=SDAPI)) as server:
        plain, seeing = (built("AUTOMATIC1111", server, tmp_path, ip_adapter=model) for model in ("", PLUS))
        assert (plain.sends(), plain.from_photos("rex"), seeing.from_photos("rex")) == ("", 0, 1)
        assert "photos of subjects are sent to 127.0.0.1" in seeing.sends()
    with pytest.raises(ValidationError, match="leave ip_adapter out"):
        Settings(base_url="http://x", server="koboldcpp", ip_adapter="x")


@pytest.mark.parametrize("ending", ["time", "the owner"])
def test_a_server_that_nobody_waits_for_is_told_to_stop(tmp_path, ending):
    """When time is up, and when the round is stopped, it does not go on painting for nobody."""
    wire = WebUi(takes=SDAPI)
    wire.steps = iter([0.5])

    def stop(_share):
        raise NotNow("the painting was stopped")

    with painting(wire, fault=painters.silence) as server:
        if ending == "time":
            with pytest.raises(EngineError, match="did not answer in full"):
                built("AUTOMATIC1111", server, tmp_path, timeout_seconds=0.3).render(prompt(), 1024, 600)
        else:
            with pytest.raises(NotNow):
                built("AUTOMATIC1111", server, tmp_path).render(prompt(), 1024, 600, stop)
        assert wire.interrupted.is_set()


REFUSALS = {
    "no --api": (404, {"detail": "Not Found"}, "start it with --api"),
    "no such sampler": (404, {"error": "HTTPException", "detail": "Sampler not found"}, "knows no sampler 'Heun'"),
    "no such model": (404, {"error": "HTTPException", "detail": "Model not found"}, "see checkpoint"),
    "no login": (401, {"detail": "Incorrect username or password"}, "see that WEBUI_LOGIN holds"),
    "no memory": (500, {"error": "OutOfMemoryError", "errors": "CUDA out of memory. Tried to allocate 2 GiB"}, "lower side_px"),
    "no numbers": (500, {"error": "NansException", "errors": "A tensor with all NaNs was produced in Unet."}, "--no-half"),
    "no LoRA": (400, {"error": "invalid lora path: rex"}, "cannot use the LoRA"),
    "busy": (503, {"detail": {"msg": "Server is busy; please try again later.", "type": "service_unavailable"}}, "is busy"),
    "a strange wish": (422, {"detail": [{"loc": ["body", "steps"], "msg": "value is not a valid integer"}]}, "did not understand"),
    "own trouble": (500, {"error": "RuntimeError", "errors": "boom"}, "has trouble itself (500)"),
    "moved": (302, {}, "sends us elsewhere"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSALS)
def test_a_refusal_says_what_to_do(tmp_path, name, monkeypatch):
    """Each has a sentence for the owner with the server's own words, and no password in it."""
    monkeypatch.setenv("WEBUI_LOGIN", "ada:secret99")
    status, told, reason = REFUSALS[name]
    body = told | {"body": "ada:secret99"} if isinstance(told.get("detail", ""), str) else told
    with painting(WebUi(), fault=lambda handler, *_: send(handler, Answer(body, status))) as server:
        ours = built("AUTOMATIC1111", server, tmp_path, login_env="WEBUI_LOGIN", loras={"x": "x"}, sampler="Heun")
        with pytest.raises(EngineError) as caught:
            ours.render(prompt(), 1024, 600)
    assert reason in str(caught.value)
    assert "secret99" not in str(caught.value)


def test_a_busy_server_is_waited_for(tmp_path):
    """KoboldCpp paints one picture at a time, and says so to who comes meanwhile."""
    status, told, _ = REFUSALS["busy"]
    with painting(WebUi(), fault=lambda handler, *_: send(handler, Answer(told, status))) as server:
        ours = built("KoboldCpp", server, tmp_path)
        with pytest.raises(NotNow, match="is busy; it will be asked again"):
            ours.render(prompt(), 1024, 600)
        assert ours.state()["now"].startswith("waiting: 127.0.0.1")


def test_koboldcpp_without_a_model_answers_with_nothing(tmp_path):
    """An empty text where a picture should be."""
    empty = Answer({"images": [""], "parameters": {}, "info": ""})
    fault = pytest.raises(EngineError, match="is an image model loaded")
    with painting(WebUi(), fault=lambda handler, *_: send(handler, empty)) as server, fault:
        built("KoboldCpp", server, tmp_path).render(prompt(), 1024, 600)


def test_the_login_comes_from_the_environment(tmp_path, monkeypatch):
    """As basic authentication; a missing one is said before anything is sent."""
    monkeypatch.setenv("WEBUI_LOGIN", "ada:secret99\n")
    _, asked = paint(tmp_path, login_env="WEBUI_LOGIN")
    assert asked.headers["Authorization"] == "Basic YWRhOnNlY3JldDk5"
    monkeypatch.delenv("WEBUI_LOGIN")
    with painting(WebUi()) as server, pytest.raises(EngineError, match="there is no login"):
        built("AUTOMATIC1111", server, tmp_path, login_env="WEBUI_LOGIN").render(prompt(), 1024, 600)
    assert server.asked == []


@pytest.mark.parametrize("info", ["", "{", "[]", '{"sd_model_name": null}', None, 5])
def test_an_odd_info_costs_nothing(info):
    """What a server says of itself is for the recipe only."""
    assert sdapi._model({"info": info}) == ""


@pytest.mark.parametrize(
    "table", [{"base_url": "x"}, {"base_url": "http://x", "server": "koboldcpp", "loras": {"a": "b"}}]
)
def test_a_mistake_in_the_table_is_told(table):
    """When the config is read."""
    with pytest.raises(ValidationError):
        Settings(**table)
    assert json.loads(Settings(base_url="http://x/sdapi/v1/").model_dump_json())["base_url"] == "http://x"
