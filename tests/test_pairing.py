"""Pairing: six digits on a new screen, the owner's word, and a display with a key of its own."""

import logging

import pytest

from service.errors import Refused
from service.pairing import MOST_GUESSES, MOST_OPEN, Pairing, TooMany, suggested

from .command import told
from .homes import TOKEN, client, home

CHANNELS = {"home": {"feeds": []}, "kids": {"feeds": []}}


@pytest.fixture
def house(tmp_path):
    with home(tmp_path / "data", plates=1, channels=CHANNELS) as made:
        yield made


@pytest.fixture
def pairing(house):
    return house[0].hand.pairing


def digits(page):
    """The six digits on the screen's page."""
    return page.partition("frontispiece pair ")[2][:6]


def test_a_screen_becomes_a_display(house):
    """It shows a code, the owner confirms it, and the screen goes to its own page with a key of its own."""
    service, _ = house
    screen, owner = client(*house, token=""), client(*house)
    page = screen.get("/pair")
    code = digits(page.text)
    assert len(code) == 6
    assert code.isdigit()
    assert "<svg" in page.text
    assert digits(screen.get("/pair").text) == code
    assert screen.get("/pair/now?w=1920&h=1080").json() == {"waits": True}
    answer = owner.post("/api/pair", json={"code": code, "name": "den", "channel": "kids"})
    assert answer.json() == {"display": "den", "paired": True}
    assert screen.get("/pair/now").json() == {"waits": False}
    gone = screen.get("/pair")
    assert (gone.status_code, gone.headers["location"]) == (303, "/d/den")
    kept = next(c for c in gone.headers.get_list("set-cookie") if c.startswith("frontispiece_display=den.")).lower()
    assert "httponly" in kept
    assert "samesite=strict" in kept
    assert screen.get("/d/den").status_code == 200
    display = service.press.line.display("den")
    assert (display.profile, display.channel) == ("tv", "kids")


def test_a_paired_display_is_known_everywhere(house, pairing):
    """On the wall, in the status, and to the verb that hangs slides."""
    service, clock = house
    _, code = pairing.offer()
    pairing.confirm(code.code, name="den")
    service.press.show()
    assert service.archive.hung("den").plate.id == 1
    assert [row["name"] for row in service.wall.status()["displays"]] == ["hall", "den"]
    site = client(service, clock)
    assert "/d/den" in site.get("/").text
    assert site.get("/d/den.jpg").status_code == 200
    assert site.post("/api/displays/den/pause").json()["paused"] is True


def test_a_code_lives_ten_minutes(house, pairing):
    """Then the screen shows another one by itself."""
    service, clock = house
    screen = client(service, clock, token="")
    code = digits(screen.get("/pair").text)
    clock.pass_(minutes=10, seconds=1)
    with pytest.raises(Refused, match="no screen shows this code"):
        pairing.confirm(code)
    assert screen.get("/pair/now").json() == {"waits": False}
    assert len(digits(screen.get("/pair").text)) == 6


def test_a_code_is_used_once(pairing):
    """Neither can it be confirmed twice, nor does it give two keys."""
    nonce, code = pairing.offer()
    pairing.confirm(code.code, name="den")
    with pytest.raises(Refused):
        pairing.confirm(code.code, name="attic")
    assert pairing.collect(nonce).display == "den"
    assert pairing.collect(nonce) is None


def test_only_the_screen_that_shows_the_code_gets_the_key(pairing):
    """Another screen that waits at the same time goes on waiting."""
    nonce, code = pairing.offer()
    other, _ = pairing.offer()
    pairing.confirm(code.code, name="den")
    assert pairing.collect(other) is None
    assert pairing.collect("") is None
    paired = pairing.collect(nonce)
    assert pairing.knows("den", paired.key)
    assert not pairing.knows("hall", paired.key)
    assert not pairing.knows("den", "")


