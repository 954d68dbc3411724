"""The parts of a Stable Diffusion pipeline, small. Imports torch.

The autoencoder is not trained but written down: 8 x 8 px are averaged to a latent, and a latent becomes 8 x 8 px.
"""

from __future__ import annotations

from typing import Any

import torch
from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from tokenizers import pre_tokenizers
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from .captions import FILLERS, KNOWN
from .pairs import learned
from .world import TOKENS

WORDS = 1500  #: entries of the vocabulary, about
MARKS = ("<|startoftext|>", "<|endoftext|>")
WIDTH = 64  #: of the text encoder
SCALE = 0.5  #: of the latents, so that a trainer which forgets the factor is found out
SCHEDULE: dict[str, Any] = {
    "num_train_timesteps": 1000, "beta_schedule": "squaredcos_cap_v2", "prediction_type": "v_prediction",
    "clip_sample": False, "steps_offset": 1, "timestep_spacing": "trailing",
}  # fmt: skip


def tokenizer() -> CLIPTokenizer:
    """CLIP's, with byte pairs learned from ``words.txt``: any text is read, words that the world knows are one token."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    weights = dict.fromkeys(FILLERS, 1) | dict.fromkeys(KNOWN + TOKENS, 500)
    merges = learned(weights, WORDS - 2 * len(letters))
    words = [*letters, *(f"{letter}</w>" for letter in letters), *(a + b for a, b in merges), *MARKS]
    numbers = {word: number for number, word in enumerate(dict.fromkeys(words))}
    return CLIPTokenizer(vocab=numbers, merges=merges, model_max_length=77)


def text_encoder(words: CLIPTokenizer) -> CLIPTextModel:
    """Two layers of CLIP. Its word vectors start wider than CLIP's: those of deviation .02 take long to learn."""
    last = len(words) - 1
    model = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(words), hidden_size=WIDTH, intermediate_size=2 * WIDTH, num_hidden_layers=2,
            num_attention_heads=4, projection_dim=WIDTH, bos_token_id=last - 1, eos_token_id=last, pad_token_id=last,
        )
    )  # fmt: skip
    with torch.no_grad():
        model.get_input_embeddings().weight.normal_(0, 0.3)
    return model


def unet() -> UNet2DConditionModel:
    """A million weights, words attended to at both levels."""
    return UNet2DConditionModel(
        sample_size=16, in_channels=3, out_channels=3, layers_per_block=1, block_out_channels=(32, 64),
        down_block_types=("CrossAttnDownBlock2D",) * 2, up_block_types=("CrossAttnUpBlock2D",) * 2,
        cross_attention_dim=WIDTH, attention_head_dim=(2, 4), norm_num_groups=4,
    )  # fmt: skip


@torch.no_grad()
def autoencoder() -> AutoencoderKL:
    """Averages and repeats. Every value x travels as x and -x, so that SiLU(x) - SiLU(-x) = x undoes the activation, and
    beside two constants so large that the group's norm is theirs alone and can be multiplied away.
    """
    vae = AutoencoderKL(
        latent_channels=3, sample_size=128, block_out_channels=(8,) * 4, layers_per_block=1, norm_num_groups=1,
        down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
        mid_block_add_attention=False, scaling_factor=SCALE,
    )  # fmt: skip
    for weight in vae.parameters():
        weight.zero_()
    for block in vae.encoder.down_blocks[:-1]:
        _spread(block.downsamplers[0].conv, slice(0, 2), 0.25)  # the mean of 2 x 2
    for block in vae.decoder.up_blocks[:-1]:
        _spread(block.upsamplers[0].conv, slice(1, 2), 1.0)
    for half in (vae.encoder, vae.decoder):
        _pass_through(half)
    vae.encoder.conv_out.bias[3:] = -60.0  # log of the variance: no noise
    for i in range(6):
        vae.quant_conv.weight[i, i, 0, 0] = 1 / SCALE if i < 3 else 1.0
    for i in range(3):
        vae.post_quant_conv.weight[i, i, 0, 0] = SCALE
    return vae


def _spread(conv: torch.nn.Conv2d, where: slice, value: float) -> None:
    for i in range(8):
        conv.weight[i, i, where, where] = value


def _pass_through(half: Any, constant: float = 1024.0) -> None:
    """conv_in doubles, conv_norm_out is undone, conv_out takes the difference."""
    for i in range(3):
        half.conv_in.weight[i, i, 1, 1], half.conv_in.weight[3 + i, i, 1, 1] = 1.0, -1.0
        half.conv_out.weight[i, i, 1, 1], half.conv_out.weight[i, 3 + i, 1, 1] = 1.0, -1.0
    half.conv_in.bias[6], half.conv_in.bias[7] = constant, -constant
    half.conv_norm_out.weight[:6] = constant / 2  # the deviation of eight channels of which two are +-constant


def pipeline(
    net: UNet2DConditionModel, text: CLIPTextModel, words: CLIPTokenizer, vae: AutoencoderKL
) -> StableDiffusionPipeline:
    pipe = StableDiffusionPipeline(
        vae=vae, text_encoder=text, tokenizer=words, unet=net, scheduler=DDIMScheduler(**SCHEDULE),
        safety_checker=None, feature_extractor=None, requires_safety_checker=False,
    )  # fmt: skip
    pipe.set_progress_bar_config(disable=True)
    return pipe
