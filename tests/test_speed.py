"""What would grow slow or heavy without anybody noticing. Bounds are many times what a small machine needs."""

import subprocess
import sys
import threading
import time
from datetime import timedelta
from pathlib import Path

import pytest

from bench.machine import ask
from bench.wall import FEEDS, fill, timed
from service import clock, memory
from service.assembly import Service
from service.model import Step
from service.settings import Settings
from service.store import Archive
from service.web.app import create
from service.web.server import serve

ROOT = Path(__file__).parent.parent
PLATES = 20_000


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A data folder with years of plates."""
    folder = tmp_path_factory.mktemp("years") / "data"
    fill(folder, PLATES)
    return folder


@pytest.fixture(scope="module")
def connection(data):
    """An open connection to a service over that folder, whose jobs rest."""
    import http.client

    service, stop, opened = Service(Settings(), data, 0), threading.Event(), threading.Event()
    app = create(service.wall, templates=service.templates, secret="")
    found = []

    def started(address):
        found.append(int(address.rstrip("/").rsplit(":", 1)[1]))
        opened.set()

    thread = threading.Thread(target=serve, args=(app, "127.0.0.1", 0, started), kwargs={"stop": stop})
    thread.start()
    assert opened.wait(20)
    yield http.client.HTTPConnection("127.0.0.1", found[0], timeout=30)
    stop.set()
    thread.join(20)
    service.close()


@pytest.mark.parametrize("path", ["/d/hall/now.json", "/", "/plates/7", "/api/status"])
def test_years_of_plates_do_not_slow_the_wall(connection, path):
    """With 20,000 plates an answer takes under 150 ms: about ten times what one takes with a hundred thousand."""
    least = min(timed(lambda: ask(connection, path), 5))
    assert least < 150, f"{path}: {least:.0f} ms"


READS = {
    "hung": lambda store, archive: archive.hung("hall"),
    "ready": lambda store, archive: archive.ready("home", "hall"),
    "recent": lambda store, archive: archive.recent(24),
    "since": lambda store, archive: archive.since("home", clock.now() - timedelta(hours=48)),
    "plate": lambda store, archive: archive.plate(7),
    "feeds": lambda store, archive: archive.feeds(FEEDS),
    "unjudged": lambda store, archive: store.unjudged(),
    "waiting": lambda store, archive: store.waiting("home", Step.CHOSEN),
    "unfinished": lambda store, archive: store.unfinished(),
    "unfinished of one channel": lambda store, archive: store.unfinished("home"),
    "candidates": lambda store, archive: store.candidates("home", FEEDS, since=clock.now() - timedelta(hours=48)),
}  # fmt: skip


@pytest.mark.parametrize("name", READS)
def test_what_a_round_asks_reads_few_rows(data, name):
    """SQLite takes fewer steps for each question than there are plates, so no table is read from end to end."""
    service = Service(Settings(), data)
    store, steps = service.store, []
    store.db.set_progress_handler(lambda: steps.append(1), 100)
    READS[name](store, Archive(store))
    store.db.set_progress_handler(None, 0)
    assert 100 * len(steps) < PLATES, f"about {100 * len(steps)} steps"


def test_upkeep_lets_go_of_years_in_slices(tmp_path):
    """However much there is to let go of, no transaction holds others up for long, and all of it goes."""
    store = fill(tmp_path, 5000)
    left = Archive(store)
    begun = []
    store.db.set_trace_callback(lambda sql: begun.append(sql) if sql.startswith("BEGIN") else None)
    left.prune(5, 100)
    assert len(begun) > 10
    assert left.counts()["rendered"] <= 5 * 96 + 5000 // 500


def test_the_command_is_there_at_once():
    """Importing the command takes under 2 s of processor time, compiling it included."""
    code = "import time, service.cli; print(time.process_time())"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert float(ran.stdout) < 2


LARGE = ("openai", "pychromecast", "zeroconf", "feedparser", "fastapi", "babel.dates", "pytakumi", "resvg_py")
COMMAND = """
import sys, service.cli
from service.assembly import ROOMS, adapters
for room in ROOMS:
    adapters(room)
print(*sorted(set(sys.argv[1:]) & set(sys.modules)))
"""


def test_no_large_package_is_imported_before_it_is_needed():
    """The command, and every adapter there is to choose from, need neither web framework nor foreign client."""
    command = [sys.executable, "-c", COMMAND, *LARGE]
    ran = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    assert ran.stdout.split() == []


def test_free_memory_can_be_given_back():
    """Giving back is quick enough to do now and then, whatever the C library is."""
    began = time.process_time()
    memory.give_back()
    assert time.process_time() - began < 1
