"""Which model a machine paints with: cards, a pure choice among them, and what is told of it."""

import json
import logging
import os
import struct
import tomllib
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, strategies as st

from service import checking
from service.assembly import Service
from service.engines import machine as probe, settling, weights
from service.engines.cards import PLAIN, SHIPPED, Card, akin, named, read, told_by
from service.engines.choosing import Machine, choose, fit, hold, rung_of, rungs, suits, terms
from service.engines.diffusion import Diffusion, Settings
from service.engines.fetching import Wanted, chosen
from service.engines.loading import Model
from service.engines.reading import Reading
from service.engines.settling import Home, settled
from service.engines.wording import Wording
from service.errors import EngineError
from service.settings import Settings as Config
from service.subjects import Kind, Subject, folder, save

ROOT = Path(__file__).parent.parent
CARDS = read(SHIPPED)
BITS = frozenset({"int8", "int4"})


def gpu(vram_gb, ram_gb=32, **how):
    return Machine("cuda", "a card", vram_gb, ram_gb, **how)


def learned(name="rex", family="sdxl", base="stabilityai/stable-diffusion-xl-base-1.0"):
    return Subject(name=name, kind=Kind.DOG, class_noun="corgi", token="sks", family=family, base=base)


OWN = """
name = "Attic 2"
hub = "attic/two"
pipelines = ["StableDiffusionPipeline"]
family = "tags"
steps = 7
guidance = 2.5
auto = 1
[licence]
name = "CC0"
page = "https://example.org/licence"
commercial = true
[size]
multiple = 16
side_px = 96
[[held]]
on = "cpu"
"""


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.toml")), ids=lambda path: path.stem)
def test_each_card_is_whole(path):
    """It is called as its file, says its licence and what it takes, and each way to hold it is on its ladder."""
    card = CARDS[path.stem]
    assert card.id == path.stem
    assert card.licence.page.startswith("https://")
    assert card.download_gb > 0
    assert card.size.side_px % card.size.multiple == 0 or card.id == "qwen-image"
    if card.ip_adapter:
        assert card.ip_adapter.licence == "Apache-2.0"
        assert all(name.endswith((".safetensors", ".json")) for name in card.ip_adapter.files)
        assert not card.references
    for held in card.held:
        assert held.how in [rung.how for rung in rungs(card, held.on)]
        assert not held.few_step or card.few_step
    assert named(CARDS, card.hub.upper()) is card
    assert terms(card).endswith("GB to fetch, once")


def test_only_models_that_are_free_for_any_use_are_chosen():
    """A card whose licence forbids commercial use has no place in the choice, and would not get one by saying so."""
    assert {card.id for card in CARDS.values() if card.auto} == {"flux2-klein-4b", "sdxl", "sd15"}
    shut = CARDS["flux2-klein-4b"].licence.model_copy(update={"commercial": False})
    cards = CARDS | {"flux2-klein-4b": CARDS["flux2-klein-4b"].model_copy(update={"licence": shut})}
    assert choose(gpu(24), cards).card.id == "sdxl"
    unknown = {name: card.model_copy(update={"licence": None}) for name, card in CARDS.items()}
    with pytest.raises(EngineError, match="finds no model"):
        choose(gpu(24), unknown)


TIERS = [
    (Machine("cpu", ram_gb=16), "sd15", "whole", "", True),
    (gpu(2), "sd15", "whole", "", True),  # too small: the processor
    (gpu(3), "sd15", "in parts", "", True),
    (gpu(4), "sd15", "whole", "", True),
    (gpu(6), "sd15", "whole", "", False),
    (gpu(8), "sdxl", "in parts", "", True),
    (gpu(8, quantises=BITS), "flux2-klein-4b", "whole", "int4", False),
    (gpu(8, quantises=BITS, bfloat16=False), "sdxl", "in parts", "", True),
    (gpu(11, bfloat16=False), "sdxl", "whole", "", True),
    (gpu(12), "flux2-klein-4b", "in parts", "", False),
    (gpu(12, ram_gb=16), "sdxl", "whole", "", False),
    (gpu(12, quantises=BITS), "flux2-klein-4b", "whole", "int8", False),
    (gpu(15.6), "flux2-klein-4b", "in parts", "", False),
    (gpu(16, ram_gb=16, quantises=BITS), "flux2-klein-4b", "whole", "int8", False),
    (gpu(22.5), "flux2-klein-4b", "whole", "", False),  # 24 GB that check their memory
    (gpu(24), "flux2-klein-4b", "whole", "", False),
    (gpu(48), "flux2-klein-4b", "whole", "", False),
    (gpu(141, 1000), "flux2-klein-4b", "whole", "", False),
    (Machine("mps", "", 0, 16), "sd15", "whole", "", True),
    (Machine("mps", "", 0, 24), "sdxl", "whole", "", True),
    (Machine("mps", "", 0, 36), "flux2-klein-4b", "whole", "", False),
]


