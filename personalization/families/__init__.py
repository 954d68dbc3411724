"""Families of models that can learn, one file each: what differs between them and nothing else.

A family is a module with the functions of ``Family``, over one of diffusers' own pipelines. Which one a base belongs to
is read from its ``model_index.json``.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol, cast

from ..errors import BaseError
from ..recipe import Recipe

Words = dict[str, Any]  #: what a denoiser is told of B prompts: tensors whose first axis is B

_PIPELINES = {
    "StableDiffusionPipeline": "sd15",
    "StableDiffusionXLPipeline": "sdxl",
    "Flux2KleinPipeline": "flux2",
}


class Family(Protocol):
    """A family of models. ``pipe`` is its diffusers pipeline, ``levels`` are B noise levels as ``draw`` gives them."""

    NAME: str
    PART: str  #: what diffusers calls the denoiser
    RECIPE: Recipe
    WIDTH: int  #: of the model that RECIPE is for
    TEXT_PARTS: tuple[str, ...]  #: text encoders that can learn; empty: what words mean stays as it is

    def denoiser(self, pipe: Any) -> Any:
        """The module that learns."""

    def width(self, pipe: Any) -> int:
        """Of its hidden layers."""

    def targets(self, part: str) -> list[str]:
        """Names of the layers of a part that learn."""

    def encode_pictures(self, pipe: Any, pixels: Any) -> Any:
        """(B, 3, H, W) in [-1, 1] to latents (B, C, h, w), as the denoiser knows them."""

    def encode_words(self, pipe: Any, prompts: Sequence[str]) -> Words:
        """Prompts to what the denoiser is told; differentiable where text encoders learn."""

    def draw(self, pipe: Any, count: int, generator: Any) -> Any:
        """Noise levels (count,) as training meets them, on the CPU."""

    def low(self, pipe: Any, share: float) -> Any:
        """The noise level (1,) this far up from none (0) to noise alone (1)."""

    def noised(self, pipe: Any, latents: Any, noise: Any, levels: Any) -> tuple[Any, Any]:
        """The noisy latents, and what the denoiser should answer; both (B, C, h, w)."""

    def denoised(self, pipe: Any, noisy: Any, levels: Any, words: Words) -> Any:
        """What the denoiser answers (B, C, h, w)."""

    def weights(self, pipe: Any, levels: Any, gamma: float) -> Any:
        """The share (B,) that each example has in the loss."""

    def layer(self, pipe: Any) -> Any:
        """The inner layer that shows best what is where in a picture."""

    def seen(self, output: Any, latents: Any) -> Any:
        """That layer's output as (B, C, h, w)."""

    def shapes(self, pipe: Any, side_px: int) -> tuple[tuple[int, ...], dict[str, tuple[int, ...]]]:
        """Of one picture's latents (C, h, w), and of what is told of one prompt."""

    def asked(self, pipe: Any) -> dict[str, Any]:
        """What the pipeline must be told, besides the usual, to paint."""

    def embedded(self, pipe: Any, words: Words, nothing: Words) -> dict[str, Any]:
        """What the pipeline is told instead of prompts: them, and the empty one, as ``encode_words`` makes them."""

    def save(self, folder: Any, layers: dict[str, dict[str, Any]]) -> None:
        """Write a LoRA's layers, by part, as diffusers' own loader reads them back exactly."""


def named(name: str) -> Family:
    """A family by its name. Raises BaseError."""
    if name not in _PIPELINES.values():
        known = ", ".join(sorted(_PIPELINES.values()))
        raise BaseError(f"there is no family {name!r} of models that can learn; there is {known}")
    return cast("Family", importlib.import_module(f"{__name__}.{name}"))


def of(base: str) -> Family:
    """The family that a folder or hub id belongs to. Raises BaseError."""
    from diffusers import DiffusionPipeline

    if Path(base).is_absolute() and not Path(base).is_dir():
        raise BaseError(f"there is no folder {base}: give one with a model in diffusers' format, or a hub id")
    try:
        kind = DiffusionPipeline.load_config(base).get("_class_name", "")
    except Exception as error:  # the hub's client has dozens of kinds
        raise BaseError(f"the model {base!r} cannot be read ({str(error)[:200]}): give a folder or a hub id") from error
    if kind not in _PIPELINES:
        raise BaseError(f"{base!r} is a {kind or 'model of no known kind'}; learning knows {', '.join(_PIPELINES)}")
    return named(_PIPELINES[kind])
