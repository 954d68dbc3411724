"""What a pipeline is given beside its weights: a decoder, a LoRA for few steps, a scheduler, a place in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import EngineError
from . import fetching
from .cards import Card, FewStep, Weights
from .choosing import Rung
from .fetching import Heard

FEW = 4  #: steps, up to which the decoder takes more time than what it decodes
_HEAVY = ("transformer", "unet", "text_encoder", "text_encoder_2")  #: the parts whose weights are worth fewer bits


@dataclass(frozen=True, slots=True)
class Wish:
    """How a model is to be run, as far as its card allows."""

    few_step: bool
    steps: int | None  #: the owner's
    rung: Rung


def fitted(pipe: Any, card: Card, wish: Wish, heard: Heard) -> tuple[Card, list[str]]:
    """Give a pipeline what its card has for this wish. What comes out is the card as it holds now, and what could not
    be had, in words: a picture is worth more than its speed.
    """
    without: list[str] = []
    if card.scheduler:
        pipe.scheduler = _scheduler(pipe, card.scheduler, card.scheduler_options)
    extra = card.few_step if wish.few_step else None
    if extra is not None:
        try:
            card = _hastened(pipe, card, extra, heard)
        except EngineError as error:
            without.append(f"the LoRA for {extra.steps} steps: {error}")
    few = (wish.steps or card.steps or FEW + 1) <= FEW
    if card.tiny_vae is not None and (few or wish.rung.tiny_vae):
        try:
            _decoded_by(pipe, card.tiny_vae, heard)
        except EngineError as error:
            without.append(f"the tiny decoder: {error}")
    for lack in without:
        heard({"says": f"going on without {lack}"})
    return card, without


def _hastened(pipe: Any, card: Card, extra: FewStep, heard: Heard) -> Card:
    """With a few-step LoRA melted into the weights, so that a subject's LoRA meets nothing new."""
    path = _there(extra, extra.file, heard)
    try:
        pipe.load_lora_weights(str(path.parent), weight_name=path.name, adapter_name="few-step")
        pipe.fuse_lora()
        pipe.unload_lora_weights()
    except (ValueError, RuntimeError, KeyError, OSError) as error:
        raise EngineError(f"{path} does not fit this model ({' '.join(str(error).split())[:150]})") from error
    pipe.scheduler = _scheduler(pipe, extra.scheduler, extra.scheduler_options)
    return card.model_copy(update={"steps": extra.steps, "guidance": extra.guidance})


def _scheduler(pipe: Any, name: str, options: Mapping[str, Any]) -> Any:
    import diffusers

    kind = getattr(diffusers, name, None)
    if kind is None or not hasattr(kind, "from_config"):
        raise EngineError(f"the model's card names a scheduler that diffusers does not have: {name}")
    return kind.from_config(pipe.scheduler.config, **options)


def _decoded_by(pipe: Any, tiny: Weights, heard: Heard) -> None:
    import diffusers

    kind: Any = diffusers.AutoencoderTiny
    config = _there(tiny, "config.json", heard)
    _there(tiny, tiny.file or "diffusion_pytorch_model.safetensors", heard)
    try:
        vae = kind.from_pretrained(config.parent, dtype=pipe.vae.dtype, use_safetensors=True)
    except (ValueError, RuntimeError, KeyError, OSError) as error:
        raise EngineError(f"{config.parent} cannot be read ({' '.join(str(error).split())[:150]})") from error
    pipe.register_modules(vae=vae)


def _there(extra: Weights, name: str, heard: Heard) -> Path:
    """A file of an extra, in the owner's folder or from the hub."""
    folder = Path(extra.hub).expanduser()
    if not folder.is_absolute():
        return fetching.file(extra.hub, name, heard)
    if not (folder / name).is_file():
        raise EngineError(f"there is no {folder / name}")
    return folder / name


def placed(pipe: Any, card: Card, device: str, rung: Rung) -> None:
    """Put a pipeline where it will paint, whole or as memory allows."""
    import torch

    if rung.tiles and hasattr(getattr(pipe, "vae", None), "enable_tiling"):
        pipe.vae.enable_tiling()
    if card.channels_last and device.startswith("cuda"):  # tensor cores read so; elsewhere nothing is won
        for part in filter(None, (getattr(pipe, "unet", None), pipe.vae)):
            part.to(memory_format=torch.channels_last)
    if rung.offload == "parts":
        pipe.enable_model_cpu_offload(device=device)
    elif rung.offload == "layers":
        pipe.enable_sequential_cpu_offload(device=device)
    else:
        pipe.to(device)


def quantisation(bits: str, index: Mapping[str, Any]) -> Any:
    """How the heavy parts of a pipeline are read in fewer bits, by what is installed. Raises EngineError."""
    import diffusers
    import transformers

    try:
        kinds = {"diffusers": _config_of(diffusers, bits), "transformers": _config_of(transformers, bits)}
    except ImportError as error:
        raise EngineError(f"weights in {bits} need bitsandbytes{' or torchao' if bits == 'int8' else ''}: install it, "
                          f'or take quantise = "no" ({error})') from error  # fmt: skip
    parts = {name: value[0] for name, value in index.items() if name in _HEAVY and isinstance(value, list)}
    mapping = {name: kinds[library] for name, library in parts.items() if library in kinds}
    pipeline: Any = diffusers
    return pipeline.PipelineQuantizationConfig(quant_mapping=mapping)


def _config_of(library: Any, bits: str) -> Any:
    if bits == "int4":
        import bitsandbytes  # type: ignore[import-not-found]
        import torch

        return library.BitsAndBytesConfig(
            load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=torch.bfloat16
        )
    try:
        from torchao.quantization import Int8WeightOnlyConfig  # type: ignore[import-not-found]
    except ImportError:
        import bitsandbytes  # noqa: F401

        return library.BitsAndBytesConfig(load_in_8bit=True)
    return library.TorchAoConfig(Int8WeightOnlyConfig())


def gguf(dtype: Any) -> Any:
    """How a GGUF file is read. Raises EngineError where the package for it is not installed."""
    from importlib.util import find_spec

    import diffusers

    if find_spec("gguf") is None:
        raise EngineError("a GGUF file needs the package gguf: `.venv/bin/pip install gguf`")
    kind: Any = diffusers.GGUFQuantizationConfig
    return kind(compute_dtype=dtype)
