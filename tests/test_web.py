"""The browser's door over HTTP: what is served, what is kept, what is refused."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import replace
from datetime import timedelta
from html import unescape
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from hypothesis import given, settings, strategies as st

from service.errors import Busy, ComposeError, ConfigError
from service.profiles import PROFILES
from service.protocols import Check, Critique, Note
from service.store import Try
from service.web import caching, serve, wording
from service.web.api import window
from service.web.server import listening

from .values import NOON, prompt, story
from .web_values import SECRET, TEMPLATES, DisplayInfo, Making, Showing, Wall, app, hung, serving

HTML = {"accept": "text/html"}
HOSTILE = "<img src=x onerror=alert(1)></title><script>alert(2)</script>{{7*7}}"


@pytest.fixture
def wall():
    return Wall()


@pytest.fixture
def site(wall):
    with serving(wall) as address, httpx.Client(base_url=address, timeout=10) as client:
        yield client


def test_now_says_what_hangs(site, wall):
    """now.json carries the slide for the asking window and what a page needs to know about it."""
    now = site.get("/d/hall/now.json?w=1283&h=799").json()
    assert wall.asked == [(1, "hall", 1280, 792)]
    assert "Headline number 1" in now["html"]
    assert now["picture"].startswith("/plates/1/picture?v=")
    assert now["picture"] in unescape(now["html"])
    assert (now["id"], now["width"], now["height"], now["language"], now["direction"]) == (1, 1280, 792, "en", "ltr")
    assert now["alt"] == "A night train on a bridge"
    assert now["alt_language"] == "en"
    assert now["until"] == "2026-11-22T12:15:00+00:00"


def test_now_is_not_sent_twice(site, wall):
    """While nothing changes the page gets 304, and no slide is set for it."""
    first = site.get("/d/hall/now.json")
    again = site.get("/d/hall/now.json", headers={"if-none-match": f'"other", W/{first.headers["etag"]}'})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert len(wall.asked) == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda wall: wall.hang(hung(2)),
        lambda wall: wall.hang(replace(wall.plates[0], picture="cd/other.png")),
        lambda wall: setattr(wall, "note", "the network is away"),
        lambda wall: setattr(wall, "screens", [DisplayInfo(template="poster")]),
    ],
    ids=["another plate", "another picture", "another note", "another template"],
)
def test_now_changes_when_the_slide_does(site, wall, change):
    """Whatever would change the slide changes its entity tag."""
    tag = site.get("/d/hall/now.json").headers["etag"]
    change(wall)
    assert site.get("/d/hall/now.json", headers={"if-none-match": tag}).status_code == 200


def test_now_depends_on_the_window(site):
    """Windows of different sizes get different slides; windows that differ by a few pixels share one."""
    tags = [site.get(f"/d/hall/now.json?w={w}&h=600").headers["etag"] for w in (1024, 1027, 1032)]
    assert tags[0] == tags[1] != tags[2]


def test_the_age_on_a_slide_grows():
    """A slide is set anew once the age said on it has changed."""
    times = [iter([NOON, NOON + timedelta(seconds=50), NOON + timedelta(minutes=2)])]
    wall = Wall(plates=[hung(1, story=story(published=NOON - timedelta(minutes=5)))])
    with serving(wall, clock=lambda: next(times[0])) as address:
        tags = [httpx.get(f"{address}/d/hall/now.json").headers["etag"] for _ in range(3)]
    assert tags[0] == tags[1] != tags[2]


@given(st.integers(-(10**30), 10**30))
def test_any_window_is_rounded_into_what_can_be_set(px):
    """Sizes are multiples of 8 between 160 and 3840, and never larger than the window unless that is tiny."""
    size = window(px)
    assert size % 8 == 0
    assert 160 <= size <= 3840
    assert size <= max(px, 160)


@pytest.mark.parametrize("query", ["w=many", "w=1e400", "h=" + "9" * 5000, "w=NaN"])
def test_senseless_sizes_are_refused(site, query):
    """A size that is no number is the asker's mistake, told in JSON."""
    answer = site.get(f"/d/hall/now.json?{query}")
    assert answer.status_code == 422
    assert answer.json()["error"][:2] in ("w:", "h:")


