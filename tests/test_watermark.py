"""The invisible mark: it stays through what happens to pictures, says which plate it was, and is nowhere unasked."""

import io
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
import zxingcpp
from hypothesis import given, settings, strategies as st
from PIL import Image, ImageEnhance, ImageOps

from service import pipeline
from service.compose.slide import Composer
from service.profiles import PROFILES
from service.studio import Studio
from service.watermark import Label, found, imprinted

from .command import objects, told
from .homes import client, home, painted
from .painters import png
from .pictures import NASTY, checkers, dusk, marked, noise
from .values import NOON, plate

ROOT = Path(__file__).parent.parent
PLAIN, MARKING = Composer(ROOT / "templates"), Composer(ROOT / "templates", watermark=True)
NOW = NOON + timedelta(hours=3)
LABEL = Label.of(4711, "a story", trained=True)
#: every screen that gives light, and every design that has a picture
SCREENS = [*((name, "headline") for name, profile in PROFILES.items() if not profile.eink),
           ("nest-hub", "split"), ("nest-hub", "poster"), ("phone", "poster")]  # fmt: skip


def hills(width=1024, height=600):
    """A soft picture with some grain, as painters make them."""
    grain = np.random.default_rng(3).normal(0, 3, (height, width, 1))
    return Image.fromarray(np.clip(np.asarray(dusk(width, height)) + grain, 0, 255).astype("uint8"))


def again(image, kind="JPEG", quality=85):
    out = io.BytesIO()
    image.save(out, kind, quality=quality)
    return Image.open(io.BytesIO(out.getvalue()))


def scaled(image, times):
    return image.resize((round(image.width * times), round(image.height * times)), Image.Resampling.BICUBIC)


def psnr(one, other):
    return 10 * np.log10(255**2 / np.square(np.asarray(one, float) - np.asarray(other, float)).mean())


@pytest.fixture(scope="module")
def painting():
    return imprinted(hills(), LABEL)


FATES = {
    "nothing": lambda image: image,
    "JPEG 50": lambda image: again(image, quality=50),
    "WebP 80": lambda image: again(image, "WEBP", 80),
    "half as large": lambda image: again(scaled(image, 0.5)),
    "larger": lambda image: again(scaled(image, 1.5)),
    "a screenshot": lambda image: again(scaled(image, 0.8), quality=80),
    "cut at the edges": lambda image: again(ImageOps.crop(image, 20)),
    "half of it": lambda image: again(image.crop((100, 37, 700, 600))),
    "in a page": lambda image: again(ImageOps.expand(image, (300, 100, 17, 200), "white")),
    "lighter": lambda image: again(ImageEnhance.Brightness(image).enhance(1.1)),
    "grey": lambda image: again(image.convert("L")),
}


@pytest.mark.parametrize("fate", FATES)
def test_a_mark_is_read_whatever_became_of_the_picture(painting, fate):
    """Encoded anew, scaled, cut, pasted into a page: the label is still there."""
    assert found(FATES[fate](painting)).label == LABEL


@pytest.mark.parametrize("name", ["hills", *(name for name in NASTY if name != "noise")])
def test_a_mark_is_faint(name):
    """At least 40 dB between a picture and a marked one, however even or dark it is; and no colour shifts."""
    image = hills() if name == "hills" else NASTY[name](1024, 600)
    change = np.asarray(imprinted(image, LABEL), float) - np.asarray(image, float)
    assert 10 * np.log10(255**2 / np.square(change).mean()) > 42
    assert abs(change).max() < 16
    assert abs(change.mean()) < 0.5


def test_a_picture_without_a_mark_has_none():
    """Nothing is found in pictures as they are, nor in nothing."""
    pictures = hills(), noise(400, 300), checkers(640, 400), Image.new("RGB", (300, 300)), Image.new("RGB", (20, 900))
    assert [found(image) for image in pictures] == [None] * 5


@given(st.integers(-(2**63), 2**63 - 1), st.text(max_size=64), st.booleans())
def test_a_label_is_read_as_it_was_written(number, story, trained):
    """Five numbers of twelve bits say it all; a plate that has no room becomes none."""
    label = Label.of(number, story, trained=trained)
    assert all(0 <= symbol < 4096 for symbol in label.symbols())
    assert Label.read(label.symbols()) == label
    assert label.plate == (number if 0 < number < 2**24 else 0)


