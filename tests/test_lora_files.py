"""A learned subject as one file: out with its card inside, and in again; other trainers' files, and what is none."""

import io
import json
import pickle
import struct
from argparse import ArgumentParser

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from personalization import exporting, importing, weights
from personalization.dataset import Photo, keep
from personalization.errors import BaseError, PersonalizationError
from personalization.request import Request
from service import subjects
from service.errors import SubjectError
from service.subjects import Frequency, Kind, Subject

REX = Subject(
    name="rex", kind=Kind.DOG, class_noun="corgi", token="phol", frequency=Frequency.RARELY, topics_forbidden=("politics",),
    family="sd15", base="stable-diffusion-v1-5/stable-diffusion-v1-5", rank=4,
)  # fmt: skip


def ask(verb, data, name, *more):
    parser = ArgumentParser()
    verb.options(parser)
    return list(verb.run(Request(data, name, parser.parse_args([str(part) for part in more]))))


def tensors(names, width=768, rank=4):
    return {
        name: np.full((rank, width) if "down" in name or "_A" in name else (320, rank), 0.5, dtype=np.float16)
        for name in names
    }


PEFT = [
    "unet.down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k.lora_A.weight",
    "unet.down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k.lora_B.weight",
]
OLD = [
    "unet.down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k.lora.down.weight",
    "unet.down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k.lora.up.weight",
]
KOHYA = [
    "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k.lora_down.weight",
    "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k.lora_up.weight",
]
FLUX2 = [
    "transformer.single_transformer_blocks.0.attn.to_qkv_mlp_proj.lora_A.weight",
    "transformer.single_transformer_blocks.0.attn.to_qkv_mlp_proj.lora_B.weight",
]
FLUX1 = [
    "transformer.single_transformer_blocks.0.attn.to_q.lora_A.weight",
    "transformer.single_transformer_blocks.0.attn.to_q.lora_B.weight",
]
KNOWN = {
    "peft": (PEFT, 768, "peft", "sd15"), "diffusers of old": (OLD, 768, "diffusers", "sd15"),
    "kohya": (KOHYA, 768, "kohya", "sd15"), "kohya xl": (KOHYA, 2048, "kohya", "sdxl"),
    "flux2": (FLUX2, 3072, "peft", "flux2"),
}  # fmt: skip


def written(path, names=PEFT, width=768, **metadata):
    save_file(tensors(names, width), path, metadata or None)
    return path


@pytest.fixture
def home(tmp_path):
    """A data folder where Rex is learned."""
    subjects.save(tmp_path / "data", REX)
    folder = tmp_path / "data/subjects/rex"
    written(folder / "weights.safetensors", lora_adapter_metadata='{"unet.r": 4}')
    keep(
        folder,
        [
            Photo("photos/001.jpg", "a.jpg", "", 1, 1, caption="a [V] corgi on a lawn"),
            Photo("photos/002.jpg", "b.jpg", "", 1, 1),
        ],
    )
    return tmp_path / "data"


def test_a_subject_goes_out_and_comes_in_the_same(home, tmp_path):
    """Weights to the bit, card, rules; the trainer's own metadata stays, and no photo goes along."""
    (done,) = ask(exporting, home, "rex", "-o", tmp_path / "rex.safetensors")
    assert done["captions"] == 1
    with safe_open(tmp_path / "rex.safetensors", "numpy") as file:
        assert file.metadata()["lora_adapter_metadata"] == '{"unet.r": 4}'
        assert json.loads(file.metadata()[exporting.CAPTIONS]) == ["a [V] corgi on a lawn"]
    found, done = ask(importing, tmp_path / "other", "rover", tmp_path / "rex.safetensors")
    assert found["ours"] is True
    assert subjects.load(tmp_path / "other", "rover") == REX.model_copy(update={"name": "rover"})
    there = load_file(tmp_path / "other/subjects/rover/weights.safetensors")
    assert there.keys() == tensors(PEFT).keys()
    assert all((there[name] == value).all() for name, value in tensors(PEFT).items())
    assert sorted(path.name for path in (tmp_path / "other/subjects/rover").iterdir()) == [
        ".lock",
        "subject.toml",
        "weights.safetensors",
    ]


