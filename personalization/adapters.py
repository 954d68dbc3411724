"""What of a model learns, how it is switched off, and how it becomes a file that diffusers reads.

LoRA (Hu et al. 2022), DoRA, OFT and LoKr come from PEFT; "full" moves the weights themselves. Whatever was learned is
published as a LoRA, because that is what every program reads: a LoRA as it is, with alpha multiplied in so that no
reader can lose it; the others as the LoRA nearest to what they did to each layer (``nearest``).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from .families import Family
from .recipe import Recipe

KEPT = 0.999  #: the share of a change's squares that its nearest LoRA keeps, up to MOST_RANKS
MOST_RANKS = 128  #: bounds the file: about 100 MB for a U-Net of 860 million weights
OFT_BLOCK = 32  #: PEFT's own default


@dataclass(frozen=True, slots=True)
class Adapter:
    """What learns: parameters by name, over the parts of a pipeline."""

    kind: str
    parts: dict[str, Any]  #: modules by the name that diffusers gives them
    #: for "full": the weights as they were, by parameter, in the precision that they came in
    base: dict[str, Any] = field(default_factory=dict)

    def parameters(self) -> dict[str, Any]:
        """What learns, in an order that never changes."""
        return {
            f"{part}.{name}": weights
            for part, module in self.parts.items()
            for name, weights in module.named_parameters() if weights.requires_grad
        }  # fmt: skip

    def state(self) -> dict[str, Any]:
        """A copy of what was learned so far."""
        return {name: weights.detach().cpu().clone() for name, weights in self.parameters().items()}

    def restore(self, state: dict[str, Any]) -> None:
        """Put such a copy back."""
        for name, weights in self.parameters().items():
            weights.data.copy_(state[name])

    def follow(self) -> None:
        """What is exchanged for what learns goes where that is now: called after a pipeline was moved."""
        for name, weights in self.parameters().items() if self.base else ():
            self.base[name] = self.base[name].to(weights.device)

    @contextmanager
    def off(self) -> Iterator[None]:
        """The base as it was, for as long as this lasts."""
        self._switch(on=False)
        try:
            yield
        finally:
            self._switch(on=True)

    def _switch(self, *, on: bool) -> None:
        if self.kind == "full":
            import torch

            for name, weights in self.parameters().items():  # exchanged, not copied
                weights.data, self.base[name] = self.base[name], weights.data
            torch.clear_autocast_cache()  # it would go on with the weights that were here
            return
        for module in self.parts.values():
            (module.enable_adapters if on else module.disable_adapters)()

    def layers(self) -> dict[str, dict[str, Any]]:
        """What was learned as LoRA layers, by part: ``layer.lora_A.weight`` (r, ...), ``layer.lora_B.weight``."""
        return {part: dict(self._part(part, module)) for part, module in self.parts.items()}

    def _part(self, part: str, module: Any) -> Iterator[tuple[str, Any]]:
        for name, layer in module.named_modules():
            pair = self._pair(f"{part}.{name}", layer)
            if pair is not None:
                yield f"{name}.lora_A.weight", pair[0].detach().float().cpu().contiguous()
                yield f"{name}.lora_B.weight", pair[1].detach().float().cpu().contiguous()

    def _pair(self, name: str, layer: Any) -> tuple[Any, Any] | None:
        from peft.tuners.tuners_utils import BaseTunerLayer

        if self.kind == "full":
            weights = self.base.get(f"{name}.weight")
            return None if weights is None else nearest(layer.weight.detach() - weights)
        if not isinstance(layer, BaseTunerLayer):
            return None
        if self.kind == "lora":
            plain: Any = layer
            return plain.lora_A["default"].weight, plain.lora_B["default"].weight * plain.scaling["default"]
        return nearest(_change(layer))

    def detach(self) -> None:
        """Leave the base as it was before anything learned."""
        if self.kind == "full":
            self._switch(on=False)
            return
        for module in self.parts.values():
            _bare(module)


def _bare(module: Any) -> None:
    """Put the layers back that an adapter stands before: PEFT's own removal leaves some of them wrapped."""
    from peft.tuners.tuners_utils import BaseTunerLayer

    wrapped = [(name, layer) for name, layer in module.named_modules() if isinstance(layer, BaseTunerLayer)]
    for name, layer in wrapped:
        module.set_submodule(name, layer.get_base_layer())
    del module.peft_config
    module._hf_peft_config_loaded = False  # noqa: SLF001 - what both libraries ask before they load another


