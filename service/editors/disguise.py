# ruff: noqa: SIM905  (a list of words reads best as words)
"""What a text says beneath its disguise: hidden letters, look-alikes, digits for letters, ciphers, codes. Pure.

A reader of headlines never meets any of these; a language model reads them all. The look-alikes are those of Unicode
Technical Standard 39 ("confusables") that are used for Latin letters.
"""

from __future__ import annotations

import base64
import binascii
import re
import string
import unicodedata
from collections.abc import Callable, Iterator
from functools import cache
from urllib.parse import unquote

_FILLERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0\ufffc")
_HIDDEN = frozenset(("Cf", "Co", "Cs", "Cn"))

# Letters of other alphabets that are drawn like Latin ones, and Latin ones that are drawn oddly.
_PAIRS = (
    "аaвbсcԁdеeфfɡgһhіiјjкkӏlмmнhпnоoрpգqгrѕsтtуyѵvшwԝwхxуyзz"  # Cyrillic
    "αaβbγyδdεeηnιiκkμuνvοoρpσoτtυuχxωwζz"  # Greek
    "աwցgհhոnսuօoքfյjլlզq"  # Armenian
    "ᴀaʙbᴄcᴅdᴇeꜰfɢgʜhɪiᴊjᴋkʟlᴍmɴnᴏoᴘpꞯqʀrꜱsᴛtᴜuᴠvᴡwʏyᴢz"  # small capitals
    "ɐaɔcǝeɟfƃgɥhᴉiɾjʞkɯmɹrʇtʌvʍwʎyꓤrꓕtꓱe"  # turned
    "ıiłløođdħhŧtƒfəeɛeɑaɩiʋv"
)
_LOOKALIKES = str.maketrans(dict(zip(_PAIRS[::2], _PAIRS[1::2], strict=True)))
_LATIN_ODD = re.compile(
    "[ɐ-\u02af\u1d00-\u1dbf\ua4d0-\ua4f7ꜰꜱꞯ\U0001f110-\U0001f1e5]|[ᎠᎡᎢᎥᎩᎪᎫᎬᎳᎶᎷᎻᎽᎾᏀᏂᏃᏄᏆᏎᏒᏔᏕᏙᏚᏞᏟᏢᏦᏭᏮ]"
)
_FOREIGN = "Ͱ-Ͽἀ-῾Ѐ-ԯԱ-֏Ꭰ-Ᏽꭰ-ꮿⲀ-⳿"  # alphabets that share shapes with Latin
_MIXED = re.compile(rf"[a-zA-Z]['’]?[{_FOREIGN}]|[{_FOREIGN}]['’]?[a-zA-Z]")
_UNITS = re.compile(r"[µμΩ](?:[a-zA-ZΩ]{1,2}\b)|\b[kMGm]Ω")
_BRAILLE = re.compile("[\u2801-\u28ff]{3,}")
_FLAG_WORD = re.compile("(?:[\U0001f1e6-\U0001f1ff]\\s?){7,}")

_DIGITS = str.maketrans("013457896@$!|+€", "oieastbgbasiite")
_LEET = re.compile(r"(?<![\w@$!|+])(?=[\w@$!|+]*[a-zA-Z])(?=[\w@$!|+]*[013457@$])[\w@$!|+]{3,}")

_TOKENS: tuple[tuple[re.Pattern[str], Callable[[str], bytes]], ...] = (
    (re.compile(r"(?<![0-9a-fA-F])(?:(?:0x|\\x)?[0-9a-fA-F]{2}[\s:,]?){6,}"),
     lambda code: bytes.fromhex(re.sub(r"0x|\\x|[\s:,]", "", code))),
    (re.compile(r"(?<!\d)(?:[01]{8}\s?){3,}"),
     lambda code: bytes(int(part, 2) for part in re.findall("[01]{8}", code))),
    (re.compile(r"(?<!\d)(?:1?\d\d[\s,;-]+){5,}1?\d\d(?!\d)"), lambda code: bytes(map(int, re.findall(r"\d+", code)))),
    (re.compile(r"(?<!\w)[A-Z2-7]{16,}=*"), lambda code: base64.b32decode(_padded(code, 8))),
    (re.compile(r"(?<![\w+/])[\w+/-]{10,}={0,2}"),
     lambda code: base64.urlsafe_b64decode(_padded(code.replace("+", "-").replace("/", "_"), 4))),
)  # fmt: skip
_ESCAPED = re.compile(
    r"\\u\{?([0-9a-fA-F]{4,6})\}?|\\x([0-9a-fA-F]{2})|&#x([0-9a-fA-F]{2,6});?|&#(\d{2,7});?|U\+([0-9A-F]{4,6})"
)
_MORSE = re.compile(r"(?:[.·•∙_–—−-]{1,6}[\s/|]+){7,}")
_NUMBERED = re.compile(r"(?<![\d.,:])(?:(?:2[0-6]|1?\d)(?:\s*-\s*|\s*,\s*|\s+)){7,}(?:2[0-6]|1?\d)(?![\d.,:])")
_DOUBLED = re.compile(r"\b(?:([a-z])\1){3,}\b", re.IGNORECASE)
_SPELT = re.compile(r"(?<!\w)(?:\w[\s.*_~·•-]{1,3}){5,}\w(?!\w)")

# Words by which an English sentence in a simple cipher is known; none is another word when written backwards.
_ROT13 = "letters moved by 13"  #: the one everybody uses: one word is enough
_COMMON = (
    "the this that with from have your please ignore forget previous above instructions instruction prompt system "
    "draw paint write show scene picture image headline stories story follow other all words word must mood every "
    "keep gun flag blood hacked logo instead true false joyful"
).split()


