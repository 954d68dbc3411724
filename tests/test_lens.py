"""Photos before a model that takes none: real diffusers on tiny pipelines, with a tiny adapter and image encoder."""

import hashlib
import json
import shutil
from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import pytest

from service.engines import lens
from service.engines.cards import IpAdapter
from service.engines.job import Cancelled, Job, Learned, Painted, Refusal
from service.errors import EngineError

from .pictures import photo
from .test_painter import learn

NEEDS = [name for name in ("torch", "diffusers", "transformers", "peft") if find_spec(name) is None]
pytestmark = pytest.mark.skipif(bool(NEEDS), reason=f"not installed: {', '.join(NEEDS)}; `make test` installs them")
QUIET = lambda _step, _steps: None  # noqa: E731 - nobody wants to know
JOB = Job("a corgi on a lake", "", 7, 64, 64, steps=2, tags=True)
FILE = "models/ip-adapter-tiny.safetensors"


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder with two tiny models, an adapter for each, and the weights of a subject of the first."""
    import torch

    from . import tiny_adapter
    from .tiny_families import save_sdxl
    from .tiny_model import save

    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("lens")
    save(folder / "sd15")
    save_sdxl(folder / "sdxl")
    for name in ("sd15", "sdxl"):
        tiny_adapter.save(folder / f"for-{name}", folder / name)
    (folder / "model").symlink_to(folder / "sd15")
    learn(folder, "rex", seed=1)
    return folder


def opened(home, name="sd15", haste="never"):
    from service.engines.loading import Model
    from service.engines.painter import Painter

    painter = Painter()
    painter.load(Model(str(home / name), device="cpu"), haste=haste)
    return painter


def adapter(place, **how):
    return IpAdapter(hub=str(place), file=FILE, **how)


@pytest.fixture(scope="module")
def painter(home):
    made = opened(home)
    assert made.see(adapter(home / "for-sd15")) == ""
    return made


def rex(home):
    file = home / "subjects/rex/weights.safetensors"
    return Learned("rex", str(file), hashlib.sha256(file.read_bytes()).hexdigest())


def one(painter, job):
    (painted,) = painter.render([job], QUIET)
    assert isinstance(painted, Painted), painted
    return painted


def apart(one_, other):
    a, b = (np.frombuffer(each.pixels, np.uint8).astype(int) for each in (one_, other))
    return abs(a - b).max()


@pytest.mark.parametrize(("name", "guidance"), [("sd15", None), ("sdxl", 1.0), ("sdxl", 3.0)])
def test_each_photo_counts_and_without_any_nothing_is_changed(home, name, guidance):
    """Two photos are another picture than either; none at all is the picture of a model that never had an adapter."""
    job = replace(JOB, guidance=guidance)
    painter = opened(home, name)
    before = one(painter, job)
    assert painter.see(adapter(home / f"for-{name}", scale=0.7)) == ""
    shown = [one(painter, replace(job, photos=photos)) for photos in ((photo(0),), (photo(1),), (photo(0), photo(1)))]
    assert len({each.pixels for each in (before, *shown)}) == 4
    assert min(apart(before, each) for each in shown) > 3
    assert shown[0].facts["ip_adapter"].endswith(f"for-{name}/{FILE}")
    assert shown[0].facts["ip_adapter_scale"] == 0.7
    after = one(painter, job)
    assert after.pixels == before.pixels
    assert "ip_adapter" not in after.facts


def test_it_is_the_plain_pipelines_picture_to_the_bit(home, painter):
    """What a user of diffusers gets for these words, photos and this seed."""
    import torch
    from diffusers import AutoPipelineForText2Image

    job = replace(JOB, photos=(photo(0), photo(1)))
    pipe = AutoPipelineForText2Image.from_pretrained(home / "sd15")
    pipe.load_ip_adapter(str(home / "for-sd15"), subfolder="models", weight_name="ip-adapter-tiny.safetensors")
    pipe.set_ip_adapter_scale(0.6)
    plain = pipe(JOB.words, width=64, height=64, num_inference_steps=2, generator=torch.manual_seed(7),
                 ip_adapter_image=[list(job.shown)])  # fmt: skip
    assert one(painter, job).pixels == plain.images[0].tobytes()


def test_nobody_is_painted_from_the_photos_of_somebody_else(home, painter):
    """A batch is its pictures one by one: with photos, with others, with learned weights, with nobody."""
    jobs = [
        replace(JOB, photos=(photo(0),)), JOB, replace(JOB, learned=rex(home)), replace(JOB, photos=(photo(1),)),
        replace(JOB, photos=(photo(0),), seed=8), replace(JOB, photos=(photo(0),), learned=rex(home)),
    ]  # fmt: skip
    together, alone = painter.render(jobs, QUIET), [one(painter, job) for job in jobs]
    assert [apart(a, b) <= 1 for a, b in zip(together, alone, strict=True)] == [True] * 6
    assert len({each.pixels for each in alone}) == 6
    assert [each.facts["batch"] for each in together] == [3, 2, 2, 1, 3, 3]
    never = opened(home)
    for job in jobs[1:3]:
        assert one(painter, job).pixels == one(never, job).pixels


def test_photos_are_looked_at_once(home, painter, monkeypatch):
    """The encoder is read for new photos, and let go of: it is larger than the model."""
    first = one(painter, replace(JOB, photos=(photo(2),)))
    monkeypatch.setattr(lens.Lens, "_encoded", None)
    assert one(painter, replace(JOB, photos=(photo(2),))).pixels == first.pixels
    assert painter._pipe.image_encoder is None
    assert painter._pipe.feature_extractor is None


def test_a_picture_that_is_stopped_leaves_the_model_as_it_was(home, painter):
    """What ``steps`` raises comes out, with the adapter taken off."""
    base = one(painter, JOB)

    def stop(_step, _steps):
        raise Cancelled

    with pytest.raises(Cancelled):
        painter.render([replace(JOB, photos=(photo(0),))], stop)
    assert one(painter, JOB).pixels == base.pixels


# -- what is unfit -------------------------------------------------------------------------------------------------------


def changed(folder, change):
    """An adapter whose tensors were changed."""
    from safetensors.torch import load_file, save_file

    tensors = load_file(folder / FILE)
    save_file(change(tensors), folder / FILE)


def without(word):
    return lambda tensors: {name: tensor for name, tensor in tensors.items() if word not in name}


def faces(tensors):
    return {name.replace("norm_out", "norm"): tensor for name, tensor in tensors.items()}


@pytest.fixture(scope="module")
def bare(home):
    """A painter that has no adapter yet."""
    return opened(home)


FAULTS = {
    "another model's": (None, "for models whose words are 64 wide, and this one's are 32"),
    "no adapter": (lambda folder: changed(folder, without("ip_adapter.")), "holds no IP-Adapter"),
    "other layers": (lambda folder: changed(folder, without("ip_adapter.3.")), "does not fit this model"),
    "half a resampler": (lambda folder: changed(folder, without("layers.2.")), "does not fit this model"),
    "faces": (lambda folder: changed(folder, faces), "of the kind FaceID"),
    "cut short": (lambda folder: (folder / FILE).write_bytes((folder / FILE).read_bytes()[:-99]), "is cut short"),
    "gone": (lambda folder: (folder / FILE).unlink(), "there is no "),
    "no encoder": (lambda folder: (folder / "models/image_encoder/model.safetensors").unlink(), "there is no "),
    "another encoder": (
        lambda folder: (folder / "models/image_encoder/config.json").write_text(json.dumps({"hidden_size": 48})),
        "wants an image encoder 32 wide, and that in models/image_encoder is 48 wide",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", FAULTS)
def test_an_unfit_adapter_is_a_sentence_and_costs_no_other_picture(home, tmp_path, painter, bare, kind):
    """It is said what is wrong; who was to be painted from photos is not, and everybody else as before."""
    spoil, says = FAULTS[kind]
    shutil.copytree(home / ("for-sd15" if spoil else "for-sdxl"), tmp_path / "adapter")
    if spoil:
        spoil(tmp_path / "adapter")
    assert says in bare.see(adapter(tmp_path / "adapter"))
    refused, painted = bare.render([replace(JOB, photos=(photo(0),)), JOB], QUIET)
    assert (refused.blind, painted.pixels) == (True, one(painter, JOB).pixels)


def test_an_adapter_that_fails_stands_in_the_way_of_no_other(home, painter, bare):
    """Neither of the next one, nor of the one before."""
    shown = one(painter, replace(JOB, photos=(photo(0),)))
    for made in (bare, painter):
        assert "words are 64 wide" in made.see(adapter(home / "for-sdxl"))
    assert one(painter, replace(JOB, photos=(photo(0),))).pixels == shown.pixels
    assert bare.see(adapter(home / "for-sd15")) == ""
    assert one(bare, replace(JOB, photos=(photo(0),))).pixels == shown.pixels


def test_a_model_without_a_u_net_takes_none(home):
    """It is said which pipeline that is."""
    with pytest.raises(EngineError, match="object takes no IP-Adapter"):
        lens.Lens(object(), adapter(home), home)


def test_no_memory_for_the_encoder_costs_the_photos_only(home, painter, monkeypatch):
    """The photos are not looked at, the model paints on."""
    monkeypatch.setattr(lens, "ram_left", lambda: 1000.0)
    refused, painted = painter.render([replace(JOB, photos=(photo(3),)), JOB], QUIET)
    assert isinstance(refused, Refusal)
    assert refused.blind
    assert "the image encoder takes 0.0 GB of memory, and 0.0 GB are free" in refused.says
    assert isinstance(painted, Painted)


def test_a_gpu_too_small_for_the_adapter_is_no_fault_of_the_adapter(home, monkeypatch):
    """It comes out as want of memory, so that the model is held more thriftily; nothing of it is left in the model."""
    made = opened(home)
    base = one(made, JOB)

    def full(*_args, **_named):
        raise RuntimeError("CUDA out of memory. Tried to allocate 2 GB")

    monkeypatch.setattr(type(made._pipe.unet), "_convert_ip_adapter_image_proj_to_diffusers", full)
    with pytest.raises(RuntimeError, match="out of memory"):
        made.see(adapter(home / "for-sd15"))
    assert one(made, JOB).pixels == base.pixels


def in_parts(pipe):
    """As a GPU with little memory holds it: each part comes when it is needed."""
    pipe.enable_model_cpu_offload(device="cpu")


def in_layers(pipe):
    """Each layer comes when it is needed. The pipeline's own call names the device cpu:0, which torch takes for another."""
    import torch
    from accelerate import cpu_offload

    pipe.remove_all_hooks()
    for part in (pipe.text_encoder, pipe.unet, pipe.vae):
        cpu_offload(part, torch.device("cpu"), offload_buffers=True)


