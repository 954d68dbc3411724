"""A feed is visited politely: conditionally, no oftener than asked, and forgivingly."""

from datetime import timedelta

import pytest

from service.net import Net
from service.protocols import Bookmark, Fetched
from service.sources.feed import Feed
from service.sources.manners import next_check
from service.sources.parse import Parser

from .loopback import Loopback, answer, gzipped
from .values import NOON

RSS = b"""<rss version="2.0"><channel><title>The Daily Example</title><ttl>90</ttl>
<item><title>A lighthouse keeper reads to seals</title><link>https://daily.example/seals</link></item></channel></rss>"""
NOTHING_YET = Bookmark()


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


def test_visits_spread_out():
    """B25: the owner's wish is kept to half an hour at least, and jitter makes a visit later, never sooner."""
    soon = next_check(NOON, Fetched(), failures=0, own_minutes=1, jitter=0)
    assert soon == NOON + timedelta(minutes=30)
    assert next_check(NOON, Fetched(), failures=0, own_minutes=1, jitter=1) == NOON + timedelta(minutes=33)
    assert next_check(NOON, Fetched(check_after=1e9), failures=0, own_minutes=1, jitter=1) == NOON + timedelta(hours=24)
