"""The live page as a Cast device shows it: a real Chromium with the device's name, sent there by a receiver."""

import contextlib
import shutil

import pytest

from service.assembly import opened, read_settings

from .castv2 import Receiver
from .test_cast import said
from .test_cast_whole import serving
from .web_values import free_port

CHROMIUM = shutil.which("chromium")
playwright = pytest.importorskip("playwright.sync_api", reason="a browser test: pip install playwright")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="a browser test: apt install chromium")

FLAGS = "--no-sandbox --disable-gpu --no-first-run --disable-background-networking --disable-component-update --disable-sync"
HUB = (
    "Mozilla/5.0 (Fuchsia) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/114.0.0.0 Safari/537.36 "
    "CrKey/1.56.500000 DeviceType/SmartSpeaker"
)
CONFIG = """
[[displays]]
name = "kitchen"
kind = "cast"
mode = "page"
address = "{address}"
[channels.home]
feeds = []
"""


@contextlib.contextmanager
def hub():
    """A Nest Hub's browser: its size, its name, touch, and no scroll bars."""
    with playwright.sync_playwright() as p:
        chromium = p.chromium.launch(executable_path=CHROMIUM, args=FLAGS.split())
        context = chromium.new_context(viewport={"width": 1024, "height": 600}, user_agent=HUB, has_touch=True)
        context.set_default_timeout(20_000)
        yield context.new_page()
        chromium.close()


def test_the_page_on_a_nest_hub_shows_and_counts(tmp_path):
    """DashCast opens our address, the page draws the slide over the whole screen, and then it counts as shown."""
    port, config, urls = free_port(), tmp_path / "config.toml", []
    with Receiver() as device:
        config.write_text(CONFIG.format(address=device.address))
        device.on_page = urls.append
        with opened(read_settings(config), tmp_path / "data", port) as service, serving(service, port), hub() as page:
            mistakes = []
            page.on("pageerror", lambda error: mistakes.append(str(error)))
            service.wall.greet()
            kitchen = service.displays["kitchen"]
            assert device.until(lambda: urls, 15)
            assert kitchen.state()["shown_plate"] is None
            page.goto(urls[0])
            page.wait_for_function("() => document.querySelector('.layer.shown .slide')")
            box = page.evaluate(
                "JSON.parse(JSON.stringify(document.querySelector('.layer > .slide').getBoundingClientRect()))"
            )
            assert (box["x"], box["y"], box["width"], box["height"]) == (0, 0, 1024, 600)
            assert page.evaluate("document.documentElement.scrollHeight <= 600")
            assert page.evaluate("document.querySelector('.layer .pic').naturalWidth > 0")
            assert page.evaluate("navigator.userAgent").endswith("SmartSpeaker")
            assert said(kitchen, lambda s: s["shown_plate"] is not None, 25)
            assert kitchen.state()["mode"] == "page"
            assert mistakes == []
            assert device.count("LOAD") == 0
