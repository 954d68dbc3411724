"""Tiny untrained pipelines of the families that have a card, a LoRA, a small decoder and a single file for them.

``python -m tests.tiny_families FOLDER`` loads all of them by our own code, from disk and from a hub on loopback, and
writes what became of it to FOLDER/said.json. All in one process: torch is slow to import.
"""

import json
import os
import re
import shutil
from pathlib import Path

from .hub import WEIGHTS, Hub
from .pictures import photo
from .tiny_adapter import save as save_adapter
from .tiny_model import save, vocabulary

LORA = "pytorch_lora_weights.safetensors"


def save_sdxl(folder):
    """Stable Diffusion XL in small: two text encoders, sizes told to the U-Net."""
    import torch
    from diffusers import AutoencoderKL, EulerDiscreteScheduler, StableDiffusionXLPipeline, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    torch.manual_seed(1)
    words, size = vocabulary(folder.with_name(folder.name + "-words"))
    text = CLIPTextConfig(vocab_size=size, hidden_size=32, intermediate_size=37, num_attention_heads=4, num_hidden_layers=2,
                          projection_dim=32, bos_token_id=size - 2, eos_token_id=size - 1, pad_token_id=size - 1)  # fmt: skip
    unet = UNet2DConditionModel(
        sample_size=32, in_channels=4, out_channels=4, layers_per_block=1, block_out_channels=(32, 64),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"), up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=64, norm_num_groups=16, attention_head_dim=(2, 4), use_linear_projection=True,
        addition_embed_type="text_time", addition_time_embed_dim=8, transformer_layers_per_block=(1, 2),
        projection_class_embeddings_input_dim=32 + 6 * 8,
    )  # fmt: skip
    vae = AutoencoderKL(
        block_out_channels=(16, 32), norm_num_groups=16, latent_channels=4,
        down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2,
    )  # fmt: skip
    StableDiffusionXLPipeline(
        vae=vae, text_encoder=CLIPTextModel(text), text_encoder_2=CLIPTextModelWithProjection(text), tokenizer=words,
        tokenizer_2=words, unet=unet, scheduler=EulerDiscreteScheduler(),
    ).save_pretrained(folder)  # fmt: skip
    return folder


def save_klein(folder):
    """FLUX.2 klein in small: a language model reads the words, a transformer paints."""
    import torch
    from diffusers import (
        AutoencoderKLFlux2,
        FlowMatchEulerDiscreteScheduler,
        Flux2KleinPipeline,
        Flux2Transformer2DModel,
    )
    from transformers import Qwen2TokenizerFast, Qwen3Config, Qwen3ForCausalLM

    torch.manual_seed(2)
    vocabulary(folder.with_name(folder.name + "-words"))  # for its letters
    letters = [chr(code) for code in (*range(33, 127), *range(161, 324))]
    marks = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    words = Qwen2TokenizerFast(vocab={word: n for n, word in enumerate([*letters, *marks])}, merges=[])
    words.chat_template = "{% for m in messages %}<|im_start|>{{ m['content'] }}<|im_end|>{% endfor %}"
    text = Qwen3ForCausalLM(Qwen3Config(vocab_size=len(words) + 8, hidden_size=16, intermediate_size=16, num_hidden_layers=28,
                                        num_attention_heads=2, num_key_value_heads=1, head_dim=8))  # fmt: skip
    transformer = Flux2Transformer2DModel(
        in_channels=16, num_layers=1, num_single_layers=1, attention_head_dim=16, num_attention_heads=2,
        joint_attention_dim=48, timestep_guidance_channels=16, axes_dims_rope=(4, 4, 4, 4), guidance_embeds=False,
    )  # fmt: skip
    vae = AutoencoderKLFlux2(
        block_out_channels=(16, 16), norm_num_groups=8, latent_channels=4, layers_per_block=1, sample_size=32,
        down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2,
    )  # fmt: skip
    Flux2KleinPipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(), vae=vae, text_encoder=text, tokenizer=words, transformer=transformer,
        is_distilled=True,
    ).save_pretrained(folder)  # fmt: skip
    return folder


