"""Type: words broken, lines fitted, faces chosen, ages told. No engine but where a width must be a drawn one."""

from datetime import UTC, datetime, timedelta
from functools import cache

import pytest
from fontTools.ttLib import TTFont
from hypothesis import given, settings, strategies as st

from service.compose import fonts
from service.compose.ages import age, kicker, label
from service.compose.fit import Room, fit
from service.compose.languages import direction, language, line_height, script
from service.compose.words import graphemes, shortened, tidy, units

from .headlines import HOSTILE, SCRIPTS

NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
ROOM = Room(800, 200, 3, 62, 40)


def rough(texts):
    """Widths as a typewriter would have them: wide characters 1 em, others half."""
    return [sum(1.0 if ord(c) > 0x2E80 or c == "W" else 0.5 for c in t) for t in texts]


def lines_of(text, room=ROOM, tag="en"):
    return fit(text, tag, room, rough, line_height=1.1, tracking=0.0)


anything = st.text(st.characters(codec="utf-8"), min_size=1, max_size=400)
spoken = st.lists(
    st.sampled_from(
        [
            "Alps",
            "night",
            "trains",
            "a",
            "of",
            "Straßenbahn",
            "東京",
            "दिल्ली",
            "القاهرة",
            "12",
            "–",
            "km,",
            "WWWWWWWWWWWWWWWW",
        ]
    ),
    min_size=1,
    max_size=60,
)


@settings(max_examples=80, deadline=None)
@given(
    anything | spoken.map(" ".join),
    st.floats(60, 1400),
    st.floats(12, 400),
    st.integers(1, 6),
    st.sampled_from(["en", "de", "ja", "th", "ko", "und"]),
)
def test_no_line_is_wider_than_its_box(text, width, height, count, tag):
    """Whatever the text and the box, the lines stay inside in both directions and are few enough."""
    text = shortened(tidy(text))
    if not text:
        return
    fitted = lines_of(text, Room(width, height, count, 62, 40), tag)
    assert 1 <= len(fitted.lines) <= count
    assert max(rough(fitted.lines)) * fitted.size_px <= width + 0.01
    assert fitted.height_px <= height + 0.01


@settings(max_examples=60, deadline=None)
@given(spoken)
def test_every_word_is_kept_or_an_ellipsis_says_otherwise(words):
    """Lines joined again are the headline; where they are not, the last ends in an ellipsis."""
    text = tidy(" ".join(words))
    fitted = lines_of(text)
    said = " ".join(fitted.lines).replace("\u00a0", " ")
    if fitted.clipped:
        assert fitted.lines[-1].endswith("…")
    else:
        assert said.replace(" ", "").replace("-", "") == text.replace(" ", "").replace("-", "")


def test_an_ellipsis_follows_a_word():
    """A headline that is too long ends after a whole word, without a comma before the ellipsis."""
    text = "The parliament voted late on Tuesday to approve a sweeping package of reforms, " * 4
    last = lines_of(tidy(text)).lines[-1]
    assert last.endswith("…")
    assert last.rstrip("…").split()[-1].strip(",") in text.replace(",", "").split()


def test_lines_do_not_end_in_an_article():
    """An article begins the next line rather than ending this one."""
    lines = lines_of("Night trains return to the Alps after a forty-year absence").lines
    assert not any(line.split()[-1] in {"a", "the"} for line in lines[:-1])


def test_a_long_german_word_is_hyphenated():
    """A word wider than its box is broken between syllables, with a hyphen."""
    lines = lines_of("Rindfleischetikettierungsüberwachungsaufgabenübertragungsgesetz gekippt", tag="de").lines
    assert any(line.endswith("-") for line in lines[:-1])


