"""The prompts that a text encoder has read, so that it need not read them again.

A critic's second try, a batch and the empty negative prompt ask for the same words again and again. Each text is
encoded alone, whatever batch it comes in: what it becomes does not depend on its neighbours.
"""

from __future__ import annotations

import inspect
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

MOST_BYTES = 256_000_000  #: FLUX.2-klein's embedding of one prompt has 8 MB, Stable Diffusion's 0.2 MB
_TEXTS = ("prompt", "prompt_2", "prompt_3", "negative_prompt", "negative_prompt_2", "negative_prompt_3")


class Embeddings:
    """Stands in for a pipeline's ``encode_prompt``. The oldest go where the newest need the room."""

    def __init__(self, encode: Callable[..., Any], most_bytes: int = MOST_BYTES) -> None:
        self._encode, self._most = encode, most_bytes
        self._names = inspect.signature(encode)
        self._known: OrderedDict[object, tuple[Any, int]] = OrderedDict()
        self.dress = ""  #: what the text encoder wears (a subject's adapter), as that changes what it makes of words
        self.bytes = self.read = 0

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """What ``encode_prompt`` gives for these prompts, from memory where it can be."""
        told = dict(self._names.bind(*args, **kwargs).arguments)
        told |= told.pop("kwargs", {})
        many = {name: value for name, value in told.items() if name in _TEXTS and value is not None}
        prompts = many.get("prompt")
        plain = all(_plain(value) for name, value in told.items() if name not in _TEXTS)
        if not isinstance(prompts, list) or not plain or told.get("num_images_per_prompt", 1) != 1:
            return self._encode(*args, **kwargs)
        singles = [
            told | {name: [value[place]] if isinstance(value, list) else value for name, value in many.items()}
            for place in range(len(prompts))
        ]
        joined = together([self._one(single) for single in singles])
        return self._encode(*args, **kwargs) if joined is None else joined

    def _one(self, told: Mapping[str, Any]) -> Any:
        key = (self.dress, *((name, repr(value)) for name, value in sorted(told.items())))
        if key in self._known:
            self._known.move_to_end(key)
            return self._known[key][0]
        self.read += 1
        made = self._encode(**told)
        self._known[key] = made, _bytes(made)
        self.bytes += self._known[key][1]
        while self.bytes > self._most and len(self._known) > 1:
            self.bytes -= self._known.popitem(last=False)[1][1]
        return made


def together(parts: Sequence[Any]) -> Any:
    """The encodings of single prompts as those of a batch; None where their lengths do not fit each other.

    A tensor whose first side is 1 is a batch of one; any other is the same for every prompt (positions of words).
    """
    import torch

    first = parts[0]
    if len(parts) == 1:
        return first
    if isinstance(first, torch.Tensor):
        if first.shape[:1] != (1,):
            return first
        return torch.cat(list(parts)) if len({part.shape for part in parts}) == 1 else None
    if isinstance(first, list):
        return [each for part in parts for each in part]
    if isinstance(first, tuple):
        sides = [together(side) if side[0] is not None else None for side in zip(*parts, strict=True)]
        lost = any(made is None and side is not None for made, side in zip(sides, first, strict=True))
        return None if lost else tuple(sides)
    return first


def _plain(value: Any) -> bool:
    return value is None or type(value).__name__ in ("bool", "int", "float", "str", "device", "dtype", "tuple")


def _bytes(made: Any) -> int:
    if isinstance(made, tuple | list):
        return sum(map(_bytes, made))
    return int(made.nbytes) if hasattr(made, "nbytes") else 0
