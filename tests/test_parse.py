"""Feed documents of every kind become stories, in a process that can do no harm."""

import gzip
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from service.sources.documents import items
from service.sources.documents.items import Origin, fetched, published
from service.sources.documents.names import publication
from service.sources.parse import Parser

from .command import objects, told
from .documents import FEEDS, URL, entry, json_feed, rss
from .values import NOON


@pytest.fixture(scope="module")
def parser():
    """One parser, its worker and its usual limits, for the whole module."""
    parser = Parser()
    yield parser
    parser.close()


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
    """A JSON Feed gives stories, whatever content type it came with."""
    result = parser.parse((FEEDS / "feed.json").read_bytes(), "https://quotidien.example/f", "text/plain", now=NOON)
    assert titles(result) == ["Une nouvelle grenouille découverte", "Le train de nuit revient", "Une note sans titre."]
    assert result.stories[0].summary == "Elle chante la nuit."
    assert result.stories[1].link == "https://ailleurs.example/train"
    assert result.stories[1].published == NOON
    assert {story.language for story in result.stories} == {"fr-FR"}
    assert result.dropped == 3


def test_a_json_feed_is_read_as_its_standard_says(parser):
    """JSON Feed 1.1: text before markup, the page before what it links to, an item's own language before the feed's."""
    body = json_feed(
        {"id": "1", "title": "Bees sing", "content_text": "All day.", "content_html": "<p>No</p>", "language": "en"},
        {"id": 2.5, "title": "Des abeilles", "summary": "Court", "content_text": "Long", "url": "/deux", "external_url": "http://x.example"},
        {"id": "3", "title": "Les trains", "external_url": "https://x.example/3", "date_modified": "2026-11-20T10:00:00-05:00",
         "attachments": [{"url": "https://x.example/3.mp3"}], "authors": [{"name": "N"}], "_own": {"title": "no"}},
        language="fr", next_url="https://x.example/?page=2", expired=False, hubs=[],
    )  # fmt: skip
    one, two, three = parser.parse(body, "https://x.example/feed.json", now=NOON).stories
    assert (one.summary, one.language) == ("All day.", "en")
    assert (two.summary, two.language, two.link) == ("Court", "fr", "https://x.example/deux")
    assert (three.link, three.published) == ("https://x.example/3", datetime(2026, 11, 20, 15, tzinfo=UTC))


@pytest.mark.parametrize(
    "body",
    [
        rss(entry(None, description="&lt;p&gt;@ada The night trains are back!!! They run at dusk.&lt;/p&gt;&lt;p&gt;#trains&lt;/p&gt;")),
        rss(entry("", description="<![CDATA[<p>The night trains are back!</p><p>https://x.example/</p>]]>")),
        (b"<feed xmlns='http://www.w3.org/2005/Atom'><entry><title/><content type='html'>The night trains are back! #trains"
        b"</content></entry></feed>"),
        json_feed({"id": "1", "content_html": "<p>The night trains are back!<br>They run at dusk.</p>"}),
        json_feed({"id": "1", "content_text": "The night trains are back! They run at dusk."}),
    ],
    ids=["mastodon", "rss", "atom", "json-html", "json-text"],
)  # fmt: skip
def test_what_has_no_title_is_called_by_its_first_sentence(parser, body):
    """A note without a title, as microblogs have them, becomes a story named by its first sentence."""
    assert titles(parser.parse(body, URL, now=NOON)) == ["The night trains are back!"]


def test_the_command_reads_many_files_in_their_order(tmp_path):
    """`parse` tells each file in turn, whatever it is, and reads no further than a feed may be long."""
    files = []
    for n in range(40):
        files.append(tmp_path / f"{n} ö.xml")
        files[-1].write_bytes(rss(entry(f"Story number {n}"), "<i>x</i>" * (4000 if n % 7 == 0 else 0)))
    (tmp_path / "zipped.gz").write_bytes(gzip.compress(rss(entry("Story zipped"))))
    (tmp_path / "long.xml").write_bytes(rss(entry()) + b" " * 5_000_000)
    files += [tmp_path / "zipped.gz", tmp_path / "long.xml", tmp_path, tmp_path / "nowhere", Path("/dev/zero")]
    code, out, _ = told("parse", "--json", *files, "--data", tmp_path / "data")
    results = objects(out)
    assert code == 1
    assert [result["file"] for result in results] == list(map(str, files))
    read = [story["title"] for result in results for story in result["stories"]]
    assert read == [f"Story number {n}" for n in range(40)] + ["Story zipped"]
    errors = [result["error"] for result in results[-4:]]
    assert ["over 5 MB" in errors[0], errors[1], "cannot be read" in errors[2], "over 5 MB" in errors[3]] == [
        True, "cannot be read: Is a directory", True, True,
    ]  # fmt: skip


def test_the_worker_can_reach_nothing(tmp_path):
    """The walls around the worker: no socket, no other program."""
    code = """
import socket, subprocess, urllib.request
from service.walls import wall_in
wall_in(300_000_000)
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
        worker = parser._walled._idle.queue[-1]._process.pid
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
            parser._walled._idle.queue[-1]._process.kill() if end == "kill" else parser.close()
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


NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("date", "when"),
    [
        ("Sun, 22 Nov 2026 05:00:00 EST", NOW - timedelta(hours=2)),
        ("22 Nov 2026 10:00 +0100", NOW - timedelta(hours=3)),
        ("2026-11-22T10:00:00Z", NOW - timedelta(hours=2)),
        ("2026-11-22T10:00:00.123456789+02:00", NOW - timedelta(hours=4) + timedelta(microseconds=123456)),
        ("2026-11-20", datetime(2026, 11, 20, tzinfo=UTC)),
        ("Tue, 04 Mar 2025 09:00:00 +0000", datetime(2025, 3, 4, 9, tzinfo=UTC)),
        ("Tue, 04 Mar 2025 09:00:00 -0030", datetime(2025, 3, 4, 9, 30, tzinfo=UTC)),
        ("2025-03-04T00:00:00+00:00", datetime(2025, 3, 4, tzinfo=UTC)),
    ],
)
def test_dates_are_read_as_meant(date, when):
    """A date is read with its zone, in the spelling of mail and of ISO 8601."""
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
    """A story keeps its id from visit to visit; one guid on all items tells none apart."""
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
