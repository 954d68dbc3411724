"""Slides as a whole: every template on every screen, measured and looked at in pixels."""

import io
import itertools
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from service.compose.colour import luminance
from service.compose.layout import Layout
from service.compose.scrim import Scrim
from service.compose.slide import Asked, Composer, templates
from service.errors import ComposeError
from service.model import Mood
from service.profiles import PROFILES, fitted

from .headlines import HOSTILE, SCRIPTS
from .pictures import NASTY, checkers, dusk, white
from .values import NOON, plate, story, verdict

ROOT = Path(__file__).parent.parent
NOW = NOON + timedelta(hours=3)
NEST = PROFILES["nest-hub"]
COMPOSER = Composer(ROOT / "templates")
PICTURED = [name for name in templates(ROOT / "templates" / "slides") if name != "card"]


def told(title, language="en", **other):
    return plate(story=story(title, language=language), **other)


def set_as(title="Night trains return to the Alps", language="en", profile=NEST, template="headline", **other):
    picture = other.pop("picture", dusk())
    clock = other.pop("clock", None)
    return COMPOSER.set(told(title, language, **other), picture, profile, Asked(template, NOW, clock=clock))


def inside(setting):
    """Headline, text, QR and picture stay within the slide, and the text within its box."""
    profile, head, places = setting.sheet.profile, setting.headline, setting.places
    for box in filter(None, (places.picture, places.text, places.qr, places.panel)):
        assert box.left >= -0.5
        assert box.top >= -0.5
        assert box.right <= profile.width_px + 0.5
        assert box.bottom <= profile.height_px + 0.5
    assert head.lines
    assert head.widest_px <= places.text.width + 0.5
    assert head.height_px + setting.sheet.kicker_px <= places.text.height + 0.5
    if places.qr and setting.layout is not Layout.SPLIT:
        assert places.text.right <= places.qr.left or places.qr.right <= places.text.left


@pytest.mark.parametrize("template", [*PICTURED, "card"])
@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda p: p.name)
def test_layout_rules_hold(template, profile):
    """Each template on each screen: sizes between floor and ceiling, few lines, short lines, text low and narrow."""
    for name in ("en", "short", "hi", "th", "ja", "ar"):
        setting, _ = set_as(*SCRIPTS[name], profile=profile, template=template)
        head, sheet = setting.headline, setting.sheet
        inside(setting)
        assert profile.type_min_px - 0.01 <= head.size_px <= profile.type_max_px * 1.15
        assert all(len(line) <= 40 for line in head.lines)
        assert sheet.margin_x >= 0.043 * profile.width_px
        assert 0.28 <= setting.kicker_px / head.size_px <= 0.62
        if setting.layout is not Layout.SPLIT:  # its text stands beside the picture
            assert len(head.lines) <= profile.lines
            assert head.height_px + sheet.kicker_px <= 0.40 * profile.height_px + 0.5


def test_two_big_lines_are_preferred_over_three():
    """A headline of two comfortable lines is not set larger in three."""
    setting, _ = set_as("Night trains return to the Alps after a forty-year absence")
    assert len(setting.headline.lines) == 2
    assert setting.headline.size_px >= 48


def test_lines_are_even():
    """The shortest line of a long headline is at least 70 % of the longest."""
    setting, _ = set_as(*SCRIPTS["en"])
    lengths = [len(line) for line in setting.headline.lines]
    assert min(lengths) >= 0.7 * max(lengths)


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("template", PICTURED)
def test_hostile_text_stays_in_its_box(name, template):
    """Whatever a headline and a source say, the slide is set, inside its boxes."""
    text = HOSTILE[name]
    hostile = plate(story=story("x", language="en", source=text, link="https://news.example/" + "a" * 4000))
    hostile = replace(hostile, story=replace(hostile.story, title=text))
    setting, _ = COMPOSER.set(hostile, dusk(), NEST, Asked(template, NOW))
    inside(setting)


