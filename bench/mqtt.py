"""Home Assistant's door against a real Mosquitto on loopback: how soon a slide is there, and a broker told everything.

    python bench/mqtt.py

Pictures are real ones of the paper-cut engine; a slide is composed when it is first asked for.
"""

from __future__ import annotations

import contextlib
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench.machine import machine, spread
from service.broker import Mqtt
from service.mqtt import Link, Names, home_of
from tests import homes
from tests.mosquitto import BROKER, Broker, Listener
from tests.values import prompt

SLIDES, RETURNS, IDLE_SECONDS = 20, 8, 40.0


@contextlib.contextmanager
def house(folder: Path, displays: int) -> Iterator[Any]:
    """A service with so many displays, each with a slide of its own, and pictures to turn to."""
    screens = [{"name": f"screen-{number}"} for number in range(displays)]
    with homes.home(folder, displays=screens) as (service, clock):
        seeds = iter(range(1, 1000))
        homes.picture = lambda _number: service.papercut.render(prompt(seed=next(seeds)), 1024, 600)
        for number in range(1, SLIDES + 3):
            homes.painted(service, number)
            clock.pass_(seconds=1)
        service.press.show()
        yield service


@contextlib.contextmanager
def broker_and_house(displays: int) -> Iterator[tuple[Broker, Any]]:
    with contextlib.ExitStack() as held:
        folder = Path(held.enter_context(tempfile.TemporaryDirectory()))
        broker = held.enter_context(Broker(folder / "broker"))
        yield broker, held.enter_context(house(folder / "data", displays))


def until(happened: Callable[[], object], seconds: float = 60) -> None:
    """Look every two milliseconds."""
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.002)


def linked(service: Any, broker: Broker) -> Link:
    told = Mqtt(host="127.0.0.1", port=broker.port)
    link = Link(service.wall, told, Names(told.topic, told.discovery, home_of(service.data)), 8080)
    link.start()
    return link


def images(link: Link, displays: int) -> list[str]:
    return [link.names.at("displays", f"screen-{number}", "image") for number in range(displays)]


def turning(service: Any, link: Link, ear: Listener) -> list[float]:
    """From "next" to the picture, ms; a slide that nobody composed before."""
    (topic,), took = images(link, 1), []
    for _ in range(SLIDES):
        time.sleep(1.2)  # a display's pictures are a second apart
        before, began = ear.count(topic), time.monotonic()
        service.hand.next("screen-0")
        until(lambda before=before: ear.count(topic) > before)
        took.append((ear.heard[-1][0] - began) * 1000)
    return took


def returning(link: Link, broker: Broker, displays: int) -> list[float]:
    """From a broker that listens again, having forgotten everything, to its last picture, s; the wait for the next try
    is in it.
    """
    took = []
    for _ in range(RETURNS):
        link._wait = link._first_wait  # noqa: SLF001 - as after a connection that held
        broker.kill()
        until(lambda: not link.state()["connected"])
        broker.start()
        began = time.monotonic()
        with Listener(broker.port) as ear:
            until(lambda ear=ear: all(ear.kept.get(topic) for topic in images(link, displays)))
        took.append(time.monotonic() - began)
    return took


def main() -> None:
    """Print a line for each figure."""
    if BROKER is None:
        print("no Mosquitto here: nothing is measured")
        return
    print(machine())
    for displays in (1, 10):
        with broker_and_house(displays) as (broker, service):
            link = linked(service, broker)
            if displays == 1:
                with Listener(broker.port) as ear:
                    until(lambda ear=ear, link=link: ear.kept.get(images(link, 1)[0]))
                    print(f"next -> its picture at the broker, ms: {spread(turning(service, link, ear), 0)}")
            until(lambda link=link, n=displays: len(link.board.seen) == n)
            print(
                f"broker back -> all said again, {displays} displays, s: {spread(returning(link, broker, displays), 2)}"
            )
            link.close()
    idle(50)


def idle(displays: int) -> None:
    """What so many displays cost while nothing happens; and the end."""
    with broker_and_house(displays) as (broker, service):
        process, link = psutil.Process(), linked(service, broker)
        until(lambda: len(link.board.seen) == displays)
        before = sum(process.cpu_times()[:2])
        time.sleep(IDLE_SECONDS)
        used = sum(process.cpu_times()[:2]) - before
        print(f"idle with {displays} displays: {used / IDLE_SECONDS:.2%} of a core")
        began = time.monotonic()
        link.close()
        print(f"closed after {time.monotonic() - began:.2f} s; {median(link)}")


def median(link: Link) -> str:
    sizes = [len(message.make()) for message in link.board._wanted.values() if message.picture]  # noqa: SLF001
    return f"a picture has {statistics.median(sizes) / 1000:.0f} kB"


if __name__ == "__main__":
    main()
