"""What of an XML feed nobody will read, and what only a trap would hold: gone before feedparser spends time on it.

A feed's bytes are mostly whole articles, of which a summary shows the first few hundred characters, and feedparser's
time grows with its elements and references, and with the square of an element's attributes.
"""

from __future__ import annotations

import re

from service.errors import SourceError

_LONGEST_TEXT = 4000  # bytes of markup; the summary is in the first few hundred, however they are dressed
_MOST_TAGS, _MOST_REFERENCES = 250_000, 400_000  # after trimming; an honest feed of 5 MB has a third of it
_MOST_ATTRIBUTES = 1000  # of one element; 10,000 take a second, 100,000 minutes

_CDATA, _CDATA_END = b"<![CDATA[", b"]]>"
_LONG_RUN = re.compile(rb">[^<]{400,}")
_BASE64 = re.compile(rb"(data:[\w/+.-]{1,80};base64,)[A-Za-z0-9+/=]{200,}")
# Elements that no story is made of, where they hold nothing but text: a third of what many feeds consist of.
_UNREAD = re.compile(
    rb"<(category|comments|enclosure|dc:creator|dc:subject|wfw:\w+|slash:\w+|thr:\w+|gd:\w+|media:(?:content|thumbnail|"
    rb"credit|copyright|keywords|category|rating|text))(?:\s[^<>]*)?"
    rb"(?:/>|(?<!/)>(?:<!\[CDATA\[[^\]]*\]\]>|[^<]*)</\1\s*>)"
)
_ITEM = re.compile(rb"<((?:[a-z]\w{0,20}:)?(?:item|entry))[\s>]", re.IGNORECASE)
_LONG_TAG = re.compile(rb"<[A-Za-z][^<>]{%d,}" % (4 * _MOST_ATTRIBUTES))


def trimmed(body: bytes, most: int) -> tuple[bytes, int]:
    """A document with its first ``most`` items and the beginnings of its texts; and how many items went.

    Raises SourceError for a document whose only purpose can be to keep a parser busy.
    """
    if b"\0" not in body and b"\x1b" not in body:  # in UTF-16 and after an ISO-2022 escape "<" may be half a character
        body = _shortened(_UNREAD.sub(b"", _BASE64.sub(rb"\1", body)))
    body, cut = _first_items(body, most)
    if body.count(b"<") > _MOST_TAGS or body.count(b"&") > _MOST_REFERENCES:
        raise SourceError("not readable as a feed (too much markup)")
    if any(tag[0].count(b"=") > _MOST_ATTRIBUTES for tag in _LONG_TAG.finditer(body)):
        raise SourceError("not readable as a feed (an element with thousands of attributes)")
    return body, cut


def _shortened(body: bytes) -> bytes:
    kept, at = [], 0
    while (start := body.find(_CDATA, at)) >= 0 and (end := body.find(_CDATA_END, start)) >= 0:
        text = body[start:end]
        swallows = len(text) > _LONGEST_TEXT and _ITEM.search(text)  # its end is missing; this is another's
        kept += [_LONG_RUN.sub(_in_cdata, body[at:start]), text if swallows else _beginning(text)]
        at = end
    return b"".join((*kept, _LONG_RUN.sub(_in_cdata, body[at:])))


def _in_cdata(run: re.Match[bytes]) -> bytes:
    """A long text between two tags; where it is escaped markup, as the markup: each reference is a call of its own."""
    text = _beginning(run[0][1:])
    if text.count(b"&") < 20:
        return b">" + text
    for reference, char in ((b"&lt;", b"<"), (b"&gt;", b">"), (b"&quot;", b'"'), (b"&amp;", b"&")):
        text = text.replace(reference, char)
    return b">" + _CDATA + text.replace(_CDATA_END, b"]] >") + _CDATA_END


def _beginning(text: bytes) -> bytes:
    """A text as far as it is read: to a blank or a tag, so that no character or reference is halved."""
    if len(text) <= _LONGEST_TEXT:
        return text
    end = max(text.rfind(mark, 1, _LONGEST_TEXT) for mark in (b" ", b"\n", b"<"))
    return text[:end] if end > 0 else text


def _first_items(body: bytes, most: int) -> tuple[bytes, int]:
    first = _ITEM.search(body)
    if not first:
        return body, 0
    starts = [found.start() for found in re.finditer(rb"<" + first[1] + rb"[\s>]", body)]
    end = body.rfind(b"</" + first[1] + b">")
    if len(starts) <= most or end < starts[most]:
        return body, 0
    return body[: starts[most]] + body[end + len(first[1]) + 3 :], len(starts) - most
