"""Rows become values."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from ..model import Mood, Plate, Prompt, Step, Story, Telling, Verdict
from ..protocols import Bookmark

PLATE = """
    SELECT plates.*, stories.feed, stories.source, stories.title, stories.summary, stories.link, stories.language,
           stories.published, EXISTS (SELECT 1 FROM absences WHERE absences.story = plates.story) AS absent
    FROM plates JOIN stories ON stories.id = plates.story
"""


@dataclass(frozen=True, slots=True)
class FeedRow:
    """What is remembered of a feed between visits."""

    url: str
    title: str = ""
    bookmark: Bookmark = Bookmark()
    checked_at: datetime | None = None
    next_check: datetime | None = None
    failures: int = 0  #: in a row
    error: str | None = None
    gone: bool = False
    moved_to: str | None = None
    moved_seen: int = 0  #: how often in a row the same permanent redirect was met
    failing_since: datetime | None = None


def stamp(moment: datetime) -> str:
    """A time as the database keeps it: UTC, milliseconds, so that text order is time order."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")


def marks(values: Sequence[object]) -> str:
    return ",".join("?" * len(values))


def time_of(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def story_of(row: sqlite3.Row, story_id: str) -> Story:
    return Story(
        story_id, row["feed"], row["source"], row["title"], row["summary"], row["link"], row["language"],
        datetime.fromisoformat(row["published"]),
    )  # fmt: skip


def verdict_of(text: str) -> Verdict:
    table: dict[str, Any] = json.loads(text)
    return Verdict(**{**table, "mood": Mood(table["mood"]), "topics": tuple(table["topics"])})


def prompt_of(text: str) -> Prompt:
    table: dict[str, Any] = json.loads(text)
    lists = {key: tuple(table.get(key, ())) for key in ("avoid", "company")}
    return Prompt(**{**table, **lists, "mood": Mood(table["mood"])})


def plate_of(row: sqlite3.Row) -> Plate:
    verdict = verdict_of(row["verdict"])
    verdict = replace(verdict, subject_allowed=verdict.subject_allowed and not row["absent"])
    return Plate(
        id=row["id"], channel=row["channel"], story=story_of(row, row["story"]), step=Step(row["step"]),
        verdict=verdict, prompt=prompt_of(row["prompt"]) if row["prompt"] else None,
        picture=row["picture"], text_only=bool(row["text_only"]), engine=row["engine"], attempts=row["attempts"],
        error=row["error"], retry_at=time_of(row["retry_at"]), chosen_at=time_of(row["chosen_at"]),
        also=tuple(Telling(**told) for told in json.loads(row["also"])), favourite=bool(row["favourite"]),
        banned=bool(row["banned"]), absent=bool(row["absent"]),
    )  # fmt: skip


def feed_of(row: sqlite3.Row) -> FeedRow:
    return FeedRow(
        row["url"], row["title"], Bookmark(**json.loads(row["bookmark"])), time_of(row["checked_at"]),
        time_of(row["next_check"]), row["failures"], row["error"], bool(row["gone"]),
        row["moved_to"], row["moved_seen"], time_of(row["failing_since"]),
    )  # fmt: skip
