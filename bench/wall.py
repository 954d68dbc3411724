"""What the service answers with years of plates behind it.

    python bench/wall.py [--plates 100000] [--runs 60] [--plans]

Fills a store with plates, showings and pictures as they would be after years, starts the service over it, and asks
it over HTTP on loopback. Then the same rows without HTTP: what a round and the upkeep ask of the database. With
``--plans``, also how SQLite goes about each statement. ``/healthz``, which asks nothing of the rows, is the share of
the web framework and of this program.
"""

from __future__ import annotations

import argparse
import hashlib
import http.client
import io
import json
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from PIL import Image

from bench import loopback
from bench.machine import ask, first_answer, free_port, machine, running, spread
from service import clock
from service.model import Mood, Picture, Prompt, Step, Verdict
from service.store import Archive, Store
from service.store.rows import stamp

DISPLAYS = ("hall", "kitchen", "study", "bedroom")
FEEDS = tuple(f"http://paper{n}.example/news.xml" for n in range(8))
BAR_MS = 30.0
PICTURE_BYTES = 500_000


def fill(folder: Path, plates: int, *, showings: int | None = None, newest: datetime | None = None) -> Store:
    """A store with this many finished plates, one every quarter of an hour up to ``newest``, and their showings.

    The newest 24 have picture files; the others' rows name files that are not there, as no test needs them.
    """
    store, end = Store(folder), newest or clock.now()
    numbers = range(plates)
    with store.transaction() as db:
        db.executemany("INSERT INTO stories VALUES (?,?,?,?,?,?,?,?,?,?)", (_story(n, plates, end) for n in numbers))
        db.executemany("INSERT INTO pictures VALUES (?,1280,750,?,?,?)", (_picture(n, plates, end) for n in numbers))
        db.executemany(
            "INSERT INTO plates (id, story, channel, step, verdict, prompt, picture, chosen_at, moved_at, favourite)"
            " VALUES (?,?,'home','rendered',?,?,?,?,?,?)",
            (_plate(n, plates, end) for n in numbers),
        )
        count = plates if showings is None else showings
        db.executemany(
            "INSERT INTO showings (display, plate, shown_at) VALUES (?,?,?)",
            ((DISPLAYS[n % 4], 1 + n * plates // count, stamp(end - (count - n) * timedelta(minutes=15)))
             for n in range(count)),
        )  # fmt: skip
    for n in range(max(0, plates - 64), plates):  # those that could hang: a round paints the missing ones again
        _paint(store, n)
    return store


def _id(n: int) -> str:
    return hashlib.sha256(f"story {n}".encode()).hexdigest()


def _title(n: int) -> str:
    return f"{loopback.HEADLINES[n % len(loopback.HEADLINES)]}, report {n}"


def _when(n: int, plates: int, end: datetime) -> str:
    return stamp(end - (plates - n) * timedelta(minutes=15))


VERDICT = json.dumps(asdict(Verdict(0.1, Mood.CALM, ("nature", "science"), "no grave words", subject_allowed=True)))


def _story(n: int, plates: int, end: datetime) -> tuple[object, ...]:
    when = _when(n, plates, end)
    summary = "What happened, who was there, and what it means for the town, in three plain sentences. " * 3
    link = f"https://paper.example/{n}"
    return _id(n), FEEDS[n % 8], f"The Paper {n % 8}", _title(n), summary, link, "en", when, when, VERDICT


def _picture(n: int, plates: int, end: datetime) -> tuple[object, ...]:
    return _file(n), PICTURE_BYTES, json.dumps({"engine": "papercut", "seed": n}), _when(n, plates, end)


def _file(n: int) -> str:
    digest = hashlib.sha256(f"picture {n}".encode()).hexdigest()
    return f"{digest[:2]}/{digest}.png"


def _plate(n: int, plates: int, end: datetime) -> tuple[object, ...]:
    scene = f"a small boat of folded paper on a still lake, the {n}th of its kind, seen from the old stone bridge"
    prompt = Prompt(scene, scene, Mood.CALM, "nature", n, alt="A boat on a lake", why="topic nature")
    when = _when(n, plates, end)
    return n + 1, _id(n), VERDICT, json.dumps(asdict(prompt)), _file(n), when, when, int(n % 500 == 0)


def _paint(store: Store, n: int) -> None:
    """Give a plate a picture that can be read."""
    out = io.BytesIO()
    Image.radial_gradient("L").resize((1280, 750)).point(lambda v: (v + 5 * n) % 256).convert("RGB").save(
        out, "PNG", compress_level=1
    )
    picture = Picture(out.getvalue(), ".png", 1280, 750, {"engine": "papercut", "seed": n})
    plate = Archive(store).plate(n + 1)
    assert plate is not None
    store.repainted(plate, store.keep(picture))


# -- asking ----------------------------------------------------------------------------------


def timed(work: Callable[[], object], runs: int) -> list[float]:
    """Milliseconds of each run, after two that do not count."""
    spent = []
    for _ in range(runs + 2):
        began = time.perf_counter()
        work()
        spent.append(1e3 * (time.perf_counter() - began))
    return spent[2:]


def over_http(port: int, runs: int) -> None:
    """Answers of a running service over one open connection."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    first_answer(port, "/d/hall.jpg")
    _, _, headers = ask(connection, "/d/hall/now.json")
    tag = headers["etag"]

    def row(what: str, path: str, expected: int = 200, bar: str = "", **asked: str) -> None:
        def once() -> None:
            status, _, _ = ask(connection, path, **asked)
            assert status == expected, (path, status)

        print(f"{what:34} {bar:8} {spread(timed(once, runs), 1)}")

    bar = f"<= {BAR_MS:g}"
    row("/healthz (the server alone)", "/healthz")
    row("now.json, unchanged (304)", "/d/hall/now.json", 304, bar, if_none_match=tag)
    row("now.json, whole (200)", "/d/hall/now.json", 200, bar)
    row("index page", "/", 200, bar)
    row("status page", "/status")
    row("api/status", "/api/status")
    row("what was kept off", "/skipped")
    row("a plate's page", "/plates/77")
    row("the slide, kept (200)", "/d/hall.jpg")


def by_hand(store: Store, runs: int) -> None:
    """What verbs and upkeep ask of the rows, in this process."""
    archive, now = Archive(store), clock.now()
    few = max(3, runs // 10)
    work: list[tuple[str, Callable[[], object]]] = [
        ("hung", lambda: archive.hung("hall")),
        ("ready, the newest 64", lambda: archive.ready("home", "hall")),
        ("recent, the newest 24", lambda: archive.recent(24)),
        ("since two days ago", lambda: archive.since("home", now - timedelta(hours=48))),
        ("candidates of two days", lambda: store.candidates("home", FEEDS, since=now - timedelta(hours=48))),
        ("candidates of any age", lambda: store.candidates("home", FEEDS)),
        ("unjudged", store.unjudged),
        ("waiting", lambda: store.waiting("home", Step.CHOSEN)),
        ("unfinished", lambda: store.unfinished("home")),
        ("unfinished, all channels", store.unfinished),
        ("counts", archive.counts),
        ("show", lambda: archive.show("hall", 5)),
        ("prune, nothing to do", lambda: archive.prune(100_000, 100_000)),
    ]
    for name, act in work:
        print(f"{name:34} {'':8} {spread(timed(act, few if name.startswith('prune') else runs), 2)}")
    oldest = store.db.execute("SELECT min(moved_at) FROM plates").fetchone()[0]
    days = (clock.now() - datetime.fromisoformat(oldest)).days
    for keep in (days, 90):
        began = time.perf_counter()
        archive.prune(keep, 100_000)
        took, left = 1e3 * (time.perf_counter() - began), archive.counts()["rendered"]
        print(f"{f'prune to {keep} days, leaves {left}':34} {'':8} {took:.0f}")


def plans(store: Store) -> None:
    """How SQLite goes about each statement that reads."""
    seen: list[str] = []
    store.db.set_trace_callback(seen.append)
    archive, now = Archive(store), clock.now()
    archive.hung("hall"), archive.ready("home", "hall"), archive.recent(24), archive.counts()
    archive.since("home", now - timedelta(hours=48)), store.candidates("home", FEEDS, since=now), store.unjudged()
    store.waiting("home", Step.CHOSEN), store.unfinished("home"), store.unfinished(), archive.feeds(FEEDS)
    archive.prune(100_000, 100_000)
    store.db.set_trace_callback(None)
    for statement in dict.fromkeys(seen):
        try:
            rows = store.db.execute(f"EXPLAIN QUERY PLAN {statement}").fetchall()
        except sqlite3.Error:
            continue
        if rows:
            print(f"\n{' '.join(statement.split())[:300]}")
            print("\n".join(f"    {row['detail']}" for row in rows))


def config(port: int) -> str:
    """A config of four displays whose feed cannot be reached."""
    tables = "".join(f'[[displays]]\nname = "{name}"\ndwell_seconds = 86400\n' for name in DISPLAYS)
    feed = f'[channels.home]\nfeeds = ["http://127.0.0.1:{port}/nobody.xml"]\n'
    return f'{feed}{tables}[net]\nallow_private = ["127.0.0.1"]\n'


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--plates", type=int, default=100_000)
    arguments.add_argument("--runs", type=int, default=60)
    arguments.add_argument("--plans", action="store_true")
    asked: Any = arguments.parse_args()
    print(machine())
    with tempfile.TemporaryDirectory() as name:
        data, file = Path(name) / "data", Path(name) / "config.toml"
        began = time.monotonic()
        store = fill(data, asked.plates)
        whole = (data / "frontispiece.db").stat().st_size + (data / "frontispiece.db-wal").stat().st_size
        print(f"{asked.plates} plates and showings, {whole / 1e6:.0f} MB, made in {time.monotonic() - began:.0f} s")
        print(f"median ms (least … most) of {asked.runs}\n")
        file.write_text(config(free_port()))
        with running(file, data) as (_, port):
            over_http(port, asked.runs)
        print()
        if asked.plans:
            plans(store)
        by_hand(store, asked.runs)
    return 0


if __name__ == "__main__":
    sys.exit(main())
