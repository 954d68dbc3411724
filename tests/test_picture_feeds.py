"""Picture feeds: valid by their specifications, read back by readers, true about every file they name."""

import io
import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from html.parser import HTMLParser
from itertools import pairwise
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

import feedparser
import httpx
import pytest
from hypothesis import given, settings, strategies as st
from PIL import Image

from bench import loopback
from service.assembly import opened
from service.daily import Finished, best
from service.errors import SourceError
from service.settings import Settings
from service.sources.documents import jsonfeed, xmlfeed
from service.sources.parse import Parser
from service.web.entries import Collection, Enclosure, entry
from service.web.syndication import FORMATS, atom, json_feed, rss

from .values import NOON, plate, prompt, story, verdict
from .web_values import DisplayInfo, Wall, hung, serving

A, M, XML = "{http://www.w3.org/2005/Atom}", "{http://search.yahoo.com/mrss/}", "{http://www.w3.org/XML/1998/namespace}"
RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
HOSTILE = '<b>"]]>&amp; {home} {{7*7}}</b><script>alert(1)</script>'
EVERY = [f"/feeds/home{kind}.{form}" for kind in ("", "/daily") for form in FORMATS]
each_feed = pytest.mark.parametrize("path", EVERY)


@pytest.fixture
def wall():
    plates = [
        hung(1, story=story("Old news <of> yesterday", language="de-CH"), chosen_at=NOON - timedelta(hours=9)),
        hung(2, HOSTILE, prompt=prompt(alt=f"A bridge {HOSTILE}", alt_language="en-GB", why=HOSTILE)),
        replace(hung(3, "A grave story in words alone", picture=None), text_only=True),
        hung(
            4,
            story=story(
                "No address\x00\x0b\ufffe\U0001f600", link="javascript:alert(1)", language="und", source="Z & Z"
            ),
        ),
    ]
    return Wall(plates=plates)


@pytest.fixture
def site(wall):
    with serving(wall) as address, httpx.Client(base_url=address, timeout=20) as client:
        yield client


# -- the specifications' rules ------------------------------------------------------------------


def address(text):
    assert re.fullmatch(r"https?://[!-~]+", text), text
    return text


def unique(values):
    assert len(set(values)) == len(values), values


def check_atom(body):
    """RFC 4287: what must be there once, dates, ids, links; at most one alternate of a kind (§4.1.1, §4.1.2)."""
    root = ET.fromstring(body)
    assert root.tag == f"{A}feed"
    for node in (root, *root.iter(f"{A}entry")):
        for name in ("id", "title", "updated"):
            assert len(node.findall(f"{A}{name}")) == 1
        assert node.find(f"{A}id").text.startswith("tag:")
        assert all(RFC3339.fullmatch(d.text) for d in (*node.findall(f"{A}updated"), *node.findall(f"{A}published")))
        assert node.find(f"{A}updated").text.endswith("Z")
        links = node.findall(f"{A}link")
        assert [link.get("rel") for link in links].count("alternate") == 1
        for link in links:
            address(link.get("href"))
    assert root.find(f"{A}author/{A}name").text
    assert [link.get("rel") for link in root.findall(f"{A}link")].count("self") == 1
    for node in root.iter(f"{A}entry"):
        assert node.find(f"{A}content").get("type") == "html"
        assert len(node.findall(f"{A}summary")) == 1
        assert all(category.get("term") for category in node.findall(f"{A}category"))
    unique([node.find(f"{A}id").text for node in (root, *root.iter(f"{A}entry"))])
    return root


