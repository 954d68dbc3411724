"""The file with what was learned of a subject, looked into before it is worn: its names and its digest, nothing run."""

from __future__ import annotations

import hashlib
import json
import struct
from pathlib import Path

from .job import Learned

_LONGEST_HEADER = 100_000_000  #: bytes, as the format itself allows


class Unfit(Exception):
    """A subject's weights cannot be used; the message says why and what to do."""


def foreign(learned: Learned, model: str, why: str) -> str:
    """What to do about weights that belong to another model."""
    base = learned.base or "another model"
    return (
        f"the weights of {learned.subject} were learned on {base} and do not fit {model} ({why}): "
        f"learn {learned.subject} on {model}, or paint with {base}"
    )


def check(learned: Learned, model: str) -> None:
    """See that a file holds a LoRA. Reads its header only, and never unpickles. Raises Unfit."""
    keys = _keys(learned)
    if not any("lora" in key.lower() for key in keys):
        raise Unfit(foreign(learned, model, "the file holds no LoRA"))


def sha256(learned: Learned) -> str:
    """Of the file as it is now. Raises Unfit."""
    try:
        with Path(learned.file).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise Unfit(f"{learned.file} cannot be read: {error.strerror}") from error


def kinds(learned: Learned) -> set[str]:
    """What a LoRA reaches into besides the painting model, and whether it is of the kind DoRA."""
    try:
        keys = _keys(learned)
    except Unfit:
        return set()
    first = {key.partition(".")[0] for key in keys}
    first |= {"text_encoder" for key in keys if key.startswith("lora_te")}
    return first | ({"dora"} if any("dora" in key or "magnitude" in key for key in keys) else set())


def _keys(learned: Learned) -> list[str]:
    """The names of a file's tensors, from its header: eight bytes of length, then JSON, then that many bytes.

    https://github.com/huggingface/safetensors#format
    """
    path = Path(learned.file)
    again = f"learn {learned.subject} again, or bring its file back from a backup"
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > min(_LONGEST_HEADER, path.stat().st_size):
                raise Unfit(f"{path} is no safetensors file (a pickle is never read): {again}")
            header = json.loads(file.read(length))
        ends = [int(entry["data_offsets"][1]) for name, entry in header.items() if name != "__metadata__"]
        if 8 + length + max(ends, default=0) != path.stat().st_size:
            raise Unfit(f"{path} is cut short: {again}")
    except FileNotFoundError:
        raise Unfit(f"{path} is gone: {again}") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, struct.error) as error:
        raise Unfit(f"{path} cannot be read as safetensors ({' '.join(str(error).split())[:120]}): {again}") from error
    return [name for name in header if name != "__metadata__"]
