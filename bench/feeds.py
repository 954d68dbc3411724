"""How many feeds a round can visit, and what documents cost to read.

    python bench/feeds.py [--feeds 500] [--documents FOLDER [--mutants 2000]]

Visits feeds on as many loopback addresses (127.0.x.y, one port, so each is a host of its own) with the service's own
wiring and a real store: first all answer 304, then all send a document. The server is another process and is not
weighed. Documents are generated with the sizes of real ones: 78 kB in the middle, one in twenty over 1 MB, 2.5 MB at
most. With a folder, its documents are read once instead, and then seeded mutants of them.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from datetime import timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import psutil

from bench import loopback
from bench.machine import ROOT, free_port, machine
from service import clock
from service.assembly import Service, opened
from service.errors import SourceError
from service.pipeline import fetch
from service.protocols import Bookmark, Fetched
from service.settings import Settings
from service.sources.parse import Parser

BAR_S, BAR_MB = 10, 120
BAR_DOCUMENTS_S = 60
ETAG = '"as-before"'
DISTINCT = 40  #: documents


def said(what: str, value: str, *, met: bool | None = None) -> None:
    print(f"{what:46} {value:34} {'' if met is None else 'met' if met else 'MISSED'}")


# -- the publishers' side: a process of its own -----------------------------------------------------------------------


def hosts(count: int) -> list[str]:
    return [f"127.0.{n // 250 + 1}.{n % 250 + 1}" for n in range(count)]


def document(dice: random.Random) -> bytes:
    """An RSS document of a real one's size: items with long summaries."""
    wanted = min(max(int(dice.lognormvariate(11.26, 1.66)), 2_000), 2_500_000)
    summary = "&lt;p&gt;" + " ".join(dice.choices(" ".join(loopback.HEADLINES).split(), k=400)) + "&lt;/p&gt;"
    items, size = [], 0
    while size < wanted and len(items) < 900:
        title = f"{dice.choice(loopback.HEADLINES)}, part {dice.randrange(10**9)}"
        items.append(
            f"<item><title>{title.replace('&', '&amp;')}</title><link>http://paper.example/{len(items)}</link>"
            f"<guid>{dice.randrange(10**12)}</guid><description>{summary}</description></item>"
        )
        size += len(items[-1])
    head = "<title>The Lindow Courier</title><link>http://paper.example/</link><language>en</language>"
    return f'<?xml version="1.0"?><rss version="2.0"><channel>{head}{"".join(items)}</channel></rss>'.encode()


async def serve(count: int, port: int) -> None:
    """Answer 304 to who has been here before, else a document, until killed."""
    dice = random.Random(3)
    documents = [document(dice) for _ in range(DISTINCT)]

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        if ETAG.encode() in request:
            writer.write(b"HTTP/1.1 304 Not Modified\r\nConnection: close\r\n\r\n")
        else:
            body = documents[int(writer.get_extra_info("sockname")[0].split(".")[3]) % DISTINCT]
            writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, hosts(count), port, backlog=64)
    print("ready", flush=True)
    await server.serve_forever()


@contextmanager
def publishers(count: int):
    """The server's process; yields its port."""
    port = free_port()
    words = [sys.executable, __file__, "--serve", str(port), "--feeds", str(count)]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, cwd=ROOT)
    try:
        assert process.stdout.readline() == b"ready\n"
        yield port, process.pid
    finally:
        process.kill()
        process.communicate()


# -- the service's side -----------------------------------------------------------------------------------------------


class Scales:
    """Watches the resident memory of this process and its children, but one, while something is done."""

    def __init__(self, but: int) -> None:
        self._but, self.most, self._done = but, 0.0, threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def now(self) -> float:
        """MB."""
        me, total = psutil.Process(), 0
        for process in (me, *me.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):  # it has just ended
                total += process.memory_info().rss if process.pid != self._but else 0
        return total / 1e6

    def _watch(self) -> None:
        while not self._done.wait(0.05):
            self.most = max(self.most, self.now())

    def __enter__(self):
        self.least = self.most = self.now()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()


def a_round(service: Service, urls: list[str], server: int) -> tuple[float, float, Counter[str]]:
    """Visit every feed; seconds, extra MB at most, and what was brought."""
    line = service.press.line
    with Scales(server) as scales:
        began = time.monotonic()
        notes = Counter(event.error or event.note.lstrip("0123456789 ") for event in fetch(line, line.desks))
        took = time.monotonic() - began
    assert sum(notes.values()) == len(urls)
    return took, scales.most - scales.least, notes


