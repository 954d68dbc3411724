"""The live page in a real browser: it shows, it changes softly, it outlives the service."""

import shutil
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from service.profiles import PROFILES

from .values import prompt, story
from .web_values import DisplayInfo, Wall, free_port, hung, serving

CHROMIUM = shutil.which("chromium")
playwright = pytest.importorskip("playwright.sync_api", reason="a browser test: pip install playwright")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="a browser test: apt install chromium")

FLAGS = "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync"
SHOWN = "number => document.querySelectorAll('.layer').length === 1 && document.querySelector('.layer.shown h1')?.textContent === `Headline number ${number}`"
HOSTILE = '<img src=x onerror="window.owned = 1"><script>window.owned = 2</script></h1>{{7*7}}'


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as p:
        chromium = p.chromium.launch(executable_path=CHROMIUM, args=FLAGS.split())
        yield chromium
        chromium.close()


@contextmanager
def opened(browser, address, size=(1024, 600), **options):
    """A fresh browser profile on the page; nothing is awaited for longer than 20 s, and the page may not fail."""
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, **options)
    context.set_default_timeout(20_000)
    page = context.new_page()
    mistakes = []
    page.on("pageerror", lambda error: mistakes.append(str(error)))
    page.goto(address)
    yield page
    context.close()
    assert not mistakes


def test_a_slide_appears_and_the_next_fades_in(browser):
    """The first slide is there at once; the next comes over it in two seconds, both being seen in between."""
    wall = Wall()
    with serving(wall) as address, opened(browser, f"{address}/d/hall?poll=100") as page:
        page.wait_for_function(SHOWN, arg=1)
        assert page.evaluate("document.querySelector('.layer .pic').naturalWidth") == 1280
        assert page.title() == "Headline number 1 · hall"
        box = page.evaluate(
            "JSON.parse(JSON.stringify(document.querySelector('.layer > .slide').getBoundingClientRect()))"
        )
        assert (box["x"], box["y"], box["width"], box["height"]) == (0, 0, 1024, 600)
        wall.hang(hung(2))
        midway = page.wait_for_function(
            """() => {
                const layers = Array.from(document.querySelectorAll('.layer'));
                const seen = layers.map(layer => Number(getComputedStyle(layer).opacity));
                return layers.length === 2 && seen[1] > 0.1 && seen[1] < 0.9 &&
                    { seen: seen, pace: getComputedStyle(layers[1]).transitionDuration, moves: getComputedStyle(layers[1]).transitionProperty,
                      decoded: layers[1].querySelector('.pic').complete };
            }"""
        ).json_value()
        assert midway["seen"][0] == 1
        assert (midway["pace"], midway["moves"], midway["decoded"]) == ("2s", "opacity", True)
        page.wait_for_function(SHOWN, arg=2)


def test_the_picture_is_described_in_its_own_language(browser):
    """A screen reader hears the alt text with the voice of the language it is in, whatever the slide's is."""
    wall = Wall([hung(1, prompt=prompt(alt="Ein Zug auf einer Brücke", alt_language="de"))])
    with serving(wall) as address:
        with opened(browser, f"{address}/d/hall?poll=100") as page:
            page.wait_for_function(SHOWN, arg=1)
            picture = page.locator(".layer .pic")
            assert (picture.get_attribute("alt"), picture.get_attribute("lang")) == ("Ein Zug auf einer Brücke", "de")
        with opened(browser, f"{address}/plates/1") as page:
            picture = page.get_by_alt_text("Ein Zug auf einer Brücke")
            assert picture.get_attribute("lang") == "de"
            assert page.locator("bdi[lang=de]").text_content() == "Ein Zug auf einer Brücke"


def test_the_page_outlives_the_service(browser):
    """While the service is away the slide stays; once it is back on its port the page goes on by itself."""
    wall, port = Wall(), free_port()
    with ExitStack() as stack:
        with serving(wall, port) as address:
            page = stack.enter_context(opened(browser, f"{address}/d/hall?poll=60"))
            page.wait_for_function(SHOWN, arg=1)
        page.wait_for_function(
            "() => document.getElementById('words').textContent.startsWith('The service has been away')"
        )
        assert page.evaluate(SHOWN, 1)
        wall.hang(hung(2))
        with serving(wall, port):
            page.wait_for_function(SHOWN, arg=2)
            page.wait_for_function("() => document.getElementById('words').textContent === ''")


