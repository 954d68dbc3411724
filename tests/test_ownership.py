"""Who may do what: the token, the login, foreign pages and names, and looking where that needs a login."""

import logging
import re
import stat

import pytest

from service.keys import Keys
from service.web.ownership import WRONG, Ownership

from .command import running, told
from .homes import TOKEN, client, home
from .values import NOON

WRITES = [
    ("POST", "/api/displays/hall/next"), ("POST", "/api/displays/hall/pause"), ("POST", "/api/displays/hall/show?plate=1"),
    ("POST", "/api/plates/1/favourite"), ("DELETE", "/api/plates/1/favourite"), ("POST", "/api/plates/1/ban"),
    ("POST", "/api/plates/1/not-me"), ("POST", "/api/pair"), ("DELETE", "/api/displays/hall"), ("POST", "/api/round"),
    ("POST", "/d/hall/next"), ("POST", "/plates/1/ban"), ("POST", "/plates/1/show/hall"), ("POST", "/skipped/let"),
    ("POST", "/pair/123456"), ("PUT", "/whatever/comes/later"), ("PATCH", "/"),
]  # fmt: skip
LOOKS = ["/", "/status", "/skipped", "/plates/1", "/plates/1.jpg", "/plates/1/picture", "/d/hall", "/d/hall.jpg",
         "/d/hall/now.json", "/api/status", "/api/openapi.json", "/readyz", "/feeds/home.atom"]  # fmt: skip
PAGE = {"accept": "text/html"}


@pytest.fixture
def house(tmp_path):
    with home(tmp_path / "data", plates=2) as made:
        made[0].press.show()
        yield made


@pytest.fixture
def locked(tmp_path):
    """A home where looking, too, needs a login."""
    with home(tmp_path / "data", plates=2, web={"login": True}) as made:
        made[0].press.show()
        yield made


# -- the token ---------------------------------------------------------------------------------------


