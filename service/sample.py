"""The sample edition: plates of invented headlines in many languages, for a wall that has no real story yet.

Pure values read from ``sample.toml``; painting and setting them is done where every other plate's is.
"""

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from .model import Mood, Plate, Prompt, Step, Story, Verdict

FEED = "sample:"  #: stands where a feed's address would; never fetched
#: fixed, so that the edition is the same value every day; slides print "sample" instead of an age
PUBLISHED = datetime(2026, 1, 1, 8, 0, tzinfo=UTC)
AVOID = ("lettering", "logos", "flags", "watermark", "weapons", "real people's faces")
AVOID_DARK = ("people", "blood", "ruins")
DARK = frozenset({Mood.SOMBER, Mood.GRIM})


def edition(channel: str) -> tuple[Plate, ...]:
    """The plates of the sample edition for a channel, the loveliest first; ids are -1, -2, …"""
    return tuple(replace(plate, channel=channel) for plate in _plates())


@cache
def _plates() -> tuple[Plate, ...]:
    file = Path(__file__).with_name("sample.toml")
    entries = tomllib.loads(file.read_text(encoding="utf-8"))["plate"]
    return tuple(_plate(-number, entry) for number, entry in enumerate(entries, 1))


def _plate(number: int, entry: dict[str, Any]) -> Plate:
    story = Story(
        id=hashlib.sha256(f"{FEED}{entry['title']}".encode()).hexdigest(),
        feed=FEED,
        source=entry["source"],
        title=entry["title"],
        summary="",
        link="",
        language=entry["language"],
        published=PUBLISHED,
    )
    mood = Mood(entry["mood"])
    why = "an invented headline of the sample edition"
    verdict = Verdict(gravity=entry["gravity"], mood=mood, topics=(entry["topic"],), why=why)
    prompt = Prompt(
        scene=entry["scene"],
        words=entry["scene"],
        mood=mood,
        topic=entry["topic"],
        seed=entry.get("seed", int(story.id[:8], 16)),
        avoid=AVOID + AVOID_DARK if mood in DARK else AVOID,
        alt=entry["alt"],
        why=why,
    )
    return Plate(
        id=number,
        channel="",
        story=story,
        step=Step.RENDERED,
        verdict=verdict,
        prompt=prompt,
        chosen_at=PUBLISHED,
        sample=True,
    )
