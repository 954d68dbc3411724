"""A subject's page: what learning sees of each photo, its caption, its lesson and rules. For the owner alone."""

from __future__ import annotations

import json
from typing import Annotated

from fastapi import APIRouter, HTTPException, Path
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse, Response

from service import learning
from service.album import MARK
from service.errors import SubjectError
from service.gate.topics import TOPICS
from service.roster import Entry

from . import caching, lessons
from .door import Door, Here
from .login import Form

router = APIRouter(include_in_schema=False)

Number = Annotated[int, Path(ge=1, le=99999)]


@router.get("/subjects")
def subjects(door: Here) -> Response:
    """Everybody there is."""
    return _page(door, "subjects", "/subjects", entries=door.wall.hand.roster.entries() if door.owner else [])


@router.get("/subjects/{name}")
def subject(name: str, door: Here) -> Response:
    """One subject's album."""
    entry = _entry(door, name) if door.owner else None
    lesson = lessons.lesson(door, entry) if entry else None
    channels = [desk.name for desk in door.wall.hand.roster.line.desks]
    return _page(door, "subject", f"/subjects/{name}", entry=entry, lesson=lesson, mark=MARK, channels=channels,
                 topics=TOPICS, often=lessons.OFTEN)  # fmt: skip


@router.get("/subjects/{name}/{number}.jpg")
def seen(name: str, number: Number, door: Here) -> Response:
    """What learning sees of a photo."""
    if not door.owner:
        raise HTTPException(401, "Photos of subjects are for the owner's eyes alone.")
    try:
        path = door.wall.hand.roster.seen(name, number)
    except LookupError as error:
        raise HTTPException(404) from error
    return FileResponse(path, media_type="image/jpeg", headers={"cache-control": caching.ALWAYS_ASK + ", private"})


@router.post("/subjects/{name}/{number}")
def changed(name: str, number: Number, door: Here, said: Form) -> Response:
    """A photo's caption, or whether it is learned from; then back to it."""
    entry, where = _entry(door, name), f"/subjects/{name}"
    data = door.wall.hand.roster.data
    try:
        if "used" in said:
            learning.asked(data, "photos", entry.name, "--take" if said["used"] else "--leave-out", str(number))
        else:
            captions = json.dumps({number: said.get("caption", "")}, ensure_ascii=False)
            learning.asked(data, "caption", entry.name, "--set", captions)
    except SubjectError as error:
        page = door.page("refused", message=str(error), back=where)
        return HTMLResponse(page, 409, {"cache-control": caching.NEVER})
    return RedirectResponse(f"{where}#photo-{number}", 303, {"cache-control": caching.NEVER})


def _entry(door: Door, name: str) -> Entry:
    """Raises HTTPException 404 where there is no such subject."""
    try:
        return door.wall.hand.roster.entry(name)
    except SubjectError as error:
        raise HTTPException(404, f"There is no subject called “{name[:40]}”.") from error


def _page(door: Door, template: str, where: str, **values: object) -> Response:
    if not door.owner:
        return RedirectResponse(f"/login?then={where}", 303, {"cache-control": caching.NEVER})
    return HTMLResponse(door.page(template, **values), headers={"cache-control": f"{caching.ALWAYS_ASK}, private"})
