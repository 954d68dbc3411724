"""What feeds get wrong and what foes put into them: each ends as stories or as a reason, and the next one is read."""

import gzip
import os
import random
import resource
import time
import unicodedata
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from service.errors import SourceError
from service.sources.documents import items
from service.sources.documents.items import published
from service.sources.parse import Parser

from .documents import FEEDS, PNG, SUITE, URL, entry, json_feed, mutants, newspapers, rss, suite
from .values import NOON

NOT_WELL_FORMED = b"<rss version='2.0'><channel><title>x</title><item><title>%s</title><link></item></channel></rss>"
XML = "<?xml version='1.0' encoding='{}'?>"
YEAR = timedelta(days=365)


@pytest.fixture(scope="module")
def parser():
    """One parser, its workers and its usual limits, for the whole module."""
    parser = Parser(workers=2)
    yield parser
    parser.close()


def outcome(parser, body, content_type=""):
    """The stories of a document, all of them fit to be shown, or the reason why there are none."""
    try:
        stories = parser.parse(body, URL, content_type, now=NOON).stories
    except SourceError as error:
        return str(error)
    for story in stories:
        assert not {unicodedata.category(char) for char in story.title} & {"Cc", "Cs", "Co", "Zl", "Zp"}
        assert len(story.title) <= 300
        assert len(story.id) == 64
        assert story.link == "" or story.link.startswith(("http://", "https://"))
        assert story.published <= NOON
    return stories


def titles(result):
    return [story.title for story in result]


def cases(*rows):
    """Parameters, each called by its row of the catalogue of bad inputs."""
    return [pytest.param(*given, id=name) for name, *given in rows]


def many(tag, count):
    return tag * count