@pytest.mark.parametrize("size", [(320, 240), (2560, 1080), (400, 900), (1000, 200), (3840, 2160)])
def test_windows_of_any_shape_are_set(size):
    """The live page's window may have any shape; nothing leaves it."""
    for template in PICTURED:
        for name in ("en", "my", "de"):
            setting, _ = set_as(*SCRIPTS[name], profile=fitted(NEST, *size), template=template)
            inside(setting)


def test_markup_is_literal_text():
    """Markup and template language in a headline and a source arrive escaped, and draw the characters they are."""
    text = HOSTILE["markup"] + HOSTILE["template"]
    fragment = COMPOSER.fragment(
        plate(story=story(text, source="</b><script>")), dusk(), NEST, now=NOW, picture_src="/p.jpg"
    )
    assert "<script" not in fragment.html
    assert "&lt;script&gt;alert(1)" in fragment.html
    assert "49" not in re.sub(r'style="[^"]*"|src="[^"]*"', "", fragment.html)


def test_markup_opens_no_file(tmp_path, monkeypatch):
    """A picture address in a headline is not followed: the slide equals that of the same text without a file there."""
    secret = tmp_path / "secret.png"
    text = f'<img src="file://{secret}"> <img src="{secret}">'
    before = COMPOSER.compose(told(text), dusk(), NEST, now=NOW, suffix=".png")
    Image.new("RGB", (600, 600), "red").save(secret)
    opened = []
    real = io.open
    monkeypatch.setattr(io, "open", lambda *a, **k: opened.append(a[0]) or real(*a, **k))
    assert COMPOSER.compose(told(text), dusk(), NEST, now=NOW, suffix=".png") == before
    assert str(secret) not in map(str, opened)


def under_text(setting, page, picture_only=True):
    """The pixels behind the text block: the slide printed with its type transparent."""
    bare = replace(page, html=re.sub(r'<div class="text".*?</h1>\s*</div>', "", page.html, flags=re.DOTALL))
    assert bare.html != page.html
    return np.asarray(COMPOSER.printed(setting, bare).crop(setting.places.text.pixels()))


@pytest.mark.parametrize("name", NASTY)
@pytest.mark.parametrize("key", ["en", "short", "ar"])
def test_type_is_read_on_any_picture(name, key):
    """White type on the rendered pixels has 4.5:1 at the 99th percentile, on noise and snow as on calm pictures."""
    setting, page = set_as(*SCRIPTS[key], picture=NASTY[name]())
    ground = luminance(under_text(setting, page))
    assert 1.05 / (np.quantile(ground, 0.99) + 0.05) >= 4.5
    kicker = ground[: int(28 * NEST.unit)]
    bright = np.quantile(kicker, 0.99)
    encoded = 1.055 * bright ** (1 / 2.4) - 0.055 if bright > 0.0031308 else 12.92 * bright
    voice = 0.92 + 0.08 * encoded  # 92 % white over the picture
    assert (((voice + 0.055) / 1.055) ** 2.4 + 0.05) / (bright + 0.05) >= 4.5


def test_a_dark_picture_is_left_alone():
    """Where white type is read already there is no scrim."""
    setting, _ = set_as(picture=Image.new("RGB", (1280, 725), (12, 14, 22)))
    assert isinstance(setting.scrim, Scrim)
    assert setting.scrim.strength == 0


@pytest.mark.parametrize("template", ["split", "poster", "card"])
def test_type_is_read_on_paper(template):
    """Ink and second voice have 4.5:1 on the paper, whatever picture or mood coloured it."""
    for picture, mood in [(NASTY[n](), m) for n, m in zip([*NASTY, "dusk", "white"], Mood, strict=True)]:
        setting, page = set_as(
            profile=replace(NEST, qr=False), template=template, picture=picture, verdict=verdict(mood=mood)
        )
        bare = replace(
            page, html=re.sub(r"<div class=\"text\".*?</h1>.*?</div>\s*</div>", "</div>", page.html, flags=re.DOTALL)
        )
        ground = luminance(np.asarray(COMPOSER.printed(setting, bare).crop(setting.places.text.pixels())))
        for ink in (setting.tones.ink, setting.tones.soft):
            drawn = float(luminance(np.array([int(ink[i : i + 2], 16) for i in (1, 3, 5)], np.uint8)))
            low, high = np.quantile(ground, 0.01), np.quantile(ground, 0.99)
            worst = min((max(drawn, g) + 0.05) / (min(drawn, g) + 0.05) for g in (low, high))
            assert worst >= 4.5


