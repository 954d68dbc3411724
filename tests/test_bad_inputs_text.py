"""Hostile and careless text on its way from a feed to a page, a slide, a log and a header: it stays text."""

import re
import unicodedata
from html.parser import HTMLParser

import httpx
import pytest

from service.compose.slide import Asked, Composer
from service.editors.refusals import refused
from service.profiles import PROFILES
from service.sources.documents.items import Document, Item, Origin, fetched
from service.sources.parse import Parser
from service.text import clean, headline, one_line

from .documents import URL, entry, rss
from .pictures import dusk
from .test_compose_slide import inside
from .values import NOON, plate, story
from .web_values import TEMPLATES, Wall, hung, serving

NEST = PROFILES["nest-hub"]
COMPOSER = Composer(TEMPLATES)
ASKED = Asked("headline", NOON)


def cases(*rows):
    """Parameters, each called by its row of the catalogue of bad inputs."""
    return [pytest.param(*given, id=name) for name, *given in rows]


@pytest.fixture(scope="module")
def parser():
    parser = Parser()
    yield parser
    parser.close()


class Page(HTMLParser):
    """What a browser makes of a page: its elements, their attributes, and the text between them."""

    def __init__(self, markup):
        super().__init__(convert_charrefs=True)
        self.elements, self.attributes, self.text = set(), set(), ""
        self.links = []
        self.feed(markup)

    def handle_starttag(self, tag, attrs):
        self.elements.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [value for name, value in attrs if name == "href"]

    def handle_data(self, data):
        self.text += data


TITLES = {
    "D1-escaped": ("&lt;script&gt;alert(1)&lt;/script&gt;Hi", "<script>alert(1)</script>Hi"),
    "D1-cdata": ("<![CDATA[<img src=x onerror=alert(1)>Hi there]]>", "Hi there"),
    "D1-svg": ("<![CDATA[<svg onload=alert(1)>Hi]]>", "<svg onload=alert(1)>Hi"),
    "D2-twice": ("&amp;lt;script&amp;gt;alert(1)", "<script>alert(1)"),
    "D3-ampersand": ("AT&amp;amp;T lends telephones", "AT&T lends telephones"),
    "D3-less": ("5 &lt; 6 &amp;#39;so&amp;nbsp;what&amp;#39;", "5 < 6 'so what'"),
    "D4-attribute": ('"&gt;&lt;marquee&gt; \' onmouseover=alert(1) x=\'', "\"><marquee> ' onmouseover=alert(1) x='"),
    "D4-ends": ("&lt;/textarea&gt;&lt;/title&gt;&lt;/script&gt; --&gt; ]]&gt; Hi", "</textarea></title></script> --> ]]> Hi"),
    "D5-svg": ("&lt;foreignObject&gt;&lt;style&gt;@import url(http://x.example)", "<foreignObject><style>@import url(http://x.example)"),
    "D6-jinja": ("{{7*7}} {% import os %} {0.__class__} Hi", "{{7*7}} {% import os %} {0.__class__} Hi"),
    "D6-shell": ("${7*7} %s%n %(password)s $HOME `id` $(reboot); rm -rf /", "${7*7} %s%n %(password)s $HOME `id` $(reboot); rm -rf /"),
    "D6-sql": ("Robert' OR 1=1;-- says hello", "Robert' OR 1=1;-- says hello"),
    "D15-address": ("Read http://x.example/a or mail a@b.example", "Read http://x.example/a or mail a@b.example"),
    "D15-phone": ("Call +1 900 555 0100 @bees now", "Call +1 900 555 0100 @bees now"),
}  # fmt: skip


