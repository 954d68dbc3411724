"""A real diffusers pipeline, tiny and untrained: batches, subjects, remembered words, compiling."""

import hashlib
import logging
import pickle
import time
from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import pytest

from service.engines.job import Cancelled, Half, Job, Learned, Painted, Refusal, together

from .pictures import photo

NEEDS = [name for name in ("torch", "diffusers", "transformers", "peft") if find_spec(name) is None]
pytestmark = pytest.mark.skipif(bool(NEEDS), reason=f"not installed: {', '.join(NEEDS)}; `make test` installs them")
QUIET = lambda _step, _steps: None  # noqa: E731 - nobody wants to know
JOB = Job("a red boat on a lake", "", 7, 64, 64, steps=2, tags=True)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder with a tiny model and the weights of some subjects, all made in this process."""
    import torch

    from .tiny_model import save

    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("home")
    save(folder / "model")
    for name, how in {"rex": {"seed": 1}, "mia": {"seed": 2}, "loud": {"seed": 1, "alpha": 16}, "wide": {"seed": 3, "rank": 8},
                      "more": {"seed": 4, "targets": ["to_k", "to_out.0"]}}.items():  # fmt: skip
        learn(folder, name, **how)
    return folder


def learn(folder, name, *, seed, rank=4, alpha=None, targets=("to_q", "to_v")):
    """Weights as learning writes them: PEFT's, saved by diffusers."""
    import torch
    from diffusers import StableDiffusionPipeline, UNet2DConditionModel
    from diffusers.utils import convert_state_dict_to_diffusers
    from peft import LoraConfig, get_peft_model_state_dict

    torch.manual_seed(seed)
    unet = UNet2DConditionModel.from_pretrained(folder / "model/unet")
    config = LoraConfig(r=rank, lora_alpha=alpha or rank, target_modules=list(targets), init_lora_weights=False)
    unet.add_adapter(config)
    state = {key: value * 3 for key, value in get_peft_model_state_dict(unet).items()}  # untrained weights say little
    where = folder / "subjects" / name
    StableDiffusionPipeline.save_lora_weights(
        where, unet_lora_layers=convert_state_dict_to_diffusers(state), weight_name="weights.safetensors",
        unet_lora_adapter_metadata=config.to_dict() | {"target_modules": list(targets), "peft_type": "LORA"},
    )  # fmt: skip
    return where / "weights.safetensors"


def who(home, name, **other):
    file = home / "subjects" / name / "weights.safetensors"
    return Learned(name, str(file), hashlib.sha256(file.read_bytes()).hexdigest(), **other)


def opened(home, haste="never"):
    from service.engines.loading import Model
    from service.engines.painter import Painter

    painter = Painter()
    painter.load(Model(str(home / "model"), device="cpu"), haste=haste)
    return painter


@pytest.fixture(scope="module")
def painter(home):
    return opened(home)


def pixels(painted):
    assert isinstance(painted, Painted), painted
    return np.frombuffer(painted.pixels, np.uint8).astype(int)


def one(painter, job):
    return painter.render([job], QUIET)[0]


def floats(painter):
    """Have the pipeline give its pictures as numbers 0 … 1, so that small differences are seen."""
    pipe, seen = painter._pipe, []
    plain = pipe.image_processor.postprocess

    def postprocess(image, output_type="pil", **how):
        seen.append(image.detach().clone())
        return plain(image, output_type=output_type, **how)

    pipe.image_processor.postprocess = postprocess
    return seen, lambda: setattr(pipe.image_processor, "postprocess", plain)


def apart(painter, jobs):
    """The largest difference of a batch from its jobs painted one by one, in float32."""
    import torch

    seen, undo = floats(painter)
    try:
        painter.render(jobs, QUIET)
        batch = torch.cat(seen)
        seen.clear()
        for job in jobs:
            painter.render([job], QUIET)
        return float((batch - torch.cat(seen)).abs().max()), batch
    finally:
        undo()


def test_a_batch_of_one_is_the_plain_pipelines_picture_to_the_bit(home, painter):
    """What a user of diffusers gets for these words and this seed, byte for byte."""
    import torch
    from diffusers import AutoPipelineForText2Image

    pipe = AutoPipelineForText2Image.from_pretrained(home / "model")
    pipe.set_progress_bar_config(disable=True)
    plain = pipe("a red boat on a lake", width=64, height=64, num_inference_steps=2, generator=torch.manual_seed(7))
    assert one(painter, JOB).pixels == plain.images[0].tobytes()


