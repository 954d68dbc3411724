"""The last hands: marks in files, e-ink palettes, QR codes."""

import io
from dataclasses import replace
from datetime import timedelta
from functools import cache
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
import zxingcpp
from PIL import Image

from service.compose.finish import VOCABULARY, Mark, SourceType, encode, mark, source_type
from service.compose.ink import INKS, as_seen, inked
from service.compose.slide import Asked, Composer
from service.errors import ComposeError
from service.profiles import PROFILES, Panel

from .pictures import checkers, dusk, marked
from .values import NOON, plate, story

COMPOSER = Composer(Path(__file__).parent.parent / "templates")
NOW = NOON + timedelta(hours=3)
EINK = PROFILES["eink7"]


def described(data):
    """What the XMP in a file says, by the last part of each property's name."""
    root = ET.fromstring(Image.open(io.BytesIO(data)).info["xmp"])
    (found,) = root.iter("{http://www.w3.org/1999/02/22-rdf-syntax-ns#}Description")
    return {node.tag.rsplit("}")[-1]: " ".join(node.itertext()) for node in found}


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_the_mark_is_read_back(suffix):
    """A slide's file says that it is a composite with a machine's picture, its headline and its source's address."""
    tricky = plate('A <b>"tricky"</b> & long headline')
    found = described(COMPOSER.compose(tricky, dusk(), PROFILES["nest-hub"], now=NOW, suffix=suffix))
    assert found["DigitalSourceType"] == VOCABULARY + "compositeSynthetic"
    assert found["source"] == "https://news.example/story"
    assert tricky.story.title in found["title"]
    assert tricky.story.title in found["description"]


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_marking_leaves_the_pixels_alone(suffix):
    """A marked file has the same pixels and everything else it had."""
    plain = encode(dusk(), suffix)
    done = mark(plain, Mark(SourceType.TRAINED, "title"))
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(plain))), np.asarray(Image.open(io.BytesIO(done))))
    assert described(done)["DigitalSourceType"].endswith("/trainedAlgorithmicMedia")
    assert len(done) < len(plain) + 1500


def test_a_picture_s_own_mark_decides():
    """A picture drawn without training makes no slide with a trained model's picture; an unmarked one counts as one."""
    assert source_type(marked(SourceType.ALGORITHMIC)) is SourceType.ALGORITHMIC
    assert source_type(marked(SourceType.TRAINED)) is SourceType.COMPOSITE
    assert source_type(dusk()) is SourceType.COMPOSITE
    data = COMPOSER.compose(plate(), marked(), PROFILES["nest-hub"], now=NOW)
    assert described(data)["DigitalSourceType"].endswith("/algorithmicMedia")
    assert b"AI picture" not in data  # said in pixels


def test_text_only_makes_no_claim():
    """A slide without a picture has a title but no source type."""
    found = described(COMPOSER.compose(plate(text_only=True), None, PROFILES["nest-hub"], now=NOW))
    assert "DigitalSourceType" not in found


def test_other_formats_come_back_as_they_are():
    """A BMP has no place for a mark; an unknown suffix is an expected failure."""
    assert mark(b"BM....", Mark(SourceType.TRAINED)) == b"BM...."
    with pytest.raises(ComposeError, match=r"\.gif"):
        encode(dusk(), ".gif")


@cache
def file(name, template, suffix):
    """The file of the usual plate, over a dusk, for a screen."""
    return COMPOSER.compose(plate(), dusk(), PROFILES[name], template=template, now=NOW, suffix=suffix)


PANELS = [name for name, profile in PROFILES.items() if profile.eink]


@pytest.mark.parametrize("name", PANELS)
@pytest.mark.parametrize("template", ["headline", "split", "poster"])
def test_eink_slides_hold_the_panel_s_colours_only(name, template):
    """Every pixel of an e-ink slide is one of the panel's; outside the picture it is black, white or a pure grey."""
    profile = PROFILES[name]
    codes = set(INKS[profile.panel].codes)
    image = Image.open(io.BytesIO(file(name, template, ".png"))).convert("RGB")
    colours = {colour for _, colour in image.getcolors(maxcolors=1 << 20)}
    assert colours <= codes
    assert len(colours) >= min(len(codes), 4)
    setting, _ = COMPOSER.set(plate(), dusk(), profile, Asked(template, NOW))
    left, top, right, bottom = setting.places.picture.pixels()
    image.paste((255, 255, 255), (left, top, right, bottom))
    around = {(0, 0, 0), (255, 255, 255)} | (codes if profile.panel is Panel.GREY else set())
    assert {c for _, c in image.getcolors()} == around