@pytest.mark.parametrize(
    ("body", "count"),
    cases(
        ("C1-rss", b"<rss/>", 0),
        ("C1-channel-without-items", rss(), 0),
        ("C12-no-end", rss(entry())[:-6], 1),
        ("C12-text-before", b"noise " + rss(entry()), 1),
        ("C12-blank-before-declaration", b"\n <?xml version='1.0'?>" + rss(entry()), 1),
        ("C12-two-roots", rss(entry()) + rss(entry("Second")), 2),
        ("C12-ampersand", rss(entry("Fish & chips & peas")), 1),
        ("C12-declaration-twice", b"<?xml?xml version='1.0' ??>" + rss(entry()), 1),
        ("C12-unclosed-cdata", rss(entry(), "<item><title><![CDATA[Two of them"), 1),
        ("C12-unclosed-comment", rss(entry()) + b"<!-- the end", 1),
        ("C12-undeclared-prefix", rss(entry(**{"media:credit": "x"})), 1),
        (
            "C12-prefix-everywhere",
            b"<rss x:version=2.0><x:channel><x:title>T</x:title><x:item><x:title>One</x:title></x:item></x:channel></rss>",
            1,
        ),
        ("C7-mended", rss(entry("Dawn &#xD83D;&#xDE00;"), "<link>", entry("&#99999999999;Dusk", guid="2")), 2),
        ("C13-link", rss("<item><title>One</title><link>http://[::1</link></item>"), 1),
        ("C6-700-items", rss(*(entry(f"Story number {n}", link=f"https://x.example/{n}") for n in range(700))), 500),
        ("C16-rss-0.90", (b"<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#' xmlns='http://my.netscape.com/rdf/"
         b"simple/0.9/'><channel><title>T</title></channel><item><title>One of them</title></item></rdf:RDF>"), 1),
        ("C16-rss-0.91", b"<rss version='0.91'><channel><title>T</title><item><title>One</title></item></channel></rss>", 1),
        ("C16-rss-1.0", (FEEDS / "rdf.xml").read_bytes(), 2),
        ("C16-atom-0.3", (b"<feed version='0.3' xmlns='http://purl.org/atom/ns#'><title>T</title><entry><title>One</title>"
         b"</entry></feed>"), 1),
        ("C16-atom-xhtml", (FEEDS / "atom.xml").read_bytes(), 2),
        ("C16-cdf", b"<channel><title>T</title><item href='https://x.example/1'><title>One of them</title></item></channel>", 1),
        ("C16-atom-link-only", rss("<item><title>One</title><atom:link href='https://x.example/1'/></item>",
                                   head="<x xmlns:atom='http://www.w3.org/2005/Atom'/>"), 1),
        ("C17-no-guid", rss(entry("One of them", link=None), entry("Two of them", link=None)), 2),
        ("C17-empty-guid", rss(*(entry(f"Number {n} of them", link=None).replace("</item>", "<guid isPermaLink='false'></guid></item>")
                                 for n in range(3))), 3),
        ("C17-same-guid", rss(*(entry(f"Number {n} of them", guid="same") for n in range(3))), 3),
        ("C17-guid-of-100-kB", rss(entry(guid=f"<![CDATA[{'x' * 100_000}]]>"), entry("Other", guid="../../etc/passwd")), 2),
        ("C17-odd-guids", rss(*(entry(f"Story {guid}", guid=guid) for guid in ("con.png", "a/b\\c", "🐝", "%2e%2e%2f", "'; --"))), 5),
        ("C18-nothing", rss(entry(title=None), entry(""), entry(" "), entry("\n\t"), entry("<b></b>"), entry("&lt;p&gt;")), 0),
        ("C18-one-character", rss(entry("x")), 1),
        ("C23-inline-picture", rss(entry(description=f"&lt;img src='data:image/png;base64,{'QUJD' * 170_000}'&gt; Bees")), 1),
        ("C23-enclosures", rss(entry().replace("</item>", "<enclosure url='x' length='-1'/><enclosure length='abc'/><enclosure url="
                                               "'https://x.example/film.mp4' length='2147483648' type='video/mp4'/></item>")), 1),
        ("C14-1.0", b'{"version": "https://jsonfeed.org/version/1", "items": [{"id": "1", "title": "One of them"}]}', 1),
        ("C14-1.1", json_feed({"id": "1", "url": "https://x.example/1", "title": "One", "authors": [{"name": "N"}]}), 1),
        ("C15-odd-items", json_feed(None, 7, [], "x", {"title": ["x"]}, {"title": "A real one"}), 1),
        ("C15-items-null", b'{"version": "https://jsonfeed.org/version/1", "items": null}', 0),
        ("C15-bom", b"\xef\xbb\xbf" + json_feed({"title": "A real one"}), 1),
        ("C15-utf-16", json_feed({"title": "A real one"}).decode().encode("utf-16"), 1),
        ("C15-raw-newline", json_feed({"title": "A real one"}).replace(b"real one", b"real\none"), 1),
        ("C15-700-items", json_feed(*({"id": n, "title": f"Story number {n}"} for n in range(700))), 500),
        *((f"C15-{name}", b'{"version": "https://jsonfeed.org/version/1", "items": [{"title": "A real headline", %s}]}' % member, 1)
          for name, member in {
              "id-null": b'"id": null', "id-true": b'"id": true', "id-huge": b'"id": 1e999', "id-nan": b'"id": NaN',
              "id-object": b'"id": {}', "id-twice": b'"id": 1, "id": 2', "url-number": b'"url": 5',
              "date-list": b'"date_published": []', "surrogate": b'"summary": "\\ud800 again"', "nul": b'"language": "\\u0000"',
          }.items()),
    ),
)  # fmt: skip
def test_good_items_survive_bad_surroundings(parser, body, count):
    """What can be used of a broken document is used."""
    assert len(outcome(parser, body)) == count


@pytest.mark.parametrize(
    ("body", "reason"),
    cases(
        ("C1-nothing", b"", "empty"),
        ("C1-blank", b" \n\t ", "empty"),
        ("C1-bom", b"\xef\xbb\xbf", "empty"),
        ("C2-html", b"<!DOCTYPE html><html><body><p>Hello", "an HTML page"),
        ("C2-json", b'{"error": "no"}', "JSON of another kind"),
        ("C2-pdf", b"%PDF-1.7 ...", "a PDF"),
        ("C2-png", PNG, "a picture"),
        ("C2-random", random.Random(2).randbytes(2_000_000), "no RSS"),
        ("C2-opml", b"<opml version='2.0'><body></body></opml>", "no RSS"),
        ("C5-attributes", rss(f"<item {' '.join(f'a{n}=' for n in range(200_000))}><title>x</title></item>"), "attributes"),
        ("C6-6-MB", rss(entry()) + b" " * 6_000_000, "5 MB"),
        ("C6-paragraphs", rss(entry(description="<p>" * 600_000)), "too much markup"),
        ("C6-less-than", rss(entry("<" * 1_000_000)), "too much markup"),
        ("C6-ampersands", rss(entry("&" * 1_000_000)), "too much markup"),
        ("C15-deep", b"[" * 100_000, "JSON"),
        ("C15-deep-object", b'{"items": ' + b'{"a":' * 100_000, "JSON"),
        ("C15-list", b"[1, 2]", "JSON"),
        ("C15-cut", b'{"title": "x", "items": [', "broken JSON"),
        ("C15-long", b'{"items": ["' + b"x" * 6_000_000 + b'"]}', "5 MB"),
        ("C24-gzip-cut", gzip.compress(rss(entry()))[:-20], "gzip"),
        ("C24-gzip-bomb", gzip.compress(b"<rss>" + bytes(30_000_000)), "5 MB"),
    ),
)  # fmt: skip
def test_what_is_no_feed_is_told_apart(parser, body, reason):
    """Something else than a feed, and what only keeps a parser busy, gives at once a short reason that names it."""
    began = time.monotonic()
    assert reason in outcome(parser, body)
    assert time.monotonic() - began < 8


