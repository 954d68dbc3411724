"""Pairing and the owner's buttons in a real browser, whose own idea of origins and cookies decides."""

import contextlib
import shutil
import threading

import pytest

from service.web.app import create
from service.web.server import serve

from .homes import TOKEN, home

CHROMIUM = shutil.which("chromium")
playwright = pytest.importorskip("playwright.sync_api", reason="a browser test: pip install playwright")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="a browser test: apt install chromium")


@contextlib.contextmanager
def serving(service, clock):
    """The service's pages at a real address."""
    ready, stop, addresses = threading.Event(), threading.Event(), []
    app = create(service.wall, templates=service.templates, secret=TOKEN, clock=clock, login=service.settings.web.login)

    def started(address):
        addresses.append(address.rstrip("/").replace("localhost", "127.0.0.1"))
        ready.set()

    thread = threading.Thread(target=serve, args=(app, "127.0.0.1", 0, started), kwargs={"stop": stop})
    thread.start()
    try:
        assert ready.wait(10)
        yield addresses[0]
    finally:
        stop.set()
        thread.join(10)


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as p:
        chromium = p.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield chromium
        chromium.close()


def test_a_screen_is_paired_by_a_phone_without_scripts(browser, tmp_path):
    """The screen goes to its page by itself, also where looking needs a login; the phone presses buttons there is."""
    with home(tmp_path, plates=3, web={"login": True}) as (service, clock), serving(service, clock) as address:
        service.press.show()
        screen = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
        refused = []
        screen.on("console", lambda said: said.type == "error" and refused.append(said.text))
        with screen.expect_response("**/pair/now?**"):
            screen.goto(f"{address}/pair")
        code = screen.inner_text("code").split()[-1]

        phone = browser.new_context(viewport={"width": 390, "height": 844}, java_script_enabled=False).new_page()
        phone.goto(f"{address}/pair/{code}")
        phone.fill("#token", TOKEN)
        phone.click("main button")
        assert phone.locator("#profile").input_value() == "hub-max"
        phone.fill("#name", "den")
        phone.click("main button")
        assert "The screen is den now" in phone.inner_text("main")

        screen.wait_for_url("**/d/den", timeout=15_000)
        screen.wait_for_selector(".layer.shown", timeout=15_000)
        assert refused == []

        phone.goto(f"{address}/")
        phone.click("#hall button:has-text('Next')")
        assert service.archive.hung("hall").plate.id == 2
        phone.click("#hall button:has-text('Pause')")
        assert "paused" in phone.inner_text("#hall")
        phone.click("footer button")
        assert "/login" in phone.url
