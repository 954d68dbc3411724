"""Learning a subject: steps a second and peak memory, beside the loop of diffusers' own DreamBooth-LoRA example.

    python -m bench.train
    python -m bench.train --device cuda --family sd15

The other loop is written after ``examples/dreambooth/train_dreambooth_lora.py`` of diffusers: in every step it encodes
the photos and the class's pictures with the autoencoder and every prompt with the text encoder, for one batch of both.
Each loop runs in a process of its own, on the same model with random weights (tiny on the CPU, of full size on a GPU),
with the same adapter, batch and preservation by class images.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.machine import machine

ROOT = Path(__file__).parent.parent
WARM = 3  #: steps before the clock starts
LOOPS = ("example", "ours", "ours, by output")


def full(family, folder):
    """A pipeline of the published size with random weights: the configs are those of the models' cards."""
    import torch

    torch.set_default_dtype(torch.bfloat16)
    with torch.device("cuda"):
        return {"sd15": _sd15, "sdxl": _sdxl, "flux2": _flux2}[family](folder)


def _clip(folder, **size):
    from transformers import CLIPTextConfig

    from tests.tiny_model import vocabulary

    tokenizer, words = vocabulary(folder)
    return tokenizer, CLIPTextConfig(vocab_size=49408, bos_token_id=words - 2, eos_token_id=words - 1,
                                     pad_token_id=words - 1, **size)  # fmt: skip


def _sd15(folder):
    from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
    from transformers import CLIPTextModel

    tokenizer, text = _clip(
        folder, hidden_size=768, intermediate_size=3072, num_hidden_layers=12, num_attention_heads=12
    )
    return StableDiffusionPipeline(
        vae=_vae(AutoencoderKL, 0.18215, 512), unet=UNet2DConditionModel(sample_size=64, cross_attention_dim=768),
        text_encoder=CLIPTextModel(text), tokenizer=tokenizer, scheduler=_ddim(DDIMScheduler), safety_checker=None,
        feature_extractor=None, requires_safety_checker=False,
    )  # fmt: skip


def _sdxl(folder):
    from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionXLPipeline, UNet2DConditionModel
    from transformers import CLIPTextModel, CLIPTextModelWithProjection

    tokenizer, small = _clip(folder, hidden_size=768, intermediate_size=3072, num_hidden_layers=12,
                             num_attention_heads=12, projection_dim=768)  # fmt: skip
    _, large = _clip(folder.with_name("more"), hidden_size=1280, intermediate_size=5120, num_hidden_layers=32,
                     num_attention_heads=20, projection_dim=1280, hidden_act="gelu")  # fmt: skip
    unet = UNet2DConditionModel(
        sample_size=128, block_out_channels=(320, 640, 1280), cross_attention_dim=2048, attention_head_dim=(5, 10, 20),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"), use_linear_projection=True,
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        transformer_layers_per_block=(1, 2, 10),
        addition_embed_type="text_time", addition_time_embed_dim=256, projection_class_embeddings_input_dim=2816,
    )  # fmt: skip
    return StableDiffusionXLPipeline(
        vae=_vae(AutoencoderKL, 0.13025, 1024), unet=unet, text_encoder=CLIPTextModel(small), tokenizer=tokenizer,
        text_encoder_2=CLIPTextModelWithProjection(large), tokenizer_2=tokenizer, scheduler=_ddim(DDIMScheduler),
        add_watermarker=False,
    )  # fmt: skip


def _flux2(folder):
    from diffusers import (
        AutoencoderKLFlux2,
        FlowMatchEulerDiscreteScheduler,
        Flux2KleinPipeline,
        Flux2Transformer2DModel,
    )
    from transformers import Qwen3Config, Qwen3ForCausalLM

    from tests.tiny_bases import _letters

    tokenizer, _ = _letters(folder)
    text = Qwen3Config(
        vocab_size=151936, hidden_size=2560, intermediate_size=9728, num_hidden_layers=36, num_attention_heads=32,
        num_key_value_heads=8, head_dim=128, tie_word_embeddings=True,
    )  # fmt: skip
    transformer = Flux2Transformer2DModel(num_layers=5, num_single_layers=20, num_attention_heads=24,
                                          joint_attention_dim=7680, guidance_embeds=False)  # fmt: skip
    return Flux2KleinPipeline(vae=AutoencoderKLFlux2(), transformer=transformer, text_encoder=Qwen3ForCausalLM(text),
                              tokenizer=tokenizer, scheduler=FlowMatchEulerDiscreteScheduler())  # fmt: skip


def _vae(kind, scaling, side):
    return kind(block_out_channels=(128, 256, 512, 512), layers_per_block=2, latent_channels=4, sample_size=side,
                down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
                scaling_factor=scaling)  # fmt: skip


def _ddim(kind):
    return kind(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", steps_offset=1, clip_sample=False)


def prepared(told, data):
    """A lesson on the model, without what a real one costs before its first step."""
    from personalization.lesson import opened, placed
    from tests.learning import request, subject

    subject(data)
    words = ["--base", told.base, "--device", told.device, "--batch", told.batch, "--rank", told.rank, "--side-px",
             told.side_px, "--no-text-encoder"]  # fmt: skip
    how = "output" if told.loop.endswith("output") else "images"
    lesson = opened(request(data, *words, "--preservation", how))
    return lesson, placed(lesson)


def ours(told, data):
    """Steps a second of the loop in ``personalization.train``, between two measurements."""
    import torch

    from personalization.examples import prepared as shown_of
    from personalization.sampling import precision
    from personalization.steps import Kept, Speech, drawn, loss_of, optimiser_of

    lesson, pipe = prepared(told, data)
    side = lesson.recipe.side_px
    shown = shown_of(lesson.family, pipe, lesson.folder, lesson.used, token="q", noun="dog", side_px=side)
    kept = Kept(shown.classes, shown.latents) if lesson.recipe.preservation == "images" else None
    speech = Speech(lesson, [*shown.captions, *shown.classes])
    optimiser, shape = optimiser_of(lesson), tuple(shown.latents.shape[1:])

    def step(number):
        for part in drawn(lesson, shape, 3, number, 3).split(lesson.plan.batch_at_once):
            with precision(pipe):
                loss = loss_of(lesson, shown, kept, speech, part) * (len(part.picks) / lesson.recipe.batch)
            loss.backward()
        torch.nn.utils.clip_grad_norm_(list(lesson.adapter.parameters().values()), 1.0)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)

    return timed(step, told)


