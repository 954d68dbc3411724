"""What an editor's look at an article costs: the reader's start, a page taken apart, memory, and our own checks.

Run: python -m bench.article
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import psutil

from bench.loopback import HEADLINES
from bench.machine import machine
from service.editors.tools.articles import Page, fit
from service.walled import Walled
from tests.values import story

RUNS = 15
NAVIGATION = "".join(f"<li><a href='/section/{n}'>Section {n} and more</a></li>" for n in range(80))
SCRIPT = "<script>" + "let value = {a: 1, b: [2, 3]}; call(value);\n" * 2_000 + "</script>"


def page(paragraphs: int) -> bytes:
    """A page as newsrooms serve it: mostly script and navigation, and some paragraphs of article."""
    lines = (f"{HEADLINES[n % 40]}, said the keeper of lamp {n}, and went on with it." for n in range(paragraphs))
    said = "".join(f"<p>{line}</p>" for line in lines)
    return (
        f"<!doctype html><html><head>{SCRIPT}</head><body><nav><ul>{NAVIGATION}</ul></nav><main><article><h1>"
        f"{HEADLINES[0]}</h1>{said}</article></main><aside>{NAVIGATION}</aside>{SCRIPT}</body></html>"
    ).encode()


def median_ms(what: Callable[[], object]) -> str:
    """The median of some runs, and the slowest."""
    took = []
    for _ in range(RUNS):
        began = time.perf_counter()
        what()
        took.append((time.perf_counter() - began) * 1e3)
    return f"{statistics.median(took):.1f} ms, at worst {max(took):.1f}"


def main() -> None:
    """Print a line for each."""
    print(machine())
    reader = Walled("service.editors.tools.worker", 20, 250_000_000)
    request = {"content_type": "text/html; charset=utf-8", "chars": 8_000}

    def cold() -> None:
        reader.close()
        reader.ask(request, b"")

    print("the reader's start:", median_ms(cold))
    for paragraphs in (40, 4_000):
        document = page(paragraphs)
        reader.ask(request, document)
        print(
            f"a page of {len(document) / 1e3:.0f} kB:",
            median_ms(lambda document=document: reader.ask(request, document)),
        )
    worker = psutil.Process().children()[0]
    print(f"the reader's memory: {worker.memory_info().rss / 1e6:.0f} MB")
    said = Page(tuple(reader.ask(request, page(4_000))["paragraphs"]))
    reader.close()
    print("in the service: quoting 4,000 characters:", median_ms(lambda: fit(said, story(HEADLINES[0]))))


if __name__ == "__main__":
    main()
