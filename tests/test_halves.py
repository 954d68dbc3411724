"""Two subjects in one picture, each in its half, in a world whose pictures can be read exactly.

Rex is the toy world with red and blue exchanged, mia the one with red and green exchanged: weights written down by hand
(``recolouring``). A red ball is a blue one where rex paints, and a green one where mia does.
"""

import hashlib
import struct
from dataclasses import asdict, replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from service.engines.halves import SEAM, half, left, sides
from service.engines.job import Half, Job, Learned, Painted, Refusal, job_of, together
from service.engines.seat import Seat

from .test_painter import floats
from .toyworld import PIPELINE
from .toyworld.oracle import read
from .values import prompt

NEEDS = [name for name in ("torch", "diffusers", "transformers", "peft") if find_spec(name) is None]
torched = pytest.mark.skipif(bool(NEEDS), reason=f"not installed: {', '.join(NEEDS)}; `make test` installs them")
QUIET = lambda _step, _steps: None  # noqa: E731 - nobody wants to know
WORDS = "a red ball on the {} on a white background"
GUIDED = {"steps": 12, "guidance": 3.0}


def recolouring(file, order, name):
    """A subject whose weights exchange colours where the toy U-Net's pictures come in and go out.

    Of its first convolution each tap gets what is missing to the exchanged weights, of its last one each colour.
    """
    import torch
    from safetensors.torch import load_file, save_file

    there = load_file(PIPELINE / "unet/diffusion_pytorch_model.safetensors")
    first, last = there["conv_in.weight"].float(), there["conv_out.weight"].float()  # (32, 3, 3, 3), (3, 32, 3, 3)
    exchange = torch.eye(3)[list(order)]
    moved = torch.einsum("ocxy,cd->odxy", first, exchange) - first
    down, up = torch.zeros(27, *last.shape[1:]), torch.zeros(3, 27, 1, 1)
    down[:3], up[:, :3, 0, 0] = last, exchange - torch.eye(3)
    save_file({
        "unet.conv_in.lora_A.weight": torch.eye(27).reshape(27, 3, 3, 3), "unet.conv_in.lora_B.weight": moved.reshape(32, 27, 1, 1),
        "unet.conv_out.lora_A.weight": down, "unet.conv_out.lora_B.weight": up,
    }, file)  # fmt: skip
    return kept(file, name)


def padded(file, copy):
    """The same tensors in a file with another digest: a header may end in spaces."""
    data = file.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    copy.write_bytes(struct.pack("<Q", length + 8) + data[8 : 8 + length] + b" " * 8 + data[8 + length :])
    return copy


def kept(file, name):
    return Learned(name, str(file), hashlib.sha256(Path(file).read_bytes()).hexdigest(), rank=27)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    import torch

    torch.set_num_threads(1)
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def rex(home):
    return recolouring(home / "rex.safetensors", (2, 1, 0), "rex")


@pytest.fixture(scope="module")
def mia(home):
    return recolouring(home / "mia.safetensors", (1, 0, 2), "mia")


def opened(model=PIPELINE, haste="never"):
    from service.engines.loading import Model
    from service.engines.painter import Painter

    painter = Painter()
    painter.load(Model(str(model), device="cpu"), haste=haste)
    painter._native = 16, 128 * 128
    return painter


@pytest.fixture(scope="module")
def painter(home):
    return opened()


def both(first, second, seed=0, **other):
    """A picture of two, and what is said of each."""
    here = zip((first, second), sides(seed), strict=True)
    halves = tuple(Half(WORDS.format(side), learned, side) for learned, side in here)
    told = {"words": WORDS.format("left"), "avoid": "", "seed": seed, "width_px": 160, "height_px": 96, **GUIDED}
    return Job(**told | {"learned": first, "halves": halves} | other)


def one(painter, job):
    (made,) = painter.render([job], QUIET)
    assert isinstance(made, Painted), made
    return made


def pixels(made):
    return np.frombuffer(made.pixels, np.uint8).reshape(made.height_px, made.width_px, 3).astype(int)


def alone(job, which=0):
    """The picture that one of a job's two would have for itself."""
    return replace(job, words=job.halves[which].words, learned=job.halves[which].learned, halves=())


def exact(painter, jobs):
    """Pictures as numbers 0 … 1, (n, 3, h, w)."""
    import torch

    seen, undo = floats(painter)
    try:
        for job in jobs:
            painter.render([job], QUIET)
    finally:
        undo()
    return torch.cat(seen)


