# ruff: noqa: SIM905  (a long list of words reads best as words)
"""Foreign text made fit for a wall: plain, one line, bounded. Plain is not escaped: whoever prints it escapes it.

>>> clean("AT&amp;amp;T &lt;3 <b>Bell</b>")
'AT&T <3 Bell'
"""

from __future__ import annotations

import html
import re

from .characters import joined, visible
from .language import direction, language

__all__ = ["clean", "direction", "first_sentence", "headline", "language", "one_line", "plain", "shortened"]

# Formatting that feeds put into titles. Any other tag (<script>, <svg>, <div>, …) is what a headline talks about and
# stays as literal text.
_ATTRIBUTES = r"(?:\s[^<>]*)?/?>"
_INLINE = re.compile(
    r"</?(?:a|abbr|acronym|b|bdi|bdo|big|cite|del|dfn|em|font|i|img|ins|kbd|mark|nobr|q|s|small|span|strike|strong|"
    rf"sub|sup|tt|u|var|wbr){_ATTRIBUTES}",
    re.IGNORECASE,
)
_BREAKING = re.compile(
    rf"</?(?:blockquote|br|center|figure|figcaption|h[1-6]|hr|li|ol|p|ul){_ATTRIBUTES}", re.IGNORECASE
)
_COMMENT = re.compile(r"<!--(?:(?!<!--).)*?-->", re.DOTALL)
_UNSEEN = re.compile(r"<(script|style|template|svg|iframe)\b[^<>]*>(?:(?!<\1\b).)*?</\1\s*>", re.IGNORECASE | re.DOTALL)
_ANY_TAG = re.compile(r"<[a-z/!?][^<>]*(?:>|\Z)", re.IGNORECASE)
_BLOCK_ENDS = re.compile(r"</?(?:blockquote|br|div|h[1-6]|hr|li|ol|p|ul)\b[^<>]*>|\n\s*\n", re.IGNORECASE)
_ASIDES = re.compile(r"(?:https?://|www\.)\S+|(?<!\S)@[\w.@-]+|(?:(?:^|\s+)#\w+)+\s*$")
# A full stop after a letter alone, a number or a title ("J. Smith", "am 3. Mai", "Dr. Who") ends nothing.
_SENTENCE = re.compile(
    r".{16,}?(?:[!?…؟۔।]|(?<!\b\w)(?<!\d)(?<!\b[DMS]r)(?<!\bMrs)(?<!\bSt)(?<!\bvs)(?<!\b[Nn]r)(?<!\b[Nn]o)\.)[\"'”’»)]*(?=\s+[^\sa-z])|"
    r".{6,}?[。！？]"
)
_NESTED_AMPERSANDS = re.compile(r"&(?:(?:amp|#38|#x26);)+", re.IGNORECASE)


def clean(raw: str, limit: int = 300) -> str:
    """One line of plain text of at most ``limit`` characters, cut at a word with "…".

    Entities are undone however often they were made; formatting tags fall away, other tags stay as literal text;
    control, bidirectional, tag and invisible characters go; at most two accents stack. Cleaning twice changes nothing.
    """
    text = raw[: limit * 20]  # a title of 5 MB is not worth reading to its end
    while True:  # each turn makes the text shorter or leaves it alone
        once = visible(_untagged(html.unescape(_NESTED_AMPERSANDS.sub("&", text))))
        if once == text:
            return shortened(text, limit)
        text = once


def plain(markup: str, limit: int = 500) -> str:
    """The words of an HTML fragment, such as a summary: no tag stays, scripts and styles go with what is in them."""
    text = markup[:400_000]
    for _ in range(2):  # some feeds escape twice
        text = _ANY_TAG.sub(" ", _untagged(_UNSEEN.sub(" ", _COMMENT.sub(" ", text))))
        text = html.unescape(text)
    words = re.sub(r"\s+", " ", _ANY_TAG.sub(" ", _untagged(text)))
    return clean(words[: limit * 4], limit)


