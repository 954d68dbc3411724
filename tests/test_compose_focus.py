"""A crop keeps what its painter meant to be looked at."""

import io

import pytest
from PIL import Image

from service.compose.focus import CENTRE, focus, opened
from service.compose.setting import cropped


def painted(point, *, size=(1024, 600), dot=(0.7, 0.4)):
    """A grey picture with a red dot, opened with a recipe that names a point."""
    image = Image.new("RGB", size, "#888")
    x, y = round(dot[0] * size[0]), round(dot[1] * size[1])
    image.paste("#f00", (x - 20, y - 20, x + 20, y + 20))
    out = io.BytesIO()
    image.save(out, "PNG")
    return opened(out.getvalue(), {} if point is None else {"focus": point})


@pytest.mark.parametrize("size", [(300, 600), (400, 400), (1080, 1300), (1024, 200)])
def test_the_point_of_interest_survives_the_crop(size):
    """The dot that the painter named is in the cut picture, whatever the box's shape."""
    picture = painted([0.7, 0.4])
    cut = cropped(picture, size, focus(picture, size))
    assert cut.size == size
    assert (255, 0, 0) in {colour for _, colour in cut.getcolors(99999)}


def test_it_comes_to_the_middle_as_far_as_the_edges_allow():
    """A point in the middle range is centred; one at the edge is cut flush with the edge."""
    assert focus(painted([0.5, 0.4]), (300, 600))[0] == pytest.approx(0.5)
    assert focus(painted([0.99, 0.4]), (300, 600))[0] == 1.0


@pytest.mark.parametrize("point", [None, [2, 2], "left", [0.5]])
def test_a_picture_without_a_point_is_cut_around_its_centre(point):
    """Nothing named, or nonsense: a little above the middle."""
    assert focus(painted(point), (300, 600)) == CENTRE
