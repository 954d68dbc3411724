"""Learning on a real, tiny Stable Diffusion: it goes on where it stopped, and what it learned is what diffusers loads."""

import contextlib
import dataclasses
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import threading
from importlib.util import find_spec
from pathlib import Path

import pytest

from personalization import (
    asking,
    checkpoint,
    ending,
    evaluate,
    families,
    losses,
    publish,
    reporting,
    sampling,
    setting,
    shelf,
    steps,
    train,
    trial,
    turn,
)
from personalization.adapters import nearest
from personalization.errors import BaseError, PhotoError, TrainingError
from personalization.examples import bucketed, prepared
from personalization.lesson import opened, placed
from personalization.recipe import ADAPTERS
from service.errors import SubjectError
from service.gpu import Gpu, holder
from service.progress import alive, keep, progress
from service.subjects import WEIGHTS, Kind, load, save

from .learning import QUICK, heard, request, subject

ROOT = Path(__file__).parent.parent
NEEDS = [name for name in ("torch", "diffusers", "transformers", "peft") if find_spec(name) is None]
pytestmark = pytest.mark.skipif(bool(NEEDS), reason=f"not installed: {', '.join(NEEDS)}; `make test` installs them")


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    import torch

    from .tiny_model import save

    torch.set_num_threads(1)
    return save(tmp_path_factory.mktemp("base") / "tiny")


