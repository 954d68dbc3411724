"""The owner's buttons on the pages: plain forms that lead back to where they were pressed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fastapi import APIRouter, HTTPException
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from service.hand import Hand

from . import caching
from .actions import done
from .door import Here, PlateId
from .login import Form, inside

router = APIRouter(include_in_schema=False)

Act = Callable[[Hand], dict[str, Any]]

DISPLAYS: Mapping[str, Callable[[Hand, str], dict[str, Any]]] = {
    "next": lambda hand, name: hand.next(name),
    "previous": lambda hand, name: hand.previous(name),
    "pause": lambda hand, name: hand.pause(name),
    "resume": lambda hand, name: hand.pause(name, paused=False),
}
PLATES: Mapping[str, Callable[[Hand, int], dict[str, Any]]] = {
    "favourite": lambda hand, plate: hand.favour(plate),
    "unfavourite": lambda hand, plate: hand.favour(plate, liked=False),
    "ban": lambda hand, plate: hand.ban(plate),
    "unban": lambda hand, plate: hand.ban(plate, banned=False),
    "not-me": lambda hand, plate: hand.not_me(plate),
    "me": lambda hand, plate: hand.not_me(plate, absent=False),
}


@router.post("/d/{name}/{act}")
def on_display(name: str, act: str, door: Here) -> Response:
    """A button under a display."""
    if act not in DISPLAYS:
        raise HTTPException(404)
    return _back(door, lambda hand: DISPLAYS[act](hand, name), f"/#{name}")


@router.post("/plates/{plate_id}/{act}")
def on_plate(plate_id: PlateId, act: str, door: Here) -> Response:
    """A button on a plate's page."""
    if act not in PLATES:
        raise HTTPException(404)
    return _back(door, lambda hand: PLATES[act](hand, plate_id), f"/plates/{plate_id}")


@router.post("/plates/{plate_id}/show/{name}")
def show(plate_id: PlateId, name: str, door: Here) -> Response:
    """Show a plate on a display, from the plate's page."""
    return _back(door, lambda hand: hand.show(name, plate_id), f"/plates/{plate_id}")


@router.post("/skipped/let")
def let(door: Here, said: Form) -> Response:
    """A button on the page of what was kept off."""

    def act(hand: Hand) -> dict[str, Any]:
        return {"said": hand.let(said.get("story", ""), said.get("channel", ""), undo=bool(said.get("undo")))}

    return _back(door, act, inside(said.get("then", "/skipped")))


def _back(door: Here, act: Act, where: str) -> Response:
    """Do it and lead back; where it cannot be done now, a page says why."""
    try:
        done(door, act)
    except HTTPException as error:
        if error.status_code != 409:
            raise
        page = door.page("refused", message=error.detail, back=where)
        return HTMLResponse(page, 409, {"cache-control": caching.NEVER})
    return RedirectResponse(where, 303, {"cache-control": caching.NEVER})