@pytest.mark.parametrize(
    ("text", "tag", "whole"),
    [
        ("전국에 첫눈이 내렸다", "ko", "첫눈이"),
        ("大西洋沖で史上最深のサンゴ礁を発見", "ja", "サンゴ礁を"),
        ("迄今发现的最深珊瑚礁地图", "zh-Hans", "珊瑚"),
        ("a forty-year absence", "en", "forty-year"),
        ("reach 40 km", "en", "40\u00a0km"),
        ("one – two", "en", "one\u00a0–"),
        ("ปะการังน้ำลึก", "th", "น้ำ"),
        ("\u2018quoted\u2019 Is it true !", "en", "true !"),
    ],
)
def test_units_stay_whole(text, tag, whole):
    """What belongs together is in one unit, and the units are the text."""
    parts = units(text, tag)
    assert any(whole in (u.text + u.glue) or whole in u.text for u in parts)
    assert "".join(u.text + u.glue for u in parts).replace("\u00a0", " ").strip() == text


@pytest.mark.parametrize("name", HOSTILE)
def test_tidy_text_is_one_plain_line(name):
    """No control, override or invisible character survives, nor a tower of marks."""
    text = tidy(HOSTILE[name])
    assert not any(c in text for c in "\x00\x07\x1b\r\n\u202e\u2066\u200b\ud800\ue000\u2028")
    assert len(graphemes(shortened(text))) <= 300
    assert len(text) <= len(HOSTILE[name])


@pytest.mark.parametrize("name", [*SCRIPTS, *HOSTILE])
def test_no_character_is_drawn_as_a_box(name, monkeypatch):
    """Every character that remains has a glyph in one of the faces chosen for it, by the font files' own tables."""
    monkeypatch.setattr(fonts, "extra", lambda: None)
    fonts._substitute.cache_clear()
    title, tag = SCRIPTS.get(name) or (HOSTILE[name], "en")
    text = fonts.drawable(tidy(title))
    for serif in (False, True):
        chosen = fonts.needed(text, tag, serif=serif)
        known = set().union(*(glyphs(face.file) for face in chosen))
        missing = {c for c in text if ord(c) not in known and not c.isspace() and c not in "\u200c\u200d\ufe0f"}
        assert not missing


@cache
def glyphs(file):
    return set(TTFont(fonts.folder() / file, lazy=True).getBestCmap())


def test_the_census_is_that_of_the_files():
    """``coverage.json`` says of each vendored face what its file says."""
    for face in {*fonts.SANS, *fonts.SERIF}:
        for code in (0x41, 0x416, 0x4E00, 0x905, 0x627, 0x1F680, 0x7F8E, 0xAC00, 0x3C9):
            assert fonts.draws(face, chr(code)) == (code in glyphs(face.file))


def test_latin_text_reads_no_large_face():
    """An English headline needs Inter alone; Chinese, Korean and emoji faces are for those who use them."""
    assert [f.family for f in fonts.needed("Night trains return", "en")] == ["Inter"]
    assert "Noto CJK" in [f.family for f in fonts.needed("Tokyo 東京", "en")]
    assert fonts.needed("科学家“深海”", "zh-Hans")[0].family == "Noto CJK"
    assert "Noto Serif" in [f.family for f in fonts.needed("Учёные", "ru", serif=True)]


def test_characters_no_face_has_are_replaced_sensibly():
    """Styled letters become plain ones, rare Chinese characters the printers' geta, unknown scripts nothing."""
    assert fonts.drawable("𝐇ello") == "Hello"
    assert fonts.drawable("\U00012000x") == "x"
    if fonts.extra() is None:
        assert fonts.drawable("𠀋三") == "〓三"


def test_chinese_names_are_covered():
    """Characters of common names outside GB 2312, hangul and Cantonese letters are in the vendored subset."""
    assert all(fonts.draws(fonts.CJK, c) for c in "镕玥喆堃淼뷁똠嘅咗哋冇骨直")


def test_the_fonts_are_small_and_licensed():
    """All fonts together take at most 12 MB, and each family's licence lies beside them."""
    assert sum(p.stat().st_size for p in fonts.folder().iterdir()) <= 12_000_000
    assert all("SIL OPEN FONT LICENSE" in p.read_text() for p in fonts.folder().glob("OFL-*.txt"))
    assert len(list(fonts.folder().glob("OFL-*.txt"))) == 3


