"""A Miniflux account is read by its API, from a real server on loopback, and nothing in it is changed."""

import json
import re
import time
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings as trying, strategies as st
from pydantic import ValidationError

from service.assembly import adapters
from service.errors import SourceError
from service.net import Limits
from service.protocols import Bookmark
from service.sources.miniflux import Miniflux, Settings

from .accounts import KEY, Told, as_miniflux, miniflux, serving
from .command import objects, told as tell
from .loopback import Loopback, answer, forever
from .values import NOON

SEALS = Told(1, "A lighthouse keeper reads to seals", content="<p>Every evening, <b>she says</b>.</p>")
OTTERS = Told(2, "Otters return to the canal", "World news | The Daily Example", "https://daily.example", "Nature")
KITES = Told(3, "Kites are flown at the old airfield", category="Fun", read=True, starred=True)
FIRST = Bookmark()
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)


@pytest.fixture(autouse=True)
def _key(monkeypatch):
    monkeypatch.setenv("MINIFLUX_API_KEY", KEY)


def account(url, *, limits=Limits(), **other):  # noqa: B008  (frozen)
    return Miniflux(Settings(base_url=url, **other), "reader", clock=lambda: NOON, limits=limits)


def visit(server, bookmark=FIRST, **other):
    return account(server.url.removesuffix("/feed"), **other).fetch(bookmark)


def titles(fetched):
    return [story.title for story in fetched.stories]


def test_entries_become_stories():
    """A story has its publisher's words, name, link, language and date, and is filed under the account's name."""
    with serving(miniflux, replace(SEALS, language="en-GB"), OTTERS) as server:
        result = visit(server)
    seals, otters = sorted(result.stories, key=lambda story: story.link, reverse=True)
    assert (seals.title, seals.summary) == (SEALS.title, "Every evening, she says.")
    assert (seals.source, seals.link, seals.language) == ("The Gull", "https://gull.example/1", "en-GB")
    assert seals.published == NOON - timedelta(hours=1) + timedelta(microseconds=123456)
    assert {seals.feed, otters.feed} == {"reader"}
    assert (otters.source, otters.language) == ("The Daily Example", "en")


def test_only_the_documented_request_is_sent():
    """One GET with the key in its header; nothing is ever changed in the account."""
    with serving(miniflux, SEALS) as server:
        visit(server)
    assert server.asked == ["GET /v1/entries?order=published_at&direction=desc&limit=200"]


@pytest.mark.parametrize("ending", ["", "/", "/v1", "/v1/", "//"])
def test_the_address_may_be_that_of_the_page_or_of_the_api(ending):
    """However the address was copied, the same entries are the same stories."""
    with serving(miniflux, SEALS) as server:
        plain, other = account(server.url).fetch(FIRST), account(server.url + ending).fetch(FIRST)
    assert plain == other


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ({"only": "all"}, {SEALS, OTTERS, KITES}), ({"only": "unread"}, {SEALS, OTTERS}), ({"only": "starred"}, {KITES}),
        ({"category": "nature"}, {OTTERS}), ({"category": "Fun", "only": "unread"}, set()), ({"limit": 1}, {OTTERS}),
    ],
)  # fmt: skip
def test_the_owner_chooses_which_entries(chosen, expected):
    """All, unread or starred ones; one category; the newest so many."""
    newest = replace(OTTERS, published=NOON)
    with serving(miniflux, SEALS, newest, KITES) as server:
        assert set(titles(visit(server, **chosen))) == {entry.title for entry in expected}


def test_an_unknown_category_is_named_with_those_there_are():
    """Who misspells a category reads what it could be."""
    with serving(miniflux, SEALS, OTTERS) as server, pytest.raises(SourceError, match=r"'Wrld' .* World, Nature"):
        visit(server, category="Wrld")


