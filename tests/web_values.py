"""A small wall for tests of the browser's door: real HTML, real JPEGs, and a hand to change what hangs."""

import hashlib
import io
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from html import escape
from pathlib import Path

from PIL import Image, ImageDraw

from service.profiles import PROFILES, Profile
from service.web import create, serve

from .values import NOON, plate

TEMPLATES = Path(__file__).parent.parent / "templates"
SECRET = "a secret of this machine"


@dataclass(frozen=True)
class DisplayInfo:
    name: str = "hall"
    channel: str = "home"
    kind: str = "page"
    template: str = "headline"
    profile: Profile = PROFILES["nest-hub"]
    dwell_seconds: float = 900
    night: str = ""


@dataclass(frozen=True)
class Showing:
    plate: object
    since: object = NOON
    until: object = NOON + timedelta(minutes=15)
    note: str = ""


@dataclass(frozen=True)
class Fragment:
    html: str
    width_px: int
    height_px: int
    language: str = "en"
    direction: str = "ltr"
    background: str = "#20303a"


@dataclass(frozen=True)
class Still:
    data: bytes
    media_type: str
    etag: str


@dataclass(frozen=True)
class Making:
    recipe: dict = field(default_factory=dict)
    tries: tuple = ()
    notes: tuple = ()


def drawn(number: int, width: int, height: int, suffix: str = ".jpg") -> Still:
    """A sun over hills, another colour for each number."""
    hue = number * 53 % 256
    sky = Image.new("HSV", (1, 2))
    sky.putdata([(hue, 120, 150), ((hue + 30) % 256, 130, 235)])
    image = sky.resize((width, height), Image.Resampling.BICUBIC).convert("RGB")
    pen = ImageDraw.Draw(image)
    r, x, y = height // 7, int(width * (0.4 + number % 4 / 10)), int(height * 0.38)
    pen.ellipse((x - r, y - r, x + r, y + r), fill=(250, 222, 150))
    for step in range(3):
        top = int(height * (0.62 + step * 0.13))
        pen.polygon(
            [
                (0, top),
                (width * 0.3, top - r * 0.7),
                (width * 0.62, top + r * 0.3),
                (width, top - r * 0.4),
                (width, height),
                (0, height),
            ],
            fill=(50 - step * 14, 74 - step * 18, 84 - step * 18),
        )
    out = io.BytesIO()
    kind = {".png": "png", ".bmp": "bmp", ".jpg": "jpeg"}[suffix]
    image.save(out, kind, quality=88)
    data = out.getvalue()
    return Still(data, f"image/{kind}", hashlib.sha256(data).hexdigest())


def hung(number: int, title: str | None = None, **other):
    """A painted plate with that number."""
    return replace(
        plate(title or f"Headline number {number}"), **{"id": number, "picture": f"{number:02x}/{number}.png", **other}
    )