@pytest.mark.parametrize(
    ("here", "card", "how", "bits", "few"), TIERS, ids=[f"{m.device} {m.vram_gb:g}/{m.ram_gb:g}" for m, *_ in TIERS]
)
def test_a_machine_gets_the_best_that_fits(here, card, how, bits, few):
    """By its GPU's memory, its own, its numbers, and what can pack weights into fewer bits."""
    choice = choose(here, CARDS)
    assert (choice.card.id, choice.held.how, choice.held.quantise, choice.held.few_step) == (card, how, bits, few)
    assert choice.card.name in choice.why
    assert how in choice.why
    assert choice.notes == ()


def test_a_machine_too_small_for_any_is_told_what_to_do():
    """No model is forced into 4 GB of memory; the owner reads what paints without one."""
    with pytest.raises(EngineError, match=r"a processor with 4 GB of memory: .* use papercut"):
        choose(Machine("cpu", ram_gb=4), CARDS)


@given(st.sampled_from(["cuda", "mps", "xpu", "cpu"]), st.floats(0, 200), st.floats(0, 2000), st.booleans(),
       st.sets(st.sampled_from(["int4", "int8"])))  # fmt: skip
def test_whatever_is_chosen_fits(device, vram_gb, ram_gb, bfloat16, bits):
    """Any machine at all gets a free model that its memory holds, or is told that there is none."""
    here = Machine(device, "x", vram_gb, ram_gb, bfloat16, frozenset(bits))
    try:
        choice = choose(here, CARDS)
    except EngineError:
        assert fit(CARDS["sd15"], replace(here, device="cpu")) is None
        return
    assert choice.card.free
    assert choice.held.ram_gb <= ram_gb / 0.92
    assert choice.device == "cpu" or choice.held.vram_gb <= vram_gb / 0.92
    assert not choice.held.quantise or choice.held.quantise in bits


def test_a_subject_that_was_learned_chooses_its_model():
    """A LoRA suits one base: SDXL paints where it was learned on that, though the machine could do better."""
    rex = learned()
    choice = choose(gpu(24), CARDS, [rex])
    assert choice.card.id == "sdxl"
    assert "on which rex was learned" in choice.why
    klein = learned("ada", "flux2", "black-forest-labs/FLUX.2-klein-base-4B")
    assert choose(gpu(24), CARDS, [rex, klein]).card.id == "flux2-klein-4b"  # of equals, the better
    assert choose(gpu(24), CARDS, [rex, learned("tom"), klein]).card.id == "sdxl"


def test_what_a_choice_cannot_use_is_said():
    """Who was learned on another model, on which, and what happens instead."""
    klein = learned("ada", "flux2", "black-forest-labs/FLUX.2-klein-base-4B")
    (note,) = choose(gpu(8), CARDS, [klein]).notes
    assert note == (
        "ada was learned on FLUX.2 klein 4B, which Stable Diffusion XL cannot use: "
        "it paints from photos instead where it may be shown any, else any corgi"
    )
    other = learned("rex", "sdxl", "someone/finetune")
    (note,) = choose(gpu(24), CARDS, [other]).notes
    assert "rex was learned on someone/finetune" in note
    assert note.endswith("else any corgi")
    (note,) = choose(
        gpu(24), {"qwen-image": CARDS["qwen-image"].model_copy(update={"auto": 1, "held": CARDS["sd15"].held})}, [other]
    ).notes
    assert note.endswith("it paints any corgi instead")
    assert not suits(CARDS["sdxl"], other)
    assert not suits(PLAIN, learned())


