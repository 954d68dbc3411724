"""The word that stands for a subject: one that the tokenizer has in one piece and that means nothing yet.

"sks" is used by most guides and is a rifle. So a token is proven: every tokenizer of the base has it as a single id,
and the base's pictures of it agree with each other no more than its pictures of nothing do.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from .errors import TrainingError

TAKEN = {"sks": "it is a rifle"}  #: words that guides recommend and that mean something
TRIED = 5  #: candidates, before the least meaningful of them is taken
PAINTED = 4  #: pictures of each
MEANING = 0.3  #: more agreement than this above nothing's is a meaning
_WORD = re.compile(r"[a-z]{3,4}")
_SHORT = re.compile(r"[a-z]{1,5}")


@dataclass(frozen=True, slots=True)
class Proof:
    """How it went. ``meaning``: 0 for a word painted like no word at all, 1 for one that is always painted alike."""

    token: str
    single: bool
    meaning: float | None  #: None: not painted

    @property
    def holds(self) -> bool:
        return self.single and (self.meaning is None or self.meaning <= MEANING)

    def says(self) -> str:
        if not self.single:
            return f"{self.token!r} is more than one piece to this model"
        if self.meaning is not None and self.meaning > MEANING:
            return f"{self.token!r} already means something to this model"
        return f"{self.token!r} is one piece and means nothing to this model yet"


def refused(token: str) -> str:
    """Why a token is refused whatever the model; "" where it is not."""
    word = token.strip().lower()
    if word in TAKEN:
        return f"{token!r} cannot be the token: {TAKEN[word]}"
    return "" if re.fullmatch(r"\S+", word) else f"the token is one word, not {token!r}"


def single(tokenizers: Sequence[Any], token: str) -> bool:
    """Whether every tokenizer has it, after a space, as one id."""
    return all(len(t(f" {token}", add_special_tokens=False).input_ids) == 1 for t in tokenizers)


def candidates(tokenizers: Sequence[Any], given: str = "") -> Iterator[str]:
    """The given one, then rare words that every tokenizer has whole, the rarest first.

    A byte-pair vocabulary is in the order in which its pieces were found often enough: the last are the rarest.
    Words with a vowel are likelier to be names or words of other languages, and come after those without one.
    """
    if given and not refused(given) and single(tokenizers, given):
        yield given
    vocabulary = sorted(tokenizers[0].get_vocab().items(), key=lambda entry: -entry[1])
    words = [re.sub(r"</w>$|^[Ġ▁]", "", piece) for piece, _ in vocabulary if re.search(r"</w>$|^[Ġ▁]", piece)]
    fitting = [word for word in words if _WORD.fullmatch(word)] or [word for word in words if _SHORT.fullmatch(word)]
    for word in sorted(fitting, key=lambda word: bool(re.search("[aeiouy]", word))):
        if word != given and not refused(word) and single(tokenizers, word):
            yield word


def tokenizers(pipe: Any) -> list[Any]:
    """Those of a pipeline."""
    return [part for name, part in pipe.components.items() if name.startswith("tokenizer") and part is not None]


def proven(found: Iterator[str], meaning: Any) -> Proof:
    """The first candidate that holds, or the least meaningful of TRIED. ``meaning(token)`` asks the base.

    Raises TrainingError where a model has no single piece at all.
    """
    tried: list[Proof] = []
    for token, _ in zip(found, range(TRIED), strict=False):
        proof = Proof(token, single=True, meaning=meaning(token))
        if proof.holds:
            return proof
        tried.append(proof)
    if not tried:
        raise TrainingError("this model's tokenizer has no single piece that could name a subject; choose another base")
    return min(tried, key=lambda proof: proof.meaning or 0)


def agreement(features: Any) -> float:
    """How alike pictures are: the mean cosine of their centred features (B, C, h, w), each pair's best matches."""
    import torch

    cells = torch.nn.functional.normalize(features.flatten(2), dim=1)  # (B, C, n)
    pairs = [(one, other) for one in range(len(cells)) for other in range(len(cells)) if one != other]
    return sum(float((cells[one].T @ cells[other]).amax(1).mean()) for one, other in pairs) / len(pairs)
