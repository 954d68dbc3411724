"""A LoRA's file as far as it can be understood without its tensors: the header says what it is, and for which model.

The format: eight bytes of length, a JSON header, then the tensors' bytes (https://github.com/huggingface/safetensors).
A copy changes the header alone, so that every tensor is kept to the bit, whatever its type.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import BaseError

LONGEST = 100_000_000  #: bytes of a header, as the format's own reader allows
#: family -> its name for people, and the base most LoRAs of it are for
FAMILIES = {
    "sd15": ("Stable Diffusion 1.5", "stable-diffusion-v1-5/stable-diffusion-v1-5"),
    "sdxl": ("Stable Diffusion XL", "stabilityai/stable-diffusion-xl-base-1.0"),
    "flux2": ("FLUX.2", "black-forest-labs/FLUX.2-klein-base-4B"),
}
_PIPELINES = {
    "StableDiffusionPipeline": "sd15", "StableDiffusionImg2ImgPipeline": "sd15", "StableDiffusionXLPipeline": "sdxl",
    "Flux2Pipeline": "flux2", "Flux2KleinPipeline": "flux2",
}  # fmt: skip
_NAMED = (  # hub ids and file names
    (re.compile(r"xl|illustrious|pony", re.IGNORECASE), "sdxl"),
    (re.compile(r"flux\W?2", re.IGNORECASE), "flux2"),
    (re.compile(r"v1[-_.]?[45]|sd[-_.]?1|1\.5|diffusion-v1", re.IGNORECASE), "sd15"),
)
_CROSS = {768: "sd15", 1024: "sd2", 2048: "sdxl"}  # how wide the text is that a U-Net's cross-attention reads
_PICKLED = (b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
_DOWN = re.compile(r"(lora_down|lora_A|lora\.down)(\.[\w-]+)?\.weight$")
_OTHERS = ("hada_w1_a", "lokr_w1", "oft_blocks", "oft_R", "dora_scale", "lora_magnitude_vector", "oft_diag")


@dataclass(frozen=True)
class Header:
    """What a file of weights says of itself."""

    tensors: Mapping[str, Any]  #: name -> {"dtype", "shape", "data_offsets"}
    metadata: Mapping[str, str]
    start: int  #: byte at which the tensors begin

    @property
    def rank(self) -> int | None:
        """Of the LoRA; None where it is another kind of adapter."""
        ranks = [_shape(told)[0] for name, told in self.tensors.items() if _DOWN.search(name) and _shape(told)]
        return max(set(ranks), key=ranks.count) if ranks else None

    @property
    def family(self) -> str:
        """Of the model it is for, by its tensors; "": they do not say; another word: it is not one of ours."""
        names = list(self.tensors)
        if any("to_qkv_mlp_proj" in name or "single_stream_modulation" in name for name in names):
            return "flux2"
        if any(
            re.search(r"single_transformer_blocks|double_blocks|single_blocks|joint_blocks", name) for name in names
        ):
            return _transformer(self)
        widths = {
            _shape(told)[-1] for name, told in self.tensors.items() if _reads_text(name) and len(_shape(told)) > 1
        }
        return next((_CROSS[width] for width in sorted(widths) if width in _CROSS), "")


def read(path: Path) -> Header:
    """The header of a file of weights, which cannot run code. Raises BaseError for one that is something else."""
    try:
        with path.open("rb") as file:
            head = file.read(8)
            if _pickled(head + file.peek(1)[:1]) or path.suffix.lower() in (".pt", ".pth", ".bin", ".ckpt", ".pkl"):
                raise BaseError(
                    f"{path} is pickled, and such a file can run code: it is not opened. Get it as .safetensors"
                )
            (length,) = struct.unpack("<Q", head)
            size = os.fstat(file.fileno()).st_size
            told = json.loads(file.read(length if length <= min(LONGEST, size - 8) else 0))
        metadata = told.pop("__metadata__", {})
        end = max((each["data_offsets"][1] for each in told.values()), default=0)
        list(map(_shape, told.values()))  # raises what is caught below
    except OSError as error:
        raise BaseError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, struct.error, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        raise BaseError(f"{path} is not a safetensors file, or was cut short") from error
    if not told or size != 8 + length + end:
        raise BaseError(f"{path} was cut short: its header speaks of {8 + length + end} bytes, and it has {size}")
    return Header(told, {str(key): str(value) for key, value in metadata.items()}, 8 + length)


def _pickled(head: bytes) -> bool:
    """Whether a file begins as a pickle does; so may the length of a header, which then begins with a brace."""
    return head.startswith(_PICKLED) and head[8:] != b"{"


def copied(source: Path, target: Path, metadata: Mapping[str, str]) -> None:
    """A copy with other metadata; whole or not at all. Raises BaseError, OSError."""
    header = read(source)
    told = json.dumps({"__metadata__": dict(metadata), **header.tensors}, ensure_ascii=False, separators=(",", ":"))
    raw = told.encode()
    raw += b" " * (-len(raw) % 8)  # tensors begin at a multiple of eight, as their own writer has it
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as out, source.open("rb") as file:
            out.write(struct.pack("<Q", len(raw)) + raw)
            file.seek(header.start)
            shutil.copyfileobj(file, out, 1 << 20)
            out.flush()
            os.fsync(out.fileno())
        part.replace(target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def kind_of(header: Header) -> str:
    """Who wrote it: "peft", "kohya", "diffusers" (of old) or "another adapter". Raises BaseError where it is none."""
    names = " ".join(header.tensors)
    if any(other in names for other in _OTHERS):
        return "another adapter"
    if "lora_A" in names:
        return "peft"
    if "lora_down" in names or "lora.down" in names:
        return "kohya" if "lora_unet" in names or "lora_te" in names else "diffusers"
    raise BaseError(
        "this is no LoRA: none of its tensors is named as one's are. A whole model is named as engine instead"
    )


def base_family(base: str) -> str:
    """The family of a base model, by its folder or its name; "" where neither says."""
    index = Path(base).expanduser() / "model_index.json"
    try:
        return _PIPELINES.get(json.loads(index.read_text(encoding="utf-8")).get("_class_name", ""), "")
    except (OSError, ValueError, AttributeError):
        return next((family for sign, family in _NAMED if sign.search(base)), "")


def fitting(header: Header, base: str) -> tuple[str, str]:
    """The family and the base of a LoRA. ``base``: what its owner says, "" for the usual. Raises BaseError."""
    family = header.family or _by_metadata(header.metadata)
    if family and family not in FAMILIES:
        names = ", ".join(name for name, _ in FAMILIES.values())
        raise BaseError(f"this LoRA is for {family}, which nothing here paints with; there is {names}")
    said = base_family(base) if base else ""
    if said and family and said != family:
        raise BaseError(f"this LoRA is for {FAMILIES[family][0]}, and {base} is {FAMILIES[said][0]}: name its own base")
    family = family or said
    if not family:
        raise BaseError("the file does not say for which model it is: name that with --base")
    return family, base or FAMILIES[family][1]


def _transformer(header: Header) -> str:
    """FLUX.1's blocks and FLUX.2's have like names; the latter's single blocks are one projection."""
    if any(
        "single_blocks" in name and "linear1" in name and _flux2_wide(told) for name, told in header.tensors.items()
    ):
        return "flux2"
    hint = _by_metadata(header.metadata)
    return hint or "another transformer (FLUX.1 or Stable Diffusion 3)"


def _flux2_wide(told: Any) -> bool:
    return bool(_shape(told)) and _shape(told)[0] % 9 == 0 and _shape(told)[0] // 9 in (3072, 4096, 6144)


def _by_metadata(told: Mapping[str, str]) -> str:
    """As kohya's trainers (``ss_``) and the model specification (``modelspec.``) say it."""
    said = told.get("modelspec.architecture") or told.get("ss_base_model_version") or told.get("ss_sd_model_name") or ""
    if re.search(r"xl", said, re.IGNORECASE):
        return "sdxl"
    if re.search(r"flux\W?2", said, re.IGNORECASE):
        return "flux2"
    return "sd15" if re.search(r"sd_v1|diffusion-v1|v1-5|sd_1", said, re.IGNORECASE) else ""


def _reads_text(name: str) -> bool:
    return bool(re.search(r"attn2[._]to_[kv]", name) and _DOWN.search(name))


def _shape(told: Any) -> list[int]:
    return [int(length) for length in told.get("shape", [])] if isinstance(told, Mapping) else []