@pytest.mark.parametrize(
    "body",
    cases(
        ("C7-surrogate", NOT_WELL_FORMED % b"&#xD800;"),
        ("C7-beyond", NOT_WELL_FORMED % b"&#x110000;"),
        ("C7-huge", NOT_WELL_FORMED % b"&#99999999999;"),
        ("C8-backslash", b'<!DOCTYPE rss [<!ENTITY a "C:\\data">]>' + NOT_WELL_FORMED % b"&a;"),
        ("C9-punycode", XML.format("punycode").encode() + rss(entry())),
        ("C9-undefined", XML.format("undefined").encode() + rss(entry())),
        ("C10-utf-7", XML.format("utf-7").encode() + rss(entry("+ADw-script+AD4-alert(1)"))),
        ("C11-nonsense", XML.format("x-nonsense").encode() + rss(entry())),
        ("C11-wrong-bom", b"\xff\xfe" + rss(entry())),
        ("C11-invalid-utf-8", rss(entry("caf\xe9 \xff")).decode().encode("latin-1")),
        ("C13-media", rss(entry(), head="<media:content width='abc'/><georss:point>x y</georss:point>")),
        ("C13-chapter", rss(entry(enclosure="x"), head="<psc:chapters><psc:chapter/></psc:chapters><cc:license/>")),
        ("C13-base", b"<rss xml:base='http://['><channel><item><title>a</title></item></channel></rss>"),
        ("C6-nested", rss(entry(), many("<a>", 30_000))),
        ("C6-nested-items", rss(many("<item>", 30_000))),
        ("C6-50000-items", rss(many(entry("Small"), 50_000))),
        ("C6-categories", rss(entry().replace("</item>", many("<category>x</category>", 20_000)))),
        ("C3-quadratic", b"<!DOCTYPE rss [<!ENTITY a '" + b"x" * 50_000 + b"'>]>" + rss(entry("&a;" * 50_000))),
    ),
)  # fmt: skip
def test_what_makes_feedparser_raise_or_wait_is_caught(parser, body):
    """Whatever feedparser raises becomes a reason, or there are stories all the same; neither takes long."""
    result = str(outcome(parser, body))
    assert "longer than" not in result
    assert "crashed" not in result


@pytest.mark.parametrize(
    ("body", "content_type", "title"),
    cases(
        ("C11-utf-16-no-bom", (XML.format("utf-16") + rss(entry("Bees & öre")).decode()).encode("utf-16-le"), "", "Bees & öre"),
        ("C11-utf-16", (FEEDS / "utf16.xml").read_bytes(), "", "قطارات الليل تعود إلى جبال الألب"),
        ("C11-utf-32", rss(entry("Bees ökar")).decode().encode("utf-32"), "", "Bees ökar"),
        ("C11-shift-jis", rss(entry("夜行列車")).decode().encode("shift_jis"), "text/xml; charset=shift_jis", "夜行列車"),
        ("C11-koi8", (XML.format("koi8-r") + rss(entry("Ночной поезд")).decode()).encode("koi8-r"), "", "Ночной поезд"),
        ("C11-gbk", (XML.format("gb2312") + rss(entry("夜间列车")).decode()).encode("gbk"), "", "夜间列车"),
        ("C11-cp1252", (FEEDS / "cp1252.xml").read_bytes(), "", "El “café” más pequeño de España cuesta 1 €"),
        ("C11-smart-quotes", (XML.format("iso-8859-1") + "<rss><channel><item><title>").encode() + b"\x93Yes\x94 he said"
         + b"</title></item></channel></rss>", "", "“Yes” he said"),
        ("C11-bom-against-header", b"\xef\xbb\xbf" + rss(entry("Bees ökar")), "text/xml; charset=iso-8859-1", "Bees ökar"),
        ("C11-nul", rss(entry("One&#0; two")), "", "One two"),
        ("C11-nul-byte", rss(entry("One\0 two")), "", "One two"),
        ("C14-text-plain", json_feed({"title": "Bees"}), "text/plain", "Bees"),
        ("C14-html", json_feed({"title": "Bees"}), "text/html; charset=utf-8", "Bees"),
        ("C18-5-MB", rss(entry("x" * 4_900_000)), "", "x" * 299 + "…"),
        ("C18-300-words", rss(entry("word " * 300)), "", "word " * 59 + "word…"),
        ("C18-lines", rss(entry("One\r\n\t  two")), "", "One two"),
        ("C24-gzip", gzip.compress(rss(entry("Bees"))), "application/gzip", "Bees"),
    ),
)  # fmt: skip
def test_the_text_its_author_wrote_is_read(parser, body, content_type, title):
    """Any encoding, declared or not, gives the author's text, in one line of some length."""
    assert titles(outcome(parser, body, content_type))[:1] == [title]