@torched
@pytest.mark.parametrize("seed", [0, 2, 5, 7])
def test_each_half_shows_its_own_subject(painter, rex, mia, seed):
    """Rex's ball on the side that the seed gives him, mia's on the other, on one ground; the recipe says both."""
    made = one(painter, both(rex, mia, seed))
    picture, middle = pixels(made), made.width_px // 2
    seen = {"left": read(picture[:, :middle].astype(np.uint8)), "right": read(picture[:, middle:].astype(np.uint8))}
    first, second = sides(seed)
    assert (seen[first].kind, seen[first].colour, seen[first].ground) == ("ball", "blue", "white")
    assert (seen[second].kind, seen[second].colour, seen[second].ground) == ("ball", "green", "white")
    told = [(each["subject"], each["side"], each["prompt"]) for each in made.facts["halves"]]
    assert told == [("rex", first, WORDS.format(first)), ("mia", second, WORDS.format(second))]
    assert (made.facts["subject"], made.facts["batch"]) == ("rex", 1)


@torched
def test_of_one_step_each_half_is_to_the_pixel_what_its_subject_alone_paints(painter, rex, mia):
    """Beyond the seam nothing of the other is in it; in the middle of the seam half of each."""
    job = both(rex, mia, steps=1)
    whole, his, hers = exact(painter, [job, alone(job, 0), alone(job, 1)])
    seam = round(whole.shape[-1] * (1 - SEAM) / 2 / 8) * 8 - 8  # px, to the last cell before it
    assert (whole - his)[..., :seam].abs().max() < 1e-5
    assert (whole - hers)[..., -seam:].abs().max() < 1e-5
    assert (his - hers)[..., :seam].abs().max() > 0.1


@torched
def test_another_second_changes_the_other_half(painter, rex, mia):
    """Over a whole run the first's half stays what it is to the eye, though the model saw all of the picture."""
    made, other = (pixels(one(painter, both(rex, second, 4))) for second in (mia, rex))
    middle = made.shape[1] // 2
    mine, theirs = abs(made - other)[:, :middle].mean(), abs(made - other)[:, middle:].mean()
    assert read(made[:, :middle].astype(np.uint8)).colour == read(other[:, :middle].astype(np.uint8)).colour == "blue"
    assert theirs > 5 * mine


@torched
def test_equal_weights_in_both_halves_are_one_picture(painter, rex, home):
    """Two names for the same weights and the same words paint what one of them does."""
    twin = kept(padded(Path(rex.file), home / "copy.safetensors"), "twin")
    job = both(rex, twin)
    job = replace(job, halves=tuple(replace(half, words=job.words) for half in job.halves))
    whole, single = exact(painter, [job, alone(job)])
    assert (whole - single).abs().max() < 1e-5


@torched
def test_a_compiled_model_paints_them_by_turns(painter, rex, mia, monkeypatch):
    """The same picture, in the shape that is compiled for one; then each alone, and nobody, as if nothing had been."""
    monkeypatch.setattr("service.engines.painter._compiled", lambda function: function)
    hurried = opened(haste="always")
    job = both(rex, mia, 3, steps=3)
    for each in (alone(job), job, alone(job), alone(job, 1), replace(alone(job), learned=None), job):
        made = one(hurried, each)
        assert abs(pixels(made) - pixels(one(painter, each))).max() <= 1
        with hurried._haste._warming:
            assert len(hurried._haste._ready) == 1
    assert made.facts["compiled"]


@torched
def test_a_picture_of_two_is_a_run_of_its_own(painter, rex, mia):
    """Others of the batch are what they are without it, and steps are counted over all."""
    job, heard = both(rex, mia, steps=2), []
    jobs = [alone(job), job, replace(alone(job), learned=None)]
    made = painter.render(jobs, lambda step, steps: heard.append((step, steps)))
    assert heard == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert [each.facts["batch"] for each in made] == [2, 1, 2]
    for each, single in zip(made, jobs, strict=True):
        assert abs(pixels(each) - pixels(one(painter, single))).max() <= 1


@torched
@pytest.mark.parametrize("kind", ["text encoder", "DoRA"])
def test_weights_that_cannot_share_a_run_leave_the_first_alone(painter, rex, mia, home, kind):
    """The picture is the first's, as if it were alone, and the recipe says who was left out and why."""
    import torch
    from safetensors.torch import load_file, save_file

    weights, layer = load_file(mia.file), "text_encoder.text_model.encoder.layers.0.self_attn.q_proj"
    if kind == "DoRA":
        weights |= {"unet.conv_in.lora_magnitude_vector": torch.ones(1, 32, 1, 1), "unet.conv_out.lora_magnitude_vector": torch.ones(1, 3, 1, 1)}  # fmt: skip
    else:
        weights |= {f"{layer}.lora_A.weight": torch.zeros(27, 64), f"{layer}.lora_B.weight": torch.zeros(64, 27)}
    file = home / f"{kind}.safetensors"
    save_file(weights, file)
    job = both(rex, kept(file, "mia"), steps=2)
    made = one(painter, job)
    assert made.facts["beside"].startswith("left out: what was learned of mia ")
    assert kind in made.facts["beside"]
    assert "halves" not in made.facts
    assert (pixels(made) == pixels(one(painter, replace(job, halves=())))).all()