def visible(text: str) -> str:
    """Compatibility forms folded (ｆｕｌｌｗｉｄｔｈ), hidden and control characters gone."""
    if text.isascii() and text.isprintable():
        return text
    folded = unicodedata.normalize("NFKC", text)
    return "".join(
        " " if char.isspace() or unicodedata.category(char) == "Cc" else char
        for char in folded
        if char.isspace() or not _unseen(char)
    )


def _unseen(char: str) -> bool:
    if char.isascii():
        return False
    selector = "\ufe00" <= char <= "\ufe0f" or "\U000e0100" <= char <= "\U000e01ef"
    return selector or char in _FILLERS or unicodedata.category(char) in _HIDDEN


def unmasked(text: str) -> str:
    """A visible text with look-alikes as Latin letters, accents gone, and digits that stand for letters as those."""
    if not text.isascii():
        apart = unicodedata.normalize("NFD", text.lower()).translate(_LOOKALIKES)
        text = "".join(_flag_letter(char) for char in apart if not unicodedata.combining(char))
    return _LEET.sub(lambda word: word[0].translate(_DIGITS), text)


def _flag_letter(char: str) -> str:
    return chr(ord(char) - 0x1F1E6 + ord("a")) if "\U0001f1e6" <= char <= "\U0001f1ff" else char


def masked(text: str) -> str:
    """What in a visible text hides its letters from a reader or a filter; "" where nothing does."""
    if not text.isascii():
        bare = _UNITS.sub(" ", text)
        if mixed := _MIXED.search(bare) or _FLAG_WORD.search(bare) or _BRAILLE.search(bare):
            return f"letters of another alphabet: {mixed[0]}"
        if len(odd := _LATIN_ODD.findall(bare)) > 2:
            return f"odd letters: {''.join(odd[:8])}"
    leet = [word[0] for word in _LEET.finditer(text) if len(re.findall(r"[a-z][013457@$][a-z]", word[0])) > 0]
    if len(leet) > 1:
        return f"digits for letters: {' '.join(leet[:3])}"
    code = _MORSE.search(text) or _NUMBERED.search(text) or _SPELT.search(text) or _DOUBLED.search(text)
    if code:
        return f"a code: {code[0][:24].strip()}"
    return _ciphered(text) or next((f"encoded: {said[:24]}" for said in decoded(text)), "")


def decoded(text: str, least: int = 4) -> Iterator[str]:
    """What base64, hexadecimal, binary, percent signs and escapes say, where it is ``least`` letters or more."""
    if len(re.findall("%[0-9a-fA-F]{2}", text)) > least // 6:
        yield unquote(text)
    if len(_ESCAPED.findall(text)) > least // 6:
        yield _ESCAPED.sub(lambda found: _letter(*found.groups()), text)
    for pattern, decode in _TOKENS:
        for found in pattern.finditer(text):
            said = _said(found[0], decode)
            if len(said) >= least:
                yield said


def _padded(code: str, to: int) -> str:
    code = code.rstrip("=")
    return code + "=" * (-len(code) % to)


def _letter(*codes: str | None) -> str:
    short, byte, page, decimal, point = codes
    number = int(decimal) if decimal else int(short or byte or page or point or "0", 16)
    return chr(number) if number < 0x110000 else ""


def _said(code: str, decode: Callable[[str], bytes]) -> str:
    """A token decoded, if that is words: a name of a file or a long word decodes to anything."""
    try:
        said = decode(code).decode("utf-8")
    except (ValueError, binascii.Error, OverflowError):
        return ""
    letters = sum(char.isalpha() or char == " " for char in said)
    return said if said.isprintable() and letters > 0.8 * len(said) else ""


def _ciphered(text: str) -> str:
    """The cipher that two words of a text are in; "" for none."""
    counts: dict[str, list[str]] = {}
    for word in set(re.findall(r"[a-z]{3,}", text.lower())):
        mixed = ("letters mixed up",) if word not in _COMMON and len(word) > 3 and _mixed(word) in _mixes() else ()
        for cipher in (*_ciphers().get(word, ()), *mixed):
            counts.setdefault(cipher, []).append(word)
    return next((f"{cipher}: {' '.join(words[:3])}" for cipher, words in counts.items() if _sure(cipher, words)), "")


def _sure(cipher: str, words: list[str]) -> bool:
    return len(words) > 1 or (cipher == _ROT13 and len(words[0]) > 3)


def _mixed(word: str) -> str:
    return word[0] + "".join(sorted(word[1:]))


@cache
def _mixes() -> frozenset[str]:
    return frozenset(_mixed(word) for word in _COMMON)


@cache
def _ciphers() -> dict[str, tuple[str, ...]]:
    """Enciphered common words, each with the ciphers it is common in."""
    alphabet, table = string.ascii_lowercase, dict[str, tuple[str, ...]]()
    keys = {f"letters moved by {by}": alphabet[by:] + alphabet[:by] for by in range(1, 26)}
    keys["the alphabet turned round"] = alphabet[::-1]
    for word in _COMMON:
        for cipher, key in keys.items():
            table.setdefault(word.translate(str.maketrans(alphabet, key)), ())
            table[word.translate(str.maketrans(alphabet, key))] += (cipher,)
        table[word[::-1]] = (*table.get(word[::-1], ()), "backwards")
        start = re.match(r"[^aeiou]*", word)
        onset = start[0] if start else ""
        pig = word[len(onset) :] + (onset + "ay" if onset else "way")
        table[pig] = (*table.get(pig, ()), "pig latin")
        bare = re.sub("[aeiou]", "", word)
        if len(bare) > 2 and bare != word:
            table[bare] = (*table.get(bare, ()), "vowels gone")
    return table