def test_a_slide_that_cannot_be_set_is_said(site, wall):
    """When composing fails the page is told to come back, not shown a traceback."""
    wall.failing = ComposeError("no font for this script")
    answer = site.get("/d/hall/now.json")
    assert (answer.status_code, answer.json()) == (503, {"error": "no font for this script"})


def test_a_bug_shows_no_traceback(wall):
    """An unexpected failure answers 500 with one plain line."""
    wall.failing = ZeroDivisionError("secret detail")
    with serving(wall) as address:
        answer = httpx.get(f"{address}/d/hall.jpg")
    assert answer.status_code == 500
    assert "detail" not in answer.text
    assert "Traceback" not in answer.text


@pytest.mark.parametrize(
    ("suffix", "kind", "magic"),
    [("jpg", "image/jpeg", b"\xff\xd8"), ("png", "image/png", b"\x89PNG"), ("bmp", "image/bmp", b"BM")],
)
def test_stills(site, suffix, kind, magic):
    """A display's slide is a file with a tag, a hint when to come back, and 304 until it changes."""
    answer = site.get(f"/d/hall.{suffix}")
    assert answer.headers["content-type"] == kind
    assert answer.content.startswith(magic)
    assert answer.headers["cache-control"] == "no-cache, max-age=910"
    assert answer.headers["x-next-refresh"] == answer.headers["refresh"] == "910"
    again = site.get(f"/d/hall.{suffix}", headers={"if-none-match": answer.headers["etag"]})
    assert (again.status_code, again.content, again.headers["x-next-refresh"]) == (304, b"", "910")


@pytest.mark.parametrize(
    ("left_s", "profile", "told_s"),
    [(100, "nest-hub", 110), (-1, "nest-hub", 910), (-4000, "eink2", 910), (1, "eink7", 60), (1e7, "eink6", 86400)],
)
def test_when_to_ask_again(left_s, profile, told_s):
    """A little after the picture's time; another turn where that is over; no panel wakes within the minute."""
    showing = Showing(None, until=NOON + timedelta(seconds=left_s))
    assert wording.until_next(showing, NOON, DisplayInfo(profile=PROFILES[profile])) == told_s


