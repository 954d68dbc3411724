"""A Cast display's day in minutes: random faults, and a look for broken manners after each.

    python bench/cast_day.py --faults 200

Against the tests' receiver on loopback, with heartbeats and time-outs shortened; the sound and the time of day are
others before each fault. Exits 1 with a line for every broken promise: a guest that was sent something, a night that
was disturbed, a chime, sound that is not as it was found, a newest slide that is not up within 5 s, threads, files or
memory that grow, more than 20 log lines for one fault.
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
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).parent.parent))

from pychromecast import socket_client
from pychromecast.controllers import heartbeat

from bench.machine import machine
from service.displays import cast, cast_link, cast_manners, cast_page
from tests.castv2 import DASHCAST, PLAYER
from tests.test_cast import Home
from tests.values import plate

RECOVERY_SECONDS = 5.0
FAULT_LINES = 20
RECEIVER_OF_OUR_OWN = "0F00BA44"
# just before a full minute, when nights begin and end: the display looks at the clock all the time
NOON, NIGHT = (datetime(2026, 11, 22, hour, 0, 59, 900_000, tzinfo=UTC) for hour in (12, 23))


def shorten() -> None:
    """A day's waits in seconds; what is decided stays the same."""
    heartbeat.HB_PING_TIME = heartbeat.HB_PONG_TIME = 1
    socket_client.SELECT_TIMEOUT = 0.5
    cast_link.ANSWER_SECONDS = cast_link.LAUNCH_SECONDS = cast_link.LOAD_SECONDS = 1.0
    cast.FETCH_SECONDS = cast.PAGE_SECONDS = 1.0
    cast.CHECK_SECONDS = 0.5
    cast_manners.SETTLE_SECONDS = 0.2
    cast_manners.REMOVALS = 10**9
    cast_manners.PAGE_SILENT_SECONDS = 1.5
    cast_page.AGAIN_SECONDS = 2.0


class Lines(logging.Handler):
    """Counts what would be written."""

    count = 0

    def emit(self, record: logging.LogRecord) -> None:
        self.count += 1


class Browser:
    """The device's browser: our page in it asks what should hang, draws it, and says so."""

    def __init__(self, day: Day) -> None:
        self.day, self.drawn, self.asks = day, 0, 10**9
        day.device.on_page = self.opened

    def opened(self, url: str) -> None:
        """Ask as long as the page is in front, and as often as it is allowed to."""
        device, via = self.day.device, url.partition("?via=")[2]
        session = device.app and device.app["sessionId"]
        while device.app and device.app["sessionId"] == session and self.asks > 0:
            self.asks -= 1
            hangs = self.day.number
            self.day.display.fetched(f"via={via}&v={hangs}")
            with device.bell:
                self.drawn = hangs
                device.bell.notify_all()
            time.sleep(0.2)