def laughs():
    entities = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
    return f'<!DOCTYPE rss [<!ENTITY a0 "ha">{entities}]>'.encode() + rss(entry("Laugh &a9;"), entry("Second"))


@pytest.mark.parametrize("body", cases(("C3-billion-laughs", laughs())))
def test_entities_do_not_multiply(parser, body):
    """A billion laughs cost little and are not shown."""
    began = time.monotonic()
    assert "haha" not in str(outcome(parser, body))
    assert time.monotonic() - began < 8


@pytest.mark.parametrize("kind", ["general", "parameter", "dtd"], ids="C4-{}".format)
def test_a_document_opens_nothing(parser, tmp_path, kind):
    """External entities and document types read no file and ask no server."""
    secret = tmp_path / "secret.txt"
    secret.write_text("the secret")
    fifo = tmp_path / "fifo"  # a reader of it would hang until the limit
    os.mkfifo(fifo)
    head = {
        "general": f'<!DOCTYPE rss [<!ENTITY x SYSTEM "{secret.as_uri()}"><!ENTITY y SYSTEM "{fifo.as_uri()}">]>',
        "parameter": f'<!DOCTYPE rss [<!ENTITY % x SYSTEM "{fifo.as_uri()}"> %x;]>',
        "dtd": f'<!DOCTYPE rss SYSTEM "{fifo.as_uri()}">',
    }[kind]
    began = time.monotonic()
    assert "the secret" not in str(outcome(parser, head.encode() + rss(entry("News &x; &y;"))))
    assert time.monotonic() - began < 5


def namespaces():
    """20,000 names of namespaces, each within the one before: feedparser's time grows with the square of them."""
    return rss("".join(f"<a{n}:b xmlns:a{n}='u{n}'>" for n in range(20_000)))


@pytest.mark.parametrize(
    ("limits", "body", "reason"),
    cases(
        ("C5-hangs", {"seconds": 0.5}, namespaces(), "longer than 0.5 s"),
        ("C6-swells", {"memory_bytes": 50_000_000}, rss(entry(), many("<x>", 60_000)), "memory"),
    ),
)
def test_what_costs_too_much_is_ended_and_the_next_is_read(limits, body, reason):
    """A document that hangs or swells is ended at the limit, and a fresh worker reads the next one."""
    parser = Parser(**limits)
    try:
        began = time.monotonic()
        assert reason in outcome(parser, body).replace("crashed", "memory")
        assert time.monotonic() - began < 8
        assert titles(outcome(parser, rss(entry()))) == ["A lighthouse keeper reads to seals"]
    finally:
        parser.close()


@pytest.mark.parametrize(
    ("date", "when"),
    cases(
        *((f"C19-{name}", date, NOON) for name, date in {
            "31-feb": "31 Feb 2026", "24-hours": "Sat, 21 Nov 2026 24:00:00 GMT", "slashes": "01/02/2024", "missing": "",
            "french-month": "dim., 22 novembre 2026", "unix": "1704103200", "chinese": "2024年1月1日", "year-1": "0001-01-01",
            "year-1-east": "Mon, 01 Jan 0001 00:00:00 +1400", "2124": "2124-01-01", "99999": "99999", "1970":
            "Thu, 01 Jan 1970 00:00:00 GMT", "1704": "1704-01-01T00:00:00Z", "in-two-hours": "Sun, 22 Nov 2026 14:00:00 GMT",
            "superscript": "²²", "huge": "Sun, 22 Nov 99999999999999999 10:00:00 GMT", "in-half-an-hour": "Sun, 22 Nov 2026 12:30:00 GMT",
        }.items()),
        *((f"C19-{zone}", f"Sun, 22 Nov 2026 10:00:00 {zone}", NOON - timedelta(hours=hours)) for zone, hours in {
            "GMT": 2, "CET": 3, "BST": 3, "IST": 7.5, "+0200": 4, "-0030": 1.5}.items()),
        ("C19-no-zone", "22 Nov 2026 10:00", NOON - timedelta(hours=2)),
        ("C19-old-but-true", "Tue, 04 Mar 2014 09:00:00 GMT", datetime(2014, 3, 4, 9, tzinfo=UTC)),
    ),
)  # fmt: skip
def test_dates_are_read_or_replaced(parser, date, when):
    """A date with its zone is read as meant; a missing, unreadable or absurd one is the moment it was first seen."""
    assert published(date, NOON) == when
    assert [story.published for story in outcome(parser, rss(entry(pubDate=date)))] == [when]


