"""A plate's picture painted again: by its recipe, or in another style. Needs the owner's token."""

from __future__ import annotations

import base64
from collections.abc import Callable

from fastapi import APIRouter, HTTPException
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from pydantic import BaseModel, Field

from service.errors import Busy, EngineError, Refused
from service.studio import Repainting, Studio

from . import caching
from .actions import FAILURES, TOKEN
from .door import Door, Here, PlateId

router = APIRouter()


class Again(BaseModel):
    """How it shall be painted."""

    style: str = Field("", max_length=60, description="A house style; left out: the same")
    seed: int | None = Field(None, ge=0, le=2**32 - 1, description="Another number, another picture")
    keep: bool = Field(True, description="Hang it; false: the answer holds the picture, and the wall stays as it is")


@router.post("/api/plates/{plate_id}/repaint", tags=["plates"], responses=FAILURES, dependencies=TOKEN)
def repaint(plate_id: PlateId, door: Here, again: Again | None = None) -> JSONResponse:
    """Paint a plate's picture again. The same recipe on the same machine gives the same picture."""
    wanted = again or Again()
    made = _done(door, lambda studio: studio.repaint(plate_id, wanted.style, wanted.seed, keep=wanted.keep))
    told = made.told()
    if not wanted.keep:
        told |= {"b64_json": base64.b64encode(made.picture.data).decode()}
    return JSONResponse(told, headers={"cache-control": caching.NEVER})


@router.post("/plates/{plate_id}/repaint", include_in_schema=False)
def button(plate_id: PlateId, door: Here) -> Response:
    """The button on a plate's page: the same words, another picture."""
    where = f"/plates/{plate_id}"
    try:
        _done(door, lambda studio: studio.repaint(plate_id, seed=_other(studio, plate_id)))
    except HTTPException as error:
        if error.status_code not in (409, 502):
            raise
        page = door.page("refused", message=error.detail, back=where)
        return HTMLResponse(page, error.status_code, {"cache-control": caching.NEVER})
    return RedirectResponse(where, 303, {"cache-control": caching.NEVER})


def _other(studio: Studio, plate: int) -> int:
    """The seed after the last one that was tried."""
    seeds = [tried.prompt.seed for tried in studio.line.journal.tries(plate)]
    return (seeds[-1] + 1) % 2**32 if seeds else 0


def _done(door: Door, work: Callable[[Studio], Repainting]) -> Repainting:
    """What came of it. Raises HTTPException 404, 409, 502."""
    if door.studio is None:
        raise HTTPException(409, "No engine is here.")
    try:
        return work(door.studio)
    except LookupError as error:
        raise HTTPException(404, f"There is no {error.args[0]}.") from error
    except (Busy, Refused) as error:
        raise HTTPException(409, str(error)) from error
    except EngineError as error:
        raise HTTPException(502, str(error)) from error