def test_the_web_faces_name_files_that_exist():
    """Each rule of the live page's style sheet points at a vendored file and at what it covers."""
    css = fonts.web_css()
    for face in {*fonts.SANS, *fonts.SERIF}:
        assert f"url('/static/fonts/{face.file}')" in css
        assert (fonts.folder() / face.file).is_file()
    assert css.count("unicode-range") == css.count("@font-face")


@pytest.mark.parametrize(
    ("text", "declared", "found"),
    [
        ("Night trains", "en-GB", "en-GB"),
        ("Night trains", "und", "en"),
        ("Night trains", "", "en"),
        ("علماء يكتشفون", "en", "ar"),
        ("دانشمندان", "fa", "fa"),
        ("サンゴ礁を発見", "en", "ja"),
        ("科学家绘制", "und", "zh"),
        ("Учёные", "uk", "uk"),
        ("Night trains", "ja", "en"),
        ("Nachtzüge", '"><script>', "en"),
    ],
)
def test_a_wrong_language_is_noticed(text, declared, found):
    """The declared language holds unless the letters contradict it."""
    assert language(text, declared) == found


def test_direction_follows_the_letters():
    """Mixed headlines run the way most of their letters do; the language decides a close call."""
    assert direction("علماء NOAA") == "rtl"
    assert direction("NOAA scientists meet علماء") == "ltr"
    assert direction("NOAA وناسا SpaceX", "ar") == "rtl"
    assert direction("12:30") == "ltr"


def test_tall_scripts_get_room():
    """Line height grows with the script."""
    heights = [line_height(SCRIPTS[name][0]) for name in ("en", "ja", "hi", "ar", "my")]
    assert heights == sorted(heights)
    assert heights[0] == 1.1
    assert script("東京タワー") == "kana"


@pytest.mark.parametrize(
    ("tag", "said"),
    [
        ("en", "3 h ago"),
        ("de", "vor 3 Std."),
        ("fr", "il y a 3\xa0h"),
        ("ar", "قبل 3 ساعات"),
        ("ja", "3 時間前"),
        ("zh-TW", "3 小時前"),
        ("xx", "3 h ago"),
    ],
)
def test_ages_are_told_in_the_story_s_language(tag, said):
    """Three hours in several languages; English where the language is unknown."""
    assert age(NOW - timedelta(hours=3), NOW, tag) == said


@pytest.mark.parametrize(
    "tag",
    [
        "en",
        "de",
        "es",
        "fr",
        "it",
        "pt",
        "nl",
        "sv",
        "pl",
        "ru",
        "uk",
        "tr",
        "ar",
        "he",
        "fa",
        "hi",
        "bn",
        "ta",
        "th",
        "ja",
        "ko",
        "zh-Hans",
        "zh-Hant",
        "vi",
        "id",
        "el",
        "km",
        "my",
        "am",
    ],
)
def test_every_age_has_words(tag):
    """Every distance in time has short words; the future is now; after a week a date stands."""
    for passed in (
        timedelta(hours=-3),
        timedelta(0),
        timedelta(minutes=9),
        timedelta(hours=30),
        timedelta(days=6),
        timedelta(days=20),
        timedelta(days=4000),
    ):
        said = age(NOW - passed, NOW, tag)
        assert 0 < len(said) <= 32
    assert age(NOW + timedelta(days=2), NOW, tag) == label("now", tag)


def test_the_kicker_says_what_the_picture_is_in_many_languages():
    """At least sixteen languages have words of their own for a machine's picture."""
    said = {
        label("picture", tag)
        for tag in [
            "ar",
            "de",
            "el",
            "es",
            "fa",
            "fr",
            "he",
            "hi",
            "it",
            "ja",
            "ko",
            "nl",
            "pl",
            "pt",
            "ru",
            "sv",
            "th",
            "tr",
            "uk",
            "vi",
            "zh",
            "zh-Hant",
        ]
    }
    assert len(said) >= 16
    assert "AI picture" not in said
    assert kicker("A", "3 h", "xx", painted=True, sample=False).facts == ("3 h", "AI picture")