@pytest.mark.parametrize("count", [300], ids=["C20-archive"])
def test_an_archive_is_read_with_its_dates(parser, count):
    """A whole archive in one feed comes with the dates it has, so that what is old is not taken for news."""
    archive = [entry(f"Story {n}", link=f"https://x.example/{n}", pubDate=f"{(NOON - YEAR * n / 60):%a, %d %b %Y} 10:00 GMT")
               for n in range(count)]  # fmt: skip
    stories = outcome(parser, rss(*archive))
    assert len(stories) == count
    assert min(story.published for story in stories) < NOON - 4 * YEAR


@pytest.mark.parametrize(
    "again",
    cases(
        ("C21-new-dates", {"pubDate": "Sun, 22 Nov 2026 11:00:00 GMT"}), ("C17-changed-title", {"title": "Corrected"})
    ),
)
def test_a_republished_item_keeps_its_id(parser, again):
    """An item with the guid it had before is the story it was, whatever else changed."""
    first, second = (outcome(parser, rss(entry(**{"guid": "urn:1", **more}))) for more in ({}, again))
    assert first[0].id == second[0].id


@pytest.mark.parametrize(
    "link",
    cases(
        ("C22-javascript", "javascript:alert(1)"), ("C22-data", "data:text/html,x"), ("C22-10-kB", "https://x.example/" + "a" * 10_000),
        ("C22-control", "http://x.example/\x1b"), ("C22-empty", ""), ("C22-bracket", "http://[::1"),
        ("C22-mail", "mailto:a@b.example"), ("C22-port", "http://x.example:99999/"), ("C22-file", "file:///etc/passwd"),
    ),
)  # fmt: skip
def test_odd_links_are_left_out(link):
    """Only an absolute web address of some length ever becomes a link."""
    assert items.absolute(link, URL) == ""


@pytest.mark.parametrize(
    ("link", "address"),
    cases(
        ("C22-no-scheme", "//cdn.example/a", "https://cdn.example/a"),
        ("C22-relative", "../a?b=c", "https://www.dailyexample.example/a?b=c"),
    ),
)
def test_relative_links_are_resolved(link, address):
    """A relative link is resolved against the feed's address."""
    assert items.absolute(link, URL) == address


@pytest.mark.parametrize("count", [2000], ids=["C24-suite-and-mutants"])
def test_thousands_of_documents_do_no_harm(count):
    """feedparser's suite and 2,000 damaged documents, by two workers: stories or a reason, no hang, in a minute of work."""
    own = [path.read_bytes() for path in sorted(FEEDS.iterdir()) if path != SUITE]
    whole = [*newspapers().values(), *own, *list(suite().values())[::40]]
    documents = [*suite().values(), *mutants(whole, count, seed=20261122)]
    parser = Parser(workers=2)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    try:
        with ThreadPoolExecutor(parser.workers) as pool:
            outcomes = list(pool.map(lambda body: outcome(parser, body), documents))
    finally:
        parser.close()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime - before.ru_utime < 60  # seconds of a processor, however busy the machine is with other work
    reasons = Counter(result for result in outcomes if isinstance(result, str))
    assert not [reason for reason in reasons if "longer" in reason or "crashed" in reason or "memory" in reason]
    assert all("feed" in reason or "gzip" in reason for reason in reasons)
    assert sum(reasons.values()) < len(documents) / 5


@pytest.mark.parametrize("name", newspapers(), ids="C24-{}".format)
def test_whole_documents_yield_all_their_stories(parser, name):
    """A newspaper's feed gives each of its items as a story, in its language."""
    stories = outcome(parser, newspapers()[name])
    assert len(stories) == max(newspapers()[name].count(end) for end in (b"</item>", b"</entry>"))
    assert {story.language for story in stories} == {name.rpartition("-")[2]}
