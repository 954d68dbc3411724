"""What captions are worth, and what pictures of the class must show, in the toy world, read by its oracle.

    OMP_NUM_THREADS=1 python -m bench.toy_captions --seeds 3

"One room": all photos are on one ground and nobody cut the subject out, as when a dog was photographed in its kitchen;
with captions that say so, and with none; nothing is preserved. "Class images": photos in five places with captions, and
pictures that the base painted: of the captions without the token and of other things or, as is often done, of the bare
class.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from bench.machine import machine
from personalization import prior
from tests.toyworld import lessons

SHORT = ("--steps", "300", "--measure-every", "300", "--pictures", "6")
ALONE = ("--preservation", "none", "--steps", "150", "--measure-every", "150", "--pictures", "6")
ROOM = {"masks": False, "ground": "yellow"}
CLASS = (*SHORT, "--preservation", "images")
SETTINGS = {
    "one room, captions": (ALONE, ROOM, False),
    "one room, no captions": (ALONE, ROOM | {"captions": False}, False),
    "class images as we ask for them": (CLASS, {}, False),
    "class images of the bare class": (CLASS, {}, True),
}


@contextmanager
def bare(wanted):
    """Pictures of the class are of the class alone, whatever the captions say."""
    pictured = prior.pictured
    if wanted:
        prior.pictured = lambda _classes, _held, count: [f"a {lessons.NOUN}"] * count
    try:
        yield
    finally:
        prior.pictured = pictured


def trial(setting, seed, pictures):
    """One run: the oracle's marks of what was learned last, whether or not it was worth publishing."""
    words, photos, alone = SETTINGS[setting]
    words = (*words, "--seed", seed)
    with tempfile.TemporaryDirectory() as folder, bare(alone):
        lessons.photographed(Path(folder), **photos)
        began = time.process_time()
        outcome = lessons.learned(Path(folder), *words)
        spent = time.process_time() - began
        marks = asdict(lessons.marked(lessons.unpublished(Path(folder), outcome, *words), pictures))
        return marks | {"CPU s": spent, "refused": bool(outcome.refusal)}


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--seeds", type=int, default=3)
    options.add_argument("--pictures", type=int, default=48, help="of each sort")
    options.add_argument("--setting", choices=SETTINGS, action="append", help="only this one; may be given again")
    given = options.parse_args()
    print(machine())
    for name in given.setting or SETTINGS:
        found = []
        for seed in range(given.seeds):
            found.append(trial(name, seed, given.pictures))
            print(f"{name}, seed {seed}", {key: round(float(value), 3) for key, value in found[-1].items()}, flush=True)
        medians = {key: round(float(statistics.median(run[key] for run in found)), 3) for key in found[0]}
        print(f"{name}, median", medians, flush=True)


if __name__ == "__main__":
    main()