@pytest.mark.parametrize(
    "path", ["/", "/d/hall", "/d/hall.jpg", "/d/hall/now.json", "/plates/1/picture", "/static/site.css", "/healthz"]
)
def test_head_is_get_without_the_body(site, path):
    """HEAD answers what GET would, with its length and no body."""
    got, head = site.get(path), site.head(path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == got.headers["content-length"] == str(len(got.content))


def test_a_plates_files(site, wall):
    """A plate is served as a slide for a profile and as its bare picture, which is kept for ever under its version."""
    wall.hang(hung(-3, sample=True))
    assert site.get("/plates/1.jpg?profile=tv").headers["content-type"] == "image/jpeg"
    assert site.get("/plates/-3.jpg").status_code == 200
    assert site.get("/plates/-3/picture").headers["cache-control"] == "no-cache"
    assert "immutable" in site.get(site.get("/d/hall/now.json").json()["picture"]).headers["cache-control"]


@pytest.mark.parametrize(
    "path",
    [
        "/nowhere", "/d/nowhere", "/d/nowhere.jpg", "/d/nowhere/now.json", "/d/nowhere/manifest.webmanifest", "/plates/99",
        "/plates/x", "/plates/99.jpg", "/plates/99/picture", "/plates/" + "9" * 40, "/plates/1.jpg?profile=cinema",
        "/static/nothing.css", "/static/..%2fpages%2fbase.html.j2", "/static/%2e%2e/pages/base.html.j2", "/static/fonts/..%2f..%2fsite.css",
        "/static/fonts/Inter.ttf", "/static/%00.css", "/static//etc/passwd", "/static/slides/slide.css", "/plates/1%2f..%2f2",
    ],
)  # fmt: skip
def test_what_is_not_there_is_404(site, path):
    """Anything that does not exist, tricks with paths included, is missing and not kept."""
    answer = site.get(path)
    assert answer.status_code == 404
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-security-policy"]


def test_missing_pages_help(site, wall):
    """A person who is lost is shown the displays there are; a program gets a line or JSON."""
    wall.screens = [DisplayInfo(), DisplayInfo("living room/2")]
    page = site.get(f"/d/{quote('<script>alert(1)</script>'.replace('/', '-'), safe='')}", headers=HTML)
    assert page.status_code == 404
    assert 'href="/d/hall"' in page.text
    assert 'href="/d/living%20room%2F2"' in page.text
    assert "<script>alert" not in page.text
    assert "&lt;script&gt;" in page.text
    assert site.get("/d/kitchn").text == "There is no display called “kitchn”.\n"
    assert "error" in site.get("/api/nothing").json()


def test_fonts_and_sheets(tmp_path, wall):
    """Fonts come from their folder and are kept for ever under a version; the sheets are asked for again."""
    (tmp_path / "Inter Var.woff2").write_bytes(b"wOF2 font")
    (tmp_path / "secret.txt").write_text("no")
    (tmp_path / "slides").mkdir()
    (tmp_path / "slides" / "slide.css").write_text(".slide{}")
    for part in ("pages", "static"):
        (tmp_path / part).symlink_to(TEMPLATES / part)
    with serving(
        wall, fonts=tmp_path, fonts_css=lambda: "@font-face{src:url('/static/fonts/none.woff2')}", templates=tmp_path
    ) as address:
        font = httpx.get(f"{address}/static/fonts/Inter%20Var.woff2?v=4")
        assert (font.content, font.headers["content-type"]) == (b"wOF2 font", "font/woff2")
        assert "immutable" in font.headers["cache-control"]
        assert httpx.get(f"{address}/static/fonts/secret.txt").status_code == 404
        for name, text in (("fonts", "@font-face{src:url('/static/fonts/none.woff2')}"), ("slide", ".slide{}")):
            sheet = httpx.get(f"{address}/static/{name}.css")
            assert (sheet.text, sheet.headers["content-type"]) == (text, "text/css; charset=utf-8")
            held = {"if-none-match": sheet.headers["etag"]}
            assert httpx.get(f"{address}/static/{name}.css", headers=held).status_code == 304


def test_every_answer_is_guarded(site):
    """No page runs inline script, no type is guessed, no address is passed on, no other site may read."""
    for path in (
        "/",
        "/d/hall",
        "/d/hall.jpg",
        "/plates/1",
        "/status",
        "/api/status",
        "/static/display.js",
        "/nothing",
    ):
        answer = site.get(path, headers={"origin": "https://elsewhere.example"})
        assert "script-src 'self';" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert not any(name.startswith("access-control") for name in answer.headers)


@pytest.mark.parametrize("path", ["/", "/d/hall", "/plates/1", "/status", "/nothing"])
def test_pages_hold_nothing_inline(site, path):
    """Pages keep to their own policy: no inline script or style element, no handler, nothing from elsewhere."""
    page = site.get(path, headers=HTML).text
    assert page.startswith("<!doctype html>")
    assert "<style" not in page
    assert " onload=" not in page
    assert "javascript:" not in page
    assert page.count("<script") == page.count('<script src="/static/')
    assert 'src="http' not in page
    assert 'rel="stylesheet" href="http' not in page


def test_the_index_shows_the_wall(site, wall):
    """The index has each display with its slide, and the plates that are not on one."""
    wall.screens, wall.plates = (
        [DisplayInfo("hall"), DisplayInfo("living room", profile=PROFILES["phone"])],
        [hung(n) for n in range(1, 40)],
    )
    page = site.get("/").text
    assert 'href="/d/living%20room"' in page
    assert 'src="/d/living%20room.jpg"' in page
    assert "/plates/38.jpg?profile=nest-hub" in page
    assert "/plates/39.jpg" not in page
    assert page.count("?profile=nest-hub") == 24
    assert 'class="notice"' not in page


def test_the_index_is_honest(site, wall):
    """What is shown instead of news, and what fails, is one line on the index."""
    wall.note = "sample edition: no story has arrived yet"
    wall.told = {"feeds": [{"address": "a", "error": "timed out"}, {"address": "b", "error": None}]}
    assert "Sample edition: no story has arrived yet; feeds: 1 of 2 failing: timed out" in site.get("/").text


def tried(number, verdict, *checks, **other):
    critique = Critique(verdict, other.pop("why", ""), other.pop("fix", ""), checks)
    return Try(
        other.pop("picture", f"aa/{number}.jpg"), "gpu", prompt(seed=number), critique, NOON + timedelta(seconds=number)
    )


MADE = Making(
    {"engine": "diffusion", "model": "flux", "steps": 4, "seed": 9, "width_px": 1024, "height_px": 592,
     "prompt": "a night train, gouache", "took_s": 41.2},
    (tried(1, "reject", Check("no_gore", "a wound", ok=False), Check("idea_visible", "a train", ok=True)),
     tried(2, "retry", Check("no_lettering", "EXPRESS 44", ok=False), fix="the train is larger"),
     tried(3, "accept", Check("no_lettering", "bare walls", ok=True), picture="01/1.png")),
    ((NOON, Note("critic", "was asked", "is this a train?")),
     (NOON + timedelta(seconds=41), Note("critic", "answered", "it must not hang; " + "so much " * 60))),
)  # fmt: skip


def test_a_plates_tries_are_on_its_page(site, wall):
    """Each try with its picture, what was seen in it, and which one was chosen; the steps; nothing of it for a sample."""
    assert "The tries" not in site.get("/plates/1", headers=HTML).text
    wall.makings[1] = MADE
    page = unescape(site.get("/plates/1", headers=HTML).text)
    assert [f"/plates/1/tries/{n}?v=" in page for n in (1, 2, 3, 4)] == [True, True, True, False]
    assert page.count(">chosen<") == page.count(">rejected<") == page.count('class="veiled"') == 1
    for words in ("something that hurts", "a wound", "lettering", "EXPRESS 44", "Wished for: the train is larger",
                  "flux", "1024 × 592 px", "a night train, gouache", "+41 s", "is this a train?"):  # fmt: skip
        assert words in page


def test_a_try_is_a_picture(site, wall):
    """It is served by its number, for ever where a version is asked for; a number that is not there is missing."""
    wall.makings[1] = MADE
    found = site.get("/plates/1/tries/2?v=abc")
    assert (found.status_code, found.headers["content-type"]) == (200, "image/jpeg")
    assert "immutable" in found.headers["cache-control"]
    assert site.get("/plates/1/tries/2", headers={"if-none-match": found.headers["etag"]}).status_code == 304
    for missing in ("/plates/1/tries/4", "/plates/1/tries/0", "/plates/9/tries/1", "/plates/1/tries/x"):
        assert site.get(missing).status_code == 404


def test_a_plate_is_json(site, wall):
    """A program gets all of it: story, verdict, prompt, recipe, tries with their checks, transcript."""
    wall.makings[1] = MADE
    told = site.get("/api/plates/1").json()
    assert (told["id"], told["story"]["title"], told["recipe"]["steps"]) == (1, "Headline number 1", 4)
    assert told["story"]["published"] == "2026-11-22T12:00:00+00:00"
    assert [(t["verdict"], t["chosen"]) for t in told["tries"]] == [
        ("reject", False),
        ("retry", False),
        ("accept", True),
    ]
    assert told["tries"][0]["checks"][0] == {"id": "no_gore", "seen": "a wound", "ok": False}
    assert site.get(told["tries"][0]["picture"]).status_code == 200
    assert told["transcript"][0]["who"] == "critic"
    assert site.get("/api/plates/99").json() == {"error": "There is no plate 99: it may have been cleared away."}
    assert "/api/plates/{plate_id}" in site.get("/api/openapi.json").json()["paths"]


def test_what_a_critic_read_in_a_picture_stays_words(site, wall):
    """Foreign text that came back through a model is shown as text."""
    seen = Check("no_lettering", HOSTILE, ok=False)
    wall.makings[1] = Making({"model": HOSTILE}, (tried(1, "retry", seen, why=HOSTILE, fix=HOSTILE),),
                             ((NOON, Note("critic", HOSTILE, HOSTILE * 9)),))  # fmt: skip
    page = site.get("/plates/1", headers=HTML).text
    assert "<img src=x" not in page
    assert "<script>alert" not in page
    assert "{{7*7}}" in unescape(page)


def test_hostile_words_stay_words_on_pages(site, wall):
    """A headline, a summary, a link or an error made of markup is text on every page."""
    hostile = story(HOSTILE, summary=HOSTILE, source=HOSTILE, link="javascript:alert(1)")
    wall.hang(hung(2, story=hostile, error=HOSTILE))
    wall.told = {"feeds": [{"title": HOSTILE, "error": HOSTILE}], HOSTILE: HOSTILE, "odd": [1, "two"]}
    for path in ("/", "/plates/2", "/status"):
        page = site.get(path).text
        assert "<img src=x" not in page
        assert "<script>" not in page
        assert "javascript:" not in page
        assert "{{7*7}}" in page


def test_a_plate_tells_its_story(site, wall):
    """A plate's page has the slide, the picture, the scene, the reason, the verdict and a safe link to the source."""
    page = site.get("/plates/1").text
    for part in (
        "/plates/1.jpg?profile=nest-hub",
        "/plates/1/picture?v=",
        "small night train",
        "no grave words",
        "calm",
    ):
        assert part in page
    assert 'href="https://news.example/story" rel="noopener noreferrer"' in page
    wall.hang(hung(2, picture=None, text_only=True, prompt=None))
    bare = site.get("/plates/2").text
    assert "told in type alone" in bare
    assert "/plates/2/picture" not in bare


def test_status(site, wall):
    """The status is JSON for programs and words for people, whatever it holds."""
    wall.told = {
        "version": "1",
        "feeds": [{"title": "Daily", "checked_at": (NOON - timedelta(hours=3)).isoformat()}],
        "disk": {"used_bytes": 412e6},
        "odd": None,
    }
    assert site.get("/api/status").json() == wall.told
    page = site.get("/status").text
    assert "All is well" in page
    assert "3 h ago" in page
    assert "412 MB" in page
    wall.told = {
        "error": "no route to host",
        "disk": {"free_bytes": 2e8, "low": True},
        "stuck": [{"plate": n} for n in range(70)],
    }
    page = site.get("/status").text
    assert "No route to host" in page
    assert "The disk is nearly full: 200 MB free" in page
    assert "and 20 more" in page
    wall.is_ready = (False, "the disk is full")
    assert "the disk is full" in site.get("/status").text


def test_health(site, wall):
    """healthz says the process answers, readyz whether there is something to show."""
    assert site.get("/healthz").text == "ok\n"
    assert site.get("/readyz").status_code == 200
    wall.is_ready = (False, "starting")
    assert (site.get("/readyz").status_code, site.get("/readyz").text) == (503, "starting\n")


def test_the_manifest_installs_one_display(site, wall):
    """Each display is an app of its own, with icons that exist."""
    wall.screens = [DisplayInfo("living room")]
    answer = site.get("/d/living%20room/manifest.webmanifest")
    manifest = answer.json()
    assert answer.headers["content-type"] == "application/manifest+json"
    assert manifest["start_url"] == "/d/living%20room"
    assert manifest["display"] == "fullscreen"
    assert {icon["purpose"] for icon in manifest["icons"][1:]} == {"any", "maskable"}
    for icon in manifest["icons"]:
        assert site.get(icon["src"]).headers["content-type"] == icon["type"]


@pytest.mark.parametrize("given", [None, "", "wrong", SECRET + " ", "ünï"])
def test_a_round_needs_the_secret(site, given):
    """Without the very secret nobody starts a round."""
    headers = {} if given is None else {"x-frontispiece-secret": given.encode()}
    if (given or "").strip() == SECRET:  # HTTP itself trims a header's value
        headers = {"x-frontispiece-secret": "x" + SECRET}
    assert site.post("/api/round", headers=headers).status_code == 401


def test_no_secret_opens_nothing(wall):
    """A service without a secret cannot be asked for a round with an empty one."""
    with serving(wall, secret="") as address:
        assert httpx.post(f"{address}/api/round", headers={"x-frontispiece-secret": ""}).status_code == 401


def test_a_round_streams(site, wall):
    """Events arrive one a line, each as soon as it happens."""
    go_on = threading.Event()

    def events():
        yield {"event": "fetched", "stories": 3}
        assert go_on.wait(10)
        yield {"event": "finished"}

    wall.events = events
    with site.stream("POST", "/api/round", headers={"x-frontispiece-secret": SECRET}) as answer:
        lines = answer.iter_lines()
        assert json.loads(next(lines)) == {"event": "fetched", "stories": 3}
        go_on.set()
        assert [json.loads(line) for line in lines] == [{"event": "finished"}]


def test_one_round_at_a_time(site, wall):
    """While a round runs another is refused with the reason."""

    def events():
        raise Busy("a round is running")
        yield {}

    wall.events = events
    answer = site.post("/api/round", headers={"x-frontispiece-secret": SECRET})
    assert (answer.status_code, answer.json()) == (409, {"error": "a round is running"})


def test_a_round_that_fails_says_so(site, wall):
    """A failure in the middle of a round is its last line."""

    def events():
        yield {"event": "fetched"}
        raise ComposeError("the disk is full")

    wall.events = events
    answer = site.post("/api/round", headers={"x-frontispiece-secret": SECRET})
    assert json.loads(answer.text.splitlines()[-1]) == {"event": "failed", "error": "the disk is full"}


def test_a_round_is_let_go_when_the_asker_leaves(site, wall):
    """When the command line is stopped, the round behind it is closed."""
    closed = threading.Event()

    def events():
        try:
            while True:
                yield {"event": "painted"}
        finally:
            closed.set()

    wall.events = events
    with site.stream("POST", "/api/round", headers={"x-frontispiece-secret": SECRET}) as answer:
        next(answer.iter_lines())
    assert closed.wait(10)


def test_a_taken_port_is_explained():
    """A port in use is an error that says which setting to change."""
    with serving(Wall()) as address:
        port = int(address.rsplit(":", 1)[1])
        with pytest.raises(ConfigError, match=rf"web.port: port {port} is taken .* --port {port + 1}"):
            serve(app(Wall()), "127.0.0.1", port)


@pytest.mark.parametrize("host", ["192.0.2.1", "no such host", "300.1.1.1"])
def test_a_foreign_address_is_explained(host):
    """An address that is not this machine's is a mistake in the config."""
    with pytest.raises(ConfigError, match=r"web.host: .* use 0.0.0.0 or 127.0.0.1"):
        serve(app(Wall()), host, 0)


def test_closing_takes_under_five_seconds():
    """A signal ends the service in time, with idle connections and an unfinished answer open, and its caller goes on."""
    code = """if 1:
        import sys, threading
        from tests.web_values import Wall, app
        from service.web import serve
        def events():
            yield {"event": "fetched"}
            threading.Event().wait(2.5)
            while True:
                yield {"event": "painted"}
        serve(app(Wall(events=events)), "127.0.0.1", 0, lambda at: print(at, flush=True))
        print("put away", flush=True)
    """
    child = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parent.parent,
    )
    try:
        address = child.stdout.readline().strip()
        with (
            httpx.Client(base_url=address) as site,
            site.stream("POST", "/api/round", headers={"x-frontispiece-secret": SECRET}) as answer,
        ):
            next(answer.iter_lines())
            httpx.get(f"{address}healthz")
            began = time.monotonic()
            os.kill(child.pid, signal.SIGTERM)
            out, err = child.communicate(timeout=10)
        assert time.monotonic() - began < 5
        assert (out, child.returncode) == ("put away\n", 0), err
    finally:
        child.kill()


