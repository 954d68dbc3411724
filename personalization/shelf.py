"""Words that are told to a model again and again, encoded once each and kept in main memory.

Where text encoders do not learn, they are on the device only while something new is said, and the denoiser steps aside
meanwhile; a language model of 4 billion weights is as large as the denoiser that it speaks to. All that a lesson will
say is known before its first step, so learning and measuring have their memory to themselves.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

from .families import Family, Words
from .recipe import Recipe

NOTHING = ""  #: what guidance holds a prompt against


class Shelf:
    """A family, in all but how words reach its denoiser. ``device``: where that works."""

    def __init__(self, family: Family, device: str) -> None:
        self.family, self.device = family, device
        self._words: dict[str, Words] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self.family, name)

    def encode_words(self, pipe: Any, prompts: Sequence[str]) -> Words:
        """As the family's, but in main memory."""
        import torch

        from .sampling import precision

        new = [prompt for prompt in dict.fromkeys(prompts) if prompt not in self._words]
        if new:
            with self._speaking(pipe), torch.no_grad(), precision(pipe):
                for prompt in new:
                    told = self.family.encode_words(pipe, [prompt])
                    self._words[prompt] = {name: part.cpu() for name, part in told.items()}
        each = [self._words[prompt] for prompt in prompts]
        return {name: torch.cat([words[name] for words in each]) for name in each[0]}

    def denoised(self, pipe: Any, noisy: Any, levels: Any, words: Words) -> Any:
        """As the family's; the words are brought to the pictures."""
        return self.family.denoised(pipe, noisy, levels, _there(words, noisy.device))

    def spoken(self, pipe: Any, prompts: Sequence[str]) -> dict[str, Any]:
        """What the pipeline is told instead of prompts."""
        words, nothing = (self.encode_words(pipe, some) for some in (prompts, [NOTHING] * len(prompts)))
        return self.family.embedded(pipe, _there(words, self.device), _there(nothing, self.device))

    def place(self, pipe: Any) -> None:
        """Bring all that works in every step to the device."""
        for module in _modules(pipe):
            moved(module, "cpu" if module in speakers(pipe) else self.device)

    @contextmanager
    def _speaking(self, pipe: Any) -> Iterator[None]:
        """The text encoders are on the device, and the denoiser is not."""
        denoiser, encoders = self.family.denoiser(pipe), speakers(pipe)
        before = denoiser.device
        try:
            moved(denoiser, "cpu")
            for encoder in encoders:
                moved(encoder, self.device)
            yield
        finally:
            for encoder in encoders:
                moved(encoder, "cpu")
            moved(denoiser, before)


def shelved(family: Family, recipe: Recipe, device: str) -> Family:
    """The family, with a shelf where none of its text encoders learns."""
    learns = recipe.text_encoder and family.TEXT_PARTS
    return family if learns else cast("Family", Shelf(family, device))


def spoken(family: Family, pipe: Any, prompts: Sequence[str]) -> dict[str, Any]:
    """How a pipeline is told what to paint, besides the usual."""
    if isinstance(family, Shelf):
        return {**family.spoken(pipe, prompts), **family.asked(pipe)}
    return {"prompt": list(prompts), **family.asked(pipe)}


def ready(family: Family, pipe: Any, prompts: Sequence[str]) -> None:
    """Told beforehand of all that will be said: text encoders that rest then come once, not once for each."""
    if isinstance(family, Shelf):
        family.encode_words(pipe, prompts)


def speakers(pipe: Any) -> list[Any]:
    """A pipeline's text encoders."""
    return [part for name, part in pipe.components.items() if name.startswith("text_encoder") and part is not None]


def moved(module: Any, device: Any) -> None:
    """Move a module's weights; where they are there already, nothing happens."""
    module.to(device)


def _modules(pipe: Any) -> list[Any]:
    import torch

    return [part for part in pipe.components.values() if isinstance(part, torch.nn.Module)]


def _there(words: Words, device: Any) -> Words:
    return {name: part.to(device) for name, part in words.items()}
