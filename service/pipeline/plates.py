"""Verbs on plates: mend and describe."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from ..errors import Declined, OffDuty, Withdrawn
from ..model import Plate, Step
from ..protocols import Brief
from .casting import cast, together
from .directing import directed
from .line import FORTNIGHT, MEMORY, Desk, Event, Line

MAX_ATTEMPTS = 3  #: at one step with one engine


def mend(line: Line, desk: Desk) -> Iterator[Event]:
    """Send plates whose picture's file is gone or damaged back to be painted again: of those that could hang."""
    for ready in line.archive.ready(desk.name, ""):
        plate = line.archive.plate(ready.plate)
        if plate and plate.picture and not line.store.folder.whole(plate.picture):
            try:
                line.store.spoilt(plate)
            except Withdrawn:
                continue
            yield Event("mend", plate.story.title, note="its picture was damaged; painting it again", plate=plate.id)


def describe(line: Line, desk: Desk) -> Iterator[Event]:
    """Direct the picture of every chosen plate."""
    plates = line.store.waiting(desk.name, Step.CHOSEN)
    for done, plate in enumerate(plates, 1):
        try:
            event = _describe(line, desk, plate)
        except Withdrawn as withdrawn:
            event = Event("describe", plate.story.title, note=str(withdrawn), plate=plate.id)
        yield replace(event, done=done, total=len(plates))


def _describe(line: Line, desk: Desk, plate: Plate) -> Event:
    """The channel's editor directs; where it fails, or has killed the process too often, the house editor does."""
    event = Event("describe", plate.story.title, plate=plate.id)
    if plate.text_only or plate.attempts >= 2 * MAX_ATTEMPTS:
        line.store.unillustrated(plate, plate.error)
        return replace(event, note="text only", error=plate.error)
    line.store.begin(plate)
    try:
        told = brief(line, desk, plate)
        prompt, failed = directed(desk, plate.story, told, house=plate.attempts >= MAX_ATTEMPTS)
    except Declined as declined:
        if plate.story.id not in line.wishes.passed(desk.name):
            line.store.refused(plate, str(declined))
            return replace(event, note=f"declined: {declined}")
        return _insisted(line, desk, plate, declined)
    line.store.described(plate, prompt)
    # an editor that is off duty did not fail: its state says so once, not every plate
    error = None if failed is None or isinstance(failed, OffDuty) else str(failed)
    return replace(event, note=prompt.scene, error=error)


def _insisted(line: Line, desk: Desk, plate: Plate, declined: Declined) -> Event:
    """An editor declines a story that the owner let through: the house directs it, else it hangs in words."""
    event = Event("describe", plate.story.title, plate=plate.id, error=f"declined: {declined}")
    try:
        prompt = desk.house.describe(plate.story, brief(line, desk, plate))
    except Declined:
        line.store.unillustrated(plate, event.error)
        return replace(event, note="text only")
    line.store.described(plate, prompt)
    return replace(event, note=prompt.scene)


def brief(line: Line, desk: Desk, plate: Plate) -> Brief:
    """What an editor is told beside the story."""
    now = line.store.now()
    known = [plate for plate in line.archive.since(desk.name, now - FORTNIGHT) if plate.scene]
    note = partial(line.journal.note, plate.id)
    allowed = cast(line.store.folder.path, line.subjects(desk), plate.verdict, plate.story.id,
                   refused=line.screens.refusals(), note=note)  # fmt: skip
    return Brief(
        verdict=plate.verdict, style=desk.style(plate.verdict.topics, line.now), now=line.now, family=desk.family,
        recent_scenes=tuple(plate.scene for plate in known if plate.chosen_at >= now - MEMORY),
        fortnight=tuple(plate.scene for plate in known),
        subjects=allowed, at_once=together(desk, allowed, plate.story.id), note=note,
    )  # fmt: skip