@pytest.mark.parametrize(
    ("card", "device", "ways"),
    [("sd15", "cuda", ["whole", "with a tiny decoder", "with its pictures decoded in tiles", "in parts", "in layers",
                       "in layers, for pictures of half the size"]),
     ("flux2-klein-4b", "cuda:1", ["whole", "with its pictures decoded in tiles", "in parts", "in layers",
                                   "in layers, for pictures of half the size"]),
     ("sd15", "cpu", ["whole", "with a tiny decoder", "with its pictures decoded in tiles",
                      "with its pictures decoded in tiles, for pictures of half the size"]),
     ("flux2-klein-4b", "mps", ["whole", "with its pictures decoded in tiles",
                                "with its pictures decoded in tiles, for pictures of half the size"])],
)  # fmt: skip
def test_the_ladder_of_a_model(card, device, ways):
    """From whole to half the size, without rungs that win nothing on that device."""
    ladder = rungs(CARDS[card], device)
    assert [rung.how for rung in ladder] == ways
    assert [rung.share for rung in ladder] == [1.0] * (len(ways) - 1) + [0.5]
    assert rung_of(CARDS[card], CARDS[card].held[0], device) == 0


def test_a_named_model_begins_as_thriftily_as_it_must():
    """What the owner chose is tried though it does not fit: in the thriftiest of its ways."""
    assert hold(CARDS["flux2-klein-4b"], gpu(6)).how == "in parts"
    assert hold(CARDS["flux2-klein-4b"], gpu(24)).how == "whole"
    assert hold(CARDS["z-image-turbo"], Machine("cpu")).how == "whole"


# -- cards of the owner's ----------------------------------------------------------------------------------------------


def test_a_new_model_is_one_file(tmp_path):
    """A card in the data folder is known by its file's name, chosen by its rank, and loaded by its hub id."""
    (tmp_path / "models").mkdir()
    (tmp_path / "models/attic-2.toml").write_text(OWN)
    known = read(SHIPPED, tmp_path / "models")
    assert set(known) == {*CARDS, "attic-2"}
    assert choose(Machine("cpu", ram_gb=16), known).card.name == "Attic 2"
    for name in ("attic-2", "attic/two", "Attic/Two"):
        found = settled(Model(name), Home(tmp_path))
        assert (found.card.id, found.card.steps, found.card.size.side_px) == ("attic-2", 7, 96)
        assert found.model.name.lower() == "attic/two"
        assert "CC0, free for commercial use" in found.says
        assert json.loads(json.dumps(found.model.card)) == found.model.card


def test_a_card_of_the_owners_need_only_say_what_differs(tmp_path):
    """Keys of a card with one of our ids overrule ours, in its tables, too."""
    (tmp_path / "mine.toml").write_text('id = "sdxl"\nsteps = 12\n[few_step]\nsteps = 4\n')
    card = read(SHIPPED, tmp_path)["sdxl"]
    assert (card.steps, card.few_step.steps, card.few_step.hub) == (12, 4, "ByteDance/SDXL-Lightning")
    assert card.hub == CARDS["sdxl"].hub


@pytest.mark.parametrize(
    ("text", "says"),
    [("name =", "is not valid TOML"), ('name = "x"\nsetps = 4', "setps: Extra inputs"), ("steps = 0", "steps: "),
     ('name = "x"\nfamily = "haiku"', "family: "), ('id = "../x"\nname = "x"', "id: ")],
)  # fmt: skip
def test_a_mistake_in_a_card_names_its_file(tmp_path, text, says):
    """The file and the key, instead of a model that paints strangely."""
    (tmp_path / "bad.toml").write_text(text)
    with pytest.raises(EngineError, match=r"bad\.toml") as caught:
        read(SHIPPED, tmp_path)
    assert says in str(caught.value)


def test_the_card_in_the_documents_is_one(tmp_path):
    """The example can be copied."""
    text = (ROOT / "docs/engines.md").read_text(encoding="utf-8")
    (block,) = [part.partition("```")[0] for part in text.split("```toml\n")[1:] if "pipelines = " in part]
    (tmp_path / "example.toml").write_text(block)
    card = read(tmp_path)["example"]
    assert card.pipelines
    assert card.free
    assert tomllib.loads(block)["hub"] == card.hub


