"""Stable Diffusion XL: the same U-Net, larger, told by two CLIPs and by the size of what it looks at.

The recipe is that of diffusers' own example for this model. It was not tried on real weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..recipe import Recipe
from . import sd15
from .sd15 import asked, denoiser, draw, encode_pictures, layer, low, noised, seen, targets, weights, width, write

__all__ = [
    "NAME", "PART", "RECIPE", "TEXT_PARTS", "WIDTH", "asked", "denoised", "denoiser", "draw", "embedded",
    "encode_pictures", "encode_words", "layer", "low", "noised", "save", "seen", "shapes", "targets", "weights",
    "width",
]  # fmt: skip

NAME = "sdxl"
PART = "unet"
RECIPE = Recipe(steps=800, learning_rate=1e-4, side_px=1024, batch=2, text_rate=0.5, guidance=5.0)
WIDTH = 320
TEXT_PARTS = ("text_encoder", "text_encoder_2")


def encode_words(pipe: Any, prompts: Sequence[str]) -> dict[str, Any]:
    import torch

    states, pooled = [], None
    for tokenizer, encoder in (pipe.tokenizer, pipe.text_encoder), (pipe.tokenizer_2, pipe.text_encoder_2):
        ids = tokenizer(list(prompts), padding="max_length", truncation=True, return_tensors="pt",
                        max_length=tokenizer.model_max_length).input_ids  # fmt: skip
        told = encoder(ids.to(encoder.device), output_hidden_states=True)
        pooled = told[0]  # the second one's (B, 1280) is what is used
        states.append(told.hidden_states[-2])  # (B, 77, 768), (B, 77, 1280)
    return {"states": torch.cat(states, -1), "pooled": pooled}


def denoised(pipe: Any, noisy: Any, levels: Any, words: dict[str, Any]) -> Any:
    import torch

    height, across = (side * pipe.vae_scale_factor for side in noisy.shape[2:])
    sizes = torch.tensor([[height, across, 0, 0, height, across]], dtype=noisy.dtype, device=noisy.device)
    told = {"text_embeds": words["pooled"], "time_ids": sizes.expand(len(noisy), -1)}
    return pipe.unet(noisy, levels.to(noisy.device), words["states"], added_cond_kwargs=told).sample


def shapes(pipe: Any, side_px: int) -> tuple[tuple[int, ...], dict[str, tuple[int, ...]]]:
    latents, words = sd15.shapes(pipe, side_px)
    return latents, words | {"pooled": (pipe.text_encoder_2.config.projection_dim,)}


def embedded(pipe: Any, words: dict[str, Any], nothing: dict[str, Any]) -> dict[str, Any]:
    if pipe.config.force_zeros_for_empty_prompt:  # as its pipeline does where nothing is said
        nothing = {name: part.new_zeros(part.shape) for name, part in nothing.items()}
    return {
        "prompt_embeds": words["states"], "pooled_prompt_embeds": words["pooled"],
        "negative_prompt_embeds": nothing["states"], "negative_pooled_prompt_embeds": nothing["pooled"],
    }  # fmt: skip


def save(folder: Path, layers: dict[str, dict[str, Any]]) -> None:
    from diffusers import StableDiffusionXLPipeline

    write(StableDiffusionXLPipeline, folder, layers)
