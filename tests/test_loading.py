"""Models of the real classes, tiny and untrained, are read by our own code: from folders, single files and a hub."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import pytest

from service.engines.cards import PLAIN, SHIPPED, read
from service.engines.loading import Model, _place
from service.errors import EngineError

ROOT = Path(__file__).parent.parent
NEEDS = [name for name in ("torch", "diffusers", "transformers", "peft") if find_spec(name) is None]
pytestmark = pytest.mark.skipif(bool(NEEDS), reason=f"not installed: {', '.join(NEEDS)}; `make test` installs them")


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    """What became of each model of ``tiny_families``; in a process of its own, as torch is slow to import."""
    folder = tmp_path_factory.mktemp("families")
    alone = os.environ | {"OMP_NUM_THREADS": "1", "TRANSFORMERS_VERBOSITY": "error", "HF_HUB_OFFLINE": "0"}
    ran = subprocess.run(
        [sys.executable, "-m", "tests.tiny_families", str(folder)], cwd=ROOT, env=alone, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    return json.loads((folder / "said.json").read_text()) | {"folder": str(folder)}


@pytest.mark.parametrize(
    ("name", "pipeline", "card"),
    [("sd15", "StableDiffusionPipeline", "sd15"), ("sdxl", "StableDiffusionXLPipeline", "sdxl"),
     ("klein", "Flux2KleinPipeline", "flux2-klein-4b")],
)  # fmt: skip
def test_each_family_is_read_and_paints(said, name, pipeline, card):
    """A folder of other weights than the card's: its kind is known, its size is its own config's."""
    found = said[name]
    assert (found["pipeline"], found["card"], found["held"]) == (pipeline, card, "whole")
    assert found["size"][0] > found["size"][1]
    assert found["sum"] > 0


def test_a_card_says_how_its_model_is_run(said):
    """Steps, guidance, scheduler and size are the card's where the owner says nothing."""
    found = said["card"]
    assert (found["steps"], found["guidance"], found["scheduler"]) == (9, 3.0, "DPMSolverMultistepScheduler")
    assert found["size"] == [128, 80]  # about 96 squared, sides divisible by 16
    assert found["vae"] == "AutoencoderKL"


def test_few_steps_come_with_a_lora_a_scheduler_and_a_tiny_decoder(said):
    """The LoRA is melted in, so that no adapter is left for a subject's to meet."""
    few = said["few"]
    assert (few["steps"], few["guidance"], few["scheduler"], few["vae"]) == (3, 1.0, "LCMScheduler", "AutoencoderTiny")
    assert few["adapters"] == 0
    assert few["sum"] not in (said["tiny"]["sum"], said["card"]["sum"])
    assert (said["tiny"]["steps"], said["tiny"]["vae"]) == (9, "AutoencoderTiny")  # by its rung, for memory


def test_an_extra_that_cannot_be_had_stops_no_picture(said):
    """Without its few-step LoRA a model takes its usual steps, and the recipe says so."""
    found = said["odd-lora"]
    assert (found["steps"], found["sum"]) == (said["card"]["steps"], said["card"]["sum"])
    assert found["without"][0].startswith("the LoRA for 3 steps: there is no ")


def test_the_last_rung_paints_half_the_pixels(said):
    """Below the ladder's end is its end; tiles decode to much the same as the whole."""
    assert said["half"]["size"] == [80, 48]
    assert said["half"]["held"].endswith("for pictures of half the size")
    assert said["tiles"]["held"] == "with its pictures decoded in tiles"


def test_a_single_file_paints_as_its_folder_does(said):
    """Under the names that such files have; its configs come from a folder or, few and small, from the hub."""
    assert said["file"]["sum"] == said["filed"]["sum"] == said["fetches-config"]["sum"]
    assert said["fetched config"] == []


def test_a_file_that_holds_the_painting_part_alone_is_completed(said):
    """A transformer's file gets the rest of its pipeline from the folder that config names."""
    assert said["part"]["sum"] == said["klein"]["sum"]


SENTENCES = {
    "file-unknown": 'does not tell what model it is of: say so with card = "..."',
    "wants-config": "holds weights alone; its configs and tokenizers, some MB, come from org/missing",
    "lora-as-model": "holds a LoRA, which changes a model and is none",
    "lora-folder": "holds a LoRA, which changes a model and is none",
    "gguf": "is a GGUF of Tiny, which diffusers cannot read: take its .safetensors file",
    "gguf-klein": "GGUF",
    "inpaint": "MarigoldDepthPipeline does not paint from words alone",
    "hub-gated": "accepted its terms: do so at https://huggingface.co/org/gated, and put a token",
    "hub-missing": "the hub knows no model org/missing, or does not show it: is the name right?",
    "hub-lora": "org/lora holds a LoRA",
    "hub-weights": "has diffusion_pytorch_model.safetensors: fetch that file",
    "hub-busy": "the hub failed while org/busy was fetched (503)",
    "huge": "org/huge takes 9000000.0 GB more, and ",
    "gone": "is not on this machine as a whole, and the hub it comes from does not answer",
    "offline": "HF_HUB_OFFLINE forbids to fetch it",
    "dead": "the hub failed while org/half was fetched (500)",
}


@pytest.mark.parametrize("name", SENTENCES)
def test_what_cannot_be_read_is_a_sentence(said, name):
    """What is wrong with it, and what to do; no trace of a library."""
    assert SENTENCES[name] in said[name]["says"]
    assert "memory" not in said[name]