@pytest.fixture(autouse=True, scope="module")
def _little_to_ask():
    """To ask a base of random weights for all things would be most of a lesson; ``test_naming`` asks one that knows them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asking, "OTHERS", ("cat", "house", "ball"))
        yield


def lesson(data, base, *words):
    return opened(request(data, "--base", base, *QUICK, *words))


def shaken(adapter):
    """An adapter that has learned something, the same every time."""
    import torch

    source = torch.Generator().manual_seed(0)
    for weights in adapter.parameters().values():
        weights.data += torch.randn(weights.shape, generator=source) * 0.05


def painted(it):
    return sampling.paint(it.family, it.pipe, it.recipe, ["a q dog"])


def checkpoints(data):
    (home,) = (path for path in (data / "subjects/rex/learning").iterdir() if path.is_dir())
    return home


@pytest.fixture(scope="module")
def straight(base, tmp_path_factory):
    """Four steps without a stop: the folder, what was said, and how it ended."""
    data = tmp_path_factory.mktemp("straight")
    subject(data)
    return data, *heard(train.run(request(data, "--base", base, *QUICK)))


def test_two_and_two_steps_are_four(base, straight, tmp_path):
    """What was stopped and went on is bit for bit what went through: weights, optimiser and curve."""
    import torch

    subject(tmp_path)
    heard(train.run(request(tmp_path, "--base", base, *QUICK, "--steps", 2)))
    said, _ = heard(train.run(request(tmp_path, "--base", base, *QUICK)))
    assert {"event": "resumed", "step": 2, "steps": 4} in said
    one, other = (checkpoint.load(checkpoints(data), 4) for data in (straight[0], tmp_path))
    assert (one.curve, one.losses) == (other.curve, other.losses)
    assert all(torch.equal(one.adapter[name], other.adapter[name]) for name in one.adapter)
    moments = [[state["exp_avg_sq"] for state in each.optimiser["state"].values()] for each in (one, other)]
    assert all(map(torch.equal, *moments))


def test_learning_tells_what_it_does(straight):
    """A plan, a token, progress, measurements with words, and checkpoints; nothing is published that learned nothing."""
    _, said, refusal = straight
    events = [event["event"] for event in said]
    assert events == ["plan", "token", "measured", "saved", "step", "measured", "saved"]
    assert "does not look like rex yet" in said[2]["says"]
    assert said[0]["recipe"]["adapter"] == "lora"
    assert "nothing of rex was learned" in refusal
    assert not (straight[0] / "subjects/rex" / WEIGHTS).exists()
    json.dumps(said)


def test_how_far_it_is_lies_in_the_subjects_folder(straight):
    """Curves, pictures and the end in words, for who looks from another process; what went on has all of its curve."""
    folder = straight[0] / "subjects/rex"
    now = progress(folder)
    assert (now.state, now.step, now.steps) == ("refused", 4, 4)
    assert "nothing of rex was learned" in now.says
    assert [point.step for point in now.curve] == [2, 4]
    assert [step for step, _ in now.losses] == [4]
    assert all((folder / point.sheet).read_bytes().startswith(b"\x89PNG") for point in now.curve)
    assert not alive(folder)


def test_only_one_process_learns_a_subject(base, tmp_path, monkeypatch):
    """While it does, it is seen to; a second one is refused, and changes nothing of what the first one told."""
    monkeypatch.setattr("personalization.reporting.PATIENCE_S", 0)
    folder = subject(tmp_path)
    first = train.run(request(tmp_path, "--base", base, *QUICK))
    assert next(first)["event"] == "plan"
    assert (progress(folder).state, alive(folder)) == ("learning", True)
    _, refusal = heard(train.run(request(tmp_path, "--base", base, *QUICK)))
    assert "is being learned already" in refusal
    assert progress(folder).state == "learning"
    first.close()
    assert (progress(folder).state, alive(folder)) == ("stopped", False)


def test_a_killed_lesson_is_told_from_one_that_goes_on(tmp_path):
    """Its last note says that it learns, but nobody holds the lock; a note that makes no sense is none."""
    now = reporting.after(reporting._begun(), {"event": "plan", "says": "8 GB", "recipe": {"steps": 9}})
    keep(tmp_path, now)
    assert progress(tmp_path).state == "broken"
    (tmp_path / "training/progress.json").write_text('{"state": "learning", "step": "../../etc"}')
    assert progress(tmp_path) is None


def test_losses_are_thinned_and_a_lesson_that_goes_on_keeps_what_was_before_it():
    """However long it takes, a curve has at most so many points, from the first to the last."""
    now = reporting._begun()
    for step in range(1, 1001):
        now = reporting.after(now, {"event": "step", "step": step, "steps": 1000, "loss": float(step), "left_s": 1})
    drawn = reporting.thinned(now.losses)
    assert (len(drawn), drawn[0], drawn[-1]) == (reporting.MOST, (5, 3.0), (1000, 998.0))
    assert reporting.thinned(drawn) == drawn
    again = reporting.after(reporting._begun(), {"event": "resumed", "step": 500, "steps": 1000}, now)
    assert now.losses[: len(again.losses)] == again.losses
    assert again.losses[-1][0] == 500


def test_the_last_two_checkpoints_and_the_best_are_kept(straight, tmp_path):
    """Older ones make room."""
    for step in (1, 2, 3, 4):
        state = checkpoint.load(checkpoints(straight[0]), 4)
        checkpoint.save(tmp_path, checkpoint.Checkpoint(step, state.lesson, state.adapter, state.optimiser), best=1)
    assert checkpoint.steps(tmp_path) == [1, 3, 4]
    assert checkpoint.latest(tmp_path, state.lesson).step == 4
    checkpoint.path(tmp_path, 4).write_bytes(b"half")
    assert checkpoint.latest(tmp_path, state.lesson).step == 3
    assert checkpoint.latest(tmp_path, "another") is None


def test_a_full_disk_loses_nothing(base, tmp_path, monkeypatch):
    """What cannot be written is said, and learning goes on: to the best of what was kept, be that not the best of all."""
    subject(tmp_path)
    synced = os.fsync

    def full(number):
        if Path(f"/proc/self/fd/{number}").readlink().name.startswith("step-000002."):
            raise OSError(28, "No space left on device")
        synced(number)

    monkeypatch.setattr("os.fsync", full)
    monkeypatch.setattr("personalization.curves.Point.score", lambda point, _: -point.step)
    said, refusal = heard(train.run(request(tmp_path, "--base", base, *QUICK)))
    warnings = [event["says"] for event in said if event["event"] == "warning"]
    assert ["No space left" in says for says in warnings] == [True, True]
    assert [event["sheet"][-15:] for event in said if event["event"] == "measured"] == ["", "step-000004.png"]
    assert "nothing of rex was learned" in refusal
    assert checkpoint.steps(checkpoints(tmp_path)) == [4]
    assert not list(checkpoints(tmp_path).glob("*.part"))


def test_fewer_steps_than_were_taken_publish_what_was_measured(base, tmp_path):
    """Who stopped after a measurement and asks for no more steps gets what that measurement speaks of."""
    subject(tmp_path)
    asked, said = request(tmp_path, "--base", base, *QUICK, "--learning-rate", "0.05"), []
    for event in train.run(asked):
        said.append(event)
        if event["event"] == "saved":
            asked.stop.set()
    heard(train.run(request(tmp_path, "--base", base, *QUICK, "--learning-rate", "0.05", "--steps", "2")))
    (point,) = (event for event in said if event["event"] == "measured")
    published = json.loads((checkpoints(tmp_path) / publish.EVALUATION).read_text())
    assert checkpoint.steps(checkpoints(tmp_path)) == [2, 3]
    assert {name: published[name] for name in ("step", "likeness", "drift")} == pytest.approx(
        {name: point[name] for name in ("step", "likeness", "drift")}, abs=1e-4
    )


def test_no_two_subjects_share_a_word(base, tmp_path):
    """What a base offers instead of a word that it has not whole is another one for each subject."""
    subject(tmp_path, token="not-whole")
    it = lesson(tmp_path, base)
    first = setting.token_of(it).token
    assert setting.token_of(it).token == first
    save(tmp_path, it.card.model_copy(update={"name": "zoe", "token": first}))
    assert setting.token_of(it).token != first


def test_what_its_owner_changed_meanwhile_holds(base, tmp_path, monkeypatch):
    """Rules that changed during a lesson stay; a person who took consent back is not published."""
    monkeypatch.setattr("personalization.verdict._refusal", lambda *_: "")
    folder = subject(tmp_path)
    for event in train.run(request(tmp_path, "--base", base, *QUICK, "--measure-every", "4")):
        if event["event"] == "token":
            save(tmp_path, load(tmp_path, "rex").model_copy(update={"max_gravity": 0.0}))
    assert (folder / WEIGHTS).exists()
    assert (load(tmp_path, "rex").max_gravity, load(tmp_path, "rex").family) == (0.0, "sd15")
    it = lesson(tmp_path, base)
    save(tmp_path, load(tmp_path, "rex").model_copy(update={"kind": Kind.PERSON}))
    with pytest.raises(SubjectError, match="--consent"):
        ending._by_now(it)


def test_ctrl_c_keeps_a_checkpoint(base, tmp_path):
    """The process finishes its step, writes it down, says so and leaves with 130."""
    subject(tmp_path)
    command = [sys.executable, "-m", "personalization", "train", "--data", tmp_path, "rex", "--base", base, *QUICK, "--steps", "5000",
               "--measure-every", "5000"]  # fmt: skip
    environment = os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
    )
    said = []
    for line in process.stdout:
        said.append(json.loads(line))
        if said[-1]["event"] == "step":
            process.send_signal(signal.SIGINT)
    assert process.wait() == 130
    assert said[-1]["event"] == "stopped"
    assert checkpoint.steps(checkpoints(tmp_path)) == [said[-1]["step"]]


@pytest.mark.parametrize("kind", ADAPTERS)
def test_what_is_published_is_what_was_learned(base, tmp_path, kind):
    """Plain diffusers loads the file and paints the same picture, whatever rank and alpha; other adapters nearly so."""
    from diffusers import StableDiffusionPipeline

    subject(tmp_path)
    it = lesson(tmp_path, base, "--adapter", kind, "--rank", 4, "--alpha", 8)
    bare = painted(it)
    shaken(it.adapter)
    learned = painted(it)
    with it.adapter.off():
        assert (painted(it) - bare).abs().max() == 0
    publish.publish(it.folder, it.card, {}, it.adapter.layers(), it.family)
    assert (it.folder / WEIGHTS).stat().st_mode == (it.folder / "photos.json").stat().st_mode
    plain = StableDiffusionPipeline.from_pretrained(base, safety_checker=None)
    plain.set_progress_bar_config(disable=True)
    plain.load_lora_weights(it.folder, weight_name=WEIGHTS)
    again = sampling.paint(it.family, plain, it.recipe, ["a q dog"])
    effect = (learned - bare).abs().max()
    assert effect > 1e-3
    assert (again - learned).abs().max() <= (1e-5 if kind == "lora" else effect / 4)
    it.adapter.detach()
    assert (painted(it) - bare).abs().max() == 0


def test_all_weights_are_exchanged_where_they_are(base, tmp_path):
    """Once the base was moved, off and on leave nothing behind in main memory: torch's "meta" stands for a GPU."""
    import torch

    subject(tmp_path)
    for also in ((), ("--no-text-encoder",)):  # moved whole, and with a shelf
        it = dataclasses.replace(lesson(tmp_path, base, "--adapter", "full", *also), device="meta")
        family = shelf.Shelf(it.family.family, "meta") if also else it.family
        placed(dataclasses.replace(it, family=family))
        noisy, words = (torch.empty(1, *shape, device="meta") for shape in ((4, 16, 16), (77, 32)))
        for context in (it.adapter.off, contextlib.nullcontext):
            with context():
                assert it.family.denoised(it.pipe, noisy, torch.tensor([5]), {"states": words}).device.type == "meta"
                assert {weights.device.type for weights in it.adapter.parameters().values()} == {"meta"}
                assert {weights.device.type for weights in it.adapter.base.values()} == {"meta"}


