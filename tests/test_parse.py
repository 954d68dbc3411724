"""Feed documents of every kind become stories; anything else becomes a reason."""

import json
import os
import random
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from service.errors import SourceError
from service.sources.documents import items, jsonfeed
from service.sources.documents.items import Origin, fetched, published
from service.sources.documents.names import publication
from service.sources.parse import Parser

from .values import NOON

FEEDS = Path(__file__).parent / "feeds"
URL = "https://www.dailyexample.example/rss.xml"


@pytest.fixture(scope="module")
def parser():
    """One parser, its worker and its usual limits, for the whole module."""
    parser = Parser()
    yield parser
    parser.close()


def rss(*entries, head=""):
    title = "<title>The Daily Example</title><link>https://www.dailyexample.example/</link>"
    return f"<rss version='2.0'><channel>{title}{head}{''.join(entries)}</channel></rss>".encode()


def entry(title="A lighthouse keeper reads to seals", **other):
    parts = {"title": title, "link": "https://www.dailyexample.example/seals", **other}
    return "<item>" + "".join(f"<{k}>{v}</{k}>" for k, v in parts.items() if v is not None) + "</item>"


def assert_harmless(parser, body):
    """A document gives stories that can be shown, or a reason; it does not hang the parser or break it."""
    reason, stories = "", ()
    try:
        stories = parser.parse(body, URL, now=NOON).stories
    except SourceError as error:
        reason = str(error)
    assert "longer" not in reason
    assert "crashed" not in reason
    assert reason == "" or "feed" in reason
    for story in stories:
        assert story.title.isprintable()
        assert story.link == "" or story.link.startswith(("http://", "https://"))


def titles(result):
    return [story.title for story in result.stories]


def test_rss_becomes_stories(parser):
    """An RSS 2.0 document gives clean stories in its order, with sources, dates, links and a wish for patience."""
    result = parser.parse((FEEDS / "rss2.xml").read_bytes(), URL, "text/xml", now=NOON)
    trains, choir, museum = result.stories
    assert result.title == trains.source == "The Daily Example"
    assert result.check_after == 45 * 60
    assert result.dropped == 1
    assert trains.title == "Night trains return to the Alps"
    assert trains.summary == "Sleeper cars & couchettes are back after forty years."
    assert trains.published == datetime(2026, 11, 21, 8, 30, tzinfo=UTC)
    assert choir.title == "Lighthouse keepers’ choir sings at dawn"
    assert choir.link == "https://www.dailyexample.example/choir?from=rss"
    assert museum.title == "AT&T museum lends out its telephones"
    assert museum.link == ""
    assert museum.published == NOON
    assert all(len(story.id) == 64 and story.language == "en-GB" and story.feed == URL for story in result.stories)


def test_atom_becomes_stories(parser):
    """An Atom document gives stories: HTML and XHTML titles, xml:lang, updated where published is missing."""
    bees, trains = parser.parse((FEEDS / "atom.xml").read_bytes(), "https://beispielbote.example/", now=NOON).stories
    assert bees.title == "Bienen lernen <tanzen> in der Stadt"
    assert bees.source == "Der Beispielbote"
    assert trains.title == "Nachtzüge kehren zurück"
    assert trains.published == datetime(2026, 11, 20, 8, tzinfo=UTC)
    assert {bees.language, trains.language} == {"de"}


def test_rdf_becomes_stories(parser):
    """An RSS 1.0 document gives stories, their language found by its script, and its update period."""
    result = parser.parse((FEEDS / "rdf.xml").read_bytes(), "https://kawaraban.example/rdf", now=NOON)
    assert [story.language for story in result.stories] == ["ja", "ja"]
    assert result.title == "瓦版ニュース"
    assert result.check_after == 1800
    assert result.stories[0].published == datetime(2026, 11, 21, 9, tzinfo=UTC)


def test_json_feed_becomes_stories(parser):
    """C14: a JSON Feed gives stories, whatever content type it came with."""
    result = parser.parse((FEEDS / "feed.json").read_bytes(), "https://quotidien.example/f", "text/plain", now=NOON)
    assert titles(result) == ["Une nouvelle grenouille découverte", "Le train de nuit revient"]
    assert result.stories[0].summary == "Elle chante la nuit."
    assert result.stories[1].link == "https://ailleurs.example/train"
    assert result.stories[1].published == NOON
    assert {story.language for story in result.stories} == {"fr-FR"}
    assert result.dropped == 4