@pytest.mark.parametrize(("raw", "text"), TITLES.values(), ids=TITLES)
def test_a_title_is_literal_text_wherever_it_is_shown(parser, raw, text):
    """From the feed on, a title is the same words on the slide, on the pages and in what the live page is told."""
    (found,) = parser.parse(rss(entry(raw)), URL, now=NOON).stories
    assert found.title == text
    slide = Page(COMPOSER.fragment(plate(story=found), dusk(), NEST, now=NOON, picture_src="/p.jpg").html)
    assert re.sub(r"\W", "", text) in re.sub(r"\W", "", slide.text)  # a soft hyphen or a line break may be between
    wall = Wall()
    wall.hang(hung(2, story=found))
    with serving(wall) as address, httpx.Client(base_url=address, timeout=10) as client:
        page = Page(client.get("/plates/2").text)
        assert text in page.text
        assert client.get("/d/hall/now.json").json()["id"] == 2
    for shown in (slide, page):
        assert not shown.elements & {"script", "svg", "marquee", "foreignobject", "textarea"}
        assert not {name for name in shown.attributes if name.startswith("on")}
        assert not [link for link in shown.links if "x.example" in link or link.startswith(("mailto:", "tel:"))]


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        pytest.param("<script>alert(1)</script>Hi", "<script>alert(1)</script>Hi", id="D1-script"),
        pytest.param("<svg onload=alert(1)>Hi", "<svg onload=alert(1)>Hi", id="D1-svg"),
        pytest.param("<b>Bees</b> learn<br/>to <a href='x'>dance</a>", "Bees learn to dance", id="D1-formatting"),
        pytest.param("&lt;script&gt;", "<script>", id="D2-once"),
        pytest.param("&amp;lt;script&amp;gt;", "<script>", id="D2-twice"),
        pytest.param("AT&amp;amp;T", "AT&T", id="D3-twice"),
        pytest.param("AT&T", "AT&T", id="D3-not-at-all"),
        pytest.param("5 &lt; 6 &#39;and&nbsp;more&#39;", "5 < 6 'and more'", id="D3-less"),
        pytest.param(
            "\"><img src=x> ' onmouseover= </textarea> --> ]]>",
            "\"> ' onmouseover= </textarea> --> ]]>",
            id="D4-contexts",
        ),
        pytest.param(
            "{{7*7}} {% x %} ${7*7} %(a)s $(reboot)", "{{7*7}} {% x %} ${7*7} %(a)s $(reboot)", id="D6-templates"
        ),
        pytest.param("x\u202egnp.exe \u2066a\u2069\u200f", "xgnp.exe a", id="D8-bidi"),
        pytest.param("a\u200bb\ufeffc\u00add\u2060e\U000e0041", "abcde", id="D9-zero-width"),
        pytest.param(
            "👨\u200d👩\u200d👧 ❤\ufe0f 1\ufe0f\u20e3 👩🏽\u200d🚀",
            "👨\u200d👩\u200d👧 ❤\ufe0f 1\ufe0f\u20e3 👩🏽\u200d🚀",
            id="D9-emoji",
        ),
        pytest.param("می\u200cخواهم a\u200cb", "می\u200cخواهم ab", id="D9-zwnj"),
        pytest.param("x" + "\u0310" * 40 + "y", "x\u0310\u0310y", id="D10-zalgo"),
        pytest.param("ज़िंदगी क्ष्म", "ज़िंदगी क्ष्म", id="D10-indic"),
        pytest.param("\x1b[31mred\x07\r\n[ERROR] fake\x85log\ud800", "red [ERROR] fake log", id="D11"),
        pytest.param("a\x00b", "ab", id="C11-nul"),
        pytest.param("&#x1b;[31mx &#xD800;y &#0;z", "[31mx \ufffdy \ufffdz", id="D11-as-entities"),
        pytest.param(" \n\t ", "", id="C18-blank"),
        pytest.param("<p>&nbsp;</p>", "", id="C18-markup"),
        pytest.param("\u0301\u0301x", "x", id="D10-no-base"),
        pytest.param("\ufdfd peace \ue000\U000f0000", "\ufdfd peace", id="D12-private-use"),
    ],
)
def test_titles_become_plain_text(raw, text):
    """A title comes out as the words people read."""
    assert clean(raw) == unicodedata.normalize("NFC", text)


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param("word " * 300, id="C18-300-words"),
        pytest.param("W" * 400, id="D12-no-spaces"),
        pytest.param("夜行列車" * 200, id="D12-cjk"),
        pytest.param("👨\u200d👩\u200d👧" * 200, id="D12-families"),
        pytest.param("🇬🇧" * 300, id="D12-flags"),
        pytest.param("x" * 5_000_000, id="C18-5MB"),
        pytest.param("&amp;" * 1_000_000, id="C18-ampersands"),
        pytest.param("<b" * 1_000_000, id="C18-tags"),
    ],
)
def test_long_text_is_cut_between_characters(raw):
    """Text of any length comes out within its limit, ended by an ellipsis, no character halved."""
    text = clean(raw)
    assert len(text) <= 300
    if len(raw) < 5000:
        assert text.endswith("…")
        assert text[-2] != "\u200d"
        assert sum("\U0001f1e6" <= c <= "\U0001f1ff" for c in text) % 2 == 0
        assert text.startswith(clean(raw[:60])[:20])


