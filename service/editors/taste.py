"""What is wrong with a scene, in words. Pure, and the same for scenes of ours and for those a model proposes.

The rules guard three things: that nothing in a picture can hurt (harm, weapons, real people), that a model does not
try what it cannot do (lettering, logos, flags, counting to seven), and that the text is a scene at all (its length,
no markup, nothing said by its absence: a model paints what a sentence denies).
"""

from __future__ import annotations

import re
from functools import cache

WORDS_MIN, WORDS_MAX = 8, 60

#: what a fault is called, and the words that make it; blank or closed things carry no lettering
RULES = {
    "lettering": r"(?<!blank )(?<!plain )(?<!empty )(?<!wordless )\b(?:sign(?:s|post|posts|board)?|lettering|letters|captions?|slogans?|"
    r"headlines?|newspapers?|posters?|placards?|billboards?|banners?|labels?|subtitles?|inscri\w+|graffiti|written|writes|spelling|"
    r"spells|reads|says|saying|text|words|alphabet\w*|numbers?|numerals?|tattoo\w*|speech bubbles?|tombstones?)\b(?! aloud)(?! in an)(?! to)",
    "weapon": r"\b(?:guns?|rifles?|pistols?|revolvers?|shotguns?|swords?|knife|knives|daggers?|bombs?|bombers?|missiles?|grenades?|bullets?|"
    r"spears?|cannons?|tanks?|axes?|machetes?|weapons?|ammunition|warheads?|warships?|bayonets?|crossbows?|landmines?|explosives?)\b",
    "harm": r"\b(?:blood\w*|bleed\w*|gore|gory|wound\w*|corpses?|carcass\w*|dead|dying|die|dies|kill\w*|murder\w*|coffins?|noose|"
    r"hanged|severed|injur\w+|bruis\w+|scream\w*|drown\w*|explod\w+|explosions?|wreck\w*|rubble|crash\w*|burning (?:house|car|town|building)\w*|"
    r"crying|weeping|torture\w*|starv\w+|skulls?|handcuffs?|chained|beaten|graves?|gravestones?|body bags?|suffering|victims?)\b",
    "flag": r"\b(?:flags?|swastikas?|coat of arms|national emblems?|crucifix\w*|hammer and sickle)\b",
    "logo": r"\b(?:logos?|brands?|branded|trademarks?|watermarks?|mascots?)\b",
    "worn symbol": r"\b(?:light ?bulbs?|handshakes?|shaking hands|globes?|jigsaws?|puzzle pieces?|puppet strings|broken hearts?|lady justice)\b",
    "real person": r"\b(?:president|prime minister|chancellor|senator|politicians?|celebrit\w+|dictator|movie star|pop star|pope|ayatollah|"
    r"resembling|lookalike|portrait of)\b",
    "undressed": r"\b(?:naked|nude|topless|lingerie|sexy|erotic|underwear)\b",
    "named by its absence": r"\b(?:no|not|without|never|nothing|nobody|none|neither)\b",
    "style, not scene": r"\b(?:photorealis\w+|hyperrealis\w+|masterpiece|in the style of|trending|artstation|octane|unreal engine|high quality|"
    r"best quality|4k|8k|hdr|illustration of|painting of|photo of|photograph of|render of)\b",
    "address": r"https?:|www\.|\b\w+\.(?:com|org|net|io|de|fr|uk)\b|@\w",
    "quotation": r"[\"“”„«»「」『』]|(?<!\w)['‘’]\w",
    "digit": r"\d",
    "markup": r"[<>{}\[\]|\\`#*_=]|[\x00-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]",
    "order": r"\b(?:ignore (?:all|any|the|previous)|system prompt|instructions?|as an ai)\b",
}
NAME = re.compile(r"(?<![.!?] )(?<!^)\b[A-Z][\w'’]*")
NOT_LATIN = re.compile(r"[^\W\d_a-zA-ZÀ-ɏ]")


@cache
def _compiled() -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple((name, re.compile(pattern, re.IGNORECASE)) for name, pattern in RULES.items())


def faults(scene: str, subject: str | None = None) -> tuple[str, ...]:
    """What is wrong with a scene, each with the words at fault; empty where nothing is.

    ``subject`` is the name that may stand in it: then it must, once, among the first eight words.
    """
    found = [_subject_fault(scene, subject)] if subject else []
    bare = re.sub(rf"\b{re.escape(subject)}\b", "somebody", scene) if subject else scene
    found.append(_length_fault(bare))
    for name, pattern in _compiled():
        hit = pattern.search(bare)
        found.append(f"{name}: {hit[0]!r}" if hit else "")
    for name, pattern in (("name", NAME), ("not plain English", NOT_LATIN)):
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
