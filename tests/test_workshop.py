"""The worker at work: batches, memory, a GPU that others want, and stopping; with a worker that does as it is told."""

import hashlib
import json
import os
import shutil
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from service.engines import gallery, workshop
from service.engines.awaited import Wish
from service.engines.diffusion import Diffusion, Settings
from service.engines.settling import Home
from service.engines.wording import Wording
from service.errors import EngineError, NotNow
from service.frames import send
from service.gpu import Gpu, holder
from service.model import Picture
from service.protocols import Batching, Reporting
from service.subjects import Kind, Subject, exchanging, load, save

from .values import prompt

ROOT = Path(__file__).parent.parent


@pytest.fixture
def odd(tmp_path):
    """Engines over one data folder, whose worker does as it is told."""
    made = []

    def engine(*how, **table):
        settings = Settings(**{"model": "any/model"} | table)
        wording = Wording(ROOT / "templates", tmp_path / "subjects")
        command = (sys.executable, "-m", "tests.odd_painter", *how)
        made.append(Diffusion(settings, wording, Home(tmp_path), command=command))
        return made[-1]

    yield engine
    for each in made:
        each.close()


def prompts(number, **other):
    return [prompt(seed=seed, **other) for seed in range(number)]


def painted(engine, told):
    """What each prompt has got: its batch's size, or the sentence it failed with."""

    def one(each):
        try:
            return engine.render(each, 320, 200).recipe
        except EngineError as error:
            return str(error)

    return [one(each) for each in told]


def sizes(recipes):
    return [recipe["batch"] for recipe in recipes]


# -- batches -------------------------------------------------------------------------------------------------------------


def test_what_is_expected_is_painted_together(odd):
    """As many at once as the table says; what comes unexpected is painted alone, and each picture is its own."""
    engine, told = odd("well", batch=3), prompts(5)
    assert isinstance(engine, Batching)
    engine.expect(told, 320, 200)
    recipes = painted(engine, told)
    assert sizes(recipes) == [3, 3, 3, 2, 2]
    assert [recipe["seed"] for recipe in recipes] == list(range(5))
    assert sizes(painted(engine, told[:1])) == [1]
    alone = odd("well").render(told[1], 320, 200)
    engine.expect(told, 320, 200)
    assert engine.render(told[1], 320, 200).data == alone.data


def test_a_batch_is_what_fits(odd):
    """Nobody knows before the first picture; then the worker says how many fit."""
    engine, told = odd("well"), prompts(6)
    engine.expect(told, 320, 200)
    assert sizes(painted(engine, told)) == [1, 4, 4, 4, 4, 1]


def test_another_size_is_another_batch(odd):
    """What is expected for one screen is not painted for another."""
    engine, told = odd("well", batch=4), prompts(3)
    engine.expect(told, 320, 200)
    assert engine.render(told[0], 640, 400).recipe["batch"] == 1
    assert sizes(painted(engine, told)) == [3, 3, 3]


def test_those_of_one_subject_come_first(odd):
    """Of what is expected, a batch takes those that wear the same before others."""
    engine = odd("well", batch=2)
    told = [prompt(seed=seed, subject=("rex", None)[seed % 2]) for seed in range(4)]
    engine.expect(told, 320, 200)
    engine.render(told[0], 320, 200)
    assert [wish.prompt.seed for wish in engine._awaited._there] == [2]


def test_who_kills_a_batch_fails_alone(odd):
    """The batch is painted again one by one: only the guilty one's attempt is lost."""
    engine = odd("guilty", batch=4)
    told = [*prompts(2), prompt(seed=2, words="the guilty one"), prompt(seed=3)]
    engine.expect(told, 320, 200)
    first, second, guilty, last = painted(engine, told)
    assert sizes([first, second, last]) == [1, 1, 1]
    assert "crashed (by SIGSEGV" in guilty


def test_too_many_at_once_is_remembered(odd, tmp_path):
    """A batch that does not fit is no failure: half of it is tried from then on, also after a restart."""
    engine, told = odd("crowded"), prompts(8)
    engine.expect(told, 320, 200)
    recipes = painted(engine, told)
    assert sizes(recipes) == [1, 1, 1, 1, 1, 2, 2, 1]
    again = odd("crowded")
    again.expect(told, 320, 200)
    assert sizes(painted(again, told)) == [1, 2, 2, 2, 2, 2, 2, 1]
    assert "most" in (tmp_path / "gpu.json").read_text()


