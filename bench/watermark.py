"""What the invisible mark costs, how faint it is, what it withstands, and how often it is seen where there is none.

    python bench/watermark.py [--unmarked 105] [--pictures 1] [-o FOLDER]

With -o, each kind's first slide, marked, beside what the mark changed, twenty times as strong.
"""

import argparse
import io
import statistics
import sys
import time
from collections import Counter
from datetime import UTC, datetime
from itertools import cycle, islice
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps

from bench.compose import TITLE, sample
from bench.machine import machine, spread
from bench.papercut import prompts
from service.compose.slide import Composer
from service.engines.papercut import Papercut
from service.profiles import PROFILES
from service.watermark import found, imprinted, sight
from service.watermark.label import Label
from tests.toyworld import world

ROOT = Path(__file__).parent.parent
NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
SCREENS = ("nest-hub", "hub-max", "tv", "phone")
DESIGNS = ("headline", "split", "poster")
SIZES = ((1024, 600), (1280, 800), (640, 400), (600, 900), (1500, 900))


# -- pictures ------------------------------------------------------------------------------------


def papercut(number, size):
    prompt = next(islice(prompts(1000 * (number // 24)), number % 24, None))
    return Image.open(io.BytesIO(Papercut().render(prompt, *size).data)).convert("RGB")


def rough(random, size, power):
    """Noise of all sizes, coarse stronger than fine by that power: clouds, hills, bark. (h, w), 0 … 1."""
    width, height = size
    pitch = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None])
    waves = np.fft.rfft2(random.standard_normal((height, width))) / np.maximum(pitch, 1 / width) ** power
    field = np.fft.irfft2(waves, s=(height, width))
    return (field - field.min()) / np.ptp(field)


def photo(number, size):
    """A landscape as a camera has it: a sky, ridges in haze, leaves, grain."""
    random = np.random.default_rng(number)
    width, height = size
    sky, near = random.uniform((60, 90, 140), (200, 210, 250)), random.uniform(10, 110, 3)
    down = np.linspace(0, 1, height)[:, None, None]
    scene = sky * (0.75 + 0.25 * down) + 40 * rough(random, size, 1.9)[:, :, None]
    for ridge in range(4):
        line = (0.35 + 0.17 * ridge + 0.2 * (rough(random, (width, 8), 1.4)[0] - 0.5)) * height
        land = (np.arange(height)[:, None] > line)[:, :, None]
        haze = ridge / 3
        leaves = 90 * haze * (rough(random, size, 1.1)[:, :, None] - 0.5)
        scene = np.where(land, (1 - haze) * sky * 0.9 + haze * near + leaves, scene)
    scene += random.normal(0, 2, (height, width, 1))
    return Image.fromarray(np.clip(scene, 0, 255).astype("uint8"))


def toy(number, size):
    """A picture of the toy world: plain ground, one thing."""
    kinds, colours, sides = world.KINDS, list(world.COLOURS), list(world.SIDES)
    at = number // len(colours)
    ground = colours[(number + 1 + at) % len(colours)]
    scene = world.Scene(kinds[at % 3], colours[number % len(colours)], ground, sides[at % 3])
    return Image.fromarray(world.draw(scene, 256, 160)).resize(size, Image.Resampling.BICUBIC)


def flat(number, size):
    """A sky without a cloud, from light to dark."""
    random = np.random.default_rng(number)
    top, foot = random.uniform(0, 255, 3), random.uniform(0, 255, 3)
    down = np.linspace(0, 1, size[1])[:, None, None]
    return Image.fromarray(np.broadcast_to((1 - down) * top + down * foot, (*size[::-1], 3)).astype("uint8"))


def dark(number, size):
    """A night: a sixth of a landscape's light."""
    return photo(number, size).point([round(level / 6) for level in range(256)] * 3)


def static(number, size):
    random = np.random.default_rng(number)
    return Image.fromarray(random.integers(0, 256, (*size[::-1], 3), dtype="uint8"))


def patterned(number, size):
    """Stripes, grids and dots: whatever repeats itself, as a mark does."""
    random = np.random.default_rng(number)
    image, pitch = Image.new("RGB", size, "white"), int(random.integers(5, 90))
    draw = ImageDraw.Draw(image)
    for x in range(0, size[0], pitch):
        draw.line((x, 0, x + random.integers(-5, 5) * (number % 2), size[1]), "black", max(1, pitch // 6))
    for y in range(0, size[1], pitch) if number % 3 else ():
        draw.line((0, y, size[0], y), "navy", max(1, pitch // 5))
    return image


KINDS = {"papercut": papercut, "photo": photo, "toy world": toy, "flat sky": flat, "night": dark}
OTHERS = {**KINDS, "static": static, "stripes and grids": patterned}


# -- what becomes of pictures ----------------------------------------------------------------------


def again(image, kind="JPEG", quality=90):
    out = io.BytesIO()
    image.save(out, kind, quality=quality)
    return Image.open(io.BytesIO(out.getvalue())).convert("RGB")


def scaled(image, times):
    return image.resize((round(image.width * times), round(image.height * times)), Image.Resampling.BICUBIC)


def cut(image, share):
    w, h = image.width * share, image.height * share
    return image.crop((round(w), round(h), round(image.width - w), round(image.height - h)))


FATES = {
    "nothing": lambda image: image,
    "JPEG 95": lambda image: again(image, quality=95),
    "JPEG 85": lambda image: again(image, quality=85),
    "JPEG 70": lambda image: again(image, quality=70),
    "JPEG 50": lambda image: again(image, quality=50),
    "WebP 80": lambda image: again(image, "WEBP", 80),
    "WebP 50": lambda image: again(image, "WEBP", 50),
    "75 %": lambda image: again(scaled(image, 0.75)),
    "50 %": lambda image: again(scaled(image, 0.5)),
    "33 %": lambda image: again(scaled(image, 1 / 3)),
    "150 %": lambda image: again(scaled(image, 1.5)),
    "80 %, JPEG 80": lambda image: again(scaled(image, 0.8), quality=80),
    "2 % cut off each edge": lambda image: again(cut(image, 0.02)),
    "15 % cut off each edge": lambda image: again(cut(image, 0.15)),
    "10 % lighter": lambda image: again(ImageEnhance.Brightness(image).enhance(1.1)),
    "10 % darker": lambda image: again(ImageEnhance.Brightness(image).enhance(0.9)),
    "in a page, 60 %": lambda image: again(ImageOps.expand(scaled(image, 0.6), (200, 150), "white")),
    "blurred, 1.5 px": lambda image: again(image.filter(ImageFilter.GaussianBlur(1.5))),
    "turned by 1°": lambda image: again(image.rotate(1, Image.Resampling.BICUBIC)),
}


# -- measuring ---------------------------------------------------------------------------------------


def slides(count):
    """Plain and marked slides: every kind of picture on every screen, the designs in turn."""
    plain, marking = Composer(ROOT / "templates"), Composer(ROOT / "templates", watermark=True)
    designs = cycle(DESIGNS)
    for kind, paint in KINDS.items():
        for number in range(count):
            for screen in SCREENS:
                profile, design = PROFILES[screen], next(designs)
                image = paint(number, (profile.width_px, profile.height_px))
                made = [
                    Image.open(io.BytesIO(c.compose(sample(), image, profile, template=design, now=NOW, suffix=".png")))
                    for c in (plain, marking)
                ]
                yield kind, screen, design, *(one.convert("RGB") for one in made)


def psnr(one, other):
    return float(10 * np.log10(255**2 / np.square(np.asarray(one, float) - np.asarray(other, float)).mean()))


def fates(count, folder):
    """How many slides of each kind were read after each fate."""
    label = Label.of(sample().id, sample().story.id, trained=True)
    read, made, faint, seconds = Counter(), Counter(), {}, []
    by = {"screen": Counter(), "design": Counter()}
    for kind, screen, design, before, after in slides(count):
        made[kind] += 1
        faint.setdefault(kind, []).append(psnr(before, after))
        if folder and made[kind] == 1:
            show(folder / f"{kind.replace(' ', '-')}.png", before, after)
        for fate, happen in FATES.items():
            image, start = happen(again(after)), time.process_time()
            seen = found(image)
            seconds.append(time.process_time() - start)
            if seen and seen.label != label:
                print(f"WRONG: {kind} {screen} {design} {fate}: {seen}")
            well = bool(seen and seen.label == label)
            read[kind, fate] += well
            by["screen"][screen, well] += 1
            by["design"][design, well] += 1
    print(f"{'':24}" + "".join(f"{kind:>12}" for kind in KINDS))
    print(f"{'slides':24}" + "".join(f"{made[kind]:>12}" for kind in KINDS))
    for fate in FATES:
        print(f"{fate:24}" + "".join(f"{read[kind, fate]:>12}" for kind in KINDS))
    print(f"{'PSNR, dB, at least':24}" + "".join(f"{min(faint[kind]):>12.1f}" for kind in KINDS))
    print(f"{'PSNR, dB, median':24}" + "".join(f"{statistics.median(faint[kind]):>12.1f}" for kind in KINDS))
    for what, tally in by.items():
        names = dict.fromkeys(name for name, _ in tally)
        shares = {name: tally[name, True] / (tally[name, True] + tally[name, False]) for name in names}
        print(f"read by {what}: " + ", ".join(f"{name} {100 * share:.0f} %" for name, share in shares.items()))
    print(f"reading one: {spread([1e3 * s for s in seconds], 0)} ms CPU\n")


def show(path, before, after):
    change = np.asarray(after, float) - np.asarray(before, float)
    seen = Image.fromarray(np.clip(128 + 20 * change, 0, 255).astype("uint8"))
    both = Image.new("RGB", (2 * after.width, after.height))
    both.paste(after, (0, 0))
    both.paste(seen, (after.width, 0))
    both.save(path)


def alarms(count):
    """What is seen in pictures without a mark: how far the likeliest label stands out, and what it says."""
    tops, false = {}, 0
    for number, (kind, paint) in zip(range(count), cycle(OTHERS.items()), strict=False):
        image = paint(number // len(OTHERS), SIZES[number % len(SIZES)])
        if number % 2:
            image = again(image, quality=60 + number % 40)
        read = list(sight.readings(image))
        tops.setdefault(kind, []).append(max((reading.sigma for reading in read), default=0.0))
        if any(reading.sigma >= sight.SURE and Label.read(reading.symbols) for reading in read):
            false += 1
            print(f"FALSE ALARM: {kind} {number}")
    every = [top for some in tops.values() for top in some]
    print(f"{count} pictures without a mark: {false} read as marked")
    for kind, some in tops.items():
        print(f"  {kind:18} {len(some):>5}   the likeliest label, standard deviations: {spread(some, 2)}")
    above = sum(top >= sight.SURE for top in every)
    print(f"  above {sight.SURE:g}: {above} of {len(every)}; whose check is right once in 2**20\n")


def costs(runs=15):
    """CPU of a slide without and with the mark, one after the other, and of the mark alone."""
    from dataclasses import replace

    plain, marking = Composer(ROOT / "templates"), Composer(ROOT / "templates", watermark=True)
    told = iter(range(10**6))
    for screen in SCREENS:
        profile = PROFILES[screen]
        image = photo(1, (profile.width_px, profile.height_px))
        took = {plain: [], marking: [], None: []}
        for run in range(runs + 1):
            for composer in (plain, marking):
                plate = replace(sample(), story=replace(sample().story, title=f"{TITLE} {next(told)}"))
                start = time.process_time()
                composer.compose(plate, image, profile, now=NOW)
                took[composer] += [1e3 * (time.process_time() - start)] if run else []
            start = time.process_time()
            imprinted(image, Label(1, trained=True, tale=1))
            took[None] += [1e3 * (time.process_time() - start)] if run else []
        print(f"{screen:10} slide {spread(took[plain], 0)}   marked {spread(took[marking], 0)}"
              f"   the mark alone {spread(took[None])}   ms CPU")  # fmt: skip


def main():
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--unmarked", type=int, default=105)
    asked.add_argument("--pictures", type=int, default=1)
    asked.add_argument("-o", type=Path)
    wanted = asked.parse_args()
    if wanted.o:
        wanted.o.mkdir(parents=True, exist_ok=True)
    print(machine(), flush=True)
    costs()
    fates(wanted.pictures, wanted.o)
    alarms(wanted.unmarked)


if __name__ == "__main__":
    main()
