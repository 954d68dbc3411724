"""Learning a subject: steps a second and peak memory, beside the loop of diffusers' own DreamBooth-LoRA example.

    python -m bench.train
    python -m bench.train --device cuda --family sd15

The other loop is written after ``examples/dreambooth/train_dreambooth_lora.py`` of diffusers: in every step it reads
the photos and the class's pictures from their files, encodes them with the autoencoder and every prompt with the text
encoder, for one batch of both. Each loop runs in a process of its own, on the same model with random weights, with the
same adapter, batch and precision: on a GPU a model of full size, on a processor Stable Diffusion 1.5 with all widths a
quarter. Photos are as a phone takes them, of 12 megapixels; "already read" is the example without its reading.
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
from dataclasses import replace
from pathlib import Path

from bench.machine import machine

ROOT = Path(__file__).parent.parent
WARM = 2  #: steps before the clock starts
EXAMPLE, READ, IMAGES = "example", "example, photos already read", "ours, class images"
OUTPUT, THRIFTY = "ours, output preservation", "ours, class images, checkpointing"
LOOPS = (EXAMPLE, READ, IMAGES, OUTPUT, THRIFTY)
PHOTOS, PHOTO_PX = 4, (4000, 3000)


def pipeline(family, folder, device):
    """A model with random weights, of the published size or, "quarter", with a quarter of the widths."""
    import torch

    from bench.architectures import sd15, sdxl

    if family == "quarter":
        return sd15(tiny=False, narrow=4)
    torch.set_default_dtype(torch.bfloat16)
    with torch.device(device):
        return {"sd15": sd15, "sdxl": sdxl}[family](tiny=False) if family != "flux2" else _flux2(folder)


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


def photographed(data):
    """Rex, in large photos of nothing."""
    import numpy as np
    from PIL import Image

    from personalization.dataset import Photo, keep
    from service.subjects import Subject, save

    folder = data / "subjects/rex"
    (folder / "photos").mkdir(parents=True)
    source, found = np.random.default_rng(0), []
    for number in range(PHOTOS):
        name = f"photos/{number:03}.jpg"
        coarse = Image.fromarray(source.integers(0, 255, (30, 40, 3), np.uint8))
        coarse.resize(PHOTO_PX, Image.Resampling.BICUBIC).save(folder / name, quality=92)
        found.append(Photo(name, name, f"{number:064}", *PHOTO_PX, f"a [V] dog on a lawn, {number}"))
    keep(folder, found)
    save(data, Subject(name="rex", kind="dog", class_noun="dog", token="q"))


def prepared(told, data):
    """A lesson on the model, without what a real one costs before its first step."""
    from personalization.examples import prepared as shown_of
    from personalization.lesson import opened, placed
    from tests.learning import request

    photographed(data)
    how = "output" if told.loop == OUTPUT else "images"
    words = ["--base", told.base, "--device", told.device, "--batch", told.batch, "--rank", told.rank, "--side-px",
             told.side_px, "--no-text-encoder", "--preservation", how]  # fmt: skip
    lesson = opened(request(data, *words))
    lesson = replace(lesson, plan=replace(lesson.plan, checkpointing=told.loop == THRIFTY, batch_at_once=told.batch))
    pipe = placed(lesson)
    shown = shown_of(lesson.family, pipe, lesson.folder, lesson.used, token="q", noun="dog", side_px=told.side_px)
    return lesson, pipe, shown


def ours(told, data):
    """The loop in ``personalization.train``, between two measurements."""
    from personalization.steps import Kept, Speech, advance, drawn, losses_of, optimiser_of

    lesson, _, shown = prepared(told, data)
    kept = Kept(shown.classes, shown.latents) if lesson.recipe.preservation == "images" else None
    speech = Speech(lesson, [*shown.captions, *shown.classes])
    optimiser, shape = optimiser_of(lesson), tuple(shown.latents.shape[1:])

    def step(number):
        batch = drawn(lesson, shape, PHOTOS, number, PHOTOS)
        advance(lesson, optimiser, number, losses_of(lesson, shown, kept, speech, batch))

    return timed(step, told)


def example(told, data):
    """The example's loop: nothing is kept from one step to the next."""
    import torch
    from torch.nn import functional

    from personalization.sampling import precision

    lesson, pipe, shown = prepared(told, data)
    family, names = lesson.family, [lesson.folder / photo.file for photo in lesson.used]
    pictures = [data / f"class-{number}.png" for number in range(PHOTOS)]
    for path in pictures:
        _small(names[0], told.side_px).save(path)
    weights = list(lesson.adapter.parameters().values())
    optimiser = torch.optim.AdamW(weights, lesson.recipe.learning_rate)

    def pixels(picks):
        if told.loop == READ:
            return torch.cat([shown.pixels[picks], shown.pixels[picks]])
        paths = [each[pick] for each in (names, pictures) for pick in picks]
        return torch.stack([_tensor(_small(path, told.side_px)) for path in paths])

    def step(_number):
        picks = torch.randint(0, PHOTOS, (told.batch,)).tolist()
        with precision(pipe):
            with torch.no_grad():
                latents = family.encode_pictures(pipe, pixels(picks))
                words = [told_of[pick] for told_of in (shown.captions, shown.classes) for pick in picks]
                words = family.encode_words(pipe, words)
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