def test_a_batch_is_its_pictures_one_by_one(painter):
    """Words, seeds and what to avoid of each are its own; the order of the answers is that of the jobs."""
    jobs = [replace(JOB, seed=seed, words=f"boat {seed}", avoid="fog" * (seed % 2)) for seed in range(4)]
    difference, batch = apart(painter, [job for job in jobs if job.avoid])
    assert len(batch) == 2
    assert difference < 1e-5
    together_, alone = painter.render(jobs, QUIET), [one(painter, job) for job in jobs]
    assert [abs(pixels(a) - pixels(b)).max() <= 1 for a, b in zip(together_, alone, strict=True)] == [True] * 4
    assert {painted.facts["batch"] for painted in together_} == {2}


def test_a_subject_changes_the_picture_and_none_at_all_is_the_base(home, painter):
    """Its weights are worn by its own picture only; a scale of nought is the model as it is."""
    base = pixels(one(painter, JOB))
    rex = one(painter, replace(JOB, learned=who(home, "rex")))
    assert abs(pixels(rex) - base).max() > 3
    assert (rex.facts["subject"], rex.facts["subject_scale"]) == ("rex", 1.0)
    assert rex.facts["subject_sha256"] == who(home, "rex").sha256
    assert (pixels(one(painter, JOB)) == base).all()
    assert (pixels(one(painter, replace(JOB, learned=who(home, "rex", scale=0.0)))) == base).all()


def test_several_subjects_and_nobody_in_one_batch(home, painter):
    """Each of the batch is what it would be alone."""
    jobs = [
        replace(JOB, seed=seed, learned=name and who(home, name))
        for seed, name in enumerate((None, "mia", "rex", "rex"))
    ]
    difference, batch = apart(painter, jobs)
    assert len(batch) == 4
    assert difference < 1e-5


def test_alpha_is_honoured(home, painter):
    """The same matrices with four times the alpha count four times, as a scale of four would have it."""
    strong, alone = (
        one(painter, replace(JOB, learned=who(home, name, scale=scale)))
        for name, scale in (("rex", 4.0), ("loud", 1.0))
    )
    assert abs(pixels(strong) - pixels(alone)).max() <= 1
    assert abs(pixels(alone) - pixels(one(painter, replace(JOB, learned=who(home, "rex"))))).max() > 3


def test_weights_that_change_on_disk_are_read_again(home, painter):
    """The file's digest is the adapter's name: learning again is seen at the next picture."""
    learn(home, "pip", seed=8)
    before = one(painter, replace(JOB, learned=who(home, "pip")))
    learn(home, "pip", seed=9)
    after = one(painter, replace(JOB, learned=who(home, "pip")))
    assert abs(pixels(before) - pixels(after)).max() > 3
    assert before.facts["subject_sha256"] != after.facts["subject_sha256"]


@pytest.mark.parametrize("haste", ["never", "always"])
def test_weights_that_change_before_they_are_read_are_not_worn(home, monkeypatch, haste):
    """The recipe names the file that the picture was painted with, so this one is refused and the next is not."""
    monkeypatch.setattr("service.engines.painter._compiled", lambda function: function)
    painter = opened(home, haste)
    learn(home, "pip", seed=8)
    old = who(home, "pip")
    learn(home, "pip", seed=9)
    for asked, refused in ((old, True), (who(home, "pip"), False), (old, True), (who(home, "rex"), False)):
        (made,) = painter.render([replace(JOB, learned=asked)], QUIET)
        assert isinstance(made, Refusal) == refused
        assert refused or made.facts["subject_sha256"] == asked.sha256
    assert "pip was published anew just now" in painter.render([replace(JOB, learned=old)], QUIET)[0].says


def test_more_subjects_than_stay_in_the_model(home, painter):
    """The ones used longest ago make room, and come back as they were."""
    first = one(painter, replace(JOB, learned=who(home, "rex")))
    for name in ("mia", "loud", "wide", "more"):
        one(painter, replace(JOB, learned=who(home, name)))
    assert len(painter._wardrobe._there) == 4
    assert one(painter, replace(JOB, learned=who(home, "rex"))).pixels == first.pixels


