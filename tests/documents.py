"""Feed documents: how they are written, 24 like those of newspapers, feedparser's own suite, and damaged ones."""

import json
import random
import tarfile
from functools import cache
from html import escape
from pathlib import Path

FEEDS = Path(__file__).parent / "feeds"
SUITE = FEEDS / "feedparser-suite.tar.xz"
URL = "https://www.dailyexample.example/rss.xml"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(500)


def rss(*entries, head=""):
    title = "<title>The Daily Example</title><link>https://www.dailyexample.example/</link>"
    return f"<rss version='2.0'><channel>{title}{head}{''.join(entries)}</channel></rss>".encode()


def entry(title="A lighthouse keeper reads to seals", **other):
    parts = {"title": title, "link": "https://www.dailyexample.example/seals", **other}
    return "<item>" + "".join(f"<{k}>{v}</{k}>" for k, v in parts.items() if v is not None) + "</item>"


@cache
def suite():
    """feedparser's own test documents, 2,242 of XML and 6 compressed: name -> bytes."""
    with tarfile.open(SUITE) as archive:
        files = {member.name: archive.extractfile(member).read() for member in archive if member.isfile()}
    return {name: body for name, body in files.items() if name.endswith((".xml", ".gz", ".z"))}


HEADLINES = {
    "en": "Night trains return to the Alps|A lighthouse keeper reads to seals|The town library opens its roof to bees",
    "de": "Nachtzüge kehren in die Alpen zurück|Der Leuchtturmwärter liest den Robben vor|Bienen ziehen auf das Rathaus",
    "fr": "Les trains de nuit reviennent dans les Alpes|Une grenouille chante sous la pluie|La bibliothèque ouvre son toit",
    "es": "Los trenes nocturnos vuelven a los Alpes|El farero lee cuentos a las focas|Las abejas llegan al ayuntamiento",
    "ja": "夜行列車がアルプスに戻る|灯台守がアザラシに本を読む|図書館の屋上に蜜蜂がやって来る",
    "ar": "قطارات الليل تعود إلى جبال الألب|حارس المنارة يقرأ للفقمات|النحل يسكن سطح المكتبة",
}
KINDS = ("rss20", "rss20-articles", "atom", "rdf")


@cache
def newspapers():
    """24 documents of our own making, of four kinds in six languages, 10 to 80 kB each."""
    return {f"{kind}-{lang}": _newspaper(kind, lang, 5 + 4 * at) for at, lang in enumerate(HEADLINES) for kind in KINDS}


def _newspaper(kind, lang, count):
    titles = HEADLINES[lang].split("|")
    items = [(f"{titles[n % 3]} {n}", f"https://paper.example/{lang}/{n}?a=1&b=2", n) for n in range(count)]
    if kind == "atom":
        body = "".join(
            f"<entry><title type='html'>{escape(escape(title))}</title><id>urn:x:{n}</id><link href='{escape(link)}'/>"
            f"<author><name>N. N.</name></author><updated>2026-11-{n % 20 + 1:02}T10:00:00Z</updated>"
            f"<content type='html'>{escape(_article(title))}</content></entry>"
            for title, link, n in items
        )
        text = f"<feed xmlns='http://www.w3.org/2005/Atom' xml:lang='{lang}'><title>Paper</title>{body}</feed>"
    elif kind == "rdf":
        body = "".join(
            f"<item rdf:about='{escape(link)}'><title>{escape(title)}</title><link>{escape(link)}</link>"
            f"<description>{escape(title)}</description><dc:date>2026-11-{n % 20 + 1:02}</dc:date></item>"
            for title, link, n in items
        )
        text = (
            "<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#' xmlns='http://purl.org/rss/1.0/' "
            "xmlns:dc='http://purl.org/dc/elements/1.1/'><channel rdf:about='https://paper.example/'><title>Paper</title>"
            f"</channel>{body}</rdf:RDF>"
        )
    else:
        body = "".join(_rss_item(title, link, n, articles=kind == "rss20-articles") for title, link, n in items)
        text = (
            "<rss version='2.0' xmlns:content='http://purl.org/rss/1.0/modules/content/' "
            "xmlns:media='http://search.yahoo.com/mrss/'><channel><title>Paper</title><link>https://paper.example/</link>"
            f"<language>{lang}</language><ttl>30</ttl>{body}</channel></rss>"
        )
    return b"<?xml version='1.0' encoding='utf-8'?>\n" + text.encode()


