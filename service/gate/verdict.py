"""The gate: may a story be illustrated, and may a person of this home appear in it? Pure.

Gravity is a logistic of summed word valences (VADER, Hutto & Gilbert 2014, under lists of our own), topic leans and
vetoes. It fails closed: a language it cannot read or a veto topic never make a story kinder.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from functools import lru_cache

from service.model import Decision, Mood, Verdict

from . import lexicons, topics
from .topics import Findings

BLOCKED, ALLOWED = "blocked", "allowed"  #: topics of a verdict that the owner's own words decided
UNREAD_GRAVITY = 0.5  #: of a story in a language without a lexicon: nobody knows
TRUSTED_GRAVITY = 0.3  #: of the same where the owner trusts that language and no grave word was seen
VETO_GRAVITY = 0.75  #: at least
ALLOWED_SHARE = 0.3  #: of a story's gravity that is left where the owner likes its words or topics
SUMMARY_LETTERS = 400  #: what is read of a summary: its first sentences say what happened
SUMMARY_SHARE = 0.4  #: of a word's weight when it stands in the summary

_MIDDLE = 1.0  #: the summed valence below zero at which gravity is one half
_SPREAD = 1.3  #: valence that takes gravity from 0.50 to 0.73
_TRUSTED_VALENCE = _SPREAD * math.log(1 / TRUSTED_GRAVITY - 1) - _MIDDLE  #: that has TRUSTED_GRAVITY
TONE_GRIM = 2.5  #: summed valence that a tone of -1 takes away
TONE_KIND = 1.5  #: summed valence that a tone of 1 adds: a model's praise counts for less than its alarm
SUBJECT_TONE = -0.1  #: nobody of this home appears in a headline that sounds grimmer
HEARD = 0.3  #: tone, either way, from which a verdict's reason names it
_LIFT = 0.8  #: a bright word counts for less than a grave one


@dataclass(frozen=True, slots=True)
class Rules:
    """The owner's own word on what may be shown. Words match whole words, whatever their case or accents."""

    allow: tuple[str, ...] = ()  #: interests: such a story is painted unless a veto topic is in it
    block: tuple[str, ...] = ()  #: such a story is kept off the wall
    allow_topics: tuple[str, ...] = ()  #: of ``topics.TOPICS``; as ``allow``
    block_topics: tuple[str, ...] = ()  #: of ``topics.TOPICS`` or ``topics.VETO_TOPICS``
    trusted_languages: tuple[str, ...] = ()  #: painted without a lexicon where no grave word is seen; "ja", "pt"
    subject_max_gravity: float = 0.2  #: above it nobody of this home appears


NO_RULES = Rules()


def judge(
    title: str, summary: str = "", language: str = "en", rules: Rules = NO_RULES, *, tone: float | None = None
) -> Verdict:
    """Weigh a story. ``language`` is BCP 47; the text's small words overrule a wrong one. No text makes it raise.

    ``tone`` is how the text sounds to a model of sentences, -1 (grim) … 1 (kind), where there is one. It moves gravity,
    and neither lifts a veto nor puts anybody into a picture.
    """
    tone = max(-1.0, min(1.0, tone)) if tone is not None and math.isfinite(tone) else None
    if word := _owner_word(title, summary, rules.block):
        return _blocked(f"blocked word: {word}", (), tone)
    words = lexicons.tokens(title)
    if not any(words):
        return Verdict(UNREAD_GRAVITY, Mood.CALM, (), "no words to judge by", veto=True, tone=tone)
    read = _languages(title, words, language)
    if not read:
        return _unread(f"{title} {summary[:SUMMARY_LETTERS]}", language, rules, tone)
    findings = _findings(words, summary, read)
    about = (*findings.veto, *findings.topics)
    if topic := next((topic for topic in about if topic in rules.block_topics), None):
        return _blocked(f"blocked topic: {topic}", about, tone)
    verdict = _verdict(findings, rules, tone)
    if verdict.veto or not (interest := _interest(title, summary, findings, rules)):
        return verdict
    gravity = verdict.gravity * ALLOWED_SHARE
    return replace(
        verdict, gravity=gravity, mood=_mood(gravity, findings), topics=(ALLOWED, *verdict.topics), why=interest
    )


