"""What an engine's table asks for becomes one model, held one way, with the reasons. It looks at cards and machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from .. import subjects
from ..errors import EngineError, SubjectError
from ..subjects import Subject
from . import weights
from .cards import PLAIN, SHIPPED, Card, Held, akin, named, read, told_by
from .choosing import Choice, Machine, choose, hold, rung_of, terms
from .loading import Model
from .machine import this

AUTO = "auto"
OWN = "models"  #: the folder of the owner's cards, in the data folder

Bits = Literal["auto", "no", "int8", "int4"]


@dataclass(frozen=True, slots=True)
class Settled:
    """Which model paints, and why."""

    model: Model
    card: Card  #: its own, or what holds for its kind
    says: str  #: for people
    notes: tuple[str, ...] = ()  #: what cannot be had with it


@dataclass(frozen=True, slots=True)
class Home:
    """What of the owner's is read."""

    data: Path
    subjects: Sequence[str] = ()  #: whom the engine's channels may show


def settled(
    asked: Model, home: Home, *, card: str = "", bits: Bits = "auto", machine: Machine | None = None
) -> Settled:
    """The model that a table asks for; "auto": the best that this machine can run. Raises EngineError.

    ``card``: the id of the card that a folder or file goes by; ``bits``: how wide weights are kept; ``machine``:
    where it will paint, if not here.
    """
    asked = replace(asked, cards=str(home.data / OWN))
    known = read(SHIPPED, home.data / OWN)
    machine = machine or this(asked.device)
    if asked.name == AUTO:
        choice = choose(machine, known, [subject for name in home.subjects if (subject := _learned(home.data, name))])
        return _by_choice(asked, choice, machine, bits)
    own = _own(known, asked.name, card)
    if own is None:
        kind = _kind(known, asked)
        return Settled(replace(asked, expects=machine.device, quantise=_bits(bits, "")), kind, asked.name)
    model = _with(asked, own, hold(own, machine), bits)
    return Settled(replace(model, expects=machine.device), own, f"{own.name}, as the config says; {terms(own)}")


def _by_choice(asked: Model, choice: Choice, machine: Machine, bits: Bits) -> Settled:
    model = _with(replace(asked, name=choice.card.hub), choice.card, choice.held, bits)
    device = asked.device if choice.device == machine.device else choice.device
    model = replace(model, device=device, expects=machine.device)
    return Settled(model, choice.card, f"{choice.why}; {terms(choice.card)}", choice.notes)


def _with(asked: Model, card: Card, held: Held, bits: Bits) -> Model:
    """The model as its card says, where the owner says nothing."""
    name = card.hub if asked.name == card.id else asked.name
    few = held.few_step and card.few_step is not None and (asked.steps or 0) <= 2 * card.few_step.steps
    return replace(
        asked, name=name, card=card.model_dump(mode="json"), variant=asked.variant or card.variant,
        thrift=rung_of(card, held, held.on), quantise=_bits(bits, held.quantise), few_step=few,
    )  # fmt: skip


def _bits(asked: Bits, held: str) -> str:
    return {"auto": held, "no": ""}.get(asked, asked)


def recognised(found: Settled, home: Home, pipeline: str) -> Settled:
    """What is known of a model whose name said nothing, once it has told which class of diffusers runs it."""
    kind = akin(read(SHIPPED, home.data / OWN), pipeline) if found.card is PLAIN else None
    return replace(found, card=kind) if kind else found


def _own(known: Mapping[str, Card], model: str, card: str) -> Card | None:
    """The card of this very model, by the owner's word or by its name."""
    if card and card not in known:
        raise EngineError(f"there is no card {card!r}; there are {', '.join(sorted(known))}")
    found = known[card] if card else named(known, model)
    if found is not None and found.id == model and not found.hub:
        raise EngineError(f'the card {found.id} names no hub id or folder: say hub = "..." in it')
    return found


def _kind(known: Mapping[str, Card], asked: Model) -> Card:
    """What can be told of a model without a card of its own: by a folder's index, by a file's tensors."""
    path, found = Path(asked.name), None
    if weights.is_file(asked.name) and path.is_file():
        found = told_by(known.values(), weights.widths(path, allow_pickle=asked.allow_pickle))
        return found.like() if found else PLAIN
    if path.is_absolute():
        with suppress(EngineError):  # the worker says it better
            found = akin(known, str(weights.index(path)["_class_name"]))
    return found or PLAIN


def _learned(data: Path, name: str) -> Subject | None:
    """The card of a subject of which something was learned."""
    with suppress(SubjectError):
        subject = subjects.load(data, name)
        if subject.family and (subjects.folder(data, name) / subjects.WEIGHTS).is_file():
            return subject
    return None