def _small(path, side):
    """As the example's transforms do: upright, scaled, cut to a square."""
    from PIL import Image, ImageOps

    with Image.open(path) as opened:
        return ImageOps.fit(ImageOps.exif_transpose(opened).convert("RGB"), (side, side), Image.Resampling.BILINEAR)


def _tensor(image):
    import numpy as np
    import torch

    return torch.from_numpy(np.asarray(image, np.float32) / 127.5 - 1).permute(2, 0, 1)


def timed(step, told):
    """Milliseconds of each step, and the most memory it took, MB: of the GPU, or beyond what libraries alone take.

    On a processor the time is the process's own, so that others on the machine do not count.
    """
    import torch

    cuda = told.device.startswith("cuda")
    clock = time.perf_counter if cuda else time.process_time
    for number in range(WARM):
        step(number)
    if cuda:
        torch.cuda.reset_peak_memory_stats()
    took = []
    for number in range(WARM, WARM + told.steps):
        began = clock()
        step(number)
        if cuda:
            torch.cuda.synchronize()
        took.append((clock() - began) * 1000)
    peak = torch.cuda.max_memory_allocated() if cuda else resident() - told.bare
    return {"ms": took, "peak_mb": peak / 1e6}


def resident():
    """The most main memory that this process had so far, bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


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
    ask.add_argument("--family", choices=("quarter", "sd15", "sdxl", "flux2"), default="quarter")
    ask.add_argument("--base", help="a model that is there, instead of random weights")
    ask.add_argument("--steps", type=int, default=4)
    ask.add_argument("--batch", type=int, default=4)
    ask.add_argument("--rank", type=int, default=0, help="16, or of narrow models as many times less")
    ask.add_argument("--side-px", type=int, default=0)
    ask.add_argument("--rounds", type=int, default=3)
    ask.add_argument("--loop", choices=LOOPS)
    told = ask.parse_args()
    told.side_px = told.side_px or {"quarter": 256, "sdxl": 1024}.get(told.family, 512)
    told.rank = told.rank or (4 if told.family == "quarter" else 16)
    with tempfile.TemporaryDirectory() as folder:
        if told.loop:
            print(json.dumps(alone(told, Path(folder))))
            return
        base = told.base or made(told, Path(folder))
        print(machine())
        compare(told, base)


def alone(told, folder):
    import diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion  # noqa: F401 - all loops do
    import peft  # noqa: F401

    told.bare = resident()
    return (example if told.loop in (EXAMPLE, READ) else ours)(told, folder)


def made(told, folder):
    script = "import sys, pathlib; from bench.train import pipeline; p = pathlib.Path(sys.argv[1]); "
    script += f"pipeline({told.family!r}, p.with_name('words'), {told.device!r}).save_pretrained(p)"
    subprocess.run([sys.executable, "-c", script, f"{folder}/model"], cwd=ROOT, check=True, capture_output=True)
    return f"{folder}/model"


def compare(told, base):
    """All loops in turn, several times: a busy machine is busy for all of them."""
    rounds = [{loop: measured(told, loop, base) for loop in LOOPS} for _ in range(told.rounds)]
    pace = {loop: statistics.median(ms for one in rounds for ms in one[loop]["ms"]) for loop in LOOPS}
    peak = {loop: statistics.median(one[loop]["peak_mb"] for one in rounds) for loop in LOOPS}
    for loop in LOOPS:
        print(f"{loop:34} {1000 / pace[loop]:7.3f} steps/s  x{pace[EXAMPLE] / pace[loop]:.2f}   "
              f"peak {peak[loop]:7.0f} MB  x{peak[loop] / peak[EXAMPLE]:.2f}")  # fmt: skip
    print("bars: steps/s x1.8 or more at equal batch; memory x0.7 or less at equal speed")


if __name__ == "__main__":
    main()
