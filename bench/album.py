"""A phone's whole folder as photos of one subject: how long `subject add` and `photos` take, and what they need.

    python -m bench.album [--photos 500] [--kind dog]

The photos are drawn: 1600x1200 JPEGs of about 0.4 MB with a sensor's noise, each scene five times with hardly a
difference, every seventeenth scene blurred.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from bench.machine import ROOT, machine

SHOTS, BLURRED = 5, 17
SIZE = (1600, 1200)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--photos", type=int, default=500)
    parser.add_argument("--kind", default="dog")
    told = parser.parse_args()
    print(machine())
    with tempfile.TemporaryDirectory() as at:
        folder, data = Path(at) / "photos", Path(at) / "data"
        folder.mkdir()
        drawn(folder, told.photos)
        timed("add", "rex", folder, "--kind", told.kind, "--data", data, *(["--consent"] * (told.kind == "person")))
        timed("add", "rex", folder, "--data", data)
        timed("photos", "rex", "--data", data)


def timed(*words: object) -> None:
    """Run a command of ``frontispiece subject`` and print what it took."""
    began = time.monotonic()
    command = (sys.executable, "-c", "from service.cli import main; main()", "subject", *map(str, words))
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(
        f"{words[0]:8} {time.monotonic() - began:6.1f} s, at most {used.ru_maxrss / 1024:.0f} MB in a process so far, "
        f"{used.ru_utime + used.ru_stime:.0f} s of processors so far"
    )


def drawn(folder: Path, count: int) -> None:
    """Draw the photos."""
    grain = [np.random.default_rng(seed).normal(0, 9, (*SIZE[::-1], 3)).astype(np.int16) for seed in range(4)]
    for number in range(count):
        scene, shot = divmod(number, SHOTS)
        small = _scene(scene, shot).resize(SIZE, Image.Resampling.BICUBIC)
        pixels = np.asarray(small).astype(np.int16) + grain[number % 4]
        photo = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
        if scene % BLURRED == 3:
            photo = photo.filter(ImageFilter.GaussianBlur(14))
        photo.save(folder / f"IMG_{number:04}.jpg", quality=88)


def _scene(scene: int, shot: int) -> Image.Image:
    """A brown animal in a room full of things, a quarter as large."""
    dice = np.random.default_rng(scene)
    image = Image.new("RGB", (400, 300), _colour(dice))
    pen = ImageDraw.Draw(image)
    for _ in range(25):
        (x, y), (wide, tall) = dice.integers(-40, (400, 300)), dice.integers(15, 150, 2)
        (pen.rectangle if dice.random() < 0.5 else pen.ellipse)((x, y, x + wide, y + tall), fill=_colour(dice))
    image = image.filter(ImageFilter.GaussianBlur(1.2))
    pen = ImageDraw.Draw(image)
    x, y, r = dice.integers(120, 280) + 2 * shot, dice.integers(110, 200) + shot, dice.integers(40, 110)
    pen.ellipse((x - r, y - r * 0.6, x + r, y + r * 0.6), fill=(150, 95, 45))
    pen.ellipse((x + r * 0.5, y - r, x + r * 1.2, y - r * 0.3), fill=(165, 105, 50))
    pen.ellipse((x + r * 0.85, y - r * 0.8, x + r * 0.95, y - r * 0.7), fill=(10, 10, 10))
    pen.polygon([(x + r * 0.55, y - r * 0.9), (x + r * 0.4, y - r * 1.3), (x + r * 0.75, y - r)], fill=(90, 55, 25))
    return image


def _colour(dice: np.random.Generator) -> tuple[int, ...]:
    return tuple(int(value) for value in dice.integers(20, 245, 3))


if __name__ == "__main__":
    main()
