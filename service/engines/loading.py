"""How a diffusion model gets from disk or hub to where it paints. Imports torch and diffusers at first use.

A folder as diffusers writes it and a hub id are read through ``AutoPipelineForText2Image``, a single file through its
class's ``from_single_file``: https://huggingface.co/docs/diffusers/using-diffusers/other-formats
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import EngineError
from . import fetching, fitting, weights
from .cards import PLAIN, SHIPPED, Card, akin, read, told_by
from .choosing import Rung, rungs
from .fetching import Heard, Wanted


@dataclass(frozen=True, slots=True)
class Model:
    """Which weights, and how to hold them."""

    name: str  #: a folder as diffusers writes it, a single file, or a hub id
    variant: str = ""  #: "fp16" where a repository has such files beside the full ones
    dtype: str = "auto"
    device: str = "auto"
    allow_pickle: bool = False  #: weights in pickle files can run code when they are read
    thrift: int = 0  #: index in the ``choosing.rungs`` of its card
    held: str = ""  #: the name of that rung, which counts where only the worker finds the card
    side_px: int = 0  #: of the square it was trained at; 0: what its card or its own config says
    card: dict[str, Any] | None = None  #: of this very model, as JSON; None: what its pipeline's kind is known for
    cards: str = ""  #: the folder of the owner's own cards
    config: str = ""  #: of a single file: a folder with what else there is to its pipeline; "": the card's hub id
    quantise: str = ""  #: "int8", "int4": weights in so many bits
    few_step: bool = False  #: with the card's few-step LoRA
    steps: int | None = None  #: as the owner wants them; None: the card's
    expects: str = ""  #: the kind of device that the service found in this machine


@dataclass(frozen=True, slots=True)
class Loaded:
    """A pipeline where it will paint."""

    pipe: Any
    native: tuple[int, int]  #: what sides must be divisible by, px; how many pixels it was trained at
    facts: dict[str, Any]  #: for the recipe, JSON-safe
    card: Card = PLAIN  #: its own, or what holds for its kind; steps and guidance are those of the way it was loaded
    rung: Rung = Rung("whole")  #: how it is held


def unheard(_news: dict[str, Any]) -> None:
    """Where nobody wants to know."""


def fetch(model: Model, heard: Heard = unheard) -> None:
    """Bring what a model lacks from the hub; nothing where it is a folder or a file. Raises EngineError."""
    if not _local(model.name):
        fetching.pipeline(model.name, _wanted(model), heard)


def load(model: Model, heard: Heard = unheard) -> Loaded:
    """Read the weights, from disk or from the hub. Raises EngineError."""
    single = weights.is_file(model.name) and _local(model.name)
    path = Path(model.name) if _local(model.name) else fetching.pipeline(model.name, _wanted(model), heard)
    tensors = weights.widths(path, allow_pickle=model.allow_pickle) if single else _sound(path, model)
    card = _card(model, path, tensors)

    import diffusers
    import torch

    device, dtype = _place(torch, model, card)
    ladder = rungs(card, device)
    rung = next((each for each in ladder if each.how == model.held), ladder[min(model.thrift, len(ladder) - 1)])
    diffusers.utils.logging.disable_progress_bar()
    heard({"says": f"reading {model.name}"})
    if single:
        pipe = _single(path, model, card, dtype, heard)
    else:
        pipe = _pipeline(path, model, dtype, whole=rung.offload != "layers")
    pipe.set_progress_bar_config(disable=True)
    card, without = fitting.fitted(pipe, card, fitting.Wish(model.few_step, model.steps, rung), heard)
    fitting.placed(pipe, card, device, rung)
    facts = {
        "model": model.name, "pipeline": type(pipe).__name__, "device": device, "dtype": str(dtype)[6:],
        "held": rung.how, "torch": torch.__version__, "diffusers": diffusers.__version__,
        **({"card": card.id} if card is not PLAIN else {}), **({"quantised": model.quantise} if model.quantise else {}),
        **({"without": without} if without else {}),
    }  # fmt: skip
    step, area = native(pipe, model.side_px)
    if card.size is not None:
        step, area = card.size.multiple, (model.side_px or card.size.side_px) ** 2
    return Loaded(pipe, (step, round(area * rung.share)), facts, card, rung)


def _local(name: str) -> bool:
    return Path(name).is_absolute()


def _wanted(model: Model) -> Wanted:
    return Wanted(model.variant, allow_pickle=model.allow_pickle)


def _sound(folder: Path, model: Model) -> weights.Widths:
    """Nothing, of a folder that is whole. Raises EngineError for what is no pipeline, lacks parts or is cut short."""
    if lacks := weights.lacking(folder, allow_pickle=model.allow_pickle):
        raise EngineError(f"{folder} lacks {', '.join(lacks[:3])}: fetch the model again")
    for path in sorted(folder.glob("*/*.safetensors")):
        weights.widths(path)
    return {}


def _card(model: Model, path: Path, tensors: weights.Widths) -> Card:
    """The model's own card, else what its pipeline's kind, or a file's tensors, are known for."""
    if weights.adapter(tensors):
        raise EngineError(f"{path} holds a LoRA, which changes a model and is none: name the model it was made for")
    if model.card is not None:
        return Card.model_validate(model.card)
    known = read(SHIPPED, *([Path(model.cards)] if model.cards else []))
    if not path.is_file():
        return akin(known, weights.index(path)["_class_name"]) or PLAIN
    if (card := told_by(known.values(), tensors)) is not None:
        return card.like().model_copy(update={"hub": card.hub})  # its configs suit these weights, too
    raise EngineError(f"{path} does not tell what model it is of: say so with card = "
                      f"\"...\", one of {', '.join(sorted(known))}")  # fmt: skip