def test_what_is_not_learned_is_not_exported(home, tmp_path):
    """And a subject has one kind of file."""
    with pytest.raises(PersonalizationError, match=r"exported as \.safetensors"):
        ask(exporting, home, "rex", "-o", tmp_path / "rex.pt")
    (home / "subjects/rex/weights.safetensors").unlink()
    with pytest.raises(PersonalizationError, match="has not been learned yet"):
        ask(exporting, home, "rex", "-o", tmp_path / "rex.safetensors")


@pytest.mark.parametrize("name", KNOWN)
def test_other_trainers_files_are_known(tmp_path, name):
    """By their tensors' names and shapes: who wrote it, and for which model."""
    names, width, trainer, family = KNOWN[name]
    path = written(tmp_path / "a.safetensors", names, width)
    (found,) = ask(importing, tmp_path, "rex", path, "--look")
    assert (found["trainer"], found["family"], found["rank"], found["ours"]) == (trainer, family, 4, False)
    assert found["base"] == weights.FAMILIES[family][1]
    assert not (tmp_path / "subjects").exists()


def test_a_file_of_another_trainer_becomes_a_subject(tmp_path):
    """With what its owner says of it; without that it is asked for."""
    path = written(tmp_path / "a.safetensors", KOHYA)
    for missing, more in (
        ("--kind", []),
        ("--token", ["--kind", "dog"]),
        ("--noun", ["--kind", "thing", "--token", "zwx"]),
    ):
        with pytest.raises(PersonalizationError, match=missing):
            ask(importing, tmp_path, "rex", path, *more)
    ask(importing, tmp_path, "rex", path, "--kind", "dog", "--token", "zwx", "--noun", "corgi")
    card = subjects.load(tmp_path, "rex")
    assert (card.token, card.class_noun, card.family, card.rank) == ("zwx", "corgi", "sd15", 4)
    with pytest.raises(PersonalizationError, match="already"):
        ask(importing, tmp_path, "rex", path, "--kind", "dog", "--token", "zwy", "--noun", "corgi")


def test_a_person_in_a_file_agrees_anew(tmp_path):
    """A file cannot agree."""
    path = written(tmp_path / "a.safetensors")
    with pytest.raises(PersonalizationError, match="--consent"):
        ask(importing, tmp_path, "ana", path, "--kind", "person", "--token", "zwx")
    ask(importing, tmp_path, "ana", path, "--kind", "person", "--token", "zwx", "--consent")
    assert subjects.load(tmp_path, "ana").consented
    ask(exporting, tmp_path, "ana", "-o", tmp_path / "ana.safetensors")
    with pytest.raises(PersonalizationError, match="this is a person"):
        ask(importing, tmp_path / "other", "ana", tmp_path / "ana.safetensors", "--kind", "thing")
    assert not (tmp_path / "other/subjects/ana").exists()
    subjects.save(tmp_path, subjects.load(tmp_path, "ana").model_copy(update={"consent_at": None}))
    with pytest.raises(SubjectError, match="has not consented"):
        ask(exporting, tmp_path, "ana", "-o", tmp_path / "again.safetensors")


@pytest.mark.parametrize(
    ("names", "width", "base", "says"),
    [
        (PEFT, 768, "stabilityai/stable-diffusion-xl-base-1.0", "for Stable Diffusion 1.5, and .* is Stable Diffusion XL"),
        (PEFT, 1024, "", "for sd2, which nothing here paints with"),
        (FLUX1, 3072, "", "nothing here paints with"),
        (["unet.x.lora_A.weight", "unet.x.lora_B.weight"], 320, "", "name that with --base"),
        (["model.diffusion_model.input_blocks.0.0.weight"], 320, "", "this is no LoRA"),
    ],
)  # fmt: skip
def test_a_file_for_another_base_is_refused(tmp_path, names, width, base, says):
    """In words that say which it is for."""
    path = written(tmp_path / "a.safetensors", names, width)
    with pytest.raises(BaseError, match=says):
        ask(importing, tmp_path, "rex", path, "--kind", "dog", "--token", "zwx", *(["--base", base] if base else []))