def test_a_reload_with_the_service_away_shows_the_last_slide(browser, tmp_path):
    """The page, its sheets, its fonts and the last picture are kept in the browser."""
    wall, port = Wall(), free_port()
    (tmp_path / "Face.ttf").write_bytes(next(Path("/usr/share/fonts").rglob("*.ttf")).read_bytes())
    face = "@font-face{font-family:Inter;src:url(/static/fonts/Face.ttf?v=1)}"
    with ExitStack() as stack:
        with serving(wall, port, fonts=tmp_path, fonts_css=face) as address:
            page = stack.enter_context(opened(browser, f"{address}/d/hall?poll=60"))
            page.wait_for_function(SHOWN, arg=1)
            wall.hang(hung(2))
            page.wait_for_function(SHOWN, arg=2)
            wanted = [
                "/d/hall",
                "/static/display.js",
                "/static/display.css",
                "/static/fonts/Face.ttf",
                "/plates/2/picture",
            ]
            page.wait_for_function(
                """async wanted => {
                    const cache = await caches.open('frontispiece:/d/hall');
                    const held = (await cache.keys()).map(request => new URL(request.url).pathname);
                    return wanted.every(path => held.includes(path)) && !held.includes('/plates/1/picture');
                }""",
                arg=wanted,
            )
        page.reload()
        page.wait_for_function(SHOWN, arg=2)
        assert page.evaluate("document.querySelector('.layer .pic').naturalWidth") == 1280
        assert page.evaluate("document.fonts.check('16px Inter') && document.fonts.size") == 1
        assert page.evaluate("getComputedStyle(document.querySelector('.layer')).position") == "fixed"


def test_an_unfetchable_picture_never_blanks_the_wall(browser):
    """A slide whose picture cannot be had does not replace one that is whole."""
    wall = Wall()
    with serving(wall) as address, opened(browser, f"{address}/d/hall?poll=60") as page:
        page.wait_for_function(SHOWN, arg=1)
        whole, wall.picture = wall.picture, None  # calling it is a bug: 500
        asked = len(wall.asked)
        wall.hang(hung(2))
        page.wait_for_function("failed => performance.now() && document.querySelectorAll('.layer').length === 1", arg=0)
        while len(wall.asked) < asked + 3:  # asked again and again
            page.wait_for_timeout(20)
        assert page.evaluate("document.querySelector('.layer.shown h1').textContent") == "Headline number 1"
        wall.picture = whole
        page.wait_for_function(SHOWN, arg=2)


def test_a_hostile_headline_is_only_words(browser):
    """Markup in a headline is shown as it is written, on the live page and on the plate's own page."""
    wall = Wall(plates=[hung(1, story=story(HOSTILE, source=HOSTILE))])
    with serving(wall) as address, opened(browser, f"{address}/d/hall?poll=60") as page:
        page.wait_for_selector(".layer.shown")
        assert page.locator(".layer h1").text_content() == HOSTILE
        assert page.locator(".layer img").count() == 1
        for path in ("/plates/1", "/"):
            page.goto(address + path)
            assert page.locator("img[src=x]").count() == 0
            assert HOSTILE in (page.locator("h1").text_content(), page.locator("img.print").first.get_attribute("alt"))
        assert page.evaluate("window.owned") is None


def test_even_markup_that_gets_through_runs_nothing(browser):
    """Should a slide ever carry a handler, the page's policy keeps it from running."""
    wall = Wall(
        raw_html='<div class="slide"><h1>Headline number 1</h1><svg onload="window.owned=1"></svg><a style="x" onfocus="window.owned=2" autofocus tabindex=0>x</a></div>'
    )
    with serving(wall) as address, opened(browser, f"{address}/d/hall?poll=60") as page:
        page.wait_for_function(SHOWN, arg=1)
        assert page.evaluate("window.owned") is None


COVERED = """([w, h]) => {
    const layers = document.querySelectorAll('.layer');
    if (layers.length !== 1) return false;
    const box = layers[0].querySelector('.slide').getBoundingClientRect();
    const out = [-box.left, -box.top, box.right - w, box.bottom - h];
    return out.every(px => px > -0.01 && px < 12);
}"""