def attach(family: Family, pipe: Any, recipe: Recipe) -> Adapter:
    """Make a pipeline able to learn by the recipe; everything else in it is frozen."""
    import torch

    names = [family.PART, *(family.TEXT_PARTS if recipe.text_encoder else ())]
    for module in pipe.components.values():
        if isinstance(module, torch.nn.Module):
            module.requires_grad_(requires_grad=False)
    torch.manual_seed(recipe.seed)  # PEFT draws its first weights from the one global generator
    parts = {name: getattr(pipe, name) for name in names}
    linear = recipe.adapter == "oft"  # PEFT 0.21's convolutions learn by OFT what they do not merge
    chosen = {name: _layers(module, family.targets(name), linear=linear) for name, module in parts.items()}
    if recipe.adapter == "full":
        return _full(parts, chosen)
    for name, module in parts.items():
        module.add_adapter(_config(recipe, chosen[name], family.width(pipe)))
    for weights in (adapter := Adapter(recipe.adapter, parts)).parameters().values():
        weights.data = weights.data.float()  # small steps vanish in half precision
    return adapter


def _full(parts: dict[str, Any], chosen: dict[str, list[str]]) -> Adapter:
    """Every matrix and convolution learns. Norms and biases, under 1 % of the weights, stay: no LoRA can say them."""
    import torch

    base = {}
    for part, module in parts.items():
        for name in chosen[part]:
            weights = module.get_submodule(name).weight
            base[f"{part}.{name}.weight"] = weights.data
            weights.data = weights.data.to(torch.float32, copy=True)
            weights.requires_grad_(requires_grad=True)
    return Adapter("full", parts, base)


def _layers(module: Any, targets: list[str], *, linear: bool) -> list[str]:
    """The full names of the layers that end in one of the targets; ``linear``: without convolutions."""
    import torch

    ends = tuple(f".{target}" for target in targets)
    kinds = (torch.nn.Linear,) if linear else (torch.nn.Linear, torch.nn.Conv2d)
    return [name for name, layer in module.named_modules() if isinstance(layer, kinds) and f".{name}".endswith(ends)]


def _config(recipe: Recipe, layers: list[str], width: int) -> Any:
    import peft

    if recipe.adapter == "oft":
        return peft.OFTConfig(r=0, oft_block_size=min(OFT_BLOCK, max(width // 8, 2)), target_modules=layers)
    if recipe.adapter == "lokr":
        return peft.LoKrConfig(r=recipe.rank, alpha=recipe.alpha, target_modules=layers)
    return peft.LoraConfig(r=recipe.rank, lora_alpha=recipe.alpha, target_modules=layers,
                           use_dora=recipe.adapter == "dora")  # fmt: skip


def _change(layer: Any) -> Any:
    """What an adapter does to its layer's weights."""
    weights = layer.get_base_layer().weight
    before = weights.data.clone()
    layer.merge()
    change = weights.data - before
    layer.unmerge()
    weights.data = before  # unmerging rounds
    return change


def nearest(change: Any, kept: float = KEPT, most: int = MOST_RANKS) -> tuple[Any, Any]:
    """The LoRA of least rank that keeps this share of a change's squares: its singular vectors (Eckart & Young 1936).

    ``change`` is (o, i) or (o, i, k, k). Returns A, (r, i) or (r, i, k, k), and B, (o, r) or (o, r, 1, 1).
    """
    import torch

    left, strength, right = torch.linalg.svd(change.float().flatten(1), full_matrices=False)
    energy = strength.square().cumsum(0)
    rank = int((energy < kept * energy[-1]).sum()) + 1
    rank = min(rank, most, len(strength))
    root = strength[:rank].sqrt()
    down, up = right[:rank] * root[:, None], left[:, :rank] * root
    if change.ndim == 2:
        return down, up
    return down.view(rank, *change.shape[1:]), up.view(len(up), rank, 1, 1)