def test_a_refused_picture_costs_its_own_attempt(odd, tmp_path):
    """The others of its batch hang."""
    engine, told = odd("refuse", str(tmp_path / "once"), batch=3), prompts(3)
    engine.expect(told, 320, 200)
    refused, *others = painted(engine, told)
    assert "safety check refused" in refused
    assert sizes(others) == [1, 1]  # the odd painter paints each for itself


# -- memory --------------------------------------------------------------------------------------------------------------


def test_how_a_model_is_held_survives_a_restart(odd, monkeypatch, tmp_path):
    """The next service begins with what worked; with another card, other files or after a week, from the top."""
    engine = odd("swell", device="cuda")
    assert "held with its pictures decoded in tiles" in painted(engine, prompts(1))[0]
    assert "held in parts" in painted(engine, prompts(1))[0]
    assert painted(odd("swell", device="cuda"), prompts(1))[0]["thrift"] == 2
    monkeypatch.setenv("ODD_CARD", "a larger card")
    larger = odd("well", device="cuda")
    first, second = painted(larger, prompts(2))
    assert (first["thrift"], second["pid"]) == (0, first["pid"])
    monkeypatch.delenv("ODD_CARD")
    now = time.time()
    monkeypatch.setattr("service.engines.ladder.time.time", lambda: now + 8 * 86400)
    assert painted(odd("well", device="cuda"), prompts(1))[0]["thrift"] == 0


def test_a_worker_that_the_kernel_kills_ran_out_of_memory(odd, tmp_path):
    """Where pictures are painted in main memory, the next worker holds the model more thriftily, and it is said."""
    engine = odd("killed", str(tmp_path / "once"), device="cpu")
    (said,) = painted(engine, prompts(1))
    assert said.startswith("the painter was killed, most likely for want of memory; it will be held with ")
    assert painted(engine, prompts(1))[0]["thrift"] == 1
    assert painted(odd("well", device="cpu"), prompts(1))[0]["thrift"] == 1


@pytest.mark.parametrize(("how", "device"), [("killed", "cuda"), ("killed-reading", "cpu"), ("killed-reading", "cuda")])
def test_no_rung_is_left_where_none_saves_main_memory(odd, tmp_path, how, device):
    """A GPU's pictures are not painted in it, and a model that does not fit into it never will: both are said."""
    engine = odd(how, str(tmp_path / "once"), device=device)
    (said,) = painted(engine, prompts(1))
    assert "killed, most likely for want of memory, while " in said
    assert "leave it more main memory" in said
    assert painted(engine, prompts(1))[0]["thrift"] == 0


def test_who_kills_a_worker_here_knows_why(odd):
    """A painter that took too long, or that the service ended, did not run out of memory."""
    for engine in (odd("hang", device="cpu", timeout_seconds=0.5), odd("slow", device="cpu", load_minutes=0.01)):
        assert "took longer than" in painted(engine, prompts(1))[0]
        assert engine._workshop._least == 0


def test_other_files_of_a_model_are_tried_from_the_top(odd, tmp_path):
    """A folder whose index changed is another model."""
    index = tmp_path / "model/model_index.json"
    index.parent.mkdir()
    index.write_text('{"_class_name": "StableDiffusionPipeline"}')
    assert "held with a tiny decoder" in painted(odd("swell", model=str(index.parent)), prompts(1))[0]
    assert painted(odd("well", model=str(index.parent)), prompts(1))[0]["thrift"] == 1
    index.write_text('{"_class_name": "StableDiffusionPipeline" }')
    assert painted(odd("well", model=str(index.parent)), prompts(1))[0]["thrift"] == 0


@pytest.mark.parametrize("junk", ["", "[]", "{", '{"any/model||auto|auto|||320x200": 3}', "\0"])
def test_a_damaged_memory_is_no_memory(odd, tmp_path, junk):
    """What was found out is found out again."""
    (tmp_path / "gpu.json").write_text(junk)
    assert painted(odd("well"), prompts(1))[0]["thrift"] == 0


