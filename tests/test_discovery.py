"""A site's address leads to its feed: politely, in bounds, and never into the house. Real servers, the real parser."""

import gzip
import time

import pytest
from hypothesis import given, settings, strategies as st

from service.errors import SourceError
from service.net import Net, Response
from service.sources.discovery import MOST_VISITS, USUAL_PATHS, Candidate, Finder, addressed
from service.sources.documents.page import Link, read
from service.sources.parse import Parser

from .loopback import Loopback, answer, forever, paths, site
from .values import NOON

JSON_FEED = (
    b'{"version": "https://jsonfeed.org/version/1.1", "title": "Notes", "items": [{"id": "1", "title": "A quiet day"}]}'
)


def rss(title="The Gull", *headlines):
    items = "".join(f"<item><title>{headline}</title></item>" for headline in headlines or ["Seals return to the bay"])
    return f"<rss version='2.0'><channel><title>{title}</title>{items}</channel></rss>".encode()


def page(*links, body=""):
    return f"<!doctype html><html><head>{''.join(links)}</head><body>{body}</body></html>".encode()


def link(href, title="", kind="application/rss+xml", rel="alternate"):
    return f'<link rel="{rel}" type="{kind}" title="{title}" href="{href}">'


@pytest.fixture(scope="module")
def parser():
    parser = Parser()
    yield parser
    parser.close()


@pytest.fixture
def find(parser):
    """Look for the feed of an address with loopback allowed."""

    def finding(url, net=None, home=("127.0.0.1",)):
        return Finder(net or Net(home), parser, lambda: NOON, home=home, languages=["en"]).find(url)

    return finding


def at(server, path="/"):
    return server.url.removesuffix("/feed") + path


# -- what leads to a feed -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [rss(), JSON_FEED, b"<?xml version='1.0'?><feed xmlns='http://www.w3.org/2005/Atom'><title>x</title></feed>"],
)
def test_a_feed_is_found_at_its_own_address(find, body):
    """A feed's address is the feed's: one visit, whatever the server calls it."""
    with Loopback(site({"/x": answer(body, Content_Type="text/html")})) as server:
        found = find(at(server, "/x"))
    assert (found.url, found.others, paths(server)) == (at(server, "/x"), (), ["/x"])


@pytest.mark.parametrize(
    "named",
    [
        link("/news.xml"), link("news.xml", kind="application/atom+xml"), link("?", kind="text/css") + link("/news.xml"),
        link("/news.xml", kind="Application/RSS+XML; charset=utf-8", rel="Alternate"), "<LINK HREF=/news.xml REL=feed>",
        link("/news.xml", kind="application/feed+json"), "<base href='/deep/'>" + link("../news.xml"),
        "<script>" + "x" * 900_000 + "</script>" + link("/news.xml"), "<![foo[" + link("/news.xml") + "]]>" + link("/news.xml"),
        "<a href='/news.xml'>no</a><a href='/rss/news.rss'>yes</a>",
    ],
    ids=range(10),
)  # fmt: skip
def test_a_page_names_its_feed(find, named):
    """A page's link to a feed is followed, however it is written; the address in the answer is absolute."""
    pages = {"/": page(named), "/news.xml": rss(), "/rss/news.rss": rss()}
    if "<![foo" in named:
        pages["/"] = page(link("/news.xml"), named)
    with Loopback(site(pages)) as server:
        found = find(at(server))
    assert found.fetched.title == "The Gull"
    assert found.url in (at(server, "/news.xml"), at(server, "/rss/news.rss"))
    assert len(server.requests) == 2


def test_the_first_that_is_read_is_taken_and_the_rest_are_told(find):
    """Links are tried in the page's order; comments, pages and broken ones are passed over, the rest are told unread."""
    listed = [link("/comments/feed/", "The Gull » Comments Feed"), link("/lost.xml", "Lost"), link("/page", "Page"),
              link("/world.xml", "World &amp; sea"), link("/sport.xml", "Sport"), link("/world.xml", "World again"),
              link("javascript:alert(1)", "No"), link("http://[::1", "No")]  # fmt: skip
    with Loopback(site({"/": page(*listed), "/page": page(), "/world.xml": rss(), "/comments/feed/": rss()})) as server:
        found = find(at(server))
    assert found.url == at(server, "/world.xml")
    assert found.others == (Candidate(at(server, "/sport.xml"), "Sport"),)
    assert paths(server) == ["/", "/lost.xml", "/page", "/world.xml"]


