"""What is wrong with a scene, in words. Pure, and the same for scenes of ours and for those a model proposes.

The rules guard three things: that nothing in a picture can hurt (harm, weapons, real people), that a model does not
try what it cannot do (lettering, logos, flags), and that the text is a scene at all (its length, no markup, nothing
named by its absence: a model paints what a sentence denies).
"""

from __future__ import annotations

import re
from functools import cache

WORDS_MIN, WORDS_MAX = 8, 60  #: a scene's length

#: what a fault is called, and the words that make it (regular expressions, whole words, any case)
WORDS = {
    "lettering": (
        "sign|signs|sign ?posts?|sign ?boards?|lettering|letters|captions?|slogans?|"
        "headlines?|newspapers?|posters?|placards?|"
        "billboards?|banners?|labels?|subtitles?|inscri\\w+|graffiti|written|writes|spelling|"
        "spells|reads(?! aloud| in| to)|"
        "says|saying|text|words|alphabet\\w*|numbers?|numerals?|tattoo\\w*|speech bubbles?|tombstones?"
    ),
    "weapon": (
        "guns?|rifles?|pistols?|revolvers?|shotguns?|swords?|knife|knives|daggers?|bombs?|"
        "bombers?|missiles?|grenades?|"
        "bullets?|spears?|cannons?|tanks?|axes?|machetes?|weapons?|ammunition|warheads?|"
        "warships?|bayonets?|crossbows?|"
        "landmines?|explosives?"
    ),
    "harm": (
        "blood\\w*|bleed\\w*|gore|gory|wound(?:s|ed)|corpses?|carcass\\w*|dead|dying|die|"
        "dies|kill\\w*|murder\\w*|coffins?|"
        "noose|hanged|severed|injur\\w+|bruis\\w+|scream\\w*|drown\\w*|explod\\w+|"
        "explosions?|wreck\\w*|rubble|crash\\w*|"
        "burning (?:house|car|town|building)\\w*|crying|weeping|tortur\\w+|starv\\w+|skulls?|"
        "handcuffs?|chained|beaten|"
        "graves?|gravestones?|body bags?|suffering|victims?"
    ),
    "flag": "flags?|swastikas?|coats? of arms|national emblems?|crucifix\\w*|hammer and sickle",
    "logo": "logos?|brands?|branded|trademarks?|watermarks?|mascots?",
    "worn symbol": (
        "light ?bulbs?|handshakes?|shaking hands|globes?|jigsaws?|puzzle pieces?|"
        "puppet strings|broken hearts?|lady justice"
    ),
    "real person": (
        "president|prime minister|chancellor|senator|politicians?|celebrit\\w+|dictator|"
        "movie star|pop star|pope|ayatollah|"
        "resembling|lookalike|portrait of"
    ),
    "undressed": "naked|nude|topless|lingerie|sexy|erotic|underwear",
    "named by its absence": "no|not|without|never|nothing|nobody|none|neither",
    "style, not scene": (
        "photorealis\\w+|hyperrealis\\w+|masterpiece|in the style of|trending|artstation|"
        "octane|unreal engine|high quality|"
        "best quality|4k|8k|hdr|illustration of|painting of|photo of|photograph of|render of"
    ),
    "order": "ignore (?:all|any|the|previous)|system prompt|instructions?|as an ai",
}
#: the same for what is no word
MARKS = {
    "address": r"https?:|www\.|\b\w+\.(?:com|org|net|io|de|fr|uk)\b|@\w",
    "quotation": r"[\"“”„«»「」『』]|(?<!\w)['‘’]\w",
    "digit": r"\d",
    "markup": r"[<>{}\[\]|\\`#*_=]|[\x00-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]",
}
BLANK = r"(?<!\bblank )(?<!\bplain )(?<!\bempty )(?<!\bwordless )"  #: such a banner carries no lettering
NAME = re.compile(r"(?<![.!?] )(?<!^)\b[A-ZÀ-Þ][\w'’]*")
NOT_LATIN = re.compile(r"[^\W\d_a-zA-ZÀ-ɏ]")


@cache
def _rules() -> tuple[tuple[str, re.Pattern[str]], ...]:
    words = [(name, re.compile(rf"{BLANK}\b(?:{listed})\b", re.IGNORECASE)) for name, listed in WORDS.items()]
    marks = [(name, re.compile(pattern, re.IGNORECASE)) for name, pattern in MARKS.items()]
    return (*words, *marks, ("name", NAME), ("not plain English", NOT_LATIN))


def faults(scene: str, subject: str | None = None) -> tuple[str, ...]:
    """What is wrong with a scene, each with the words at fault; empty where nothing is.

    ``subject`` is the name that may stand in it: then it must, once, among the first eight words.
    """
    found = [_subject_fault(scene, subject)] if subject else []
    bare = re.sub(rf"(?<!\w){re.escape(subject)}(?!\w)", "somebody", scene) if subject else scene
    found.append(_length_fault(bare))
    for name, pattern in _rules():
        hit = pattern.search(bare.strip())
        found.append(f"{name}: {hit[0]!r}" if hit else "")
    return tuple(fault for fault in found if fault)


def _length_fault(scene: str) -> str:
    count = len(scene.split())
    if count > WORDS_MAX:
        return f"too long: {count} words"
    return f"too short: {count} words" if count < WORDS_MIN else ""


def _subject_fault(scene: str, subject: str) -> str:
    token = rf"(?<!\w){re.escape(subject)}(?!\w)"
    times = len(re.findall(token, scene))
    if times != 1:
        return f"the subject is named {times} times"
    return "" if re.search(token, " ".join(scene.split()[:8])) else "the subject comes late"