def test_all_weights_learn_in_mixed_precision(base, tmp_path):
    """A step that asks the base first does not go on with the base's weights, which autocast remembers by name."""
    import torch

    subject(tmp_path)
    it = lesson(tmp_path, base, "--adapter", "full", "--no-text-encoder")
    shaken(it.adapter)
    shown, found = steps_of(it), []
    speech = steps.Speech(it, [*shown.captions, *shown.classes])
    batch = steps.drawn(it, tuple(shown.latents.shape[1:]), 3, 0)
    for remembers in (False, True):
        with torch.autocast("cpu", torch.bfloat16, cache_enabled=remembers):
            loss = steps.loss_of(it, shown, None, speech, batch)
        loss.backward()
        found.append([weights.grad for weights in it.adapter.parameters().values()])
        it.pipe.unet.zero_grad(set_to_none=True)
    assert sum(grad is not None and bool(grad.any()) for grad in found[1]) > 0.8 * len(found[1])
    assert all(map(torch.equal, *found))


@pytest.mark.parametrize("name", ["sdxl", "flux2"])
def test_the_other_families_learn_and_publish(tmp_path, name):
    """On the real classes with random weights: a step moves the loss's gradient, off is the base, the file loads."""
    from diffusers import DiffusionPipeline

    from . import tiny_bases

    model = getattr(tiny_bases, name)(tmp_path / name)
    subject(tmp_path)
    it = lesson(tmp_path, model, "--rank", 4, "--alpha", 8, "--side-px", 32)
    assert name == it.family.NAME
    shown = steps_of(it)
    bare = painted(it)
    speech = steps.Speech(it, [*shown.captions, *shown.classes])
    loss = steps.loss_of(it, shown, None, speech, steps.drawn(it, tuple(shown.latents.shape[1:]), 3, 0))
    loss.backward()
    heard_of = [weights.grad is not None for weights in it.adapter.parameters().values()]
    assert sum(heard_of) > 0.8 * len(heard_of)  # SDXL does not read its first encoder's last layer
    shaken(it.adapter)
    learned = painted(it)
    publish.publish(it.folder, it.card, {}, it.adapter.layers(), it.family)
    plain = DiffusionPipeline.from_pretrained(model)
    plain.set_progress_bar_config(disable=True)
    plain.load_lora_weights(it.folder, weight_name=WEIGHTS)
    assert (learned - bare).abs().max() > 1e-3
    assert (sampling.paint(it.family, plain, it.recipe, ["a q dog"]) - learned).abs().max() <= 1e-5


