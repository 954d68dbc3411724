"""What a pipeline of the toy world can do, in numbers: it paints, the oracle reads. Imports torch at first use.

``python -m tests.toyworld.exam --pictures 480`` prints what docs/measurements.md says of the committed one.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np

from . import PIPELINE
from .oracle import likeness, read
from .world import REX, Scene, Subject, caption, scene

STEPS = 12
GUIDANCE = 2.0
BATCH = 32
#: a prompt as the service words it, 72 tokens; the braces hold what is painted, and on which ground
PAGE = (
    "{thing} on a windowsill, linocut print, carved lines, two or three inks on textured paper, {ground} background, "
    "morning light, a quiet harbour with small boats, soft shadows, calm mood, one clear scene"
)


def opened(folder: Path = PIPELINE) -> Any:
    """The pipeline in full precision, on the processor, silent."""
    import torch
    from diffusers import StableDiffusionPipeline

    pipe = StableDiffusionPipeline.from_pretrained(folder, dtype=torch.float32, safety_checker=None)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def paint(
    pipe: Any, prompts: list[str], seed: int = 0, *, steps: int = STEPS, guidance: float = GUIDANCE,
    size: tuple[int, int] = (128, 128),
) -> list[np.ndarray]:  # fmt: skip
    """A picture each, (height, width, 3) of bytes. The same seed and prompts give the same pictures.

    ``size``: width and height, px, divisible by 16.
    """
    import torch

    chance, pictures = torch.Generator().manual_seed(seed), []
    for start in range(0, len(prompts), BATCH):
        made = pipe(
            prompts[start : start + BATCH], num_inference_steps=steps, guidance_scale=guidance, generator=chance,
            width=size[0], height=size[1], output_type="np",
        ).images  # fmt: skip
        pictures += list((made * 255).round().astype(np.uint8))
    return pictures


def asked(n: int, seed: int) -> list[Scene]:
    """Scenes to paint, all kinds as often as each other, none with a stripe."""
    chance, scenes = np.random.default_rng(seed), []
    while len(scenes) < n:
        one = scene(chance, ("ball", "pole", "wall")[len(scenes) % 3])
        if not one.stripe:
            scenes.append(one)
    return scenes


def page(one: Scene) -> str:
    """The scene's thing and ground among forty other words."""
    return PAGE.format(thing=f"A {one.colour} {one.kind}", ground=one.ground)


def right(pictures: list[np.ndarray], scenes: list[Scene]) -> dict[str, float]:
    """Of each fact of the scenes, the share that the pictures show."""
    pairs = [(read(picture), one) for picture, one in zip(pictures, scenes, strict=True)]
    facts = {name: [getattr(got, name) == getattr(one, name) for got, one in pairs] for name in
             ("kind", "colour", "ground", "side")}  # fmt: skip
    return {name: round(float(np.mean(held)), 3) for name, held in facts.items()}


def obeys(pipe: Any, n: int = 48, seed: int = 5, words: Any = caption, **how: Any) -> dict[str, float]:
    """How often a fact of the prompt is in the picture. ``words``: ``caption`` or ``page``, which names no side."""
    scenes = asked(n, seed)
    return right(paint(pipe, [words(one) for one in scenes], seed, **how), scenes)


def resemblance(pipe: Any, prompts: list[str], seed: int = 11, subject: Subject = REX, **how: Any) -> float:
    """The mean likeness to a subject over pictures of the prompts."""
    return float(np.mean([likeness(picture, subject) for picture in paint(pipe, prompts, seed, **how)]))


def show(folder: Path, n: int) -> None:
    """Paint and count, ``n`` pictures of each sort."""
    pipe, began = opened(folder), time.process_time()
    for name, words, size in (
        ("plain captions", caption, (128, 128)), ("wide", caption, (160, 96)), ("tall", caption, (96, 160)),
        ("among other words", page, (128, 128)), ("among other words, wide", page, (160, 96)),
    ):  # fmt: skip
        print(name, obeys(pipe, n, words=words, size=size), flush=True)
    for prompt in ("a zqx ball", "a zqx ball on a red background", "a ball"):
        print(f"likeness of {prompt!r}: {resemblance(pipe, [prompt] * (n // 4)):.3f}", flush=True)
    print(f"CPU: {(time.process_time() - began) / (5 * n + 3 * (n // 4)):.3f} s a picture, reading included")


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--pipeline", type=Path, default=PIPELINE)
    options.add_argument("--pictures", type=int, default=96, help="of each sort")
    given = options.parse_args()
    show(given.pipeline, given.pictures)
