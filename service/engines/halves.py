"""Two subjects in one picture: each has a half of it, to the left or to the right.

The picture is painted as two rows that begin with the same noise, each by the model that wears one of the two and is
told its words. After every step the rows' latents are merged by a soft mask, and both go on from the same latents: each
side is denoised by its own subject, with the whole picture before its eyes. Solvers are linear in what the model says,
so that merging what they make of it is merging what the models said, whichever solver it is: Bar-Tal and others 2023,
"MultiDiffusion: Fusing Diffusion Paths for Controlled Image Generation", https://arxiv.org/abs/2302.08113
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..model import Prompt
from ..subjects import figure
from .sizes import Size

SEAM = 1 / 8  #: of the picture's width, over which one half becomes the other
ROWS = 2


def sides(seed: int) -> tuple[str, str]:
    """On which side the first is, and on which the other: another seed may exchange them."""
    return ("right", "left") if seed % 2 else ("left", "right")


def half(prompt: Prompt, name: str, side: str) -> Prompt:
    """The prompt of a picture that shows two, with one of them alone in it, on its side."""
    words = prompt.words or prompt.scene
    return replace(prompt, words=words.replace(figure(*prompt.subjects), f"{name} on the {side}"))


def left(columns: int) -> list[float]:
    """How much of each column is the left one's: 1 … 0, and half of it in the middle."""
    return [min(max(0.5 + (0.5 - (at + 0.5) / columns) / SEAM, 0.0), 1.0) for at in range(columns)]


def merged(latents: Any, size: Size, side: str) -> Any:
    """Two rows as one picture, which both rows now hold; ``side``: whereon the first row is seen.

    ``latents``: (2, ..., h, w), or packed in the order of reading, (2, h * w, c). ``size``: of the picture, px.
    """
    import torch

    share = torch.tensor(left(_columns(latents, size)), dtype=torch.float32, device=latents.device)  # (w,)
    share = share if side == "left" else 1 - share
    if latents.ndim == 3:
        share = share.repeat(latents.shape[1] // len(share))[:, None]  # (h * w, 1)
    whole = torch.lerp(latents[1].float(), latents[0].float(), share)  # the shape of one row
    return whole.to(latents.dtype).expand_as(latents).clone()


def _columns(latents: Any, size: Size) -> int:
    """How many latents are side by side."""
    if latents.ndim != 3:
        return int(latents.shape[-1])
    width, height = size
    return round(math.sqrt(latents.shape[1] * width / height))


def telling(told: Any, steps: int) -> Any:
    """What a pipeline calls after each step, where nothing is merged."""

    def each(_pipe: Any, step: int, _timestep: Any, tensors: dict[str, Any]) -> dict[str, Any]:
        told(min(step + 1, steps))
        return tensors

    return each


def merging(told: Any, steps: int, size: Size, side: str) -> Any:
    """What a pipeline calls after each step. After the last one it is left with one picture to decode."""

    def each(pipe: Any, step: int, _timestep: Any, tensors: Mapping[str, Any]) -> dict[str, Any]:
        told(min(step + 1, steps))
        whole = merged(tensors["latents"], size, side)
        last = step + 1 == getattr(pipe, "num_timesteps", None)
        return {**tensors, "latents": whole[:1] if last else whole}

    return each
