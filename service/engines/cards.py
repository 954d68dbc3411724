"""What is known of the models that paint: a card each, one TOML file in ``models/``. Values; the files are only read.

A card says how its model is run (steps, guidance, sizes, scheduler), how its prompts are worded, what it takes of a
machine, what may be learned on it and under which licence it is given. Adding a model is one file more, here or in the
owner's data folder, ``models/*.toml``; one of theirs with the id of one of ours need only say what differs.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..errors import EngineError
from .wording import Family

SHIPPED = Path(__file__).parent / "models"

Accelerator = Literal["cuda", "mps", "xpu", "cpu"]
Quantised = Literal["", "int8", "int4"]
Table = dict[str, Any]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Licence(_Part):
    name: str
    page: str  #: where its text is
    commercial: bool  #: whether commercial use is free for everybody, as far as the card's writer could read


class Weights(_Part):
    """A small thing that goes with a model: another decoder, a LoRA."""

    hub: str  #: a hub id, or a folder
    file: str = ""  #: of several in that place
    licence: str = ""
    download_gb: float = Field(0, ge=0)


class FewStep(Weights):
    """A LoRA that makes a model paint in few steps, and how it is run with it."""

    steps: int = Field(ge=1, le=50)
    guidance: float = Field(ge=0)
    scheduler: str  #: a class of diffusers
    scheduler_options: Mapping[str, Any] = {}


class IpAdapter(Weights):
    """What lets a model look at photos beside its words, with an image encoder of its own.

    Ye et al. 2023, https://arxiv.org/abs/2308.06721
    """

    file: str = Field(pattern=r"^[\w./-]+\.safetensors$")  #: with its folder in that place
    encoder: str = "models/image_encoder"  #: the folder of the encoder in that place
    width: int = Field(0, ge=0)  #: of the words of the models that it was made for, as a U-Net reads them; 0: any
    scale: float = Field(0.6, ge=0, le=2)  #: how strongly the photos count beside the words

    @property
    def files(self) -> tuple[str, ...]:
        """All that is read of that place."""
        return self.file, f"{self.encoder}/config.json", f"{self.encoder}/model.safetensors"


class Size(_Part):
    multiple: int = Field(ge=8, le=128)  #: what sides must be divisible by, px
    #: of the square it was trained at: SANA's largest at 4096, as its model zoo has it
    side_px: int = Field(ge=64, le=4096)
    most_px: int = Field(0, ge=0)  #: of a picture; beyond it motifs repeat. 0: as it was trained


class Learning(_Part):
    """What a LoRA for this model is like."""

    family: str  #: as a subject's card names it: "sd15", "sdxl", "flux2"
    train_on: str = ""  #: the hub id to learn on, where the model itself is too distilled for it
    targets: tuple[str, ...] = ()  #: the layers that take one
    text_encoder: bool = False  #: whether the text encoder takes one, too


class Held(_Part):
    """One way to run a model, and the machine that it needs."""

    on: Accelerator = "cuda"
    vram_gb: float = Field(0, ge=0)  #: of the GPU, as its maker counts
    ram_gb: float = Field(0, ge=0)  #: of the machine
    quantise: Quantised = ""
    how: str = "whole"  #: the name of the rung to begin with, see ``choosing.rungs``
    few_step: bool = False  #: with the card's few-step LoRA


class Sign(_Part):
    """A tensor of a single file that tells which model it is."""

    tensor: str
    width: int = 0  #: of its last dimension; 0: any


class Card(_Part):
    """Everything that is known of a model."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")
    name: str = Field(min_length=1)
    hub: str = ""
    also: tuple[str, ...] = ()  #: other hub ids of the same weights
    pipelines: tuple[str, ...] = ()  #: the classes of diffusers that run it
    family: Family = "prose"  #: how it wants its prompts worded
    licence: Licence | None = None
    download_gb: float = Field(0, ge=0)  #: of what is fetched
    variant: str = ""  #: "fp16" where the repository has such files beside the full ones
    steps: int | None = Field(None, ge=1, le=500)
    guidance: float | None = Field(None, ge=0, le=100)
    scheduler: str = ""  #: a class of diffusers; "": the repository's own
    scheduler_options: Mapping[str, Any] = {}
    size: Size | None = None
    bfloat16: bool = False  #: whether half precision must be bfloat16: its numbers are too large for float16
    compile: Literal["blocks", "no"] = "no"  #: "blocks": those that repeat can be compiled one by one
    channels_last: bool = False  #: whether its convolutions are faster so (U-Nets)
    tiny_vae: Weights | None = None
    few_step: FewStep | None = None
    learning: Learning | None = None
    ip_adapter: IpAdapter | None = None
    references: int = Field(0, ge=0)  #: how many pictures it takes beside the prompt, of a subject it never learned
    auto: int = Field(0, ge=0)  #: its place when a model is chosen for a machine, 1 first; 0: only when it is named
    held: tuple[Held, ...] = ()  #: best first
    single_file: tuple[Sign, ...] = ()

    def like(self) -> Card:
        """What holds for other weights of the same architecture: not their licence, nor how they are run."""
        kept = {"id", "name", "pipelines", "family", "bfloat16", "compile", "channels_last", "tiny_vae", "learning",
                "ip_adapter", "references"}  # fmt: skip
        return Card(**{key: value for key, value in self if key in kept})

    @property
    def free(self) -> bool:
        """Whether it may be chosen without asking: known to be free for any use."""
        return self.licence is not None and self.licence.commercial

    @property
    def bases(self) -> tuple[str, ...]:
        """The models that a LoRA for this one is learned on."""
        learnt = (self.learning.train_on,) if self.learning else ()
        return tuple(name for name in (self.hub, *self.also, *learnt) if name)