def decide(verdict: Verdict, dial: int) -> Decision:
    """What a verdict means at a dial of -10 (everything) … +10 (only joy); at 0 grave stories are text-only.

    A veto topic is never painted. Turning the dial up never paints what a lower one did not.
    """
    if BLOCKED in verdict.topics:
        return Decision.SKIP
    if not verdict.veto and verdict.gravity <= _paint_up_to(dial):
        return Decision.PAINT
    return Decision.TEXT_ONLY if verdict.gravity <= _show_up_to(dial) else Decision.SKIP


def _paint_up_to(dial: int) -> float:
    dial = max(-10, min(10, dial))
    return 0.5 - 0.05 * dial if dial < 0 else 0.5 - 0.035 * dial  # 1.0 … 0.5 … 0.15


def _show_up_to(dial: int) -> float:
    dial = max(0, min(10, dial))
    return 1.0 if dial == 0 else 0.9 - 0.075 * dial  # 1.0, then 0.825 … 0.15


def _findings(words: tuple[str, ...], summary: str, languages: tuple[str, ...]) -> Findings:
    """What the lists of each language find; where two may be meant, the graver finding counts."""
    found = [_found(words, summary, language) for language in languages]
    return max(found, key=lambda each: (bool(each.veto), each.negative - each.positive))


def _found(words: tuple[str, ...], summary: str, language: str) -> Findings:
    found = topics.weigh(lexicons.scan(language, words), words)
    if not summary:
        return found
    more_words = lexicons.tokens(summary[:SUMMARY_LETTERS])
    more = topics.weigh(lexicons.scan(language, more_words), more_words)
    return Findings(
        found.negative + SUMMARY_SHARE * more.negative,
        found.positive + SUMMARY_SHARE * min(more.positive, 4.0),
        found.deeds,
        tuple(dict.fromkeys(found.veto + more.veto)),
        found.topics or more.topics,
        found.grave_words + more.grave_words,
        found.bright_words + more.bright_words,
    )


def _verdict(findings: Findings, rules: Rules, tone: float | None) -> Verdict:
    valence = _valence(findings)
    moved = _gravity(valence + _weight_of(tone))
    gravity = VETO_GRAVITY + (1 - VETO_GRAVITY) * moved if findings.veto else moved
    return Verdict(
        gravity=round(gravity, 4),
        mood=_mood(gravity, findings),
        topics=(*findings.veto, *findings.topics),
        why=_why(findings, tone),
        veto=bool(findings.veto),
        subject_allowed=(tone or 0.0) >= SUBJECT_TONE
        and _subject_allowed(max(gravity, _gravity(valence)), findings, rules),
        tone=tone,
    )


def _valence(findings: Findings) -> float:
    lean = topics.lean(findings.topics)
    if findings.negative < 1:
        return _LIFT * findings.positive - findings.negative + lean
    matter = findings.positive - findings.deeds  # what is kind about the matter does not undo what happened
    return 0.65 * findings.deeds + 0.3 * matter - findings.negative + min(lean, 0.0)


def _weight_of(tone: float | None) -> float:
    return (tone or 0.0) * (TONE_GRIM if (tone or 0.0) < 0 else TONE_KIND)


def _gravity(valence: float) -> float:
    return 1 / (1 + math.exp(max(-30.0, min(30.0, (valence + _MIDDLE) / _SPREAD))))


def _subject_allowed(gravity: float, findings: Findings, rules: Rules) -> bool:
    """Only where something speaks for the story (a good deed, or two kind things), and nothing against it."""
    if findings.veto or findings.negative > 0.3 or topics.DELICATE.intersection(findings.topics):
        return False
    speaks = findings.deeds >= 1 or findings.positive >= 1.6
    return speaks and gravity <= rules.subject_max_gravity


