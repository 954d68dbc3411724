"""Which model a machine should paint with, and how to hold it: facts and cards in, a choice with reasons out. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from ..errors import EngineError
from ..subjects import Subject
from .cards import Accelerator, Card, Held

_NEARLY = 0.93  #: a GPU of "24 GB" shows 22.5 where it checks its memory; a machine of 16 GB has 15.5


@dataclass(frozen=True, slots=True)
class Machine:
    """What a model can be run on."""

    device: Accelerator
    name: str = ""  #: of the accelerator, for people
    vram_gb: float = 0  #: of the accelerator, in GiB as makers count; 0 where it has none of its own
    ram_gb: float = 0
    bfloat16: bool = True  #: whether the accelerator counts in that
    quantises: frozenset[str] = field(default_factory=frozenset)  #: what installed packages can: "int8", "int4"


@dataclass(frozen=True, slots=True)
class Rung:
    """One way to hold a model; a ladder of them saves more and more memory, at the cost of speed, then of detail."""

    how: str  #: completes "it is held …"
    tiny_vae: bool = False  #: decode with the card's tiny decoder
    tiles: bool = False  #: decode piece by piece
    offload: Literal["", "parts", "layers"] = ""  #: what is on the GPU at a time; a model in layers is 14 times slower
    share: float = 1.0  #: of the pixels it was trained at


@dataclass(frozen=True, slots=True)
class Choice:
    """A model, how it is held, and why, in words."""

    card: Card
    held: Held
    device: Accelerator
    why: str
    notes: tuple[str, ...] = ()  #: what this choice cannot do that was wanted


def rungs(card: Card, device: str = "cuda") -> tuple[Rung, ...]:
    """The ladder for a model, the fastest first. What a processor or unified memory would not gain by is left out."""
    tiny = card.tiny_vae is not None
    ladder = [Rung("whole"), *([Rung("with a tiny decoder", tiny_vae=True)] if tiny else [])]
    ladder.append(Rung("with its pictures decoded in tiles", tiny_vae=tiny, tiles=True))
    if not device.startswith(("cpu", "mps")):
        ladder += [Rung("in parts", tiles=True, offload="parts"), Rung("in layers", tiles=True, offload="layers")]
    last = ladder[-1]
    return (*ladder, replace(last, how=f"{last.how}, for pictures of half the size", share=0.5))


def ladder_on(card: Card, *devices: str) -> tuple[Rung, ...]:
    """That ladder for the first of these that names a device."""
    return rungs(card, _named(devices))


def in_main_memory(*devices: str) -> bool:
    """Whether pictures are painted there, on the first of these that names a device: then each rung saves some of it.

    What a GPU's own memory is spared by, parts and layers that wait in main memory, takes more of that.
    """
    return _named(devices).startswith(("cpu", "mps"))


def _named(devices: Iterable[str]) -> str:
    return next((device for device in devices if device not in ("", "auto")), "cuda")


def rung_of(card: Card, held: Held, device: str = "cuda") -> int:
    """The place of a card's way in that ladder; the first where the ladder has no such rung."""
    ways = [rung.how for rung in rungs(card, device)]
    return ways.index(held.how) if held.how in ways else 0


def fit(card: Card, machine: Machine) -> Held | None:
    """The best way in which this machine can run a model, if there is one."""
    if card.bfloat16 and not machine.bfloat16:
        return None
    return next((held for held in card.held if _fits(held, machine)), None)


def _fits(held: Held, machine: Machine) -> bool:
    enough = machine.vram_gb >= held.vram_gb * _NEARLY and machine.ram_gb >= held.ram_gb * _NEARLY
    return held.on == machine.device and enough and (not held.quantise or held.quantise in machine.quantises)


def hold(card: Card, machine: Machine) -> Held:
    """How to begin with a model that the owner chose: as it fits, else in the most thrifty of its ways."""
    ways = [held for held in card.held if held.on == machine.device and not held.quantise]
    return fit(card, machine) or (ways[-1] if ways else Held(on=machine.device))


def choose(machine: Machine, cards: Mapping[str, Card], learned: Sequence[Subject] = ()) -> Choice:
    """The model for a machine. Of those that are free for any use, one on which most of the subjects were learned,
    else the first that fits. Raises EngineError where none does.
    """
    able = list(_able(machine, cards))
    if not able:
        raise EngineError(
            f'model = "auto" finds no model for {described(machine)}: the smallest needs 8 GB of memory; '
            "use papercut, or images-api for a model on another machine"
        )
    card, held = max(able, key=lambda each: sum(suits(each[0], subject) for subject in learned))
    notes = tuple(_lost(card, subject, cards) for subject in learned if subject.family and not suits(card, subject))
    return Choice(card, held, held.on, _why(card, held, machine, learned), notes)


def _able(machine: Machine, cards: Mapping[str, Card]) -> Iterator[tuple[Card, Held]]:
    """What may be chosen and fits: on the accelerator by preference, else on the processor."""
    ranked = sorted((card for card in cards.values() if card.auto and card.free), key=lambda card: card.auto)
    found = [(card, held) for card in ranked if (held := fit(card, machine))]
    alone = replace(machine, device="cpu", bfloat16=True)
    yield from found or [(card, held) for card in ranked if (held := fit(card, alone))]


def suits(card: Card, subject: Subject) -> bool:
    """Whether what was learned of a subject can be used with a model: its weights suit no other base."""
    return card.learning is not None and subject.family == card.learning.family and subject.base in card.bases


def described(machine: Machine) -> str:
    """A machine in words."""
    if machine.device == "cpu":
        return f"a processor with {machine.ram_gb:.0f} GB of memory"
    if machine.device == "mps":
        return f"{machine.name or 'Apple silicon'} with {machine.ram_gb:.0f} GB of memory"
    return f"{machine.name or 'a GPU'} with {machine.vram_gb:.0f} GB"


def terms(card: Card) -> str:
    """A card's licence and size, in words."""
    if card.licence is None:
        return "its licence is not known"
    use = "free for commercial use, too" if card.licence.commercial else "not free for commercial use"
    return f"{card.licence.name}, {use} ({card.licence.page}); {card.download_gb:g} GB to fetch, once"


def _why(card: Card, held: Held, machine: Machine, learned: Sequence[Subject]) -> str:
    way = f"held {held.how}" + (f" as {held.quantise}" if held.quantise else "")
    steps = card.few_step.steps if held.few_step and card.few_step else card.steps
    on = described(machine if held.on == machine.device else replace(machine, device="cpu"))
    why = f"{card.name}, {way}, in {steps} steps: the best that fits {on}"
    theirs = [subject.name for subject in learned if suits(card, subject)]
    return f"{why} and on which {_listed(theirs)} was learned" if theirs else why


def _lost(card: Card, subject: Subject, cards: Mapping[str, Card]) -> str:
    base = next((known.name for known in cards.values() if suits(known, subject)), subject.base or subject.family)
    lost = f"{subject.name} was learned on {base}, which {card.name} cannot use"
    if card.references or card.ip_adapter:
        return f"{lost}: it paints from photos instead where it may be shown any, else any {subject.class_noun}"
    return f"{lost}: it paints any {subject.class_noun} instead"


def _listed(names: Iterable[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last
