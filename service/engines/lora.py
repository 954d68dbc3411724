"""Subjects in a model: the weights of who was learned, put on and taken off between pictures.

Where nothing is compiled, several stay in the model beside each other, and one run may paint several of them: PEFT's
layers take an ``adapter_names`` list, one name for each picture. Where the model is compiled there is one place for one
of them, whose numbers are exchanged in place (diffusers' ``enable_lora_hotswap``), so that nothing is compiled again:
https://huggingface.co/docs/diffusers/tutorials/using_peft_for_inference#hotswapping
"""

from __future__ import annotations

import json
import logging
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .job import Learned
from .turns import by_turns

MOST = 4  #: subjects that stay in a model; each has 6 to 200 MB
PLACE = "subject"  #: the adapter whose numbers are exchanged
TARGET_RANK = 64  #: that the place is made for; a LoRA of a higher rank makes a new place
_LONGEST_HEADER = 100_000_000  #: bytes, as the format itself allows
log = logging.getLogger(__name__)


class Unfit(Exception):
    """A subject's weights cannot be used; the message says why and what to do."""


class Wardrobe:
    """The subjects that one pipeline can paint, as they are asked for."""

    def __init__(self, pipe: Any, name: str, *, hotswap: bool = False) -> None:
        """``name``: the model's, for messages; ``hotswap``: one place whose numbers are exchanged."""
        self._pipe, self._name, self.hotswap = pipe, name, hotswap
        self._there: dict[str, Learned] = {}  # adapter -> what it holds; the one used last at the end
        self._full: list[tuple[Any, float]] = []  # layers of the place, with their scaling at full strength
        self.reshaped = 0  #: how often the model got other layers: what was compiled before no longer fits

    def mixes(self, learned: Learned | None) -> bool:
        """Whether it can be painted in one run with others: its weights are the painting model's alone."""
        if self.hotswap:
            return False
        return learned is None or not _kinds(learned) & {"text_encoder", "text_encoder_2", "dora"}

    def dress(self, learned: Learned | None) -> str:
        """What the text encoder wears for it."""
        touched = learned is not None and _kinds(learned) & {"text_encoder", "text_encoder_2"}
        return f"{learned.sha256}*{learned.scale}" if learned and touched else ""

    @contextmanager
    def worn(self, batch: Sequence[Learned | None]) -> Iterator[None]:
        """The model with each picture's subject in it. Raises Unfit."""
        if self.hotswap and len(set(batch)) > 1:
            yield from self._by_turns(batch)
            return
        names = [self.ready(learned) for learned in batch]
        if self.hotswap:
            self._weigh(batch[0])
            yield
        elif not any(names):
            if self._there:
                self._pipe.disable_lora()
            yield
        else:
            yield from self._worn(batch, names)
        self._tidy()

    def _worn(self, batch: Sequence[Learned | None], names: Sequence[str]) -> Iterator[None]:
        scales = {name: learned.scale for name, learned in zip(names, batch, strict=True) if learned}
        self._pipe.enable_lora()
        self._pipe.set_adapters(list(scales), list(scales.values()))
        if len(set(names)) == 1:
            yield
            return
        hooks = [layer.register_forward_pre_hook(_each(names), with_kwargs=True) for layer in self._layers()]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()

    def apart(self, pair: Sequence[Learned]) -> str:
        """Why two cannot be worn in one picture; "" where they can. Raises Unfit."""
        for learned in pair:
            kinds = _kinds(learned)
            if kinds & {"text_encoder", "text_encoder_2"}:
                return f"what was learned of {learned.subject} reaches into the text encoder"
            if "dora" in kinds:
                return f"what was learned of {learned.subject} is a DoRA"
        if self.hotswap and self._numbers(pair) is None:
            first, second = (learned.subject for learned in pair)
            return f"the model is compiled for one, and {second} was learned in other layers than {first}"
        for learned in pair:
            self.ready(learned)
        return ""

    def _by_turns(self, batch: Sequence[Learned | None]) -> Iterator[None]:
        """One place for two: the numbers in it are exchanged before each runs its rows."""
        import torch

        pair = [learned for learned in batch if learned]
        numbers = self._numbers(pair)
        if numbers is None or len(pair) < len(batch):
            raise Unfit(f"{self._name} is compiled, and cannot be worn by these in one run")

        def wear(turn: int) -> None:
            with torch.no_grad():
                torch._foreach_copy_(self._place(), numbers[turn])

        try:
            with by_turns(self._parts()[0], len(batch), wear):
                yield
        finally:
            wear(-1)  # whom the place is known to hold

    def _numbers(self, pair: Sequence[Learned]) -> list[list[Any]] | None:
        """What each puts into the place; None where it is not the same place. Raises Unfit.

        The first of them may make it: then it has to be asked for again.
        """
        for _ in range(2):
            there, taken = self.reshaped, []
            for learned in pair:
                self.ready(learned)
                self._weigh(learned)
                taken.append([tensor.detach().clone() for tensor in self._place()])
            if there == self.reshaped:
                return taken
        return None

    def _place(self) -> list[Any]:
        """The tensors of the place: weights, and how strongly they count."""
        layers = [layer for layer in self._layers() if PLACE in layer.scaling]
        weights = [part[PLACE].weight for layer in layers for part in (layer.lora_A, layer.lora_B)]
        return [*weights, *(layer.scaling[PLACE] for layer in layers)]

    def ready(self, learned: Learned | None) -> str:
        """See that its weights are in the model; the adapter's name, "" for nobody. Raises Unfit."""
        if learned is None:
            return ""
        name = PLACE if self.hotswap else f"s{learned.sha256[:24]}"
        if (there := self._there.get(name)) and there.sha256 == learned.sha256:
            self._there[name] = self._there.pop(name)
            return name
        check(learned, self._name)
        if self.hotswap:
            self._exchange(learned)
        else:
            self._load(learned, name)
        self._there[name] = learned
        return name

    def _tidy(self) -> None:
        while len(self._there) > MOST:
            oldest = next(iter(self._there))
            del self._there[oldest]
            self._pipe.delete_adapters(oldest)

    def _exchange(self, learned: Learned) -> None:
        """Put it into the place; where its layers are others than those there, into a new one."""
        if PLACE in self._there:
            try:
                self._load(learned, PLACE, hotswap=True)
                self._full = self._strengths()
                return
            except Unfit as error:
                log.info("%s needs a place of its own: %s", learned.subject, error)
                self._pipe.delete_adapters(PLACE)
                del self._there[PLACE]
        self._pipe.enable_lora_hotswap(target_rank=max(TARGET_RANK, learned.rank or 0), check_compiled="ignore")
        self._load(learned, PLACE)
        self._full = self._strengths()
        self.reshaped += 1

    def _strengths(self) -> list[tuple[Any, float]]:
        return [(layer, float(layer.scaling[PLACE])) for layer in self._layers() if PLACE in layer.scaling]

    def _weigh(self, learned: Learned | None) -> None:
        """Scale what is in the place; nobody is a scale of nought, since taking it out would reshape the model."""
        for layer, full in self._full:
            layer.scaling[PLACE].fill_(full * learned.scale if learned else 0.0)

    def _load(self, learned: Learned, name: str, **how: Any) -> None:
        path = Path(learned.file)
        try:
            self._pipe.load_lora_weights(
                str(path.parent), weight_name=path.name, adapter_name=name, local_files_only=True, **how
            )
        except Exception as error:
            self._forget(name)
            words = " ".join(str(error).split())[:200]
            raise Unfit(foreign(learned, self._name, words)) from error
        if name not in {each for names in self._pipe.get_list_adapters().values() for each in names}:
            raise Unfit(foreign(learned, self._name, "none of its layers is in this model"))

    def _forget(self, name: str) -> None:
        """Take out what a failed load left half done."""
        if name in self._there:
            return
        for part in self._parts():
            if name in getattr(part, "peft_config", {}):
                part.delete_adapters(name)

    def _parts(self) -> list[Any]:
        named = (getattr(self._pipe, part, None) for part in ("unet", "transformer"))
        return [part for part in named if part is not None]

    def _layers(self) -> list[Any]:
        from peft.tuners.lora import LoraLayer

        return [layer for part in self._parts() for layer in part.modules() if isinstance(layer, LoraLayer)]


