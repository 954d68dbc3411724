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
from service.model import Story
from service.protocols import Brief
from service.store import Account, Store
from service.surroundings import Surroundings
from tests.dialects import openai, speaking
from tests.values import NOON, story, verdict

#: letters in a token of our prompts, and of answers (JSON): counted with SmolLM2's tokenizer
LETTERS_IN, LETTERS_OUT = 3.8, 3.5
USD_IN, USD_OUT = 0.10, 0.50  #: for a million tokens: a small model of November 2026
A_DAY = 100
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
    return " and ".join(
        f"{statistics.median(spent):.1f} ms, at worst of 20 {sorted(spent)[int(len(spent) * 0.95)]:.1f} ms {what}"
        for spent, what in ((wall, "wall"), (cpu, "CPU"))
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stories", type=int, default=200)
    count = parser.parse_args().stories
    print(machine())
    titles = [f"{headlines(40)[n % 40]}, {n}" for n in range(max(count, 40))]
    stories = [story(title, summary=f"{title}. " + "What it means for the town. " * 12) for title in titles]
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
        batches = [[(fresh(one, turn), verdict()) for one in stories[:40]] for turn in range(max(5, count // 10))]
        print("decide, forty stories:", measured(lambda turn: chat.decide(batches[turn]), len(batches)))
    _letters()


def fresh(one: Story, turn: int) -> Story:
    """The story under another headline: what was found out about a text is remembered, and would cost nothing."""
    return story(f"{one.title} ({turn})", summary=f"{turn}. {one.summary}")


def _letters() -> None:
    """What the shipped prompts take of a model and of a purse."""
    seen = []
    with speaking(lambda heard: seen.append(heard) or heard.sound()) as server, tempfile.TemporaryDirectory() as data:
        chat = Chat(Settings(base_url=server.url, model="m"), Surroundings("llm", Path(data), TEMPLATES))
        chat.describe(story(summary="What it means for the town. " * 12), Brief(verdict(), "papercut", NOON))
        chat.decide([(story(t, summary="What it means. " * 20), verdict()) for t in headlines(40)])
    day = 0.0
    for name, heard in zip(("describe", "decide 40"), seen, strict=True):
        asked, said = len(heard.system) + len(heard.user), len(heard.sound())
        tokens = round(asked / LETTERS_IN), round(said / LETTERS_OUT)
        usd = (tokens[0] * USD_IN + tokens[1] * USD_OUT) / 1e6
        day += A_DAY * usd
        print(f"{name}: {len(heard.system)} letters of system prompt (constant), {len(heard.user)} of question:")
        print(f"  about {tokens[0]} tokens in, {tokens[1]} out, {usd:.5f} USD")
    print(f"{A_DAY} of each a day: {day:.3f} USD, at {USD_IN} and {USD_OUT} USD for a million tokens in and out")


if __name__ == "__main__":
    sys.exit(main())