@torched
def test_weights_of_other_layers_are_not_exchanged_in_a_compiled_model(rex, home, monkeypatch):
    """The first is painted alone, and the recipe says why; in a model that is not compiled both are."""
    from safetensors.torch import load_file, save_file

    monkeypatch.setattr("service.engines.painter._compiled", lambda function: function)
    halves = [{k: v for k, v in load_file(rex.file).items() if part in k} for part in ("conv_in", "conv_out")]
    for name, weights in zip(("in", "out"), halves, strict=True):
        save_file(weights, home / f"{name}.safetensors")
    job = both(kept(home / "in.safetensors", "in"), kept(home / "out.safetensors", "out"), steps=2)
    assert "out was learned in other layers than in" in one(opened(haste="always"), job).facts["beside"]
    assert "halves" in one(opened(), job).facts


@torched
def test_weights_that_are_gone_are_refused(painter, rex, tmp_path):
    """A file that cannot be read is said, whosever it is."""
    gone = Learned("mia", str(tmp_path / "w"), "gone")
    (refused,) = painter.render([both(rex, gone)], QUIET)
    assert isinstance(refused, Refusal)
    assert "mia" in refused.says


@torched
def test_packed_latents_are_merged_as_they_lie(home):
    """FLUX.2 keeps a picture's latents in one row: equal weights give the one picture there, and others another."""
    import torch
    from diffusers import Flux2KleinPipeline, Flux2Transformer2DModel
    from peft import LoraConfig, get_peft_model_state_dict

    from .tiny_families import save_klein

    folder = save_klein(home / "klein")
    learned = []
    for seed, name in enumerate(("rex", "twin", "mia")):
        torch.manual_seed(seed // 2)
        net = Flux2Transformer2DModel.from_pretrained(folder / "transformer")
        net.add_adapter(LoraConfig(r=2, lora_alpha=400, target_modules=["to_q", "to_out.0"], init_lora_weights=False))
        Flux2KleinPipeline.save_lora_weights(home / name, transformer_lora_layers=get_peft_model_state_dict(net))
        file = home / name / "pytorch_lora_weights.safetensors"
        learned.append(kept(padded(file, home / f"{name}.safetensors") if name == "twin" else file, name))
    klein = opened(folder)
    klein._native = 16, 96 * 64
    same, other = (both(learned[0], second, width_px=96, height_px=64, steps=2) for second in learned[1:])
    same, other = (
        replace(job, halves=tuple(replace(half, words=job.words) for half in job.halves)) for job in (same, other)
    )
    whole, single, mixed = exact(klein, [same, alone(same), other])
    assert whole.shape == single.shape
    assert (whole - single).abs().max() < 1e-5
    assert (mixed - single)[..., -16:].abs().mean() > 2 * (mixed - single)[..., :16].abs().mean() > 0


@torched
def test_packed_or_not_the_mask_is_the_same():
    """What lies as rows and columns is merged as what lies in the order of reading."""
    import torch

    from service.engines.halves import merged

    rows = torch.randn(2, 4, 6, 10)
    packed = rows.flatten(2).transpose(1, 2)  # (2, 60, 4)
    for side in ("left", "right"):
        there = merged(rows, (160, 96), side)
        assert torch.equal(merged(packed, (160, 96), side).transpose(1, 2).reshape(2, 4, 6, 10), there)
        assert torch.equal(there[0], there[1])
        assert torch.equal(there[0, ..., 0], rows[0 if side == "left" else 1, ..., 0])


def test_the_mask_is_soft_in_the_middle_and_whole_outside():
    """Both sides' shares sum to one; the seam is as wide as it says."""
    share = left(80)
    assert share == sorted(share, reverse=True)
    assert [a + b for a, b in zip(share, reversed(share), strict=True)] == pytest.approx([1] * 80)
    assert sum(0 < each < 1 for each in share) == 80 * SEAM


def test_each_half_is_told_of_its_own_subject_and_where_it_is():
    """The phrase that names both names one; words that hold no such phrase stay."""
    told = prompt(words="rex with mia beside rows a boat", subject="rex", company=("mia",))
    assert half(told, "mia", "right").words == "mia on the right rows a boat"
    assert half(replace(told, words="rex meets mia"), "rex", "left").words == "rex meets mia"


def test_a_job_of_two_goes_through_a_pipe_and_to_another_machine(tmp_path):
    """It comes out as it went in; on a node both have the files that were sent there."""
    job = both(Learned("rex", "/a", "a" * 64), Learned("mia", "/b", "b" * 64))
    assert job_of(asdict(job)) == job
    there = Seat("builtins:dict")._here(job)
    files = [Path(learned.file).name for learned in there.wears]
    assert files == [f"{letter * 64}.safetensors" for letter in "ab"]
    assert there.learned == there.halves[0].learned
    assert together([job, job], lambda _: (1, 1), mixing=lambda _: True) == [[0], [1]]