def steps_of(it):
    return prepared(it.family, it.pipe, it.folder, it.used, token="q", noun="dog", side_px=it.recipe.side_px)


def test_each_photo_comes_once_in_an_epoch(base, tmp_path):
    """The order is new each time round, and the same for the same seed."""
    first, second = steps.order(0, 5, 0, 5), steps.order(0, 5, 5, 5)
    assert sorted(first) == sorted(second) == [0, 1, 2, 3, 4]
    assert steps.order(0, 5, 3, 4) == [*first[3:], *second[:2]]


def test_a_step_learns_from_one_bucket_and_every_photo_comes_as_often():
    """Whatever the buckets; which one it is depends on the step's number alone, and one bucket is what it always was."""
    sizes, photos = (1, 4, 2), [["a"], list("bcde"), list("fg")]
    seen = []
    for step in range(3 * 7):
        which, turn = steps.bucket(5, sizes, step)
        assert (which, turn) == steps.bucket(5, sizes, step)
        seen.append(photos[which][steps.order(5, sizes[which], turn, 1)[0]])
    assert all(sorted(seen[at : at + 7]) == list("abcdefg") for at in (0, 7, 14))
    assert [steps.bucket(5, [3], step) for step in (0, 4, 77)] == [(0, 0), (0, 4), (0, 77)]


