"""How long a paper picture takes, and how twenty-four of them look.

python bench/papercut.py            # median CPU ms for each size
python bench/papercut.py -o x.png   # also a contact sheet
"""

import argparse
import io
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from PIL import Image

from bench.machine import machine
from service.engines.papercut import Papercut
from service.model import Mood, Prompt

SIZES = ((1024, 600), (1280, 750), (1920, 1080), (800, 300), (1080, 1920), (600, 600))
SCENES = (
    ("a woman lifts a shining trophy on a muddy pitch while paper confetti falls from the floodlights", "joyful"),
    ("a child flies a red kite on a windy hill above a village", "playful"),
    ("a ladder leans against an apple tree, baskets of apples in the grass below", "hopeful"),
    ("a reader on a park bench, the pages of a newspaper unfold into a flock of birds", "calm"),
    ("a figure stands before an enormous balance in an empty courtroom", "tense"),
    ("a suitcase stands alone on a country platform, rain on the rails", "somber"),
    ("a street after an explosion, a red balloon caught in the dust", "grim"),
    ("a whale surfaces beside a tiny rowing boat in a calm bay at dawn", "hopeful"),
    ("a baker carries loaves of bread out of a glowing bakery into the blue morning street", "calm"),
    ("a grand piano under a willow by the lake", "calm"),
    ("a tin robot plays chess in a cafe, a coffee cup tipped between them", "playful"),
    ("hundreds of umbrellas in the rain at a city crossing", "tense"),
    ("a ballot box on a table in a school hall", "tense"),
    ("an astronaut helmet on the sill, a comet outside in the night sky", "hopeful"),
    ("wind turbines on green hills, sheep grazing", "hopeful"),
    ("a fox crosses a snowy forest path by moonlight", "calm"),
    ("an elephant in a village square with paper lanterns", "playful"),
    ("a giant hourglass in the desert at sunset, a camel passes", "tense"),
    ("a container ship waits outside a foggy harbour", "tense"),
    ("a ferris wheel by the sea in the evening", "joyful"),
    ("a microscope and test tubes on a lamplit laboratory table", "hopeful"),
    ("a single candle burns in a dark window", "somber"),
    ("bees around sunflowers in a garden, a watering can", "joyful"),
    ("flowers on the pavement after the shooting", "grim"),
)


def prompts(first_seed=0):
    for i, (scene, mood) in enumerate(SCENES):
        yield Prompt(scene=scene, words=scene, mood=Mood(mood), topic="", seed=first_seed + i * 17)


def cpu_ms(engine, prompt, size):
    start = time.process_time()
    engine.render(prompt, *size)
    return (time.process_time() - start) * 1000


def measured():
    print(machine())
    engine, some = Papercut(), list(prompts())
    for size in SIZES:
        engine.render(some[0], *size)  # bakes the grain of this size
        times = [cpu_ms(engine, p, size) for p in some[:12]]
        print(f"{size[0]:>5}x{size[1]:<5} median {statistics.median(times):5.0f} ms CPU, worst {max(times):5.0f}")


def contact_sheet(path, first_seed, columns=4, width=512):
    pictures = [Papercut().render(p, 1024, 600) for p in prompts(first_seed)]
    small = [Image.open(io.BytesIO(p.data)).resize((width, width * 600 // 1024)) for p in pictures]
    height = small[0].height
    sheet = Image.new("RGB", (columns * width, -(-len(small) // columns) * height))
    for i, image in enumerate(small):
        sheet.paste(image, (i % columns * width, i // columns * height))
    sheet.save(path)


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("-o", "--output", help="write a contact sheet here")
    arguments.add_argument("--seed", type=int, default=0)
    given = arguments.parse_args()
    measured()
    if given.output:
        contact_sheet(given.output, given.seed)
