"""Verbs on plates: mend and describe."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ..errors import Declined, EditorError
from ..model import Plate, Step
from ..protocols import Brief
from .line import MEMORY, Desk, Event, Line

MAX_ATTEMPTS = 3  #: at one step with one engine


def mend(line: Line, desk: Desk) -> Iterator[Event]:
    """Send plates whose picture's file is gone or damaged back to be painted again: of those that could hang."""
    for ready in line.archive.ready(desk.name, ""):
        plate = line.archive.plate(ready.plate)
        if plate and plate.picture and not line.store.folder.whole(plate.picture):
            line.store.spoilt(plate)
            yield Event("mend", plate.story.title, note="its picture was damaged; painting it again", plate=plate.id)


def describe(line: Line, desk: Desk) -> Iterator[Event]:
    """Direct the picture of every chosen plate."""
    plates = line.store.waiting(desk.name, Step.CHOSEN)
    for done, plate in enumerate(plates, 1):
        yield replace(_describe(line, desk, plate), done=done, total=len(plates))


def _describe(line: Line, desk: Desk, plate: Plate) -> Event:
    """The channel's editor directs; where it fails, or has killed the process too often, the house editor does."""
    event = Event("describe", plate.story.title, plate=plate.id)
    if plate.text_only or plate.attempts >= 2 * MAX_ATTEMPTS:
        line.store.unillustrated(plate, plate.error)
        return replace(event, note="text only", error=plate.error)
    line.store.begin(plate)
    told, error = brief(line, desk, plate), None
    try:
        try:
            prompt = (desk.editor if plate.attempts < MAX_ATTEMPTS else desk.house).describe(plate.story, told)
        except Declined:
            raise
        except EditorError as failed:
            error = str(failed)
            prompt = desk.house.describe(plate.story, told)
    except Declined as declined:
        line.store.refused(plate, str(declined))
        return replace(event, note=f"declined: {declined}", error=error)
    line.store.described(plate, prompt)
    return replace(event, note=prompt.scene, error=error)


def brief(line: Line, desk: Desk, plate: Plate) -> Brief:
    """What an editor is told beside the story."""
    recent = line.archive.since(desk.name, line.store.now() - MEMORY)
    return Brief(
        verdict=plate.verdict, style=desk.style(plate.verdict.topics, line.now), now=line.now, family=desk.family,
        recent_scenes=tuple(plate.scene for plate in recent if plate.scene),
        subjects=desk.channel.subjects if plate.verdict.subject_allowed else (),
    )  # fmt: skip
