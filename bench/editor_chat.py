"""What the language-model editor costs beside the model: time per story, letters per prompt.

    python bench/editor_chat.py [--stories 200]

The model is a server on loopback that answers at once in its own process, so that its time is not ours.
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench.loopback import headlines
from bench.machine import machine
from service.editors.chat import Chat, Settings
from service.protocols import Brief, Surroundings
from service.store import Account, Store
from tests.dialects import openai, speaking
from tests.values import NOON, story, verdict

TEMPLATES = Path(__file__).parent.parent / "templates"


@contextmanager
def model() -> Iterator[str]:
    """The address of a model in a process of its own."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(theirs,), daemon=True)
    process.start()
    try:
        yield ours.recv()
    finally:
        ours.send(None)
        process.join(5)


def _serve(pipe) -> None:
    with speaking(openai) as server:
        pipe.send(server.url)
        pipe.recv()


def measured(call: Callable[[int], object], count: int) -> str:
    wall, cpu = [], []
    for number in range(count):
        started, used = time.perf_counter(), time.process_time()
        call(number)
        wall.append((time.perf_counter() - started) * 1000)
        cpu.append((time.process_time() - used) * 1000)
    return f"median {statistics.median(wall):6.1f} ms wall, {statistics.median(cpu):5.1f} ms CPU"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stories", type=int, default=200)
    count = parser.parse_args().stories
    print(machine())
    titles = [f"{headlines(40)[n % 40]}, {n}" for n in range(max(count, 40))]
    stories = [story(title, summary="What it means for the town. " * 12) for title in titles]
    brief = Brief(verdict(), "papercut", NOON, recent_scenes=["a small boat of folded paper on a still lake"] * 8)
    with model() as url, tempfile.TemporaryDirectory() as data:
        account = Account(Store(Path(data)), "llm", UTC)
        table = {"base_url": url, "model": "m", "max_calls_per_day": 0, "price": {"input": 0.1, "output": 0.5}}
        chat = Chat(
            Settings.model_validate(table), Surroundings("llm", Path(data), TEMPLATES, zone=UTC, ledger=account)
        )  # fmt: skip
        started = time.perf_counter()
        chat.describe(stories[0], brief)
        print(f"first story, openai imported and connected: {(time.perf_counter() - started) * 1000:.0f} ms")
        print("describe, per story:  ", measured(lambda n: chat.describe(stories[n], brief), count))
        batch = [(one, verdict()) for one in stories[:40]]
        print("decide, forty stories:", measured(lambda _: chat.decide(batch), max(5, count // 20)))
    _letters()


def _letters() -> None:
    """Letters of the shipped prompts; English takes about 4.5 a token."""
    seen = []
    with speaking(lambda heard: seen.append(heard) or heard.sound()) as server, tempfile.TemporaryDirectory() as data:
        chat = Chat(Settings(base_url=server.url, model="m"), Surroundings("llm", Path(data), TEMPLATES))
        chat.describe(story(summary="What it means for the town. " * 12), Brief(verdict(), "papercut", NOON))
        chat.decide([(story(t, summary="What it means. " * 20), verdict()) for t in headlines(40)])
    for name, heard in zip(("describe", "decide 40"), seen, strict=True):
        print(f"{name}: {len(heard.system)} letters of system prompt (constant), {len(heard.user)} of question")


if __name__ == "__main__":
    sys.exit(main())
