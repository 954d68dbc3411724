"""Feeds on loopback for trials: a small server, and a document of invented headlines."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from xml.sax.saxutils import escape

HEADLINES = """
Night library opens for shift workers in Lindow
Volunteers plant ten thousand apple trees along the old railway
Hydrogen ferry makes its first crossing to Port Ambrel
Astronomers count a new ring around a distant planet
Schoolchildren build a bridge that sings in the wind
Bakers of Saint Orrin share one oven after the storm
Lost violin returns to its orchestra after eighty years
Karvik gives its main square back to market stalls
Beavers restore a river that engineers had given up
Retired postman walks every street of Bellmouth
Glass museum invites visitors to bring broken windows
Town clock stops, and nobody wants it mended
Robot gardener learns to leave the daisies alone
Mountain railway lets hikers drive for a day
Chess club teaches prisoners and guards at one table
Divers find an amphora full of two-thousand-year-old honey
Solar kites power a fishing village for a week
Grandmothers open a repair café in a bank vault
Fox family moves into the cathedral's herb garden
Orchestra plays for cows, and the milk improves
Meteorologists name a cloud after a nine-year-old
Old lighthouse becomes a school for sign language
Tea growers race paper boats down the terraces
Physicists weigh a single grain of pollen
Cyclists carry a grand piano across the island
Parliament debates in verse for one afternoon
Whales change their song, and scientists sing back
Carpenters rebuild a windmill without a single nail
Street lamps of Upper Tansy dim for the fireflies
Marathon runner stops to return a lost dog and still wins
Weavers send the longest scarf in the world by train
Library of seeds opens under the glacier's edge
Cinema reopens with the film it was showing when it closed
Elephants get a bridge of their own over the motorway
Beekeepers put hives on the roof of the opera
Kite festival returns to the beach after ten years
Young inventor builds a telescope from kitchen pans
Ice skaters cross the lake to deliver the post
Potters find a glaze that was lost for three centuries
Penguin colony doubles after a quiet winter
""".strip().splitlines()


def headlines(count: int) -> list[str]:
    """Invented headlines, no two alike; 40 at most."""
    return HEADLINES[:count]


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