def bad_weights(folder, home, kind):
    """A file that is no LoRA of this model."""
    import torch
    from safetensors.torch import save_file

    path = folder / "weights.safetensors"
    whole = (home / "subjects/rex/weights.safetensors").read_bytes()
    key = "unet.down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q"
    if kind == "truncated":
        path.write_bytes(whole[: len(whole) // 2])
    elif kind == "pickled":
        path.write_bytes(pickle.dumps({"weights": [1, 2, 3]}))
    elif kind == "empty":
        path.touch()
    elif kind == "no LoRA":
        save_file({"conv_in.weight": torch.zeros(2, 2)}, path)
    elif kind == "other shapes":
        save_file({f"{key}.lora_A.weight": torch.zeros(4, 999), f"{key}.lora_B.weight": torch.zeros(999, 4)}, path)
    elif kind == "other layers":
        save_file(
            {"transformer.x.lora_A.weight": torch.zeros(4, 9), "transformer.x.lora_B.weight": torch.zeros(9, 4)}, path
        )
    return path


FAULTS = {
    "truncated": "cut short", "pickled": "a pickle is never read", "empty": "cannot be read as safetensors", "gone": "is gone",
    "no LoRA": "holds no LoRA", "other shapes": "were learned on base/sdxl and do not fit", "other layers": "do not fit",
}  # fmt: skip


@pytest.mark.parametrize("kind", FAULTS)
def test_unfit_weights_are_a_sentence_and_cost_nobody_else(home, painter, tmp_path, kind):
    """It is said whose they are and what to do; the rest of the batch is painted, and the next picture as before."""
    base = one(painter, JOB)
    bad = Learned(
        "tom", str(bad_weights(tmp_path, home, kind) if kind != "gone" else tmp_path / "w"), kind, base="base/sdxl"
    )
    good, refused, rex = painter.render([JOB, replace(JOB, learned=bad), replace(JOB, learned=who(home, "rex"))], QUIET)
    assert isinstance(refused, Refusal)
    assert FAULTS[kind] in refused.says
    assert "tom" in refused.says
    assert abs(pixels(good) - pixels(base)).max() <= 1
    assert rex.facts["subject"] == "rex"
    assert one(painter, JOB).pixels == base.pixels


def test_changing_subjects_is_quick(home, painter):
    """The model is not read again for another subject."""
    for name in ("rex", "mia"):
        one(painter, replace(JOB, learned=who(home, name)))
    began = time.perf_counter()
    with painter._wardrobe.worn([who(home, "rex")]):
        took = time.perf_counter() - began
    assert took < 0.3


def test_painting_stops_at_the_next_step(painter):
    """What ``steps`` raises comes out, and the next picture is as good as any."""

    def stop(step, steps):
        assert (step, steps) == (1, 2)
        raise Cancelled

    with pytest.raises(Cancelled):
        painter.render([JOB], stop)
    assert isinstance(one(painter, JOB), Painted)


def test_steps_are_told_over_the_whole_batch(painter):
    """Two sizes are two runs, and one count."""
    heard = []
    painter.render([JOB, replace(JOB, width_px=128)], lambda step, steps: heard.append((step, steps)))
    assert heard == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_words_are_read_once(home):
    """A second picture of the same words asks the text encoder nothing, also in another batch; memory is bounded."""
    painter = opened(home)
    first = one(painter, JOB)
    read = painter._embeddings.read
    painter.render([replace(JOB, seed=8), JOB], QUIET)
    assert painter._embeddings.read == read > 0
    painter._embeddings._most = 1
    one(painter, replace(JOB, words="another"))
    assert len(painter._embeddings._known) == 1
    assert one(painter, JOB).pixels == first.pixels


# -- compiling -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def eager(monkeypatch, caplog):
    """torch.compile with its tracing and guards, and without a C++ compiler behind it."""
    import torch

    compiled = []

    def backend(graph, _inputs):
        compiled.append(graph)
        return graph.forward

    monkeypatch.setattr("service.engines.painter._compiled", lambda function: torch.compile(function, backend=backend))
    caplog.set_level(logging.INFO)  # tracing says much
    yield compiled
    torch.compiler.reset()


def warmed(painter):
    """Wait for the thread that compiles."""
    with painter._haste._warming:
        return painter._haste


def test_a_model_is_compiled_behind_the_first_picture(home, eager, monkeypatch):
    """The first picture is the plain model's; once compiled, the same comes out; another shape does not wait for it."""
    painter = opened(home, "always")
    first = one(painter, JOB)
    assert first.facts["compiled"] is False
    assert warmed(painter).ready
    graphs = len(eager)
    second = one(painter, JOB)
    assert second.facts["compiled"] is True
    assert len(eager) == graphs > 0
    assert abs(pixels(first) - pixels(second)).max() <= 1
    monkeypatch.setattr(painter._haste, "warm", lambda: None)
    assert one(painter, replace(JOB, height_px=128)).facts["compiled"] is False
    assert one(painter, JOB).facts["compiled"] is True


def attention(module):
    """The blocks that hold a subject's weights: quicker to compile than the whole."""
    return [part for part in module.modules() if type(part).__name__ == "BasicTransformerBlock"]


def test_subjects_change_without_compiling_again(home, eager, monkeypatch):
    """Weights are exchanged in place, other ranks, alphas, nobody and two at once included; each is as in a plain model."""
    monkeypatch.setattr("service.engines.haste._blocks", attention)
    painter, plain = opened(home, "always"), opened(home)
    jobs = [replace(JOB, learned=name and who(home, name)) for name in ("wide", "rex", None, "loud", "mia")]
    halves = (Half(JOB.words, who(home, "rex"), "left"), Half(JOB.words, who(home, "wide"), "right"))
    jobs.insert(3, replace(JOB, learned=who(home, "rex"), halves=halves))
    one(painter, jobs[0])
    warmed(painter)
    graphs = len(eager)
    for job in jobs:
        made = one(painter, job)
        assert made.facts["compiled"], job
        assert abs(pixels(made) - pixels(one(plain, job))).max() <= 1
    assert len(eager) == graphs
    other = replace(JOB, learned=who(home, "more"))
    assert abs(pixels(one(painter, other)) - pixels(one(plain, other))).max() <= 1


def test_a_compiler_that_fails_costs_one_line(home, monkeypatch, caplog):
    """The model goes on as it is."""

    def broken(_function):
        def compiled(*_args, **_kwargs):
            raise RuntimeError("no C compiler here")

        return compiled

    monkeypatch.setattr("service.engines.painter._compiled", broken)
    painter = opened(home, "always")
    first = one(painter, JOB)
    assert "no C compiler" in warmed(painter).failed
    assert one(painter, JOB).pixels == first.pixels
    assert [record.levelname for record in caplog.records if record.name.endswith("haste")] == ["WARNING"]


def test_jobs_are_ordered_by_subject():
    """What can run together does; others of one subject follow each other."""
    rex, mia = (Learned(name, "f", name) for name in ("rex", "mia"))
    jobs = [replace(JOB, learned=rex), JOB, replace(JOB, learned=mia), replace(JOB, learned=rex), replace(JOB, steps=9)]
    same = {"size": lambda job: (job.width_px, job.height_px)}
    assert together(jobs, **same, mixing=lambda _: True) == [[1, 2, 0, 3], [4]]
    assert together(jobs, **same, mixing=lambda _: False) == [[1], [4], [2], [0, 3]]


# -- reference pictures --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def klein(home):
    """A model whose pipeline takes reference pictures."""
    from service.engines.loading import Model
    from service.engines.painter import Painter

    from .tiny_families import save_klein

    painter = Painter()
    painter.load(Model(str(save_klein(home / "klein")), device="cpu"))
    return painter


def test_reference_pictures_change_the_picture_and_none_is_the_base(klein):
    """Each picture shown counts, and so does their number; without any it is the plain pipeline's, byte for byte."""
    import torch

    plain = klein._pipe(prompt="a red boat", width=64, height=64, num_inference_steps=1, generator=torch.manual_seed(7))
    job = Job("a red boat", "", 7, 64, 64, steps=1)
    klein._native = 16, 64 * 64
    base = one(klein, job)
    assert base.pixels == plain.images[0].tobytes()
    shown = [one(klein, replace(job, photos=photos)) for photos in ((photo(0),), (photo(1),), (photo(0), photo(1)))]
    assert len({each.pixels for each in (base, *shown)}) == 4
    assert one(klein, job).pixels == base.pixels


def test_who_is_shown_other_pictures_is_painted_in_another_run(klein):
    """Pictures that several jobs share are read once; nobody is painted from the photos of somebody else."""
    klein._native = 16, 64 * 64
    job = Job("a red boat", "", 7, 64, 64, steps=1)
    jobs = [
        replace(job, photos=(photo(0),)),
        job,
        replace(job, photos=(photo(0),), seed=8),
        replace(job, photos=(photo(1),)),
    ]
    painted = klein.render(jobs, QUIET)
    assert [each.facts["batch"] for each in painted] == [2, 1, 2, 1]
    for each, alone in zip(painted, jobs, strict=True):
        assert abs(pixels(each) - pixels(one(klein, alone))).max() <= 1


def test_a_pipeline_that_cannot_be_shown_pictures_says_so(painter):
    """That job is refused, the others are painted."""
    refused, good = painter.render([replace(JOB, photos=(photo(0),)), JOB], QUIET)
    assert refused == Refusal("StableDiffusionPipeline takes no reference pictures", blind=True)
    assert isinstance(good, Painted)
