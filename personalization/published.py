"""A published subject on its base, as a program that paints would have it."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from service.subjects import WEIGHTS, Subject

from . import families
from .errors import BaseError
from .families import Family
from .recipe import Recipe, fitted
from .request import Request


@dataclass(frozen=True, slots=True)
class Published:
    """A LoRA on its base, which can be switched off."""

    pipe: Any

    @contextmanager
    def off(self) -> Iterator[None]:
        """The base as it was, for as long as this lasts."""
        self.pipe.disable_lora()
        try:
            yield
        finally:
            self.pipe.enable_lora()


@dataclass(frozen=True, slots=True)
class Known:
    """A subject that was learned, ready to paint."""

    card: Subject
    folder: Path
    family: Family
    pipe: Any
    recipe: Recipe
    adapter: Published


def options(parser: ArgumentParser) -> None:
    parser.add_argument("--device", help="cuda or cpu (default: the GPU, if there is one)")
    parser.add_argument("--side-px", type=int)
    parser.add_argument("--sampling-steps", type=int)
    parser.add_argument("--guidance", type=float)
    parser.add_argument("--pictures", type=int, help="how many")


def known(request: Request) -> Known:
    """Load base and LoRA. Raises SubjectError, BaseError and TrainingError."""
    from .lesson import card_of, device_of, fits, loaded, native

    card, folder = card_of(request)
    if not (folder / WEIGHTS).is_file() or not card.base:
        raise BaseError(f"{card.name} was not learned yet: `frontispiece subject train {card.name}`")
    device = device_of(request.options)
    family, pipe = families.of(card.base), loaded(card.base, device).to(device)
    if card.family and card.family != family.NAME:
        raise BaseError(f"{card.base} is a model of another family than {card.name} was learned on ({card.family})")
    try:
        pipe.load_lora_weights(str(folder), weight_name=WEIGHTS)
    except Exception as error:  # whatever a damaged file, or one for another base, makes of it
        raise BaseError(f"{folder / WEIGHTS} does not fit {card.base}: {str(error)[:200]}; train again") from error
    recipe = fitted(family.RECIPE, vars(request.options), family.WIDTH / family.width(pipe), native(family, pipe))
    fits(family, pipe, recipe.side_px)
    return Known(card, folder, family, pipe, recipe, Published(pipe))