SHOWN = {
    "D8-bidi": "safe \u202etxt.exe\u202c \u2066abc\u2069 end",
    "D9-zero-width": "a\u200bb\ufeffc\u00add\u2060e\U000e0041\U000e007f f\ufe0fg",
    "D10-zalgo": "Z\u0351\u036b\u0343\u036a\u0302a\u0319\u0325\u0324\u034el\u0334g\u0321\u031eo\u0345 " * 12,
    "D11-controls": "\x1b[31mred\x07 \x7f\x85 \ud800 one\r\n[ERROR] two",
    "D12-word": "x" * 5000,
    "D12-wide": "W" * 400,
    "D12-thai": "ปะการัง" * 60,
    "D12-chinese": "夜行列車" * 80,
    "D12-arabic": "مستشفيات " * 60,
    "D12-hebrew": "רכבות הלילה " * 30,
    "D12-devanagari": "रात की ट्रेनें " * 30,
    "D12-mixed": "علماء NOAA 中文 ไทย हिन्दी 한국어 12:30 (שלום) end 🚀",
    "D12-families": "👩\u200d👩\u200d👧\u200d👦" * 90,
    "D12-flags": "🇫🇷" * 200,
    "D12-bismillah": "﷽ " * 40,
    "D12-private": "\ue000\uf8ff\U000f0000 private",
    "D12-unassigned": "\u0378 \U000e0fff unassigned \U00012000",
}


@pytest.mark.parametrize("raw", SHOWN.values(), ids=SHOWN)
def test_every_title_stays_within_its_slide(raw):
    """Text of any script, length and trickery is set inside the slide, without what is not seen."""
    title = headline(raw)
    assert not {unicodedata.category(char) for char in title} & {"Cc", "Cs", "Co", "Zl", "Zp"}
    assert not set(title) & set("\u202a\u202b\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u200b\ufeff\u2060\u00ad")
    assert not re.search("[\u0300-\u036f]{3}", title)
    setting, _ = COMPOSER.set(plate(story=story(title)), dusk(), NEST, ASKED)
    inside(setting)


@pytest.mark.parametrize(
    "name", ["../../../etc/cron.d/x", "CON", "a\0b", "n" * 300, ".", "~", "-rf"],
    ids=["D7-path", "D7-device", "D7-nul", "D7-long", "D7-dot", "D7-home", "D7-option"],
)  # fmt: skip
def test_a_name_that_a_feed_gives_is_never_a_files(name):
    """A story's own name, of which files and addresses are made, is a hash, whatever its feed calls it."""
    document = Document(items=(Item(guid=name, title="Night trains return"),))
    (found,) = fetched(document, Origin(URL, NOON)).stories
    assert re.fullmatch("[0-9a-f]{64}", found.id)


@pytest.mark.parametrize(
    ("raw", "line"),
    cases(
        ("D11-log", "a\r\n[ERROR] <b>x</b>\x1b]0;title\x07", "a [ERROR] <b>x</b>"),
        ("D11-c1", "a\x85b\x9b31mc\u2028d", "a b31mc d"),
        ("D8-log", "x\u202egnp.exe", "xgnp.exe"),
    ),
)
def test_a_log_line_is_one_line(raw, line):
    """Text for a log is one line, its markup untouched."""
    assert one_line(raw) == line


