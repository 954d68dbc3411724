"""What learning would need, counted without needing it: the model runs once on torch's "meta" device, where tensors
have shapes and no memory, and what autograd would keep is added up.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .adapters import Adapter
from .families import Family
from .plan import Demand, Room
from .recipe import Recipe
from .sampling import AT_ONCE


def counted(family: Family, pipe: Any, adapter: Adapter, recipe: Recipe, *, half: bool) -> Demand:
    """The demand of a loaded pipeline whose adapter is attached. ``half``: in half precision, as on a GPU."""
    width = 2 if half else 4
    text = [part for name, part in pipe.components.items() if name.startswith("text_encoder") and part is not None]
    whole, between = (_kept(family, pipe, recipe, half=half, thrifty=thrifty) for thrifty in (False, True))
    return Demand(
        denoiser=_weights(family.denoiser(pipe)) * width, text=sum(map(_weights, text)) * width,
        decoder=_weights(pipe.vae) * width, learning=sum(p.numel() for p in adapter.parameters().values()),
        activations=whole.kept, checkpointed=between.kept + whole.block, stays=recipe.stays,
        painting=2 * AT_ONCE * 4 * whole.tensor,  # with and without the prompt; a layer's in- and outputs
        text_learns=recipe.text_encoder and bool(family.TEXT_PARTS),
    )  # fmt: skip


def room(device: str) -> Room:
    """What this machine has free now."""
    import importlib.util

    import torch

    ram = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES")
    gpu = torch.cuda.mem_get_info(device)[0] if device.startswith("cuda") else None
    return Room(gpu, max(ram, _available()), importlib.util.find_spec("bitsandbytes") is not None and gpu is not None)


def _available() -> int:
    """Linux's own estimate of what can be had without swapping, bytes; 0 elsewhere."""
    try:
        with Path("/proc/meminfo").open(encoding="ascii") as file:
            lines = dict(line.split(":", 1) for line in file)
    except OSError:
        return 0
    return int(lines.get("MemAvailable", "0 kB").split()[0]) * 1024


def _weights(module: Any) -> int:
    return sum(weights.numel() for weights in module.parameters())


@dataclass(slots=True)
class _Tally:
    """What one forward pass keeps, in bytes."""

    kept: int = 0
    tensor: int = 0  #: the largest
    block: int = 0  #: the most that any block keeps, of those that checkpointing would repeat
    held: list[Any] = field(default_factory=list)  #: a storage that was let go could be given out again
    known: set[int] = field(default_factory=set)

    def add(self, tensor: Any) -> Any:
        """Told of everything that autograd keeps."""
        storage = tensor.untyped_storage()
        ours = tensor.device.type == "meta" and not (tensor.is_leaf and tensor.requires_grad) and not _map(tensor)
        if ours and storage._cdata not in self.known:  # noqa: SLF001 - tensors without memory have no address
            self.known.add(storage._cdata)  # noqa: SLF001
            self.held.append(tensor)
            self.kept += storage.nbytes()
            self.tensor = max(self.tensor, storage.nbytes())
        return tensor


def _map(tensor: Any) -> bool:
    """Whether it is an attention map: as kernels for training never keep one (Dao et al. 2022), it does not count."""
    return tensor.ndim in (3, 4) and tensor.shape[-2] >= 64 and tensor.shape[-1] in (tensor.shape[-2], 77)


def _kept(family: Family, pipe: Any, recipe: Recipe, *, half: bool, thrifty: bool) -> _Tally:
    """Run the denoiser once for one picture, without memory."""
    import torch

    denoiser = family.denoiser(pipe)
    dtype = torch.bfloat16 if half else torch.float32
    latent, words = family.shapes(pipe, recipe.side_px)
    noisy = torch.empty(1, *latent, device="meta", dtype=dtype)
    told = {name: torch.empty(1, *shape, device="meta", dtype=dtype) for name, shape in words.items()}
    tally = _Tally()

    class Asked(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.denoiser = denoiser

        def forward(self) -> Any:
            return family.denoised(pipe, noisy, family.low(pipe, 0.5), told)

    weights = {f"denoiser.{name}": _ghost(tensor, dtype)
               for name, tensor in (*denoiser.named_parameters(), *denoiser.named_buffers())}  # fmt: skip
    tally.known.update(weight.untyped_storage()._cdata for weight in weights.values())  # noqa: SLF001 - counted already
    watching = torch.autograd.graph.saved_tensors_hooks(tally.add, lambda tensor: tensor)
    with _thrift(denoiser, on=thrifty), _watched(denoiser, tally), watching:
        torch.func.functional_call(Asked(), weights, ())
    return tally


def _ghost(tensor: Any, dtype: Any) -> Any:
    import torch

    kind = dtype if tensor.is_floating_point() else tensor.dtype
    return torch.empty_like(tensor, device="meta", dtype=kind).requires_grad_(tensor.requires_grad)


@contextmanager
def _thrift(denoiser: Any, *, on: bool) -> Iterator[None]:
    if on:
        denoiser.enable_gradient_checkpointing()
    try:
        yield
    finally:
        denoiser.disable_gradient_checkpointing()


@contextmanager
def _watched(denoiser: Any, tally: _Tally) -> Iterator[None]:
    """Note what each block keeps."""
    hooks: list[Any] = []
    began: dict[int, int] = {}
    for name, module in denoiser.named_modules():
        if name and hasattr(module, "gradient_checkpointing"):
            hooks.append(module.register_forward_pre_hook(lambda m, *_: began.__setitem__(id(m), tally.kept)))
            hooks.append(module.register_forward_hook(lambda m, *_: setattr(
                tally, "block", max(tally.block, tally.kept - began[id(m)]))))  # fmt: skip
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