def test_an_answer_that_says_the_same_is_not_modified():
    """Moments that move with each answer are no news; a changed title is, and its story keeps its id."""
    with serving(miniflux, SEALS, OTTERS) as server:
        reader = account(server.url)
        first = reader.fetch(FIRST)
        again = reader.fetch(first.bookmark)
        server.entries[0] = replace(SEALS, title="A lighthouse keeper sings to seals")
        changed = reader.fetch(again.bookmark)
    assert (again.not_modified, again.stories, again.bookmark) == (True, (), first.bookmark)
    assert not changed.not_modified
    assert {story.id for story in changed.stories} == {story.id for story in first.stories}
    assert titles(changed) != titles(first)


def test_equal_titles_and_links_are_still_two_stories():
    """Entries are told apart by the account's own numbers."""
    twin = {**as_miniflux(SEALS), "id": 99}
    with Loopback(answer(json.dumps({"total": 2, "entries": [as_miniflux(SEALS), twin]}).encode())) as server:
        assert len({story.id for story in visit(server).stories}) == 2


def test_a_language_nobody_can_tell_is_the_accounts_own():
    """A title too short to tell its language by is taken to be in what the account's other entries are in."""
    names = [replace(SEALS, id=9, title="Nadal Wimbledon", content="", feed="Tiny")]
    many = [replace(OTTERS, id=n, title=f"{OTTERS.title}, for the {n}th time this year") for n in range(10, 16)]
    with serving(miniflux, *names, *many) as server:
        assert {story.language for story in visit(server).stories} == {"en"}


def test_an_empty_account_is_no_failure():
    """An account without entries brings none."""
    with serving(miniflux) as server:
        assert visit(server).stories == ()


# -- what fails, and what to do about it ----------------------------------------------------------


def failure(server, **other):
    """The words of a visit that fails, which never hold the key."""
    with pytest.raises(SourceError) as caught:
        visit(server, **other)
    chain, error = [], caught.value
    while error:
        chain.append(str(error))
        error = error.__cause__
    assert KEY not in " ".join(chain)
    assert len(chain[0]) < 250
    return caught.value


def test_a_key_that_is_not_set_is_asked_for_by_name(monkeypatch):
    """The variable and the place to make a key are named, and nobody is asked without one."""
    monkeypatch.delenv("MINIFLUX_API_KEY")
    with serving(miniflux, SEALS) as server:
        assert "MINIFLUX_API_KEY is not set" in str(failure(server))
        assert "OTHER_KEY is not set" in str(failure(server, api_key_env="OTHER_KEY"))
    assert server.asked == []


def test_a_key_may_be_in_a_file(monkeypatch, tmp_path):
    """NAME_FILE names a file with the key; one that cannot be read is named without what it holds."""
    monkeypatch.delenv("MINIFLUX_API_KEY")
    monkeypatch.setenv("MINIFLUX_API_KEY_FILE", str(tmp_path / "key"))
    with serving(miniflux, SEALS) as server:
        assert "MINIFLUX_API_KEY_FILE names cannot be read" in str(failure(server))
        (tmp_path / "key").write_text(KEY + "\n")
        assert titles(visit(server)) == [SEALS.title]