def test_a_thousand_guesses_are_locked_out_and_logged_once(house, caplog):
    """The right code is not taken either while the door is locked, every open code is withdrawn, and it ends."""
    service, clock = house
    screen, owner = client(*house, token=""), client(*house)
    code = digits(screen.get("/pair").text)
    with caplog.at_level(logging.WARNING):
        guesses = [guess for guess in (f"{n:06}" for n in range(1001)) if guess != code][:1000]
        codes = [owner.post("/api/pair", json={"code": guess}).status_code for guess in guesses]
    assert codes == [409] * MOST_GUESSES + [429] * (1000 - MOST_GUESSES)
    assert [r.message for r in caplog.records if "wrong pairing codes" in r.message] == [
        "10 wrong pairing codes within ten minutes: no screen is paired for ten more"
    ]
    assert owner.post("/api/pair", json={"code": code}).status_code == 429
    clock.pass_(minutes=10, seconds=1)
    assert owner.post("/api/pair", json={"code": code}).status_code == 409
    assert service.press.line.screens.paired() == []


def test_a_thousand_guesses_without_the_token_reach_nothing(house):
    """They are not even looked at, and lock nobody else out."""
    stranger, screen = client(*house, token=""), client(*house, token="")
    assert {stranger.post("/api/pair", json={"code": f"{n:06}"}).status_code for n in range(1000)} == {401}
    code = digits(screen.get("/pair").text)
    assert client(*house).post("/api/pair", json={"code": code}).status_code == 200


def test_screens_that_wait_have_a_limit(house, pairing):
    """Opening the page a thousand times fills nothing."""
    for _ in range(MOST_OPEN):
        pairing.offer()
    with pytest.raises(TooMany):
        pairing.offer()
    assert client(*house, token="").get("/pair").status_code == 429
    house[1].pass_(minutes=11)
    assert client(*house, token="").get("/pair").status_code == 200


@pytest.mark.parametrize(("wish", "says"), [
    ({"name": "Den"}, "lower-case"), ({"name": "../x"}, "lower-case"), ({"name": '"<b>'}, "lower-case"), ({"name": "x" * 41}, "lower-case"),
    ({"profile": "cinema"}, "no profile 'cinema'"), ({"channel": "attic"}, "no channel 'attic'"),
])  # fmt: skip
def test_what_cannot_be_is_refused_and_the_code_lives_on(pairing, wish, says):
    """A mistake of the owner's is no guess."""
    _, code = pairing.offer()
    for _ in range(MOST_GUESSES + 1):
        with pytest.raises(Refused, match=says):
            pairing.confirm(code.code, **wish)
    assert pairing.confirm(f" {code.code[:3]}-{code.code[3:]}") == "screen"


def test_the_config_wins(house, pairing):
    """A screen paired under a configured name gets its key; the profile and channel stay the file's."""
    nonce, code = pairing.offer()
    pairing.confirm(code.code, name="hall", profile="tv", channel="kids")
    assert pairing.knows("hall", pairing.collect(nonce).key)
    display = house[0].press.line.display("hall")
    assert (display.profile, display.channel) == ("nest-hub", "home")
    assert len(house[0].press.line.everywhere()) == 1


def test_a_screen_that_takes_a_name_over_shuts_the_other_out(pairing):
    """A new tablet for the old one."""
    keys = []
    for _ in range(2):
        nonce, code = pairing.offer()
        pairing.confirm(code.code, name="den")
        keys.append(pairing.collect(nonce).key)
    assert [pairing.knows("den", key) for key in keys] == [False, True]


def test_names_are_made_up(pairing):
    """screen, screen-2, screen-3."""
    names = [pairing.confirm(pairing.offer()[1].code) for _ in range(3)]
    assert names == ["screen", "screen-2", "screen-3"]


def test_a_display_whose_channel_is_gone_shows_the_first(tmp_path):
    """A screen is never blank because the config has changed."""
    with home(tmp_path, channels=CHANNELS) as (service, _):
        pairing = service.hand.pairing
        pairing.confirm(pairing.offer()[1].code, name="den", channel="kids")
    with home(tmp_path) as (service, _):
        assert service.press.line.display("den").channel == "home"
        assert service.wall.showing("den").plate.sample