@pytest.mark.parametrize("where", ["/feed", "/rss.xml", "/index.xml", "/rss"])
def test_a_site_that_names_none_has_it_where_others_do(find, where):
    """Without a link, the usual places are tried in turn, until one holds a feed."""
    with Loopback(site({"/": page(), where: rss()})) as server:
        assert find(at(server)).url == at(server, where)
    assert paths(server)[1:] == list(USUAL_PATHS[: USUAL_PATHS.index(where) + 1])


def test_a_page_below_the_front_has_its_own_feed_first(find):
    """For /blog/, /blog/feed is tried before the site's."""
    with Loopback(site({"/blog/?a=1": page(), "/blog/feed": rss("Blog"), "/feed": rss("Site")})) as server:
        assert find(at(server, "/blog/?a=1")).fetched.title == "Blog"


def test_a_front_page_for_browsers_only_may_have_an_open_feed(find):
    """Where a server refuses its front page, its feed is looked for all the same."""
    shut = answer(b"", "403 Forbidden", cf_mitigated="challenge")
    with Loopback(site({"/": shut, "/feed": rss()})) as server:
        assert find(at(server)).url == at(server, "/feed")
    with Loopback(site({"/": shut})) as server, pytest.raises(SourceError, match="blocked"):
        find(at(server))
    assert len(server.requests) == 1 + len(USUAL_PATHS)
    with Loopback(site({})) as server, pytest.raises(SourceError, match="404"):
        find(at(server, "/no/such/page"))
    assert len(server.requests) == 1


def test_a_permanent_redirect_is_taken_a_temporary_one_not(find):
    """The address that is kept is the one the site itself calls permanent."""
    for status, kept in (("301 Moved", "/new"), ("302 Found", "/old")):
        with Loopback(site({"/old": answer(b"", status, Location="/new"), "/new": rss()})) as server:
            assert find(at(server, "/old")).url == at(server, kept)


# -- what does not ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (page(), "a web page: it names no feed, and there is none where sites usually keep theirs"),
        (page(link("/lost")), "a web page: none of those it names can be read, and"),
        (page(link("/comments/feed", "x")), "for its readers' comments there is http://127.0.0.1:"),
        (b"%PDF-1.7", "not a feed: a PDF"),
        (b"", "not a feed: the document is empty"),
        (b'{"a": 1}', "not a feed: JSON of another kind"),
        (gzip.compress(b"\0" * 6_000_000), "too large"),
    ],
)
def test_what_has_no_feed_is_a_sentence(find, body, said):
    """Whatever else is there, one sentence says so."""
    with Loopback(site({"/": body, "/comments/feed": rss()})) as server, pytest.raises(SourceError) as caught:
        find(at(server))
    assert said in str(caught.value)
    assert len(server.requests) <= 2 + len(USUAL_PATHS)


def test_visits_are_bounded_and_one_at_a_time(find):
    """A page of 500 dead links costs five visits and the usual places, never two at once."""
    busy, most = [0], [0]

    def script(sock, request):
        busy[0] += 1
        most[0] = max(most[0], busy[0])
        site({"/": page(*(link(f"/{n}.xml") for n in range(500)))})(sock, request)
        busy[0] -= 1

    with Loopback(script) as server, pytest.raises(SourceError):
        find(at(server))
    assert len(server.requests) == 1 + MOST_VISITS + len(USUAL_PATHS)
    assert most[0] <= 2  # the next may come before the end of the last one is noted


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "/etc/passwd", "../../x.xml", "C:\\x", "javascript:alert(1)", "data:text/xml,<rss/>",
            "feed:file:///etc/passwd", "mailto:a@b.example", "http://", "http://exa mple/", "http://[::1", "", " ",
            "http://x.example:99999/", "user:secret@host/x"],
)  # fmt: skip
def test_only_web_addresses_are_visited(find, url):
    """A1 A2 A3 A16: paths, other schemes and what is no address are refused before anything is looked up."""

    def resolver(*_):
        raise AssertionError("looked up")

    with pytest.raises(SourceError, match="refused"):
        find(url, Net(resolver=resolver))