@pytest.mark.parametrize(
    ("raw", "source", "shown"),
    cases(
        *((f"D13-{at}", *row) for at, row in enumerate([
        ("Peru votes again - BBC News", "BBC News", "Peru votes again"),
        ("Peru votes again | World news | The Guardian", "The Guardian", "Peru votes again"),
        ("Storm nears the coast | Reuters", "", "Storm nears the coast"),
        ("Sturm an der Küste – DER SPIEGEL", "DER SPIEGEL", "Sturm an der Küste"),
        ("US and EU - a love story", "BBC News", "US and EU - a love story"),
        ("Politique climatique : le monde change de cap", "Le Monde", "Politique climatique : le monde change de cap"),
        ("Politique climatique : le monde change - Le Monde", "Le Monde.fr", "Politique climatique : le monde change"),
        ("Owls at dusk in pictures | theguardian.com", "The Guardian", "Owls at dusk in pictures"),
        ("Owls at dusk - BBC", "BBC News", "Owls at dusk"),
        ("Trains | planes | boats", "The Guardian", "Trains | planes | boats"),
        ("LIVE: Peru votes again", "", "Peru votes again"),
        ("BREAKING: LIVE: Peru votes!!!!!", "", "Peru votes!"),
        ("WATCH | owls at dusk", "", "Owls at dusk"),
        ("Owls at dusk (video)", "", "Owls at dusk"),
        ("Live music returns to Leeds", "", "Live music returns to Leeds"),
        ("Breaking the silence", "", "Breaking the silence"),
        ("LIVE:", "", "LIVE:"),
        ("News - BBC", "BBC", "News - BBC"),
        ("UN WARNS OF HEAT IN THE US", "", "UN Warns of Heat in the US"),
        ("NASA: WOW", "", "NASA: WOW"),
            ("🔴 EN DIRECT - Les trains reviennent", "", "Les trains reviennent"),
            ("+++ Eilmeldung +++ Züge fahren wieder", "", "Züge fahren wieder"),
            ("ÚLTIMA HORA: los trenes vuelven", "", "Los trenes vuelven"),
            ("Ao vivo | Trens voltam aos Alpes", "", "Trens voltam aos Alpes"),
            ("СРОЧНО: поезда вернулись", "", "Поезда вернулись"),
            ("عاجل | القطارات تعود", "", "القطارات تعود"),
            ("【速報】夜行列車が復活", "", "夜行列車が復活"),
            ("[속보] 야간열차 복귀", "", "야간열차 복귀"),
            ("夜行列車が復活｜朝日新聞デジタル", "朝日新聞デジタル", "夜行列車が復活"),
            ("Поезда вернулись — РБК", "РБК", "Поезда вернулись"),
            ("LIVE: iPhone in space", "", "iPhone in space"),
            ("Owls at dusk - CNN.com", "", "Owls at dusk"),
            ("Owls at dusk ! ! !", "", "Owls at dusk !"),
            ("Owls at dusk: live updates", "", "Owls at dusk"),
        ])),
    ),
)  # fmt: skip
def test_newsroom_habits_are_taken_off(raw, source, shown):
    """A headline loses its publication's name, its labels and its shouting, and nothing else."""
    assert headline(raw, source) == shown


@pytest.mark.parametrize(
    "title",
    cases(*((f"D14-{name}", title) for name, title in {
        "site-name": "The Daily Example", "null": "null", "undefined": "undefined", "object": "[object Object]",
        "untitled": "Untitled", "dots": "…", "markup": "&lt;b&gt;&lt;/b&gt;", "subscribe": "Subscribe now", "advert":
        "Sponsored: triple the pressure of your shower", "cookies": "We use cookies on this site", "horoscope":
        "Horoscope: your week ahead, Aries", "quiz": "Quiz: how well do you know the Alps?", "newsletter":
        "Sign up for our newsletter", "paywall": "Subscribe to continue reading",
    }.items())),
)  # fmt: skip
def test_what_is_no_headline_does_not_reach_the_wall(parser, title):
    """Titles that say nothing are dropped as the feed is read; adverts and their like are refused by the editor."""
    stories = parser.parse(rss(entry(title)), URL, now=NOON).stories
    assert not stories or refused(stories[0])


@pytest.mark.parametrize(
    "raw",
    cases(
        ("D17-lines", "One&#13;&#10;X-Evil: 1"),
        ("D17-quotes", 'One "two"; filename=x.sh'),
        ("D17-letters", "Züge 夜行列車"),
    ),
)
def test_no_title_gets_into_a_header(parser, raw):
    """What the service answers has no words of a story in its headers, which are plain ASCII."""
    (found,) = parser.parse(rss(entry(raw)), URL, now=NOON).stories
    wall = Wall()
    wall.hang(hung(2, story=found))
    with serving(wall) as address, httpx.Client(base_url=address, timeout=10) as client:
        for path in ("/plates/2", "/d/hall/now.json", "/d/hall.jpg", "/"):
            answer = client.get(path)
            sent = str(answer.headers)
            assert "x-evil" not in answer.headers
            assert sent.isascii()
            assert "One" not in sent