def test_no_room_on_the_disk_only_forgets(odd, monkeypatch, caplog):
    """What fits cannot be written down, and painting goes on."""

    def full(_path, _data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("service.engines.ladder.write_whole", full)
    engine = odd("swell", device="cuda")
    assert "in tiles" in painted(engine, prompts(1))[0]
    assert "in parts" in painted(engine, prompts(1))[0]
    assert painted(engine, prompts(1))[0]["thrift"] == 2
    assert "No space left on device" in caplog.text


# -- the GPU -------------------------------------------------------------------------------------------------------------


def test_a_gpu_in_use_is_waited_for(odd, tmp_path, monkeypatch):
    """It is said who has it, and that is no failure; afterwards it paints."""
    monkeypatch.setattr(workshop, "GPU_WAIT_S", 0.1)
    engine = odd("well")
    with Gpu(tmp_path, "learning rex"):
        with pytest.raises(NotNow, match=f"waiting for the GPU: learning rex \\(process {os.getpid()}"):
            engine.render(prompt(), 320, 200)
        assert engine.state()["now"].startswith("waiting for the GPU: learning rex")
    assert engine.render(prompt(), 320, 200).width_px == 320
    assert holder(tmp_path).startswith("painting")


def test_an_idle_worker_leaves_for_a_trainer(odd, tmp_path):
    """At once, whatever its keep-alive; the next picture waits for the trainer's end."""
    engine = odd("well", keep_alive_minutes=-1)
    pid = engine.render(prompt(), 320, 200).recipe["pid"]
    trainer = Gpu(tmp_path, "learning rex")
    trainer.take(20)
    assert engine._workshop._child._process.wait(20) == 0
    assert engine.state()["now"] == "asleep"
    trainer.release()
    assert engine.render(prompt(), 320, 200).recipe["pid"] != pid


def test_a_busy_worker_leaves_after_its_batch(odd, tmp_path):
    """What it has in hand is finished, for a trainer that waits meanwhile."""
    engine, told = odd("well", batch=2, keep_alive_minutes=-1), prompts(2)
    engine.expect(told, 320, 200)
    trainer, waiting = Gpu(tmp_path, "learning rex"), []

    def come(share):
        """A trainer asks in the middle of the batch."""
        if share and not waiting:
            waiting.append(threading.Thread(target=trainer.take, args=(20,)))
            waiting[0].start()
            while not Gpu(tmp_path, "painting").wanted():
                assert waiting[0].is_alive()

    assert engine.render(told[0], 320, 200, come).recipe["batch"] == 2
    waiting[0].join(20)
    assert holder(tmp_path).startswith("learning rex")
    assert engine.render(told[1], 320, 200).recipe["batch"] == 2  # it was in that batch
    trainer.release()


def test_a_processor_needs_no_gpu(odd, tmp_path):
    """On ``device = "cpu"`` nothing is waited for."""
    with Gpu(tmp_path, "learning rex"):
        assert isinstance(odd("well", device="cpu").render(prompt(), 320, 200), Picture)


# -- stopping, keeping, telling ------------------------------------------------------------------------------------------


class Enough(Exception):
    """Nobody wants it any more."""


def test_a_picture_is_cancelled_at_its_next_step(odd):
    """Within a second, whatever its length; the worker stays and paints the next."""
    engine, heard = odd("slow-steps", batch=1), []

    def stop(share):
        heard.append(time.monotonic())
        if 0 < share < 0.5:
            raise Enough

    with pytest.raises(Enough):
        engine.render(prompt(), 320, 200, stop)
    assert time.monotonic() - heard[-1] < 1
    child = engine._workshop._child
    assert child.alive
    with pytest.raises(Enough):
        engine.render(prompt(seed=2), 320, 200, stop)
    assert engine._workshop._child is child


def test_a_worker_that_does_not_stop_is_ended(odd):
    """One that hangs at its step has a second."""
    engine = odd("deaf")

    def stop(share):
        if share:
            raise Enough

    began = time.monotonic()
    with pytest.raises(Enough):
        engine.render(prompt(), 320, 200, stop)
    assert time.monotonic() - began < 20
    assert not engine._workshop._child.alive
    assert engine.state()["now"] == "asleep"


def test_keep_alive_counts_from_an_empty_queue(odd, monkeypatch):
    """While more is expected the worker stays, however long a critic looks; then it goes, here at once."""
    monkeypatch.setattr("service.engines.diffusion.LINGER_S", 0.1)
    engine, told = odd("well", keep_alive_minutes=0, batch=1), prompts(2)
    engine.expect(told, 320, 200)
    engine.render(told[0], 320, 200)
    worker = engine._workshop._child._process
    with pytest.raises(Exception, match="timed out"):
        worker.wait(1)
    engine.render(told[1], 320, 200)
    engine.expect((), 320, 200)
    assert worker.wait(20) == 0


def test_its_state_is_told_step_by_step(odd):
    """Asleep, painting with its step, ready, and asleep again."""
    engine, heard = odd("well"), []
    assert isinstance(engine, Reporting)
    named = {"model": "any/model", "says": "any/model", "references": 0}
    assert engine.state() == named | {"now": "asleep"}
    engine.render(prompt(), 320, 200, lambda _: heard.append(engine.state()))
    assert named | {"now": "painting, step 1 of 2", "step": 1, "steps": 2} in heard
    assert engine.state()["now"] == "ready"
    engine.close()
    assert engine.state()["now"] == "asleep"
    json.dumps(heard)


def test_a_round_and_an_order_share_an_engine(odd):
    """What a round expects while another program's order is painted waits for it, and both come out whole."""
    engine, told, turn = odd("well", batch=2), prompts(3), threading.Lock()
    order, inside, made = prompt(seed=9), threading.Event(), []

    def paint(step):
        inside.set()

    def ordered():
        with turn:
            made.append(engine.render(order, 320, 200, paint))

    thread = threading.Thread(target=ordered)
    thread.start()
    inside.wait(20)
    engine.expect(told, 320, 200)
    recipes = []
    for each in told:
        with turn:
            recipes.append(engine.render(each, 320, 200).recipe)
    thread.join(20)
    assert [recipe["seed"] for recipe in recipes] == [0, 1, 2]
    assert sizes(recipes) == [2, 2, 1]
    assert made[0].recipe["seed"] == 9


def test_an_order_takes_a_round_s_pictures_along(odd):
    """Of its size, in one batch; the round has them when it asks."""
    engine, told = odd("well", batch=3), prompts(2)
    engine.expect(told, 320, 200)
    assert engine.render(prompt(seed=9), 320, 200).recipe["batch"] == 3
    assert sizes(painted(engine, told)) == [3, 3]


def test_a_wish_to_stop_that_comes_too_late_disturbs_nobody(odd):
    """The worker had answered already: the next answer is that to the next request."""
    engine, told = odd("well"), prompts(2)
    engine.render(told[0], 320, 200)
    child = engine._workshop._child
    send(child._process.stdin, b'{"cancel": true}')
    assert engine.render(told[1], 320, 200).recipe["seed"] == 1
    assert engine._workshop._child is child


def test_reading_a_model_can_be_stopped(odd):
    """Whoever stops the service waits neither for a download nor for the model; the next picture begins anew."""
    engine = odd("slow")

    def stop(_share):
        if engine.state()["now"].startswith("fetching"):
            raise Enough

    began = time.monotonic()
    with pytest.raises(Enough):
        engine.render(prompt(), 320, 200, stop)
    assert time.monotonic() - began < 20
    assert engine._workshop._child is None
    assert engine.state()["now"] == "asleep"


# -- subjects ------------------------------------------------------------------------------------------------------------


def card(folder, **other):
    subject = Subject(
        **{"name": "rex", "kind": Kind.DOG, "class_noun": "corgi", "token": "sks", "family": "sd15"} | other
    )
    save(folder, subject)
    (folder / "subjects/rex/weights.safetensors").write_bytes(b"weights")


def test_who_was_learned_is_called_by_its_token(odd, tmp_path):
    """The words say which corgi; where nothing was learned, a corgi."""
    card(tmp_path, base="any/model")
    asked = prompt(words="rex naps on far hills", subject="rex")
    engine = odd("well")
    assert engine.render(asked, 320, 200).recipe["words"].startswith("a sks corgi naps")
    assert "a sks corgi naps" in engine.worded(asked)
    (tmp_path / "subjects/rex/weights.safetensors").unlink()
    assert engine.render(asked, 320, 200).recipe["words"].startswith("a corgi naps")


def publishes(folder, token, weights):
    """As learning does: the stage is whole, then the weights are moved, then the card."""
    stage = folder / "subjects/rex/.publishing"
    stage.mkdir()
    (stage / "complete").touch()
    (folder / "subjects/rex/weights.safetensors").write_bytes(weights)
    yield
    save(folder, load(folder, "rex").model_copy(update={"token": token}))
    shutil.rmtree(stage)


def test_new_weights_never_meet_an_old_word(odd, tmp_path, monkeypatch):
    """Whoever publishes while a picture is worded: weights and word are of one version."""
    card(tmp_path, base="any/model")
    engine, asked = odd("well"), prompt(words="rex naps", subject="rex")
    step, said = publishes(tmp_path, "ohwx", b"better"), engine._orders._wording.said
    waits = SimpleNamespace(monotonic=time.monotonic, sleep=lambda _: next(step, None))  # the other half meanwhile
    monkeypatch.setattr(gallery, "time", waits)

    def meanwhile(*told, **more):
        words = said(*told, **more)
        if load(tmp_path, "rex").token == "sks" and not exchanging(tmp_path, "rex"):
            next(step)
        return words

    monkeypatch.setattr(engine._orders._wording, "said", meanwhile)
    job = engine._orders._job(Wish(asked, 320, 200))
    assert (job.words[:17], job.learned.sha256) == ("a ohwx corgi naps", hashlib.sha256(b"better").hexdigest())


def test_what_was_not_published_to_the_end_is_left_out(odd, tmp_path, monkeypatch):
    """Where its process died between weights and card nobody knows the word; the recipe says what to do."""
    monkeypatch.setattr(gallery, "PATIENCE_S", 0.0)
    card(tmp_path, base="any/model")
    next(publishes(tmp_path, "ohwx", b"better"))
    recipe = odd("well").render(prompt(words="rex naps", subject="rex"), 320, 200).recipe
    assert recipe["words"].startswith("a corgi naps")
    assert "`frontispiece subject train rex`" in recipe["subject"]


@pytest.mark.parametrize("base", ["any/model", "", "sister/model"])
def test_whose_weights_suit(odd, tmp_path, base):
    """Those of the engine's own model, those that do not say, and those that its owner says suit."""
    card(tmp_path, base=base)
    made = odd("well", subject_bases=["sister/model"]).render(prompt(words="rex naps", subject="rex"), 320, 200)
    assert made.recipe["words"].startswith("a sks corgi naps")
    assert "subject" not in made.recipe


def test_who_was_learned_on_another_base_is_left_out(odd, tmp_path, caplog):
    """The picture shows any corgi, its recipe names both models, and the log does so once."""
    card(tmp_path, base="other/sdxl")
    engine, asked = odd("well"), [prompt(seed=seed, words="rex naps", subject="rex") for seed in range(2)]
    why = "learned on other/sdxl, this engine paints with any/model"
    for recipe in painted(engine, asked):
        assert recipe["words"].startswith("a corgi naps")
        assert recipe["subject"] == f"left out: {why}"
    assert engine.leaves_out("rex") == why
    assert caplog.text.count(f"rex is painted as any of its kind: {why}") == 1


def test_a_family_tells_where_no_base_does(odd, tmp_path):
    """A folder's index names its kind of model; no worker is needed to know it."""
    index = tmp_path / "xl/model_index.json"
    index.parent.mkdir()
    index.write_text('{"_class_name": "StableDiffusionXLPipeline"}')
    card(tmp_path, base="")
    engine = odd("well", model=str(index.parent))
    assert "learned on a model of the family sd15, this engine paints with" in engine.leaves_out("rex")
    assert engine.leaves_out("rex").endswith("of sdxl")
    assert engine._workshop._child is None


def test_a_person_who_has_not_agreed_is_nobody(odd, tmp_path):
    """Weights or not."""
    card(tmp_path, base="any/model", kind=Kind.PERSON, class_noun="man")
    made = odd("well").render(prompt(words="rex naps", subject="rex"), 320, 200)
    assert made.recipe["words"].startswith("a man naps")


def test_a_damaged_card_is_a_sentence(odd, tmp_path):
    """And costs only the pictures with that subject."""
    card(tmp_path)
    (tmp_path / "subjects/rex/subject.toml").write_text("name = ")
    engine, told = odd("well", batch=3), [*prompts(2), prompt(seed=2, subject="rex")]
    engine.expect(told, 320, 200)
    *others, said = painted(engine, told)
    assert sizes(others) == [2, 2]
    assert "not valid TOML" in said


@pytest.mark.parametrize(
    ("model", "base", "left_out"),
    [("flux2-klein-4b", "black-forest-labs/FLUX.2-klein-base-4B", False),
     ("black-forest-labs/FLUX.2-klein-4B", "black-forest-labs/FLUX.2-klein-base-4B", False),
     ("flux2-klein-4b", "black-forest-labs/FLUX.2-klein-base-9B", True),
     ("someone/klein-9b", "black-forest-labs/FLUX.2-klein-base-4B", True)],
)  # fmt: skip
def test_cards_say_whose_subjects_a_model_wears(odd, tmp_path, model, base, left_out):
    """A few-step model and the base it was made from share their shape; other weights of the kind may not."""
    card(tmp_path, base=base, family="flux2")
    assert bool(odd("well", model=model).leaves_out("rex")) is left_out
