"""Which characters of a foreign text are seen: those stay; what hides, overrides or piles up goes.

Unicode Standard Annex 9 (bidirectional controls), 15 (normal form C), 44 (categories), Technical Standard 51 (emoji).
"""

from __future__ import annotations

import re
import unicodedata

_TERMINAL = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?)?")
# Text of these characters alone is seen as it is and is in normal form C: it needs no look at each character.
_UNUSUAL = re.compile(
    r"[^ -~\xa1-\xac\xae-\u02ff\u0400-\u0482\u05d0-\u05ea\u0621-\u063a\u0641-\u064a\u2010-\u2015\u2018-\u201f\u2026"
    r"\u20ac\u3001-\u3011\u3041-\u3096\u30a1-\u30fc\u4e00-\u9fff\uac00-\ud7a3]"
)
_FLAG_LETTERS = re.compile("[\U0001f1e6-\U0001f1ff]+\\Z")
_BLANKS = re.compile(r"\s+")

_ZWNJ, _ZWJ = "\u200c", "\u200d"
_EMOJI_STYLE = "\ufe0e\ufe0f"
# Fillers, the grapheme joiner, Mongolian variation selectors, the object replacement: shown as nothing or as a box.
_BLANK_LETTERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2065\u3164\uffa0\ufffc")
# Format characters that belong to writing: the Arabic, Syriac and Kaithi signs that enclose the digits after them.
_ENCLOSING = frozenset("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd")
_ACCENTS = 2  #: a letter carries at most; zalgo carries dozens
_MARKS = 5  #: of any kind a letter carries at most; an Indic syllable or a Tibetan stack needs as many


def visible(text: str) -> str:
    """The text without what is not seen, in normal form C, its blanks folded."""
    if _UNUSUAL.search(text):
        text = "".join(_seen(unicodedata.normalize("NFC", _TERMINAL.sub("", text))))
        text = unicodedata.normalize("NFC", text)
    return _BLANKS.sub(" ", text).strip()


def _seen(text: str) -> list[str]:
    kept: list[str] = []
    accents = marks = 0  # on the letter at hand
    for at, char in enumerate(text):
        kind = unicodedata.category(char)
        if kind[0] == "M":
            if _belongs(char, kept) and accents < _ACCENTS and marks < _MARKS:
                kept.append(char)
                accents += unicodedata.combining(char) > 0 or kind == "Me"
                marks += 1
        elif char in (_ZWJ, _ZWNJ):
            if kept and _joins(char, kept[-1], text[at + 1 : at + 2]):
                kept.append(char)
        elif char.isspace() or not _hidden(char, kind):
            kept.append(" " if char.isspace() else char)
            accents = marks = 0
    return kept


def _hidden(char: str, kind: str) -> bool:
    if kind in ("Cc", "Cs", "Co") or char in _BLANK_LETTERS:
        return True
    if kind == "Cf":
        return char not in _ENCLOSING
    code = ord(char)  # unassigned: tag characters (E0000…) and non-characters hide, a letter newer than we are does not
    return kind == "Cn" and (0xE0000 <= code <= 0xE0FFF or 0xFDD0 <= code <= 0xFDEF or code & 0xFFFE == 0xFFFE)


def _belongs(mark: str, kept: list[str]) -> bool:
    """Whether a mark has something to sit on; a variation selector only follows a sign that can be an emoji."""
    if not kept or kept[-1] == " " or mark in _BLANK_LETTERS:
        return False
    if "\ufe00" <= mark <= "\ufe0f" or "\U000e0100" <= mark <= "\U000e01ef":
        return mark in _EMOJI_STYLE and unicodedata.category(kept[-1])[0] in "SPN"
    return True


def _joins(joiner: str, before: str, after: str) -> bool:
    """Whether a joiner means something here: within an emoji, or between letters of a joining or Indic script."""
    if not after:
        return False
    if joiner == _ZWJ and (before in _EMOJI_STYLE or _skin_tone(before) or unicodedata.category(before) == "So"):
        return unicodedata.category(after) == "So"
    return all(_shapes(c) for c in (before, after))


def _shapes(char: str) -> bool:
    """Whether a character's form depends on its neighbours."""
    code = ord(char)
    near = (
        0x0600 <= code <= 0x109F or 0x1780 <= code <= 0x18AF or 0xA800 <= code <= 0xABFF or 0x11000 <= code <= 0x11FFF
    )
    return near and unicodedata.category(char)[0] in "LM"


def _skin_tone(char: str) -> bool:
    return "\U0001f3fb" <= char <= "\U0001f3ff"


def joined(text: str, at: int) -> bool:
    """Whether ``text[at]`` is seen as part of the character before it."""
    before, here = text[at - 1], text[at]
    if _ZWJ in (before, here) or here == _ZWNJ or unicodedata.category(here)[0] == "M" or _skin_tone(here):
        return True
    flags = _FLAG_LETTERS.search(text, 0, at) if _FLAG_LETTERS.match(here) else None
    return flags is not None and len(flags[0]) % 2 == 1  # a flag is a pair of letters
