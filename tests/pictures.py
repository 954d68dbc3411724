"""Pictures for tests: calm, dark, and as nasty as a picture can be."""

import base64
import io

import numpy as np
from PIL import Image, ImageDraw

from service.compose.finish import Mark, SourceType, mark


def dusk(width=1280, height=725):
    """A slope of colour with hills: what most pictures are like."""
    rows = np.linspace(0, 1, height)[:, None, None]
    sky = (1 - rows) * np.array([34, 52, 120]) + rows * np.array([250, 170, 120])
    image = Image.fromarray(np.repeat(sky, width, axis=1).astype("uint8"))
    draw = ImageDraw.Draw(image)
    draw.ellipse((width * 0.6, height * 0.2, width * 0.72, height * 0.2 + width * 0.12), fill=(255, 226, 170))
    draw.polygon(
        [(0, height), (0, height * 0.7), (width * 0.5, height * 0.55), (width, height * 0.8), (width, height)],
        fill=(70, 50, 60),
    )
    return image


def white(width=1280, height=725):
    return Image.new("RGB", (width, height), "white")


def noise(width=1280, height=725):
    return Image.fromarray(np.random.default_rng(5).integers(0, 256, (height, width, 3), dtype="uint8"))


def checkers(width=1280, height=725):
    squares = (np.add(*np.indices((height, width)) // 16) % 2) * 255
    return Image.fromarray(squares.astype("uint8")).convert("RGB")


def spot(width=1280, height=725):
    """Black but for one white patch under the kicker."""
    image = Image.new("RGB", (width, height), "black")
    ImageDraw.Draw(image).rectangle((60, height * 0.6, 200, height * 0.75), fill="white")
    return image


NASTY = {"white": white, "noise": noise, "checkers": checkers, "spot": spot, "dusk": dusk}


def marked(kind=SourceType.ALGORITHMIC):
    """A picture read back from a file that says how it was made."""
    out = io.BytesIO()
    dusk().save(out, "PNG")
    image = Image.open(io.BytesIO(mark(out.getvalue(), Mark(kind))))
    image.load()
    return image


def face(image, at, height):
    """Draw a face into a picture: its middle and height (px). CenterFace takes it for one."""
    draw = ImageDraw.Draw(image)

    def oval(x, y, wide, tall, colour):
        sides = (x - wide, y - tall), (x + wide, y + tall)
        draw.ellipse([tuple(middle + side * height for middle, side in zip(at, corner)) for corner in sides], colour)  # noqa: B905

    oval(0, -0.18, 0.48, 0.5, "#3a2515")  # hair
    oval(0, 0.55, 0.2, 0.3, "#c98f6d")  # neck
    oval(0, 0, 0.38, 0.5, "#e3b08c")
    for side in (-1, 1):
        oval(side * 0.16, -0.16, 0.1, 0.025, "#3a2515")
        oval(side * 0.16, -0.06, 0.075, 0.04, "white")
        oval(side * 0.16, -0.06, 0.035, 0.038, "#2c3a4a")
        oval(side * 0.05, 0.13, 0.03, 0.02, "#a8704f")
    oval(0, 0.06, 0.035, 0.09, "#d39c78")
    oval(0, 0.27, 0.15, 0.045, "#a8433f")
    return image


def photo(number, width=96, height=80):
    """A small photo as a model is shown it: JPEG, base64; another for each number up to three."""
    out = io.BytesIO()
    dusk(width, height).rotate(90 * number).save(out, "JPEG")
    return base64.b64encode(out.getvalue()).decode()