def _mood(gravity: float, findings: Findings) -> Mood:
    light = bool(topics.LIGHT.intersection(findings.topics[:2]))
    if findings.veto:
        return Mood.GRIM if gravity > 0.93 else Mood.SOMBER
    if gravity > 0.5:
        return Mood.TENSE if topics.HEATED.intersection(findings.topics) else Mood.SOMBER
    if gravity > 0.38:
        return Mood.TENSE if findings.negative > 1 else Mood.CALM
    if gravity > 0.22:
        return Mood.PLAYFUL if light and findings.positive > 0.5 else Mood.CALM
    if gravity > 0.1:
        return Mood.PLAYFUL if light else Mood.HOPEFUL
    return Mood.JOYFUL


def _why(findings: Findings, tone: float | None) -> str:
    grave = ", ".join(findings.grave_words[:4])
    bright = ", ".join(findings.bright_words[:4])
    if findings.veto:
        return f"{findings.veto[0]}: {grave}" if grave else findings.veto[0]
    parts = [f"{name} words: {found}" for name, found in (("grave", grave), ("bright", bright)) if found]
    heard = [f"sounds {'grim' if tone < 0 else 'kind'} ({tone:+.2f})"] if tone and abs(tone) >= HEARD else []
    return "; ".join([*(parts or ["no grave words"]), *heard])


def _unread(text: str, language: str, rules: Rules, tone: float | None) -> Verdict:
    name = language or "und"
    if match := lexicons.foreign_veto().search(text.casefold()):
        why = f"grave word, no word list for {name}: {match.group()}"
        return Verdict(VETO_GRAVITY + 0.1, Mood.SOMBER, (), why, veto=True, tone=tone)
    if _base(language) not in {_base(trusted) for trusted in rules.trusted_languages}:
        return Verdict(UNREAD_GRAVITY, Mood.CALM, (), f"no word list for {name}", veto=True, tone=tone)
    gravity = max(TRUSTED_GRAVITY, _gravity(_TRUSTED_VALENCE + _weight_of(tone)))
    mood = Mood.CALM if gravity <= UNREAD_GRAVITY else Mood.SOMBER
    return Verdict(gravity, mood, (), f"no grave words, no word list for {name}; the owner trusts it", tone=tone)


def _blocked(why: str, about: tuple[str, ...], tone: float | None) -> Verdict:
    return Verdict(1.0, Mood.SOMBER, (BLOCKED, *about), why, veto=True, tone=tone)


def _languages(text: str, words: tuple[str, ...], declared: str) -> tuple[str, ...]:
    """The lexicons to read a text with; none where nobody taught us the language, or the script is another."""
    letters = [letter for letter in text if letter.isalpha()]
    if 2 * sum(letter < "\u0250" or "\u1e00" <= letter < "\u1f00" for letter in letters) < len(letters):
        return ()
    known, seen = _base(declared), set(words)
    scores = {name: len(small & seen) for name, small in lexicons.function_words().items()}
    likely = max(scores, key=lambda name: scores[name])
    if known not in lexicons.LANGUAGES:
        return (likely,) if known in {"", "und"} and scores[likely] >= 2 else ()
    return (known, likely) if scores[likely] >= 3 and scores[known] == 0 else (known,)


def _base(language: str) -> str:
    return language.replace("_", "-").split("-")[0].casefold()


def _interest(title: str, summary: str, findings: Findings, rules: Rules) -> str | None:
    """Why the owner would like the story: a word or a topic; None where nothing says so."""
    if word := _owner_word(title, summary, rules.allow):
        return f"allowed word: {word}"
    topic = next((topic for topic in findings.topics if topic in rules.allow_topics), None)
    return f"allowed topic: {topic}" if topic else None


def _owner_word(title: str, summary: str, wanted: tuple[str, ...]) -> str | None:
    if not wanted:
        return None
    text = " ".join(lexicons.tokens(f"{title} . {summary}"))
    match = _wanted(wanted).search(text)
    return match.group() if match else None


@lru_cache(maxsize=64)
def _wanted(wanted: tuple[str, ...]) -> re.Pattern[str]:
    phrases = [" ".join(lexicons.tokens(phrase)) for phrase in wanted]
    choices = "|".join(re.escape(phrase) for phrase in phrases if phrase)
    return re.compile(rf"(?<!\w)(?:{choices})(?!\w)" if choices else r"(?!)")
