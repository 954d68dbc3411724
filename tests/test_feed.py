"""A feed is visited politely: conditionally, no oftener than asked, and forgivingly."""

from datetime import timedelta

import pytest

from service.errors import SourceError
from service.net import Net
from service.protocols import Bookmark, Fetched
from service.sources.feed import Feed
from service.sources.manners import asked_to_wait, next_check
from service.sources.parse import Parser

from .loopback import Loopback, answer, gzipped
from .values import NOON

RSS = b"""<rss version="2.0"><channel><title>The Daily Example</title><ttl>90</ttl>
<item><title>A lighthouse keeper reads to seals</title><link>https://daily.example/seals</link></item></channel></rss>"""
NOTHING_YET = Bookmark()
OTHER = RSS.replace(b"seals", b"otters")


@pytest.fixture(scope="module")
def parser():
    """One parser for the whole module."""
    parser = Parser()
    yield parser
    parser.close()


@pytest.fixture
def visit(parser):
    """Visit a server's feed with a bookmark."""

    def visiting(server, bookmark=NOTHING_YET, **other):
        return Feed(server.url, Net(["127.0.0.1"], clock=lambda: NOON), parser, lambda: NOON, **other).fetch(bookmark)

    return visiting


def test_a_first_visit_brings_stories_and_a_bookmark(visit):
    """A first visit is unconditional and brings stories, validators and how long to stay away."""
    with Loopback(answer(gzipped(RSS), Content_Encoding="gzip", ETag='W/"a b"', Last_Modified="never")) as server:
        result = visit(server)
    assert [story.title for story in result.stories] == ["A lighthouse keeper reads to seals"]
    assert result.stories[0].feed == server.url
    assert (result.bookmark.etag, result.bookmark.last_modified) == ('W/"a b"', "never")
    assert result.check_after == 90 * 60
    assert not result.not_modified
    assert "If-None-Match" not in server.requests[0]
    assert "If-Modified-Since" not in server.requests[0]


@pytest.mark.parametrize("etag", ['"x"', 'W/"x"', "unquoted", '""', '"caf\xe9"', '"a,  b"'])
def test_validators_go_back_byte_for_byte(visit, etag):
    """B12: validators are handed back as they came, never repaired."""
    with Loopback(answer(RSS, ETag=etag, Last_Modified="0"), answer(status="304 Not Modified")) as server:
        result = visit(server, visit(server).bookmark)
    assert f"If-None-Match: {etag}\r\n" in server.requests[1]
    assert "If-Modified-Since: 0\r\n" in server.requests[1]
    assert result.not_modified


def test_validators_that_cannot_be_sent_are_dropped(visit):
    """B12: an ETag of 10 kB is not kept."""
    with Loopback(answer(RSS, ETag='"' + "x" * 10_000 + '"')) as server:
        assert visit(server).bookmark.etag is None


def test_not_modified_keeps_the_bookmark(visit):
    """B9: 304 brings nothing; the ETag stays, a new Last-Modified is taken."""
    before = Bookmark('"x"', "Sat, 21 Nov 2026 10:00:00 GMT", "0" * 64)
    with Loopback(answer(status="304 Not Modified", Last_Modified="today", Cache_Control="max-age=7200")) as server:
        result = visit(server, before)
    assert result == Fetched(bookmark=Bookmark('"x"', "today", "0" * 64), not_modified=True, check_after=7200)


def test_not_modified_without_a_condition_is_a_mistake(visit):
    """B10: 304 to a plain request is a failure; a body with a 304 is ignored."""
    with Loopback(answer(status="304 Not Modified")) as server, pytest.raises(SourceError, match="304"):
        visit(server)
    with Loopback(answer(RSS, status="304 Not Modified")) as server:
        assert visit(server, Bookmark(etag='"x"')).stories == ()


def test_an_equal_body_brings_nothing_new(visit):
    """B11: a body that was read before is not read again, whatever its ETag says."""
    with Loopback(answer(RSS, ETag='"1"'), answer(RSS, ETag='"2"'), answer(OTHER)) as server:
        first = visit(server)
        second = visit(server, first.bookmark)
        third = visit(server, second.bookmark)
    assert second.not_modified
    assert second.bookmark.etag == '"2"'
    assert [story.title for story in third.stories] == ["A lighthouse keeper reads to otters"]


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        pytest.param(answer(b"<html><body>Buy this domain", ETag='"x"'), "an HTML page", id="B13-B26"),
        pytest.param(answer(b"", ETag='"x"'), "empty", id="C1"),
        pytest.param(answer(RSS[:90], Content_Length=len(RSS), ETag='"x"'), "cut short", id="B5"),
        pytest.param(answer(status="404 Not Found"), "404", id="B18"),
    ],
)
def test_what_fails_leaves_no_bookmark(visit, script, reason):
    """B5, B13: validators and moves are told only after a good parse: a failure tells neither."""
    moved = answer(status="301 Moved", Location="/new")
    with Loopback(moved, script) as server, pytest.raises(SourceError, match=reason):
        visit(server)