def rounds(count: int) -> bool:
    with tempfile.TemporaryDirectory() as folder, publishers(count) as (port, server):
        urls = [f"http://{host}:{port}/feed.xml" for host in hosts(count)]
        settings = Settings(channels={"home": {"feeds": urls}}, net={"allow_private": hosts(count)})
        with opened(settings, Path(folder)) as service:
            long_ago = clock.now() - timedelta(days=1)
            for url in urls:
                service.store.visited(url, Fetched(bookmark=Bookmark(etag=ETAG)), long_ago)
            took, extra, notes = a_round(service, urls, server)
            well = took < BAR_S and extra < BAR_MB and set(notes) == {"not modified"}
            said(f"{count} feeds answering 304", f"{took:.1f} s          (< {BAR_S} s)", met=took < BAR_S)
            said(
                "  more memory, the whole tree, at most", f"{extra:.0f} MB         (< {BAR_MB} MB)", met=extra < BAR_MB
            )
            said("  outcomes", ", ".join(f"{n} {note}" for note, n in notes.items()))
            for url in urls:
                service.store.visited(url, Fetched(), long_ago)
            took, extra, notes = a_round(service, urls, server)
            (stories,) = service.store.db.execute("SELECT count(*) FROM stories").fetchone()
            said(f"{count} feeds sending a document", f"{took:.1f} s, {stories:,} stories")
            said("  more memory, the whole tree, at most", f"{extra:.0f} MB")
            said("  outcomes", ", ".join(f"{n} {note}" for note, n in notes.items()))
    return well


# -- documents --------------------------------------------------------------------------------------------------------


def mutant(body: bytes, dice: random.Random) -> bytes:
    """A document with some bytes changed, cut out, doubled, or its end missing."""
    data = bytearray(body)
    for _ in range(dice.randrange(1, 12)):
        at = dice.randrange(len(data) + 1)
        match dice.randrange(5):
            case 0:
                data[at : at + 1] = bytes([dice.randrange(256)])
            case 1:
                del data[at : at + dice.randrange(1, 200)]
            case 2:
                data[at:at] = data[at : at + dice.randrange(1, 200)]
            case 3:
                data[at:at] = dice.choice(
                    [b"<", b"&", b"&#xD800;", b"]]>", b"<!--", b"\x00", b"\xff", b"<![CDATA[", b"</item>"]
                )
            case _ if dice.random() < 0.1:
                del data[at:]
    return bytes(data)


def read_all(parser: Parser, bodies: Iterable[bytes]) -> tuple[Counter[str], list[float]]:
    """What reading each brought, and how long each took."""

    def read(body: bytes) -> tuple[str, float]:
        began = time.monotonic()
        try:
            outcome = "with stories" if parser.parse(body, "http://x.example/", now=clock.now()).stories else "without"
        except SourceError:
            outcome = "refused with a reason"
        except Exception as error:
            outcome = f"ESCAPED {type(error).__name__}"
        return outcome, time.monotonic() - began

    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(read, bodies))
    return Counter(outcome for outcome, _ in results), [took for _, took in results]


def documents(folder: Path, mutants: int) -> bool:
    bodies = [path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()]
    if not bodies:
        raise SystemExit(f"there are no documents in {folder}")
    dice = random.Random(7)
    changed = [mutant(dice.choice(bodies), dice) for _ in range(mutants)]
    well, began = True, time.monotonic()
    with closing(Parser(workers=2)) as parser:
        for what, some in (("documents", bodies), ("mutants", changed)):
            outcomes, times = read_all(parser, some)
            whole = not [outcome for outcome in outcomes if outcome.startswith("ESCAPED")]
            well = well and whole
            said(f"{len(some)} {what}, {sum(map(len, some)) / 1e6:.0f} MB", f"slowest {max(times, default=0):.1f} s")
            said("  outcomes", ", ".join(f"{n} {outcome}" for outcome, n in outcomes.most_common()), met=whole)
    took = time.monotonic() - began
    said("altogether", f"{took:.1f} s         (< {BAR_DOCUMENTS_S} s)", met=took < BAR_DOCUMENTS_S)
    return well and took < BAR_DOCUMENTS_S


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--feeds", type=int, default=500)
    arguments.add_argument("--documents", type=Path, metavar="FOLDER")
    arguments.add_argument("--mutants", type=int, default=2000)
    arguments.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    asked = arguments.parse_args()
    if asked.serve:
        asyncio.run(serve(asked.feeds, asked.serve))
    if sys.platform != "linux":
        print("this needs Linux: elsewhere 127.0.0.1 is the only loopback address")
        return 0
    print(machine())
    well = documents(asked.documents, asked.mutants) if asked.documents else rounds(asked.feeds)
    return not well


if __name__ == "__main__":
    sys.exit(main())
