"""Where a headline may be broken: units that stay whole, and what stands between them."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from itertools import pairwise
from typing import Any

from .languages import script, traditional

LIMIT = 300  #: graphemes of a headline that are looked at; no line-up of lines holds more
CLOSING = frozenset("!?:;,.%)]}»›…！？、。")  #: marks that stay with the word before them, spaced or not
COMPOUND = 16  #: characters a hyphenated compound may have and still be kept whole
#: Chinese characters that hardly ever begin a word, being the second half of one (珊瑚, 蝴蝶); budoux splits some.
FOLLOWERS = frozenset("瑚蝶萄蛛瑰琶驼駝鹉鵡啡尬徊徨蜓蟹凰麟珀璃莉檬榄欖杷蓿蜴蚓蝠蟆蟀魉魎魅蕾莺榴芹姻裟")
BUDOUX = {"kana": "japanese", "thai": "thai"}
#: Languages whose pieces of a broken word end in a hyphen.
HYPHENATED = {"latin", "cyrillic", "greek", "armenian"}
#: Scripts written without spaces that have no dictionary here: break before a letter that begins a syllable.
SYLLABLES = {
    "myanmar": re.compile(r"(?<!\u1039)(?=[\u1000-\u102a\u103f\u104e](?![\u103a\u1039]))"),
    "khmer": re.compile(r"(?<!\u17d2)(?=[\u1780-\u17b3])"),
    "lao": re.compile(r"(?=[\u0ec0-\u0ec4])"),
    "tibetan": re.compile(r"(?<=\u0f0b)"),
}


@dataclass(frozen=True, slots=True)
class Unit:
    """A run of text that is never broken. ``width`` is in em and excludes what follows."""

    text: str
    glue: str = ""  #: " " when a space follows, "-" when a hyphen shows if the line ends here, else ""
    width: float = 0.0


def tidy(text: str, limit: int = LIMIT) -> str:
    """One line of plain text: NFC, no control or direction-override characters, at most two marks on a letter."""
    kept: list[str] = []
    marks = 0
    for c in unicodedata.normalize("NFC", text[: limit * 8]):
        category = unicodedata.category(c)
        if category in {"Cc", "Zl", "Zp", "Zs"}:
            kept.append(" ")
            continue
        if category in {"Cs", "Co", "Cn"} or (category == "Cf" and not _joins(c, kept)) or c in "\u200b\u2060":
            continue
        marks = marks + 1 if category in {"Mn", "Me"} and not "\ufe00" <= c <= "\ufe0f" else 0
        if marks <= (1 if "\u0300" <= c <= "\u036f" else 3):
            kept.append(c)
    return " ".join("".join(kept).split())


def _joins(character: str, before: list[str]) -> bool:
    """Zero-width joiners shape Indic and Arabic letters and hold emoji together; elsewhere they are noise."""
    return character in "\u200c\u200d" and bool(before) and before[-1] > "\u058f"


def shortened(text: str, limit: int = LIMIT) -> str:
    """The text cut to ``limit`` graphemes, at a word where there is one, with an ellipsis."""
    pieces = graphemes(text)
    if len(pieces) <= limit:
        return text
    cut = "".join(pieces[: limit - 1])
    at_word = cut.rsplit(" ", 1)[0]
    return (at_word if len(at_word) > limit // 2 else cut).rstrip(" ,;:–—-") + "…"


def graphemes(text: str) -> list[str]:
    """User-perceived characters (UAX 29)."""
    from uniseg.graphemecluster import grapheme_clusters

    return list(grapheme_clusters(text))


@cache
def _budoux(name: str) -> Any:
    import budoux

    return getattr(budoux, f"load_default_{name}_parser")()


def _bound(text: str) -> str:
    """No dash begins a line; a number stays with its unit."""
    text = re.sub(r" ([–—])", "\u00a0\\1", text)
    return re.sub(r"(\d)[ \u202f](?=(?:\w{1,2}\b|[%°€$£¥₹]))", "\\1\u00a0", text)


def units(text: str, language: str) -> list[Unit]:
    """The text's unbreakable runs: phrases (budoux) in Japanese, Chinese and Thai, syllables where nothing better is
    known, words at spaces in Korean, else the Unicode line breaking algorithm (UAX 14).
    """
    name = script(text)
    chunks = _chunks(_bound(text), name, language)
    return [Unit(c.rstrip(" "), " " if c.endswith(" ") else "") for c in _joined(chunks) if c.strip(" ")]


def _joined(chunks: list[str]) -> list[str]:
    """Compounds such as "forty-year" stay whole while they are short; so do Chinese words of one sound."""
    out: list[str] = []
    for chunk in chunks:
        compound = out and out[-1].endswith(("-", "‐")) and len(out[-1]) + len(chunk) <= COMPOUND
        if out and (compound or chunk[:1] in CLOSING or (chunk[:1] in FOLLOWERS and not out[-1].endswith(" "))):
            out[-1] += chunk
        else:
            out.append(chunk)
    return out


def _chunks(text: str, name: str, language: str) -> list[str]:
    if name == "hangul":
        return re.findall(r"[^ ]+ *", text)
    if name in SYLLABLES:
        return [piece for word in re.findall(r"[^ ]+ *", text) for piece in SYLLABLES[name].split(word) if piece]
    parser = BUDOUX.get(name)
    if name == "han":
        parser = "traditional_chinese" if traditional(language) else "simplified_chinese"
    if parser is None:
        return [piece for word in re.findall(r"[^ ]+ *", text) for piece in _word(word)]
    # budoux takes foreign words apart as well: only spaces break those
    phrases = [p for word in re.findall(r"[^ ]+ *", text) for p in _budoux(parser).parse(word)]
    return _kept(phrases)


@lru_cache(maxsize=8192)
def _word(word: str) -> tuple[str, ...]:
    """Where a run without spaces may be broken (UAX 14). Whole texts give the same breaks, an order slower."""
    from uniseg.linebreak import line_break_units

    return (word,) if word.strip().isalpha() and script(word) in HYPHENATED else tuple(line_break_units(word))


def _kept(phrases: list[str]) -> list[str]:
    """No closing mark begins a phrase and no opening mark ends one (kinsoku)."""
    out: list[str] = []
    for phrase in phrases:
        closing = phrase[:1] in "、。，．・：；？！」』）】》〉”’…ー％%)]}ๆฯ" and phrase[:1]
        if out and (closing or out[-1][-1:] in "「『（【《〈“‘([{") and not out[-1].endswith(" "):
            out[-1] += phrase
        else:
            out.append(phrase)
    return out


def split_word(unit: Unit, language: str) -> list[Unit]:
    """The pieces a word too long for its line may be broken into: syllables with a hyphen, else single graphemes."""
    pieces = _syllables(unit.text, language)
    hyphen = "-" if len(pieces) > 1 else ""
    if not hyphen:
        pieces = graphemes(unit.text)
    parts = [Unit(p, hyphen if not p.endswith(("-", "/", "\u2010")) else "") for p in pieces]
    return [*parts[:-1], replace(parts[-1], glue=unit.glue)] if parts else [unit]


def _syllables(word: str, language: str) -> list[str]:
    import pyphen

    name = pyphen.language_fallback(language.replace("-", "_"))
    if name is None or script(word) not in HYPHENATED:
        return [word]
    at = [0, *_hyphenation(name).positions(word), len(word)]
    return [word[a:b] for a, b in pairwise(at)]


@cache
def _hyphenation(name: str) -> Any:
    import pyphen

    return pyphen.Pyphen(lang=name)
