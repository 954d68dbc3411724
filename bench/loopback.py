"""Feeds on loopback for trials: a small server, and a document of invented headlines."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from xml.sax.saxutils import escape

PLACES = ("Lindow", "Port Ambrel", "Saint Orrin", "Karvik", "Bellmouth", "Upper Tansy")
EVENTS = (
    "{} opens a night library for shift workers",
    "Volunteers in {} plant ten thousand apple trees along the old railway",
    "Ferry to {} runs on hydrogen for the first time",
    "Astronomers near {} count a new ring around a distant planet",
    "Schoolchildren of {} build a bridge that sings in the wind",
    "Bakers of {} share one oven after the storm",
    "A lost violin returns to {} after eighty years",
    "{} votes to give its main square back to market stalls",
)


def headlines(count: int) -> list[str]:
    """Invented headlines, no two alike."""
    return [EVENTS[n % len(EVENTS)].format(PLACES[(n + n // len(EVENTS)) % len(PLACES)]) for n in range(count)]


def rss(titles: list[str], *, title: str = "The Lindow Courier", language: str = "en") -> bytes:
    """An RSS 2.0 document, its newest item first, a minute apart."""
    now = datetime.now(UTC)
    items = "".join(
        f"<item><title>{escape(t)}</title><link>http://courier.example/{n}</link><guid>courier-{n}</guid>"
        f"<pubDate>{format_datetime(now - timedelta(minutes=n + 1))}</pubDate></item>"
        for n, t in enumerate(titles)
    )
    return (
        f'<?xml version="1.0"?><rss version="2.0"><channel><title>{escape(title)}</title>'
        f"<link>http://courier.example/</link><language>{language}</language>{items}</channel></rss>"
    ).encode()


@contextmanager
def serving(documents: Mapping[str, bytes]) -> Iterator[str]:
    """Serve documents by path on a free port of 127.0.0.1; yields "http://127.0.0.1:PORT"."""

    class Server(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = documents.get(self.path.lstrip("/"))
            self.send_response(200 if body is not None else 404)
            self.send_header("Content-Type", "application/xml")
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def config(base: str, paths: list[str], *, plates: int, dwell: float = 0.5) -> str:
    """A config for trials: these feeds, any age, one page display."""
    feeds = ", ".join(f'"{base}/{path}"' for path in paths)
    return (
        f"[channels.home]\nfeeds = [{feeds}]\nplates_per_round = {plates}\nmax_age_hours = 0\n"
        f'[[displays]]\nname = "hall"\ndwell_seconds = {dwell}\n'
        f'[net]\nallow_private = ["127.0.0.1"]\n'
    )