def test_other_weights_of_a_kind_share_its_build_alone():
    """How prompts are worded and what takes a LoRA hold for any SDXL; steps, size and licence are each model's own."""
    kin = akin(CARDS, "StableDiffusionXLPipeline")
    assert (kin.id, kin.family, kin.learning) == ("sdxl", "tags", CARDS["sdxl"].learning)
    assert (kin.steps, kin.licence, kin.size, kin.few_step, kin.held, kin.free) == (None, None, None, None, (), False)
    assert akin(CARDS, "MarigoldDepthPipeline") is None
    assert akin(CARDS, "") is None


# -- what a table asks for ---------------------------------------------------------------------------------------------


@pytest.fixture
def here(monkeypatch):
    """Say what machine this is."""

    def be(machine):
        monkeypatch.setattr(settling, "this", lambda _device: machine)

    return be


def test_auto_is_the_default_and_says_why(here, tmp_path, caplog):
    """A table without a model gets one: in the log, in ``state``, with its licence and its size."""
    here(gpu(16))
    engine = Diffusion(Settings(), Wording(ROOT / "templates", tmp_path), home=Home(tmp_path))
    with caplog.at_level(logging.INFO):
        state = engine.state()
    assert state["model"] == "black-forest-labs/FLUX.2-klein-4B"
    for part in ("held in parts", "a card with 16 GB", "Apache-2.0, free for commercial use", "16 GB to fetch"):
        assert part in state["says"]
        assert part in caplog.text
    assert engine.family == "flux"


def test_auto_hears_of_the_subjects_of_its_channels(here, tmp_path):
    """One with weights counts; one without, or one that no channel names, does not."""
    here(gpu(24))
    save(tmp_path, learned("rex"))
    save(tmp_path, learned("tom"))
    (folder(tmp_path, "rex") / "weights.safetensors").write_bytes(b"x")
    assert settled(Model("auto"), Home(tmp_path, ("rex", "tom", "nobody"))).card.id == "sdxl"
    assert settled(Model("auto"), Home(tmp_path, ("tom",))).card.id == "flux2-klein-4b"


def test_a_gpu_that_is_too_small_leaves_the_work_to_the_processor(here, tmp_path):
    """The worker is told so, as it would take the GPU by itself."""
    here(gpu(2))
    found = settled(Model("auto"), Home(tmp_path))
    assert (found.model.device, found.model.few_step) == ("cpu", True)


def test_what_the_owner_says_wins(here, tmp_path):
    """Bits, steps, variant and card are as the table has them."""
    here(gpu(12, quantises=BITS))
    home = Home(tmp_path)
    assert settled(Model("flux2-klein-4b"), home).model.quantise == "int8"
    assert settled(Model("flux2-klein-4b"), home, bits="no").model.quantise == ""
    assert settled(Model("flux2-klein-4b"), home, bits="int4").model.quantise == "int4"
    here(gpu(8))
    assert settled(Model("sdxl"), home).model.few_step
    assert not settled(Model("sdxl", steps=30), home).model.few_step
    assert settled(Model("sdxl"), home).model.variant == "fp16"
    assert settled(Model("sdxl", variant="x"), home).model.variant == "x"
    found = settled(Model(str(tmp_path)), home, card="sdxl")
    assert (found.model.name, found.card.id) == (str(tmp_path), "sdxl")
    with pytest.raises(EngineError, match="there is no card 'sdlx'; there are flux2"):
        settled(Model("auto-x"), home, card="sdlx")


def test_a_folder_is_known_by_its_kind(here, tmp_path):
    """Its pipeline tells how prompts are worded; nothing is said of steps or of a licence."""
    here(gpu(24))
    (tmp_path / "model_index.json").write_text('{"_class_name": "Flux2KleinPipeline"}')
    found = settled(Model(str(tmp_path)), Home(tmp_path / "data"))
    assert (found.card.family, found.card.steps, found.model.card) == ("flux", None, None)
    assert settled(Model("someone/something"), Home(tmp_path / "data")).card is PLAIN