def test_the_token_is_made_once_and_read_by_its_user_alone(tmp_path):
    """It can be typed, survives, and is another one after ``new``."""
    keys = Keys(tmp_path)
    assert keys.known() == ""
    token = keys.token()
    assert re.fullmatch(r"([2-9a-z]{4}-){4}[2-9a-z]{4}", token)
    assert (keys.token(), Keys(tmp_path).token()) == (token, token)
    assert stat.S_IMODE((tmp_path / "token").stat().st_mode) == 0o600
    assert keys.new() != token
    assert stat.S_IMODE((tmp_path / "token").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["token"]


def test_the_token_is_shown_at_the_first_start_only(tmp_path):
    """And by the command whenever it is asked for."""
    config, data, shown = tmp_path / "config.toml", tmp_path / "data", []
    config.write_text("[channels.home]\nfeeds = []\n")
    for _ in range(2):
        with running(config, data) as (process, _):
            process.terminate()
            shown.append("log in with" in process.stdout.read())
    assert shown == [True, False]
    here = ["--config", config, "--data", data]
    token = told("token", *here).out
    assert token == (data / "token").read_text()
    assert told("token", "--new", *here).out != token


@pytest.mark.parametrize(("method", "path"), WRITES)
def test_a_change_needs_the_token(house, method, path):
    """Without one, or with a wrong one: 401, and nothing is changed."""
    for token in ("", "wrong", TOKEN[:-1], TOKEN + "x"):
        answer = client(*house, token=token).request(method, path)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Bearer realm="frontispiece"')
    assert not house[0].archive.plate(1).favourite
    assert house[0].archive.hung("hall").plate.id == 2


def test_an_unreadable_authorization_is_no_token(house):
    """Whatever stands in the header."""
    site = client(*house, token="")
    for value in ("Bearer", "Basic ???", "Basic /w==", "Digest x", b"Bearer \xff\xfe", "Bearer " + "x" * 9000):
        assert site.post("/api/displays/hall/next", headers={"authorization": value}).status_code == 401


def test_the_token_opens_as_bearer_as_password_and_as_it_was_typed(house):
    """Small letters or large, with its dashes or without."""
    for token in (TOKEN, TOKEN.upper(), TOKEN.replace("-", "")):
        assert client(*house, token=token).post("/api/displays/hall/pause").status_code == 200
    assert client(*house, token="").post("/api/displays/hall/pause", auth=("me", TOKEN)).status_code == 200


def test_wrong_tokens_are_logged_once_and_the_right_one_still_opens(house, caplog):
    """Guessing is answered with 429 after a while; it keeps nobody out who knows the token."""
    wrong, right = client(*house, token="wrong"), client(*house)
    with caplog.at_level(logging.WARNING):
        codes = [wrong.post("/api/displays/hall/next").status_code for _ in range(200)]
    assert set(codes[: WRONG - 1]) == {401}
    assert set(codes[WRONG:]) == {429}
    assert len([r for r in caplog.records if "wrong tokens" in r.message]) == 1
    assert right.post("/api/displays/hall/pause").status_code == 200


# -- the login ---------------------------------------------------------------------------------------


def logged_in(house, **other):
    """A browser after the login."""
    site = client(*house, token="", **other)
    answer = site.post("/login", data={"token": TOKEN, "then": "/status"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/status")
    return site, answer


def test_a_login_is_a_cookie_for_this_site_alone(house):
    """No script reads it, no other site sends it, and over https nothing else carries it."""
    _, answer = logged_in(house)
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "secure" not in cookie
    assert TOKEN not in cookie
    _, answer = logged_in(house, at="https://frontispiece.local")
    assert "; secure" in answer.headers["set-cookie"].lower()


def test_the_owner_presses_buttons(house):
    """They are on the pages only after the login, work without scripts, and lead back."""
    service, _ = house
    assert "formaction" not in client(*house, token="").get("/").text
    site, _ = logged_in(house)
    assert 'formaction="/d/hall/next"' in site.get("/").text
    answer = site.post("/d/hall/next", headers={"origin": "http://127.0.0.1:8080", **PAGE})
    assert (answer.status_code, answer.headers["location"]) == (303, "/#hall")
    assert service.archive.hung("hall").plate.id == 1
    assert site.post("/plates/1/favourite").headers["location"] == "/plates/1"
    assert service.archive.plate(1).favourite
    assert site.post("/d/hall/jump").status_code == 404
    refused = site.post("/plates/1/not-me", headers=PAGE)
    assert refused.status_code == 409
    assert "Nobody of this home is in plate 1" in refused.text


def test_a_login_ends(house):
    """By logging out, and by time; a forged end is none."""
    clock = house[1]
    site, answer = logged_in(house)
    cookie = answer.cookies["frontispiece_owner"]
    assert site.post("/logout").headers["location"] == "/"
    assert "Log in" in site.get("/").text

    def opens(value):
        fresh = client(*house, token="")
        return fresh.post("/api/displays/hall/pause", headers={"cookie": f"frontispiece_owner={value}"}).status_code

    assert opens(cookie) == 200
    until, _, seal = cookie.partition(".")
    assert [opens(f"{int(until) + 9}.{seal}"), opens(f"{until}."), opens("x.y"), opens("9" * 400 + ".a")] == [401] * 4
    clock.pass_(days=91)
    assert opens(cookie) == 401


def test_a_new_token_ends_every_login():
    """The seal in the cookie is made with the token."""
    token = ["one-token"]
    owners = Ownership(lambda: token[0], lambda: NOON)
    cookie = owners.session()
    assert owners.is_session(cookie)
    token[0] = "another"
    assert not owners.is_session(cookie)
    token[0] = ""
    assert not owners.opens("")
    assert not owners.is_session(owners.session())


def test_a_wrong_token_at_the_login_says_so(house):
    """401, and the field again."""
    answer = client(*house, token="").post("/login", data={"token": "x"})
    assert (answer.status_code, "This is not the token." in answer.text) == (401, True)


@pytest.mark.parametrize(
    "then", ["//evil.example", "/\\evil.example", "https://evil.example/", "/a\nb", "javascript:x"]
)
def test_the_login_leads_nowhere_else(house, then):
    """Where to go on is a page of this site or the wall."""
    answer = client(*house, token="").post("/login", data={"token": TOKEN, "then": then})
    assert answer.headers["location"] == "/"


def test_a_form_has_an_end(house):
    """Nobody is kept busy with an endless one."""
    assert client(*house, token="").post("/login", content=b"x" * 20_000).status_code == 413


# -- where from --------------------------------------------------------------------------------------


@pytest.mark.parametrize("headers", [
    {"origin": "http://evil.example"}, {"origin": "null"}, {"origin": "http://127.0.0.1:9000"}, {"origin": ""},
    {"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"},
    {"origin": "http://127.0.0.1:8080", "sec-fetch-site": "cross-site"},
])  # fmt: skip
def test_a_page_of_another_site_changes_nothing(house, headers):
    """403, with the token too; looking is not hindered, since dashboards put slides in frames."""
    site = client(*house)
    assert site.post("/api/displays/hall/next", headers=headers).status_code == 403
    assert site.post("/login", data={"token": TOKEN}, headers=headers).status_code == 403
    assert site.get("/d/hall.jpg", headers=headers).status_code == 200
    assert house[0].archive.hung("hall").plate.id == 2


def test_our_own_pages_change_things(house):
    """With the origin that a browser sends for them, or with none."""
    for headers in ({"origin": "http://127.0.0.1:8080", "sec-fetch-site": "same-origin"}, {"sec-fetch-site": "none"}):
        assert client(*house).post("/api/displays/hall/pause", headers=headers).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8080", "127.0.0.1.evil.example", "local", "x.local.evil.example",
                                  "a b", "[::1", "127.0.0.1:8080:1", "evil.example.", "@127.0.0.1"])  # fmt: skip
def test_a_foreign_name_opens_nothing(house, host):
    """A page elsewhere whose name leads here (DNS rebinding) neither reads nor writes."""
    site = client(*house)
    for method, path in (
        ("GET", "/"),
        ("GET", "/api/status"),
        ("GET", "/healthz"),
        ("POST", "/api/displays/hall/next"),
    ):
        answer = site.request(method, path, headers={"host": host})
        assert answer.status_code == 403
        assert "hall" not in answer.text


@pytest.mark.parametrize("host", ["127.0.0.1", "192.168.1.5:8080", "[::1]:8080", "[fe80::1]", "localhost:8080", "pi.local", "PI.LOCAL:80",
                                  "wall.example", "wall.example:443"])  # fmt: skip
def test_this_machine_is_known_by_its_names(tmp_path, host):
    """Addresses, localhost, mDNS names, and what web.hosts names."""
    with home(tmp_path, web={"hosts": ["Wall.example"]}) as made:
        assert client(*made).get("/healthz", headers={"host": host}).status_code == 200


# -- looking ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", LOOKS)
def test_where_looking_needs_a_login_nothing_is_shown_without(locked, path):
    """Pages, stills, feeds and the API: 401 for programs, the login for people."""
    site = client(*locked, token="")
    assert site.get(path).status_code == 401
    assert site.head(path).status_code == 401
    if not path.startswith("/api/"):
        answer = site.get(path, headers=PAGE)
        assert (answer.status_code, answer.headers["location"]) == (303, f"/login?then={path}")
    assert site.get(path, headers={"cookie": "frontispiece_display=hall.wrong"}).status_code == 401
    assert client(*locked).get(path).status_code in (200, 404)


def test_what_is_open_to_all(locked):
    """Health, the login, the pairing page, and the files that pages are made of."""
    site = client(*locked, token="")
    for path in ("/healthz", "/login", "/pair", "/pair/now", "/static/site.css", "/favicon.ico"):
        assert site.get(path).status_code == 200


def test_a_page_that_is_not_there_names_no_display_to_strangers(locked):
    """Nor does any other failure."""
    assert "hall" not in client(*locked, token="").get("/static/nothing", headers=PAGE).text


def test_a_display_that_is_told_may_fetch_its_own_still(tmp_path):
    """Its address holds a key that opens this and nothing else."""
    displays = [{"name": "frame", "kind": "folder", "address": str(tmp_path / "frame")}, {"name": "hall"}]
    with home(tmp_path / "data", plates=1, displays=displays, web={"login": True}) as (service, clock):
        site, key = client(service, clock, token=""), service.display_keys["frame"]
        assert service.displays["frame"]._key == key
        assert site.get(f"/d/frame.jpg?key={key}").status_code == 200
        for path in (f"/d/hall.jpg?key={key}", f"/?key={key}", f"/api/status?key={key}", "/d/frame.jpg?key=x"):
            assert site.get(path).status_code == 401