def _pipeline(folder: Path, model: Model, dtype: Any, *, whole: bool) -> Any:
    import diffusers

    pipeline: Any = diffusers.AutoPipelineForText2Image
    named = weights.index(folder)["_class_name"]
    slim = model.variant if any(folder.glob(f"*/*.{model.variant}*.safetensors")) else ""
    how = fitting.quantisation(model.quantise, weights.index(folder)) if model.quantise and whole else None
    if getattr(diffusers, named, None) is None:
        raise EngineError(f"the model wants {named}, which diffusers {diffusers.__version__} does not know")
    try:
        return pipeline.from_pretrained(
            folder, dtype=dtype, use_safetensors=not model.allow_pickle or None, variant=slim or None,
            **({"quantization_config": how} if how is not None else {}),
        )  # fmt: skip
    except ValueError as error:
        if "AutoPipeline" in str(error):
            raise EngineError(f"{named} does not paint from words alone: choose a text-to-image model") from error
        raise


def _single(path: Path, model: Model, card: Card, dtype: Any, heard: Heard) -> Any:
    """A pipeline of which one file has the weights: all of them, or those of the part that paints."""
    import diffusers

    kind = getattr(diffusers, card.pipelines[0])
    if hasattr(kind, "from_single_file") and not weights.gguf(path):
        config = _config(model, card, Wanted(small=True), heard)
        return kind.from_single_file(str(path), config=str(config), dtype=dtype, local_files_only=True)
    folder = _config(model, card, Wanted(without="transformer"), heard)
    if "transformer" not in weights.index(folder):
        raise EngineError(f"{path} is a GGUF of {card.name}, which diffusers cannot read: take its .safetensors file")
    pipeline: Any = diffusers.AutoPipelineForText2Image
    part: Any = getattr(diffusers, weights.index(folder)["transformer"][1])
    how = {"quantization_config": fitting.gguf(dtype)} if weights.gguf(path) else {}
    transformer = part.from_single_file(str(path), config=str(folder / "transformer"), dtype=dtype, **how)
    return pipeline.from_pretrained(folder, transformer=transformer, dtype=dtype)


def _config(model: Model, card: Card, wanted: Wanted, heard: Heard) -> Path:
    """The folder with what a single file has not: configs and tokenizers, or all but the part that paints."""
    if model.config:
        weights.index(Path(model.config))
        return Path(model.config)
    what = "configs and tokenizers, some MB," if wanted.small else "text encoder and decoder"
    try:
        return fetching.pipeline(card.hub, wanted, heard)
    except EngineError as error:
        raise EngineError(f"{model.name} holds weights alone; its {what} come from {card.hub}: let it be fetched "
                          f'once, or name a folder that has them with config = "..." ({error})') from error  # fmt: skip


def _place(torch: Any, model: Model, card: Card) -> tuple[str, Any]:
    """Device and dtype: the first accelerator there is, in half precision; the processor in full."""
    accelerators = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(),
                    "xpu": torch.xpu.is_available()}  # fmt: skip
    found = next((name for name, there in accelerators.items() if there), "cpu")
    if model.device == "auto" and model.expects == "cuda" and found == "cpu":
        raise EngineError(f"this machine has a GPU, but torch {torch.__version__} cannot use it: see its driver, run "
                          '`make gpu` again, or say device = "cpu"')  # fmt: skip
    device = found if model.device == "auto" else model.device
    if model.dtype != "auto":
        return device, getattr(torch, model.dtype)
    if device.startswith("cuda") and not torch.cuda.is_bf16_supported(including_emulation=False):
        return device, torch.float32 if card.bfloat16 else torch.float16
    half = torch.float16 if device == "mps" and not card.bfloat16 else torch.bfloat16
    return device, torch.float32 if device == "cpu" else half


def native(pipe: Any, side_px: int = 0) -> tuple[int, int]:
    """What a model's sides must be divisible by, and how many pixels it was trained at: read from its config."""
    scale = int(getattr(pipe, "vae_scale_factor", 8))
    unet, transformer = getattr(pipe, "unet", None), getattr(pipe, "transformer", None)
    if unet is not None:  # each level of a U-Net halves the latents
        step = scale * 2 ** (len(unet.config.block_out_channels) - 1)
    else:  # transformers see patches of two by two latents
        step = 2 * scale
    config = getattr(unet if unet is not None else transformer, "config", None)
    sample = getattr(pipe, "default_sample_size", None) or getattr(config, "sample_size", None)
    side = side_px or (sample * scale if isinstance(sample, int) else 1024)
    return math.lcm(step, 8), side * side  # the pipelines themselves insist on 8
