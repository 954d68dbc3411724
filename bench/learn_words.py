"""Learn what English words that no list knows weigh: bench/learn_words.py WORDS.txt > service/gate/data/learnt.tsv

WORDS.txt has a word a line: the commoner ones of SCOWL's american-english. A ridge regression from the vectors of
all-MiniLM-L6-v2 to the weights of our lists and of VADER is asked about the rest. Only what it finds clearly grave is
kept: a guess may make a story graver, never kinder.
Rothe, Ebert & Schütze, "Ultradense Word Embeddings by Orthogonal Transformation", NAACL 2016, induce lexicons likewise.
"""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))

from service.embedding import load
from service.gate import lexicons, topics

SHORTEST = 4  #: letters
GRAVE = -1.0  #: the weight from which a word is kept
LOWEST = -2.0  #: what a learnt word weighs at most
NEUTRAL = 15_000  #: words without a label that stand for all that weigh nothing
NEUTRAL_SHARE = 0.35  #: of a labelled word's say
SMOOTHING = 1.0
HEAD = (
    "# Words of SCOWL (copyright 2000-2011 Kevin Atkinson) and what they weigh, -2 ... -1: learnt from our lists and"
    " VADER's through the vectors of all-MiniLM-L6-v2 (Apache-2.0) by bench/learn_words.py."
)


def label(word, valences):
    """The weight a list gives a word by itself, None where no list has it."""
    hits = [hit for hit in lexicons.scan("en", (word,)) if hit.kind in lexicons.SCORED]
    return topics.weight_of(hits[0]) if hits else valences.get(word)


def learn(vectors, weights, neutral):
    """The ridge regression from vectors to weights, a bias last."""
    features = np.vstack([with_bias(vectors), with_bias(neutral)])
    say = np.concatenate([np.ones(len(vectors)), np.full(len(neutral), NEUTRAL_SHARE)])
    wanted = np.concatenate([weights, np.zeros(len(neutral))])
    weighted = (features * say[:, None]).T
    return np.linalg.solve(weighted @ features + SMOOTHING * np.eye(features.shape[1]), weighted @ wanted)


def with_bias(vectors):
    return np.hstack([vectors, np.ones((len(vectors), 1))])


def main():
    if len(sys.argv) < 2:
        print("nothing learnt: give a file of words, one a line (--help is this file's first lines)", file=sys.stderr)
        return
    words = Path(sys.argv[1]).read_text(encoding="utf-8").split()
    valences = lexicons.vader()
    plain = {word for word in words if word.isascii() and word.isalpha() and word.islower() and len(word) >= SHORTEST}
    labels = {word: label(word, valences) for word in sorted(plain | {word for word in valences if word.isalpha()})}
    known = [word for word, weight in labels.items() if weight is not None]
    unknown = [word for word, weight in labels.items() if weight is None]
    model = load("minilm")
    vectors = np.asarray(model.vectors(unknown))
    neutral = np.random.default_rng(0).permutation(len(unknown))[:NEUTRAL]
    weights = np.clip([labels[word] for word in known], -3.0, 2.5)
    found = with_bias(vectors) @ learn(np.asarray(model.vectors(known)), weights, vectors[neutral])
    print(HEAD)
    for word, weight in zip(unknown, found.tolist(), strict=True):
        if weight <= GRAVE:
            print(f"{word}\t{max(LOWEST, weight):.1f}")


if __name__ == "__main__":
    main()