@pytest.mark.parametrize(
    "url", ["127.0.0.1", "http://localhost/", "http://10.1.2.3", "http://169.254.169.254/", "[::1]/x"]
)
def test_addresses_at_home_must_be_allowed(find, url):
    """A4 A5 A6: a private address is refused, and what allows it is named."""
    with pytest.raises(SourceError, match=r"net\.allow_private|never fetched"):
        find(url, Net(), home=())


class Elsewhere:
    """A network where one page of the internet answers; what else is asked for is remembered."""

    def __init__(self, body, url="https://news.example/"):
        self.body, self.url, self.asked = body, url, []

    def get(self, url, **_):
        self.asked.append(url)
        if url != self.url:
            raise SourceError("HTTP 404 not found")
        return Response(200, url, self.body, {})


def test_a_page_of_the_internet_leads_nobody_into_the_house(find):
    """A9 A17 A18: a page outside cannot have us visit a machine that only its owner's own feeds may reach."""
    net = Elsewhere(
        page(
            "<base href='http://127.0.0.1:9/'>",
            link("feed.xml"),
            link("http://rsshub.lan/x"),
            link("https://other.example/x"),
        )
    )
    with pytest.raises(SourceError):
        find("news.example", net, home=("127.0.0.1", "rsshub.lan"))
    assert [url for url in net.asked if "news.example" not in url] == ["https://other.example/x"]


def test_a_password_stays_with_its_site(find):
    """A12: the login of an address goes along to the site's own feed, and to no other place."""
    net = Elsewhere(page(link("/own.xml"), link("https://other.example/x")), "https://me:pw@news.example/")
    with pytest.raises(SourceError):
        find("https://me:pw@news.example", net)
    assert net.asked[1:3] == ["https://me:pw@news.example/own.xml", "https://other.example/x"]


# -- hostile pages ------------------------------------------------------------------------------


@pytest.mark.parametrize("body", ["<a " * 600_000, "<!--" * 400_000, "<link rel=alternate " * 90_000, "<" * 1_900_000, "&" * 1_900_000],
                         ids=["tags", "comments", "links", "brackets", "ampersands"])  # fmt: skip
def test_a_page_made_to_be_slow_is_given_up(body):
    """Nothing that a page holds keeps its reader longer than the parser's limit, or breaks it for the next page."""
    parser = Parser(seconds=1.5)
    reason = "longer than"
    try:
        began = time.monotonic()
        try:
            assert parser.page(f"<html>{body}".encode()).declared == ()
        except SourceError as error:
            reason = str(error)
        assert "longer than" in reason or "memory" in reason
        assert time.monotonic() - began < 20
        assert parser.page(page(link("/x"))).declared == (Link("/x"),)
    finally:
        parser.close()


@settings(max_examples=200)
@given(
    st.binary(max_size=300)
    | st.lists(
        st.sampled_from(
            [
                "<",
                ">",
                "<!",
                "<![",
                "link",
                "<link ",
                " rel=alternate",
                "href='",
                "'",
                "&#xd800;",
                "<script",
                "]]>",
                "\0",
                "é",
                " ",
            ]
        ),
        max_size=40,
    )
    .map("".join)
    .map(str.encode)
)
def test_no_page_breaks_the_reader(body):
    """Whatever a page holds, its links are told."""
    found = read(body, "text/html; charset=\udcff")
    assert len(found.declared) + len(found.likely) <= 80


def test_a_server_that_never_ends_is_left(find, parser):
    """A page without an end is too large, not endless."""
    endless = forever(b"HTTP/1.1 200 OK\r\n\r\n<html>", b"x" * 65_536)
    with Loopback(endless) as server, pytest.raises(SourceError, match="too large"):
        find(at(server))


@pytest.mark.parametrize(("typed", "meant"), [
    ("theguardian.com", "https://theguardian.com"), (" news.example/a?b#c ", "https://news.example/a?b#c"),
    ("localhost:8080/x", "https://localhost:8080/x"), ("http://x.example", "http://x.example"),
    ("feed://x.example/rss", "feed://x.example/rss"), ("HTTPS://X.example", "HTTPS://X.example"),
])  # fmt: skip
def test_what_people_type(typed, meant):
    """Without a scheme an address is taken for https; with one it stays."""
    assert addressed(typed) == meant
