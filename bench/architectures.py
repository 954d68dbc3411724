"""Diffusion models of full size with random weights, made from their published configs: nothing is downloaded.

They paint noise as fast as trained ones paint pictures. FLUX.2-klein is given its prompts as embeddings, on either side
of a comparison: its language model is not part of what is measured. Each has a ``tiny`` form of the same classes.
Stable Diffusion 1.5 can be had ``narrow``er, too, with every width and number of heads divided: a quarter wide and at
256 px its parts keep their shares of the work (its autoencoder's is 1.36 of its U-Net's, in full size 1.39).
"""

import hashlib
import tempfile
from pathlib import Path

from tests.tiny_model import vocabulary

SIZES = {"sd15": 512, "sdxl": 1024, "klein": 1024}  #: px, a side
STEPS = {"sd15": 20, "sdxl": 20, "klein": 4}
GUIDANCE = {"sd15": 7.5, "sdxl": 5.0, "klein": 1.0}
TARGETS = {"sd15": ["to_q", "to_k", "to_v", "to_out.0"], "sdxl": ["to_q", "to_k", "to_v", "to_out.0"],
           "klein": ["to_q", "to_k", "to_v", "to_qkv_mlp_proj"]}  # fmt: skip


def words():
    return vocabulary(Path(tempfile.mkdtemp()) / "words")


def clip(size, width, layers, heads, *, projection=0, act="quick_gelu"):
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    config = CLIPTextConfig(
        vocab_size=max(size, 49408 if width > 64 else size), hidden_size=width, intermediate_size=4 * width,
        num_hidden_layers=layers, num_attention_heads=heads, hidden_act=act, projection_dim=projection or width,
        bos_token_id=size - 2, eos_token_id=size - 1, pad_token_id=size - 1,
    )  # fmt: skip
    return CLIPTextModelWithProjection(config) if projection else CLIPTextModel(config)