@pytest.mark.parametrize(
    ("name", "first", "language"),
    [
        ("cp1252.xml", "El “café” más pequeño de España cuesta 1 €", "es"),
        ("utf16.xml", "قطارات الليل تعود إلى جبال الألب", "ar"),
    ],
)
def test_other_encodings_are_read(parser, name, first, language):
    """C11: Windows-1252 and UTF-16 documents give the text their authors wrote."""
    story = parser.parse((FEEDS / name).read_bytes(), URL, now=NOON).stories[0]
    assert (story.title, story.language) == (first, language)


@pytest.mark.parametrize(
    ("body", "count"),
    [
        pytest.param(b"<rss/>", 0, id="C1-rss"),
        pytest.param(rss(), 0, id="C1-channel"),
        pytest.param(rss(entry())[:-6], 1, id="C12-unended"),
        pytest.param(b"noise " + rss(entry()), 1, id="C12-text-before"),
        pytest.param(rss(entry()) + rss(entry("Second")), 2, id="C12-two-roots"),
        pytest.param(rss(entry("Fish & chips & peas")), 1, id="C12-ampersand"),
        pytest.param(rss("<x:y>1</x:y>", entry()), 1, id="C12-undeclared"),
        pytest.param(b"<?xml?xml version='1.0' ??>" + rss(entry()), 1, id="C12-declaration"),
        pytest.param(
            b"<rss x:version=2.0><x:channel><x:title>T</x:title><x:item><x:title>One</x:title></x:item></x:channel></rss>",
            1,
            id="C12-prefix-everywhere",
        ),
        pytest.param(
            b"<feed version='0.3' xmlns='http://purl.org/atom/ns#'><title>T</title><entry><title>One</title></entry></feed>",
            1,
            id="C16-atom03",
        ),
        pytest.param(rss(entry(title="One\x00two").replace("\x00", "&#0;")), 1, id="C11-nul"),
        pytest.param(rss(entry(guid=f"<![CDATA[{'x' * 100_000}]]>"), entry("Other", guid="../../etc/passwd")), 2, id="C17"),
        pytest.param(rss(entry("Dawn &#xD83D;&#xDE00;"), "<link>", entry("&#99999999999;Dusk", guid="2")), 2, id="C7-mended"),
        pytest.param(rss(entry(title=None), entry(" "), entry("null"), entry("Untitled"), entry("…"), entry("<b></b>")), 0, id="C18-D14"),
        pytest.param(rss(entry("The Daily Example"), entry("[object Object]"), entry("Real news")), 1, id="D14"),
        pytest.param(rss("<item><title>One</title><link>http://[::1</link></item>"), 1, id="C13-link"),
        pytest.param(rss(*(entry(f"Story number {n}", link=f"https://x.example/{n}") for n in range(700))), 500, id="C6-items"),
    ],
)  # fmt: skip
def test_good_items_survive_bad_surroundings(parser, body, count):
    """What can be used of a broken document is used."""
    assert len(parser.parse(body, URL, now=NOON).stories) == count