class Day:
    """A home with one display, and what may happen to it."""

    def __init__(self, folder: Path, chance: random.Random) -> None:
        self.home, self.chance, self.number = Home(folder), chance, 0
        self.device = self.home.device
        self.device.page_apps.add(RECEIVER_OF_OUR_OWN)
        self.home.clock, self.night, self.broken = NOON, "", list[str]()
        self.sound = self.device.volume
        self.start()
        self.browser = Browser(self)

    def start(self, **settings: str) -> None:
        """The service begins, with a night of some kind."""
        self.night = self.chance.choice(("off", "off", "dim", "clock"))
        self.display = self.home.display(night=self.night, resume_after_seconds=0.3, reload_minutes=0.05, **settings)

    def again(self, **settings: str) -> None:
        """The service ends and begins anew."""
        self.display.close()
        self.home.displays.clear()
        self.start(**settings)

    def next_slide(self) -> None:
        self.number += 1
        self.display.show(plate(id=self.number))

    def passing(self, most: float) -> None:
        """Time goes by, and slides with it."""
        for _ in range(self.chance.randint(1, 3)):
            self.next_slide()
            time.sleep(self.chance.uniform(0, most / 3))

    @property
    def ours(self) -> bool:
        """Whether our app is in front."""
        app = self.device.app
        return bool(app) and app["appId"] in {PLAYER, *self.device.page_apps} and self.device._guest_at is None  # noqa: SLF001

    # -- guests -----------------------------------------------------------------------------

    def guest(self) -> None:
        self.device.guest()
        self.passing(1)
        self.device.home(backdrop=self.chance.random() < 0.5)

    def stranger_in_the_same_player(self) -> None:
        self.device.front(PLAYER, "Default Media Receiver")
        self.passing(1)
        self.device.home()

    def guest_in_the_middle(self) -> None:
        self._in_the_middle(self.device.guest, lost=True)
        self.passing(1)
        self.device.on_launch = None
        self.device.home()

    def swiped_away(self) -> None:
        self.device.home(backdrop=self.chance.random() < 0.5)
        self.passing(0.5)

    # -- the line ---------------------------------------------------------------------------

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

    def lost_answer(self) -> None:
        def half() -> None:
            self.device.connections, gone = [], self.device.connections
            self.device.front(PLAYER, "Default Media Receiver", ours=True)
            self.device.connections = gone
            self.device.drop()

        self.again()
        self.next_slide()
        self.device.until(lambda: self.ours and self.device.app["appId"] == PLAYER, RECOVERY_SECONDS)
        self._in_the_middle(half, lost=True)
        self.passing(0.5)
        self.device.on_launch = None

    def restarted(self) -> None:
        self.passing(0.2)
        self.again()

    # -- the live page ----------------------------------------------------------------------

    def page(self) -> None:
        self._page()
        self.passing(1)

    def page_of_our_own_receiver(self) -> None:
        self._page(app_id=RECEIVER_OF_OUR_OWN)
        self.passing(1)

    def no_receiver_of_pages(self) -> None:
        self.device.refused_apps = tuple(self.device.page_apps)
        self._page(app_id=self.chance.choice((DASHCAST, RECEIVER_OF_OUR_OWN)))
        self.passing(1)
        self.device.refused_apps = ()

    def receiver_that_is_never_ready(self) -> None:
        self.device.deaf = True
        self._page()
        self.passing(1)
        self.device.deaf = False

    def page_that_is_never_fetched(self) -> None:
        self.browser.asks = 0
        self._page(app_id=self.chance.choice((DASHCAST, RECEIVER_OF_OUR_OWN)))
        self.passing(1.5)
        self.browser.asks = 10**9

    def page_that_falls_silent(self) -> None:
        self.browser.asks = 3
        self._page()
        self.passing(3)
        self.browser.asks = 10**9

    def guest_over_the_page(self) -> None:
        self._page()
        self.passing(0.6)
        self.guest()

    def _page(self, **settings: str) -> None:
        """From now on the display is sent the page; what is up goes first, so that it is opened now."""
        self.again(mode="page", **settings)
        self.device.home()
        self.next_slide()

    # -- nights -----------------------------------------------------------------------------

    def nightfall(self) -> None:
        self._into_the_night()

    def nightfall_in_the_middle(self) -> None:
        self.device.home()
        self._in_the_middle(lambda: setattr(self.home, "clock", NIGHT))
        self.next_slide()
        self.device.until(lambda: self.device.on_launch is None, 2)
        self._into_the_night()

    def nightfall_over_a_guest(self) -> None:
        self.device.guest()
        self.next_slide()
        self.home.clock = NIGHT
        self.passing(0.6)
        self.device.home()
        self._into_the_night()

    def morning_under_a_guest(self) -> None:
        self._into_the_night(morning=False)
        self.device.guest()
        self.home.clock = NOON
        self.passing(0.6)
        self.device.home()

    def restarted_at_night(self) -> None:
        self.home.clock = NIGHT
        self.again()
        self.next_slide()
        self._into_the_night()

    def morning_in_the_middle(self) -> None:
        self._into_the_night(morning=False)
        self._in_the_middle(lambda: setattr(self.home, "clock", NIGHT))
        self.home.clock = NOON
        self.next_slide()
        self.device.until(lambda: self.device.on_launch is None, 2)
        self.device.on_launch = None
        self.home.clock = NOON

    def _into_the_night(self, *, morning: bool = True) -> None:
        """Night comes; where it is one without light, our picture goes and nothing is sent until the morning."""
        self.home.clock = NIGHT
        if self.night == "off":
            if not self.device.until(lambda: not self.ours, RECOVERY_SECONDS):
                self.broken.append("our picture stays in a dark night")
            time.sleep(0.2)
            before = [self.device.count(kind) for kind in ("LAUNCH", "LOAD", "STOP", "URL")]
            self.passing(1)
            if before != [self.device.count(kind) for kind in ("LAUNCH", "LOAD", "STOP", "URL")]:
                self.broken.append("something was sent at night")
        else:
            self.passing(1)
        if morning:
            self.home.clock = NOON

    def _in_the_middle(self, happens: Callable[[], object], *, lost: bool = False) -> None:
        """Have something happen while our app starts; ``lost``: which it then does not."""

        def launched() -> bool:
            self.device.on_launch = None
            happens()
            return lost

        self.device.on_launch = launched
        self.device.home()

    FAULTS = (
        guest, guest, stranger_in_the_same_player, guest_in_the_middle, swiped_away, swiped_away,
        dropped, switched_off, silent, garbage, refusing, lost_answer, restarted,
        page, page_of_our_own_receiver, no_receiver_of_pages, receiver_that_is_never_ready, page_that_is_never_fetched,
        page_that_falls_silent, guest_over_the_page,
        nightfall, nightfall, nightfall_in_the_middle, nightfall_over_a_guest, morning_under_a_guest,
        morning_in_the_middle, restarted_at_night,
    )  # fmt: skip

    # -- afterwards -------------------------------------------------------------------------

    def recovered(self) -> float | None:
        """Seconds until the newest slide is up, or None."""
        self.next_slide()
        began, wanted = time.monotonic(), f"slide /d/hall.jpg?v={self.number}".encode()

        def up() -> bool:
            if not self.ours:
                return False
            if self.device.app["appId"] != PLAYER:
                return self.browser.drawn == self.number
            return bool((self.device.picture or b"").startswith(wanted))

        return time.monotonic() - began if self.device.until(up, RECOVERY_SECONDS) else None

    def broken_now(self) -> list[str]:
        """Promises that are broken, once; then somebody plays with the sound."""
        found, device = [*self.device.violations, *self.broken], self.device
        if device.chimes:
            found.append(f"{device.chimes} chimes")
        if not device.until(lambda: device.volume == self.sound, 2):
            found.append(f"sound is {device.volume} and was {self.sound}")
        device.violations.clear()
        self.broken.clear()
        with device.bell:
            device.chimes = 0
            self.sound = {
                **self.sound, "level": round(self.chance.random(), 2), "muted": self.chance.random() < 0.2,
            }  # fmt: skip
            device.volume = self.sound
            device.broadcast()
            for kept in (device.heard, device.pictures, device.fetched):  # a day's would look like a leak of ours
                del kept[:-1]
        return found


