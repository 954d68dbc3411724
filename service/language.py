# ruff: noqa: SIM905  (a long list of words reads best as words)
"""Which language a text is in, and which way it runs.

Order: what the feed declares, if the script allows it; the script, where one language has it to itself; fastText's
compressed ``lid.176`` model (Joulin et al. 2016, "Bag of Tricks for Efficient Text Classification" and "FastText.zip:
Compressing text classification models"), where it is sure; what the reader usually reads; "und".
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

_RTL = frozenset("ar arc ckb dv fa he iw ks ps sd syr ug ur yi".split())
_RTL_SCRIPTS = frozenset("arab hebr thaa syrc nkoo adlm".split())

# The first word of a character's Unicode name -> our name for its script.
_SCRIPTS = {
    "LATIN": "latin", "CYRILLIC": "cyrillic", "GREEK": "greek", "HEBREW": "hebrew", "ARABIC": "arabic",
    "DEVANAGARI": "devanagari", "BENGALI": "bengali", "TAMIL": "tamil", "TELUGU": "telugu", "KANNADA": "kannada",
    "MALAYALAM": "malayalam", "GUJARATI": "gujarati", "GURMUKHI": "gurmukhi", "SINHALA": "sinhala", "THAI": "thai",
    "LAO": "lao", "KHMER": "khmer", "MYANMAR": "myanmar", "TIBETAN": "tibetan", "GEORGIAN": "georgian",
    "ARMENIAN": "armenian", "ETHIOPIC": "ethiopic", "HANGUL": "hangul", "HIRAGANA": "kana", "KATAKANA": "kana",
    "CJK": "han", "THAANA": "thaana", "ORIYA": "oriya",
}  # fmt: skip
# Scripts other than Latin -> the languages written in them that news is likely to come in, the likeliest first.
_WRITTEN_IN = {
    "cyrillic": "ru uk bg sr mk be kk ky mn tg tt ba cv ce os", "greek": "el", "hebrew": "he iw yi",
    "arabic": "ar fa ur ps ckb ug sd ks pnb arz azb", "devanagari": "hi mr ne sa bh mai", "bengali": "bn as",
    "tamil": "ta", "telugu": "te", "kannada": "kn", "malayalam": "ml", "gujarati": "gu", "gurmukhi": "pa",
    "sinhala": "si", "thai": "th", "lao": "lo", "khmer": "km", "myanmar": "my", "tibetan": "bo dz", "georgian": "ka",
    "armenian": "hy", "ethiopic": "am ti", "hangul": "ko", "kana": "ja", "han": "zh ja yue", "thaana": "dv",
    "oriya": "or",
}  # fmt: skip
_ELSEWHERE = frozenset(" ".join(_WRITTEN_IN.values()).split()) - frozenset("sr kk mn tg tt".split())  # or Latin

_TAG = re.compile(r"([a-z]{2,3})(?:[-_]([a-z]{4}))?(?:[-_]([a-z]{2}|[0-9]{3}))?(?:[-_.@].*)?", re.IGNORECASE)
_SURE = 0.6  #: below this share fastText guesses wrong on headlines
_LIKELY = 0.3  #: enough for a language the reader usually reads
_GUESSED = 0.3  #: below it, and not English, fastText met no words it knows; of English headlines 1 in 150
_OVERRULES_ENGLISH = 0.85  #: "en-US" is what many a content system declares until someone tells it otherwise


def direction(language: str) -> str:
    """Which way a language (BCP 47) runs: "ltr" or "rtl"."""
    parts = language.lower().replace("_", "-").split("-")
    script = next((p for p in parts[1:] if len(p) == 4), None)
    rtl = script in _RTL_SCRIPTS if script else parts[0] in _RTL
    return "rtl" if rtl else "ltr"


def language(text: str, declared: str | None = None, usual: Sequence[str] = ()) -> str:
    """The language of clean text as a BCP 47 tag such as "en", "pt-BR"; "und" where nobody can tell.

    ``declared`` is what the feed says of itself; ``usual`` the languages its reader usually reads, the first foremost.
    """
    script = _script(text)
    said = _tag(declared)
    if said and _fits(said, script):
        guess, share = _guess(text) if said[:2] == "en" and script == "latin" else (said, 0.0)
        wrong = not guess.startswith("en") and share >= _OVERRULES_ENGLISH and len(text.split()) >= 4
        return guess if wrong else said
    return _found(text, script, [tag for tag in map(_tag, usual) if tag])


def gibberish(text: str) -> bool:
    """Whether four words or more in Latin letters are of no language that fastText knows: a cipher, a code, a list."""
    if _script(text) != "latin" or len(re.findall(r"[^\W\d_]{2,}", text)) < 4:
        return False
    guess, share = _guess(text)
    return guess not in ("en", "und") and share < _GUESSED


def _found(text: str, script: str, usual: list[str]) -> str:
    """The language of a text that nobody vouches for."""
    candidates = _WRITTEN_IN.get(script, "").split()
    if len(candidates) == 1:
        return candidates[0]
    fallback = next((tag for tag in usual if _fits(tag, script)), candidates[0] if candidates else "und")
    if not script:
        return fallback
    guess, share = _guess(text)
    known = next((tag for tag in usual if tag.partition("-")[0] == guess), None)
    if _fits(guess, script) and share >= (_LIKELY if known else _SURE):
        return known or guess
    return fallback


def _tag(declared: str | None) -> str:
    """A BCP 47 tag in its usual spelling, or "" for what is none."""
    found = _TAG.fullmatch(declared.strip()) if declared else None
    if not found or found[1].lower() in ("und", "mul", "zxx", "xx"):
        return ""
    script, region = found[2], found[3]
    return "-".join(p for p in (found[1].lower(), script and script.title(), region and region.upper()) if p)


def _fits(tag: str, script: str) -> bool:
    """Whether a language is written in a script; any language may be where the text has no letters."""
    base = tag.partition("-")[0]
    if not script:
        return True
    if script == "latin":
        return base not in _ELSEWHERE or "-Latn" in tag
    return base in _WRITTEN_IN[script].split()


def _script(text: str) -> str:
    """The script of most letters; kana makes a text Japanese however much of it is Chinese characters."""
    counts = Counter(filter(None, map(_script_of, text[:400])))
    if counts["kana"] and counts["kana"] * 10 >= counts["han"]:
        return "kana"
    # a foreign name in Latin letters says less than the letters of the sentence around it
    others = {script: n for script, n in counts.items() if script != "latin"}
    best = max(others, key=lambda script: others[script], default="latin")
    return best if others and others[best] * 2 >= counts["latin"] else "latin" if counts["latin"] else ""


@lru_cache(maxsize=4096)
def _script_of(char: str) -> str | None:
    return _SCRIPTS.get(unicodedata.name(char, "").split(" ")[0]) if char.isalpha() else None


def _guess(text: str) -> tuple[str, float]:
    """The model's first guess and its share, 0 … 1."""
    model = _model()
    if model is None:
        return "und", 0.0
    labels, shares = model.predict(" ".join(text.lower().split()), k=1)  # lower case: headlines shout
    guess = labels[0].removeprefix("__label__") if labels else "und"
    return {"iw": "he", "wuu": "zh", "bar": "de", "als": "de"}.get(guess, guess), float(shares[0]) if labels else 0.0


@cache
def _model() -> Any:
    """The vendored fastText model (0.9 MB), read with ``fasttext-predict``; None where that has no build."""
    try:
        import fasttext
    except ImportError:
        return None
    return fasttext.load_model(str(Path(__file__).with_name("lid.176.ftz")))