@given(st.text(max_size=60))
@settings(max_examples=200)
def test_any_if_none_match_is_read(text):
    """Whatever stands in If-None-Match, a tag only matches itself or a star."""
    assert caching.matches(text, "no such tag as this") == any(p.strip() == "*" for p in text.split(","))
    assert caching.matches(f'{text}, "abc"', "abc")


@pytest.mark.parametrize(
    ("then", "words"),
    [
        (timedelta(0), "just now"), (timedelta(minutes=-12), "12 min ago"), (timedelta(minutes=3), "in 3 min"),
        (timedelta(hours=-5), "5 h ago"), (timedelta(hours=-50), "2 days ago"), (timedelta(days=-30), "23 October 2026"),
    ],
)  # fmt: skip
def test_moments_are_said(then, words):
    """Moments are said from now, and as a date once that is clearer."""
    assert wording.ago(NOON + then, NOON) == words


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["feeds", "stuck", "disk_bytes", "at", "last_at", "x_seconds", ""]), JSON))
@settings(max_examples=60, deadline=None)
def test_any_status_can_be_said(status):
    """Whatever JSON the status holds, there are words for it."""
    for section in wording.sections(status):
        cells = [*(section.facts or {}).items(), *(pair for row in section.rows for pair in row.items())]
        assert all(isinstance(wording.say(value, str(key), NOON), str) for key, value in cells)
    assert isinstance(wording.notice([Showing(hung(1), note="x")], status), str)


