"""How a diffusion model gets from disk or hub to where it paints. Imports torch and diffusers at first use.

Any text-to-image pipeline that diffusers knows is loaded the same way, through ``AutoPipelineForText2Image``:
https://huggingface.co/docs/diffusers/api/pipelines/auto_pipeline
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .cards import PLAIN, Card
from .choosing import Rung, rungs

Heard = Callable[[dict[str, Any]], None]  #: told how reading goes on: ``says`` and, of a download, ``bytes`` and ``of``


@dataclass(frozen=True, slots=True)
class Model:
    """Which weights, and how to hold them."""

    name: str  #: a folder as diffusers writes it, or a hub id
    variant: str = ""  #: "fp16" where a repository has such files beside the full ones
    dtype: str = "auto"
    device: str = "auto"
    allow_pickle: bool = False  #: weights in pickle files can run code when they are read
    thrift: int = 0  #: index in the ``choosing.rungs`` of its card
    side_px: int = 0  #: of the square it was trained at; 0: what its card or its own config says
    card: dict[str, Any] | None = None  #: of this very model, as JSON; None: it has none


@dataclass(frozen=True, slots=True)
class Loaded:
    """A pipeline where it will paint."""

    pipe: Any
    native: tuple[int, int]  #: what sides must be divisible by, px; how many pixels it was trained at
    facts: dict[str, Any]  #: for the recipe, JSON-safe
    card: Card = PLAIN  #: its own, or what holds for its kind; steps and guidance are those of the way it was loaded


def unheard(_news: dict[str, Any]) -> None:
    """Where nobody wants to know."""


def load(model: Model, heard: Heard = unheard) -> Loaded:
    """Read the weights, from disk or from the hub."""
    import diffusers
    import torch

    device, dtype = _place(torch, model)
    card = Card.model_validate(model.card) if model.card else PLAIN
    rung = rungs(card, device)[model.thrift]
    pipeline: Any = diffusers.AutoPipelineForText2Image
    heard({"says": f"reading {model.name}"})
    pipe = pipeline.from_pretrained(
        model.name, dtype=dtype, use_safetensors=not model.allow_pickle or None,
        variant=model.variant or None,
    )  # fmt: skip
    pipe.set_progress_bar_config(disable=True)
    _settled(pipe, device, rung)
    facts = {
        "model": model.name, "pipeline": type(pipe).__name__, "device": device, "dtype": str(dtype)[6:],
        "held": rung.how, "torch": torch.__version__, "diffusers": diffusers.__version__,
    }  # fmt: skip
    return Loaded(pipe, native(pipe, model.side_px), facts, card)


def _place(torch: Any, model: Model) -> tuple[str, Any]:
    """Device and dtype: the first accelerator there is, in half precision; the processor in full."""
    accelerators = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(),
                    "xpu": torch.xpu.is_available()}  # fmt: skip
    found = next((name for name, there in accelerators.items() if there), "cpu")
    device = found if model.device == "auto" else model.device
    if model.dtype != "auto":
        return device, getattr(torch, model.dtype)
    if device.startswith("cuda") and not torch.cuda.is_bf16_supported(including_emulation=False):
        return device, torch.float16
    return device, {"cpu": torch.float32, "mps": torch.float16}.get(device, torch.bfloat16)


def _settled(pipe: Any, device: str, rung: Rung) -> None:
    """Put a pipeline where it will paint, whole or as memory allows."""
    if rung.tiles and hasattr(getattr(pipe, "vae", None), "enable_tiling"):
        pipe.vae.enable_tiling()
    if rung.offload == "parts":
        pipe.enable_model_cpu_offload(device=device)
    elif rung.offload == "layers":
        pipe.enable_sequential_cpu_offload(device=device)
    else:
        pipe.to(device)


def native(pipe: Any, side_px: int = 0) -> tuple[int, int]:
    """What a model's sides must be divisible by, and how many pixels it was trained at: read from its config."""
    scale = int(getattr(pipe, "vae_scale_factor", 8))
    unet, transformer = getattr(pipe, "unet", None), getattr(pipe, "transformer", None)
    if unet is not None:  # each level of a U-Net halves the latents
        step = scale * 2 ** (len(unet.config.block_out_channels) - 1)
    else:  # transformers see patches of two by two latents
        step = 2 * scale
    config = getattr(unet if unet is not None else transformer, "config", None)
    sample = getattr(pipe, "default_sample_size", None) or getattr(config, "sample_size", None)
    side = side_px or (sample * scale if isinstance(sample, int) else 1024)
    return math.lcm(step, 8), side * side  # the pipelines themselves insist on 8
