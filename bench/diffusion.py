"""What the service adds to a diffusion model: python -m bench.diffusion

A tiny model with random weights, made for the purpose: what is measured is everything that is not the model.
Needs torch and diffusers (`make gpu`, or what `make test` installs).
"""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from service.engines.diffusion import Diffusion, Settings
from service.model import Mood, Prompt

ROOT = Path(__file__).parent.parent
PROMPT = Prompt("a red boat on a lake", "a red boat on a lake", Mood.CALM, "sea", 1, style="ink")


def rss_mb(pid=None):
    return psutil.Process(pid).memory_info().rss / 1e6


def timed(engine, seed):
    """Wall-clock seconds of one picture, and those of them that the model took."""
    began = time.perf_counter()
    picture = engine.render(Prompt(*(PROMPT.scene, PROMPT.words, PROMPT.mood, PROMPT.topic, seed)), 1024, 600)
    return time.perf_counter() - began, picture.recipe["took_s"]


def main():
    with tempfile.TemporaryDirectory() as folder:
        make = "import sys, pathlib; from tests.tiny_model import save; save(pathlib.Path(sys.argv[1]))"
        model = f"{folder}/tiny"
        subprocess.run([sys.executable, "-c", make, model], cwd=ROOT, check=True, capture_output=True)
        engine = Diffusion(Settings(model=model, steps=4, device="cpu"), Path(folder))
        before = rss_mb()
        first, its = timed(engine, 0)
        rest = [timed(engine, seed) for seed in range(1, 21)]
        worker = rss_mb(engine._child._process.pid)  # noqa: SLF001 - no door is needed for a bench alone
        after = rss_mb()
        engine.close()
    over = sorted((whole - model) * 1000 for whole, model in rest)
    print(f"cold start to the first picture: {first:.1f} s, of which the model {its:.1f} s  (start: <= 12 s)")
    print(
        f"the service's own share of a picture: median {statistics.median(over):.1f} ms, worst {over[-1]:.1f}  (<= 60)"
    )
    print(f"the service's memory: {before:.0f} MB before, {after:.0f} MB with a worker; the worker {worker:.0f} MB")


if __name__ == "__main__":
    main()