@pytest.mark.parametrize("size", [(1024, 600), (1280, 800), (390, 844), (1366, 767)], ids=str)
def test_the_slide_fills_any_window(browser, size):
    """The slide is set for the window and covers it without bars; turned, it is set anew."""
    wall = Wall()
    with serving(wall) as address, opened(browser, f"{address}/d/hall?poll=60", size) as page:
        for width, height in (size, size[::-1]):
            page.set_viewport_size({"width": width, "height": height})
            while wall.asked[-1:] != [(1, "hall", width // 8 * 8, height // 8 * 8)]:
                page.wait_for_timeout(20)
            page.wait_for_function(COVERED, arg=[width, height])


def test_less_motion_changes_at_once(browser):
    """Who asked for less motion gets no fade."""
    wall = Wall()
    with serving(wall) as address, opened(browser, f"{address}/d/hall?poll=60", reduced_motion="reduce") as page:
        page.wait_for_function(SHOWN, arg=1)
        wall.hang(hung(2))
        page.wait_for_function(SHOWN, arg=2)
        assert page.evaluate("getComputedStyle(document.querySelector('.layer')).transitionDuration") == "0s"


def test_the_pointer_and_the_bar_come_and_go(browser):
    """Moving the pointer shows what can be done; a double click fills the screen; then all is quiet again."""
    wall = Wall(note="sample edition: no story has arrived yet")
    with serving(wall) as address, opened(browser, f"{address}/d/hall?poll=60") as page:
        page.wait_for_function(SHOWN, arg=1)
        assert page.evaluate("getComputedStyle(document.querySelector('.layer')).cursor") == "none"
        page.mouse.move(300, 300)
        page.wait_for_function("() => getComputedStyle(document.getElementById('bar')).opacity === '1'")
        assert page.locator("#words").text_content() == "sample edition: no story has arrived yet"
        assert page.locator("#about").get_attribute("href") == "/plates/1"
        page.mouse.dblclick(300, 300)
        page.wait_for_function("() => document.fullscreenElement === document.documentElement")
        page.wait_for_function(
            "() => document.body.classList.contains('quiet') && getComputedStyle(document.getElementById('bar')).opacity === '0'"
        )
        assert (
            page.locator("#words").text_content() == "sample edition: no story has arrived yet"
        )  # after dozens of 304s


def test_new_code_reaches_a_page_that_hangs(browser, tmp_path):
    """When the service was updated the page loads itself anew, once."""
    wall = Wall()
    templates = tmp_path / "templates"
    shutil.copytree(Path(__file__).parent.parent / "templates", templates)
    with serving(wall, templates=templates) as address, opened(browser, f"{address}/d/hall?poll=60") as page:
        page.wait_for_function(SHOWN, arg=1)
        before = page.evaluate("document.documentElement.dataset.shell")
        with (templates / "static" / "display.css").open("a") as sheet:
            sheet.write("/* newer */")
        page.wait_for_function("before => document.documentElement.dataset.shell !== before", arg=before)
        page.wait_for_function(SHOWN, arg=1)


def test_without_script_the_still_is_shown(browser):
    """A browser without script gets the composed still, and asks for it again each minute."""
    with serving(Wall()) as address, opened(browser, f"{address}/d/hall", java_script_enabled=False) as page:
        assert page.locator("img.still").get_attribute("src") == "/d/hall.jpg"
        assert page.locator("meta[http-equiv=refresh]").get_attribute("content") == "60"


@pytest.mark.parametrize("path", ["/", "/plates/1", "/status", "/nowhere"])
@pytest.mark.parametrize("size", [(1024, 600), (390, 844)], ids=str)
def test_pages_fit_their_window(browser, path, size):
    """No page is wider than its window, a phone's included, long words and all."""
    wall = Wall(plates=[hung(1, "Donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichen" * 2), hung(2)])
    wall.screens = [DisplayInfo("hall"), DisplayInfo("pocket", profile=PROFILES["phone"])]
    wall.told = {
        "feeds": [
            {
                "address": "https://feeds.example/" + "path" * 30,
                "error": "x" * 200,
                "checked_at": "2026-11-22T11:00:00+00:00",
            }
        ]
    }
    with serving(wall) as address, opened(browser, address + path, size) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= size[0]


def test_the_screen_stays_awake(browser):
    """The page holds the screen awake, and takes hold again when it is seen again."""
    wall = Wall()
    with serving(wall) as address, opened(browser, f"{address}/nowhere") as page:
        page.add_init_script(
            "window.held = 0; Object.defineProperty(navigator, 'wakeLock', { value: { request: async () => { window.held += 1; } } })"
        )
        page.goto(f"{address}/d/hall?poll=60")
        page.wait_for_function(SHOWN, arg=1)
        page.evaluate("() => document.dispatchEvent(new Event('visibilitychange'))")
        assert page.evaluate("() => window.held") == 2


@pytest.mark.parametrize("name", ["display.js", "worker.js", "display.css", "site.css"])
def test_old_browsers_can_read_it(name):
    """Nothing newer than Chrome 90 and Safari 15 is written: a Nest Hub is not updated at our wish."""
    newer = [
        "??=",
        "||=",
        "&&=",
        ".at(",
        ".findLast",
        "structuredClone",
        "AbortSignal.timeout",
        "Object.hasOwn",
        "Array.fromAsync",
        "static {",
        "import ",
        "await import",
    ]
    newer += [
        ":has(",
        "@layer",
        "@container",
        "color-mix",
        "oklch",
        "dvh",
        "&:",
        "& ",
        "light-dark(",
        "@property",
        "scrollbar-gutter",
        "subgrid",
    ]
    text = (Path(__file__).parent.parent / "templates" / "static" / name).read_text()
    assert [word for word in newer if word in text.replace("&& ", "")] == []
