"""A diffusion model at work: load, paint, unload. Imports torch at first use.

It runs in a worker process (``worker``) and knows nothing of it, so that another process could hold it as well.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .cards import PLAIN, Card
from .fetching import Heard
from .loading import Model, fetch, load, unheard
from .sizes import Size, near
from .wording import within


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
        self._card: Card = PLAIN

    def fetch(self, model: Model, heard: Heard = unheard) -> None:
        """Bring what a model lacks from the hub, which may take hours. Raises EngineError."""
        fetch(model, heard)

    def load(self, model: Model, heard: Heard = unheard) -> dict[str, Any]:
        """Read the weights, from disk or from the hub. What comes out names the pipeline, device and dtype."""
        loaded = load(model, heard)
        self._pipe, self._native, self._facts = loaded.pipe, loaded.native, loaded.facts
        self._card = loaded.card
        return self._facts

    def paint(self, job: Job, progress: Callable[[float], None]) -> Painted:
        """One picture, told step by step. The seed makes the same noise on every device. Raises Unsafe."""
        import torch

        began, known = time.monotonic(), inspect.signature(self._pipe.__call__).parameters
        width, height = self.size(job.width_px, job.height_px)
        steps = job.steps or self._card.steps or known["num_inference_steps"].default
        guidance = job.guidance if job.guidance is not None else self._card.guidance
        words = self._read(job)
        wanted = {
            "prompt": words, "negative_prompt": job.avoid or None, "width": width, "height": height,
            "num_inference_steps": steps, "guidance_scale": guidance, "output_type": "pil",
            "generator": torch.Generator("cpu").manual_seed(job.seed),
            "callback_on_step_end": _telling(progress, steps),
        }  # fmt: skip
        result = self._pipe(**{name: value for name, value in wanted.items() if value is not None and name in known})
        if any(getattr(result, "nsfw_content_detected", None) or ()):
            raise Unsafe
        image = result.images[0].convert("RGB")
        facts = self._facts | {
            "prompt": words, "steps": steps,
            "guidance": guidance if guidance is not None else _default(known, "guidance_scale"),
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