def save_extras(folder, model):
    """A LoRA for few steps and a tiny decoder, as the hub has them."""
    import torch
    from diffusers import AutoencoderTiny, DiffusionPipeline
    from peft import LoraConfig
    from peft.utils import get_peft_model_state_dict

    pipe = DiffusionPipeline.from_pretrained(model)
    pipe.unet.add_adapter(LoraConfig(r=2, init_lora_weights=False, target_modules=["to_k", "to_v"]))
    state = {name: weight * 5 for name, weight in get_peft_model_state_dict(pipe.unet).items()}
    type(pipe).save_lora_weights(folder / "lora", unet_lora_layers=state)
    torch.manual_seed(3)
    sides = (8, 8)
    AutoencoderTiny(
        latent_channels=4, encoder_block_out_channels=sides, decoder_block_out_channels=sides,
        num_encoder_blocks=(1, 1), num_decoder_blocks=(1, 1),
    ).save_pretrained(folder / "tiny-vae")  # fmt: skip


RESNET = {"norm1": "in_layers.0", "conv1": "in_layers.2", "norm2": "out_layers.0", "conv2": "out_layers.3",
          "time_emb_proj": "emb_layers.1", "conv_shortcut": "skip_connection"}  # fmt: skip
UNET = {
    "time_embedding.linear_1": "time_embed.0", "time_embedding.linear_2": "time_embed.2", "conv_in": "input_blocks.0.0",
    "conv_norm_out": "out.0", "conv_out": "out.2", "down_blocks.0.resnets.0": "input_blocks.1.0",
    "down_blocks.0.downsamplers.0.conv": "input_blocks.2.0.op", "down_blocks.1.resnets.0": "input_blocks.3.0",
    "down_blocks.1.attentions.0": "input_blocks.3.1", "mid_block.resnets.0": "middle_block.0",
    "mid_block.attentions.0": "middle_block.1", "mid_block.resnets.1": "middle_block.2",
    "up_blocks.0.resnets.0": "output_blocks.0.0", "up_blocks.0.attentions.0": "output_blocks.0.1",
    "up_blocks.0.resnets.1": "output_blocks.1.0", "up_blocks.0.attentions.1": "output_blocks.1.1",
    "up_blocks.0.upsamplers.0.conv": "output_blocks.1.2.conv", "up_blocks.1.resnets.0": "output_blocks.2.0",
    "up_blocks.1.resnets.1": "output_blocks.3.0",
}  # fmt: skip
VAE = {
    "conv_norm_out": "norm_out", "conv_shortcut": "nin_shortcut", "mid_block.resnets.0": "mid.block_1",
    "mid_block.resnets.1": "mid.block_2", "mid_block.attentions.0": "mid.attn_1", "group_norm": "norm",
    "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out", "downsamplers.0": "downsample",
    "upsamplers.0": "upsample", "down_blocks.0": "down.0", "down_blocks.1": "down.1", "up_blocks.0": "up.1",
    "up_blocks.1": "up.0", "resnets": "block",
}  # fmt: skip


def renamed(name, *tables):
    for table in tables:
        for ours, theirs in table.items():
            name = re.sub(rf"(?<!\w){re.escape(ours)}(?![\w])", theirs, name)
    return name


def save_file(folder, model):
    """A pipeline's weights in one file under the names they were first published with; CLIP at its true width."""
    from diffusers import DiffusionPipeline
    from safetensors.torch import save_file as write
    from transformers import CLIPTextModel

    pipe = DiffusionPipeline.from_pretrained(model)
    config = pipe.text_encoder.config
    narrow = {"hidden_size": 768, "intermediate_size": 16, "num_attention_heads": 2, "num_hidden_layers": 1}
    text = CLIPTextModel(type(config)(**config.to_dict() | narrow))
    shutil.copytree(model, folder / "filed")
    unet = type(pipe.unet).from_config(dict(pipe.unet.config) | {"cross_attention_dim": 768})
    unet.save_pretrained(folder / "filed/unet")
    text.save_pretrained(folder / "filed/text_encoder")
    whole = {}
    for name, weight in unet.state_dict().items():
        parts = (UNET, RESNET) if "resnets" in name else (UNET,)
        whole["model.diffusion_model." + renamed(name, *parts)] = weight.clone()
    for name, weight in pipe.vae.state_dict().items():
        flat = re.search(r"to_(?:q|k|v|out\.0)\.weight", name)
        whole["first_stage_model." + renamed(name, VAE)] = weight[:, :, None, None].clone() if flat else weight.clone()
    for name, weight in text.state_dict().items():
        tail = name if name.startswith("text_model.") else f"text_model.{name}"
        whole[f"cond_stage_model.transformer.{tail}"] = weight.clone()
    write({name: weight.contiguous() for name, weight in whole.items()}, folder / "one.safetensors")


