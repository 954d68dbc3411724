"""Every image server with every fault: an EngineError that says which server and what is wrong, in time, and nowhere else."""

import json
import re
import socket
import threading
import time

import pytest

from service.engines import comfyui, images_api, sdapi
from service.engines.images import wire as images_wire
from service.engines.remote import http as remote_http
from service.engines.wording import Wording
from service.errors import EngineError

from . import painters
from .painters import NO_PICTURES, ComfyUi, Images, WebUi, painting
from .test_images_api import TEMPLATES
from .values import prompt
from .workflows import GRAPH

SDAPI = {
    "prompt", "negative_prompt", "width", "height", "seed", "steps", "cfg_scale", "sampler_name", "scheduler", "n_iter",
    "batch_size", "send_images", "save_images", "override_settings", "override_settings_restore_afterwards",
}  # fmt: skip


def images(server, **wire):
    return images_api, {"model": "flux", "server": server}, lambda: Images(**wire)


def webui(server, *, reports=True):
    return sdapi, {"server": server}, lambda: WebUi(takes=SDAPI, reports=reports)


EXTENDED = ("model", "response_format", "seed", "num_inference_steps", "guidance_scale", "negative_prompt")
#: each server: the engine's file, its table, and a strict server as its documents describe it
SERVERS = {
    "some server": images("auto", takes=("model", "response_format", "seed")),
    "OpenAI": images("openai", takes=("model", "output_format", "quality")),
    "vLLM-Omni": images("vllm-omni", takes=(*EXTENDED, "lora"), edit_takes=EXTENDED),
    "SGLang": images("sglang", takes=(*EXTENDED, "output_format")),
    "stable-diffusion.cpp": images("sd-cpp", takes=("output_format",)),
    "LocalAI": images(
        "localai", takes=("model", "response_format", "step", "ref_images"), needs=("response_format",), edits=False
    ),
    "Frontispiece": images("frontispiece", takes=(*EXTENDED, "subject")),
    "AUTOMATIC1111": webui("webui"),
    "KoboldCpp": webui("koboldcpp", reports=False),
    "stable-diffusion.cpp's sdapi": webui("sd-cpp", reports=False),
    "ComfyUI": (comfyui, {"workflow": "flow.json"}, ComfyUi),
}
FAULTS = {
    "refuses": (painters.refuses, "broke off|does not answer"),
    "500": (painters.trouble, r"has trouble itself \(500\)"),
    "half a body": (painters.half, "broke off"),
    "nothing for ever": (painters.silence, "did not answer in full|did not finish"),
    "broken JSON": (painters.nonsense, "not JSON|not a PNG"),
    "JSON of another shape": (painters.another_shape, "no answer of|not a PNG"),
    "a redirect": (painters.elsewhere, "sends us elsewhere"),
    "an address at home": (painters.address, "addresses in answers are not followed|not a PNG"),
    "a slow drip": (painters.drip, "did not answer in full|did not finish"),
    "a body without end": (painters.flood, "sent more than"),
}  # fmt: skip
SILENCE = 0.4  #: seconds of patience; ten minutes of silence end just there

each_server = pytest.mark.parametrize("name", SERVERS)


def built(name, server, folder, **table):
    """The engine for a server, as its table makes it."""
    module, given, _ = SERVERS[name]
    (folder / "flow.json").write_text(json.dumps(GRAPH))
    settings = module.Settings(base_url=server.url, **(given | table))
    wording = Wording(TEMPLATES, folder / "subjects", settings.style)
    if module is images_api:
        return module.ImagesApi(settings, wording, folder)
    maker = module.SdApi if module is sdapi else module.ComfyUi
    return maker(settings, wording, folder, poll_s=0.02)


@pytest.fixture
def trap():
    """A place at home that nobody may be led to; it remembers who came."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        came = []

        def serve():
            try:
                while True:
                    came.append(listener.accept())
            except OSError:
                return

        threading.Thread(target=serve, daemon=True).start()
        yield f"127.0.0.1:{listener.getsockname()[1]}", came
        listener.shutdown(socket.SHUT_RDWR)


@each_server
def test_a_sound_server_paints(name, tmp_path):
    """Asked only for what its documents name, each makes a picture in the shape of the screen, with a recipe."""
    with painting(SERVERS[name][2]()) as server:
        ours = built(name, server, tmp_path)
        shares = []
        picture = ours.render(prompt(), 1024, 600, shares.append)
        ours.close()
    assert (picture.width_px / picture.height_px, picture.suffix) == (pytest.approx(1024 / 600, rel=0.01), ".jpg")
    recipe = json.loads(json.dumps(picture.recipe))
    assert (recipe["engine"], recipe["server"]) == (
        SERVERS[name][0].__name__.split(".")[-1].replace("_", "-"),
        server.host,
    )
    assert "small night train" in recipe["prompt"]
    assert shares == sorted(shares)
    assert len(server.pictures) == 1


@each_server
@pytest.mark.parametrize("fault", FAULTS)
def test_a_server_that_fails_is_a_sentence(name, fault, tmp_path, trap, monkeypatch):
    """Whatever it answers, the error names it and says what to do; nobody is led elsewhere, and it ends in time."""
    monkeypatch.setattr(images_wire, "MOST_BYTES", 8_000_000)
    monkeypatch.setattr(remote_http, "MOST_BYTES", 8_000_000)
    script, reason = FAULTS[fault]
    patience = SILENCE if fault in ("nothing for ever", "a slow drip") else 30
    with painting(SERVERS[name][2](), fault=script) as server:
        server.trap, came = trap
        ours, began = built(name, server, tmp_path, timeout_seconds=patience), time.monotonic()
        with pytest.raises(EngineError) as caught:
            ours.render(prompt(), 1024, 600)
        spent = time.monotonic() - began
        ours.close()
    assert re.search(reason, str(caught.value)), caught.value
    assert server.host in str(caught.value)
    assert len(str(caught.value)) < 500
    assert came == []
    assert spent < 15  # of which the rest is a busy machine's


@each_server
@pytest.mark.parametrize("what", NO_PICTURES)
def test_what_is_no_picture_never_hangs(name, what, tmp_path):
    """It is opened within bounds, and refused with what is wrong with it."""
    data, reason = NO_PICTURES[what]
    with painting(SERVERS[name][2](), picture=data) as server:
        ours = built(name, server, tmp_path)
        with pytest.raises(EngineError, match=reason) as caught:
            ours.render(prompt(), 1024, 600)
        ours.close()
    assert server.host in str(caught.value)


@each_server
def test_nobody_there_is_a_sentence(name, tmp_path):
    """A port where nothing listens any more."""
    with painting(SERVERS[name][2]()) as server:
        pass
    with pytest.raises(EngineError, match="does not answer: is it running"):
        built(name, server, tmp_path).render(prompt(), 1024, 600)


@each_server
def test_the_headline_and_names_stay_at_home(name, tmp_path):
    """A server reads the scene, with nobody's name in it."""
    with painting(SERVERS[name][2]()) as server:
        built(name, server, tmp_path).render(prompt(words="rex rides a red tram", subject="rex"), 1024, 600)
    heard = json.dumps([request.fields for request in server.asked])
    assert "a person" in heard
    assert not re.search(r"\brex\b", heard)
