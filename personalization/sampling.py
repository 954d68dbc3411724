"""Pictures from a pipeline, the same ones every time."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from .families import Family
from .pictures import rgb
from .recipe import Recipe
from .shelf import spoken

AT_ONCE = 8  #: pictures in one call of the pipeline


def paint(family: Family, pipe: Any, recipe: Recipe, prompts: Sequence[str], first_seed: int = 0) -> Any:
    """One picture for each prompt: float32 (B, 3, side, side) in [-1, 1], on the CPU.

    The seed of a picture is the number of its prompt, counted from ``first_seed``; noise is made on the CPU.
    """
    import torch

    found = []
    for start in range(0, len(prompts), AT_ONCE):
        some = list(prompts[start : start + AT_ONCE])
        seeds = [torch.Generator("cpu").manual_seed(first_seed + start + number) for number in range(len(some))]
        with torch.no_grad(), precision(pipe):
            images = pipe(
                generator=seeds, num_inference_steps=recipe.sampling_steps,
                guidance_scale=recipe.guidance, height=recipe.side_px, width=recipe.side_px, output_type="pt",
                **spoken(family, pipe, some),
            ).images  # fmt: skip
        found.append(images.float().cpu() * 2 - 1)
    return torch.cat(found)


def precision(pipe: Any) -> Any:
    """Where the model is held in half precision, what learns is not; this makes them meet."""
    import contextlib

    import torch

    return torch.autocast("cuda", torch.bfloat16) if pipe.device.type == "cuda" else contextlib.nullcontext()


def sheet(pictures: Any, across: int = 8) -> bytes:
    """Pictures (B, 3, h, w) side by side, as a PNG. Small ones are shown larger, without smoothing."""
    import io

    import numpy as np
    from PIL import Image

    bare = rgb(pictures)
    larger = max(1, 96 // bare.shape[1])
    tiles = bare.repeat(larger, 1).repeat(larger, 2)
    while len(tiles) % across:
        tiles = np.concatenate([tiles, np.full_like(tiles[:1], 255)])
    rows = [np.concatenate(list(tiles[at : at + across]), 1) for at in range(0, len(tiles), across)]
    out = io.BytesIO()
    Image.fromarray(np.concatenate(rows)).save(out, "PNG")
    return out.getvalue()


def digest(pictures: Any) -> str:
    """Of the pixels, for the record."""
    return hashlib.sha256(pictures.numpy().tobytes()).hexdigest()[:16]
