"""What a file or a folder of weights is, told from its first bytes and its names: before anything is imported or run.

A safetensors file begins with the length of its head and the head itself, JSON:
https://github.com/huggingface/safetensors#format
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..errors import EngineError

SUFFIXES = (".safetensors", ".gguf", ".ckpt", ".pt", ".pth", ".bin")
INDEX = "model_index.json"
_HEAD_MOST = 100_000_000  #: bytes, the format's own bound
_PICKLES = (b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")  # torch.save, new and old
_ADAPTER = re.compile(r"\.(?:lora_[AB]|lora_(?:up|down)|lora\.(?:up|down)|hada_w1_a|lokr_w1)(?:\.|$)")

Widths = dict[str, int]  #: a tensor's name and the width of its last dimension


def is_file(name: str) -> bool:
    """Whether a model's name means a single file."""
    return name.lower().endswith(SUFFIXES)


def widths(path: Path, *, allow_pickle: bool = False) -> Widths:
    """The tensors of a single file of safetensors; none of a kind that cannot be looked into. Raises EngineError."""
    try:
        with path.open("rb") as file:
            start = file.read(512)
            if _foreign(path, start, allow_pickle=allow_pickle):
                return {}
            file.seek(8)
            size = struct.unpack("<Q", start[:8])[0]
            head = json.loads(file.read(size)) if size < _HEAD_MOST else None
            whole = 8 + size + max((part["data_offsets"][1] for _, part in _tensors(head)), default=0)
            if path.stat().st_size < whole:
                raise EngineError(f"{path} is cut short, {path.stat().st_size:,} of {whole:,} bytes: fetch it again")
            return {name: (part["shape"] or [1])[-1] for name, part in _tensors(head)}
    except OSError as error:
        raise EngineError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, struct.error) as error:
        raise EngineError(f"{path} is damaged, or no safetensors file: fetch it again") from error


def _tensors(head: Any) -> Iterator[tuple[str, Any]]:
    yield from ((name, part) for name, part in head.items() if name != "__metadata__")


def _foreign(path: Path, start: bytes, *, allow_pickle: bool) -> bool:
    """Whether a file is of another allowed kind. Raises EngineError for what cannot be a model."""
    if start.startswith(b"GGUF"):
        return True
    if start.startswith(_PICKLES):
        if allow_pickle:
            return True
        raise EngineError(f"{path} is a pickle, which can run code when it is read: take a .safetensors file, "
                          "or allow_pickle = true if you trust whoever made it")  # fmt: skip
    if start.startswith(b"version https://git-lfs"):
        raise EngineError(f"{path} only points to the weights: fetch them with `git lfs pull`")
    if start.lstrip()[:1] == b"<":
        raise EngineError(f"{path} is a web page, not weights: the address it came from wants a login, or is wrong")
    if len(start) < 9:
        raise EngineError(f"{path} is empty: fetch it again")
    return False


def gguf(path: Path) -> bool:
    """Whether a file is GGUF by its first bytes."""
    with path.open("rb") as file:
        return file.read(4) == b"GGUF"


def adapter(tensors: Mapping[str, int]) -> bool:
    """Whether a file holds a LoRA, which changes a model and is none."""
    return any(_ADAPTER.search(name) for name in tensors)


def index(folder: Path) -> dict[str, Any]:
    """The index of a folder as diffusers writes it. Raises EngineError where it is none."""
    path = folder / INDEX
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise EngineError(_no_pipeline(folder)) from None
    except OSError as error:
        raise EngineError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise EngineError(f"{path} is damaged: fetch the model again ({error})") from error
    if not isinstance(table, dict) or not isinstance(table.get("_class_name"), str):
        raise EngineError(f"{path} does not say which pipeline runs this model: fetch it again")
    return table


def _no_pipeline(folder: Path) -> str:
    if not folder.is_dir():
        return f"there is no folder {folder}"
    if (folder / "adapter_config.json").exists() or (folder / "pytorch_lora_weights.safetensors").exists():
        return f"{folder} holds a LoRA, which changes a model and is none: name the model it was made for"
    files = sorted(path.name for path in folder.glob("*") if is_file(path.name))
    if files:
        return f"{folder} is no folder as diffusers writes it, but has {files[0]}: name that file itself"
    return f"{folder} has no {INDEX}: it is no folder as diffusers writes it"


def parts(table: Mapping[str, Any]) -> tuple[str, ...]:
    """The folders that an index names."""
    return tuple(name for name, value in table.items()
                 if not name.startswith("_") and isinstance(value, list) and len(value) == 2 and value[0])  # fmt: skip


def lacking(folder: Path, *, without: str = "", allow_pickle: bool = False) -> list[str]:
    """What of a pipeline's folder is not there, in words; a cut download leaves such. Raises EngineError."""
    table = index(folder)
    return [lack for part in parts(table) if (lack := _lack(folder / part, part == without, allow_pickle))]


def _lack(part: Path, bare: bool, allow_pickle: bool) -> str:
    if not part.is_dir() or not any(part.iterdir()):
        return f"the folder {part.name}"
    if bare or not (part / "config.json").exists():  # schedulers and tokenizers have no weights
        return ""
    names = {path.name for path in part.iterdir() if path.exists()}  # links of a cache may lead nowhere
    wanted = {name for path in part.glob("*.index*.json") for name in _shards(path) if name.endswith(".safetensors")}
    if wanted - names and not any(_plain(name) for name in names):
        return f"{part.name}/{min(wanted - names)}"
    kinds = (".safetensors", ".bin") if allow_pickle else (".safetensors",)
    if not any(name.endswith(kinds) for name in names):
        pickle = " (its pickle is only read with allow_pickle = true)" if any(map(_pickled, names)) else ""
        return f"weights of {part.name} as safetensors{pickle}"
    return ""


def _pickled(name: str) -> bool:
    return name.endswith((".bin", ".pt", ".ckpt"))


def _plain(name: str) -> bool:
    """Whether a file holds all weights of a part."""
    return name.endswith(".safetensors") and not re.search(r"-\d{5}-of-\d{5}", name)


def _shards(path: Path) -> set[str]:
    try:
        return set(json.loads(path.read_text(encoding="utf-8"))["weight_map"].values())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return set()
