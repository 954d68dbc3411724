"""Which language, direction and line height a headline asks for; decided from its letters where the feed is wrong."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from functools import lru_cache

#: first code point, last code point, script, the language assumed when nobody says
BLOCKS = (
    (0x0041, 0x024F, "latin", "en"),
    (0x1E00, 0x1EFF, "latin", "en"),
    (0x0370, 0x03FF, "greek", "el"),
    (0x1F00, 0x1FFF, "greek", "el"),
    (0x0400, 0x052F, "cyrillic", "ru"),
    (0x0530, 0x058F, "armenian", "hy"),
    (0x0590, 0x05FF, "hebrew", "he"),
    (0x0600, 0x06FF, "arabic", "ar"),
    (0x0700, 0x074F, "syriac", "syr"),
    (0x0750, 0x077F, "arabic", "ar"),
    (0x0780, 0x07BF, "thaana", "dv"),
    (0x08A0, 0x08FF, "arabic", "ar"),
    (0xFB50, 0xFDFF, "arabic", "ar"),
    (0xFE70, 0xFEFC, "arabic", "ar"),
    (0x0900, 0x097F, "devanagari", "hi"),
    (0x0980, 0x09FF, "bengali", "bn"),
    (0x0A00, 0x0A7F, "gurmukhi", "pa"),
    (0x0A80, 0x0AFF, "gujarati", "gu"),
    (0x0B00, 0x0B7F, "oriya", "or"),
    (0x0B80, 0x0BFF, "tamil", "ta"),
    (0x0C00, 0x0C7F, "telugu", "te"),
    (0x0C80, 0x0CFF, "kannada", "kn"),
    (0x0D00, 0x0D7F, "malayalam", "ml"),
    (0x0D80, 0x0DFF, "sinhala", "si"),
    (0x0E00, 0x0E7F, "thai", "th"),
    (0x0E80, 0x0EFF, "lao", "lo"),
    (0x0F00, 0x0FFF, "tibetan", "bo"),
    (0x1000, 0x109F, "myanmar", "my"),
    (0x10A0, 0x10FF, "georgian", "ka"),
    (0x1C90, 0x1CBF, "georgian", "ka"),
    (0x1200, 0x139F, "ethiopic", "am"),
    (0x13A0, 0x13FF, "cherokee", "chr"),
    (0x1780, 0x17FF, "khmer", "km"),
    (0x3040, 0x30FF, "kana", "ja"),
    (0x31F0, 0x31FF, "kana", "ja"),
    (0x3400, 0x9FFF, "han", "zh"),
    (0xF900, 0xFAFF, "han", "zh"),
    (0x20000, 0x323AF, "han", "zh"),
    (0x1100, 0x11FF, "hangul", "ko"),
    (0x3130, 0x318F, "hangul", "ko"),
    (0xAC00, 0xD7AF, "hangul", "ko"),
)

#: Line height per script: tall marks above and below need room (Latin 1.1; measured on the vendored fonts).
LINE_HEIGHTS = {
    "han": 1.24,
    "kana": 1.24,
    "hangul": 1.22,
    "hebrew": 1.16,
    "arabic": 1.34,
    "thaana": 1.34,
    "syriac": 1.34,
    "thai": 1.34,
    "lao": 1.36,
    "khmer": 1.46,
    "myanmar": 1.5,
    "tibetan": 1.46,
    "devanagari": 1.3,
    "bengali": 1.3,
    "gurmukhi": 1.3,
    "gujarati": 1.3,
    "oriya": 1.34,
    "tamil": 1.3,
    "telugu": 1.38,
    "kannada": 1.36,
    "malayalam": 1.34,
    "sinhala": 1.32,
    "ethiopic": 1.2,
    "georgian": 1.16,
    "armenian": 1.14,
    "greek": 1.14,
    "cyrillic": 1.12,
}

#: Languages written in a script other than Latin; a headline with another script is mislabelled.
WRITTEN = {
    "devanagari": {"hi", "mr", "ne", "sa", "kok", "mai", "bho"},
    "bengali": {"bn", "as"},
    "arabic": {"ar", "fa", "ur", "ps", "ckb", "sd", "ug", "ku", "pa", "ks", "az"},
    "hebrew": {"he", "iw", "yi"},
    "cyrillic": {"ru", "uk", "be", "bg", "sr", "mk", "kk", "ky", "mn", "tg", "tt", "uz", "bs", "az"},
    "han": {"zh", "yue", "ja", "ko", "lzh", "cmn", "wuu", "nan"},
    "kana": {"ja"},
    "hangul": {"ko"},
    "ethiopic": {"am", "ti"},
    "greek": {"el"},
}


RIGHT_TO_LEFT = {"ar", "he", "iw", "fa", "ur", "ps", "ckb", "sd", "ug", "yi", "dv", "syr"}


@lru_cache(maxsize=4096)
def _block(character: str) -> tuple[str, str] | None:
    code = ord(character)
    return next(((script, language) for first, last, script, language in BLOCKS if first <= code <= last), None)


def script(text: str) -> str:
    """The script most of the letters belong to; "kana" wherever Japanese kana stand among Chinese characters."""
    counts = Counter(block[0] for c in text if c.isalpha() and (block := _block(c)))
    if not counts:
        return "latin"
    if counts["kana"] and counts["kana"] + counts["han"] >= max(counts.values()):
        return "kana"
    return max(counts, key=lambda name: (counts[name], name))


def line_height(text: str) -> float:
    """Line height in em: that of the tallest script which has a real share of the text."""
    letters = [block[0] for c in text if (block := _block(c))]
    shares = Counter(letters)
    present = [s for s, n in shares.items() if n * 10 >= len(letters)] or ["latin"]
    return max(LINE_HEIGHTS.get(s, 1.1) for s in present)


def language(text: str, declared: str) -> str:
    """The declared BCP 47 tag, unless the letters say that it cannot be; then the script's commonest language."""
    name = script(text)
    primary = re.split(r"[-_]", declared.lower())[0]
    guessed = next((lang for _, _, s, lang in BLOCKS if s == name), "en")
    known = re.fullmatch(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*", declared) and primary not in {"und", "mul", "zxx"}
    if not known:
        return guessed
    if name == "latin":
        foreign = set().union(*(WRITTEN[s] for s in ("devanagari", "hebrew", "kana", "hangul", "greek", "ethiopic")))
        return "en" if primary in foreign and any(c.isalpha() for c in text) else declared
    return declared if primary in WRITTEN.get(name, {guessed}) else guessed


def traditional(tag: str) -> bool:
    """Whether a Chinese tag asks for traditional characters."""
    parts = re.split(r"[-_]", tag.lower())
    return "hant" in parts or (
        parts[0] in {"zh", "yue"} and bool({"tw", "hk", "mo"} & set(parts)) and "hans" not in parts
    )


def direction(text: str, language: str = "") -> str:
    """Which way a text runs, "rtl" or "ltr": by the letters' own directions; the language decides a close call."""
    kinds = Counter(unicodedata.bidirectional(c) for c in text)
    right = kinds["R"] + kinds["AL"]
    rtl_language = re.split(r"[-_]", language.lower())[0] in RIGHT_TO_LEFT
    return "rtl" if right and (right >= kinds["L"] or rtl_language) else "ltr"