def test_photos_keep_their_shape_in_learning(base, tmp_path):
    """Lying and upright ones are learned in buckets of their own, each with its captions and its part of the mask."""
    import torch

    subject(tmp_path)
    it = lesson(tmp_path, base)
    told = {"token": "q", "noun": "dog", "side_px": it.recipe.side_px}
    squares = prepared(it.family, it.pipe, it.folder, it.used, held=[("a",), ("b",), ("c",)], **told)
    upright, lying = bucketed(it.family, it.pipe, it.folder, squares, used=it.used, **told)
    assert [tuple(each.pixels.shape) for each in (upright, lying)] == [(1, 3, 36, 28), (2, 3, 28, 36)]
    assert [tuple(each.latents.shape[2:]) for each in (upright, lying)] == [(18, 14), (14, 18)]
    assert (upright.held, lying.held) == ([("c",)], [("a",), ("b",)])
    assert "blue" in upright.captions[0]
    assert upright.masks is None
    brown = (lying.pixels[0] - torch.tensor([120, 60, 20])[:, None, None] / 127.5 + 1).abs().amax(0) < 0.2
    masked = torch.nn.functional.interpolate(lying.masks[:1], scale_factor=2)[0, 0] > 0.5
    assert (brown == masked).float().mean() > 0.95
    boxed = torch.nn.functional.interpolate(lying.subjects[1:], scale_factor=2)[0, 0] > 0.5
    assert (brown == boxed).float().mean() > 0.95


def test_square_photos_are_learned_as_they_are(base, tmp_path):
    """Whole, in one bucket, which is what was prepared to be measured by."""
    subject(tmp_path)
    it = lesson(tmp_path, base)
    told = {"token": "q", "noun": "dog", "side_px": it.recipe.side_px}
    used = [dataclasses.replace(photo, width_px=32, height_px=32) for photo in it.used]
    squares = prepared(it.family, it.pipe, it.folder, used, **told)
    (only,) = bucketed(it.family, it.pipe, it.folder, squares, used=used, **told)
    assert only is squares


def test_preservation_holds_the_untouched_model_to_itself(base, tmp_path):
    """Before anything was learned, output preservation costs nothing; class images cost what they cost the base."""
    subject(tmp_path)
    it = lesson(tmp_path, base, "--no-text-encoder")
    shown = steps_of(it)
    speech = steps.Speech(it, [*shown.captions, *shown.classes])
    batch = steps.drawn(it, tuple(shown.latents.shape[1:]), 3, 0)
    with_it = float(steps.loss_of(it, shown, None, speech, batch).detach())
    without = dataclasses.replace(it, recipe=dataclasses.replace(it.recipe, preservation="none"))
    assert with_it == pytest.approx(float(steps.loss_of(without, shown, None, speech, batch).detach()), rel=1e-5)
    kept = steps.Kept(shown.classes, shown.latents)
    assert float(steps.loss_of(it, shown, kept, speech, batch)) > with_it * 1.2


