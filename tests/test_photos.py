"""Photos as cameras, phones and friends send them: taken upright, in their colours, or refused with a sentence."""

import io
import os
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from PIL import Image

from personalization import photos
from personalization.crops import buckets, crop
from personalization.errors import PhotoError
from personalization.photos import opened, stored

from .photo_files import bomb, located, scene

QUARTERS = [(230, 30, 30), (30, 200, 30), (30, 30, 230), (240, 240, 240)]


@pytest.fixture
def quarters():
    """A picture whose corners tell how it lies: red, green, blue, white, row by row."""
    image = Image.new("RGB", (240, 160))
    for at, colour in enumerate(QUARTERS):
        image.paste(colour, (at % 2 * 120, at // 2 * 80, at % 2 * 120 + 120, at // 2 * 80 + 80))
    return image


def corners(image):
    w, h = image.size
    return [image.getpixel((x, y)) for y in (h // 4, 3 * h // 4) for x in (w // 4, 3 * w // 4)]


def near(found, wanted, by=14):
    return all(
        abs(a - b) <= by for one, other in zip(found, wanted, strict=True) for a, b in zip(one, other, strict=True)
    )


def kept(path, image, **other):
    image.save(path, **other)
    return path


@pytest.mark.parametrize("turn", range(1, 9))
def test_a_photo_stands_upright_however_the_camera_lay(quarters, tmp_path, turn):
    """Each of the eight EXIF orientations ends with the same picture."""
    undo = {1: [], 2: [0], 3: [3], 4: [1], 5: [5], 6: [2], 7: [6], 8: [4]}[turn]
    image = quarters
    for each in undo:
        image = image.transpose(Image.Transpose(each))
    about = Image.Exif()
    about[0x0112] = turn
    found = opened(kept(tmp_path / "a.jpg", image, exif=about, quality=95))
    assert near(corners(found.image), QUARTERS)
    assert found.size == found.image.size == (240, 160)


def test_every_kind_of_file_keeps_its_colours(quarters, tmp_path):
    """PNG, WebP, TIFF, BMP, palettes, CMYK, and HEIC where its reader is installed."""
    made = [
        kept(tmp_path / "a.png", quarters), kept(tmp_path / "b.webp", quarters, lossless=True),
        kept(tmp_path / "c.tiff", quarters), kept(tmp_path / "d.bmp", quarters),
        kept(tmp_path / "e.gif", quarters), kept(tmp_path / "f.png", quarters.quantize(8)),
    ]  # fmt: skip
    for path in made:
        found = opened(path).image
        assert found.mode == "RGB"
        assert near(corners(found), QUARTERS), path.name
    ink = opened(kept(tmp_path / "g.jpg", quarters.convert("CMYK"), quality=95)).image
    assert near(corners(ink), QUARTERS, by=30)


def test_photos_of_phones_are_read(quarters, tmp_path, monkeypatch):
    """HEIC opens like any other; where nothing reads it, the sentence says what installs that, and else it is damaged."""
    heif = pytest.importorskip("pillow_heif")
    path = tmp_path / "IMG_0001.HEIC"
    heif.from_pillow(quarters).save(path, quality=95)
    assert near(corners(opened(path).image), QUARTERS, by=25)
    assert "damaged" in photos._unlike(path, path.read_bytes())
    monkeypatch.setattr(photos, "_kinds", lambda: ("JPEG",))
    assert "make train" in photos._unlike(path, path.read_bytes())


def test_sixteen_bits_are_brought_down_and_not_cut_off(tmp_path):
    """A scanner's grey keeps its steps."""
    ramp = np.linspace(0, 65535, 200).astype(np.uint16)[None].repeat(100, axis=0)
    path = tmp_path / "scan.png"
    Image.fromarray(ramp).save(path)
    row = np.asarray(opened(path).image)[50, :, 0].astype(int)
    assert row[0] == 0
    assert row[-1] == 255
    assert abs(row[100] - 128) <= 2


def test_of_an_animation_the_first_picture_is_taken(quarters, tmp_path):
    """Not the last, and not all of them."""
    path = kept(tmp_path / "a.gif", quarters, save_all=True, append_images=[Image.new("RGB", (240, 160))])
    assert near(corners(opened(path).image), QUARTERS)


def test_what_is_transparent_lies_on_paper_and_is_a_cut(tmp_path):
    """A cut-out keeps its shape as mask."""
    image = Image.new("RGBA", (200, 200), (0, 0, 0, 0))
    image.paste((200, 30, 30, 255), (50, 50, 150, 150))
    found = opened(kept(tmp_path / "a.png", image))
    assert found.image.getpixel((10, 10)) == photos.PAPER
    assert found.cutout.getpixel((10, 10)) == 0
    assert found.cutout.getpixel((100, 100)) == 255
    assert opened(kept(tmp_path / "b.png", image.convert("RGB").convert("RGBA"))).cutout is None


def test_a_damaged_colour_profile_costs_nothing(quarters, tmp_path):
    """The colours are then taken as they are."""
    found = opened(kept(tmp_path / "a.jpg", quarters, quality=95, icc_profile=b"no profile at all"))
    assert near(corners(found.image), QUARTERS)


def test_nothing_but_pixels_is_stored(tmp_path):
    """Place, camera, comment and profile stay behind; a large photo is made smaller."""
    path = tmp_path / "a.jpg"
    path.write_bytes(located(scene(size=(2600, 1300))))
    assert b"Camera & Sons" in path.read_bytes()
    data = stored(opened(path).image)
    with Image.open(io.BytesIO(data)) as file:
        assert file.size == (2048, 1024)
        assert not file.getexif()
        assert not {"exif", "comment", "icc_profile"} & set(file.info)
    assert b"Camera & Sons" not in data
    assert b"garden" not in data


BAD = {
    "empty.jpg": (b"", "0 bytes"),
    "letter.jpg": (b"%PDF-1.7\n" + b"x" * 200, "a PDF"),
    "page.jpg": (b"<!doctype html><p>" + b"x" * 200, "a web page"),
    "archive.jpg": (b"PK\x03\x04" + b"x" * 200, "a zip archive"),
    "live.heic": (b"\x00\x00\x00\x18ftypqt  " + b"x" * 200, "HEIC|video"),
    "noise.jpg": (bytes(range(256)) * 8, "is not a photo"),
    "bomb.png": (bomb(), "100 megapixels"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_photo_is_named(tmp_path, name):
    """Each file's own sentence says what it is, or what to do."""
    data, says = BAD[name]
    (tmp_path / name).write_bytes(data)
    with pytest.raises(PhotoError, match=says):
        opened(tmp_path / name)


def test_what_would_be_read_for_ever_is_named(tmp_path):
    """A pipe that nobody writes to is no photo; nor is a folder that is called like one."""
    os.mkfifo(tmp_path / "a.jpg")
    (tmp_path / "b.jpg").mkdir()
    for name in ("a.jpg", "b.jpg"):
        with pytest.raises(PhotoError, match="is not a file"):
            photos.sized(tmp_path / name)
        with pytest.raises(PhotoError, match="is not a file"):
            opened(tmp_path / name)


def test_a_file_that_was_cut_short_is_named(tmp_path):
    """At whatever byte the copy ended."""
    path = kept(tmp_path / "a.jpg", scene())
    data = path.read_bytes()
    for part in (40, len(data) // 3, len(data) - 2000):
        path.write_bytes(data[:part])
        with pytest.raises(PhotoError, match=r"cut short|not a photo"):
            opened(path)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_damage_anywhere_is_a_sentence_or_a_photo(tmp_path_factory, data):
    """No flipped byte breaks anything but its own photo."""
    whole = bytearray(SMALL)
    for _ in range(data.draw(st.integers(1, 6))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "damaged.png"
    path.write_bytes(whole)
    with suppress(PhotoError):
        assert opened(path).image.mode == "RGB"


def _small():
    out = io.BytesIO()
    scene(size=(96, 80)).save(out, "PNG")
    return out.getvalue()


SMALL = _small()


def test_folders_patterns_and_files_are_found(tmp_path, monkeypatch):
    """Each once, in order, without what is hidden or no photo; a name that means nothing is refused."""
    for name in ("b.jpg", "a.PNG", "notes.txt", ".hidden.jpg", "sub/c.heic"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    monkeypatch.chdir(tmp_path)
    names = lambda *places: [path.name for path in photos.found(list(places))]  # noqa: E731
    assert names(str(tmp_path)) == ["a.PNG", "b.jpg", "c.heic"]
    assert names("*.jpg", "b.jpg", "sub") == ["b.jpg", "c.heic"]
    assert names(f"{tmp_path}/*/c.*") == ["c.heic"]
    (tmp_path / "none").mkdir()
    for nothing in ("*.webp", "none", "nowhere.jpg"):
        with pytest.raises(PhotoError, match="there is no"):
            photos.found([nothing])


# -- crops -------------------------------------------------------------------------------------------

SIZES = st.tuples(st.integers(64, 4000), st.integers(64, 4000))


@st.composite
def boxes(draw):
    width, height = draw(SIZES)
    left, top = draw(st.integers(0, width - 2)), draw(st.integers(0, height - 2))
    return (width, height), (left, top, draw(st.integers(left + 1, width)), draw(st.integers(top + 1, height)))


@given(boxes(), st.sampled_from([(512, 64), (1024, 64), (1024, 16), (64, 8)]), st.booleans())
def test_a_crop_lies_in_the_photo_has_a_buckets_shape_and_holds_the_subject(told, model, known):
    """Whatever the photo and the model."""
    (width, height), box = told
    side, multiple = model
    cut = crop((width, height), box if known else None, side_px=side, multiple=multiple)
    left, top, right, bottom = cut.box
    assert 0 <= left < right <= width
    assert 0 <= top < bottom <= height
    assert cut.width_px % multiple == cut.height_px % multiple == 0
    assert side * side * 0.7 <= cut.width_px * cut.height_px <= side * side * 1.02
    wide, tall = right - left, bottom - top
    assert abs(wide - tall * cut.width_px / cut.height_px) <= 1 + cut.width_px / cut.height_px
    if known:
        assert (left <= box[0] and right >= box[2]) or wide <= box[2] - box[0]
        assert (top <= box[1] and bottom >= box[3]) or tall <= box[3] - box[1]


def test_a_small_subject_is_brought_closer_but_never_made_up():
    """No closer than the model's own pixels, and no closer than what may be only a part of the subject."""
    far = crop((4000, 3000), (1900, 1400, 2100, 1600), side_px=512, multiple=64)
    assert 1500 <= far.box[2] - far.box[0] <= 1700
    small = crop((600, 580), (250, 250, 320, 320), side_px=512, multiple=64)
    assert small.box[2] - small.box[0] == 512
    assert crop((600, 600), (250, 250, 320, 320), side_px=512, multiple=64) == ((0, 0, 600, 600), 512, 512)


def test_buckets_keep_to_the_memory_of_the_square():
    """And go from upright to lying."""
    found = buckets(512, 64)
    assert (512, 512) in found
    assert max(w * h for w, h in found) <= 512 * 512 * 1.02
    assert min(w / h for w, h in found) == 0.6
    assert max(w / h for w, h in found) > 1.6