@pytest.mark.parametrize("picture", [dusk, white, checkers])
def test_the_clock_is_read(picture):
    """The clock takes the ink the pixels beneath ask for, and a shade where neither ink would do."""
    setting, page = set_as(picture=picture(), clock="11:42 · 14°")
    assert "11:42 · 14°" in page.html
    ink = setting.clock_ink
    assert ink.light == (picture is not white)
    assert bool(ink.strength) == (picture is checkers)


def test_right_to_left_slides_are_mirrored():
    """Arabic text stands at the right, its QR code at the left, the clock at the left."""
    left, _ = set_as(*SCRIPTS["en"])
    right, page = set_as(*SCRIPTS["ar"])
    assert page.direction == "rtl"
    assert 'dir="rtl"' in page.html
    assert right.places.qr.left == pytest.approx(NEST.width_px - left.places.qr.right)
    assert right.places.text.right == pytest.approx(NEST.width_px - left.places.text.left)
    split, _ = set_as(*SCRIPTS["ar"], template="split")
    assert split.places.picture.left == 0


def test_an_rtl_slide_is_inked_at_its_right():
    """Drawn Arabic lines end at the right margin."""
    setting, page = set_as(*SCRIPTS["ar"], template="poster", picture=white())
    box = setting.places.text
    row = luminance(np.asarray(COMPOSER.printed(setting, page).crop(box.pixels())))
    columns = np.flatnonzero((row < 0.3).any(axis=0))
    assert box.width - columns.max() < 8
    assert columns.min() > 8


def test_text_only_says_nothing_of_a_picture():
    """A text-only slide shows no picture and does not speak of one; every other says what it is."""
    illustrated, page = set_as()
    silent, card = set_as(text_only=True)
    assert illustrated.kicker.facts[-1] == "AI picture"
    assert "AI picture" in page.html
    assert silent.layout is Layout.CARD
    assert "AI picture" not in card.html
    assert "mem:picture" not in card.html


def test_a_sample_says_so_instead_of_its_age():
    """An invented headline is marked in its own language."""
    assert set_as(sample=True)[0].kicker.facts == ("sample", "AI picture")
    assert set_as(*SCRIPTS["ja"], sample=True)[0].kicker.facts == ("見本", "AI画像")


def test_moods_have_grounds_of_their_own():
    """Text-only slides of different moods differ."""
    papers = {set_as(text_only=True, verdict=verdict(mood=mood))[1].background for mood in Mood}
    assert len(papers) == len(Mood)


def test_a_landscape_picture_stands_above_the_text_in_portrait():
    """A picture of quite another shape than the screen is not cut to a strip behind the text."""
    assert set_as(profile=PROFILES["phone"])[0].layout is Layout.STACK
    assert set_as(profile=PROFILES["phone"], picture=dusk(1080, 1920))[0].layout is Layout.HEADLINE


def test_slides_are_deterministic():
    """The same plate at the same time is the same file, byte for byte, also from a new composer."""
    first = COMPOSER.compose(told("Rain at last"), dusk(), NEST, now=NOW)
    assert Composer(ROOT / "templates").compose(told("Rain at last"), dusk(), NEST, now=NOW) == first


def test_files_have_the_profile_s_size():
    """Every profile and format opens at the profile's size."""
    for profile, suffix in zip(PROFILES.values(), itertools.cycle((".jpg", ".png", ".bmp")), strict=False):
        data = COMPOSER.compose(told("Rain at last"), dusk(), profile, now=NOW, suffix=suffix)
        image = Image.open(io.BytesIO(data))
        assert image.size == (profile.width_px, profile.height_px)
        assert image.format == {".jpg": "JPEG", ".png": "PNG", ".bmp": "BMP"}[suffix]


