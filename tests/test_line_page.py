"""The real service and a real browser: from the sample edition to the news, through a crash, past hostile words."""

import contextlib
import shutil
import threading

import pytest

from bench import loopback
from service.store import Archive, Store

from .command import objects, running, told
from .loopback import Loopback, answer
from .web_values import free_port

CHROMIUM = shutil.which("chromium")
playwright = pytest.importorskip("playwright.sync_api", reason="a browser test: pip install playwright")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="a browser test: apt install chromium")

FLAGS = "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync"
PLATE = """() => {
    const layers = document.querySelectorAll('.layer'), about = document.getElementById('about');
    const plate = about ? Number((about.getAttribute('href') || '').split('/').pop()) : 0;
    return layers.length === 1 && layers[0].classList.contains('shown') && plate && (TEST) ? plate : 0;
}"""
WATCH = """
window.violations = [];
document.addEventListener('securitypolicyviolation', e => window.violations.push(e.violatedDirective + ' ' + e.blockedURI));
"""
OUTSIDE = """() => {
    const slide = document.querySelector('.layer.shown .slide').getBoundingClientRect();
    const words = Array.from(document.querySelectorAll('.layer.shown .slide *')).filter(e => !e.children.length && e.textContent.trim());
    return words.filter(e => {
        const box = e.getBoundingClientRect();
        return box.left < slide.left - 1 || box.top < slide.top - 1 || box.right > slide.right + 1 || box.bottom > slide.bottom + 1;
    }).map(e => e.textContent);
}"""
HOSTILE = [
    "Town renames its square <script>window.owned = 1</script> after a bakery",
    "Garden club counts {{7*7}} {% raw %} roses in ${window.owned=2} the park",
    "Museum of maps opens </svg></h1></div><svg onload=window.owned=3> to children",
    'Library lends <img src=x onerror="window.owned = 4"> umbrellas to readers',
    "Orchestra \u202eplays backwards\u2066 for the \u2067whales\u200f of the bay",
    "Choir of Z\u0310\u0311\u0312\u0313\u0314a\u0310\u0311\u0312\u0313\u0314lgo\u0310\u0311\u0312\u0313 wins the village prize",
    "Bakers of the islands share one oven and one very long story of bread " * 6,
    "Lighthousekeepersandboatbuilderscelebratetheirharbour" * 5,
    "Parade of 'quotes' \"double\" &amp; `ticks` \\ and \u0000\u0007controls cheers the town",
    "図書館の猫が名誉館長に就任し町じゅうが祝う" * 8,
]  # fmt: skip


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as p:
        chromium = p.chromium.launch(executable_path=CHROMIUM, args=FLAGS.split())
        yield chromium
        chromium.close()


@contextlib.contextmanager
def opened(browser, address, size=(1024, 600), **options):
    """A page of a fresh profile, which may neither fail nor be refused anything by its policy."""
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, **options)
    context.set_default_timeout(30_000)
    context.add_init_script(WATCH)
    page, mistakes = context.new_page(), []
    page.on("pageerror", lambda error: mistakes.append(str(error)))
    page.on(
        "console", lambda said: said.type == "error" and "net::ERR_" not in said.text and mistakes.append(said.text)
    )
    page.on("dialog", lambda dialog: (mistakes.append(dialog.message), dialog.dismiss()))
    page.goto(address)
    yield page
    assert page.evaluate("window.violations") == []
    assert page.evaluate("window.owned") is None
    context.close()
    assert mistakes == []


def plate_shown(page, test):
    """The number of the plate that is alone on the page, once that is one the test (in JavaScript) accepts."""
    return page.wait_for_function(PLATE.replace("TEST", test)).json_value()


def test_from_the_sample_to_the_news_and_through_a_crash(browser, tmp_path):
    """A sample hangs at once; the first painted story fades in over it; after kill -9 and a new start the page goes on."""
    free, port, data = threading.Event(), free_port(), tmp_path / "data"
    body = answer(loopback.rss(loopback.headlines(8)), Content_Type="application/xml")

    def held(sock, _):
        free.wait(60)
        sock.sendall(body)

    config = tmp_path / "config.toml"
    with Loopback(held) as feed:
        config.write_text(loopback.config(feed.url.rpartition("/")[0], ["feed"], plates=4, dwell=2))
        with contextlib.ExitStack() as stack:
            with running(config, data, "--port", port) as (process, address):
                page = stack.enter_context(opened(browser, f"{address}/d/hall?poll=100"))
                plate_shown(page, "plate < 0")
                assert "sample" in page.locator(".layer.shown .slide").inner_text().lower()
                free.set()
                midway = page.wait_for_function(
                    """() => {
                        const layers = Array.from(document.querySelectorAll('.layer'));
                        const seen = layers.map(layer => Number(getComputedStyle(layer).opacity));
                        return layers.length === 2 && seen[1] > 0.05 && seen[1] < 0.95 && seen;
                    }"""
                ).json_value()
                assert midway[0] == 1
                first = plate_shown(page, "plate > 0")
                assert page.locator(".layer.shown h1").inner_text().split()[0] in " ".join(loopback.headlines(8))
                assert page.evaluate("document.querySelector('.layer.shown .pic').naturalWidth") == 1024
                process.kill()
                process.wait()
            page.wait_for_function(
                "() => document.getElementById('words').textContent.startsWith('The service has been away')"
            )
            assert plate_shown(page, "plate > 0")
            with running(config, data, "--port", port):
                assert plate_shown(page, f"plate > 0 && plate !== {first}")
                page.wait_for_function("() => document.getElementById('words').textContent === ''")


@pytest.mark.parametrize("size", [(1024, 600), (390, 844)], ids=str)
def test_hostile_headlines_are_words_in_their_box(browser, size, tmp_path):
    """Whatever a feed writes into its titles is literal text inside the slide, on the live page and on every other."""
    config, data = tmp_path / "config.toml", tmp_path / "data"
    document = loopback.rss(
        [title.replace("\0", "").replace("\7", "") for title in HOSTILE], title="<script>window.owned=9</script>"
    )
    with loopback.serving({"news.xml": document}) as base:
        config.write_text(loopback.config(base, ["news.xml"], plates=len(HOSTILE), dwell=3600))
        done = told("once", "--json", "--config", config, "--data", data)
        assert done.code == 0, done.err
        plates = sorted({event["plate"] for event in objects(done.out) if event["verb"] == "describe"})
        assert len(plates) >= 7
        archive = Archive(Store(data))
        with running(config, data) as (_, address):
            with opened(browser, f"{address}/d/hall?poll=100", size, reduced_motion="reduce") as page:
                for plate in plates:
                    archive.show("hall", plate)
                    plate_shown(page, f"plate === {plate}")
                    assert page.evaluate(OUTSIDE) == []
                    assert page.locator(".layer script, .layer img[src=x], .layer [onload]").count() == 0
            for path in ("/", "/status", f"/plates/{plates[0]}", f"/plates/{plates[-1]}"):
                with opened(browser, address + path, size) as page:
                    assert page.locator("img[src=x], h1 script, svg[onload]").count() == 0
                    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
