"""From the start of the service to the first slide, and how long a round of twenty stories takes.

    python bench/start.py [--runs 5] [--stories 20]

Each run has a new data folder and a feed that cannot be reached, so the slide is one of the sample edition's. "First
time ever" is with no compiled Python file anywhere, as after an installation that compiles none. The round reads its
stories from a feed on loopback and paints them with papercut.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench import loopback
from bench.machine import ROOT, command, first_answer, free_port, machine, running, spread

FIRST_SLIDE_S, ROUND_S = 10.0, 25.0  # the bars


def first_slide(folder: Path, **environment: str) -> tuple[float, float]:
    """Seconds from the start of the process to the index page, and to a slide."""
    config = folder / "config.toml"
    config.write_text(loopback.config(f"http://127.0.0.1:{free_port()}", ["nobody.xml"], plates=4))
    began = time.monotonic()
    with running(config, folder / "data", **environment) as (_, port):
        first_answer(port, "/healthz")
        opened = time.monotonic() - began
        slide = first_answer(port, "/d/hall.jpg")
        took = time.monotonic() - began
    assert slide.startswith(b"\xff\xd8"), "not a JPEG"
    return opened, took


def one_round(stories: int) -> tuple[float, dict[str, float], Counter[str]]:
    """Seconds of one ``once``: whole, by verb (from the event before to this one), and how many events.

    The feed has 40 stories to choose from, so that there are enough that may be painted.
    """
    feed = {"news.xml": loopback.rss(loopback.headlines(40))}
    with tempfile.TemporaryDirectory() as name, loopback.serving(feed) as base:
        config, data = Path(name) / "config.toml", Path(name) / "data"
        config.write_text(loopback.config(base, ["news.xml"], plates=stories))
        seconds, events = dict[str, float](), Counter[str]()
        began = last = time.monotonic()
        words = command("once", "--json", "--config", config, "--data", data)
        process = subprocess.Popen(words, stdout=subprocess.PIPE, cwd=ROOT)
        assert process.stdout is not None
        for line in process.stdout:
            event, now = json.loads(line), time.monotonic()
            verb = event["verb"] if events else "start and fetch"
            seconds[verb] = seconds.get(verb, 0.0) + now - last
            events[event["verb"]] += 1
            last = now
            assert not event.get("error"), event
        process.wait()
        seconds["exit"] = time.monotonic() - last
        return time.monotonic() - began, seconds, events


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--runs", type=int, default=5)
    arguments.add_argument("--stories", type=int, default=20, help="40 at most")
    asked = arguments.parse_args()
    print(machine())
    with tempfile.TemporaryDirectory() as name:
        cold = first_slide(_made(name, "cold"), PYTHONPYCACHEPREFIX=f"{name}/compiled")
        warm = [first_slide(_made(name, str(n))) for n in range(asked.runs)]
    opened, slides = zip(*warm, strict=True)
    print(f"service open, s                     {spread(opened, 2)}")
    print(f"first slide, s      (<= {FIRST_SLIDE_S:g})        {spread(slides, 2)}")
    print(f"first slide, first time ever, s     {cold[1]:.2f}")
    whole, seconds, events = one_round(asked.stories)
    plates, painted = events["describe"], events["render"]
    print(f"once, {plates} plates, {painted} of them painted, s (<= {ROUND_S:g} for 20)   {whole:.1f}")
    for verb, spent in seconds.items():
        print(f"    {verb:<16} {spent:6.2f} s   {events.get(verb, '')}")
    return 0


def _made(parent: str, name: str) -> Path:
    folder = Path(parent) / name
    folder.mkdir()
    return folder


if __name__ == "__main__":
    sys.exit(main())
