"""A diffusion model: load, paint, unload. The only file of the service that imports torch and diffusers, at first use.

It runs in a worker process (``worker``) and knows nothing of it, so that another process could hold it as well.
Any text-to-image pipeline that diffusers knows is loaded the same way, through ``AutoPipelineForText2Image``:
https://huggingface.co/docs/diffusers/api/pipelines/auto_pipeline
"""

from __future__ import annotations

import inspect
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .sizes import Size, near
from .wording import within

#: how a model is held when it does not fit: each costs speed (a model in parts about 2x, in layers about 14x)
THRIFT = ("whole", "in parts", "in layers")


@dataclass(frozen=True, slots=True)
class Model:
    """Which weights, and how to hold them."""

    name: str  #: a folder as diffusers writes it, or a hub id
    variant: str = ""  #: "fp16" where a repository has such files beside the full ones
    dtype: str = "auto"
    device: str = "auto"
    allow_pickle: bool = False  #: weights in pickle files can run code when they are read
    thrift: int = 0  #: index in THRIFT
    side_px: int = 0  #: of the square it was trained at; 0: what its own config says


@dataclass(frozen=True, slots=True)
class Job:
    """One picture. ``steps`` and ``guidance`` None: the pipeline's own."""

    words: str
    avoid: str
    seed: int
    width_px: int  #: wanted; what is painted is of the model's own size in about this shape
    height_px: int
    steps: int | None = None
    guidance: float | None = None
    tags: bool = False  #: the words are tags, of which CLIP reads 75 tokens; those at the end may be left out


@dataclass(frozen=True, slots=True)
class Painted:
    """Bare RGB pixels, row by row, and what is worth remembering."""

    pixels: bytes
    width_px: int
    height_px: int
    facts: dict[str, Any]


class Unsafe(Exception):
    """The model's own safety check refused its picture."""


class Painter:
    """Holds one model at a time."""

    def __init__(self) -> None:
        self._pipe: Any = None
        self._facts: dict[str, Any] = {}
        self._native: tuple[int, int] = 8, 512 * 512

    def load(self, model: Model) -> dict[str, Any]:
        """Read the weights, from disk or from the hub. What comes out names the pipeline, device and dtype."""
        import diffusers
        import torch

        device, dtype = _place(torch, model)
        pipeline: Any = diffusers.AutoPipelineForText2Image
        pipe = pipeline.from_pretrained(
            model.name, dtype=dtype, use_safetensors=not model.allow_pickle or None,
            variant=model.variant or None,
        )  # fmt: skip
        pipe.set_progress_bar_config(disable=True)
        _settled(pipe, device, model.thrift)
        self._pipe, self._native = pipe, native(pipe, model.side_px)
        self._facts = {
            "model": model.name, "pipeline": type(pipe).__name__, "device": device, "dtype": str(dtype)[6:],
            "held": THRIFT[model.thrift], "torch": torch.__version__, "diffusers": diffusers.__version__,
        }  # fmt: skip
        return self._facts

    def paint(self, job: Job, progress: Callable[[float], None]) -> Painted:
        """One picture, told step by step. The seed makes the same noise on every device. Raises Unsafe."""
        import torch

        began, known = time.monotonic(), inspect.signature(self._pipe.__call__).parameters
        width, height = self.size(job.width_px, job.height_px)
        steps = job.steps or known["num_inference_steps"].default
        words = self._read(job)
        wanted = {
            "prompt": words, "negative_prompt": job.avoid or None, "width": width, "height": height,
            "num_inference_steps": steps, "guidance_scale": job.guidance, "output_type": "pil",
            "generator": torch.Generator("cpu").manual_seed(job.seed),
            "callback_on_step_end": _telling(progress, steps),
        }  # fmt: skip
        result = self._pipe(**{name: value for name, value in wanted.items() if value is not None and name in known})
        if any(getattr(result, "nsfw_content_detected", None) or ()):
            raise Unsafe
        image = result.images[0].convert("RGB")
        facts = self._facts | {
            "prompt": words, "steps": steps,
            "guidance": job.guidance if job.guidance is not None else _default(known, "guidance_scale"),
            "took_s": round(time.monotonic() - began, 3), "peak_mb": _peak(torch, self._facts["device"]),
        }  # fmt: skip
        return Painted(image.tobytes(), image.width, image.height, facts)

    def _read(self, job: Job) -> str:
        """The words as far as the text encoder reads them: CLIP's own tokenizer counts."""
        tokenizer = getattr(self._pipe, "tokenizer", None)
        if not job.tags or tokenizer is None:
            return job.words
        marks = tokenizer.num_special_tokens_to_add()
        limit = min(tokenizer.model_max_length, 77) - marks
        return within([job.words], lambda text: len(tokenizer(text, add_special_tokens=False).input_ids), limit)

    def size(self, width_px: int, height_px: int) -> Size:
        """The size at which the model paints for a wanted one."""
        return near(width_px, height_px, *self._native)

    def unload(self) -> None:
        """Let go of the weights. The end of the process gives back the rest."""
        self._pipe, self._facts = None, {}


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


def _settled(pipe: Any, device: str, thrift: int) -> None:
    """Put a pipeline where it will paint, whole or as memory allows."""
    if thrift == 0 or device == "cpu":
        pipe.to(device)
        return
    if hasattr(getattr(pipe, "vae", None), "enable_tiling"):
        pipe.vae.enable_tiling()
    if thrift == 1:
        pipe.enable_model_cpu_offload(device=device)
    else:
        pipe.enable_sequential_cpu_offload(device=device)


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


def _telling(progress: Callable[[float], None], steps: int) -> Callable[..., dict[str, Any]]:
    def told(_pipe: Any, step: int, _timestep: Any, tensors: dict[str, Any]) -> dict[str, Any]:
        progress(min((step + 1) / steps, 1.0))
        return tensors

    return told


def _default(known: Any, name: str) -> Any:
    value = known[name].default if name in known else None
    return value if isinstance(value, int | float) else None


def _peak(torch: Any, device: str) -> int | None:
    return round(torch.cuda.max_memory_allocated() / 1e6) if device.startswith("cuda") else None