def test_a_download_is_told_by_tenths(caplog):
    """The licence and the size before it, every tenth in the log, and the newest for who looks."""
    reading = Reading()
    with caplog.at_level(logging.INFO):
        for done in range(0, 1001, 5):
            reading.heard({"says": "fetching a/b", "bytes": done * 10**7, "of": 10**10}, "MIT")
    lines = [record.message for record in caplog.records]
    assert lines[0] == "fetching a/b, 10.0 GB: MIT"
    assert len(lines) == 11
    assert lines[-1] == reading.now == "fetching a/b: 10.0 of 10.0 GB"


def test_check_says_which_model_before_it_is_fetched():
    """What paints, why and under which licence is known before the long wait."""

    class Engine:
        def state(self):
            return {"says": "Tiny: the best that fits; MIT"}

        def render(self, *_):
            raise EngineError("still fetching")

        def close(self): ...

    desk = SimpleNamespace(engines=[("gpu", Engine())], name="home", width_px=64, height_px=64)
    first, second = checking._engines(desk)
    assert (first["what"], first["says"]) == ("model of engine gpu of home", "Tiny: the best that fits; MIT")
    assert not second["ok"]


def test_check_names_both_models_where_a_subject_is_left_out(tmp_path):
    """The one it was learned on and the one that paints, with what to do; an engine that wears it is no finding."""
    table = {
        "channels": {"home": {"engines": ["gpu", "other", "papercut"], "subjects": ["rex"]}},
        "engines": {"gpu": {"kind": "diffusion", "model": "sd15"}, "other": {"kind": "diffusion", "model": "sdxl"}},
    }
    save(tmp_path, learned("rex"))
    (folder(tmp_path, "rex") / "weights.safetensors").write_bytes(b"x")
    service = Service(Config.model_validate(table), tmp_path)
    _, found = checking._subjects(service, service.desks["home"])
    assert (found["what"], found["ok"]) == ("subject rex with engine gpu of home", False)
    for name in ("stabilityai/stable-diffusion-xl-base-1.0", "stable-diffusion-v1-5/stable-diffusion-v1-5"):
        assert name in found["says"]
    assert "engines.gpu.subject_bases" in found["do"]


def test_an_engine_hears_who_may_appear_on_its_channels(tmp_path):
    """Subjects of the channels that name it, and of no other."""
    table = {
        "channels": {"home": {"engines": ["gpu", "papercut"], "subjects": ["rex", "ada"]},
                     "kids": {"engines": ["papercut"], "subjects": ["tom"]}},
        "engines": {"gpu": {"kind": "diffusion"}},
    }  # fmt: skip
    service = Service(Config.model_validate(table), tmp_path)
    assert service.engines["gpu"]._home.subjects == ("rex", "ada")


# -- the machine -------------------------------------------------------------------------------------------------------

SMI = """0, GPU-11111111-2222, NVIDIA GeForce RTX 3060, 12288, 8.6
1, GPU-33333333-4444, NVIDIA GeForce RTX 2080 Ti, 11264, 7.5
"""


@pytest.fixture
def smi(tmp_path, monkeypatch):
    """A driver's tool that says what it is told."""

    def says(text):
        tool = tmp_path / "nvidia-smi"
        tool.write_text(f"#!/bin/sh\ncat <<'END'\n{text}END\n")
        tool.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")

    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(probe, "_DRM", tmp_path / "drm")
    return says


def test_nvidias_tool_is_asked(smi, monkeypatch):
    """Names, memory and whether it counts in bfloat16; only GPUs that programs here may use."""
    smi(SMI)
    assert probe.this().vram_gb == 12
    assert [(m.name[-7:], m.vram_gb, m.bfloat16) for m in probe.nvidia()] == [
        ("TX 3060", 12, True),
        ("2080 Ti", 11, False),
    ]
    assert probe.this("cuda:1").vram_gb == 11
    assert probe.this("cpu").device == "cpu"
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-3333")
    assert [m.vram_gb for m in probe.nvidia()] == [11]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert probe.nvidia() == []


