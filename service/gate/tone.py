"""How a headline sounds as a whole, by a model of sentences: nearer to grim examples, or to kind ones. Pure.

Nothing is learned: headlines are weighed against sentences of our own (zero-shot, by prototypes; Snell et al. 2017).
What the examples themselves get of one another sets the scale, so that it fits any model.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from . import lexicons

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from service.embedding import Embedding

    Array = NDArray[np.float32]

_NEAREST = 5.0  #: how much more the nearest examples count: 0 is their mean, much more is their maximum


def tones(titles: Sequence[str], embedding: Embedding, languages: Sequence[str] | None = None) -> list[float | None]:
    """Say of each title how it sounds: -1 (as grim as the grim examples are) … 1; none where the model cannot tell.

    ``languages``: each title's own, BCP 47; all in a language the model reads, if none are given.
    """
    import numpy as np

    vectors = embedding.vectors(titles, languages)
    table = lexicons.read("tone.toml")
    grim, kind = embedding.vectors(table["grim"]), embedding.vectors(table["kind"])
    lowest, highest = _near(grim, kind) - _near(grim, grim), _near(kind, kind) - _near(kind, grim)
    middle, half = (highest.mean() + lowest.mean()) / 2, (highest.mean() - lowest.mean()) / 2
    if not half > 0:  # a model to which grim and kind are one
        return [None] * len(titles)
    found = np.clip((_near(vectors, kind) - _near(vectors, grim) - middle) / half, -1, 1)
    lengths = np.linalg.norm(vectors, axis=1)
    return [round(tone, 3) if length else None for tone, length in zip(found.tolist(), lengths.tolist(), strict=True)]


def _near(vectors: Array, examples: Array) -> Array:
    """Nearness of each vector to a group of examples, a soft maximum of cosines. An example is not near to itself."""
    import numpy as np

    powers = np.exp(_NEAREST * (vectors @ examples.T))
    others = np.ones_like(powers)
    if vectors is examples:
        np.fill_diagonal(others, 0)
    near: Array = np.log((powers * others).sum(axis=1) / others.sum(axis=1)) / np.float32(_NEAREST)
    return near