def check_rss(body):
    """RSS 2.0 and its Advisory Board's profile: required elements, one enclosure each, RFC 822 dates; Media RSS."""
    root = ET.fromstring(body)
    assert (root.tag, root.get("version")) == ("rss", "2.0")
    (channel,) = root
    for name in ("title", "link", "description"):
        assert len(channel.findall(name)) == 1
        assert channel.find(name).text
    address(channel.find("link").text)
    assert parsedate_to_datetime(channel.find("lastBuildDate").text).tzinfo
    own = channel.find(f"{A}link")
    assert (own.get("rel"), own.get("type")) == ("self", "application/rss+xml")
    for item in channel.findall("item"):
        assert item.find("title").text
        address(item.find("link").text)
        assert parsedate_to_datetime(item.find("pubDate").text).tzinfo
        assert item.find("guid").get("isPermaLink") == "false"
        (one,) = item.findall("enclosure")
        assert set(one.attrib) == {"url", "type", "length"}
        contents = item.findall(f"{M}group/{M}content")
        assert [c.get("isDefault") for c in contents].count("true") == 1
        assert contents[0].get("url") == one.get("url")
        assert all(c.get("medium") == "image" for c in contents)
    unique([guid.text for guid in channel.iter("guid")])
    return channel


def check_json(body):
    """JSON Feed 1.1: version, title, items with ids, dates in RFC 3339, attachments with address and type."""
    table = json.loads(body)
    assert table["version"] == "https://jsonfeed.org/version/1.1"
    assert table["title"]
    for key in ("home_page_url", "feed_url", "icon", "favicon"):
        address(table[key])
    for item in table["items"]:
        assert isinstance(item["id"], str)
        assert item["content_html"]
        address(item["url"])
        address(item["image"])
        assert all(RFC3339.fullmatch(item[key]) for key in ("date_published", "date_modified"))
        for attachment in item["attachments"]:
            assert set(attachment) <= {"url", "mime_type", "title", "size_in_bytes", "duration_in_seconds"}
            assert isinstance(attachment["size_in_bytes"], int)
    unique([item["id"] for item in table["items"]])
    return table


CHECKS = {"atom": check_atom, "rss": check_rss, "json": check_json}


@each_feed
def test_a_feed_keeps_to_its_specification(site, path):
    """Each format, with hostile words, characters that XML cannot carry, and a story without an address."""
    answer = site.get(path)
    kind = path.rpartition(".")[2]
    assert answer.headers["content-type"] == FORMATS[kind][1]
    assert CHECKS[kind](answer.content)
    assert ("alert(1)" in answer.text) == ("daily" not in path)  # as text, where that story is
    assert "<script" not in answer.text or kind == "json"


@each_feed
def test_an_empty_feed_is_valid(path):
    """With nothing to say a feed is still one."""
    wall = Wall(plates=[])
    with serving(wall) as at:
        CHECKS[path.rpartition(".")[2]](httpx.get(at + path).content)


def enclosures(kind, body):
    """Address, type, length, width and height (None where the format has no place for it) of every file named."""
    if kind == "atom":
        for link in ET.fromstring(body).iter(f"{A}link"):
            if link.get("rel") == "enclosure":
                yield link.get("href"), link.get("type"), int(link.get("length")), None, None
    elif kind == "rss":
        for one in ET.fromstring(body).iter("enclosure"):
            yield one.get("url"), one.get("type"), int(one.get("length")), None, None
        for one in ET.fromstring(body).iter(f"{M}content"):
            yield (one.get("url"), one.get("type"), *(int(one.get(key)) for key in ("fileSize", "width", "height")))
    else:
        for item in json.loads(body)["items"]:
            for one in item["attachments"]:
                yield one["url"], one["mime_type"], one["size_in_bytes"], None, None


@pytest.mark.parametrize("kind", FORMATS)
def test_enclosures_are_what_they_are_said_to_be(site, kind):
    """Every file that a feed names is there, of that type, length and size; slides and bare pictures both."""
    named = list(enclosures(kind, site.get(f"/feeds/home.{kind}").content))
    assert len(named) == {"atom": 7, "rss": 4 + 7, "json": 7}[kind]
    for url, media_type, length, width, height in named:
        got = httpx.get(url)
        assert (got.status_code, got.headers["content-type"], len(got.content)) == (200, media_type, length)
        assert "immutable" in got.headers["cache-control"]
        if width:
            assert Image.open(io.BytesIO(got.content)).size == (width, height)


