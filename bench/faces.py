"""What it costs to look for faces, and to cut and enlarge a picture: CPU time on one core, and memory.

python bench/faces.py
"""

import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import psutil
from PIL import Image, ImageFilter

from bench.machine import machine
from service.compose import focus
from service.engines import proof
from service.faces import faces
from service.model import Picture
from tests.pictures import face

SIZES = ((1024, 600), (1024, 1024), (1920, 1080), (1080, 1920))


def timed(work):
    """CPU ms of a piece of work: the median of fifteen, and the worst."""
    work()
    spent = []
    for _ in range(15):
        started = time.process_time()
        work()
        spent.append((time.process_time() - started) * 1000)
    return f"{statistics.median(spent):.0f} ms, at worst {max(spent):.0f}"


def drawing(size):
    at = size[0] * 0.75, size[1] * 0.3
    return face(Image.new("RGB", size, "#8fa3ad"), at, min(size) * 0.3).filter(ImageFilter.GaussianBlur(2))


def main():
    print(machine())
    resident = psutil.Process().memory_info().rss
    started = time.perf_counter()
    if faces(drawing((1024, 600))) is None:
        raise SystemExit("the faces extra is not installed: make faces")
    took = time.perf_counter() - started
    print(f"the first look: {took:.2f} s, {(psutil.Process().memory_info().rss - resident) / 2**20:.0f} MB")
    for size in SIZES:
        data = proof.printed(drawing(size))
        picture = Picture(data, ".jpg", *size, {})
        print(f"looked at {size[0]}x{size[1]}, decoding included: {timed(lambda made=picture: focus.looked_at(made))}")
    square, small = drawing((1024, 1024)), drawing((704, 384))
    print(f"1024x1024 cut to 1024x600 around faces: {timed(lambda: proof.shaped(square, 1024, 600))}")
    print(f"704x384 enlarged to 1920x1080: {timed(lambda: proof.shaped(small, 1920, 1080))}")
    print(f"the same by Lanczos alone: {timed(lambda: small.resize((1920, 1080), Image.Resampling.LANCZOS))}")


if __name__ == "__main__":
    main()