@pytest.mark.parametrize("place", [in_parts, in_layers])
def test_a_model_that_is_held_in_parts_looks_at_photos_too(home, painter, place):
    """With the hooks that bring its parts to where it paints; here that is the processor again."""
    made = opened(home)
    place(made._pipe)
    made._placed = lambda: place(made._pipe)
    base = one(made, JOB)
    assert made.see(adapter(home / "for-sd15")) == ""
    for job in (replace(JOB, photos=(photo(0),)), replace(JOB, photos=(photo(0),), seed=3)):
        assert one(made, job).pixels == one(painter, job).pixels
        assert one(made, JOB).pixels == base.pixels


# -- compiled --------------------------------------------------------------------------------------------------------------


def test_a_compiled_model_is_left_in_peace(home, painter, monkeypatch):
    """Pictures from photos are painted as the model is; before and after it goes the fast way, compiled once."""
    import torch

    compiled = []

    def backend(graph, _inputs):
        compiled.append(graph)
        return graph.forward

    def compiler(function):
        return torch.compile(function, backend=backend)

    def attention(module):
        return [part for part in module.modules() if type(part).__name__ == "BasicTransformerBlock"]

    monkeypatch.setattr("service.engines.painter._compiled", compiler)
    monkeypatch.setattr("service.engines.haste._blocks", attention)
    made = opened(home, haste="always")
    one(made, JOB)
    told = []
    assert made.see(adapter(home / "for-sd15"), told.append) == ""  # waits for the compiler
    fast, graphs = one(made, JOB), len(compiled)
    assert fast.facts["compiled"]
    shown = one(made, replace(JOB, photos=(photo(0),)))
    assert not shown.facts["compiled"]
    assert shown.pixels == one(painter, replace(JOB, photos=(photo(0),))).pixels
    assert one(made, JOB).pixels == fast.pixels
    assert len(compiled) == graphs > 0
    torch.compiler.reset()