def first_sentence(markup: str, limit: int = 120) -> str:
    """What a text without a title is about: its first sentence, without addresses, @names and closing #tags; or ""."""
    for block in _BLOCK_ENDS.split(_UNSEEN.sub(" ", _COMMENT.sub(" ", markup[:20_000]))):
        words = clean(_ASIDES.sub(" ", plain(block)), 500)
        if any(map(str.isalpha, words)):
            ended = _SENTENCE.match(words)
            return shortened(ended[0] if ended else words, limit)
    return ""


def one_line(text: str, limit: int = 300) -> str:
    """Text for a log: whatever it holds, it is one line and moves no cursor. Markup is left as it is."""
    return shortened(visible(text[: limit * 20]), limit)


def shortened(text: str, limit: int) -> str:
    """At most ``limit`` characters, ended by "…" after a word, or at least after a whole character."""
    if len(text) <= limit:
        return text
    end = limit - 1
    while end > max(0, limit - 40) and joined(text, end):  # what is longer is a pile, not a character
        end -= 1
    space = text.rfind(" ", 0, end + 1)
    if space > limit // 2:  # else there are no words to go by: Thai, Chinese, or one word of 5,000 letters
        end = space
    return text[:end].rstrip(" ,;:–—-…") + "…"


def _untagged(text: str) -> str:
    return _INLINE.sub("", _BREAKING.sub(" ", text)) if "<" in text else text


# What a newsroom writes around a headline rather than in it. Only together with its separator: "Live music returns"
# stays as it is.
_LABELS = (
    r"breaking(?: news)?|live(?: updates?| ?-?blog)?|just in|watch(?: live)?|listen|video|audio|photos?|"
    r"in pictures|exclusive|update(?: \d+)?|updated|developing|alert|as it happened|"
    r"eilmeldung|eil|live-?ticker|newsblog|ticker|exklusiv|"
    r"en direct|direct|urgent|alerte info|vid[eé]o|en images|exclusif|"
    r"en vivo|en directo|[uú]ltima hora|ao vivo|[uú]ltimas|ultim['’]ora|diretta|in diretta|urgente|"
    r"beeld|luister|kijk|son dakika|z ostatniej chwili|pilne|срочно|видео|терміново|відео|"
    r"عاجل|فيديو|速報|独自|動画|快讯|快訊|突发|突發|视频|影片|속보|단독|영상"
)
_LABEL_BEFORE = re.compile(
    rf"^(?:[🔴🟥🚨⚡▶\ufe0f]\s*)*(?:[\[(【]\s*(?:{_LABELS})\s*[\])】]\s*[:：|–—-]?|\+\+\+?\s*(?:{_LABELS})\s*\+\+\+?|"
    rf"(?:{_LABELS})\s*(?:[:：|｜–—]|-\s))\s*",
    re.IGNORECASE,
)
_LABEL_AFTER = re.compile(
    rf"\s*(?:[\[(【]\s*(?:{_LABELS})\s*[\])】]|\s[|–—-]\s*(?:{_LABELS})|:\s*live updates?)$", re.IGNORECASE
)
_SHOUTING = re.compile(r"([!?])(?:\s?[!?]){2,}")
_TAIL = re.compile(r"^(?P<head>.*\S)(?:\s+(?P<bar>[|–—·•»-]|::|//)\s+|\s*[|｜]\s*)(?P<tail>\S.{0,59})$")