@pytest.mark.parametrize("key", ["wrong", "two\nlines", "schl\u00fcssel", "\x1b[31m"])
def test_a_wrong_key_is_named_by_its_variable(monkeypatch, key):
    """A key that is not accepted, or can be none, is said to be; its letters are not."""
    monkeypatch.setenv("OTHER_KEY", key)
    with serving(miniflux, SEALS) as server:
        reason = str(failure(server, api_key_env="OTHER_KEY"))
    assert "OTHER_KEY" in reason
    assert key not in reason


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (answer(b"{}", status="404 Not Found"), "no Miniflux API at http://127.0.0.1:.*base_url"),
        (answer(b"{}", status="500 Internal Server Error"), "HTTP 500 internal server error"),
        (answer(b"<!doctype html><html><body>Sign in"), "not JSON: is Miniflux there"),
        (answer(b""), "not JSON"),
        (answer(b'{"total": 1, "entries": [{"id"'), "not JSON"),
        (answer(b"[" * 1_000_000), "nested too deeply"),
        (answer(b'{"version": "https://jsonfeed.org/version/1.1", "items": []}'), "no entries"),
        (answer(b'{"entries": {"0": {}}}'), "no entries"),
        (answer(b"[]"), "no entries"), (answer(b"null"), "no entries"), (answer(b"1" * 5000), "not JSON"),
        (answer(b"{}", Content_Length=1000), "cut short"),
        (answer(b"{}", Content_Encoding="br"), "encoding"),
        (b"SSH-2.0-OpenSSH_9.9\r\n", "not a sound HTTP answer"),
        (b"", "not a sound HTTP answer"),
        (answer(Content_Length=99_999_999), "too large"),
        (forever(answer(Transfer_Encoding="chunked"), b"10000\r\n" + b" " * 65536 + b"\r\n"), "too large"),
        (answer(status="302 Found", Location="https://sso.example/login?token=abc"), r"redirects to https://sso.example/login\?token=\*\*\*: .*base_url"),
        (answer(status="301 Moved", Location="\x1b[31m\n"), "redirects to"),
    ],
)  # fmt: skip
def test_what_is_no_miniflux_is_said_in_words(script, reason):
    """Whatever answers instead of a Miniflux, the owner reads what it was and where to look."""
    with Loopback(script) as server:
        error = failure(server)
    assert re.search(reason, str(error)), error


def test_a_crowded_server_is_left_alone_as_long_as_it_asks():
    """Retry-After of 429 and 503 is told to whoever plans the next visit."""
    with Loopback(
        answer(status="429 Too Many", Retry_After="600"), answer(status="503 Busy", Retry_After="x")
    ) as server:
        assert failure(server).retry_after == 600
        assert failure(server).retry_after is None


def test_a_redirect_takes_the_key_nowhere():
    """Another host is never asked, with or without the key."""
    with Loopback(answer(b'{"entries": []}')) as other:
        there = other.url.replace("127.0.0.1", "localhost")
        with Loopback(answer(status="307 Temporary", Location=there)) as server:
            assert "redirects to" in str(failure(server))
    assert other.requests == []


def test_a_slow_server_is_given_up_in_time():
    """A byte now and then does not hold a round up."""

    def drip(sock, _):
        for byte in answer(b" " * 10_000):
            sock.sendall(bytes([byte]))
            time.sleep(0.02)

    started = time.monotonic()
    with Loopback(drip) as server:
        assert "no answer within 0.3 s" in str(failure(server, limits=Limits(total_s=0.3)))
    assert time.monotonic() - started < 5


def test_a_server_that_is_not_there_is_said_not_to_be():
    """A refused connection names the host and the port."""
    with Loopback() as server:
        pass
    assert f"cannot connect to 127.0.0.1:{server.port}" in str(failure(server))


def test_fewer_entries_are_asked_for_where_so_many_are_too_large():
    """An account of whole articles does not fail: half as many fit, and the next visit asks for those at once."""
    long = [replace(SEALS, id=n, title=f"{SEALS.title} {n}", content="<p>word </p>" * 5000) for n in range(120)]
    with serving(miniflux, *long) as server:
        reader = account(server.url, limit=120)
        first = reader.fetch(FIRST)
        second = reader.fetch(first.bookmark)
    assert len(first.stories) == 60
    assert second.not_modified
    assert [asked.rpartition("=")[2] for asked in server.asked] == ["120", "60", "60"]


def test_entries_too_large_even_singly_are_a_failure():
    """What does not fit at any number is said to be too large."""
    with serving(miniflux, replace(SEALS, content="x" * 5_100_000)) as server:
        assert "too large" in str(failure(server))


