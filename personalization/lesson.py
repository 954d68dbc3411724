"""Everything that is settled before learning starts: who, from which photos, on which base, by which recipe, and
whether it fits. Nothing is on a GPU yet when a lesson is opened.
"""

from __future__ import annotations

import os
from argparse import Namespace
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from service import subjects
from service.errors import SubjectError
from service.subjects import Subject

from . import families, portraits, publish
from .adapters import Adapter, attach
from .dataset import Photo
from .errors import BaseError, TrainingError
from .examples import chosen, fingerprint
from .families import Family
from .plan import Plan, planned
from .recipe import Recipe, fitted
from .request import Request
from .shelf import Shelf, shelved


@dataclass(frozen=True, slots=True)
class Lesson:
    """A subject, a base and a recipe that fit each other and the machine."""

    card: Subject
    folder: Path  #: the subject's
    used: list[Photo]
    base: str
    family: Family
    pipe: Any  #: in main memory, its adapter attached
    adapter: Adapter
    recipe: Recipe
    plan: Plan
    device: str
    options: Namespace

    @property
    def likeness(self) -> str:
        """What reads it: "" the base's own features, "faces" a face, else the folder of a model."""
        return str(getattr(self.options, "likeness", ""))

    def says(self) -> str:
        """The plan in words, and what likeness is measured by where that is not as usual."""
        return self.plan.says() + (f"; likeness is measured by {self.likeness}" if self.likeness else "")

    def mark(self, token: str) -> str:
        """Which lesson a checkpoint belongs to; for how long was learned is no part of it."""
        read_by = [self.likeness] if self.likeness else []  # curves by different measures are not one curve
        decided = {name: value for name, value in asdict(self.recipe).items() if name not in ("steps", "patience")}
        return fingerprint(self.used, decided, self.base, token, self.card.class_noun, publish.versions()["torch"],
                           *read_by)  # fmt: skip


def opened(request: Request) -> Lesson:
    """Read everything and count. Raises SubjectError, PhotoError, BaseError and TrainingError, each with a way out."""
    from .demand import counted, room

    card, folder = card_of(request)
    portraits.usable(card, getattr(request.options, "likeness", ""))
    used = chosen(folder)
    base = base_of(request, card)
    family = families.of(base)
    device = device_of(request.options)
    pipe = loaded(base, device)
    recipe = fitted(family.RECIPE, vars(request.options), family.WIDTH / family.width(pipe), native(family, pipe))
    fits(family, pipe, recipe.side_px)
    adapter = attach(family, pipe, recipe)
    demand = counted(family, pipe, adapter, recipe, half=half(device))
    family = shelved(family, recipe, device)
    if isinstance(family, Shelf) and device != "cpu":
        demand = replace(demand, text_rests=True)
    return Lesson(card, folder, used, base, family, pipe, adapter, recipe,
                  planned(demand, room(device), recipe.batch), device, request.options)  # fmt: skip


def card_of(request: Request) -> tuple[Subject, Path]:
    """The subject's card and folder. Raises SubjectError, also for a person who has not consented."""
    folder = subjects.folder(request.data, request.name)
    publish.finish(folder)
    return agreed(subjects.load(request.data, request.name)), folder


def agreed(card: Subject) -> Subject:
    """The same card. Raises SubjectError for a person who has not consented."""
    if not card.consented:
        raise SubjectError(
            f"{card.name} is a person and has not consented to be learned and shown: ask, and then "
            f"`frontispiece subject add {card.name} PHOTOS --consent` records it"
        )
    return card


def base_of(request: Request, card: Subject) -> str:
    """Which model to learn on. Raises BaseError."""
    base = getattr(request.options, "base", None) or card.base
    if not base:
        raise BaseError("say which model to learn on: --base FOLDER, or a hub id; best the one that paints your slides")
    return str(base)


def device_of(options: Namespace) -> str:
    """Where to learn: the GPU, if there is one."""
    import torch

    asked = getattr(options, "device", None)
    return str(asked) if asked else ("cuda" if torch.cuda.is_available() else "cpu")


def native(family: Family, pipe: Any) -> int:
    """The side at which a model was trained, px; beyond all measure where its config does not say."""
    sample = getattr(family.denoiser(pipe).config, "sample_size", None)
    return sample * int(pipe.vae_scale_factor) if isinstance(sample, int) else 2**16


def fits(family: Family, pipe: Any, side_px: int) -> None:
    """Raises TrainingError for a side that is no whole number of what the denoiser sees as one place."""
    probe = 512
    (_, side, _), _ = family.shapes(pipe, probe)
    cell = probe // side
    if side_px % cell:
        near = max(cell, side_px // cell * cell)
        raise TrainingError(f"--side-px is a multiple of {cell} on this model: {near} is, {side_px} is not")


def half(device: str) -> bool:
    """Whether to hold the base in bfloat16: on GPUs that have it. Half precision without it would need loss scaling."""
    import torch

    return device.startswith("cuda") and torch.cuda.is_bf16_supported(including_emulation=False)


def loaded(base: str, device: str) -> Any:
    """A base in main memory. Weights in pickles are never read. Raises BaseError."""
    import torch
    from diffusers import DiffusionPipeline
    from diffusers.utils import logging

    logging.set_verbosity_error()
    _threads(torch)
    family = families.of(base)
    bare = {"safety_checker": None, "requires_safety_checker": False} if family.NAME == "sd15" else {}
    dtype = torch.bfloat16 if half(device) else torch.float32
    pipeline: Any = DiffusionPipeline
    try:
        pipe = pipeline.from_pretrained(base, dtype=dtype, use_safetensors=True, **bare)
    except Exception as error:  # the hub's client has dozens of kinds
        raise BaseError(f"the model {base!r} cannot be read: {str(error).strip()[:300]}") from error
    pipe.set_progress_bar_config(disable=True)
    return pipe


def placed(lesson: Lesson) -> Any:
    """Move the base onto the device: the one place from which on a GPU is in use."""
    pipe = lesson.pipe
    if isinstance(lesson.family, Shelf):
        lesson.family.place(pipe)
    else:
        pipe.to(lesson.device)
    lesson.adapter.follow()
    if lesson.plan.checkpointing:
        lesson.family.denoiser(pipe).enable_gradient_checkpointing()
    if getattr(lesson.options, "compile", False) and lesson.device.startswith("cuda"):
        lesson.family.denoiser(pipe).compile_repeated_blocks()
    return pipe


def _threads(torch: Any) -> None:
    """More threads than there are cores to spare make small models ten times slower."""
    spare = max(1, int((os.cpu_count() or 1) - os.getloadavg()[0]))
    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(min(torch.get_num_threads(), spare))
