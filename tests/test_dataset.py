"""What is learned from: a list beside the photos."""

import pytest

from personalization.dataset import LIST, Photo, captioned, keep, photos
from personalization.errors import PhotoError

REX = Photo(
    "photos/001.jpg",
    "Rex im Garten.HEIC",
    "ab" * 32,
    1024,
    768,
    "a [V] dog on a lawn",
    (10, 20, 300, 400),
    faults=("a little dark",),
)


def test_the_list_reads_back_the_same(tmp_path):
    """Boxes, masks, faults and captions survive the file."""
    keep(tmp_path, [REX])
    assert photos(tmp_path) == [REX]


def test_a_damaged_list_is_a_sentence(tmp_path):
    """What an editor or a full disk left behind is named, with the way out."""
    (tmp_path / LIST).write_text('[{"file": 3}]')
    with pytest.raises(PhotoError, match="add the photos again"):
        photos(tmp_path)


def test_a_caption_is_told_with_the_token_in_place():
    """The mark becomes the token; a photo nobody has described is an example of its class."""
    assert captioned(REX, "ohwx", "dog") == "a ohwx dog on a lawn"
    assert captioned(Photo("a", "a", "", 1, 1), "ohwx", "dog") == "a ohwx dog"