@pytest.mark.parametrize("text", ["", "NVIDIA-SMI has failed\n", "0, GPU-1, X, [N/A], 8.6\n", "a,b,c,d,e\n"])
def test_a_driver_that_says_nothing_useful_is_no_gpu(smi, text):
    """Half an installation counts as none."""
    smi(text)
    assert probe.nvidia() == []
    assert probe.this().device in ("cpu", "mps")
    assert probe.this().ram_gb > 0


def test_a_driver_that_hangs_or_is_not_there_is_no_gpu(smi, tmp_path, monkeypatch):
    """It has its seconds; without it nothing is asked."""
    assert probe.nvidia() == []
    smi("")
    (tmp_path / "nvidia-smi").write_text("#!/bin/sh\nexec sleep 60\n")
    monkeypatch.setattr(probe, "_TIMEOUT_S", 0.1)
    assert probe.nvidia() == []


def test_amds_memory_is_the_kernels_word(smi, tmp_path):
    """The largest first; graphics that come with a processor do not count."""
    for number, size in enumerate((512 * 2**20, 16 * 2**30, 24 * 2**30)):
        place = tmp_path / f"drm/card{number}/device"
        place.mkdir(parents=True)
        (place / "mem_info_vram_total").write_text(f"{size}\n")
    assert [m.vram_gb for m in probe.amd()] == [24, 16]


# -- files, before anything is imported --------------------------------------------------------------------------------


def safetensors(path, tensors, keep=None):
    """A file of zeroes with these shapes; cut to ``keep`` bytes."""
    head, at = {}, 0
    for name, shape in tensors.items():
        size = 4
        for side in shape:
            size *= side
        head[name] = {"dtype": "F32", "shape": shape, "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(head).encode()
    path.write_bytes((struct.pack("<Q", len(text)) + text + bytes(at))[:keep])
    return path


def test_a_file_is_known_by_its_tensors(tmp_path):
    """The card whose sign it bears; by width where two models name their tensors alike."""
    sd15 = {"model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight": [2, 768]}
    widths = weights.widths(safetensors(tmp_path / "a.safetensors", sd15))
    assert told_by(CARDS.values(), widths).id == "sd15"
    klein = {"single_stream_modulation.lin.weight": 3072}
    assert told_by(CARDS.values(), klein).id == "flux2-klein-4b"
    assert told_by(CARDS.values(), klein | {"single_stream_modulation.lin.weight": 4096}) is None
    assert not weights.adapter(widths)
    for name in (
        "unet.down.0.to_q.lora_A.weight",
        "lora_unet_x.lora_down.weight",
        "transformer.a.lora_B.default.weight",
    ):
        assert weights.adapter({name: 4})


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"PK\x03\x04rest", "is a pickle, which can run code"), (b"\x80\x02}q", "is a pickle"), (b"", "is empty"),
     (b"version https://git-lfs.github.com/spec/v1\noid", "git lfs pull"), (b"<!doctype html><p>log in", "a web page"),
     (b"\xff" * 64, "damaged"), (b"\x08\0\0\0\0\0\0\0nonsense" + b" " * 40, "damaged"), (b"\x02\0\0\0\0\0\0\0[]", "damaged")],
)  # fmt: skip
def test_a_file_that_is_no_model_is_named_for_what_it_is(tmp_path, content, says):
    """A pickle, a pointer, a login page, nothing, noise: each with what to do, and none is opened further."""
    path = tmp_path / "x.safetensors"
    path.write_bytes(content)
    with pytest.raises(EngineError, match=says):
        weights.widths(path)


def test_a_file_that_is_cut_short_says_by_how_much(tmp_path):
    """In its weights as in its head; a pickle may be allowed, a GGUF is looked into by others."""
    whole = {"a": [64, 64]}
    with pytest.raises(EngineError, match=r"is cut short, 5,000 of \d\d,\d\d\d bytes: fetch it again"):
        weights.widths(safetensors(tmp_path / "x.safetensors", whole, 5000))
    with pytest.raises(EngineError, match="fetch it again"):
        weights.widths(safetensors(tmp_path / "x.safetensors", whole, 20))
    (tmp_path / "x.ckpt").write_bytes(b"PK\x03\x04rest")
    assert weights.widths(tmp_path / "x.ckpt", allow_pickle=True) == {}
    (tmp_path / "x.gguf").write_bytes(b"GGUF\3\0\0\0rest")
    assert weights.widths(tmp_path / "x.gguf") == {}
    with pytest.raises(EngineError, match="cannot be read"):
        weights.widths(tmp_path / "none.safetensors")