@dataclass(frozen=True, slots=True)
class Held:
    """What the process holds."""

    files: int
    threads: int
    megabytes: float


def held(process: psutil.Process) -> Held:
    return Held(process.num_fds(), threading.active_count(), process.memory_info().rss / 1e6)


def grown(samples: Sequence[Held]) -> tuple[str, list[str]]:
    """The medians of each quarter of the day, and what of it has grown since the first."""
    size = max(1, len(samples) // 4)
    quarters = [samples[n * size : (n + 1) * size] for n in range(4)]
    told, worse = [], []
    for what, most in (("files", 3.0), ("threads", 3.0), ("megabytes", 4.0)):
        middle = [statistics.median(getattr(held, what) for held in quarter) for quarter in quarters if quarter]
        told.append(f"{what} {', '.join(f'{value:g}' for value in middle)}")
        if middle[-1] > middle[0] + most:
            worse.append(f"{what} grew from {middle[0]:g} to {middle[-1]:g}")
    return "; ".join(told), worse


def main() -> int:
    """Run the day and say what was broken."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--faults", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    shorten()
    lines = Lines()
    logging.basicConfig(handlers=[lines], level=logging.INFO)
    process, trouble, took, kinds = psutil.Process(), list[str](), list[float](), Counter[str]()
    samples, wrote, began = list[Held](), list[int](), time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        day = Day(Path(folder), random.Random(options.seed))
        day.recovered()
        for number in range(options.faults):
            fault, before = day.chance.choice(Day.FAULTS), lines.count
            kinds[fault.__name__] += 1
            fault(day)
            seconds = day.recovered()
            took.append(seconds if seconds is not None else RECOVERY_SECONDS)
            if seconds is None:
                trouble.append(f"{number} {fault.__name__}: not up in {RECOVERY_SECONDS:.0f} s: {day.display.state()}")
            trouble += [f"{number} {fault.__name__}: {what}" for what in day.broken_now()]
            samples.append(held(process))
            wrote.append(lines.count - before)
            if wrote[-1] > FAULT_LINES:
                trouble.append(f"{number} {fault.__name__}: {wrote[-1]} log lines")
        day.home.close()
    quarters, worse = grown(samples)
    trouble += worse
    print(*trouble, sep="\n")
    print(machine())
    print(f"{options.faults} faults in {(time.monotonic() - began) / 60:.1f} minutes: ", end="")
    print(", ".join(f"{n} {kind.replace('_', ' ')}" for kind, n in kinds.most_common()))
    print(f"newest slide up again: median {statistics.median(took):.2f} s, worst {max(took):.2f} s")
    print(f"medians of each quarter: {quarters}")
    print(f"log lines a fault: {statistics.mean(wrote):.1f}, at most {max(wrote)}")
    print("no promise broken" if not trouble else f"{len(trouble)} promises broken")
    return bool(trouble)


if __name__ == "__main__":
    sys.exit(main())
