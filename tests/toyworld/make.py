"""Trains the base: ``python -m tests.toyworld.make --out FOLDER``. Stopped anywhere, it goes on from its last checkpoint.

First the text encoder alone (``reading``), then, with it held, the U-Net: v-prediction, AdamW, a rate that falls at the
end, and the mean of the weights over the last steps is kept. One batch in five is wide and one in five tall, so that the
pipeline also paints in the shape of a screen.
"""

from __future__ import annotations

import argparse
import copy
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import DDPMScheduler
from torch.nn import functional

from . import exam, parts, reading
from .captions import told
from .world import SIZES, draw, scene

BATCH = 32
RATE = 1.5e-3
WARM, FALL = 100, 0.4  #: steps until the full rate; part of all steps in which it falls
MEAN = 0.998  #: how much of the mean of the weights a step keeps
TURNS = (0, 0, 0, 1, 2)  #: which of SIZES a batch has, in turn
EVERY = 100  #: steps between checkpoints
READING = 600  #: steps of the text encoder


@dataclass
class Course:
    """All that goes from step to step: what a checkpoint holds."""

    net: Any
    mean: Any
    optimizer: torch.optim.Optimizer
    step: int = 0

    def save(self, path: Path) -> None:
        state = {
            "net": self.net.state_dict(), "mean": self.mean.state_dict(),
            "optimizer": self.optimizer.state_dict(), "step": self.step,
        }  # fmt: skip
        torch.save(state, path.with_suffix(".new"))
        path.with_suffix(".new").replace(path)

    def load(self, path: Path) -> None:
        state = torch.load(path, weights_only=True)
        self.net.load_state_dict(state["net"])
        self.mean.load_state_dict(state["mean"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step = state["step"]


def course(seed: int) -> Course:
    torch.manual_seed(seed)
    net = parts.unet().to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(net.parameters(), RATE, betas=(0.9, 0.98), weight_decay=1e-3)
    return Course(net, copy.deepcopy(net).eval(), optimizer)


def reader(out: Path, steps: int, seed: int) -> Any:
    """The text encoder, taught; from the folder where it is there."""
    torch.manual_seed(seed)
    words, taught = parts.tokenizer(), out / "text.pt"
    text = parts.text_encoder(words)
    if taught.exists():
        text.load_state_dict(torch.load(taught, weights_only=True))
    else:
        reading.learn(text, words, steps, seed)
        torch.save(text.state_dict(), taught)
    return text.eval().requires_grad_(False)


def batch(step: int, seed: int) -> tuple[torch.Tensor, list[str]]:
    """The pictures and captions of a step: the same for the same step, so that a run can be gone on with."""
    chance = np.random.default_rng((seed, step))
    width, height = SIZES[TURNS[step % len(TURNS)]]
    scenes = [scene(chance) for _ in range(BATCH)]
    pixels = np.stack([draw(one, width, height) for one in scenes])
    pictures = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 127.5 - 1  # (B, 3, h, w), a cell each
    return pictures.contiguous(memory_format=torch.channels_last), [told(one, chance) for one in scenes]


def advance(run: Course, text: Any, words: Any, seed: int) -> float:
    """One step; what comes out is its loss. More of the times are noisy ones, in which kind and place are decided."""
    pictures, captions = batch(run.step, seed)
    chance, schedule = torch.Generator().manual_seed(seed * 1_000_003 + run.step), DDPMScheduler(**parts.SCHEDULE)
    noise = torch.randn(pictures.shape, generator=chance)
    times = (1000 * torch.rand(BATCH, generator=chance).sqrt()).long().clamp(max=999)
    ids = words(captions, padding="max_length", truncation=True, return_tensors="pt").input_ids
    guess = run.net(schedule.add_noise(pictures, noise, times), times, text(ids)[0]).sample
    loss = functional.mse_loss(guess, schedule.get_velocity(pictures, noise, times))
    loss.backward()
    torch.nn.utils.clip_grad_norm_(run.net.parameters(), 1.0)
    run.optimizer.step()
    run.optimizer.zero_grad()
    run.step += 1
    _average(run)
    return loss.item()


@torch.no_grad()
def _average(run: Course) -> None:
    keep = min(MEAN, (1 + run.step) / (10 + run.step))
    torch._foreach_lerp_(list(run.mean.parameters()), list(run.net.parameters()), 1 - keep)


def rate(step: int, steps: int) -> float:
    """Up in a hundred steps, then level, then down to a hundredth."""
    left = (steps - step) / (FALL * steps)
    return RATE * min(1.0, (step + 1) / WARM) * min(1.0, 0.01 + 0.99 * left)


def train(out: Path, text: Any, steps: int, seed: int, *, until: int | None = None) -> Course:
    """To the last step, from wherever a run in this folder has got. ``until``: stop before the last."""
    out.mkdir(parents=True, exist_ok=True)
    run, checkpoint, last = course(seed), out / "checkpoint.pt", steps if until is None else until
    if checkpoint.exists():
        run.load(checkpoint)
    words, losses, began = parts.tokenizer(), [], time.time()
    while run.step < last:
        for group in run.optimizer.param_groups:
            group["lr"] = rate(run.step, steps)
        losses.append(advance(run, text, words, seed))
        if run.step % EVERY == 0 or run.step == last:
            run.save(checkpoint)
            print(f"{run.step} steps, {time.time() - began:.0f} s, loss {np.mean(losses[-EVERY:]):.4f}", flush=True)
    return run


def keep(run: Course, text: Any, folder: Path) -> None:
    """Write the pipeline in half precision. Its text encoder's card says full, or transformers would open it in half."""
    pipe = copy.deepcopy(parts.pipeline(run.mean, text, parts.tokenizer(), parts.autoencoder()))
    pipe.to(dtype=torch.float16).save_pretrained(folder)
    card = folder / "text_encoder/config.json"
    card.write_text(json.dumps(json.loads(card.read_text()) | {"dtype": "float32"}, indent=2, sort_keys=True) + "\n")


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--out", type=Path, required=True)
    asked.add_argument("--steps", type=int, default=3000)
    asked.add_argument("--seed", type=int, default=0)
    asked.add_argument("--exam", type=int, default=96, help="pictures to paint and count at the end, of each sort")
    given = asked.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    text = reader(given.out, READING, given.seed)
    keep(train(given.out, text, given.steps, given.seed), text, given.out / "pipeline")
    exam.show(given.out / "pipeline", given.exam)


if __name__ == "__main__":
    main()
