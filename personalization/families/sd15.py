"""Stable Diffusion 1.x and 2.x: a U-Net over latents, told by CLIP.

The recipe's rank, rate and steps are those that users of other trainers report for this model.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..recipe import Recipe

NAME = "sd15"
PART = "unet"
RECIPE = Recipe(steps=800, learning_rate=2e-4, side_px=512)
WIDTH = 320
TEXT_PARTS: tuple[str, ...] = ("text_encoder",)
UNET_LAYERS = [
    "to_q", "to_k", "to_v", "to_out.0", "ff.net.0.proj", "ff.net.2", "conv1", "conv2", "conv_shortcut", "proj_in",
    "proj_out",
]  # fmt: skip
CLIP_LAYERS = ["q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2"]


def denoiser(pipe: Any) -> Any:
    return pipe.unet


def width(pipe: Any) -> int:
    return int(pipe.unet.config.block_out_channels[0])


def targets(part: str) -> list[str]:
    return UNET_LAYERS if part == "unet" else CLIP_LAYERS


def encode_pictures(pipe: Any, pixels: Any) -> Any:
    """(B, 3, H, W) to (B, C, h, w): the middle of the autoencoder's distribution."""
    latents = pipe.vae.encode(pixels.to(pipe.vae.device, pipe.vae.dtype)).latent_dist.mode()
    return (latents - (pipe.vae.config.shift_factor or 0)) * pipe.vae.config.scaling_factor


def encode_words(pipe: Any, prompts: Sequence[str]) -> dict[str, Any]:
    ids = pipe.tokenizer(list(prompts), padding="max_length", truncation=True, return_tensors="pt",
                         max_length=pipe.tokenizer.model_max_length).input_ids  # fmt: skip
    return {"states": pipe.text_encoder(ids.to(pipe.text_encoder.device))[0]}  # (B, 77, 768)


def draw(pipe: Any, count: int, generator: Any) -> Any:
    import torch

    return torch.randint(0, pipe.scheduler.config.num_train_timesteps, (count,), generator=generator)


def low(pipe: Any, share: float) -> Any:
    import torch

    return torch.tensor([round(share * (pipe.scheduler.config.num_train_timesteps - 1))])


def noised(pipe: Any, latents: Any, noise: Any, levels: Any) -> tuple[Any, Any]:
    """After Ho et al. 2020; the target is the noise, or Salimans & Ho's velocity where the model knows that."""
    signal, spread = _mix(pipe, levels, latents)
    noisy = signal * latents + spread * noise
    if pipe.scheduler.config.prediction_type == "v_prediction":
        return noisy, signal * noise - spread * latents
    return noisy, noise


def denoised(pipe: Any, noisy: Any, levels: Any, words: dict[str, Any]) -> Any:
    return pipe.unet(noisy, levels.to(noisy.device), words["states"]).sample


def weights(pipe: Any, levels: Any, gamma: float) -> Any:
    from ..losses import min_snr

    alphas = pipe.scheduler.alphas_cumprod[levels.cpu()]  # (B,)
    return min_snr(alphas / (1 - alphas), gamma, velocity=pipe.scheduler.config.prediction_type == "v_prediction")


def layer(pipe: Any) -> Any:
    """The block on the way up whose features find the same part in two pictures (Tang et al. 2023, DIFT)."""
    return pipe.unet.up_blocks[min(1, len(pipe.unet.up_blocks) - 1)]


def seen(output: Any, latents: Any) -> Any:
    return output


def shapes(pipe: Any, side_px: int) -> tuple[tuple[int, ...], dict[str, tuple[int, ...]]]:
    config, side = pipe.unet.config, side_px // pipe.vae_scale_factor
    words = (pipe.tokenizer.model_max_length, config.cross_attention_dim)
    return (config.in_channels, side, side), {"states": words}


def asked(pipe: Any) -> dict[str, Any]:
    return {}


def embedded(pipe: Any, words: dict[str, Any], nothing: dict[str, Any]) -> dict[str, Any]:
    return {"prompt_embeds": words["states"], "negative_prompt_embeds": nothing["states"]}


def save(folder: Path, layers: dict[str, dict[str, Any]]) -> None:
    from diffusers import StableDiffusionPipeline

    write(StableDiffusionPipeline, folder, layers)


def write(pipeline: Any, folder: Path, layers: dict[str, dict[str, Any]]) -> None:
    """Through the pipeline's own writer.

    The denoiser's keys stay PEFT's: diffusers' conversion to its older names leaves out convolutions, and its loader
    then takes the mixture for PEFT's names and skips the rest. Text encoders' loaders want the older names.
    """
    from diffusers import utils

    older: Any = utils.convert_state_dict_to_diffusers  # type: ignore[attr-defined]
    told = {
        f"{part}_lora_layers": older(dict(state)) if part.startswith("text") else state
        for part, state in layers.items()
    }
    pipeline.save_lora_weights(folder, **told, safe_serialization=True)


def _mix(pipe: Any, levels: Any, like: Any) -> tuple[Any, Any]:
    """How much picture and how much noise, each (B, 1, 1, 1)."""
    alphas = pipe.scheduler.alphas_cumprod.to(like.device)[levels.to(like.device)].view(-1, 1, 1, 1)
    return alphas.sqrt().to(like.dtype), (1 - alphas).sqrt().to(like.dtype)
