"""What a subject is learned on, so that the model that paints can wear it. Pure."""

from __future__ import annotations

from ..errors import EngineError
from ..protocols import Base
from .settling import Settled
from .weights import is_file


def base(found: Settled, steps: int | None = None, guidance: float | None = None) -> Base:
    """The base of the model that paints: itself, or what its card names where it is too distilled to learn.

    ``steps`` and ``guidance``: the owner's, else the card's; they hold for the model itself, not for another base, and
    not where a LoRA for few steps is on it. Raises EngineError for a model on which nothing can be learned.
    """
    model, card = found.model, found.card
    if card.hub and card.learning is None:
        raise EngineError(f"nothing can be learned on {card.name}: paint with another model, or name one with --base")
    if is_file(model.name):
        raise EngineError(f"{model.name} is a single file, which learning cannot read: name the same model as a folder "
                          "or hub id with --base, and in the engine's subject_bases")  # fmt: skip
    device = model.device if model.device.partition(":")[0] in ("cpu", "cuda") else ""
    if card.learning and card.learning.train_on:
        return Base(card.learning.train_on, device)
    if model.few_step:
        return Base(model.name, device)
    return Base(model.name, device, steps or card.steps, card.guidance if guidance is None else guidance)
