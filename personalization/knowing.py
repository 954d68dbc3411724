"""Which things a base knows: to ask a model for what it takes for noise shows nothing and holds nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from . import sampling
from .families import Family
from .shelf import ready

KNOWN = 0.1  #: a thing changes the answer at least so much as the one that changes it most
LEVEL = 0.9  #: how much noise is asked about: where what a picture shows is decided
CONTEXTS = 4


def known(family: Family, pipe: Any, things: Sequence[str], **told: Any) -> list[str]:
    """Those of some things that change the base's answer, against a word that means nothing to it.

    The adapter must be off. ``told``: ``word``, the one that means nothing; ``tails``, what prompts say after a thing;
    ``side_px``. At the widest gap this is a factor of thirty: a small world's own things against all other nouns.
    """
    import torch

    latent, _ = family.shapes(pipe, told["side_px"])
    noise = torch.randn(1, *latent, generator=torch.Generator().manual_seed(0)).to(pipe.device)
    level = family.low(pipe, LEVEL)

    def answer(thing: str, tail: str) -> Any:
        with torch.no_grad(), sampling.precision(pipe):
            words = family.encode_words(pipe, [f"a {thing}{tail}"])
            return family.denoised(pipe, noise.to(family.denoiser(pipe).dtype), level, words).float()

    tails = list(dict.fromkeys(told["tails"]))[:CONTEXTS]
    ready(family, pipe, [f"a {thing}{tail}" for thing in (told["word"], *things) for tail in tails])
    still = [answer(told["word"], tail) for tail in tails]
    changes = {
        thing: sum(float((answer(thing, tail) - base).square().mean()) for tail, base in zip(tails, still, strict=True))
        for thing in things
    }
    most = max(changes.values(), default=0.0)
    return [thing for thing, change in changes.items() if change >= KNOWN * most]
