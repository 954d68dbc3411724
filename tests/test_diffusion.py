"""A diffusion model paints in a process of its own, and whatever happens to that process costs one attempt."""

import hashlib
import io
import json
import logging
import os
import select
import signal
import sys
import threading
import time
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import pytest
from PIL import Image
from pydantic import ValidationError

from service import subjects
from service.engines import diffusion
from service.engines.child import Child, environment
from service.engines.diffusion import Diffusion, Settings, make
from service.engines.job import Job
from service.engines.loading import native
from service.engines.settling import Home
from service.engines.wording import Wording
from service.errors import EngineError
from service.frames import send
from service.surroundings import Surroundings

from .values import prompt

ROOT = Path(__file__).parent.parent
NEEDS = [name for name in ("torch", "diffusers", "transformers") if find_spec(name) is None]
with_torch = pytest.mark.skipif(bool(NEEDS), reason=f"not installed: {', '.join(NEEDS)}; `make test` installs them")


def wording(settings=None):
    return Wording(ROOT / "templates", Path("nowhere"), settings.style if settings else "")


@pytest.fixture
def odd(tmp_path):
    """Engines whose worker does as it is told; each is closed in the end."""
    made, data = [], tmp_path / "data"

    def engine(*how, **table):
        settings = Settings(model="any/model", **table)
        made.append(
            Diffusion(
                settings, wording(settings), Home(data), command=(sys.executable, "-m", "tests.odd_painter", *how)
            )
        )
        return made[-1]

    yield engine
    for each in made:
        each.close()


def failing(engine):
    """The sentence that an engine fails with."""
    with pytest.raises(EngineError) as caught:
        engine.render(prompt(), 320, 200)
    return str(caught.value)