PLAIN = Card(id="plain", name="a model without a card")


def read(*folders: Path) -> dict[str, Card]:
    """The cards of these folders by id; keys in a later folder overrule an earlier one's. Raises EngineError."""
    tables: dict[str, tuple[Path, Table]] = {}
    for path in (path for folder in folders for path in sorted(folder.glob("*.toml"))):
        table = _table(path)
        name = str(table.get("id", path.stem))
        _, known = tables.get(name, (path, {}))
        tables[name] = path, _laid(known, table | {"id": name})
    return {name: _card(path, table) for name, (path, table) in tables.items()}


def _table(path: Path) -> Table:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise EngineError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise EngineError(f"{path} is not valid TOML: {error}") from error


def _laid(under: Table, over: Table) -> Table:
    """One table over another; tables in them likewise, all else replaced."""
    both = {key: _laid(under[key], over[key]) for key in under.keys() & over.keys()
            if isinstance(under[key], dict) and isinstance(over[key], dict)}  # fmt: skip
    return under | over | both


def _card(path: Path, table: Table) -> Card:
    try:
        return Card.model_validate(table)
    except ValidationError as error:
        faults = (f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
        raise EngineError(f"{path} is no card of a model: {'; '.join(faults)}") from error


def named(cards: Mapping[str, Card], model: str) -> Card | None:
    """The card of that id, or of that very model."""
    if model in cards:
        return cards[model]
    wanted = model.strip("/").lower()
    return next((card for card in cards.values() if wanted in map(str.lower, (card.hub, *card.also))), None)


def akin(cards: Mapping[str, Card], pipeline: str) -> Card | None:
    """What holds for any weights that this class of diffusers runs."""
    found = [card for card in cards.values() if pipeline and pipeline in card.pipelines]
    return min(found, key=lambda card: card.auto or 99).like() if found else None


def told_by(cards: Iterable[Card], widths: Mapping[str, int]) -> Card | None:
    """Which model a single file holds, by its tensors' names and the widths of their last dimension."""
    for card in cards:
        if any(sign.tensor in widths and sign.width in (0, widths[sign.tensor]) for sign in card.single_file):
            return card
    return None