def test_the_fragment_shows_the_picture_it_is_told():
    """The live page's fragment names the given address, escaped, and carries its size."""
    fragment = COMPOSER.fragment(plate(), dusk(), NEST, now=NOW, picture_src='/p/"><script>.jpg')
    assert "<script>" not in fragment.html
    assert "/p/" in fragment.html
    assert (fragment.width_px, fragment.height_px) == (1024, 600)
    assert re.fullmatch("#[0-9a-f]{6}", fragment.background)


def test_threads_share_a_composer():
    """Slides in several scripts composed at once equal those composed one after the other."""
    from concurrent.futures import ThreadPoolExecutor

    composer = Composer(ROOT / "templates")
    work = [told(*SCRIPTS[name]) for name in ("en", "ar", "hi", "he")]

    def run(one):
        return composer.compose(one, dusk(), NEST, now=NOW, suffix=".png")

    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(run, work))
    assert together == [run(one) for one in work]


def test_an_unknown_template_is_named():
    """A template that is not there is an expected failure that lists those that are."""
    with pytest.raises(ComposeError, match="headline"):
        COMPOSER.compose(plate(), dusk(), NEST, template="../secret", now=NOW)


def test_templates_are_found_by_their_files(tmp_path):
    """A dropped file is a template; parts and other files are not."""
    assert {"headline", "split", "poster", "card"} <= set(templates(ROOT / "templates" / "slides"))
    for name in ("mine.html.j2", "_part.html.j2", "slide.css", "notes.txt"):
        (tmp_path / name).write_text("")
    assert templates(tmp_path) == ("mine",)


def own_template(folder, text):
    (folder / "mine.html.j2").write_text(text)
    (folder / "slide.css").write_text((ROOT / "templates" / "slides" / "slide.css").read_text())
    return Composer(folder)


def test_an_owner_s_template_is_one_file(tmp_path):
    """One file in the folder is enough for a new look."""
    composer = own_template(
        tmp_path, '{# layout: split #}<div class="slide" style="{{ slide.style }}">{{ slide.lines[0] }}</div>'
    )
    fragment = composer.fragment(plate(), dusk(), NEST, template="mine", now=NOW, picture_src="/p")
    assert "Night trains" in fragment.html


@pytest.mark.parametrize(
    "text",
    [
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ slide.nothing }}",
        "{{ slide.lines.append('x') }}",
        "{% for x in range(999999999) %}x{% endfor %}",
        "{% include '/etc/passwd' %}",
        "{{ broken",
    ],
)
def test_templates_are_sandboxed(tmp_path, text):
    """A template cannot reach into Python, change its values, run away or read files; its failure is expected."""
    with pytest.raises(ComposeError, match="mine"):
        own_template(tmp_path, text).fragment(plate(), dusk(), NEST, template="mine", now=NOW, picture_src="/p")


@pytest.mark.parametrize(
    "title", ["Медведь-сладкоежка вернул пасечнику пустые соты и проспал до весны", "W " * 60, "Rain at last"]
)
@pytest.mark.parametrize("profile", ["nest-hub", "hub-max", "tv"])
def test_a_split_keeps_its_foot_clear(title, profile):
    """On the paper of a split, source, rule, headline and foot stand above each other with air between them."""
    setting, _ = COMPOSER.set(told(title, "ru"), dusk(), PROFILES[profile], Asked("split", NOW))
    sheet, head = setting.sheet, setting.headline
    tall = len(head.lines) * head.size_px * head.line_height
    foot = sheet.qr_px if setting.qr else 28 * sheet.u
    assert sheet.kicker_px + 26 * sheet.u + tall + 20 * sheet.u + foot <= sheet.profile.height_px - 2 * sheet.margin_y
