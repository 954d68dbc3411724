"""FLUX.2-klein, the base that was not distilled: a transformer over patches of latents, trained by flow matching.

The recipe is that of the PEFT library's image-generation benchmark on the 4B model. It was not tried on real weights.
Its text encoder is a language model and does not learn.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..recipe import Recipe

NAME = "flux2"
PART = "transformer"
RECIPE = Recipe(
    steps=750, learning_rate=1e-4, side_px=512, batch=2, rank=32, alpha=32, text_encoder=False, guidance=4.0
)
WIDTH = 3072
TEXT_PARTS: tuple[str, ...] = ()
LAYERS = [
    "to_q", "to_k", "to_v", "to_out.0", "add_q_proj", "add_k_proj", "add_v_proj", "to_add_out", "linear_in",
    "linear_out", "to_qkv_mlp_proj", "attn.to_out",
]  # fmt: skip
MODEL_LAYERS = (9, 18, 27)  #: of the language model, as the pipeline takes them; fewer where it has fewer


def denoiser(pipe: Any) -> Any:
    return pipe.transformer


def width(pipe: Any) -> int:
    config = pipe.transformer.config
    return int(config.num_attention_heads * config.attention_head_dim)


def targets(part: str) -> list[str]:
    return LAYERS


def encode_pictures(pipe: Any, pixels: Any) -> Any:
    """(B, 3, H, W) to patches (B, 128, H / 16, W / 16), normalised as the pipeline does it."""
    return pipe._encode_vae_image(pixels.to(pipe.vae.device, pipe.vae.dtype), None)  # noqa: SLF001


def encode_words(pipe: Any, prompts: Sequence[str]) -> dict[str, Any]:
    states, _ = pipe.encode_prompt(list(prompts), text_encoder_out_layers=model_layers(pipe))
    return {"states": states}  # (B, L, D)


def model_layers(pipe: Any) -> tuple[int, ...]:
    """Which layers of the language model the denoiser reads."""
    last = pipe.text_encoder.config.num_hidden_layers
    return tuple(min(number, last) for number in MODEL_LAYERS)


def draw(pipe: Any, count: int, generator: Any) -> Any:
    """Levels in (0, 1), logit-normal: Esser et al. 2024."""
    import torch

    return torch.sigmoid(torch.randn(count, generator=generator))


def low(pipe: Any, share: float) -> Any:
    import torch

    return torch.tensor([share])


def noised(pipe: Any, latents: Any, noise: Any, levels: Any) -> tuple[Any, Any]:
    """On the straight way from picture to noise; the target is its direction (Lipman et al. 2023)."""
    share = levels.to(latents.device, latents.dtype).view(-1, 1, 1, 1)
    return (1 - share) * latents + share * noise, noise - latents


def denoised(pipe: Any, noisy: Any, levels: Any, words: dict[str, Any]) -> Any:
    count, channels, high, wide = noisy.shape
    answer = pipe.transformer(
        hidden_states=noisy.flatten(2).transpose(1, 2),  # (B, h * w, C)
        timestep=levels.to(noisy.device, noisy.dtype), guidance=None, encoder_hidden_states=words["states"],
        txt_ids=pipe._prepare_text_ids(words["states"]).to(noisy.device),  # noqa: SLF001
        img_ids=pipe._prepare_latent_ids(noisy).to(noisy.device), return_dict=False,  # noqa: SLF001
    )[0]  # fmt: skip
    return answer.transpose(1, 2).reshape(count, channels, high, wide)


def weights(pipe: Any, levels: Any, gamma: float) -> Any:
    """All alike: flow matching has its weighting in how levels are drawn."""
    import torch

    return torch.ones(len(levels))


def layer(pipe: Any) -> Any:
    return pipe.transformer.single_transformer_blocks[len(pipe.transformer.single_transformer_blocks) // 2]


def seen(output: Any, latents: Any) -> Any:
    """The picture's tokens come after the text's."""
    high, wide = latents.shape[2:]
    tokens = output[-1] if isinstance(output, tuple) else output  # (B, L + h * w, C)
    return tokens[:, -high * wide :].transpose(1, 2).reshape(len(tokens), -1, high, wide)


def shapes(pipe: Any, side_px: int) -> tuple[tuple[int, ...], dict[str, tuple[int, ...]]]:
    side = side_px // (2 * pipe.vae_scale_factor)  # a token is a patch of two by two latents
    config = pipe.transformer.config
    return (config.in_channels, side, side), {"states": (pipe.tokenizer_max_length, config.joint_attention_dim)}


def asked(pipe: Any) -> dict[str, Any]:
    return {"text_encoder_out_layers": model_layers(pipe)}


def embedded(pipe: Any, words: dict[str, Any], nothing: dict[str, Any]) -> dict[str, Any]:
    return {"prompt_embeds": words["states"], "negative_prompt_embeds": nothing["states"]}


def save(folder: Path, layers: dict[str, dict[str, Any]]) -> None:
    from diffusers import Flux2KleinPipeline

    Flux2KleinPipeline.save_lora_weights(folder, transformer_lora_layers=layers["transformer"])
