"""The nouns of the service: plain frozen values. No I/O, nothing but the standard library."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class Mood(StrEnum):
    """How a story feels; palettes, scenes and weather follow it. Ordered from light to dark."""

    JOYFUL = "joyful"
    PLAYFUL = "playful"
    HOPEFUL = "hopeful"
    CALM = "calm"
    TENSE = "tense"
    SOMBER = "somber"
    GRIM = "grim"


class Decision(StrEnum):
    """What the gate allows a story on one channel."""

    PAINT = "paint"  #: an illustrated slide
    TEXT_ONLY = "text-only"  #: a typographic slide, no illustration
    SKIP = "skip"  #: not on this wall


class Step(StrEnum):
    """The last thing *finished* for a plate. Failing is not a step: a plate that fails stays and waits."""

    CHOSEN = "chosen"
    DESCRIBED = "described"
    RENDERED = "rendered"
    DECLINED = "declined"


@dataclass(frozen=True, slots=True)
class Story:
    """A news item as fetched. Facts; never rewritten. Text is clean (see ``text.clean``), not escaped."""

    id: str  #: 64 hex digits of SHA-256: safe as a file name, a key and a path segment
    feed: str  #: the feed's address
    source: str  #: the publication's name, for people
    title: str
    summary: str
    link: str  #: absolute http(s) address, or ""
    language: str  #: BCP 47, such as "en", "pt-BR", "zh-Hant"; "und" where nobody knows
    published: datetime  #: aware; when first seen where the feed's own date is absent or absurd


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the gate found about a story, whatever the channel's dial says."""

    gravity: float  #: 0 (harmless) … 1 (horrible); continuous, so that harmless stories have an order too
    mood: Mood
    topics: tuple[str, ...]
    why: str  #: the words or the rule that decided, for people
    veto: bool = False  #: a topic that is never painted, whatever the dial says
    subject_allowed: bool = False  #: a person or pet of this home may appear in it
    tone: float | None = None  #: -1 (grim) … 1 (kind), as a model of sentences heard it; None: none was asked


@dataclass(frozen=True, slots=True)
class Prompt:
    """The art direction of a plate."""

    scene: str  #: what a camera would see; 15-60 English words, no names, no lettering
    words: str  #: the scene worded for the engine in use
    mood: Mood
    topic: str
    seed: int  #: 0 … 2**32 - 1
    style: str = "papercut"  #: a file of templates/styles; "": the words are told to a model as they are
    avoid: tuple[str, ...] = ()
    subject: str | None = None  #: a trained subject's name; None: an anonymous figure or nobody
    alt: str = ""  #: what the picture shows, for those who cannot see it
    alt_language: str = "en"  #: BCP 47
    why: str = ""  #: why this scene, for people
    company: tuple[str, ...] = ()  #: the trained subjects beside the first

    @property
    def subjects(self) -> tuple[str, ...]:
        """Everybody of this home who is in it, the first one first."""
        return (*((self.subject,) if self.subject else ()), *self.company)


@dataclass(frozen=True, slots=True)
class Picture:
    """Pixels and the recipe that made them: it can be made again."""

    data: bytes  #: an encoded PNG or JPEG file
    suffix: str  #: ".png" or ".jpg"
    width_px: int
    height_px: int
    recipe: Mapping[str, Any] = field(default_factory=dict)  #: engine, seed, steps, … JSON-safe


@dataclass(frozen=True, slots=True)
class Telling:
    """The same event, told by another publication."""

    source: str
    title: str
    link: str


@dataclass(frozen=True, slots=True)
class Plate:
    """One story illustrated for one channel, and how far it has got."""

    id: int  #: a row's number; negative for the sample edition, which has no rows
    channel: str
    story: Story
    step: Step
    verdict: Verdict
    prompt: Prompt | None = None
    picture: str | None = None  #: file name below data/pictures, "ab/<sha256>.png"; None: not painted
    text_only: bool = False
    engine: int = 0  #: index in the channel's list of engines of the one to try next
    attempts: int = 0  #: spent on the current step with the current engine
    error: str | None = None
    retry_at: datetime | None = None
    chosen_at: datetime | None = None
    also: tuple[Telling, ...] = ()  #: who else tells it
    favourite: bool = False
    banned: bool = False  #: the owner never wants to see it again
    absent: bool = False  #: nobody of this home belongs in its story, the owner says
    sample: bool = False  #: one of our own invented headlines; the slide says so