PNG = b"\x89PNG\r\n\x1a\n" + bytes(500)
NOT_WELL_FORMED = b"<rss version='2.0'><channel><title>x</title><item><title>%s</title><link></item></channel></rss>"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        pytest.param(b"", "empty", id="C1-nothing"),
        pytest.param(b" \n\t ", "empty", id="C1-blank"),
        pytest.param(b"\xef\xbb\xbf", "empty", id="C1-bom"),
        pytest.param(b"<!DOCTYPE html><html><body><p>Hello", "an HTML page", id="C2-html"),
        pytest.param(b'{"error": "no"}', "JSON of another kind", id="C2-json"),
        pytest.param(b"%PDF-1.7 ...", "a PDF", id="C2-pdf"),
        pytest.param(PNG, "a picture", id="C2-png"),
        pytest.param(random.Random(2).randbytes(2_000_000), "no RSS", id="C2-random"),
        pytest.param(b"[" * 100_000, "JSON", id="C15-deep"),
        pytest.param(b'{"items": ' + b'{"a":' * 100_000, "JSON", id="C15-deep-object"),
        pytest.param(b"[1, 2]", "JSON", id="C15-list"),
        pytest.param(b'{"title": "x", "items": [', "broken JSON", id="C15-cut"),
        pytest.param(b"<opml version='2.0'><body></body></opml>", "no RSS", id="C2-opml"),
    ],
)  # fmt: skip
def test_what_is_no_feed_is_told_apart(parser, body, reason):
    """Something else than a feed gives a short reason that names what it is."""
    with pytest.raises(SourceError, match=reason):
        parser.parse(body, URL, now=NOON)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(NOT_WELL_FORMED % b"&#xD800;", id="C7-surrogate"),
        pytest.param(NOT_WELL_FORMED % b"&#x110000;", id="C7-beyond"),
        pytest.param(NOT_WELL_FORMED % b"&#99999999999;", id="C7-huge"),
        pytest.param(b'<!DOCTYPE rss [<!ENTITY a "C:\\data">]>' + NOT_WELL_FORMED % b"&a;", id="C8"),
        pytest.param(b'<?xml version="1.0" encoding="punycode"?>' + rss(entry()), id="C9-punycode"),
        pytest.param(b'<?xml version="1.0" encoding="undefined"?>' + rss(entry()), id="C9-undefined"),
        pytest.param(b'<?xml version="1.0" encoding="x-nonsense"?>' + rss(entry()), id="C11-nonsense"),
        pytest.param(rss(entry(), head="<media:content width='abc'/><georss:point>x y</georss:point>"), id="C13-media"),
        pytest.param(rss(entry(enclosure="x"), head="<psc:chapters><psc:chapter/></psc:chapters><cc:license/>"), id="C13-chapter"),
        pytest.param(b"<rss xml:base='http://['><channel><item><title>a</title></item></channel></rss>", id="C13-base"),
        pytest.param(b"\xff\xfe" + rss(entry()), id="C11-bom"),
        pytest.param(rss(entry("caf\xe9")).decode().encode("latin-1"), id="C11-latin"),
    ],
)  # fmt: skip
def test_what_makes_feedparser_raise_is_caught(parser, body):
    """C7 to C13: whatever feedparser raises becomes a SourceError, or stories all the same."""
    assert_harmless(parser, body)


def test_a_document_that_hangs_is_ended_and_the_next_is_read():
    """C5: a document on which feedparser's time grows with the square of its attributes is ended at the limit."""
    parser = Parser(seconds=0.5)
    attributes = " ".join(f"a{n}='1'" for n in range(30_000))
    try:
        began = time.monotonic()
        with pytest.raises(SourceError, match=r"longer than 0\.5 s"):
            parser.parse(rss(f"<item {attributes}><title>x</title></item>"), URL, now=NOON)
        assert time.monotonic() - began < 4
        assert titles(parser.parse(rss(entry()), URL, now=NOON)) == ["A lighthouse keeper reads to seals"]
    finally:
        parser.close()


def test_a_document_that_swells_is_stopped_and_the_next_is_read():
    """C6: a document that needs more memory than it may have gives a reason, and a fresh worker reads the next."""
    parser = Parser(memory_bytes=90_000_000)
    swelling = rss(entry(description="&lt;p&gt;" * 500_000))
    try:
        with pytest.raises(SourceError, match=r"memory|crashed"):
            parser.parse(swelling + b" " * 20_000_000, URL, now=NOON)
        assert len(parser.parse(rss(entry()), URL, now=NOON).stories) == 1
    finally:
        parser.close()


def laughs():
    entities = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
    return f'<!DOCTYPE rss [<!ENTITY a0 "ha">{entities}]>'.encode() + rss(entry("Laugh &a9;"), entry("Second"))


def test_entities_do_not_multiply(parser):
    """C3: a billion laughs cost little and are not shown."""
    began = time.monotonic()
    try:
        shown = " ".join(titles(parser.parse(laughs(), URL, now=NOON)))
    except SourceError:
        shown = ""
    assert "haha" not in shown
    assert time.monotonic() - began < 8


@pytest.mark.parametrize("kind", ["general", "parameter", "dtd"])
def test_a_document_opens_nothing(parser, tmp_path, kind):
    """C4: external entities and document types read no file and ask no server."""
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
    try:
        result = parser.parse(head.encode() + rss(entry("News &x; &y;")), URL, now=NOON)
    except SourceError:
        result = None
    assert "the secret" not in repr(result)
    assert time.monotonic() - began < 5