def kl(tiny, narrow=1):
    from diffusers import AutoencoderKL

    channels = (16, 32, 32, 32) if tiny else tuple(width // narrow for width in (128, 256, 512, 512))
    return AutoencoderKL(
        block_out_channels=channels, norm_num_groups=16 if tiny else 32 // narrow, latent_channels=4,
        layers_per_block=1 if tiny else 2, down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4, sample_size=512,
    )  # fmt: skip


def sd15(tiny, narrow=1):
    from diffusers import DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel

    tokenizer, size = words()
    text = clip(size, 32, 2, 4) if tiny else clip(size, 768 // narrow, 12, 12 // narrow)
    widths = (32, 32, 64, 64) if tiny else tuple(width // narrow for width in (320, 640, 1280, 1280))
    unet = UNet2DConditionModel(
        sample_size=8 if tiny else 64, cross_attention_dim=32 if tiny else 768 // narrow,
        attention_head_dim=8 // narrow,  # the number of heads, in this class
        block_out_channels=widths, layers_per_block=1 if tiny else 2, norm_num_groups=16 if tiny else 32 // narrow,
    )  # fmt: skip
    return StableDiffusionPipeline(
        vae=kl(tiny, narrow), text_encoder=text, tokenizer=tokenizer, unet=unet, safety_checker=None,
        scheduler=DDIMScheduler(steps_offset=1, clip_sample=False), feature_extractor=None,
        requires_safety_checker=False,
    )  # fmt: skip


def sdxl(tiny):
    from diffusers import EulerDiscreteScheduler, StableDiffusionXLPipeline, UNet2DConditionModel

    tokenizer, size = words()
    first = clip(size, 32, 2, 4) if tiny else clip(size, 768, 12, 12)
    second = clip(size, 32, 2, 4, projection=32) if tiny else clip(size, 1280, 32, 20, projection=1280, act="gelu")
    unet = UNet2DConditionModel(
        sample_size=16 if tiny else 128, cross_attention_dim=64 if tiny else 2048, use_linear_projection=True,
        block_out_channels=(32, 32, 64) if tiny else (320, 640, 1280), layers_per_block=1 if tiny else 2,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        transformer_layers_per_block=1 if tiny else [1, 2, 10], attention_head_dim=[2, 4, 4] if tiny else [5, 10, 20],
        addition_embed_type="text_time", addition_time_embed_dim=8 if tiny else 256,
        projection_class_embeddings_input_dim=32 + 6 * 8 if tiny else 1280 + 6 * 256,
        norm_num_groups=16 if tiny else 32,
    )  # fmt: skip
    return StableDiffusionXLPipeline(
        vae=kl(tiny), text_encoder=first, text_encoder_2=second, tokenizer=tokenizer, tokenizer_2=tokenizer, unet=unet,
        scheduler=EulerDiscreteScheduler(), add_watermarker=False,
    )  # fmt: skip


def klein(tiny):
    import torch
    from diffusers import (
        AutoencoderKLFlux2,
        FlowMatchEulerDiscreteScheduler,
        Flux2KleinPipeline,
        Flux2Transformer2DModel,
    )

    heads, width = (2, 48) if tiny else (24, 7680)
    transformer = Flux2Transformer2DModel(
        in_channels=16 if tiny else 128, num_layers=1 if tiny else 5, num_single_layers=1 if tiny else 20,
        attention_head_dim=16 if tiny else 128, num_attention_heads=heads, joint_attention_dim=width,
        axes_dims_rope=(4, 4, 4, 4) if tiny else (32, 32, 32, 32), guidance_embeds=False,
    )  # fmt: skip
    channels = (16, 16, 32, 32) if tiny else (128, 256, 512, 512)
    vae = AutoencoderKLFlux2(
        block_out_channels=channels, latent_channels=4 if tiny else 32, norm_num_groups=16 if tiny else 32,
        layers_per_block=1 if tiny else 2,
    )  # fmt: skip
    pipe = Flux2KleinPipeline(FlowMatchEulerDiscreteScheduler(), vae, None, None, transformer, is_distilled=True)
    length = 16 if tiny else 512

    def encode_prompt(prompt, prompt_embeds=None, **_how):  # noqa: ARG001 - the pipeline passes it
        def one(text):
            seed = int(hashlib.sha256(text.encode()).hexdigest()[:8], 16)
            return torch.randn(1, length, width, generator=torch.Generator().manual_seed(seed))

        listed = [prompt] if isinstance(prompt, str) else prompt
        embeds = torch.cat([one(text) for text in listed]).to(pipe.transformer.device, pipe.transformer.dtype)
        ids = pipe._prepare_text_ids(embeds)  # noqa: SLF001 - what encode_prompt itself calls
        return embeds, ids.to(embeds.device)

    pipe.encode_prompt = encode_prompt
    return pipe


MADE = {"sd15": sd15, "sdxl": sdxl, "klein": klein}


def made(name, tiny, device, dtype):
    """A pipeline with random weights, the same for the same name."""
    import torch

    torch.manual_seed(0)
    pipe = MADE[name](tiny).to(device, dtype)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def subject(pipe, name, folder, seed, rank=16):
    """A LoRA with random weights, as learning saves it. Returns its file."""
    import torch
    from diffusers.utils import convert_state_dict_to_diffusers
    from peft import LoraConfig, get_peft_model_state_dict

    torch.manual_seed(seed)
    part = "transformer" if name == "klein" else "unet"
    model = getattr(pipe, part)
    model.add_adapter(
        LoraConfig(r=rank, lora_alpha=rank, target_modules=TARGETS[name], init_lora_weights=False), "learn"
    )
    # as they are made they are too weak to be seen
    state = {key: value * 2 for key, value in get_peft_model_state_dict(model, adapter_name="learn").items()}
    state = state if name == "klein" else convert_state_dict_to_diffusers(state)
    layers = {f"{part}_lora_layers": state}
    type(pipe).save_lora_weights(folder, weight_name="weights.safetensors", **layers)
    model.delete_adapters("learn")
    return Path(folder) / "weights.safetensors"