def test_fonts_get_their_versions(tmp_path, wall):
    """The sheet names each font with a version that changes with the file."""
    (tmp_path / "inter.woff2").write_bytes(b"wOF2")
    with serving(
        wall, fonts=tmp_path, fonts_css="@font-face{src:url('/static/fonts/inter.woff2') format('woff2')}"
    ) as address:
        before = httpx.get(f"{address}/static/fonts.css").text
        assert "/static/fonts/inter.woff2?v=" in before
        (tmp_path / "inter.woff2").write_bytes(b"wOF2 and more")
        assert httpx.get(f"{address}/static/fonts.css").text != before


def test_answers_do_not_wait_for_acknowledgements():
    """The socket names its protocol, without which each answer takes 40 ms longer."""
    with listening("127.0.0.1", 0) as door:
        assert door.proto == socket.IPPROTO_TCP


def test_the_status_names_the_editors(site, wall):
    """Who directs, how it is and what today took; one that fails is a line over everything, also on the index."""
    blank = {"model": None, "state": "at work", "since": None, "until": None, "says": "", "error": None}
    error = "the budget of cloud for today is spent (0.98 of 1.00 USD): the house editor goes on until midnight"
    wall.told = {"version": "0", "feeds": [], "editors": [
        {**blank, "name": "house", "channels": ["attic"]},
        {**blank, "name": "cloud", "channels": ["home"], "model": "big", "state": "spent for today", "error": error,
         "until": (NOON + timedelta(hours=12)).isoformat(), "says": "40 of 2,000 calls, 1,000 tokens, 0.980 of 1.00 USD"},
    ]}  # fmt: skip
    page = site.get("/status").text
    assert f"Editor cloud: {error}" in page
    assert "spent for today: again" in page
    assert "in 12 h" in page
    assert "for home; today 40 of 2,000 calls" in page
    assert "<b>house</b>, at work" in page
    assert error in site.get("/").text