@dataclass
class Wall:
    """What ``service.wall.Wall`` answers, kept in memory; ``on`` is what hangs everywhere, newest last in ``plates``."""

    plates: list = field(default_factory=lambda: [hung(1)])
    screens: list = field(default_factory=lambda: [DisplayInfo()])
    note: str = ""
    told: dict = field(default_factory=lambda: {"version": "0", "feeds": []})
    kept: list = field(default_factory=list)
    is_ready: tuple = (True, "")
    events: object = ({"event": "fetched", "stories": 3}, {"event": "finished"})
    asked: list = field(default_factory=list)
    stills: dict = field(default_factory=dict)
    failing: Exception | None = None
    raw_html: str | None = None
    makings: dict = field(default_factory=dict)
    devices: dict = field(default_factory=dict)  #: displays whose firmware calls in

    def hang(self, shown) -> None:
        self.plates.append(shown)

    def displays(self):
        return self.screens

    def showing(self, display):
        next(d for d in self.screens if d.name == display)
        return Showing(self.plates[-1], note=self.note)

    def fragment(self, shown, display, width_px, height_px, picture_src):
        self.asked.append((shown.id, display, width_px, height_px))
        if self.failing:
            raise self.failing
        unit = min(width_px / 1024, height_px / 600) if width_px > height_px else width_px / 560
        picture = (
            f'<img class="pic" src="{escape(picture_src)}" style="position:absolute;width:100%;height:100%;object-fit:cover">'
            if picture_src
            else ""
        )
        html = self.raw_html or (
            f'<div class="slide ltr" lang="en" dir="ltr" style="--u:{unit}px;position:relative;overflow:hidden;color:#fff;font-family:Inter,sans-serif">{picture}'
            f'<div style="position:absolute;left:calc(var(--u)*44);right:calc(var(--u)*160);bottom:calc(var(--u)*38)">'
            f'<div style="font-size:calc(var(--u)*21);margin-bottom:calc(var(--u)*11)"><b>{escape(shown.story.source)}</b> · 3 h ago · AI picture</div>'
            f'<h1 style="margin:0;font-size:calc(var(--u)*54);line-height:1.1;letter-spacing:-.018em">{escape(shown.story.title)}</h1></div></div>'
        )
        return Fragment(html, width_px, height_px)

    def still(self, display, suffix):
        if self.failing:
            raise self.failing
        profile = next(d for d in self.screens if d.name == display).profile
        return self._drawn(self.plates[-1].id, profile, suffix)

    def fetched(self, display, query):
        pass

    def slide(self, plate_id, profile, *, as_chosen=False):
        return self._drawn(plate_id, PROFILES[profile], ".jpg")

    def picture(self, plate_id):
        if self.plate(plate_id).picture is None:
            raise LookupError(plate_id)
        return self._drawn(plate_id, PROFILES["hub-max"], ".png")

    def tried(self, plate_id, number):
        if not 0 < number <= len(self.makings.get(plate_id, Making()).tries):
            raise LookupError(number)
        return self._drawn(plate_id + number, PROFILES["hub-max"], ".jpg")

    def making(self, plate_id):
        return self.makings.get(plate_id, Making())

    def _drawn(self, number, profile, suffix):
        key = (number, profile.name, suffix)
        if key not in self.stills:
            self.stills[key] = drawn(number, profile.width_px, profile.height_px, suffix)
        return self.stills[key]

    def recent(self, limit=24, channel=""):
        known = {display.channel for display in self.screens}
        if channel and channel not in known:
            raise KeyError(channel)
        return [shown for shown in self.plates[::-1] if channel in ("", shown.channel)][:limit]

    def best(self, channel, days):
        return [(NOON.date() - timedelta(days=1), shown) for shown in self.recent(1, channel)]

    def calling(self):
        return self.devices

    def plate(self, plate_id):
        for shown in self.plates:
            if shown.id == plate_id:
                return shown
        raise LookupError(plate_id)

    def kept_off(self, channels, kinds, *, hours, limit):
        wanted = [k for k in self.kept if k.kind in kinds and (not channels or k.channel in channels)]
        return [k for k in wanted if k.seen_at >= NOON - timedelta(hours=hours)][:limit]

    def status(self):
        return self.told

    def ready(self):
        return self.is_ready

    def round(self, channels=()) -> Iterator[dict]:
        yield from self.events() if callable(self.events) else self.events


def app(wall, **other):
    """The application for a wall, at noon."""
    return create(wall, **{"templates": TEMPLATES, "secret": SECRET, "clock": lambda: NOON, **other})


@contextmanager
def serving(wall, port: int = 0, **other):
    """A real server on loopback; the address without a slash at its end."""
    opened, stop, address = threading.Event(), threading.Event(), []

    def started(at):
        address.append(at.rstrip("/"))
        opened.set()

    thread = threading.Thread(
        target=serve, args=(app(wall, **other), "127.0.0.1", port, started), kwargs={"stop": stop}
    )
    thread.start()
    try:
        assert opened.wait(10)
        yield address[0]
    finally:
        stop.set()
        thread.join(10)


def free_port() -> int:
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        return door.getsockname()[1]