def test_a_batch_in_parts_weighs_as_it_does_whole(base, tmp_path):
    """Half of its photos preserve, whichever part they fall into."""
    subject(tmp_path)
    it = lesson(tmp_path, base, "--batch", 4, "--no-text-encoder")
    shaken(it.adapter)
    shown = steps_of(it)
    speech = steps.Speech(it, [*shown.captions, *shown.classes])
    batch = steps.drawn(it, tuple(shown.latents.shape[1:]), 3, 0)
    assert (len(batch.picks), len(batch.chances)) == (4, 2)

    def heard_in(at_once):
        parts = dataclasses.replace(it, plan=dataclasses.replace(it.plan, batch_at_once=at_once))
        return sum(float(loss.detach()) for loss in steps.losses_of(parts, shown, None, speech, batch))

    whole = heard_in(4)
    assert heard_in(1) == pytest.approx(whole, rel=1e-5)
    assert heard_in(3) == pytest.approx(whole, rel=1e-5)


def test_memory_is_counted_as_it_is_needed(base, tmp_path):
    """What is counted without memory is what autograd then keeps, within a tenth; checkpointing keeps less."""
    import torch

    from personalization import demand

    subject(tmp_path)
    it = lesson(tmp_path, base, "--preservation", "none", "--no-text-encoder")
    counted = demand.counted(it.family, it.pipe, it.adapter, it.recipe, half=False)
    kept = {}

    def pack(tensor):
        storage = tensor.untyped_storage()
        if not (tensor.is_leaf and tensor.requires_grad) and storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes(), tensor
        return tensor

    own = {weights.untyped_storage().data_ptr() for weights in it.pipe.unet.parameters()}
    latent, words = it.family.shapes(it.pipe, it.recipe.side_px)
    told = {name: torch.randn(1, *shape) for name, shape in words.items()}
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        it.family.denoised(it.pipe, torch.randn(1, *latent), it.family.low(it.pipe, 0.5), told)
    assert counted.activations == pytest.approx(sum(size for size, _ in kept.values()), rel=0.1)
    assert counted.checkpointed < counted.activations


def test_a_crash_while_publishing_is_finished_later(base, tmp_path):
    """What was complete is moved into place, what was not is forgotten, and the old version stays until then."""
    folder = subject(tmp_path)
    (folder / WEIGHTS).write_bytes(b"old")
    stage = folder / publish.STAGE
    stage.mkdir()
    (stage / WEIGHTS).write_bytes(b"half")
    publish.finish(folder)
    assert (folder / WEIGHTS).read_bytes() == b"old"
    (stage / "samples").mkdir(parents=True)
    (stage / "samples/subject.png").write_bytes(b"png")
    (stage / WEIGHTS).write_bytes(b"new")
    (stage / "complete").touch()
    publish.finish(folder)
    assert (folder / WEIGHTS).read_bytes() == b"new"
    assert (folder / "samples/subject.png").exists()
    assert not stage.exists()


def test_what_another_process_is_publishing_is_not_swept_away(tmp_path, monkeypatch):
    """Who looks meanwhile waits until it is in place, instead of taking it for what a crash left halfway."""
    folder, seen = subject(tmp_path), []

    def weights(path, *_):
        path.write_bytes(b"new")
        looker.start()
        looker.join(0.2)
        seen.append((looker.is_alive(), path.exists()))

    looker = threading.Thread(target=publish.finish, args=[folder])
    monkeypatch.setattr(publish, "weights", weights)
    publish.publish(folder, load(tmp_path, "rex"), {}, {}, None)
    looker.join()
    assert seen == [(True, True)]
    assert (folder / WEIGHTS).read_bytes() == b"new"


def test_new_weights_never_stand_under_an_old_word(tmp_path, monkeypatch):
    """Between the two renames the old card says that nothing is learned; weights under the same word stay in use."""
    folder = subject(tmp_path, token="old", family="sd15", base="a model", rank=4)
    moved = []

    def replace(path, target):
        moved.append((path.name, load(tmp_path, "rex").family))
        os.replace(path, target)  # noqa: PTH105 - the method is what is watched

    for token in ("new", "new"):
        stage = folder / publish.STAGE
        card = load(tmp_path, "rex").model_copy(update={"token": token, "family": "sd15", "base": "a model"})
        save(stage, card).replace(stage / "subject.toml")
        shutil.rmtree(stage / "subjects")
        (stage / WEIGHTS).write_bytes(b"weights")
        (stage / "complete").touch()
        with monkeypatch.context() as patch:
            patch.setattr(Path, "replace", replace)
            publish.finish(folder)
        assert load(tmp_path, "rex") == card
    assert [family for name, family in moved if name == WEIGHTS] == ["", "sd15"]