def test_the_worker_can_reach_nothing(tmp_path):
    """The walls around the worker: no socket, no other program."""
    code = """
import socket, subprocess, urllib.request
from service.sources.documents.worker import _wall_in
_wall_in(300_000_000)
for what in (lambda: socket.create_connection(("127.0.0.1", 9)), lambda: subprocess.run(["true"]),
             lambda: urllib.request.urlopen("file:///etc/hosts")):
    try:
        what()
    except PermissionError:
        print("refused")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["refused"] * 3


def test_the_service_never_loads_feedparser():
    """Importing the feed source loads neither feedparser nor the language model into the service."""
    code = "import sys, service.sources.feed; print(sorted({'feedparser', 'fasttext', 'sgmllib'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_secrets_stay_out_of_the_worker(monkeypatch):
    """The process that reads foreign documents has none of the service's environment."""
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    parser = Parser()
    try:
        parser.parse(rss(entry()), URL, now=NOON)
        worker = parser._idle.queue[-1]._process.pid
        if Path(f"/proc/{worker}/environ").exists():
            assert b"secret" not in Path(f"/proc/{worker}/environ").read_bytes()
    finally:
        parser.close()


def test_a_worker_that_dies_is_replaced():
    """A worker killed from outside, or by close(), is replaced at the next document."""
    parser = Parser()
    try:
        for end in ("kill", "close", "close"):
            assert len(parser.parse(rss(entry()), URL, now=NOON).stories) == 1
            parser._idle.queue[-1]._process.kill() if end == "kill" else parser.close()
        assert len(parser.parse(rss(entry()), URL, now=NOON).stories) == 1
    finally:
        parser.close()


