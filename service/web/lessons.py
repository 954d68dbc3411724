"""A subject's lesson on its page: how far it is, curves, pictures and verdict; and the owner's rules for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from fastapi import APIRouter, HTTPException
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse, Response

from service.errors import SubjectError
from service.gate.topics import TOPICS
from service.progress import SAMPLES, Evaluation, Measured, Progress, State, evaluation, progress
from service.roster import Entry, Preview
from service.subjects import Frequency, folder

from . import caching, curves
from .door import Door, Here
from .login import Form

router = APIRouter(include_in_schema=False)
PRIVATE = {"cache-control": f"{caching.ALWAYS_ASK}, private"}


@dataclass(frozen=True, slots=True)
class Lesson:
    """What a page shows of learning. ``now`` None: nobody learned here; ``result`` None: nothing is published."""

    now: Progress | None
    result: Evaluation | None
    charts: list[curves.Chart]
    sheet: Measured | None  #: the newest measurement that has pictures
    left_s: float | None
    preview: Preview | None = None  #: who paints the subject from its photos until it is learned

    @property
    def running(self) -> bool:
        return self.now is not None and self.now.state is State.LEARNING

    @property
    def part(self) -> float:
        """How much of it is done, 0 … 1."""
        return self.now.step / self.now.steps if self.now and self.now.steps else 0.0


def lesson(door: Door, entry: Entry) -> Lesson:
    """How a subject's lesson stands."""
    where = folder(door.wall.hand.roster.data, entry.name)
    now, result = progress(where), evaluation(where) if entry.learned else None
    over = now is None or now.state is State.DONE
    if over and result:
        drawn = curves.charts(result.curve, result.curve[-1].step if result.curve else 0, result.step, now)
    else:
        drawn = curves.charts(now.curve, now.steps, now.best, now) if now else []
    sheet = next((point for point in reversed(now.curve) if point.sheet), None) if now and not over else None
    preview = None if entry.learned else door.wall.hand.roster.preview(entry.name, *entry.channels)
    return Lesson(now, result, drawn, sheet, _left(now, door.clock()) if now else None, preview)


def _left(now: Progress, at: datetime) -> float | None:
    if now.left_s is None or now.state is not State.LEARNING:
        return None
    return max(0.0, now.left_s - max(0.0, (at - now.told_at).total_seconds()))


@router.get("/subjects/{name}/learning")
def learning(name: str, door: Here) -> Response:
    """The part of a subject's page that changes while it is learned."""
    entry = _mine(door, name)
    return HTMLResponse(door.page("_lesson", entry=entry, lesson=lesson(door, entry)), headers=PRIVATE)


@router.get("/subjects/{name}/samples/{which}.png")
def sample(name: str, which: str, door: Here) -> Response:
    """A sheet of what was published: of the subject, of others of its class, of other things."""
    entry = _mine(door, name)
    return _sheet(door, entry, f"samples/{which}.png" if which in SAMPLES else "")


@router.get("/subjects/{name}/steps/{step}.png")
def step(name: str, step: int, door: Here) -> Response:
    """What it painted of the subject at a measurement."""
    entry = _mine(door, name)
    now = progress(folder(door.wall.hand.roster.data, entry.name))
    return _sheet(door, entry, next((point.sheet for point in now.curve if point.step == step), "") if now else "")


@router.post("/subjects/{name}/channels/{channel}")
def appears(name: str, channel: str, door: Here, said: Form) -> Response:
    """Put a subject on a channel, or with an empty ``on`` take it off."""
    return _changed(door, name, lambda: door.wall.hand.roster.put(name, channel, on=bool(said.get("on"))))


@router.post("/subjects/{name}/rules")
def rules(name: str, door: Here, said: Form) -> Response:
    """When a subject may appear, and how far its photos travel."""
    return _changed(door, name, lambda: door.wall.hand.roster.ruled(name, ruling(said)))


def ruling(said: Mapping[str, str]) -> dict[str, object]:
    """A form's fields as the card's. What makes no sense is left for the card to refuse."""
    told: dict[str, object] = {
        key: said[key] for key in ("frequency", "max_gravity", "photos_travel", "appears") if key in said
    }
    for key in ("topics_allowed", "topics_forbidden"):
        told[key] = tuple(topic for topic in TOPICS if f"{key}.{topic}" in said)
    return told


OFTEN = {each.value: each.value for each in Frequency} | {"always": "always, where the story allows"}


def _changed(door: Door, name: str, change: Callable[[], object]) -> Response:
    _mine(door, name)
    try:
        change()
    except SubjectError as error:
        page = door.page("refused", message=f"{str(error)[:1].upper()}{str(error)[1:]}", back=f"/subjects/{name}#rules")
        return HTMLResponse(page, 409, {"cache-control": caching.NEVER})
    return RedirectResponse(f"/subjects/{name}#rules", 303, {"cache-control": caching.NEVER})


def _mine(door: Door, name: str) -> Entry:
    """Raises HTTPException 401 for anybody but the owner, 404 where there is no such subject."""
    if not door.owner:
        raise HTTPException(401, "Subjects are for the owner's eyes alone.")
    try:
        return door.wall.hand.roster.entry(name)
    except SubjectError as error:
        raise HTTPException(404, f"There is no subject called “{name[:40]}”.") from error


def _sheet(door: Door, entry: Entry, file: str) -> Response:
    path = folder(door.wall.hand.roster.data, entry.name) / file
    if not file or not path.is_file():
        raise HTTPException(404, "There is no such picture.")
    return FileResponse(path, media_type="image/png", headers=PRIVATE)