@pytest.mark.parametrize(
    ("name", "bits", "kind", "bmp_bits"),
    [("eink2", 1, 0, 1), ("eink4", 2, 3, 24), ("eink6", 4, 3, 24), ("eink7", 4, 3, 24)],
)
def test_files_for_panels_are_small(name, bits, kind, bmp_bits):
    """A PNG has as few bits a pixel as the panel needs (black and white: grey, not a palette); a BMP has 1 or 24."""
    png, bmp = file(name, "headline", ".png"), file(name, "headline", ".bmp")
    assert (png[24], png[25]) == (bits, kind)  # IHDR: bit depth, colour type
    assert len(png) < 90_000  # what a TRMNL has room for
    assert int.from_bytes(bmp[28:30], "little") == bmp_bits
    assert Image.open(io.BytesIO(bmp)).convert("RGB").tobytes() == Image.open(io.BytesIO(png)).convert("RGB").tobytes()


def test_the_bmp_is_one_that_firmware_reads():
    """Two colours, black first, and 48,000 bytes of pixels behind 62 of header: the form a TRMNL asks for."""
    bmp = file("eink2", "headline", ".bmp")
    words = [int.from_bytes(bmp[at : at + 4], "little") for at in (10, 18, 22, 34, 46)]
    assert words == [62, 800, 480, 48_000, 2]
    assert bmp[54:62] == bytes([0, 0, 0, 0, 255, 255, 255, 0])
    assert len(bmp) == 48_062


@pytest.mark.parametrize("name", ["eink2", "eink4", "eink6", "eink7"])
def test_dots_give_the_picture_s_light(name):
    """From afar the dots of a middling picture are as light as it is, in the colours that the panel shows."""
    panel = PROFILES[name].panel
    ramp = Image.linear_gradient("L").resize((400, 240)).convert("RGB")
    seen = np.asarray(as_seen(inked(ramp, (0, 0, 400, 240), panel), panel).convert("L"), float)
    rows = seen.reshape(8, 30, 400).mean(axis=(1, 2))
    assert np.diff(rows).min() > 0
    assert rows[-1] - rows[0] > 0.75 * (seen.max() - seen.min())


def test_the_jpeg_shows_what_a_panel_looks_like():
    """Its white is the panel's own, duller than the pure white that stands for it in the PNG."""
    jpeg = COMPOSER.compose(plate(), dusk(), PROFILES["eink6"], now=NOW, suffix=".jpg")
    corner = Image.open(io.BytesIO(jpeg)).getpixel((2, 478))
    assert np.abs(np.subtract(corner, INKS[Panel.SIX].looks[1])).max() < 8


@pytest.mark.parametrize("template", ["headline", "split", "poster"])
def test_eink_text_never_stands_on_the_picture(template):
    """Text and picture boxes of an e-ink slide do not meet."""
    setting, _ = COMPOSER.set(plate(), dusk(), EINK, Asked(template, NOW))
    text, picture = setting.places.text, setting.places.picture
    assert text.top >= picture.bottom or text.right <= picture.left


@pytest.mark.parametrize("name", [n for n, p in PROFILES.items() if p.qr])
@pytest.mark.parametrize("template", ["headline", "split", "poster", "card"])
def test_the_qr_code_leads_to_the_story(name, template):
    """A reader finds the story's address in the finished file, on a busy picture too."""
    suffix = ".png" if PROFILES[name].eink else ".jpg"
    if template == "headline":
        data = COMPOSER.compose(plate(), checkers(), PROFILES[name], template=template, now=NOW, suffix=suffix)
    else:
        data = file(name, template, suffix)
    found = zxingcpp.read_barcodes(Image.open(io.BytesIO(data)).convert("RGB"))
    assert [code.text for code in found] == ["https://news.example/story"]


@pytest.mark.parametrize("link", ["", "javascript:alert(1)", "ftp://a.example/", "https://a.example/" + "x" * 5000])
def test_only_a_usable_address_gets_a_code(link):
    """No code for an address that is none, nor for one too long."""
    told = replace(plate(), story=story(link=link))
    setting, page = COMPOSER.set(told, dusk(), PROFILES["nest-hub"], Asked("headline", NOW))
    assert setting.qr is None
    assert 'class="qr"' not in page.html
    assert 'class="qr"' not in COMPOSER.set(plate(), dusk(), PROFILES["phone"], Asked("headline", NOW))[1].html
