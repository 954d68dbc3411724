"""What the gate makes of a story on one channel, what was kept off its wall, and why, in words. Pure."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any

from service.choice import Candidate
from service.gate.verdict import ALLOWED, BLOCKED, Rules, decide, judge
from service.model import Decision, Story, Verdict

LET_THROUGH = "let through by you"
BALANCED = 0.5  #: gravity up to which a dial of 0 paints: what is kept off below it was only not bright enough
HANDLE = 8  #: hex digits of a story's id that people type
#: what a dial is called, by the lowest it is called so
SETTINGS = ((10, "only joy"), (5, "strict"), (1, "careful"), (0, "balanced"), (-9, "lenient"), (-10, "open"))


class Kind(StrEnum):
    """How a story was kept off, and by whom."""

    GATE = "gate"  #: not on the wall: too grave for its dial
    WORDS = "words"  #: on the wall in words alone, or nowhere yet: the gate lets nothing be painted
    EDITOR = "editor"  #: not on the wall: declined
    OWNER = "owner"  #: not on the wall: the owner's own words and topics


LEADS = {
    Kind.GATE: "kept off by the gate",
    Kind.WORDS: "in words alone",
    Kind.EDITOR: "declined by the editor",
    Kind.OWNER: "kept off by you",
}


@dataclass(frozen=True, slots=True)
class Reason:
    """Why, for people: what it is, and the words of the headline that said so (or "")."""

    short: str
    words: str = ""

    def __str__(self) -> str:
        return f"{self.short} ({self.words})" if self.words else self.short


@dataclass(frozen=True, slots=True)
class Kept:
    """A story that a channel has no picture of, and why."""

    channel: str
    story: Story
    seen_at: datetime
    verdict: Verdict
    decision: Decision
    kind: Kind
    reason: Reason
    if_let: Decision  #: what it would be once let through
    plate: int | None = None  #: where it hangs in words
    let_through: bool = False  #: the owner asked for it: the next round takes it

    @property
    def handle(self) -> str:
        """The name a person types."""
        return self.story.id[:HANDLE]

    @property
    def lead(self) -> str:
        """How it was kept off, and by whom."""
        return LEADS[self.kind]

    @property
    def why(self) -> str:
        """A line for people."""
        return f"{self.lead}: {self.reason}"

    def table(self) -> dict[str, Any]:
        """The same as a program reads it, JSON-safe."""
        return {
            "handle": self.handle, "id": self.story.id, "channel": self.channel, "seen_at": self.seen_at.isoformat(),
            "source": self.story.source, "headline": self.story.title, "link": self.story.link,
            "decision": str(self.decision), "gravity": round(self.verdict.gravity, 4),
            "topics": list(self.verdict.topics), "kind": str(self.kind), "why": self.why,
            "reason": asdict(self.reason), "if_let": str(self.if_let), "plate": self.plate,
            "let_through": self.let_through,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Tally:
    """How many stories the gate let be painted, let be told in words, and kept off."""

    paint: int = 0
    text_only: int = 0
    skip: int = 0

    @property
    def stories(self) -> int:
        return self.paint + self.text_only + self.skip

    @property
    def passed_percent(self) -> int | None:
        """The share that may be painted, in whole per cent: 0 and 100 only where that is none and all."""
        if not self.stories:
            return None
        share = round(100 * self.paint / self.stories)
        return min(99, max(1, share)) if 0 < self.paint < self.stories else share


def weighed(story: Story, verdict: Verdict, rules: Rules, dial: int) -> Candidate:
    """A story with the verdict that a channel's own words and languages give it, and what its dial makes of that."""
    if rules != Rules():
        verdict = _judged(story.title, story.summary, story.language, rules, verdict.tone)
    return Candidate(story, verdict, decide(verdict, dial))


def let_through(before: Candidate, rules: Rules) -> Candidate:
    """A weighed story once the owner lets it through: painted, or in words where its topic is never painted.

    The owner's word beats the dial, the owner's own blocks, and the want of a word list for the story's language. It
    puts nobody of this home into a picture that the gate would have kept them out of.
    """
    story, trusted = before.story, (*rules.trusted_languages, before.story.language)
    rules = replace(rules, block=(), block_topics=(), trusted_languages=trusted)
    seen = _judged(story.title, story.summary, story.language, rules, before.verdict.tone)
    subject = before.decision is Decision.PAINT and before.verdict.subject_allowed
    verdict = replace(seen, why=f"{LET_THROUGH}; {seen.why}", subject_allowed=subject)
    return Candidate(story, verdict, Decision.TEXT_ONLY if seen.veto else Decision.PAINT)


@lru_cache(maxsize=4096)
def _judged(title: str, summary: str, language: str, rules: Rules, tone: float | None) -> Verdict:
    """Every round and every page asks again about the same two days."""
    return judge(title, summary, language, rules, tone=tone)


def kind_of(candidate: Candidate, declined: str | None) -> Kind | None:
    """How a story was kept off, if it was; ``declined`` is what an editor said of it."""
    if BLOCKED in candidate.verdict.topics:
        return Kind.OWNER
    if declined is not None:
        return Kind.EDITOR
    return {Decision.SKIP: Kind.GATE, Decision.TEXT_ONLY: Kind.WORDS}.get(candidate.decision)


def reason(verdict: Verdict) -> Reason:
    """Why a verdict keeps a story from being painted."""
    why = verdict.why.removeprefix(f"{LET_THROUGH}; ")
    head, _, words = why.partition(": ")
    if BLOCKED in verdict.topics:
        return Reason(head.replace("blocked", "your"), words)
    if verdict.veto:
        return Reason(head.replace("-", " "), words)
    grave = next((part for part in why.split("; ") if part.startswith(("grave words: ", "sounds grim"))), "")
    about = next((f"about {topic}" for topic in verdict.topics if topic != ALLOWED), "")
    short = "too grave" if verdict.gravity > BALANCED else "not bright enough"
    return Reason(short, grave.removeprefix("grave words: ").partition(" (")[0] or about)


def setting(dial: int) -> str:
    """What a dial of -10 … +10 is called."""
    return next(name for least, name in SETTINGS if dial >= least)


def degrees(dial: int) -> str:
    """A dial's number with its sign."""
    return f"{dial:+d}" if dial else "0"


def says(tally: Tally, dial: int, channel: str = "") -> str:
    """The gate's day in a line; with the channel's name where there are several."""
    gate = f"gate of {channel}" if channel else "gate"
    share = tally.passed_percent
    return f"{gate}: {setting(dial)}, " + ("no story yet today" if share is None else f"{share} % passed today")