@given(st.binary(max_size=300))
def test_any_bytes_are_a_file_or_a_sentence(tmp_path_factory, content):
    """Whatever a file begins with, nothing but a named error comes of it."""
    path = tmp_path_factory.getbasetemp() / f"any-{os.getpid()}.safetensors"
    path.write_bytes(content)
    with suppress(EngineError):
        assert isinstance(weights.widths(path), dict)


@pytest.mark.parametrize(
    ("files", "says"),
    [({}, "has no model_index.json"), ({"adapter_config.json": "{}"}, "holds a LoRA"),
     ({"pytorch_lora_weights.safetensors": ""}, "holds a LoRA"), ({"model.safetensors": ""}, "name that file itself"),
     ({"model_index.json": "{"}, "is damaged"), ({"model_index.json": "[]"}, "does not say which pipeline"),
     ({"model_index.json": '{"_class_name": ["a", "b"]}'}, "does not say which pipeline")],
)  # fmt: skip
def test_a_folder_that_is_no_pipeline_is_named_for_what_it_is(tmp_path, files, says):
    """Empty, a LoRA's, a single file's, or with an index that tells nothing."""
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(EngineError, match=says):
        weights.index(tmp_path)


TABLE = {"_class_name": "P", "unet": ["diffusers", "U"], "tokenizer": ["transformers", "T"], "scheduler": ["d", "S"],
         "text_encoder": ["transformers", "E"], "safety_checker": [None, None], "eps": 0.1}  # fmt: skip
FILES = dict.fromkeys(("model_index.json", "README.md", "all.safetensors", "all.ckpt", "unet/config.json", "unet/m.safetensors", "unet/m.fp16.safetensors", "unet/m.bin", "unet/m.non_ema.safetensors", "unet/m.onnx", "unet/flax.msgpack", "tokenizer/vocab.json", "tokenizer/merges.txt", "tokenizer/tokenizer.model", "scheduler/scheduler_config.json", "text_encoder/config.json", "text_encoder/m-00001-of-00002.safetensors", "text_encoder/m-00002-of-00002.safetensors", "text_encoder/m.safetensors.index.json", "text_encoder/pytorch_model.bin", "safety_checker/m.safetensors", "unet/deep/m.safetensors", "vae_1_0/m.safetensors"), 1)  # fmt: skip
SMALL = {name for name in FILES if name.endswith((".json", ".txt", ".model"))}
SHARDS = {"text_encoder/m-00001-of-00002.safetensors", "text_encoder/m-00002-of-00002.safetensors"}


@pytest.mark.parametrize(
    ("wanted", "heavy"),
    [(Wanted(), {"unet/m.safetensors"} | SHARDS), (Wanted("fp16"), {"unet/m.fp16.safetensors"} | SHARDS),
     (Wanted(small=True), set()), (Wanted(without="unet"), SHARDS), (Wanted("bf16", allow_pickle=True), {"unet/m.safetensors"} | SHARDS)],
)  # fmt: skip
def test_only_what_a_pipeline_needs_is_fetched(wanted, heavy):
    """One kind of weights for each part, the slim ones where there are some; no copies for other programs."""
    assert set(chosen(FILES, TABLE, wanted)) == SMALL | heavy


def test_a_pickle_is_fetched_only_where_it_is_allowed_and_alone():
    """Where there is no safetensors file for a part."""
    sizes = {"model_index.json": 1, "unet/m.bin": 5, "unet/config.json": 1}
    assert "unet/m.bin" not in chosen(sizes, TABLE, Wanted())
    assert "unet/m.bin" in chosen(sizes, TABLE, Wanted(allow_pickle=True))


def test_a_card_travels_as_json():
    """The worker is told it over a pipe, and reads the same."""
    for card in CARDS.values():
        assert Card.model_validate(json.loads(json.dumps(card.model_dump(mode="json")))) == card
