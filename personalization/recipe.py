"""How a subject is learned: numbers that a family of models starts from, and those that its owner asked for instead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from .errors import TrainingError

ADAPTERS = ("lora", "dora", "oft", "lokr", "full")
PRESERVATIONS = ("output", "images", "none")


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that decides what is learned, besides the photos and the base."""

    steps: int  #: at most: learning stops earlier when likeness no longer rises
    learning_rate: float  #: for a model of the family's usual width; see ``fitted``
    side_px: int  #: photos are learned as squares of this side
    adapter: str = "lora"
    rank: int = 16
    alpha: int = 16
    batch: int = 4  #: photos in a step
    text_encoder: bool = True  #: learn in the text encoder, too, where the family has CLIP
    text_rate: float = 1.0  #: its learning rate, as a share of the other
    preservation: str = "output"  #: how the class is kept as it was; see ``prior``
    preservation_weight: float = 1.0
    preservation_share: float = 0.5  #: of a step's photos: so many also come without their subject
    snr_gamma: float = 0.0  #: min-SNR weighting (Hang et al. 2023, 5 is theirs); 0: none
    warmup: int = 20  #: steps over which the learning rate rises
    averaging: float = 0.98  #: see ``average``: what is measured and published is a mean over about 50 steps; 0: none
    measure_every: int = 100  #: steps
    pictures: int = 16  #: of the subject in each measurement; half as many of its class, and of other things
    sampling_steps: int = 20
    guidance: float = 7.5
    drift_cost: float = 0.5  #: how much likeness one unit of drift, or of leak, must buy
    patience: int = 3  #: measurements without a better one before learning stops
    seed: int = 0

    @property
    def stays(self) -> int:
        """What of a step's batch preserves: so many rows come beside its photos."""
        return 0 if self.preservation == "none" else max(1, round(self.batch * self.preservation_share))


def fitted(recipe: Recipe, asked: Mapping[str, Any], scale: float, native_px: int) -> Recipe:
    """The recipe for one base model.

    ``scale`` is the family's usual width over this model's: Adam's learning rate goes as one over the width (Yang et
    al. 2022, "Tensor Programs V"), which is why a small relative of a model learns with the same recipe. ``native_px``
    is the side at which the model was trained. What the owner asked for is taken as it is. Raises TrainingError.
    """
    own = replace(recipe, learning_rate=recipe.learning_rate * scale, side_px=min(recipe.side_px, native_px))
    known = {field.name for field in fields(Recipe)}
    wanted = {name: value for name, value in asked.items() if name in known and value is not None}
    if "rank" in wanted:
        wanted.setdefault("alpha", wanted["rank"])
    found = replace(own, **wanted)
    _check(found)
    return found


def _check(recipe: Recipe) -> None:
    faults = [
        *_unless(recipe.adapter in ADAPTERS, f"--adapter is one of {', '.join(ADAPTERS)}"),
        *_unless(recipe.preservation in PRESERVATIONS, f"--preservation is one of {', '.join(PRESERVATIONS)}"),
        *_unless(1 <= recipe.rank <= 512, "--rank is between 1 and 512"),
        *_unless(recipe.alpha > 0, "--alpha is above 0"),
        *_unless(1 <= recipe.steps <= 100_000, "--steps is between 1 and 100000"),
        *_unless(1 <= recipe.batch <= 64, "--batch is between 1 and 64"),
        *_unless(1e-6 <= recipe.learning_rate <= 1e-1, "--learning-rate is between 1e-6 (learns nothing) and 0.1"),
        *_unless(recipe.side_px >= 8 and recipe.side_px % 8 == 0, "--side-px is a multiple of 8"),
        *_unless(0 <= recipe.preservation_share <= 1, "--preservation-share is between 0 and 1"),
        *_unless(0 <= recipe.averaging < 1, "--averaging is at least 0 and below 1"),
        *_unless(recipe.patience >= 1 and recipe.sampling_steps >= 1, "--patience and --sampling-steps are at least 1"),
        *_unless(0 <= recipe.seed < 2**32, "--seed is between 0 and 4294967295"),
        *_unless(recipe.measure_every >= 1 and recipe.pictures >= 1, "--measure-every and --pictures are at least 1"),
    ]
    if faults:
        raise TrainingError("; ".join(faults))


def _unless(holds: bool, fault: str) -> list[str]:
    return [] if holds else [fault]
