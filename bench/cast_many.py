"""Many Cast displays at once, on loopback, ten of them dead: how soon all show, how fast one does, what idling costs.

    python bench/cast_many.py --displays 50

The receivers are in a process of their own, so that the idle figure counts this end only.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).parent.parent))

from service.displays import cast
from service.surroundings import Surroundings
from tests.castv2 import Receiver
from tests.test_cast import Home
from tests.values import plate

IDLE_SECONDS = 40.0


@contextlib.contextmanager
def receivers(count: int) -> Iterator[list[str]]:
    """So many devices in a process of their own; their addresses."""
    command = [sys.executable, __file__, "--receivers", str(count)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().split()
        finally:
            process.terminate()


def serve(count: int) -> None:
    """Be the devices, until told to end."""
    print(*(Receiver().address for _ in range(count)), flush=True)
    sys.stdin.read()


def until(happened: Callable[[], bool], seconds: float) -> bool:
    """Look every millisecond."""
    end = time.monotonic() + seconds
    while not happened() and time.monotonic() < end:
        time.sleep(0.001)
    return happened()


def main() -> None:
    """Print five lines."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--displays", type=int, default=50)
    parser.add_argument("--receivers", type=int, default=0, help="(for the bench itself)")
    asked = parser.parse_args()
    if asked.receivers:
        serve(asked.receivers)
        return
    with tempfile.TemporaryDirectory() as folder, receivers(asked.displays) as addresses:
        home = Home(Path(folder))
        for number, address in enumerate([f"127.0.0.1:{n}" for n in range(1, 11)] + addresses):
            around = Surroundings(f"screen-{number}", Path(folder), Path(folder), home.port)
            home.displays.append(cast.make(cast.Settings(address=address), around))
        measure(home, home.displays[10:])


def measure(home: Home, alive: list[cast.Cast]) -> None:
    """All at once, one by one, and idle."""
    began = time.monotonic()
    for display in home.displays:
        display.show(plate(id=1))
    until(lambda: all(display.state()["shown_plate"] == 1 for display in alive), 20)
    up = sum(display.state()["shown_plate"] == 1 for display in alive)
    print(f"{up} of {len(alive)} displays shown after {time.monotonic() - began:.2f} s, beside 10 dead ones")
    took = []
    for number in range(2, 52):
        began = time.monotonic()
        alive[0].show(plate(id=number))
        assert until(lambda number=number: alive[0].state()["shown_plate"] == number, 10)
        took.append((time.monotonic() - began) * 1000)
    print(f"slide ready to fetched and accepted: median {statistics.median(took):.1f} ms, worst {max(took):.1f} ms")
    print(f"idle beside the dead ones: {idle()}")
    for dead in home.displays[:10]:
        dead.close()
    print(f"idle without them: {idle()}")
    began = time.monotonic()
    home.close()
    print(f"closed after {time.monotonic() - began:.2f} s")


def idle() -> str:
    """What this process uses while nothing happens."""
    process = psutil.Process()
    before = sum(process.cpu_times()[:2])
    time.sleep(IDLE_SECONDS)
    used = sum(process.cpu_times()[:2]) - before
    return f"{used / IDLE_SECONDS:.2%} of a core, {process.num_threads()} threads"


if __name__ == "__main__":
    main()
