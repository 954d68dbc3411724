"""What the service adds to a diffusion model, and how fast one is.

    python -m bench.diffusion
    python -m bench.diffusion --model FOLDER-OR-HUB-ID --steps 4 --pictures 10

Without a model, a tiny one with random weights is made for the purpose: then what is measured is everything that is
not the model. Needs torch and diffusers (`make gpu`, or what `make test` installs).
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import psutil

from service.engines.diffusion import Settings, make
from service.model import Mood, Prompt
from service.surroundings import Surroundings

ROOT = Path(__file__).parent.parent
PROMPT = Prompt("a red boat on a lake", "a red boat on a lake", Mood.CALM, "sea", 1, style="ink")


def rss_mb(pid=None):
    return psutil.Process(pid).memory_info().rss / 1e6


def timed(engine, seed):
    """Wall-clock seconds of one picture, and those of them that the model took."""
    began = time.perf_counter()
    picture = engine.render(replace(PROMPT, seed=seed), 1024, 600)
    return time.perf_counter() - began, picture.recipe["took_s"]


def tiny(folder):
    script = "import sys, pathlib; from tests.tiny_model import save; save(pathlib.Path(sys.argv[1]))"
    subprocess.run([sys.executable, "-c", script, f"{folder}/tiny"], cwd=ROOT, check=True, capture_output=True)
    return f"{folder}/tiny"


def main():
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--model")
    ask.add_argument("--steps", type=int, default=4)
    ask.add_argument("--pictures", type=int, default=20)
    told = ask.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(model=told.model or tiny(folder), steps=told.steps, device="auto" if told.model else "cpu")
        engine = make(settings, Surroundings("gpu", Path(folder), ROOT / "templates"))
        before = rss_mb()
        first, its = timed(engine, 0)
        rest = [timed(engine, seed) for seed in range(1, told.pictures + 1)]
        worker = rss_mb(engine._workshop._child._process.pid)  # noqa: SLF001 - no door is needed for a bench alone
        after = rss_mb()
        engine.close()
    over = sorted((whole - model) * 1000 for whole, model in rest)
    print(f"the model's share: median {statistics.median(model for _, model in rest):.2f} s a picture")
    print(f"cold start to the first picture: {first:.1f} s, of which the model {its:.1f} s  (start: <= 12 s)")
    print(
        f"the service's own share of a picture: median {statistics.median(over):.1f} ms, worst {over[-1]:.1f}  (<= 60)"
    )
    print(f"the service's memory: {before:.0f} MB before, {after:.0f} MB with a worker; the worker {worker:.0f} MB")


if __name__ == "__main__":
    main()
