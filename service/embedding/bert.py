"""A BERT encoder in numpy, for sentence embeddings: forward only, no dropout, the mean of the last layer's tokens.

Devlin et al. 2019, "BERT: Pre-training of Deep Bidirectional Transformers"; pooled as Reimers & Gurevych 2019,
"Sentence-BERT". Sentences of one length go through together, so that nothing needs padding or a mask.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from service.errors import ConfigError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from .weights import Tensors

    Array = NDArray[np.float32]

BATCH = 32  #: sentences at once: more are no faster, and take memory

# erf(x) = 1 - polynomial(1 / (1 + p x)) exp(-x^2): Abramowitz & Stegun 1964, 7.1.26, within 1.5e-7
_ERF_P = 0.3275911
_ERF = (1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592)


class Bert:
    """The encoder of one model: its weights, where they lie, and its sizes."""

    def __init__(self, tensors: Tensors, config: Mapping[str, Any]) -> None:
        """Take weights named as in ``transformers.BertModel``; raises ConfigError for a model of another make."""
        if config.get("hidden_act") != "gelu" or config.get("position_embedding_type", "absolute") != "absolute":
            raise ConfigError("only BERT models with exact GELU and absolute positions can be read")
        self._tensors = {name.removeprefix("bert."): array for name, array in tensors.items()}
        try:
            self.layers, self.heads = int(config["num_hidden_layers"]), int(config["num_attention_heads"])
            self.dimensions, self.longest = int(config["hidden_size"]), int(config["max_position_embeddings"])
            self._eps = float(config.get("layer_norm_eps", 1e-12))
            self.words = len(self._tensors["embeddings.word_embeddings.weight"])
            self.encode([[0, 0]])  # every matrix is there, and fits the next
        except (LookupError, TypeError, ValueError, ArithmeticError) as error:
            raise ConfigError(f"the model's weights and its config.json do not go together ({error!r})") from error

    def encode(self, sentences: Sequence[Sequence[int]]) -> Array:
        """Embed sentences of token numbers, the marks around them included. (n, d), of any length."""
        import numpy as np

        found = np.zeros((len(sentences), self.dimensions), dtype=np.float32)
        lengths: dict[int, list[int]] = {}
        for at, sentence in enumerate(sentences):
            lengths.setdefault(len(sentence), []).append(at)
        for rows in lengths.values():
            for start in range(0, len(rows), BATCH):
                part = rows[start : start + BATCH]
                found[part] = self._forward(np.array([sentences[at] for at in part], dtype=np.intp))
        return found

    def _forward(self, ids: NDArray[np.intp]) -> Array:
        known = self._tensors
        words = known["embeddings.word_embeddings.weight"][ids]  # (b, n, d)
        places = known["embeddings.position_embeddings.weight"][: ids.shape[1]]
        states = self._normed(words + places + known["embeddings.token_type_embeddings.weight"][0], "embeddings")
        for layer in range(self.layers):
            states = self._layer(states, f"encoder.layer.{layer}")
        pooled: Array = states.mean(axis=1)
        return pooled

    def _layer(self, states: Array, name: str) -> Array:
        mixed = self._linear(self._attention(states, f"{name}.attention.self"), f"{name}.attention.output.dense")
        states = self._normed(states + mixed, f"{name}.attention.output")
        widened = _gelu(self._linear(states, f"{name}.intermediate.dense"))
        return self._normed(states + self._linear(widened, f"{name}.output.dense"), f"{name}.output")

    def _attention(self, states: Array, name: str) -> Array:
        import numpy as np

        many, length, width = states.shape
        split = (many, length, self.heads, width // self.heads)
        query, key, value = (
            self._linear(states, f"{name}.{part}").reshape(split).transpose(0, 2, 1, 3)  # (b, h, n, d / h)
            for part in ("query", "key", "value")
        )
        scores = query @ key.swapaxes(2, 3) / np.float32(split[3] ** 0.5)  # (b, h, n, n)
        scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
        scores /= scores.sum(axis=-1, keepdims=True)
        seen: Array = (scores @ value).transpose(0, 2, 1, 3).reshape(states.shape)
        return seen

    def _linear(self, states: Array, name: str) -> Array:
        flat = states.reshape(-1, states.shape[-1])  # one product of matrices, not one for each sentence
        weight: Array = self._tensors[f"{name}.weight"]
        found = flat @ weight.T
        found += self._tensors[f"{name}.bias"]
        shaped: Array = found.reshape(*states.shape[:-1], -1)
        return shaped

    def _normed(self, states: Array, name: str) -> Array:
        import numpy as np

        states = states - states.mean(axis=-1, keepdims=True)
        spread = np.sqrt((states**2).mean(axis=-1, keepdims=True) + np.float32(self._eps))
        states /= spread
        states *= self._tensors[f"{name}.LayerNorm.weight"]
        states += self._tensors[f"{name}.LayerNorm.bias"]
        return states


def _gelu(x: Array) -> Array:
    """Each number times the normal distribution's share below it (Hendrycks & Gimpel 2016)."""
    import numpy as np

    size = np.abs(x) * np.float32(0.5**0.5)
    part = 1 / (1 + np.float32(_ERF_P) * size)
    sum_ = np.full_like(part, _ERF[0])
    for factor in _ERF[1:]:
        sum_ *= part
        sum_ += np.float32(factor)
    sum_ *= part
    size *= size
    np.negative(size, out=size)
    sum_ *= np.exp(size, out=size)  # 1 - erf(|x| / sqrt 2)
    sum_ *= np.float32(0.5)
    found: Array = x * np.where(x < 0, sum_, 1 - sum_)
    return found