def _rss_item(title, link, number, *, articles):
    article = f"<content:encoded><![CDATA[{_article(title)}]]></content:encoded>" if articles else ""
    return (
        f"<item><title><![CDATA[{title}]]></title><link>{escape(link)}</link><guid>{escape(link)}</guid><category>News"
        f"</category><media:content url='https://paper.example/{number}.jpg' medium='image' width='800'/><pubDate>Sat, "
        f"{number % 20 + 1:02} Nov 2026 10:00:00 GMT</pubDate><description>&lt;p&gt;{escape(title)}&lt;/p&gt;"
        f"</description>{article}</item>\n"
    )


def _article(title):
    return (
        f"<p>{title}. <a href='https://paper.example/?x=1&amp;y=2'>&#8220;More&#8221;</a> &nbsp; <em>so</em></p>" * 12
    )


PIECES = (
    b"<", b">", b"&", b"]]>", b"<![CDATA[", b"<!--", b"&#xD800;", b"&#99999999999;", b"\x00", b"\xff", b"\xfe\xff", b'"', b"'",
    b"<item>", b"</item>", b"</", b"/>", b" xmlns:a=''", b" xml:base='http://['", b"<media:content width='abc'/>",
    b"<psc:chapter/>", b"<georss:point>x y</georss:point>", b"<link>http://[::1</link>", b"<guid></guid>", b"\xe2\x80\xae",
)  # fmt: skip
BOMB = "<!DOCTYPE rss [<!ENTITY a0 'ha'>" + "".join(f"<!ENTITY a{n} '{f'&a{n - 1};' * 10}'>" for n in range(1, 10))
ENCODINGS = (
    "utf-16",
    "utf-32",
    "latin-1",
    "shift_jis",
    "cp1251",
    "punycode",
    "undefined",
    "x-nonsense",
    "utf-7",
    "hex",
)


def mutants(documents, count, seed):
    """Damaged documents, the same for the same seed."""
    chance = random.Random(seed)
    documents = list(documents)
    for _ in range(count):
        body = bytearray(chance.choice(documents))
        for _ in range(chance.choice((1, 1, 2, 3, 8))):
            body = chance.choice(DAMAGES)(body, chance)
        yield bytes(body)


def _flip(body, chance):
    for _ in range(chance.randint(1, 20)):
        if body:
            body[chance.randrange(len(body))] ^= 1 << chance.randrange(8)
    return body


def _piece(body, chance):
    at = chance.randint(0, len(body))
    body[at : at + chance.choice((0, 0, 3, 40))] = chance.choice(PIECES)
    return body


def _again(body, chance):
    at, to = chance.randint(0, len(body)), chance.randint(0, len(body))
    body[to:to] = body[at : at + chance.randint(1, 3000)]
    return body


def _cut(body, chance):
    return body[: chance.randint(0, len(body))] if chance.random() < 0.3 else _lost(body, chance)


def _lost(body, chance):
    at = chance.randint(0, len(body))
    del body[at : at + chance.randint(1, 500)]
    return body


def _attributes(body, chance):
    at = body.find(b">", chance.randint(0, len(body)))
    extra = b"".join(b" a%d='%d'" % (n, n) for n in range(chance.choice((1, 30, 300, 5000))))
    body[at:at] = extra if at > 0 else b""
    return body


def _bomb(body, chance):
    at = body.find(b"<title", chance.randint(0, len(body)))
    body = body.replace(b"</title>", b"&a9;</title>", 3) if at > 0 else body
    return bytearray(BOMB.encode() + b"]>") + body


def _encoding(body, chance):
    name = chance.choice(ENCODINGS)
    declared = b"<?xml version='1.0' encoding='%s'?>" % name.encode()
    if name.startswith("utf-") and chance.random() < 0.7:
        return bytearray((declared + body).decode("utf-8", "replace").encode(name))
    return bytearray(declared + body)


DAMAGES = (_flip, _piece, _piece, _again, _cut, _attributes, _bomb, _encoding)


def json_feed(*items, **head):
    """A JSON Feed of items, each a dict or what a mistaken server puts there."""
    version = "https://jsonfeed.org/version/1.1"
    return json.dumps({"version": version, "title": "The Daily Example", "items": items, **head}).encode()