def test_a_move_is_told_with_the_stories(visit):
    """A13: a permanent move is told once its target was read; the stories keep the address they belong to."""
    with Loopback(answer(status="301 Moved", Location="/new"), answer(RSS)) as server:
        result = visit(server)
    assert result.moved_to == server.url.replace("/feed", "/new")
    assert result.stories[0].feed == server.url


@pytest.mark.parametrize(
    "kind", ["text/html", "text/plain; charset=utf-8", "image/png", "", "application/xml; charset=nonsense"]
)
def test_a_wrong_content_type_does_not_matter(visit, kind):
    """A feed is known by its content, not by what its server calls it."""
    with Loopback(answer(RSS, Content_Type=kind)) as server:
        assert len(visit(server).stories) == 1


def test_the_reader_s_languages_are_the_last_resort(visit):
    """A story whose language nobody knows is in the language its reader usually reads."""
    with Loopback(answer(RSS.replace(b"A lighthouse keeper reads to seals", b"Skankenstein"))) as server:
        assert visit(server, languages=["nl"]).stories[0].language == "nl"


def test_a_private_address_says_what_to_do(parser):
    """A4: a feed at home that is not on the owner's list says how to allow it."""
    feed = Feed("http://127.0.0.1:9/", Net(), parser, lambda: NOON)
    with pytest.raises(SourceError, match=r"127\.0\.0\.1 is a private address; add it to net\.allow_private"):
        feed.fetch(Bookmark())


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"cache-control": "public, max-age=31536000"}, 31536000), ({"cache-control": "max-age=0"}, 0),
        ({"cache-control": "no-store"}, None), ({"cache-control": "max-age=abc"}, None), ({"cache-control": 'MAX-AGE="60"'}, 60),
        ({"expires": "0"}, None), ({"expires": "Sun, 22 Nov 2026 11:00:00 GMT"}, None),
        ({"expires": "Sun, 22 Nov 2026 14:00:00 GMT"}, 7200), ({}, None),
        ({"cache-control": "max-age=60", "expires": "Sun, 22 Nov 2026 14:00:00 GMT"}, 60),
    ],
)  # fmt: skip
def test_how_long_an_answer_is_fresh(headers, seconds):
    """B20: Cache-Control counts before Expires; nonsense counts as nothing."""
    assert asked_to_wait(headers, NOON) == seconds


@pytest.mark.parametrize(
    ("outcome", "failures", "minutes"),
    [
        pytest.param(Fetched(), 0, 60, id="B20-own"),
        pytest.param(Fetched(check_after=0), 0, 60, id="B20-zero"),
        pytest.param(Fetched(check_after=7200), 0, 120, id="B20-hint"),
        pytest.param(Fetched(check_after=31536000), 0, 1440, id="B20-year"),
        pytest.param(SourceError("x"), 1, 30, id="B15-first"),
        pytest.param(SourceError("x"), 2, 60, id="B15-second"),
        pytest.param(SourceError("x"), 4, 240, id="B15-fourth"),
        pytest.param(SourceError("x"), 1000, 1440, id="B15-thousandth"),
        pytest.param(SourceError("x", retry_after=3600), 9, 60, id="B14"),
        pytest.param(SourceError("x", retry_after=0), 1, 1, id="B14-zero"),
        pytest.param(SourceError("x", retry_after=99999999999), 1, 1440, id="B14-huge"),
    ],
)
def test_when_to_visit_again(outcome, failures, minutes):
    """B14, B15, B20: the longest of what is wanted and asked, within 30 min and a day; failures double the wait."""
    assert next_check(NOON, outcome, failures=failures, own_minutes=60, jitter=0) == NOON + timedelta(minutes=minutes)


def test_visits_spread_out():
    """B25: the owner's wish is kept to half an hour at least, and jitter makes a visit later, never sooner."""
    soon = next_check(NOON, Fetched(), failures=0, own_minutes=1, jitter=0)
    assert soon == NOON + timedelta(minutes=30)
    assert next_check(NOON, Fetched(), failures=0, own_minutes=1, jitter=1) == NOON + timedelta(minutes=33)
    assert next_check(NOON, Fetched(check_after=1e9), failures=0, own_minutes=1, jitter=1) == NOON + timedelta(hours=24)