def test_publishing_without_room_keeps_the_old(base, tmp_path, monkeypatch):
    """The old card and weights stay, and the error says what to do."""
    folder = subject(tmp_path)
    (folder / WEIGHTS).write_bytes(b"old")
    it = lesson(tmp_path, base)

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises((TrainingError, SubjectError), match="No space left"):
        publish.publish(folder, it.card, {}, it.adapter.layers(), it.family)
    monkeypatch.undo()
    publish.finish(folder)
    assert (folder / WEIGHTS).read_bytes() == b"old"
    assert load(tmp_path, "rex").family == ""


def test_weights_that_do_not_fit_on_the_disk_are_a_sentence(base, tmp_path):
    """Also where it is safetensors' own writer that runs out of room; nothing is left of them."""
    subject(tmp_path)
    it = lesson(tmp_path, base)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(TrainingError, match=r"could not be published .*no space left"):
            publish.publish(it.folder, it.card, {}, it.adapter.layers(), it.family)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not list(it.folder.rglob("*.lora"))


def test_a_published_subject_is_measured_and_tried(base, tmp_path):
    """Evaluation keeps its numbers beside the card; a try leaves a picture."""
    from PIL import Image

    subject(tmp_path)
    it = lesson(tmp_path, base)
    shaken(it.adapter)
    card = it.card.model_copy(update={"family": "sd15", "base": str(base), "rank": 16})
    publish.publish(it.folder, card, {publish.EVALUATION: b'{"curve": [], "step": 7}'}, it.adapter.layers(), it.family)
    few = ("--pictures", 2, "--sampling-steps", 1, "--side-px", 32, "--device", "cpu")
    ((done,), _) = heard(evaluate.run(request(tmp_path, *few, verb=evaluate)))
    kept = json.loads((it.folder / publish.EVALUATION).read_text())
    assert kept["curve"] == []
    assert (kept["likeness"], kept["step"]) == (done["likeness"], 7)
    ((done,), _) = heard(trial.run(request(tmp_path, *few, "Rex on the moon", verb=trial)))
    assert done["prompt"] == "q dog on the moon"
    assert Image.open(done["path"]).size[0] > 64


def test_a_gpu_that_goes_in_the_middle_of_a_step_costs_what_came_after_the_checkpoint(base, tmp_path, monkeypatch):
    """It is a sentence that says what to do, and the next lesson goes on from there."""
    subject(tmp_path)
    whole, taken = steps.loss_of, []

    def gone(*told):
        taken.append(told)
        if len(taken) == 4:
            raise RuntimeError("CUDA error: unspecified launch failure\nmore of it")
        return whole(*told)

    monkeypatch.setattr(steps, "loss_of", gone)
    told, error = heard(train.run(request(tmp_path, "--base", base, *QUICK)))
    assert [event["step"] for event in told if event["event"] == "saved"] == [2]
    assert error.startswith("the GPU was lost at step 2 (CUDA error: unspecified launch failure); say it again")
    assert any("2" in path.name for path in checkpoints(tmp_path).iterdir())


def test_a_gpu_that_is_full_says_what_takes_less():
    """With the step at which it was."""
    import torch

    def filled():
        yield {"event": "step", "step": 7}
        raise torch.OutOfMemoryError("CUDA out of memory")

    _, error = heard(train.guarded(filled()))
    assert error.startswith("the GPU ran out of memory at step 7: close what else uses it")
    assert "--side-px" in error