CARD = {
    "id": "tiny", "name": "Tiny", "pipelines": ["StableDiffusionPipeline"], "family": "tags", "steps": 9, "guidance": 3.0,
    "size": {"multiple": 16, "side_px": 96}, "channels_last": True, "scheduler": "DPMSolverMultistepScheduler",
}  # fmt: skip


def trial(folder, hub):
    """What became of each model."""
    from huggingface_hub import constants

    from service.engines.cards import IpAdapter
    from service.engines.job import Job
    from service.engines.loading import Model, fetch
    from service.engines.painter import Painter
    from service.engines.worker import explained

    card = CARD | {
        "few_step": {
            "hub": str(folder / "lora"),
            "file": LORA,
            "steps": 3,
            "guidance": 1.0,
            "scheduler": "LCMScheduler",
        },
        "tiny_vae": {"hub": str(folder / "tiny-vae")},
    }

    def said(name, *, paint=True, job_steps=None, heard=lambda _: None, **how):
        painter = Painter()
        try:
            facts = painter.load(Model(name, device="cpu", **how), heard)
            if not paint:
                return facts
            (painted,) = painter.render([Job("a red boat", "fog", 1, 100, 60, steps=job_steps)], lambda *_: None)
        except Exception as error:
            return explained(error)
        loaded = painter._pipe
        return painted.facts | {
            "size": [painted.width_px, painted.height_px], "scheduler": type(loaded.scheduler).__name__,
            "vae": type(loaded.vae).__name__, "sum": sum(painted.pixels),
            "adapters": len(loaded.get_list_adapters()) if hasattr(loaded, "get_list_adapters") else 0,
        }  # fmt: skip

    def seen(looks, model="sd15"):
        """What is said of an adapter, what was told on the way, and whether a photo was then looked at."""
        painter, news = Painter(), []
        says = painter.see(looks, news.append)
        fetched = len(news)
        painter.load(Model(at(model), device="cpu"))
        says = painter.see(looks, news.append) or says
        job = Job("a red boat", "", 1, 64, 64, steps=1, photos=(photo(1),))
        told = [type(each).__name__ for each in painter.render([job], lambda *_: None)]
        return {"says": says, "news": news, "fetched": fetched, "made": told}

    def at(name):
        return str(folder / name)

    found = {
        "sd15": said(at("sd15"), job_steps=2), "sdxl": said(at("sdxl"), job_steps=2), "klein": said(at("klein"), job_steps=1),
        "card": said(at("sd15"), card=CARD), "tiny": said(at("sd15"), card=card, thrift=1),
        "few": said(at("sd15"), card=card, few_step=True), "half": said(at("sd15"), card=CARD, thrift=9),
        "tiles": said(at("klein"), thrift=1, paint=False), "bits": said(at("klein"), quantise="int4", paint=False),
        "odd-lora": said(at("sd15"), card=card | {"few_step": card["few_step"] | {"hub": at("nowhere")}}, few_step=True),
        "file": said(at("one.safetensors"), card=CARD, config=at("filed")), "filed": said(at("filed"), card=CARD),
        "file-unknown": said(at("klein/vae/diffusion_pytorch_model.safetensors")),
        "part": said(at("klein/transformer/diffusion_pytorch_model.safetensors"), config=at("klein"), job_steps=1,
                     card={"id": "k", "name": "K", "pipelines": ["Flux2KleinPipeline"]}),
        "lora-as-model": said(at(f"lora/{LORA}")), "lora-folder": said(at("lora")),
        "gguf": said(at("x.gguf"), card=CARD, config=at("sd15")),
        "gguf-klein": said(at("x.gguf"), card=CARD | {"pipelines": ["Flux2KleinPipeline"]}, config=at("klein")),
        "inpaint": said(at("painted-over"), paint=False),
    }  # fmt: skip

    # -- from the hub --
    news = []
    found["hub"] = said("org/good", heard=news.append, card=card | {"few_step": card["few_step"] | {"hub": "org/lora"},
                        "tiny_vae": {"hub": "org/tiny-vae"}}, few_step=True, variant="fp16")  # fmt: skip
    found["news"], found["asked"] = news, list(hub.asked)
    hub.asked.clear()
    found["again"], found["asked again"] = said("org/good", paint=False), list(hub.asked)
    constants.DOWNLOAD_CHUNK_SIZE = 2**16  # what came of a broken connection is kept by the chunk
    hub.cuts = 2  # the connection breaks in the middle of a file, twice
    found["cut"] = said("org/cut", paint=False)
    found["ranges"] = hub.ranges
    hub.dies = WEIGHTS
    found["dead"] = said("org/half", paint=False)
    hub.dies = ""
    hub.asked.clear()
    found["resumed"], found["asked for the rest"] = said("org/half", paint=False), list(hub.asked)
    found["private"] = said("org/private", paint=False)
    for name in ("gated", "missing", "lora", "weights", "busy"):
        found[f"hub-{name}"] = said(f"org/{name}", paint=False)
    found["huge"] = said("org/huge", paint=False)
    found["wants-config"] = said(at("one.safetensors"), card=CARD | {"hub": "org/missing"})
    found["fetches-config"] = said(at("one.safetensors"), card=CARD | {"hub": "org/filed"})
    found["fetched config"] = [name for name in hub.asked if name.endswith(".safetensors") and "filed" in name]
    hub.asked.clear()
    looks = IpAdapter(hub="org/adapter", file="models/ip-adapter-tiny.safetensors", licence="MIT", scale=1.0)
    found["adapter"], found["adapter asked"] = seen(looks), list(hub.asked)
    hub.asked.clear()
    found["adapter again"], found["adapter asked again"] = seen(looks), list(hub.asked)
    found["adapter lacks"] = seen(looks.model_copy(update={"file": "models/other.safetensors"}))
    found["adapter nowhere"] = seen(looks.model_copy(update={"hub": "org/missing"}))
    found["adapter for another"] = seen(looks, "sdxl")
    hub.close()
    found["adapter gone"] = seen(looks.model_copy(update={"hub": "org/filed"}))
    found["gone"] = said("org/never-seen", paint=False)
    found["kept"] = said("org/good", paint=False)
    constants.HF_HUB_OFFLINE = True  # as where the environment says so from the start
    found["offline"] = said("org/never-seen", paint=False)
    found["kept offline"] = said("org/good", paint=False)
    found["adapter offline"] = seen(looks)
    found["adapter never seen"] = seen(looks.model_copy(update={"hub": "org/never-seen"}))
    fetch(Model("org/good"))
    return found


def main(folder):
    os.environ |= {"HF_HOME": str(folder / "home"), "HF_HUB_DISABLE_XET": "1", "HF_TOKEN": "hf_secret"}
    with Hub(folder) as hub:
        os.environ["HF_ENDPOINT"] = hub.url
        save(folder / "sd15")
        save_sdxl(folder / "sdxl")
        save_klein(folder / "klein")
        save_extras(folder, folder / "sd15")
        save_adapter(folder / "adapter", folder / "sd15")
        save_file(folder, folder / "sd15")
        (folder / "x.gguf").write_bytes(b"GGUF\3\0\0\0")
        shutil.copytree(folder / "sd15", folder / "painted-over")
        index = json.loads((folder / "sd15/model_index.json").read_text())
        (folder / "painted-over/model_index.json").write_text(
            json.dumps(index | {"_class_name": "MarigoldDepthPipeline"})
        )
        (folder / "said.json").write_text(json.dumps(trial(folder, hub), indent=1))


if __name__ == "__main__":
    import sys

    main(Path(sys.argv[1]))
