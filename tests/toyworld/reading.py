"""The text encoder learns first, alone, to say what a caption is about, as CLIP's comes trained. Imports torch.

Linear heads read kind, colour, ground and side from the places after the text's end; they are thrown away afterwards.
A U-Net that meets such an encoder finds what it needs in every place, and need not wait for words to mean something.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch.nn import functional

from .captions import told
from .parts import WIDTH
from .world import COLOURS, KINDS, SIDES, Scene, place, scene

BATCH = 64
RATE = 1e-3
UNSAID = -100  #: cross entropy leaves such answers out


def answers(one: Scene, caption: str) -> list[int]:
    """Of each fact the number of its answer, UNSAID where the caption leaves it out."""
    said = (one.kind in caption.split(), f"{one.colour} {one.kind}" in caption, f"{one.ground} background" in caption,
            one.kind != "wall" and place(one.side) in caption)  # fmt: skip
    numbers = (KINDS.index(one.kind), list(COLOURS).index(one.colour), list(COLOURS).index(one.ground),
               list(SIDES).index(one.side))  # fmt: skip
    return [number if there else UNSAID for number, there in zip(numbers, said, strict=True)]


def learn(text: Any, words: Any, steps: int, seed: int) -> list[float]:
    """Teach an encoder; what comes out is the share of right answers at each hundredth step."""
    heads = torch.nn.ModuleList(torch.nn.Linear(WIDTH, n) for n in (len(KINDS), len(COLOURS), len(COLOURS), len(SIDES)))
    optimizer = torch.optim.AdamW([*text.parameters(), *heads.parameters()], RATE, betas=(0.9, 0.98), weight_decay=1e-3)
    end, shares = words.eos_token_id, []
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = RATE * min(1.0, (step + 1) / 50, (steps - step) / (0.3 * steps))
        ids, right = _batch(words, seed, step)
        seen = text(ids)[0][ids == end]  # (places after the end, WIDTH)
        owner = (ids == end).nonzero()[:, 0]
        guesses = [head(seen) for head in heads]
        asked = [right[owner, i] for i in range(len(heads))]
        loss = sum(functional.cross_entropy(guess, answer) for guess, answer in zip(guesses, asked, strict=True))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(text.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        if step % 100 == 99:
            shares.append(_share(guesses, asked))
            print(f"text encoder, {step + 1} steps: {shares[-1]:.3f} right", flush=True)
    return shares


def _batch(words: Any, seed: int, step: int) -> tuple[torch.Tensor, torch.Tensor]:
    chance = np.random.default_rng((seed, step, 1))
    scenes = [scene(chance) for _ in range(BATCH)]
    captions = [told(one, chance) for one in scenes]
    ids = words(captions, padding="max_length", truncation=True, return_tensors="pt").input_ids
    return ids, torch.tensor([answers(one, caption) for one, caption in zip(scenes, captions, strict=True)])


def _share(guesses: list[torch.Tensor], asked: list[torch.Tensor]) -> float:
    hits = [(guess.argmax(1) == answer)[answer != UNSAID] for guess, answer in zip(guesses, asked, strict=True)]
    return float(torch.cat(hits).float().mean())