def there(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_worker_paints_one_picture_after_another(odd):
    """One process for all of them, started with the first; each in the asked shape, and told on the way."""
    engine, heard = odd("well"), []
    first = engine.render(prompt(seed=1), 320, 200, heard.append)
    second = engine.render(prompt(seed=2), 320, 200)
    with Image.open(io.BytesIO(first.data)) as image:
        assert (image.format, image.size) == ("JPEG", (320, 200))
    assert first.recipe["pid"] == second.recipe["pid"] != os.getpid()
    assert (first.recipe["seed"], first.recipe["width_px"], first.recipe["height_px"]) == (1, 96, 64)
    assert first.data != second.data
    assert heard == sorted(heard)
    assert 0.5 in heard


def test_closing_ends_the_worker(odd):
    """It is gone when close returns; closing again is nothing; the next picture starts a new one."""
    engine = odd("well")
    pid = engine.render(prompt(), 320, 200).recipe["pid"]
    engine.close()
    assert not there(pid)
    engine.close()
    assert engine.render(prompt(), 320, 200).recipe["pid"] != pid


def test_a_worker_with_nothing_to_do_goes_and_nobody_notices(odd, monkeypatch):
    """After its keep-alive the process ends by itself; the next picture is painted by a new one, without an error."""
    monkeypatch.setattr(diffusion, "LINGER_S", 0.2)
    engine = odd("well", keep_alive_minutes=0)
    pid = engine.render(prompt(), 320, 200).recipe["pid"]
    assert engine._workshop._child._process.wait(20) == 0
    assert engine.render(prompt(), 320, 200).recipe["pid"] != pid


def test_keep_alive_for_ever_and_by_the_minute(odd):
    """-1 is never, 0 is as soon as a round's next picture would have come, else minutes."""
    assert [odd("well", keep_alive_minutes=m)._workshop._terms.idle_s for m in (-1, 0, 5)] == [-1, 2, 300]


def test_a_worker_goes_when_the_service_is_gone():
    """However the service ends, the other end of the pipe closes, and the process leaves."""
    child = Child((sys.executable, "-m", "tests.odd_painter", "well", "-1"))
    child.ask({"load": {"name": "m"}}, 60, lambda _told, _pixels: None)
    child._process.stdin.close()
    assert child._process.wait(20) == 0
    child.leave()


def test_a_worker_that_is_stuck_goes_with_the_service():
    """In the middle of a step, where it looks for nobody: the GPU is not held for a service that is gone."""
    child = Child((sys.executable, "-m", "tests.odd_painter", "hang", "-1"))
    send(child._process.stdin, json.dumps({"paint": [asdict(Job("a boat", "", 1, 320, 200))]}).encode())
    assert [child._next()[0]["told"] for _ in range(2)] == ["taken", "step"]
    child._process.stdin.close()
    assert child._process.wait(20) == 0
    child.leave()


def test_requests_that_come_together_are_both_heard():
    """A "stop" that came too late does not hide the request behind it."""
    child = Child((sys.executable, "-m", "tests.odd_painter", "well", "-1"))
    child.ask({"idle_s": -1}, 20, lambda _told, _pixels: None)
    send(child._process.stdin, b'{"cancel": true}', b'{"idle_s": 60}')
    assert select.select([child._process.stdout], [], [], 5)[0]
    assert [child._next()[0]["told"] for _ in range(2)] == ["taken", "done"]
    child.leave()


def test_what_a_worker_writes_for_the_log_fills_no_disk():
    """Its last words are kept, and the end of what it said before."""
    script = (
        "import json, sys; from service.frames import receive, send\n"
        "while receive(sys.stdin.buffer):\n"
        "    print('x' * 1_500_000, file=sys.stderr, flush=True)\n"
        "    send(sys.stdout.buffer, json.dumps({'told': 'done'}).encode())"
    )
    child = Child((sys.executable, "-c", script))
    for _ in range(3):
        child.ask({}, 20, lambda _told, _pixels: None)
    assert os.fstat(child._said.fileno()).st_size == 1_500_001
    assert child.said(3) == "xx"
    child.leave()


def test_a_worker_is_told_no_secret_and_hears_no_ctrl_c(odd, monkeypatch):
    """Keys of other services stay here, the hub's own goes along; and it is in a process group of its own."""
    for name in ("OPENAI_API_KEY", "DB_PASSWORD_FILE", "HF_TOKEN", "HF_HOME"):
        monkeypatch.setenv(name, "x")
    recipe = odd("well").render(prompt(), 320, 200).recipe
    assert {"HF_TOKEN", "HF_HOME"} <= set(recipe["environment"])
    assert not {"OPENAI_API_KEY", "DB_PASSWORD_FILE"} & set(recipe["environment"])
    assert recipe["group"] == recipe["pid"] != os.getpgrp()
    assert environment({"CUDA_VISIBLE_DEVICES": "1"})["CUDA_VISIBLE_DEVICES"] == "1"


DEATHS = {
    "crash": "crashed (by SIGSEGV",
    "killed": "was killed, most likely for want of memory",
    "leave": "with code 3; it last said: the last thing it says",
    "stumble": "RuntimeError: CUDA error: an illegal memory access",
    "refuse": "the model's own safety check refused its picture",
}


@pytest.mark.parametrize("how", DEATHS)
def test_what_befalls_a_worker_costs_one_attempt(odd, tmp_path, how):
    """A sentence says what happened, and the next attempt is painted."""
    engine = odd(how, str(tmp_path / "once"))
    assert DEATHS[how] in failing(engine)
    assert engine.render(prompt(), 320, 200).width_px == 320


def test_a_worker_that_died_while_idle_is_replaced(odd):
    """What ended it in between is not this picture's fault: no attempt is lost."""
    engine = odd("well")
    pid = engine.render(prompt(), 320, 200).recipe["pid"]
    os.kill(pid, signal.SIGKILL)
    assert engine.render(prompt(), 320, 200).recipe["pid"] != pid


@pytest.mark.parametrize("how", ["hang", "drip"])
def test_a_worker_that_takes_too_long_is_ended(odd, how):
    """Whether it says nothing or goes on telling of progress, the time for a picture ends it."""
    engine = odd(how, timeout_seconds=0.5)
    began = time.monotonic()
    assert "took longer than 0.5 s" in failing(engine)
    assert time.monotonic() - began < 20
    assert engine._workshop._child is None


def test_a_model_that_never_finishes_loading_is_ended(odd):
    """Reading a model has a time of its own."""
    assert "took longer than" in failing(odd("slow", load_minutes=0.01))


def test_a_picture_can_be_stopped(odd):
    """Closing from another thread ends the worker in the middle of a picture, at once."""
    engine = odd("hang")

    def stop(share):
        if share:
            threading.Thread(target=engine.close).start()

    with pytest.raises(EngineError, match="was stopped"):
        engine.render(prompt(), 320, 200, stop)


def test_memory_that_does_not_suffice_is_used_more_thriftily(odd):
    """Each failure for memory holds the model another way from then on, and says so."""
    engine = odd("swell", device="cuda")
    assert "not enough memory for the model; it will be held with its pictures decoded in tiles from" in failing(engine)
    assert "in parts" in failing(engine)
    assert engine.render(prompt(), 320, 200).recipe["thrift"] == 2
    assert engine.render(prompt(), 320, 200).recipe["thrift"] == 2


def test_a_download_is_told_with_its_licence(odd, caplog):
    """Before the first byte of a model from the hub, to whoever waits; once it is there nothing is being read."""
    engine, heard = odd("well"), []
    with caplog.at_level(logging.INFO):
        engine.render(prompt(), 320, 200, lambda share: heard.append((share, engine.state()["now"])))
    assert "fetching any/model, 2.0 GB: its licence is not known" in caplog.text
    assert (0.0, "fetching any/model: 0.0 of 2.0 GB") in heard
    assert engine.state() == {"model": "any/model", "says": "any/model", "references": 0, "now": "ready"}


GARBAGE = {
    "text": "print('hello, no frame here')",
    "no JSON": "import sys; sys.stdout.buffer.write(b'\\0\\0\\0\\2{{')",
    "no message": "import sys; sys.stdout.buffer.write(b'\\0\\0\\0\\2{}')",
    "half a frame": "import sys; sys.stdout.buffer.write(b'\\0\\0\\0\\x09{}')",
    "silence": "import os, time; os.close(1); time.sleep(600)",
    "nothing": "",
}


@pytest.mark.parametrize("name", GARBAGE)
def test_what_is_no_answer_is_a_sentence(name, monkeypatch, tmp_path):
    """A process that does not speak the worker's language is ended, and the owner reads that it failed."""
    monkeypatch.setattr("service.engines.child._GOING_S", 1.0)
    engine = Diffusion(
        Settings(model="any/model"), wording(), Home(tmp_path), command=(sys.executable, "-c", GARBAGE[name])
    )
    said = failing(engine)
    assert "crashed (with code" in said or "no longer makes sense" in said
    assert engine._workshop._child is None


def test_prints_of_libraries_do_not_disturb(odd):
    """What is written to standard output is no answer."""
    assert odd("chatter").render(prompt(), 320, 200).width_px == 320


@pytest.mark.parametrize(
    ("how", "says"),
    [("no-torch", "run `make gpu`"), ("damaged", "a file of the model's weights is damaged"), ("full", "is full: make room"),
     ("black", 'is black: dtype = "float32" may help'), ("flat", "is a single colour")],
)  # fmt: skip
def test_what_the_owner_can_do_is_said(odd, how, says):
    """What is missing, damaged or blank comes with what to do about it."""
    assert says in failing(odd(how))


@pytest.mark.parametrize("model", ["/nowhere/model", "./nowhere", "~/nowhere-at-all", "/models/x.safetensors"])
def test_a_model_that_is_not_there_starts_no_worker(model):
    """A path that leads nowhere, or to a single file, is said at once."""
    engine = make(Settings(model=model), Surroundings("gpu", Path("data"), Path("templates")))
    assert failing(engine).startswith("there is no f")
    assert engine._workshop._child is None


def test_the_model_is_told_in_its_familys_form(odd, tmp_path):
    """Scene and style as tags for a model of that family, with what to avoid; names of this home are not told."""
    engine = odd("well", style="linocut", family="tags")
    asked = prompt(words="rex naps, far hills", subject="rex", avoid=("lettering", "logos"))
    recipe = engine.render(asked, 320, 200).recipe
    assert recipe["prompt"] == recipe["words"] == engine.worded(asked)
    assert recipe["prompt"].startswith("a person naps, linocut, far hills, ")
    assert (recipe["avoid"], recipe["family"]) == ("lettering, logos", "tags")
    assert json.loads(json.dumps(recipe)) == recipe


@pytest.mark.parametrize(
    "table", [{"model": ""}, {"model": "m", "dtype": "int4"}, {"model": "m", "device": "gpu"},
              {"model": "m", "keep_alive_minutes": -2}, {"model": "m", "steps": 0}, {"model": "m", "stpes": 4}],
)  # fmt: skip
def test_a_mistake_in_the_table_is_told(table):
    """Unknown keys and impossible values are found when the config is read."""
    with pytest.raises(ValidationError):
        Settings(**table)


def pipeline(**parts):
    return SimpleNamespace(**({"vae_scale_factor": 8} | parts))


def config(**values):
    return SimpleNamespace(config=SimpleNamespace(**values))


@pytest.mark.parametrize(
    ("pipe", "expected"),
    [(pipeline(unet=config(sample_size=64, block_out_channels=(320, 640, 1280, 1280))), (64, 512**2)),
     (pipeline(unet=config(sample_size=128, block_out_channels=(320, 640, 1280)), default_sample_size=128), (32, 1024**2)),
     (pipeline(transformer=config(), default_sample_size=128), (16, 1024**2)),
     (pipeline(transformer=config(sample_size=128)), (16, 1024**2)),
     (pipeline(transformer=config(sample_size=32), vae_scale_factor=32), (64, 1024**2)),
     (pipeline(transformer=config(sample_size=(16, 90, 60))), (16, 1024**2)),
     (pipeline(), (16, 1024**2))],
    ids=["SD 1.5", "SDXL", "FLUX", "SD3", "SANA", "unusual", "unknown"],
)  # fmt: skip
def test_a_models_size_is_read_from_its_config(pipe, expected):
    """What its sides must be divisible by, and the pixels it was trained at; the owner's word wins."""
    assert native(pipe) == expected
    assert native(pipe, 768) == (expected[0], 768**2)


# -- a real pipeline, tiny and untrained -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A folder with a good tiny model, bad ones, and what was said of each when it was loaded."""
    from .tiny_model import trial

    folder = tmp_path_factory.mktemp("models")
    (folder / "said.json").write_text(json.dumps(trial(folder)))
    return folder


@pytest.fixture(scope="module")
def real(models):
    """An engine with the good model; its one process serves all that asks for it."""
    engine = make(
        Settings(model=str(models / "good"), steps=3, device="cpu", style="ink"),
        Surroundings("gpu", models, ROOT / "templates"),
    )
    yield engine
    engine.close()


@with_torch
def test_a_real_pipeline_paints(real):
    """Near the asked shape at the model's own size, step by step; the same seed gives the same bytes."""
    heard = []
    first = real.render(prompt(seed=4), 1024, 600, heard.append)
    again = real.render(prompt(seed=4), 1024, 600)
    other = real.render(prompt(seed=5), 1024, 600)
    avoiding = real.render(prompt(seed=4, avoid=("fog",)), 600, 1024)
    long = real.render(prompt(seed=4, words="lantern " * 10_000), 1024, 600)
    assert [round(share, 2) for share in heard if share] == [0.33, 0.67, 1.0]
    assert first.data == again.data
    assert len({first.data, other.data, avoiding.data, long.data}) == 4
    assert (first.width_px, first.height_px) == (1024, 600)
    assert (avoiding.width_px, avoiding.height_px) == (600, 1024)
    recipe = first.recipe
    assert (recipe["width_px"], recipe["height_px"], recipe["steps"], recipe["guidance"]) == (80, 48, 3, 7.5)
    assert recipe["family"] == "tags"
    assert recipe["prompt"].startswith("a small night train")
    assert (recipe["pipeline"], recipe["device"], recipe["dtype"]) == ("StableDiffusionPipeline", "cpu", "float32")
    assert json.loads(json.dumps(recipe)) == recipe


@with_torch
def test_what_was_published_of_a_subject_is_painted(models, real):
    """From ``subjects/rex`` in the data folder through the real process: its token is told and its weights are worn."""
    asked, plain = prompt(seed=4, words="rex naps", subject="rex"), prompt(seed=4, words="a ohwx corgi naps")
    without, rex = real.render(plain, 320, 200), real.render(asked, 320, 200)
    again = real.render(plain, 320, 200)
    subjects.save(models, subjects.load(models, "rex").model_copy(update={"base": "other/model"}))
    left_out = real.render(asked, 320, 200)
    weights = (models / "subjects/rex/weights.safetensors").read_bytes()
    assert rex.recipe["prompt"] == without.recipe["prompt"]
    assert rex.recipe["prompt"].startswith("a ohwx corgi naps")
    assert rex.data != without.data == again.data
    assert (rex.recipe["subject"], rex.recipe["subject_sha256"]) == ("rex", hashlib.sha256(weights).hexdigest())
    assert left_out.recipe["subject"] == f"left out: learned on other/model, this engine paints with {models / 'good'}"
    assert left_out.recipe["prompt"].startswith("a corgi naps")


@with_torch
@pytest.mark.parametrize(
    ("name", "says"),
    [("truncated", "is cut short"), ("no-weights", "lacks weights of unet as safetensors: fetch"), ("pickled", "allow_pickle = true"),
     ("trap", "allow_pickle = true"), ("not-a-model", "wants os.system, which diffusers"), ("none", "there is no folder")],
)  # fmt: skip
def test_a_bad_model_is_a_sentence(models, name, says):
    """Cut short, without weights, with pickled ones, or no model at all: said in words, and nothing of it is run."""
    said = json.loads((models / "said.json").read_text())
    assert said["good"]["pipeline"] == "StableDiffusionPipeline"
    assert says in said[name]["says"]
    assert len(said[name]["says"]) < 600
    assert not (models / "sprung").exists()


@with_torch
def test_an_owner_may_allow_pickled_weights(models):
    """Old models have no others."""
    assert json.loads((models / "said.json").read_text())["allowed"]["pipeline"] == "StableDiffusionPipeline"