_AGENCIES = frozenset(
    (
        "abc news|afp|al jazeera|al jazeera english|ansa|ap news|ars technica|associated press|axios|bbc|bbc news|"
        "bbc sport|bloomberg|cbc news|cbs news|channel 4 news|cnbc|cnn|corriere della sera|daily mail|der spiegel|"
        "der standard|deutsche welle|die zeit|dw|el mundo|el país|euronews|faz.net|financial times|forbes|fox news|"
        "france 24|franceinfo|global news|google news|heise online|itv news|kyodo news|la repubblica|la vanguardia|"
        "le figaro|le monde|libération|n-tv|nbc news|ndtv|nhk world|nhk world-japan news|npr|nzz|orf|pbs newshour|"
        "politico|reuters|rfi|rté|sky news|south china morning post|spiegel|srf|süddeutsche zeitung|tagesschau|"
        "techcrunch|the associated press|the atlantic|the conversation|the economist|the guardian|the hill|the hindu|"
        "the independent|the irish times|the new york times|the telegraph|the times of india|the verge|the wall "
        "street journal|the washington post|usa today|wired|yahoo news|yonhap news agency|zdf|zeit online"
    ).split("|")
)
_ACRONYMS = frozenset(
    "AI BBC CEO CIA COP DNA EU FBI FC FIFA G7 G20 GDP GP HIV IMF II III IV IT NASA NATO NHS OPEC PM TV UAE UFO UK UN "
    "UNESCO UNICEF US USA WHO WTO".split()
)
_SMALL = frozenset("a an and as at but by for from in into nor of on or over the to up via vs with".split())


def headline(raw: str, source: str = "") -> str:
    """A clean title without its newsroom's habits: "LIVE:", " - BBC News", "!!!!", capitals throughout.

    ``source`` is the publication's name; a tail that names it, or a news agency, falls away.
    """
    text = _SHOUTING.sub(r"\1", clean(raw))
    return _calmed(_without_labels(_without_tail(text, source)))


_NOT_THE_NAME = re.compile(r"^(?:the(?=\S+\.)|(?:the|le|la|der|die|das|el|il)\s)|\.(?:com|org|net|co\.uk|[a-z]{2})$")


def same_name(one: str, other: str) -> bool:
    """Whether two names mean one publication: "The Guardian" and "theguardian.com", "BBC" and "BBC News"."""
    a, b = sorted((_name_words(one), _name_words(other)), key=len)
    if not a or len(b) - len(a) > 2:
        return False
    return "".join(a) == "".join(b) or (len("".join(a)) >= 3 and a == b[: len(a)])


def _name_words(name: str) -> list[str]:
    """The words of a name that tell it from others."""
    return [word for word in re.split(r"\W+", _NOT_THE_NAME.sub("", name.casefold())) if word]


def _without_tail(text: str, source: str) -> str:
    """The text without " - Publication" at its end, and without the section that stood before it ("| World |")."""
    found = _TAIL.match(text)
    if not found or not (same_name(found["tail"], source) or _is_agency(found["tail"].casefold())):
        return text
    head = found["head"]
    section = _TAIL.match(head) if found["bar"] == "|" else None
    if section and section["bar"] == "|" and len(section["tail"].split()) <= 3:
        head = section["head"]
    return head if len(head) > (8 if head.isascii() else 3) else text  # "News - BBC" is all there is


def _is_agency(name: str) -> bool:
    return name in _AGENCIES or name.removesuffix(".com") in _AGENCIES


def _without_labels(text: str) -> str:
    bare = _LABEL_AFTER.sub("", text)
    while (shorter := _LABEL_BEFORE.sub("", bare)) != bare:
        bare = shorter
    bare = bare or text
    begins_small = bare != text and not bare[1:2].isupper()  # but "iPhone"
    return bare[:1].title() + bare[1:] if begins_small else bare


def _calmed(text: str) -> str:
    """A headline of capitals throughout in title case; acronyms we know stay."""
    words = text.split()
    if len(words) < 4 or not text.isupper() or any(char.isdigit() and len(words) < 5 for char in text):
        return text
    starts = (True, *(word[-1] in ".:?!–—" for word in words))
    return " ".join(map(_calm_word, words, starts))


def _calm_word(word: str, first: bool) -> str:
    core = word.strip("\"'“”‘’()[]:;,.!?…")
    if core in _ACRONYMS or "." in core or any(char.isdigit() for char in core):
        return word
    if not first and core.casefold() in _SMALL:
        return word.lower()
    return re.sub(r"[^\W\d_]+(?:['’][^\W\d_]+)?", lambda part: part[0].capitalize(), word)