@pytest.mark.parametrize("spoilt", ["person", "photos", "photo", "left-out", "base", "nothing", "pickled", "kind"])
def test_what_cannot_be_learned_says_why(base, tmp_path, spoilt):
    """No consent, no photos or none that is taken, an unreadable one, no base, a base with pickled weights or of another kind: each a sentence."""
    folder = subject(tmp_path, **({"kind": "person"} if spoilt == "person" else {}))
    model = tmp_path / "model"
    shutil.copytree(base, model)
    if spoilt == "photos":
        (folder / "photos.json").unlink()
    if spoilt == "left-out":
        (folder / "photos.json").write_text(
            (folder / "photos.json").read_text().replace('"used": true', '"used": false')
        )
    if spoilt == "photo":
        (folder / "photos/001.png").write_bytes(b"%PDF")
    if spoilt == "pickled":
        weights = model / "unet/diffusion_pytorch_model.safetensors"
        weights.rename(weights.with_name("diffusion_pytorch_model.bin"))
    if spoilt == "kind":
        (model / "model_index.json").write_text('{"_class_name": "os.system"}')
    asked = {"base": ["--base", tmp_path / "none"], "nothing": []}.get(spoilt, ["--base", model])
    expected = {"person": (SubjectError, "consented"), "photos": (PhotoError, "add some"), "left-out": (PhotoError, "--take"), "photo": (PhotoError, "x.jpg"),
                "base": (BaseError, "there is no folder"), "nothing": (BaseError, "--base"), "pickled": (BaseError, "cannot be read"),
                "kind": (BaseError, "os.system")}  # fmt: skip
    kind, words = expected[spoilt]
    with pytest.raises(kind, match=words):
        list(train.run(request(tmp_path, *asked, *QUICK)))


def test_a_mask_moves_the_loss_to_the_subject():
    """An error outside the mask counts a tenth where the mask says so."""
    import torch

    answer = torch.zeros(1, 1, 2, 2)
    answer[..., 0] = 1
    inside = torch.tensor([[[[1.0, 0.1], [1.0, 0.1]]]])
    assert float(losses.squares(answer, torch.zeros_like(answer), inside)) == pytest.approx(2 / 2.2)
    assert float(losses.squares(answer, torch.zeros_like(answer))) == pytest.approx(0.5)


def test_easy_noise_levels_count_less():
    """Min-SNR caps what nearly clean pictures count, for both kinds of target."""
    import torch

    snr = torch.tensor([100.0, 5.0, 0.1])
    assert losses.min_snr(snr, 5, velocity=False).tolist() == pytest.approx([0.05, 1, 1])
    assert losses.min_snr(snr, 5, velocity=True).tolist() == pytest.approx([5 / 101, 5 / 6, 0.1 / 1.1])
    assert losses.min_snr(snr, 0, velocity=True).tolist() == [1, 1, 1]


def test_the_nearest_lora_is_exact_where_one_exists():
    """A change of rank two becomes a LoRA of rank two, for a matrix and for a convolution."""
    import torch

    change = torch.randn(12, 2) @ torch.randn(2, 9)
    down, up = nearest(change)
    assert down.shape == (2, 9)
    assert torch.allclose(up @ down, change, atol=1e-4)
    down, up = nearest(change.view(12, 1, 3, 3))
    assert (down.shape, up.shape) == ((2, 1, 3, 3), (12, 2, 1, 1))


def test_the_family_is_read_from_the_base(base, tmp_path):
    """Nobody is asked what the folder itself says."""
    assert families.of(str(base)).NAME == "sd15"
    with pytest.raises(BaseError, match="sd15"):
        families.named("sd9")


def test_a_lesson_waits_for_the_gpu_and_says_for_whom(tmp_path):
    """Another lesson, or a worker that paints, has it; being stopped ends the wait, and the GPU is given back."""
    gone = Gpu(tmp_path, "painting")
    gone.take()
    (tmp_path / "subjects/rex").mkdir(parents=True)
    work = turn.alone(
        asked := request(tmp_path), "learning", lambda _: iter([{"event": "step", "has": holder(tmp_path)}])
    )
    assert next(work) == {"event": "waiting", "says": f"waiting for the GPU: painting (process {os.getpid()})"}
    gone.release()
    assert next(work)["has"] == f"learning rex (process {os.getpid()})"
    assert list(work) == []
    assert holder(tmp_path) == ""
    gone.take()
    work = turn.alone(asked, "learning", lambda _: pytest.fail("it was stopped"))
    next(work)
    asked.stop.set()
    assert [event["event"] for event in work] == ["stopped"]
    gone.release()