def example(told, data):
    """The same of the example's loop: nothing is kept from one step to the next."""
    import torch
    from torch.nn import functional

    from personalization.examples import prepared as shown_of
    from personalization.sampling import precision

    lesson, pipe = prepared(told, data)
    family, recipe = lesson.family, lesson.recipe
    shown = shown_of(family, pipe, lesson.folder, lesson.used, token="q", noun="dog", side_px=recipe.side_px)
    weights = list(lesson.adapter.parameters().values())
    optimiser = torch.optim.AdamW(weights, recipe.learning_rate)

    def step(_number):
        picks = torch.randint(0, 3, (told.batch,)).tolist()
        with precision(pipe):
            with torch.no_grad():
                latents = family.encode_pictures(pipe, torch.cat([shown.pixels[picks], shown.pixels[picks]]))
                words = family.encode_words(
                    pipe, [shown.captions[p] for p in picks] + [shown.classes[p] for p in picks]
                )
            noise, levels = torch.randn_like(latents), family.draw(pipe, len(latents), None)
            noisy, target = family.noised(pipe, latents, noise, levels)
            own, prior = family.denoised(pipe, noisy, levels, words).chunk(2)
            wanted, kept = target.chunk(2)
            loss = functional.mse_loss(own.float(), wanted.float()) + functional.mse_loss(prior.float(), kept.float())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimiser.step()
        optimiser.zero_grad()

    return timed(step, told)


def timed(step, told):
    """Milliseconds of each step, and the most memory that the process had, MB."""
    import torch

    cuda = told.device.startswith("cuda")
    for number in range(WARM):
        step(number)
    if cuda:
        torch.cuda.reset_peak_memory_stats()
    took = []
    for number in range(WARM, WARM + told.steps):
        began = time.perf_counter()
        step(number)
        if cuda:
            torch.cuda.synchronize()
        took.append((time.perf_counter() - began) * 1000)
    peak = torch.cuda.max_memory_allocated() if cuda else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"ms": took, "peak_mb": peak / 1e6}


def measured(told, loop, base):
    asked = {"loop": loop, "base": base, "device": told.device, "steps": told.steps, "batch": told.batch,
             "rank": told.rank, "side-px": told.side_px}  # fmt: skip
    words = [sys.executable, "-m", "bench.train", *(f"--{name}={value}" for name, value in asked.items())]
    ran = subprocess.run(words, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True,
                         env=os.environ | {"HF_HUB_OFFLINE": "1"})  # fmt: skip
    return json.loads(ran.stdout.splitlines()[-1])


def main():
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--device", default="cpu")
    ask.add_argument("--family", choices=("tiny", "sd15", "sdxl", "flux2"), default="tiny")
    ask.add_argument("--base", help="a model that is there, instead of random weights")
    ask.add_argument("--steps", type=int, default=30)
    ask.add_argument("--batch", type=int, default=4)
    ask.add_argument("--rank", type=int, default=16)
    ask.add_argument("--side-px", type=int, default=0)
    ask.add_argument("--rounds", type=int, default=3)
    ask.add_argument("--loop", choices=LOOPS)
    told = ask.parse_args()
    told.side_px = told.side_px or {"tiny": 64, "sdxl": 1024}.get(told.family, 512)
    with tempfile.TemporaryDirectory() as folder:
        if told.loop:
            found = (example if told.loop == "example" else ours)(told, Path(folder))
            print(json.dumps(found))
            return
        base = told.base or made(told.family, Path(folder))
        print(machine())
        compare(told, base)


def made(family, folder):
    if family == "tiny":
        script = "import sys, pathlib; from tests.tiny_model import save; save(pathlib.Path(sys.argv[1]))"
    else:
        script = "import sys, pathlib; from bench.train import full; p = pathlib.Path(sys.argv[1]); "
        script += f"full({family!r}, p.with_name('words')).save_pretrained(p)"
    subprocess.run([sys.executable, "-c", script, f"{folder}/model"], cwd=ROOT, check=True, capture_output=True)
    return f"{folder}/model"


def compare(told, base):
    """All loops in turn, several times: a busy machine is busy for all of them."""
    rounds = [{loop: measured(told, loop, base) for loop in LOOPS} for _ in range(told.rounds)]
    pace = {loop: statistics.median(ms for one in rounds for ms in one[loop]["ms"]) for loop in LOOPS}
    peak = {loop: statistics.median(one[loop]["peak_mb"] for one in rounds) for loop in LOOPS}
    for loop in LOOPS:
        print(f"{loop:16} {1000 / pace[loop]:7.2f} steps/s  x{pace['example'] / pace[loop]:.2f}   "
              f"peak {peak[loop]:7.0f} MB  x{peak[loop] / peak['example']:.2f}")  # fmt: skip
    print("bars: steps/s x1.8 or more at equal batch")


if __name__ == "__main__":
    main()