def _each(names: Sequence[str]) -> Any:
    """A hook that tells a layer whose adapter each picture of the run wears.

    Guidance without a distilled model runs every picture twice, the whole batch after itself: (2B, ...).
    """
    spelt = [name or "__base__" for name in names]

    def hook(_layer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        rows = len(args[0])
        if rows % len(spelt):
            raise RuntimeError(f"a layer sees {rows} rows for {len(spelt)} pictures")
        return args, kwargs | {"adapter_names": spelt * (rows // len(spelt))}

    return hook


def foreign(learned: Learned, model: str, why: str) -> str:
    """What to do about weights that belong to another model."""
    base = learned.base or "another model"
    return (
        f"the weights of {learned.subject} were learned on {base} and do not fit {model} ({why}): "
        f"learn {learned.subject} on {model}, or paint with {base}"
    )


def check(learned: Learned, model: str) -> None:
    """See that a file holds a LoRA. Reads its header only, and never unpickles. Raises Unfit."""
    keys = _keys(learned)
    if not any("lora" in key.lower() for key in keys):
        raise Unfit(foreign(learned, model, "the file holds no LoRA"))


def _kinds(learned: Learned) -> set[str]:
    """What a LoRA reaches into besides the painting model, and whether it is of the kind DoRA."""
    try:
        keys = _keys(learned)
    except Unfit:
        return set()
    first = {key.partition(".")[0] for key in keys}
    first |= {"text_encoder" for key in keys if key.startswith("lora_te")}
    return first | ({"dora"} if any("dora" in key or "magnitude" in key for key in keys) else set())


def _keys(learned: Learned) -> list[str]:
    """The names of a file's tensors, from its header: eight bytes of length, then JSON, then that many bytes.

    https://github.com/huggingface/safetensors#format
    """
    path = Path(learned.file)
    again = f"learn {learned.subject} again, or bring its file back from a backup"
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > min(_LONGEST_HEADER, path.stat().st_size):
                raise Unfit(f"{path} is no safetensors file (a pickle is never read): {again}")
            header = json.loads(file.read(length))
        ends = [int(entry["data_offsets"][1]) for name, entry in header.items() if name != "__metadata__"]
        if 8 + length + max(ends, default=0) != path.stat().st_size:
            raise Unfit(f"{path} is cut short: {again}")
    except FileNotFoundError:
        raise Unfit(f"{path} is gone: {again}") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, struct.error) as error:
        raise Unfit(f"{path} cannot be read as safetensors ({' '.join(str(error).split())[:120]}): {again}") from error
    return [name for name in header if name != "__metadata__"]
