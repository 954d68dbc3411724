"""How a headline sounds as a whole. All headlines are our own."""

import numpy as np
import pytest

from service.embedding import Embedding, load
from service.embedding.static import Static
from service.gate.tone import tones
from service.gate.verdict import decide, judge
from service.model import Decision


@pytest.fixture(scope="module")
def minilm():
    return load("minilm")


GRIM = [
    "Militants behead captive journalist",
    "Toddler drowns in hotel pool",
    "Death toll climbs as aftershocks hit flattened towns",
    "Regime warns it will launch warheads at its neighbour",
]
KIND = [
    "Orphaned seal pup returns to the ocean",
    "Pianist, 94, gives a sparkling farewell concert",
    "Vaccine ends a disease for good",
    "Home side lift the cup after a thrilling final",
]


def test_grim_and_kind_are_told_apart(minilm):
    """Headlines that no example has words of sound grim or kind by what they mean."""
    assert max(tones(GRIM, minilm)) < -0.25
    assert min(tones(KIND, minilm)) > 0.2


def test_a_tone_is_bounded(minilm):
    """From -1 to 1, whatever is written."""
    odd = ["", "war " * 300, "Bomb attack kills many, gunman shot dead, child murdered", "🎉", "\x00", "x" * 10_000]
    assert all(-1 <= tone <= 1 for tone in tones(odd, minilm))
    assert tones([], minilm) == []


def test_a_language_the_model_does_not_know_has_no_tone(minilm):
    """MiniLM reads English: it says nothing of a German headline."""
    told = tones(["Anschlag in Wien", KIND[0]], minilm, ["de", "en-US"])
    assert told[0] is None
    assert told[1] > 0.2


def test_a_model_that_tells_nothing_apart_has_no_say():
    """Where grim and kind examples have the same vectors, no headline has a tone."""
    dull = Embedding(lambda text: [0], Static({"embeddings": np.ones((1, 4), dtype=np.float32)}))
    assert tones(KIND, dull) == [None] * len(KIND)


def test_a_tone_moves_gravity(minilm):
    """Beside the word lists, a grim tone makes a headline graver and a kind one lighter; none changes nothing."""
    for title in (*GRIM, *KIND, "Committee meets on Monday"):
        plain, none = judge(title), judge(title, tone=None)
        assert judge(title, tone=-0.8).gravity >= plain.gravity >= judge(title, tone=0.8).gravity
        assert none == plain
        assert judge(title, tone=0.0).gravity == plain.gravity
    assert decide(judge("Committee meets on Monday", tone=-0.9), 0) is Decision.TEXT_ONLY


def test_no_tone_lifts_a_veto():
    """However kind a headline sounds to a model, a topic under veto is not painted, and nobody appears in it."""
    verdict = judge("Gunman kills five at birthday party", tone=1.0)
    assert decide(verdict, -10) is not Decision.PAINT
    assert not verdict.subject_allowed


def test_nobody_appears_where_a_headline_sounds_grim():
    """A subject needs a headline that neither its words nor its tone speak against."""
    title = "Village choir wins the national title and celebrates"
    assert judge(title, tone=0.0).subject_allowed
    assert not judge(title, tone=-0.2).subject_allowed
