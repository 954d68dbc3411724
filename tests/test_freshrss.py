"""A FreshRSS account is read by its Google Reader API, from a real server on loopback, and nothing in it is changed."""

import json
import re
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings as trying, strategies as st

from service.errors import SourceError
from service.protocols import Bookmark
from service.sources.freshrss import FreshRss, Settings

from .accounts import PASSWORD, USER, Told, as_freshrss, freshrss, serving
from .command import objects, told as tell
from .loopback import Loopback, answer
from .values import NOON

SEALS = Told(1, "A lighthouse keeper reads to seals", content="<p>Every evening, <b>she says</b>.</p>")
OTTERS = Told(2, "Otters return to the canal", "World news | The Daily Example", "https://daily.example", "Nature")
KITES = Told(3, "Kites are flown at the old airfield", category="C++ & more", read=True, starred=True)
ROBOTS = Told(0, "Robots tidy the harbour library", category="Tech/AI", read=True)
FIRST = Bookmark()
LOGIN = answer(b"SID=alice/1\nLSID=null\nAuth=alice/1\n")


@pytest.fixture(autouse=True)
def _password(monkeypatch):
    monkeypatch.setenv("FRESHRSS_PASSWORD", PASSWORD)


def account(url, **other):
    return FreshRss(Settings(base_url=url, **{"user": USER, **other}), "reader", clock=lambda: NOON)


def visit(server, bookmark=FIRST, **other):
    return account(server.url.removesuffix("/feed"), **other).fetch(bookmark)


def failure(server, **other):
    """The words of a visit that fails, which hold no secret."""
    with pytest.raises(SourceError) as caught:
        visit(server, **other)
    reason = str(caught.value)
    assert PASSWORD not in reason
    assert "alice/1" not in reason
    assert len(reason) < 250
    return reason


def titles(fetched):
    return [story.title for story in fetched.stories]


def test_entries_become_stories():
    """A story has its publisher's words, name, link and date, and is filed under the account's name."""
    with serving(freshrss, SEALS, OTTERS) as server:
        result = visit(server)
    seals, otters = sorted(result.stories, key=lambda story: story.link, reverse=True)
    assert (seals.title, seals.summary) == (SEALS.title, "Every evening, she says.")
    assert (seals.source, seals.link, seals.feed) == ("The Gull", "https://gull.example/1", "reader")
    assert (seals.published, seals.language) == (NOON - timedelta(hours=1), "en")
    assert otters.source == "The Daily Example"
    assert result.title == f"FreshRSS at {server.url.removeprefix('http://')}"


def test_the_password_is_posted_and_never_part_of_an_address():
    """One login by POST, then one GET with its token; nothing is ever changed in the account."""
    with serving(freshrss, SEALS) as server:
        visit(server)
    assert server.asked == [
        "POST /api/greader.php/accounts/ClientLogin",
        "GET /api/greader.php/reader/api/0/stream/contents/user/-/state/com.google/reading-list?output=json&n=200",
    ]


def test_one_login_serves_many_visits():
    """The token is kept; when the password changed, and the token with it, there is one new login."""
    with serving(freshrss, SEALS) as server:
        reader = account(server.url)
        first = reader.fetch(FIRST)
        assert reader.fetch(first.bookmark).not_modified
        assert server.logins == 1
        server.token = "alice/another"
        assert reader.fetch(first.bookmark).not_modified
        assert server.logins == 2


@pytest.mark.parametrize(
    "ending",
    ["", "/", "/i/", "/api", "/api/", "/api/greader.php", "/api/greader.php/", "/api/greader.php/reader/api/0"],
)
def test_the_address_may_be_that_of_the_page_or_of_the_api(ending):
    """However the address was copied, the same entries are the same stories."""
    with serving(freshrss, SEALS) as server:
        plain, other = account(server.url).fetch(FIRST), account(server.url + ending).fetch(FIRST)
    assert plain == other


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ({"only": "all"}, {ROBOTS, SEALS, OTTERS, KITES}), ({"only": "unread"}, {SEALS, OTTERS}), ({"only": "starred"}, {KITES}),
        ({"category": "Nature"}, {OTTERS}), ({"category": "Nature", "only": "starred"}, set()), ({"limit": 1}, {KITES}),
        ({"category": "C++ & more"}, {KITES}), ({"category": "Tech/AI"}, {ROBOTS}),
    ],
)  # fmt: skip
def test_the_owner_chooses_which_entries(chosen, expected):
    """All, unread or starred ones; one category; the newest so many."""
    with serving(freshrss, ROBOTS, SEALS, OTTERS, KITES) as server:
        assert set(titles(visit(server, **chosen))) == {entry.title for entry in expected}


def test_an_unknown_category_is_not_everything():
    """FreshRSS gives everything for a category it does not know: the owner reads which there are instead."""
    with serving(freshrss, SEALS, OTTERS) as server:
        assert re.search("'Wrld' at .*; there is World, Nature", failure(server, category="Wrld"))


def test_an_answer_that_says_the_same_is_not_modified():
    """The moment of the answer is no news; a new entry is, and the old one keeps its id."""
    with serving(freshrss, SEALS) as server:
        reader = account(server.url)
        first = reader.fetch(FIRST)
        again = reader.fetch(first.bookmark)
        server.entries.append(OTTERS)
        more = reader.fetch(again.bookmark)
    assert (again.not_modified, again.bookmark) == (True, first.bookmark)
    assert {story.id for story in first.stories} < {story.id for story in more.stories}