def test_several_threads_share_one_parser(parser):
    """Threads get the stories of their own documents."""
    found = {}

    def read(number):
        found[number] = titles(parser.parse(rss(entry(f"Story number {number}")), URL, now=NOON))

    threads = [threading.Thread(target=read, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {n: [f"Story number {n}"] for n in range(8)}


def test_mutants_of_real_documents_do_no_harm(parser):
    """200 damaged documents: each gives stories or a SourceError, and leaves the parser working."""
    chance, documents = random.Random(20261122), sorted(FEEDS.iterdir())
    pieces = [
        b"<",
        b">",
        b"&",
        b"]]>",
        b"<![CDATA[",
        b"&#xD800;",
        b"\x00",
        b"\xff",
        b'"',
        b"<item>",
        b"</",
        b"xmlns:a=''",
    ]
    for _ in range(200):
        body = bytearray(chance.choice(documents).read_bytes())
        for _ in range(chance.randint(1, 12)):
            at, length = chance.randrange(len(body)), chance.randint(0, 30)
            body[at : at + length] = chance.choice([b"", chance.choice(pieces), chance.randbytes(4), body[:length]])
        assert_harmless(parser, bytes(body))
    assert len(parser.parse(rss(entry()), URL, now=NOON).stories) == 1


NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("date", "when"),
    [
        ("Sun, 22 Nov 2026 10:00:00 GMT", NOW - timedelta(hours=2)),
        ("Sun, 22 Nov 2026 10:00:00 CET", NOW - timedelta(hours=3)),
        ("Sun, 22 Nov 2026 10:00:00 BST", NOW - timedelta(hours=3)),
        ("Sun, 22 Nov 2026 10:00:00 IST", NOW - timedelta(hours=7.5)),
        ("Sun, 22 Nov 2026 05:00:00 EST", NOW - timedelta(hours=2)),
        ("22 Nov 2026 10:00 +0100", NOW - timedelta(hours=3)),
        ("2026-11-22T10:00:00Z", NOW - timedelta(hours=2)),
        ("2026-11-22T10:00:00.123456789+02:00", NOW - timedelta(hours=4) + timedelta(microseconds=123456)),
        ("2026-11-20", datetime(2026, 11, 20, tzinfo=UTC)),
        ("Sun, 22 Nov 2026 12:30:00 GMT", NOW),
        ("Tue, 04 Mar 2014 09:00:00 GMT", datetime(2014, 3, 4, 9, tzinfo=UTC)),
        ("Tue, 04 Mar 2025 09:00:00 +0000", datetime(2025, 3, 4, 9, tzinfo=UTC)),
        ("Tue, 04 Mar 2025 09:00:00 -0030", datetime(2025, 3, 4, 9, 30, tzinfo=UTC)),
        ("2025-03-04T00:00:00+00:00", datetime(2025, 3, 4, tzinfo=UTC)),
        *((odd, NOW) for odd in (
            "", "31 Feb 2026", "Sun, 22 Nov 2026 24:00:00 GMT", "01/02/2024", "dim., 22 novembre 2026", "1704103200",
            "2024年1月1日", "0001-01-01", "Mon, 01 Jan 0001 00:00:00 +1400", "2124-01-01", "99999", "Thu, 01 Jan 1970 00:00:00 GMT",
            "Sun, 22 Nov 2026 14:00:00 GMT", "²²", "Sun, 22 Nov 99999999999999999 10:00:00 GMT",
        )),
    ],
)  # fmt: skip
def test_dates_are_read_or_replaced(date, when):
    """C19: a date with its zone is read as meant; a missing, unreadable or absurd one is the moment it was first seen."""
    assert published(date, NOW) == when


@pytest.mark.parametrize(
    ("title", "url", "name"),
    [
        ("BBC News - World", "https://feeds.bbci.co.uk/news/world/rss.xml", "BBC News"),
        ("World news | The Guardian", "https://www.theguardian.com/world/rss", "The Guardian"),
        ("ABC News: International", "https://abcnews.go.com/rss", "ABC News"),
        ("NYT > World News", "https://rss.nytimes.com/x.xml", "NYT"),
        (
            "Le Monde.fr - Actualités et Infos en France et dans le monde",
            "https://www.lemonde.fr/rss/une.xml",
            "Le Monde.fr",
        ),
        (
            "Al Jazeera – Breaking News, World News and Video from Al Jazeera",
            "https://www.aljazeera.com/xml/rss",
            "Al Jazeera",
        ),
        ("tagesschau.de - die erste Adresse für Nachrichten", "https://www.tagesschau.de/xml/rss2", "tagesschau.de"),
        ("killjoy. with will butler", "https://killjoy.bearblog.dev/feed", "killjoy. with will butler"),
        ("Not Even Wrong", "https://www.math.columbia.example/rss", "Not Even Wrong"),
        ("", "https://www.news.example/rss", "news.example"),
        ("<b>Tiny</b> &amp; Co RSS Feed", "https://tiny.example/", "Tiny & Co"),
        ("x" * 200, "https://tiny.example/", "x" * 39 + "…"),
    ],
)
def test_a_publication_has_a_short_name(title, url, name):
    """A feed's title without its section is what people call the publication."""
    assert publication(title, url) == name


def test_an_id_stays_and_is_safe():
    """C17: a story keeps its id from visit to visit; one guid on all items tells none apart."""
    one = items.Document(
        items=(items.Item(guid="con.png", title="One thing"), items.Item(guid="b", title="Two things"))
    )
    again = fetched(one, Origin(URL, NOW + timedelta(days=1))).stories
    assert [s.id for s in fetched(one, Origin(URL, NOW)).stories] == [s.id for s in again]
    assert fetched(one, Origin("https://other.example/", NOW)).stories[0].id != again[0].id
    same = items.Document(
        items=tuple(items.Item(guid="same", title=title) for title in ("One thing", "Two things", "One thing"))
    )
    assert len(fetched(same, Origin(URL, NOW)).stories) == 2
    assert fetched(same, Origin(URL, NOW)).dropped == 1
    home = items.Document(
        items=tuple(items.Item(link="https://x.example/", title=title) for title in ("One thing", "Two things"))
    )
    assert len(fetched(home, Origin(URL, NOW)).stories) == 2


@pytest.mark.parametrize(
    "link",
    ["javascript:alert(1)", "data:text/html,x", "https://x.example/" + "a" * 10_000, "http://x.example/\x1b", "", "http://[::1",
     "mailto:a@b.example", "http://x.example:99999/"],
)  # fmt: skip
def test_odd_links_are_left_out(link):
    """C22: only an absolute web address ever becomes a link."""
    assert items.absolute(link, URL) == ""


def test_relative_links_are_resolved():
    """C22: a relative link is resolved against the feed's address."""
    assert items.absolute("//cdn.example/a", URL) == "https://cdn.example/a"
    assert items.absolute("../a?b=c", URL) == "https://www.dailyexample.example/a?b=c"


@pytest.mark.parametrize(
    "member",
    ['"id": null', '"id": true', '"id": 1e999', '"id": NaN', '"id": {}', '"id": 1, "id": 2', '"url": 5', '"date_published": []',
     '"title": "\\ud800 again"', '"language": "\\u0000"'],
)  # fmt: skip
def test_json_of_odd_kinds_is_read(member):
    """C15: a JSON Feed with members of the wrong kind still gives its stories."""
    body = f'{{"version": "https://jsonfeed.org/version/1", "items": [{{"title": "A real headline", {member}}}]}}'
    result = fetched(jsonfeed.read(body.encode()), Origin(URL, NOW))
    assert len(result.stories) == 1
    json.dumps([story.title for story in result.stories]).encode("ascii")
