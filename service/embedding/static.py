"""Static embeddings: a sentence is the mean of its tokens' vectors. Models of model2vec (Tulkens & van Dongen 2024)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from service.errors import ConfigError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from .weights import Tensors

_NAMES = ("embeddings", "embedding.weight")  #: in model2vec's files, and in sentence-transformers'


class Static:
    """The vectors of one model. ``weights`` and ``mapping`` are there where its vocabulary was quantised."""

    def __init__(self, tensors: Tensors) -> None:
        """Take the arrays of a model2vec file; raises ConfigError for another."""
        found = next((tensors[name] for name in _NAMES if name in tensors), None)
        if found is None or found.ndim != 2:
            raise ConfigError("no static embeddings in the file: model2vec calls them 'embeddings'")
        self._vectors: NDArray[Any] = found
        self._weights, self._mapping = tensors.get("weights"), tensors.get("mapping")
        self.dimensions = int(found.shape[1])
        self.words = len(found if self._mapping is None else self._mapping)
        if self._mapping is not None and not 0 <= self._mapping.min(initial=0) <= self._mapping.max(initial=0) < len(
            found
        ):
            raise ConfigError("the mapping of the static embeddings points outside of them")

    def encode(self, sentences: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """Embed sentences of token numbers, without marks around them; none at all gives zeros. (n, d)."""
        import numpy as np

        found = np.zeros((len(sentences), self.dimensions), dtype=np.float32)
        for at, sentence in enumerate(sentences):
            if sentence:
                found[at] = self._rows(np.array(sentence, dtype=np.intp)).mean(axis=0)
        return found

    def _rows(self, ids: NDArray[np.intp]) -> NDArray[np.float32]:
        import numpy as np

        rows = self._vectors[ids if self._mapping is None else self._mapping[ids]].astype(np.float32)
        return rows if self._weights is None else rows * self._weights[ids, None].astype(np.float32)
