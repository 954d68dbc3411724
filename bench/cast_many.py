"""Many Cast displays at once, on loopback, ten of them dead: how soon all show, how fast one does, what idling costs.

    python bench/cast_many.py --displays 50

The receivers are in a process of their own, so that the idle figure counts this end only.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).parent.parent))

from service.displays import cast
from service.protocols import Surroundings
from tests.castv2 import Receiver
from tests.test_cast import Home
from tests.values import plate

IDLE_SECONDS = 40.0


def main() -> None:
    """Print three lines."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--displays", type=int, default=50)
    many = parser.parse_args().displays
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder))
        devices = [Receiver() for _ in range(many)]
        addresses = [f"127.0.0.1:{n}" for n in range(1, 11)] + [device.address for device in devices]
        for number, address in enumerate(addresses):
            around = Surroundings(f"screen-{number}", Path(folder), Path(folder), home.port)
            home.displays.append(cast.make(cast.Settings(address=address), around))
        began = time.monotonic()
        for display in home.displays:
            display.show(plate(id=1))
        up = [device.until(lambda device=device: device.picture, 20) is not None for device in devices]
        print(f"{sum(up)} of {many} displays shown after {time.monotonic() - began:.2f} s, beside 10 dead ones")
        took = []
        for number in range(2, 52):
            began = time.monotonic()
            home.displays[10].show(plate(id=number))
            wanted = f"v={number}".encode()
            assert devices[0].until(lambda wanted=wanted: devices[0].picture.endswith(wanted))
            took.append((time.monotonic() - began) * 1000)
        print(f"slide ready to bytes fetched: median {statistics.median(took):.1f} ms, worst {max(took):.1f} ms")
        process = psutil.Process()
        before = sum(process.cpu_times()[:2])
        time.sleep(IDLE_SECONDS)
        used = sum(process.cpu_times()[:2]) - before
        print(f"idle: {used / IDLE_SECONDS:.1%} of a core, {process.num_threads()} threads")
        began = time.monotonic()
        home.close()
        print(f"closed after {time.monotonic() - began:.2f} s")


if __name__ == "__main__":
    main()
