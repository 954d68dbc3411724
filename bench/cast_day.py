"""A Cast display's day in minutes: random faults, and a look for broken manners after each.

    python bench/cast_day.py --faults 200

Against the tests' receiver on loopback, with heartbeats and time-outs shortened. Exits 1 with a line for every broken
promise: a guest that was sent something, a chime, sound that is not as it was found, a newest slide that is not up
within 5 s, threads or files that grow, more than 20 log lines a fault.
"""

from __future__ import annotations

import argparse
import logging
import random
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).parent.parent))

from pychromecast import socket_client
from pychromecast.controllers import heartbeat

from service.displays import cast, cast_link, cast_manners
from tests.castv2 import PLAYER
from tests.test_cast import Home
from tests.values import plate

RECOVERY_SECONDS = 5.0


def shorten() -> None:
    """A day's waits in seconds; what is decided stays the same."""
    heartbeat.HB_PING_TIME = heartbeat.HB_PONG_TIME = 1
    socket_client.SELECT_TIMEOUT = 0.5
    cast_link.ANSWER_SECONDS = cast_link.LAUNCH_SECONDS = cast_link.LOAD_SECONDS = 1.0
    cast.FETCH_SECONDS = 1.0
    cast.CHECK_SECONDS = 0.5
    cast_manners.SETTLE_SECONDS = 0.2
    cast_manners.REMOVALS = 10**9


class Lines(logging.Handler):
    """Counts what would be written."""

    count = 0

    def emit(self, record: logging.LogRecord) -> None:
        self.count += 1


class Day:
    """A home with one display, and what may happen to it."""

    def __init__(self, folder: Path, chance: random.Random) -> None:
        self.home, self.chance, self.number = Home(folder), chance, 0
        self.device = self.home.device
        self.display = self.home.display(resume_after_seconds=0.3, reload_minutes=0.05)

    def next_slide(self) -> None:
        self.number += 1
        self.display.show(plate(id=self.number))

    def passing(self, most: float) -> None:
        """Time goes by, and slides with it."""
        for _ in range(self.chance.randint(1, 3)):
            self.next_slide()
            time.sleep(self.chance.uniform(0, most / 3))

    def guest(self) -> None:
        self.device.guest()
        self.passing(1)
        self.device.home(backdrop=self.chance.random() < 0.5)

    def stranger_in_the_same_player(self) -> None:
        self.device.front(PLAYER, "Default Media Receiver")
        self.passing(1)
        self.device.home()

    def swiped_away(self) -> None:
        self.device.home(backdrop=self.chance.random() < 0.5)
        self.passing(0.5)

    def dropped(self) -> None:
        self.device.drop()
        self.passing(0.5)

    def switched_off(self) -> None:
        self.device.off()
        self.passing(3)
        self.device.on()

    def silent(self) -> None:
        self.device.silent = True
        self.passing(3)
        self.device.silent = False

    def garbage(self) -> None:
        self.device.raw(self.chance.choice([b"\0\0\0\x08" + b"\xff" * 8, b"\0\0\x10\0half", b"HTTP/1.1 400\r\n\r\n"]))
        self.passing(1)

    def refusing(self) -> None:
        self.device.load_answer = "LOAD_FAILED"
        self.device.home()
        self.passing(1)
        self.device.load_answer = None

    def guest_in_the_middle(self) -> None:
        def barge() -> bool:
            self.device.on_launch = None
            self.device.guest()
            return True

        self.device.on_launch = barge
        self.device.home()
        self.passing(1)
        self.device.on_launch = None
        self.device.home()

    def restarted(self) -> None:
        self.display.close()
        self.home.displays.clear()
        self.passing(0.2)
        self.display = self.home.display(resume_after_seconds=0.3, reload_minutes=0.05)

    def lost_answer(self) -> None:
        def half() -> bool:
            self.device.on_launch = None
            self.device.connections, gone = [], self.device.connections
            self.device.front(PLAYER, "Default Media Receiver", ours=True)
            self.device.connections = gone
            self.device.drop()
            return True

        self.device.on_launch = half
        self.device.home()
        self.passing(0.5)
        self.device.on_launch = None

    FAULTS = (
        guest, guest, stranger_in_the_same_player, swiped_away, dropped, switched_off, silent, garbage, refusing,
        guest_in_the_middle, restarted, lost_answer,
    )  # fmt: skip

    def recovered(self) -> float | None:
        """Seconds until the newest slide is up, or None."""
        self.next_slide()
        began, wanted = time.monotonic(), f"slide /d/hall.jpg?v={self.number}".encode()
        up = self.device.until(lambda: (self.device.picture or b"").startswith(wanted), RECOVERY_SECONDS)
        return time.monotonic() - began if up else None


def broken(day: Day) -> list[str]:
    """Promises that are broken now."""
    found = list(day.device.violations)
    day.device.violations.clear()
    if day.device.chimes:
        found.append(f"{day.device.chimes} chimes")
        day.device.chimes = 0
    if not day.device.until(lambda: not day.device.volume["muted"], 2) or day.device.volume["level"] != 0.4:
        found.append(f"sound is {day.device.volume}")
        day.device.volume = {**day.device.volume, "muted": False}
    return found


def main() -> int:
    """Run the day and say what was broken."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--faults", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    shorten()
    lines = Lines()
    logging.basicConfig(handlers=[lines], level=logging.INFO)
    process, trouble, took, kinds = psutil.Process(), [], [], Counter[str]()
    with tempfile.TemporaryDirectory() as folder:
        day = Day(Path(folder), random.Random(options.seed))
        day.recovered()
        before = (process.num_fds(), threading.active_count())
        for number in range(options.faults):
            fault = day.chance.choice(Day.FAULTS)
            kinds[fault.__name__] += 1
            fault(day)
            seconds = day.recovered()
            took.append(seconds if seconds is not None else RECOVERY_SECONDS)
            if seconds is None:
                trouble.append(f"{number} {fault.__name__}: not up in {RECOVERY_SECONDS:.0f} s: {day.display.state()}")
            trouble += [f"{number} {fault.__name__}: {what}" for what in broken(day)]
        after = (process.num_fds(), threading.active_count())
        day.home.close()
    if after[0] > before[0] + 8 or after[1] > before[1] + 8:
        trouble.append(f"files and threads grew from {before} to {after}")
    if lines.count > 20 * options.faults:
        trouble.append(f"{lines.count} log lines")
    print(*trouble, sep="\n")
    print(f"{options.faults} faults ({', '.join(f'{n} {k}' for k, n in kinds.most_common())})")
    print(f"newest slide up again: median {statistics.median(took):.2f} s, worst {max(took):.2f} s")
    print(f"files and threads {before} -> {after}; {lines.count / options.faults:.1f} log lines a fault")
    print("no promise broken" if not trouble else f"{len(trouble)} promises broken")
    return bool(trouble)


if __name__ == "__main__":
    sys.exit(main())
