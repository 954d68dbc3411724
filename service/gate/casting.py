"""Who of this home may appear in a story: the rules on a subject's card, and what "not me" has taught. Pure.

A card's rules only ever take away from what the gate's verdict allows. Chance is drawn from the story, so that a story
that is directed again casts the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from service.model import Verdict
from service.subjects import AT_ONCE, Frequency, Subject

#: of the stories that it may appear in, the share in which a subject does
SHARES = {Frequency.NEVER: 0.0, Frequency.RARELY: 0.15, Frequency.SOMETIMES: 0.5, Frequency.ALWAYS: 1.0}
TAUGHT = 2  #: "not me"s on a topic after which a subject appears in no more of it; one halves its share

#: (subject, topic) -> how many stories about the topic the owner took the subject out of
Refusals = Mapping[tuple[str, str], int]


def unwelcome(subject: Subject, verdict: Verdict, story: str, refused: Refusals) -> str:
    """Why a subject does not appear in a story (its id), in words; "" where it does."""
    if ruled := forbidden(subject, verdict):
        return ruled
    times = {topic: refused.get((subject.name, topic), 0) for topic in verdict.topics}
    if taught := next((topic for topic, number in times.items() if number >= TAUGHT), None):
        return f"you took {subject.name} out of {times[taught]} stories about {taught}"
    share = SHARES[subject.frequency] * 0.5 ** sum(times.values())
    drawn = _drawn(f"{story} {subject.name}")
    return "" if drawn < share else f"{subject.name} appears in some stories only, and not in this one"


def at_once(allowed: Sequence[str], story: str, share: float) -> int:
    """How many of those who may appear in a story (its id) do: two in so large a ``share`` of stories, 0 … 1."""
    return min(AT_ONCE if _drawn(f"{story} together") < share else 1, len(allowed))


def _drawn(words: str) -> float:
    """A number of 0 … 1 that looks like chance, and is the same for the same words."""
    return int.from_bytes(hashlib.sha256(words.encode()).digest()[:6], "big") / 2**48


def forbidden(subject: Subject, verdict: Verdict) -> str:
    """Which rule of the gate or of the card keeps a subject out, whatever chance says; "" where none does."""
    if not verdict.subject_allowed:
        return "nobody of this home appears in such a story"
    if not subject.consented:
        return f"{subject.name} has not agreed to appear"
    if subject.frequency is Frequency.NEVER:
        return f"{subject.name} never appears"
    if verdict.gravity > subject.max_gravity:
        return f"the story is graver ({verdict.gravity:.2f}) than {subject.name}'s {subject.max_gravity:g}"
    if forbidden := [topic for topic in verdict.topics if topic in subject.topics_forbidden]:
        return f"{subject.name} does not appear in stories about {forbidden[0]}"
    if subject.topics_allowed and not set(verdict.topics) & set(subject.topics_allowed):
        return f"{subject.name} appears in stories about {_listed(subject.topics_allowed)} only"
    return ""


def _listed(topics: Sequence[str]) -> str:
    return ", ".join(topics[:-1]) + f" and {topics[-1]}" if len(topics) > 1 else topics[0]