@each_feed
def test_a_feed_is_not_sent_twice(site, wall, path):
    """304 while nothing changes; another plate, another tag."""
    first = site.get(path)
    assert first.headers["cache-control"] == "no-cache"
    again = site.get(path, headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    wall.hang(hung(5, "Something new"))
    assert site.get(path, headers={"if-none-match": first.headers["etag"]}).status_code == 200


def test_the_newest_come_first_and_no_more_than_thirty(site, wall):
    """A feed is the last thirty plates of its own channel."""
    for number in range(10, 60):
        wall.hang(hung(number, f"Headline {number}", channel="kids" if number == 59 else "home"))
    titles = [item["title"] for item in site.get("/feeds/home.json").json()["items"]]
    assert titles == [f"Headline {number}" for number in range(58, 28, -1)]


@pytest.mark.parametrize(
    "path",
    ["/feeds/attic.atom", "/feeds/home.xml", "/feeds/home", "/feeds/.atom", "/feeds/..%2fhome.atom", "/feeds/home/weekly.atom",
     "/feeds/attic/daily.rss", "/feeds/home/daily.html", "/feeds/", "/plates/99/slide.jpg", "/plates/x/slide.jpg"],
)  # fmt: skip
def test_feeds_that_are_not_there(site, path):
    """Unknown channels and formats, and tricks with paths, are missing."""
    assert site.get(path).status_code == 404


@pytest.mark.parametrize("kind", ["atom", "rss"])
def test_feedparser_reads_it(site, kind):
    """A reader of the wild finds nothing to complain of, and every word where it belongs."""
    told = feedparser.parse(io.BytesIO(site.get(f"/feeds/home.{kind}").content))
    assert not told.bozo
    assert told.version == {"atom": "atom10", "rss": "rss20"}[kind]
    last, grave, hostile, old = told.entries
    assert old.title == "Old news <of> yesterday" or kind == "rss"
    assert old.link == "https://news.example/story"
    assert hostile.enclosures[0].type == "image/jpeg"
    assert int(hostile.enclosures[0].length) > 1000
    assert len(grave.enclosures) == 1
    assert last.link.endswith("/plates/4")
    assert datetime(*old.published_parsed[:6], tzinfo=UTC) == NOON - timedelta(hours=9)
    if kind == "atom":
        assert old.title_detail.language == "de-CH"
        assert last.title_detail.language == "en"  # the feed's, as nobody knows the story's
        assert len(hostile.enclosures) == 2
    else:
        assert hostile.media_content[1]["height"] == "800"


def foreign(body):
    """A feed as somebody else would have made it: our reader refuses its own."""
    return body.replace(b"frontispiece.home.arpa", b"other.example")


def test_our_own_reader_reads_it(site):
    """The service's reader finds the same headlines and languages in all three formats."""
    found = {kind: foreign(site.get(f"/feeds/home.{kind}").content) for kind in FORMATS}
    told = {kind: (jsonfeed if kind == "json" else xmlfeed).read(body) for kind, body in found.items()}
    assert len(told["atom"].items) == 4
    assert [item.guid for item in told["atom"].items] == [item.guid for item in told["rss"].items]
    assert [item.guid for item in told["atom"].items] == [item.guid for item in told["json"].items]
    assert told["atom"].items[3].language == told["json"].items[3].language == "de-CH"
    assert "A bridge" in told["json"].items[2].summary


@each_feed
def test_one_s_own_feed_is_refused(site, path):
    """Subscribing to what hung already would hang it again for ever: it is an error that says what to do instead."""
    parser = Parser()
    try:
        with pytest.raises(SourceError, match="of Frontispiece's own"):
            parser.parse(site.get(path).content, "http://127.0.0.1/feed", now=NOON)
    finally:
        parser.close()


def test_ids_stay(site, wall):
    """An entry's id is the same at another address, after another number, with another picture; feeds share none."""
    ids = [item["id"] for item in site.get("/feeds/home.json").json()["items"]]
    wall.plates = [replace(p, id=p.id + 100, picture=p.picture and "ab/other.png") for p in wall.plates]
    answer = site.get("/feeds/home.json", headers={"host": "news.example"}).json()
    assert [item["id"] for item in answer["items"]] == ids
    assert answer["feed_url"] == "http://news.example/feeds/home.json"
    assert all(item["image"].startswith("http://news.example/plates/") for item in answer["items"])
    daily = site.get("/feeds/home/daily.json").json()["items"]
    assert daily[0]["id"] == "tag:frontispiece.home.arpa,2026:home/daily/2026-11-21"
    assert {item["id"] for item in daily}.isdisjoint(ids)


class Pictures(HTMLParser):
    """The attributes of the pictures, and every element, of some HTML."""

    def __init__(self, html):
        super().__init__()
        self.found, self.names, self.text = [], set(), ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.names.add(tag)
        if tag == "img":
            self.found.append(dict(attrs))

    def handle_data(self, data):
        self.text += data


def test_the_content_describes_the_picture(site):
    """Alt text with its language, whose headline it is, why it is so; no element of a stranger's."""
    _, grave, hostile, old = (Pictures(item["content_html"]) for item in site.get("/feeds/home.json").json()["items"])
    assert hostile.found[0]["alt"] == f"A bridge {HOSTILE}"
    assert hostile.found[0]["lang"] == "en-GB"
    assert (hostile.found[0]["width"], hostile.found[0]["height"]) == ("1280", "800")
    assert hostile.names <= {"figure", "img", "figcaption", "p", "a"}
    assert f"Why this picture: {HOSTILE}" in hostile.text
    assert "What the gate found: no grave words" in hostile.text
    assert "An AI picture" in hostile.text
    assert "The headline: The Daily Example" in old.text
    assert grave.found[0]["alt"] == "A grave story in words alone"
    assert "AI picture" not in grave.text


def test_a_sample_says_so(wall, site):
    """An invented headline is marked in its title, its tags and its words, and is nobody's article."""
    wall.plates = [hung(-3, "Old lighthouse reopens as a bakery", sample=True, story=story("Old lighthouse", link=""))]
    (item,) = site.get("/feeds/home.json").json()["items"]
    assert item["title"] == "Sample: Old lighthouse"
    assert "sample" in item["tags"]
    assert "external_url" not in item
    assert "invented headline" in item["content_html"]
    assert item["id"].endswith("home/sample/3")


def test_the_index_tells_of_feeds(wall, site):
    """A reader that is given the address of the service finds its feeds (RSS autodiscovery), every channel's."""
    wall.screens = [DisplayInfo(), DisplayInfo("attic", channel="kids")]
    page = site.get("/").text
    links = re.findall(r'<link rel="alternate" type="([^"]+)" title="([^"]+)" href="([^"]+)">', page)
    assert len(links) == 8
    assert {"application/atom+xml", "application/rss+xml", "application/feed+json"} == {kind for kind, _, _ in links}
    for _, _, href in links:
        assert site.get(href).status_code == 200


@settings(max_examples=60, deadline=None)
@given(st.text(min_size=1), st.text(), st.text(), st.sampled_from(["en", "und", "zh-Hant"]))
def test_whatever_a_story_says_the_feed_is_well_formed(title, alt, why, language):
    """No title, description or reason breaks a format or leaves its element."""
    told = plate(
        story=story(title, language=language, source=alt), prompt=prompt(alt=alt, why=why), verdict=verdict(why=why),
        picture="ab/x.png",
    )  # fmt: skip
    files = [Enclosure(f"/{name}", "image/png", 9, 4, 3, name) for name in ("slide", "picture")]
    feed = Collection("tag:x,2026:y", "t", "s", "http://h", "http://h/f", [entry(told, files, "http://h")])
    (found,) = check_atom(atom(feed)).iter(f"{A}entry")
    (figure,) = Pictures(found.find(f"{A}content").text).found
    assert set(figure) == {"src", "width", "height", "alt", "lang"}
    ET.fromstring(rss(feed))
    check_json(json_feed(feed))


# -- the picture of the day -----------------------------------------------------------------------


def done(number, hours, **other):
    base = Finished(number, NOON - timedelta(hours=hours), favourite=False, tellers=0, gravity=0.2)
    return replace(base, **other)


def test_a_day_s_best_is_a_favourite_then_the_most_told_then_the_kindest():
    """Each reason counts only where those before it are equal; the last of equals wins."""
    candidates = [
        done(1, 30), done(2, 30, gravity=0.1), done(3, 30, tellers=2, gravity=0.9), done(4, 30, tellers=2, gravity=0.9),
        done(5, 30, favourite=True, gravity=1.0),
    ]  # fmt: skip
    for left, expected in ((5, 5), (4, 4), (3, 3), (2, 2), (1, 1)):
        assert best(candidates[:left], UTC, NOON.date()) == [(NOON.date() - timedelta(days=1), expected)]


def test_days_are_the_owner_s_and_today_is_left_out():
    """A day ends at midnight where the owner lives; days without a picture are no entries; the newest comes first."""
    zone = ZoneInfo("Pacific/Auckland")  # 13 hours ahead: noon is one in the morning of the next day
    found = best([done(1, 0), done(2, 2), done(3, 100), done(4, 26)], zone, NOON.astimezone(zone).date())
    assert [(str(day), number) for day, number in found] == [("2026-11-22", 2), ("2026-11-21", 4), ("2026-11-18", 3)]
    assert best([], zone, NOON.date()) == []


@given(st.lists(st.tuples(st.integers(0, 400), st.booleans(), st.integers(0, 5), st.floats(0, 1))))
def test_every_day_that_is_over_has_one(rows):
    """However many plates: one for each day that had any, none of them worse than another of its day."""
    plates = [done(n, h, favourite=f, tellers=t, gravity=g) for n, (h, f, t, g) in enumerate(rows)]
    found = best(plates, UTC, NOON.date())
    assert {day for day, _ in found} == {p.chosen_at.date() for p in plates} - {NOON.date()}
    assert all(later > earlier for (later, _), (earlier, _) in pairwise(found))
    for day, number in found:
        if any(p.favourite for p in plates if p.chosen_at.date() == day):
            assert plates[number].favourite


# -- the whole way ----------------------------------------------------------------------------------


def test_the_whole_way(tmp_path, monkeypatch):
    """Before the first story the samples; after rounds on two days the real plates, and yesterday's best."""
    at = [NOON]
    monkeypatch.setattr("service.clock.now", lambda: at[0])
    with loopback.serving({"news.xml": loopback.rss(loopback.headlines(8))}) as base:
        table = {
            "timezone": "UTC",
            "channels": {"home": {"feeds": [f"{base}/news.xml"], "plates_per_round": 2, "max_age_hours": 0}},
            "net": {"allow_private": ["127.0.0.1"]},
        }
        with (
            opened(Settings.model_validate(table), tmp_path / "data") as service,
            serving(service.wall, clock=lambda: at[0]) as address, httpx.Client(base_url=address, timeout=60) as site,
        ):  # fmt: skip
            samples = site.get("/feeds/home.json").json()
            assert all(item["title"].startswith("Sample: ") for item in samples["items"])
            list(service.wall.round())
            first = site.get("/feeds/home.json").json()["items"]
            assert len(first) == 2
            assert not site.get("/feeds/home/daily.json").json()["items"]
            service.wishes.favour(service.archive.recent(2)[1].id)
            at[0] += timedelta(days=1)
            list(service.wall.round())
            items = site.get("/feeds/home.json").json()["items"]
            assert [item["id"] for item in items[2:]] == [item["id"] for item in first]
            assert items[2]["attachments"] == first[0]["attachments"]  # the age on a slide does not grow in a feed
            (daily,) = site.get("/feeds/home/daily.json").json()["items"]
            assert daily["title"] == first[1]["title"]
            assert daily["id"].endswith("home/daily/2026-11-22")
            for url, media_type, length, _, _ in enclosures("json", json.dumps({"items": items[:1]})):
                got = httpx.get(url)
                assert (got.headers["content-type"], len(got.content)) == (media_type, length)
            kids = site.get("/feeds/kids.json")
            assert kids.status_code == 404
