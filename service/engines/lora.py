"""Subjects in a model: the weights of who was learned, put on and taken off between pictures.

Where nothing is compiled, several stay in the model beside each other, and one run may paint several of them: PEFT's
layers take an ``adapter_names`` list, one name for each picture. Where the model is compiled there is one place for one
of them, whose numbers are exchanged in place (diffusers' ``enable_lora_hotswap``), so that nothing is compiled again:
https://huggingface.co/docs/diffusers/tutorials/using_peft_for_inference#hotswapping
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from .job import Learned
from .lora_file import Unfit, check, foreign, kinds, sha256
from .turns import by_turns

MOST = 4  #: subjects that stay in a model; each has 6 to 200 MB
PLACE = "subject"  #: the adapter whose numbers are exchanged
TARGET_RANK = 64  #: that the place is made for; a LoRA of a higher rank makes a new place
log = logging.getLogger(__name__)


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
        return learned is None or not kinds(learned) & {"text_encoder", "text_encoder_2", "dora"}

    def dress(self, learned: Learned | None) -> str:
        """What the text encoder wears for it."""
        touched = learned is not None and kinds(learned) & {"text_encoder", "text_encoder_2"}
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
            reached = kinds(learned)
            if reached & {"text_encoder", "text_encoder_2"}:
                return f"what was learned of {learned.subject} reaches into the text encoder"
            if "dora" in reached:
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
        self._sure(learned, name)
        return name

    def _sure(self, learned: Learned, name: str) -> None:
        """See that what was read is what the recipe will name: it may be published anew at any moment. Raises Unfit."""
        there = replace(learned, sha256=sha256(learned))
        if there.sha256 == learned.sha256 or self.hotswap:
            self._there[name] = there
        else:
            self._pipe.delete_adapters(name)
        if there.sha256 != learned.sha256:
            raise Unfit(
                f"what was learned of {learned.subject} was published anew just now: it is worn at the next try"
            )

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
