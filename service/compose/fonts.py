"""Which typefaces a text needs, and where they are. Pure: nothing is opened but the census of glyphs.

Every face is a file in ``fonts/`` (how each was made: ``fonts/README.md``); ``coverage.json`` says which characters it
draws. A text names the faces it needs, so that the large ones are read only by texts that have a use for them.
"""

from __future__ import annotations

import json
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import Path

from .languages import script, traditional

GETA = "〓"  #: what Japanese printers set where a sort was missing from the case


@dataclass(frozen=True, slots=True)
class Face:
    """One typeface: its family in CSS, its file, the weights the file can draw."""

    family: str
    file: str  #: in ``folder()``; an absolute path for a face of the ``cjk`` extra
    weights: str


def _noto(name: str, weights: str = "400 700") -> Face:
    return Face(f"Noto {name}", f"noto-{name.lower().replace(' ', '-')}.woff2", weights)


INTER = Face("Inter", "inter.woff2", "100 900")
NEWSREADER = Face("Newsreader", "newsreader.woff2", "400 700")
CJK = Face("Noto CJK", "noto-cjk.woff2", "400 900")
VARIABLE = (
    "Arabic Hebrew Devanagari Bengali Thai Tamil Telugu Gujarati Gurmukhi Kannada Malayalam Sinhala Lao Khmer Myanmar "
    "Georgian Armenian Ethiopic Oriya"
)
BOLD_ONLY = "Latin Thaana Syriac NKo Tifinagh Cherokee CanadianAboriginal OlChiki MeeteiMayek Tibetan"
SANS = (
    INTER,
    *map(_noto, VARIABLE.split()),
    CJK,
    _noto("Emoji", "400 900"),
    *(_noto(name, "400 900") for name in BOLD_ONLY.split()),
    _noto("Symbols", "400 900"),
    _noto("Symbols2", "400 900"),
)
#: Serif faces for posters; a script without one is set in its sans.
SERIF = (
    NEWSREADER,
    *(
        _noto(name, "400 900")
        for name in (
            "Serif",
            "Naskh Arabic",
            "Serif Hebrew",
            "Serif Devanagari",
            "Serif Bengali",
            "Serif Thai",
            "Serif Georgian",
            "Serif Armenian",
        )
    ),
)
EXTRA = "manimgx_fonts_cjk"  #: the package behind the ``cjk`` extra: all of Noto Sans CJK, 33 MB


def folder() -> Path:
    """Where the vendored fonts are."""
    return Path(__file__).with_name("fonts")


@cache
def _census() -> dict[str, str]:
    loaded: dict[str, str] = json.loads((folder() / "coverage.json").read_text("ascii"))
    return loaded


@cache
def _ranges(file: str) -> tuple[list[int], list[int]]:
    pairs = [r.split("-") for r in _census()[file.removesuffix(".woff2")].split(",")]
    return [int(p[0], 16) for p in pairs], [int(p[-1], 16) for p in pairs]


def draws(face: Face, character: str) -> bool:
    """Whether a vendored face has a glyph for the character."""
    starts, ends = _ranges(face.file)
    at = bisect_right(starts, ord(character)) - 1
    return at >= 0 and ord(character) <= ends[at]


def _silent(character: str) -> bool:
    """Needs no glyph: spaces, joiners, bidi marks, variation selectors."""
    return character.isspace() or unicodedata.category(character) in {"Cf", "Cc"} or "\ufe00" <= character <= "\ufe0f"


def _han(character: str) -> bool:
    return "\u3400" <= character <= "\u9fff" or "\U00020000" <= character <= "\U000323af"


@lru_cache(maxsize=8192)
def _first(character: str, serif: bool) -> Face | None:
    if "\U0001f000" <= character <= "\U0001faff":
        return next(f for f in SANS if f.family == "Noto Emoji") if draws(_EMOJI, character) else None
    return next((f for f in (SERIF if serif else ()) + SANS if draws(f, character)), None)


_EMOJI = next(f for f in SANS if f.family == "Noto Emoji")


@cache
def extra() -> Path | None:
    """The full Chinese, Japanese and Korean font of the ``cjk`` extra, where installed."""
    spec = find_spec(EXTRA)
    places = spec.submodule_search_locations if spec else None
    return next((p for place in places or () for p in sorted(Path(place).glob("**/*CJK*")) if p.is_file()), None)


def needed(text: str, language: str, *, serif: bool = False) -> tuple[Face, ...]:
    """The faces that draw the text, in the order a browser should try them. Inter is always among them."""
    found = dict.fromkeys(face for c in text if not _silent(c) and (face := _first(c, serif)))
    if extra() and any(_han(c) and not draws(CJK, c) for c in text):
        found.pop(CJK, None)
        found[_extra_face(language)] = None
    # Chinese and Japanese quotation marks and dashes belong to the wide face; it has no Latin letters to spoil
    wide = [f for f in found if f is CJK and (language[:2] in {"zh", "ja"} or script(text) in {"han", "kana"})]
    serifs = [f for f in found if f in SERIF] if serif else []
    return tuple(dict.fromkeys([*wide, *([NEWSREADER] if serif else []), *serifs, INTER, *found]))


def _extra_face(language: str) -> Face:
    primary = language.lower()[:2]
    region = {"ja": "JP", "ko": "KR"}.get(primary, "TC" if traditional(language) else "SC")
    return Face(f"Noto Sans CJK {region}", str(extra()), "100 900")


def stack(faces: Iterable[Face]) -> str:
    """The value of ``font-family`` for some faces."""
    return ",".join([*(f"'{f.family}'" for f in faces), "sans-serif"])


@lru_cache(maxsize=4096)
def _substitute(character: str) -> str:
    if _silent(character) or _first(character, serif=False) or (_han(character) and extra()):
        return character
    for form in ("NFKC", "NFD"):
        plain = "".join(c for c in unicodedata.normalize(form, character) if not unicodedata.combining(c))
        if plain not in {"", character} and all(_silent(c) or _first(c, serif=False) for c in plain):
            return plain
    return GETA if _han(character) else ""


def drawable(text: str) -> str:
    """The text with nothing that would show as an empty box.

    A character no face draws becomes its plain form where Unicode knows one (𝐇 → H); a rare Chinese character becomes
    the printers' geta 〓; anything else is left out.
    """
    return "".join(map(_substitute, text))


@cache
def web_css() -> str:
    """``@font-face`` rules for the live page; a browser fetches only the files whose characters stand on the page."""
    return "\n".join(_rule(face) for face in (*SERIF, *SANS))


def _rule(face: Face) -> str:
    starts, ends = _ranges(face.file)
    spans = ",".join(f"U+{a:X}" if a == b else f"U+{a:X}-{b:X}" for a, b in zip(starts, ends, strict=True))
    return (
        f"@font-face{{font-family:'{face.family}';src:url('/static/fonts/{face.file}') format('woff2');"
        f"font-weight:{face.weights};font-display:swap;unicode-range:{spans}}}"
    )