@trying(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_json_of_any_shape_is_stories_or_a_reason(data):
    """Whatever JSON a server answers with, in whichever member, no exception but a SourceError comes of it."""
    entry = as_miniflux(SEALS)
    for name in data.draw(st.sets(st.sampled_from(sorted(entry)), max_size=4)):
        entry[name] = data.draw(JSON)
    body = data.draw(st.sampled_from([{"entries": [entry, data.draw(JSON)]}, data.draw(JSON), [entry]]))
    with Loopback(answer(json.dumps(body).encode())) as server:
        try:
            result = visit(server)
        except SourceError:
            return
    for story in result.stories:
        assert story.title
        assert story.link == "" or story.link.startswith("http")
        assert story.published <= NOON
        json.dumps([story.title, story.summary, story.source, story.language]).encode()
        (story.title + story.summary + story.source + story.link + story.language).encode()


@pytest.mark.parametrize("content", ["<script>" * 600_000, "<!--" * 1_200_000, "<" * 4_900_000, "&amp;" * 950_000,
                                     "<svg " * 900_000, "\u0301" * 700_000], ids=lambda content: content[:6])  # fmt: skip
def test_hostile_markup_takes_no_time(content):
    """Five megabytes of tags that never end are read in a moment."""
    body = json.dumps(
        {"entries": [{"id": 1, "title": "Otters return", "content": content, "url": "https://x.example"}]}
    )
    started = time.process_time()
    with Loopback(answer(body.encode())) as server:
        assert titles(visit(server)) == ["Otters return"]
    assert time.process_time() - started < 3


# -- config and line ------------------------------------------------------------------------------


@pytest.mark.parametrize("url", ["reader.example", "ftp://reader.example", "https://", "http://x y/", "http://[::1",
                                 "https://x.example/?a=b", "https://x.example:99999"])  # fmt: skip
def test_an_address_that_is_none_is_a_mistake_of_the_config(url):
    """A wrong address is found before anything is fetched."""
    with pytest.raises(ValidationError, match="base_url"):
        Settings(base_url=url)


def test_a_password_in_the_address_is_refused_without_being_told():
    """Secrets do not stand in the config, and not in what is said of it."""
    with Loopback(answer(b"{}")) as server:
        server.url = server.url.replace("http://", f"http://me:{KEY}@")
        assert "take it out of the config" in str(failure(server))
    assert server.requests == []


def test_it_is_found_by_its_file():
    """The kind is the file's name."""
    assert adapters("sources")["miniflux"].Settings is Settings


@pytest.fixture
def here(tmp_path):
    """A function that writes a config for an account and gives the options that name it."""

    def written(url, more=""):
        path = tmp_path / "config.toml"
        path.write_text(
            '[channels.home]\nfeeds = ["reader"]\nplates_per_round = 2\nmax_age_hours = 0\n'
            f'[sources.reader]\nkind = "miniflux"\nbase_url = "{url}"\n{more}'
        )
        return ["--config", path, "--data", tmp_path / "data"]

    return written


def test_a_round_paints_what_the_account_holds(here):
    """``frontispiece once`` with an account in the config hangs its stories; a second round finds nothing new."""
    with serving(miniflux, SEALS, OTTERS, KITES) as server:
        options = here(server.url)
        first, second = tell("once", "--json", *options), tell("once", "--json", *options)
    events = objects(first.out)
    assert (first.code, second.code) == (0, 0), first.err
    assert {event["verb"]: event.get("note") for event in events}["fetch"] == "3 new"
    assert sum(event["verb"] == "render" for event in events) == 2
    status = objects(tell("status", "--json", *options).out)[0]
    assert status["counts"]["stories"] == 3
    assert KEY not in first.out + first.err + json.dumps(status)


def test_check_tries_an_account_and_says_what_to_do(here, monkeypatch):
    """A good account is counted; of a bad one the owner reads which table and which variable to look at."""
    with serving(miniflux, SEALS, OTTERS) as server:
        options = here(server.url, "[web]\nport = 0\n")
        good = [f for f in objects(tell("check", "--json", *options).out) if "reader" in f["what"]]
        monkeypatch.setenv("MINIFLUX_API_KEY", "wrong")
        bad = [f for f in objects(tell("check", "--json", *options).out) if not f["ok"]]
    host = server.url.removeprefix("http://")
    assert good == [{"what": "source reader", "ok": True, "says": f"Miniflux at {host}, 2 stories"}]
    assert [f["what"] for f in bad] == ["source reader"]
    assert "MINIFLUX_API_KEY is not accepted" in bad[0]["says"]
    assert "sources.reader" in bad[0]["do"]