@given(st.integers(0, 4), st.integers(1, 4095))
def test_a_label_misread_is_no_label(place, wrong):
    """One number that was heard wrongly spoils the check."""
    symbols = list(LABEL.symbols())
    symbols[place] ^= wrong
    assert Label.read(symbols) is None


def test_a_mark_of_today_is_read_in_years():
    """A file that was marked by the first version; whoever changes the pattern cannot read what hangs elsewhere."""
    assert found(Image.open(ROOT / "tests/golden/watermark.jpg")).label == LABEL


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 700), st.integers(1, 300))
def test_a_picture_of_any_size_is_marked_or_left_alone(width, height):
    """No size is an error, and none changes."""
    image = Image.new("RGB", (width, height), "teal")
    assert imprinted(image, LABEL).size == image.size
    done = imprinted(image, LABEL, (0, 0, width // 2, height))
    assert done.size == image.size
    assert np.array_equal(np.asarray(done)[:, width // 2 :], np.asarray(image)[:, width // 2 :])


# -- slides --------------------------------------------------------------------------------------


def slide(composer, profile, template="headline", suffix=".jpg", **other):
    return composer.compose(plate(**other), hills(), PROFILES[profile], template=template, now=NOW, suffix=suffix)


@pytest.mark.parametrize(("profile", "template"), SCREENS)
def test_a_slide_says_which_plate_it_is(profile, template):
    """On every screen and in every design, sent on as a smaller JPEG, and the QR code is still read."""
    made = Image.open(io.BytesIO(slide(MARKING, profile, template, id=77)))
    read = found(again(scaled(made, 0.8), quality=80)).label
    assert read == Label.of(77, plate().story.id, trained=True)
    assert psnr(made, Image.open(io.BytesIO(slide(PLAIN, profile, template, id=77)))) > 40
    assert not PROFILES[profile].qr or zxingcpp.read_barcodes(made)[0].text == plate().story.link


def test_a_papercut_says_that_no_model_painted_it():
    """The mark in the pixels makes the same difference as the one in the file."""
    made = MARKING.compose(plate(id=5), marked(), PROFILES["nest-hub"], now=NOW)
    assert not found(Image.open(io.BytesIO(made))).label.trained


@pytest.mark.parametrize("profile", ["eink2", "eink7"])
def test_e_ink_carries_none(profile):
    """A panel's few colours have no room for it: such a slide is the same with and without."""
    assert slide(MARKING, profile, suffix=".png") == slide(PLAIN, profile, suffix=".png")


def test_words_alone_carry_none():
    """A slide without a picture is not painted by anybody."""
    assert slide(MARKING, "nest-hub", text_only=True) == slide(PLAIN, "nest-hub", text_only=True)


# -- the whole house -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def houses(tmp_path_factory):
    """One house with one papercut, as two services see it, without and with marks; and the plate's number."""
    with home(tmp_path_factory.mktemp("house")) as (plain, _):
        number = painted(plain, 1)
        plain.store.spoilt(plain.archive.plate(number))
        list(pipeline.render(plain.press.line, plain.desks["home"]))
        yield plain, replace(plain, settings=plain.settings.model_copy(update={"watermark": True})), number


def test_the_picture_that_is_kept_stays_as_it_is(houses):
    """What leaves the house is marked, the file below data/ is not: it is repainted to the byte."""
    plain, marking, number = houses
    kept = plain.store.folder.read(plain.archive.plate(number).picture)
    given = client(marking, plain.store.now).get(f"/plates/{number}/picture")
    assert given.headers["content-type"] == "image/jpeg"
    picture = Image.open(io.BytesIO(given.content))
    assert found(picture).label.plate == number
    assert b"/algorithmicMedia" in picture.info["xmp"]
    assert client(plain, plain.store.now).get(f"/plates/{number}/picture").content == kept
    assert marking.store.folder.read(marking.archive.plate(number).picture) == kept
    assert Studio(marking.press.line).repaint(number).same


def test_tries_and_stills_are_marked_too(houses):
    """The still for a display, a slide for a feed, a try on the plate's page."""
    _, marking, number = houses
    web = client(marking, marking.store.now)
    paths = "/d/hall.jpg", f"/plates/{number}.jpg", f"/plates/{number}/tries/1"
    stills = [web.get(path) for path in paths]
    assert [found(Image.open(io.BytesIO(still.content))).label.plate for still in stills] == [number] * 3


def test_a_window_s_cut_of_the_picture_is_read(houses):
    """A phone that shows the middle of a wide picture: its screenshot has a third of it, twice as large."""
    _, marking, number = houses
    picture = Image.open(io.BytesIO(marking.wall.picture(number).data))
    seen = ImageOps.fit(picture, (540, 960), Image.Resampling.BICUBIC)
    assert found(again(seen, quality=80)).label.plate == number


def test_the_command_says_which_plate_it_was(houses, tmp_path):
    """The headline and the day where the plate is known; no more than its number where it is another home's."""
    _, marking, number = houses
    data, shot = marking.data, tmp_path / "shot.webp"
    again(Image.open(io.BytesIO(marking.wall.still("hall", ".jpg").data)), "WEBP", 80).save(shot, quality=90)
    plate = marking.archive.plate(number)
    said = told("watermark", shot, "--data", data)
    assert said.code == 0
    assert f"plate {number} of 22 November 2026: {plate.story.title}" in said.out
    (one,) = objects(told("watermark", shot, "--data", data, "--json").out)
    assert (one["plate"], one["trained"], one["known"], one["headline"]) == (number, False, True, plate.story.title)
    elsewhere = told("watermark", shot, "--data", tmp_path / "none")
    assert f"plate {number} of another home" in elsewhere.out
    assert not (tmp_path / "none").exists()
    imprinted(hills(), Label.of(number, "another story", trained=True)).save(tmp_path / "theirs.png")
    assert f"plate {number} of another home" in told("watermark", tmp_path / "theirs.png", "--data", data).out


def test_a_trial_says_that_it_is_one(tmp_path):
    """A slide that was composed by hand belongs to no plate."""
    imprinted(hills(), Label.of(0, "x", trained=True)).save(tmp_path / "trial.png")
    assert "as a sample or a trial" in told("watermark", tmp_path / "trial.png", "--data", tmp_path / "none").out


def test_files_that_are_no_pictures_are_named(tmp_path):
    """A drawing, half a file, a bomb, a folder, a device, nothing: each is a sentence, and the others are looked at."""
    good, half, huge = tmp_path / "good.png", tmp_path / "half.jpg", tmp_path / "huge.png"
    hills().save(good)
    half.write_bytes(slide(PLAIN, "nest-hub")[:9000])
    huge.write_bytes(png(30_000, 30_000))
    large = tmp_path / "large.png"
    large.write_bytes(png(9000, 9000))
    (tmp_path / "drawing.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    (tmp_path / "empty.png").write_bytes(b"")
    files = [good, half, huge, large, *(tmp_path / name for name in ("drawing.svg", "empty.png", "none.png")), tmp_path]
    said = told("watermark", *files, "/dev/zero", "--data", tmp_path / "none", "--json")
    found_out = objects(said.out)
    assert said.code == 1
    assert [one["ok"] for one in found_out] == [True] + [False] * 8
    errors = [one["error"] for one in found_out[1:]]
    assert [word in error for word, error in zip(
        ["damaged", "too large", "9000x9000", "not a picture", "not a picture", "No such file", "not a file", "not a file"],
        errors, strict=True,
    )] == [True] * 8, errors  # fmt: skip


def test_the_first_of_a_moving_picture_is_looked_at(painting, tmp_path):
    """A moving picture whose first frame is marked; turned as its file says; with an alpha channel."""
    frames = [painting.resize((800, 469)), Image.new("RGB", (800, 469))]
    frames[0].save(tmp_path / "moving.webp", save_all=True, append_images=frames[1:], quality=90)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be shown turned by 90 degrees clockwise
    painting.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "turned.jpg", exif=exif)
    painting.convert("RGBA").save(tmp_path / "alpha.png")
    files = [tmp_path / name for name in ("moving.webp", "turned.jpg", "alpha.png")]
    said = objects(told("watermark", *files, "--data", tmp_path / "none", "--json").out)
    assert [one.get("plate") for one in said] == [LABEL.plate] * 3
