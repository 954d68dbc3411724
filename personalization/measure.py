"""What a model has learned, in four numbers: likeness, text alignment, leak into the class, drift of everything else.

All pictures are made from fixed seeds, so that two measurements differ by what was learned between them. No other model
is needed: likeness is read by features (``likeness``), alignment by asking the untouched base which prompt explains a
picture best (Li et al. 2023, "Your Diffusion Model is Secretly a Zero-Shot Classifier").
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from . import likeness, losses, portraits, sampling
from .asking import Questions
from .curves import Point
from .families import Family, Words
from .portraits import Portraits
from .recipe import Recipe
from .shelf import NOTHING, ready

READ_AT = (0.6, 0.75, 0.9)  #: noise levels at which prompts are told apart: below, the picture itself tells enough
RIVALS = 4  #: prompts that a picture's own is told apart from, itself included
CHANCE = 0.4  #: below this the base does not tell its own pictures apart, and can say nothing of others
SEEDS = 1000  #: where the seeds of measurements start; those of class images start elsewhere


class Switch(Protocol):
    """Whatever was added to a base and can be switched off."""

    def off(self) -> AbstractContextManager[None]:
        """The base as it was, for as long as this lasts."""


@dataclass(frozen=True, slots=True)
class Studio:
    """A model in learning, and what its pictures are held against. ``base_*``: as the untouched base painted them."""

    family: Family
    pipe: Any
    adapter: Switch
    recipe: Recipe
    asked: Questions
    gauge: likeness.Gauge | Portraits
    base_features: list[Any]  #: by eye, (B, C, h, w), of the class and of other things
    strange: float  #: how far apart two of the base's pictures of different seeds are
    told: list[Words]  #: what the base is told of each of ``asked.contexts``
    legible: float  #: the share of the base's own pictures of them that it tells apart


@dataclass(frozen=True, slots=True)
class Seen:
    """One measurement and its pictures, each (B, 3, side, side)."""

    point: Point
    subject: Any
    classes: Any
    others: Any


def studio(family: Family, pipe: Any, adapter: Switch, recipe: Recipe, **told: Any) -> Studio:
    """Paint the untouched base once. ``told``: ``asked``, ``photos``, ``masks`` and ``eye``, which is "" for the base's
    own features, "faces", or a folder. Raises TrainingError where that cannot measure this subject.
    """
    import torch

    asked = told["asked"]
    few = len(asked.classes)
    with adapter.off(), torch.no_grad():
        ready(family, pipe, [NOTHING, *asked.contexts, *asked.subject, *asked.classes, *asked.others])
        words = [family.encode_words(pipe, [context]) for context in asked.contexts]
        base = _painted(family, pipe, recipe, [*asked.classes, *asked.others])
        scale = _gauge(family, pipe, base[:few], **told)
        features = scale.features(base)
        legible = alignment(family, pipe, words, base[:few])
    strange = apart(features, [each.roll(1, 0) for each in features])
    return Studio(family, pipe, adapter, recipe, asked, scale, features, max(strange, 1e-6), words,
                  legible)  # fmt: skip


def _gauge(family: Family, pipe: Any, base: Any, **told: Any) -> likeness.Gauge | Portraits:
    """``base``: the untouched base's pictures of the class; ``told`` as above."""
    photos, chosen = told["photos"], told.get("eye")
    if chosen and chosen != portraits.NAME:
        eyes = [likeness.foreign_eye(chosen, pipe.device)]
    else:
        eyes = [likeness.patch_eye(family, pipe),
                likeness.own_eye(family, pipe, family.encode_words(pipe, [NOTHING]))]  # fmt: skip
    usual = likeness.gauge(eyes, photos, told["masks"], base)
    return portraits.gauge(photos, base, usual) if chosen == portraits.NAME else usual


def measured(room: Studio, step: int) -> Seen:
    """Paint with what was learned so far, and read the pictures with the base."""
    asked, few = room.asked, len(room.asked.classes)
    painted = _painted(room.family, room.pipe, room.recipe, [*asked.classes, *asked.others])
    subject = sampling.paint(room.family, room.pipe, room.recipe, asked.subject, SEEDS)
    with room.adapter.off():
        like, leaks = ([*room.gauge.of(pictures)] for pictures in (subject, painted[:few]))
        features = room.gauge.features(painted)
        aligned = alignment(room.family, room.pipe, room.told, subject)
    drift = apart(features, room.base_features) / room.strange
    mean, leak = (_mean([value or 0.0 for value in each]) for each in (like, leaks))
    point = Point(step, mean, leak, drift,
                  min(1.0, aligned / room.legible) if room.legible > CHANCE else None,
                  _shown(like) if isinstance(room.gauge, Portraits) else None)  # fmt: skip
    return Seen(point, subject, painted[:few], painted[few:])


def apart(one: Sequence[Any], other: Sequence[Any]) -> float:
    """How far pictures are from each other, place by place: the mean over eyes of squared distance."""
    return _mean([float((a - b).square().sum(1).mean()) for a, b in zip(one, other, strict=True)])


def alignment(family: Family, pipe: Any, told: Sequence[Words], pictures: Any) -> float:
    """The share of pictures whose own surroundings explain them best; picture i should show ``told[i % len(told)]``."""
    count, right = len(told), 0
    for number, picture in enumerate(pictures):
        rivals = [(number + step) % count for step in range(min(RIVALS, count))]
        errors = explained(family, pipe, picture[None], [told[rival] for rival in rivals])
        right += errors.index(min(errors)) == 0
    return right / len(pictures) if count > 1 else 0.0


def explained(family: Family, pipe: Any, picture: Any, told: Sequence[Words]) -> list[float]:
    """How badly each prompt explains a picture (1, 3, H, W) to the base: the loss under the same noise."""
    import torch

    with torch.no_grad(), sampling.precision(pipe):
        latents = family.encode_pictures(pipe, picture).repeat(len(told), 1, 1, 1)
        words = {name: torch.cat([one[name] for one in told]) for name in told[0]}
        total = torch.zeros(len(told))
        for seed, share in enumerate(READ_AT):
            noise = torch.randn(latents.shape[1:], generator=torch.Generator().manual_seed(seed)).to(latents)
            levels = family.low(pipe, share).expand(len(told))
            noisy, target = family.noised(pipe, latents, noise.expand_as(latents), levels)
            total += losses.squares(family.denoised(pipe, noisy, levels, words), target).cpu()
    return [float(error) for error in total]


def _painted(family: Family, pipe: Any, recipe: Recipe, prompts: Sequence[str]) -> Any:
    return sampling.paint(family, pipe, recipe, prompts, SEEDS + 500)


def _shown(values: Sequence[float | None]) -> float:
    """The share of pictures in which there was something to read."""
    return sum(value is not None for value in values) / len(values)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
