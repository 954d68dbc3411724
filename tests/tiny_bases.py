"""The other families' pipelines, as small as their classes allow: random weights, real tokenizers."""

import json

from .tiny_model import vocabulary

CHAT = "{% for message in messages %}{{ message['content'] }}{% endfor %}"


def sdxl(folder):
    """Write a Stable Diffusion XL pipeline."""
    import torch
    from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionXLPipeline, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    torch.manual_seed(0)
    tokenizer, size = vocabulary(folder.with_name(folder.name + "-words"))
    text = CLIPTextConfig(vocab_size=size, hidden_size=32, intermediate_size=37, num_attention_heads=4, projection_dim=32,
                          num_hidden_layers=2, bos_token_id=size - 2, eos_token_id=size - 1, pad_token_id=size - 1)  # fmt: skip
    unet = UNet2DConditionModel(
        sample_size=32, layers_per_block=1, block_out_channels=(32, 64), down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"), cross_attention_dim=64, norm_num_groups=16, addition_embed_type="text_time",
        addition_time_embed_dim=8, projection_class_embeddings_input_dim=6 * 8 + 32, use_linear_projection=True,
    )  # fmt: skip
    vae = AutoencoderKL(block_out_channels=(16, 32), norm_num_groups=16, latent_channels=4,
                        down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2)  # fmt: skip
    StableDiffusionXLPipeline(
        vae=vae, unet=unet, scheduler=DDIMScheduler(steps_offset=1, clip_sample=False), tokenizer=tokenizer, tokenizer_2=tokenizer,
        text_encoder=CLIPTextModel(text), text_encoder_2=CLIPTextModelWithProjection(text), add_watermarker=False,
    ).save_pretrained(folder)  # fmt: skip
    return folder


def flux2(folder):
    """Write a FLUX.2-klein pipeline."""
    import torch
    from diffusers import (
        AutoencoderKLFlux2,
        FlowMatchEulerDiscreteScheduler,
        Flux2KleinPipeline,
        Flux2Transformer2DModel,
    )
    from transformers import Qwen3Config, Qwen3ForCausalLM

    torch.manual_seed(0)
    tokenizer, size = _letters(folder)
    transformer = Flux2Transformer2DModel(
        in_channels=16, num_layers=1, num_single_layers=2, attention_head_dim=16, num_attention_heads=2,
        joint_attention_dim=96, timestep_guidance_channels=32, axes_dims_rope=(4, 4, 4, 4), guidance_embeds=False,
    )  # fmt: skip
    vae = AutoencoderKLFlux2(sample_size=32, latent_channels=4, block_out_channels=(16,), norm_num_groups=16, layers_per_block=1,
                             down_block_types=("DownEncoderBlock2D",), up_block_types=("UpDecoderBlock2D",))  # fmt: skip
    text = Qwen3ForCausalLM(Qwen3Config(vocab_size=size, hidden_size=32, intermediate_size=37, num_hidden_layers=3,
                                        num_attention_heads=4, num_key_value_heads=2, head_dim=8))  # fmt: skip
    Flux2KleinPipeline(
        vae=vae, transformer=transformer, scheduler=FlowMatchEulerDiscreteScheduler(), tokenizer=tokenizer, text_encoder=text,
    ).save_pretrained(folder)  # fmt: skip
    return folder


def _letters(folder):
    """Qwen's tokenizer with single bytes only."""
    from transformers import Qwen2TokenizerFast

    place = folder.with_name(folder.name + "-words")
    place.mkdir(parents=True)
    letters = [
        *map(chr, range(33, 127)),
        *map(chr, range(161, 173)),
        *map(chr, range(174, 256)),
        *map(chr, range(256, 324)),
    ]
    words = [*letters, "<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    (place / "vocab.json").write_text(json.dumps({word: number for number, word in enumerate(words)}))
    (place / "merges.txt").write_text("#version: 0.2\n")
    tokenizer = Qwen2TokenizerFast(str(place / "vocab.json"), str(place / "merges.txt"), pad_token="<|endoftext|>")
    tokenizer.chat_template = CHAT
    return tokenizer, len(tokenizer)