@pytest.mark.skipif(find_spec("bitsandbytes") is not None, reason="bitsandbytes is installed")
def test_fewer_bits_need_a_package(said):
    """Which is named, with the way out."""
    assert said["bits"]["says"].startswith('weights in int4 need bitsandbytes: install it, or take quantise = "no"')


def test_a_hub_gives_what_is_needed_once(said):
    """No second kind of weights, one file after another; bytes are told up to the whole, then nothing is asked again."""
    assert said["hub"]["sum"] == said["few"]["sum"]
    asked = [name for name in said["asked"] if name.startswith("org/good/")]
    assert len(asked) == len(set(asked))
    assert sum(name.endswith(".safetensors") for name in asked) == 3
    told = [news for news in said["news"] if news.get("of")]
    assert told[0]["bytes"] == 0
    assert told[-1]["bytes"] == told[-1]["of"] > 4_000_000
    assert [news["bytes"] for news in told] == sorted(news["bytes"] for news in told)
    assert said["asked again"] == []
    assert said["again"]["pipeline"] == said["kept"]["pipeline"] == said["kept offline"]["pipeline"]


def test_a_broken_connection_is_taken_up_where_it_broke(said):
    """Twice in one file, each time from further on."""
    assert said["cut"]["pipeline"] == "StableDiffusionPipeline"
    assert 0 < said["ranges"][0] < said["ranges"][1]


def test_after_a_failure_only_the_rest_is_fetched(said):
    """Files that were whole are kept."""
    assert said["resumed"]["pipeline"] == "StableDiffusionPipeline"
    assert said["asked for the rest"][0] == "org/half/unet/diffusion_pytorch_model.safetensors"
    assert not [name for name in said["asked for the rest"] if "text_encoder" in name]


def test_an_adapter_for_photos_comes_from_the_hub_once(said):
    """Its own two files and no more, told with size and licence; where the hub is gone, the copy that is kept does."""
    first, again = said["adapter"], said["adapter again"]
    names = (
        "models/ip-adapter-tiny.safetensors",
        *(f"models/image_encoder/{n}" for n in ("config.json", "model.safetensors")),
    )
    assert sorted(said["adapter asked"]) == sorted(f"org/adapter/{name}" for name in names)
    assert said["adapter asked again"] == []
    assert [each["made"] for each in (first, again, said["adapter offline"])] == [["Painted"]] * 3
    news = first["news"][: first["fetched"]]
    assert (news[0]["bytes"], "MIT" in news[0]["terms"]) == (0, True)
    assert news[-1]["bytes"] == news[-1]["of"] == news[0]["of"] > 0
    assert (again["fetched"], first["says"], again["says"]) == (0, "", "")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("adapter lacks", "org/adapter has no models/other.safetensors"),
        ("adapter nowhere", "the hub knows no model org/missing"),
        ("adapter for another", "is for models whose words are 32 wide, and this one's are 64"),
        ("adapter gone", "the hub it comes from does not answer"),
        ("adapter never seen", "HF_HUB_OFFLINE forbids to fetch it"),
    ],
)
def test_an_adapter_that_cannot_be_had_is_a_sentence(said, name, says):
    """And the photos are refused, not the model."""
    assert says in said[name]["says"]
    assert said[name]["made"] == ["Refusal"]


def test_a_token_opens_what_is_private(said):
    """HF_TOKEN is the client's own."""
    assert said["private"]["pipeline"] == "StableDiffusionPipeline"


def test_what_is_installed_on_the_way_stays_in_hf_home(said):
    """Nothing is written anywhere else."""
    assert (Path(said["folder"]) / "home/hub/models--org--good").is_dir()


def torch(*, cuda=False, bf16=True, mps=False):
    """As much of torch as tells where to paint."""
    return SimpleNamespace(
        cuda=SimpleNamespace(is_available=lambda: cuda, is_bf16_supported=lambda **_: bf16),
        backends=SimpleNamespace(mps=SimpleNamespace(is_available=lambda: mps)),
        xpu=SimpleNamespace(is_available=lambda: False),
        float32="32", float16="16", bfloat16="b16", __version__="2.x+cpu",
    )  # fmt: skip


KLEIN = read(SHIPPED)["flux2-klein-4b"]


@pytest.mark.parametrize(
    ("has", "card", "expected"),
    [({"cuda": True}, PLAIN, ("cuda", "b16")), ({"cuda": True, "bf16": False}, PLAIN, ("cuda", "16")),
     ({"cuda": True, "bf16": False}, KLEIN, ("cuda", "32")), ({"mps": True}, PLAIN, ("mps", "16")),
     ({"mps": True}, KLEIN, ("mps", "b16")), ({}, KLEIN, ("cpu", "32"))],
)  # fmt: skip
def test_numbers_are_as_narrow_as_device_and_model_allow(has, card, expected):
    """Half on accelerators, bfloat16 where a model's numbers are too large for float16, whole on a processor."""
    assert _place(torch(**has), Model("m"), card) == expected


def test_a_gpu_that_torch_cannot_use_is_said():
    """Rather than that a processor paints for an hour."""
    with pytest.raises(EngineError, match=r"torch 2\.x\+cpu cannot use it: see its driver, run `make gpu` again"):
        _place(torch(), Model("m", expects="cuda"), PLAIN)
    assert _place(torch(), Model("m", device="cpu", expects="cuda"), PLAIN)[0] == "cpu"