def test_a_bases_folder_says_its_own_family(tmp_path):
    """By its pipeline's class."""
    (tmp_path / "m").mkdir()
    (tmp_path / "m/model_index.json").write_text('{"_class_name": "StableDiffusionXLPipeline"}')
    path = written(tmp_path / "a.safetensors", ["unet.x.lora_A.weight", "unet.x.lora_B.weight"], 320)
    (found,) = ask(importing, tmp_path, "rex", path, "--look", "--base", tmp_path / "m")
    assert found["family"] == "sdxl"


class Evil:
    def __reduce__(self):
        return (pytest.fail, ("pickled code ran",))


def test_what_could_run_code_is_not_opened(tmp_path):
    """Whatever it is called."""
    for name in ("a.pt", "a.safetensors"):
        (tmp_path / name).write_bytes(pickle.dumps(Evil()))
        with pytest.raises(BaseError, match="can run code"):
            ask(importing, tmp_path, "rex", tmp_path / name)
    (tmp_path / "a.safetensors").write_bytes(b"PK\x03\x04" + bytes(200))
    with pytest.raises(BaseError, match="can run code"):
        ask(importing, tmp_path, "rex", tmp_path / "a.safetensors")


@pytest.mark.parametrize("length", [640, 896, 1024, 1152])
def test_a_length_that_begins_like_a_pickle_is_no_pickle(tmp_path, length):
    """0x0280 is how pickles begin, and how long a header may be."""
    path = written(tmp_path / "a.safetensors", note="x" * 300)
    short = struct.unpack("<Q", path.read_bytes()[:8])[0]
    written(path, note="x" * (300 + length - short))
    assert struct.unpack("<Q", path.read_bytes()[:8])[0] == length
    (found,) = ask(importing, tmp_path, "rex", path, "--look")
    assert found["rank"] == 4


def test_what_is_damaged_is_named(tmp_path):
    """Cut short, made up, or with a card that somebody changed."""
    path = written(tmp_path / "a.safetensors")
    whole = path.read_bytes()
    for part in (0, 4, 30, len(whole) - 1):
        path.write_bytes(whole[:part])
        with pytest.raises(BaseError, match="cut short"):
            ask(importing, tmp_path, "rex", path)
    for made_up in (
        struct.pack("<Q", 2**62) + b"{}",
        struct.pack("<Q", 4) + b"[[]]",
        struct.pack("<Q", 2) + b"{}",
        struct.pack("<Q", 13) + b'{"a":{"b":1}}',
        struct.pack("<Q", 43) + b'{"lora_A":{"shape":"x","data_offsets":[0]}}',
        struct.pack("<Q", 45) + b'{"lora_A":{"shape":"x","data_offsets":[0,0]}}',
        struct.pack("<Q", 200_000) + b"[" * 200_000,
    ):
        path.write_bytes(made_up)
        with pytest.raises(BaseError):
            ask(importing, tmp_path, "rex", path)
    written(path, **{exporting.CARD: '{"name": "../rex"}'})
    with pytest.raises(BaseError, match="card inside this file is damaged"):
        ask(importing, tmp_path, "rex", path)


def test_a_copy_is_whole_or_not_there(tmp_path):
    """Where writing fails, nothing is left."""
    path = written(tmp_path / "a.safetensors")
    (tmp_path / "full").write_text("a file where a folder should be")
    with pytest.raises(OSError, match="full"):
        weights.copied(path, tmp_path / "full/b.safetensors", {})
    weights.copied(path, tmp_path / "b.safetensors", {"a": "ü" * 1001})
    with safe_open(tmp_path / "b.safetensors", "numpy") as file:
        assert file.metadata() == {"a": "ü" * 1001}
    assert io.BytesIO((tmp_path / "b.safetensors").read_bytes()).read(8) != path.read_bytes()[:8]
