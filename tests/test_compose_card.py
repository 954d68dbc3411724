"""A slide without a picture is set on a ground of its own."""

import base64
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from service.compose.card import DRAWINGS, GROUNDS, QUIET, card
from service.compose.slide import Composer
from service.model import Mood
from service.profiles import PROFILES

from .values import NOON, plate, verdict

HUB = (1024.0, 600.0, 1.0)
COMPOSER = Composer(Path(__file__).parent.parent / "templates")


def svg(told):
    return base64.b64decode(told.drawing.split(",")[1]).decode()


def luminance(pixels):
    linear = np.where(pixels <= 0.04045, pixels / 12.92, ((pixels + 0.055) / 1.055) ** 2.4)
    return linear @ np.array([0.2126, 0.7152, 0.0722])


def test_stories_of_one_mood_look_different():
    """Twenty calm stories get many grounds; one story always gets the same."""
    assert len({card(Mood.CALM, f"story {n}", HUB, mirrored=False).drawing for n in range(20)}) == 20
    assert card(Mood.CALM, "x", HUB, mirrored=False) == card(Mood.CALM, "x", HUB, mirrored=False)


def test_it_is_mirrored_for_right_to_left():
    """The drawing stands on the other side where reading starts on the right."""
    assert "scale(-1 1)" in svg(card(Mood.CALM, "x", HUB, mirrored=True))
    assert "scale(-1 1)" not in svg(card(Mood.CALM, "x", HUB, mirrored=False))


def test_grave_stories_get_quiet_drawings():
    """No arches and no big sun over a death."""
    assert set(QUIET) < set(DRAWINGS)
    assert all(
        'd="M' in text or "<polyline" in text
        for n in range(20)
        if (text := svg(card(Mood.GRIM, f"{n}", HUB, mirrored=False)))
    )


@pytest.mark.parametrize("mood", list(Mood))
def test_the_type_is_read_on_every_ground(mood):
    """On every ground of a mood the type keeps 4.5:1 against 99 of 100 pixels beneath it, measured on the slide."""
    seen = set()
    for n in range(60):
        told = card(mood, f"{n:064d}", HUB, mirrored=False)
        kind = (told.slope, svg(told).count("<path"), svg(told).count("<circle"))
        if kind in seen:
            continue
        seen.add(kind)
        shown = plate("W", verdict=verdict(mood=mood), text_only=True, prompt=None)
        shown = replace(shown, story=replace(shown.story, id=f"{n:064d}", link="", source="W"))
        image = Image.open(io.BytesIO(COMPOSER.compose(shown, None, PROFILES["nest-hub"], now=NOON, suffix=".png")))
        under = (
            np.asarray(image.convert("RGB").crop((200, 330, 820, 590)), dtype=float) / 255
        )  # where three lines stand
        ink = luminance(np.array([int(told.tones.ink[i : i + 2], 16) / 255 for i in (1, 3, 5)]))
        ground = luminance(under.reshape(-1, 3))
        ratio = (np.maximum(ground, ink) + 0.05) / (np.minimum(ground, ink) + 0.05)
        assert np.quantile(ratio, 0.01) >= 4.5, (mood, told.slope, np.quantile(ratio, 0.01))
    assert len(seen) >= len(GROUNDS[mood])