@pytest.mark.parametrize(
    ("title", "source"),
    [("Marks & Spencer opens a café \N{PARTY POPPER}", "Q&A Weekly"), ("Is 2 < 3? Yes, and 3 > 2", "The Gull"),
     ("東京＆大阪の夜行列車が戻る", "毎日＆新聞")],
)  # fmt: skip
def test_titles_are_as_their_publishers_wrote_them(title, source):
    """The wide letters that FreshRSS writes for "&", "<" and ">" are undone, where they are not the title's own."""
    with serving(freshrss, replace(SEALS, title=title, feed=source)) as server:
        (story,) = visit(server).stories
    assert (story.title, story.source) == (title, source)


# -- what fails, and what to do about it ----------------------------------------------------------


def test_a_password_that_is_not_set_is_asked_for_by_name(monkeypatch):
    """The variable and the place to make an API password are named, and nobody is asked without one."""
    monkeypatch.delenv("FRESHRSS_PASSWORD")
    with serving(freshrss, SEALS) as server:
        assert re.search("FRESHRSS_PASSWORD is not set.*Profile, API password", failure(server))
    assert server.asked == []


def test_a_wrong_password_is_said_to_be():
    """The user, the variable and the usual mistake are named, once: the stream is not asked for."""
    with serving(freshrss, SEALS) as server:
        reason = failure(server, user="bob")
    assert re.search("does not accept user 'bob' with what FRESHRSS_PASSWORD holds.*API password", reason)
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("scripts", "reason"),
    [
        ([answer(status="400 Bad Request")], "does not accept user 'alice'"),
        ([answer(status="404 Not Found")], "no FreshRSS API at http://127.0.0.1:.*/api/greader.php"),
        ([answer(status="503 Service Unavailable")], "HTTP 503 service unavailable: .*Allow API access"),
        ([answer(status="500 Internal Server Error")], "HTTP 500"),
        ([answer(b"<html>Sign in to continue")], "answers a login with something else"),
        ([answer(b"Auth=\n")], "answers a login with something else"),
        ([answer(b"Auth=two words\n")], "answers a login with something else"),
        ([answer(status="302 Found", Location="https://sso.example/")], "redirects to https://sso.example/"),
        ([LOGIN, answer(status="401 Unauthorized")], "must pass the header Authorization on"),
        ([LOGIN, answer(status="302 Found", Location="/i/")], "redirects to /i/"),
        ([LOGIN, answer(status="404 Not Found")], "no FreshRSS API"),
        ([LOGIN, answer(b"Bad Request!", status="400 Bad Request")], "HTTP 400 bad request"),
        ([LOGIN, answer(b"<html>")], "not JSON"),
        ([LOGIN, answer(b'{"items": null}')], "no items"),
        ([LOGIN, answer(b"[]")], "no items"),
        ([LOGIN, answer(b'{"items": [', Content_Length=900)], "cut short"),
        ([b"\x15\x03\x01\x00\x02\x02\x16"], "not a sound HTTP answer"),
    ],
)  # fmt: skip
def test_what_goes_wrong_is_said_in_words(scripts, reason):
    """Whatever answers instead of a FreshRSS, the owner reads what it was and where to look."""
    with Loopback(*scripts) as server:
        assert re.search(reason, failure(server))


def test_the_password_goes_to_no_other_host():
    """A login that is redirected is not repeated elsewhere."""
    with Loopback(LOGIN) as other, Loopback(answer(status="307 Temporary", Location=other.url)) as server:
        assert "redirects to" in failure(server)
    assert other.requests == []


@trying(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_json_of_any_shape_is_stories_or_a_reason(data):
    """Whatever JSON a server answers with, in whichever member, no exception but a SourceError comes of it."""
    anything = st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
        max_leaves=12,
    )
    item = as_freshrss(SEALS)
    for name in data.draw(st.sets(st.sampled_from(sorted(item)), max_size=4)):
        item[name] = data.draw(anything)
    body = data.draw(st.sampled_from([{"items": [item, data.draw(anything)]}, data.draw(anything), [item]]))
    category = data.draw(st.sampled_from(["", "World"]))
    with Loopback(LOGIN, answer(json.dumps(body).encode()), answer(json.dumps({"tags": body}).encode())) as server:
        try:
            result = visit(server, category=category)
        except SourceError:
            return
    for story in result.stories:
        assert story.title
        assert story.link == "" or story.link.startswith("http")
        assert story.published <= NOON
        (story.title + story.summary + story.source + story.link + story.language).encode()


def test_a_round_paints_what_the_account_holds(tmp_path):
    """``frontispiece once`` with an account beside a feed that fails hangs the account's stories."""
    config = tmp_path / "config.toml"
    with serving(freshrss, SEALS, OTTERS) as server, Loopback(answer(status="500 Broken")) as broken:
        config.write_text(
            f'[channels.home]\nfeeds = ["{broken.url}", "reader"]\nplates_per_round = 1\nmax_age_hours = 0\n'
            f'[sources.reader]\nkind = "freshrss"\nbase_url = "{server.url}"\nuser = "{USER}"\n'
            '[net]\nallow_private = ["127.0.0.1"]\n'
        )
        done = tell("once", "--json", "--config", config, "--data", tmp_path / "data")
    events = objects(done.out)
    assert {"verb": "fetch", "what": "reader", "note": "2 new"}.items() <= next(
        event for event in events if event.get("what") == "reader"
    ).items()
    assert sum(event["verb"] == "render" for event in events) == 1
    assert PASSWORD not in done.out + done.err