def test_unpairing_shuts_the_screen_out(house, pairing):
    """Its page is gone and its key opens nothing; what stands in the file stays."""
    service, clock = house
    nonce, code = pairing.offer()
    pairing.confirm(code.code, name="den")
    key = pairing.collect(nonce).key
    site = client(service, clock)
    assert site.delete("/api/displays/den").json() == {"display": "den", "paired": False}
    assert not pairing.knows("den", key)
    assert site.get("/d/den").status_code == 404
    assert site.delete("/api/displays/hall").json() == {"error": "'hall' stands in config.toml: remove it there"}
    assert site.delete("/api/displays/den").status_code == 409


def test_the_owner_confirms_on_the_page_that_the_pattern_opens(house):
    """After the login; the screen's size has chosen its kind already."""
    screen, owner = client(*house, token=""), client(*house, token="")
    code = digits(screen.get("/pair").text)
    screen.get("/pair/now?w=1280&h=800")
    assert owner.get(f"/pair/{code}").headers["location"] == f"/login?then=/pair/{code}"
    owner.post("/login", data={"token": TOKEN})
    page = owner.get(f"/pair/{code}").text
    assert '<option value="hub-max" selected>' in page
    assert "1280 × 800" in page
    wrong = owner.post(f"/pair/{code}", data={"name": "The Den", "profile": "hub-max"})
    assert (wrong.status_code, "lower-case letters" in wrong.text, 'value="The Den"' in wrong.text) == (409, True, True)
    assert "The screen is <b>den</b> now" in owner.post(f"/pair/{code}", data={"name": "den"}).text
    assert screen.get("/pair").headers["location"] == "/d/den"
    assert "No screen shows this code" in owner.get("/pair/000000").text
    assert owner.get("/pair?code=123 456").headers["location"] == "/pair/123456"


def test_where_looking_needs_a_login_a_paired_screen_sees_its_own_page(tmp_path):
    """And what that is made of; no other display, and no page for people."""
    with home(tmp_path, plates=1, web={"login": True}) as (service, clock):
        screen = client(service, clock, token="")
        code = digits(screen.get("/pair").text)
        client(service, clock).post("/api/pair", json={"code": code, "name": "den"})
        screen.get("/pair")
        for path in ("/d/den", "/d/den.jpg", "/d/den/now.json", "/plates/1/picture"):
            assert screen.get(path).status_code == 200
        for path in ("/d/hall", "/d/hall.jpg", "/", "/status", "/api/status"):
            assert screen.get(path).status_code == 401
        assert screen.post("/api/displays/den/next").status_code == 401


@pytest.mark.parametrize(("width", "height", "profile"), [
    (0, 0, "nest-hub"), (1024, 600, "nest-hub"), (1280, 800, "hub-max"), (1920, 1080, "tv"), (3840, 2160, "tv"), (390, 844, "phone"),
    (800, 480, "nest-hub"),
])  # fmt: skip
def test_a_size_suggests_a_profile(width, height, profile):
    """The most alike of those that glow."""
    assert suggested(width, height) == profile


def test_the_command_pairs_and_unpairs(tmp_path):
    """By the digits that the screen shows."""
    config = tmp_path / "config.toml"
    config.write_text("[channels.home]\nfeeds = []\n")
    here = ["--config", config, "--data", tmp_path / "data"]
    with home(tmp_path / "data") as (service, _):
        code = Pairing(service.press.line).offer()[1].code
        service.store.db.execute("UPDATE pairings SET made_at = '9999-01-01T00:00:00.000+00:00'")
    assert told("pair", code, "--name", "den", "--profile", "tv", *here).out == (
        "the screen is den now, and goes to /d/den by itself\n"
    )
    assert told("pair", code, *here) == (1, "", "no screen shows this code now; codes change after ten minutes\n")
    assert told("unpair", "den", *here).out == "den is no display any more\n"
    assert told("unpair", "den", *here).code == 1
