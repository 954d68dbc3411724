"""A home for tests: the real store, pipeline, wall and web application over finished plates."""

import contextlib
import io
from datetime import timedelta

from fastapi.testclient import TestClient
from PIL import Image

from service.assembly import Service, opened
from service.model import Picture
from service.protocols import Fetched
from service.settings import Settings
from service.web.app import create

from .values import NOON, prompt, story, verdict

TOKEN = "k7fq-2m9d-wxyz-3456-abcd"
FEED = "http://feeds.example/news.xml"


class Clock:
    def __init__(self):
        self.time = NOON

    def __call__(self):
        return self.time

    def pass_(self, **span):
        self.time += timedelta(**span)


def picture(number=1):
    out = io.BytesIO()
    Image.new("RGB", (64, 40), (40 * number % 256, 120, 160)).save(out, "PNG")
    return Picture(out.getvalue(), ".png", 64, 40, {"engine": "fake"})


def painted(service: Service, number: int, channel="home", **directions):
    """A finished plate on the channel; returns its number."""
    told = story(f"Headline number {number}", feed=FEED)
    service.store.visited(FEED, Fetched((told,)), NOON)
    service.store.judged([(told.id, verdict())])
    service.store.chosen(channel, told.id, verdict(), text_only=False)
    plate = next(p for p in service.store.unfinished() if p.story.id == told.id)
    service.store.described(plate, prompt(**directions))
    service.store.rendered(plate, service.store.keep(picture(number)))
    return plate.id


@contextlib.contextmanager
def home(folder, plates=0, **settings):
    """A service with so many plates, and a clock of its own."""
    clock = Clock()
    table = {"timezone": "UTC", "channels": {"home": {"feeds": [FEED]}}, **settings}
    with opened(Settings.model_validate(table), folder) as service:
        service.store.now = clock
        for number in range(1, plates + 1):
            painted(service, number)
            clock.pass_(seconds=1)
        yield service, clock


def client(service, clock, token=TOKEN, at="http://127.0.0.1:8080", **other):
    """A browser or a program at the web door; without a token, anybody."""
    app = create(
        service.wall, templates=service.templates, secret=lambda: TOKEN, clock=clock, login=service.settings.web.login,
        hosts=service.settings.web.hosts, **other,
    )  # fmt: skip
    headers = {"authorization": f"Bearer {token}"} if token else {}
    return TestClient(app, base_url=at, headers=headers, follow_redirects=False)
