"""One plate with all that led to it: for programs as JSON, for the page as the same values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Path, Request, Response
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse

from service.model import Plate

from . import caching, wording
from .door import Here, PlateId, picture_src
from .seam import Making, Try

router = APIRouter()


@router.get("/plates/{plate_id}/tries/{number}")
def tried(
    plate_id: PlateId, number: Annotated[int, Path(ge=1, le=10_000, description="from 1")], request: Request, door: Here
) -> Response:
    """The bare picture of one of a plate's tries, hung or not; asked for with a version it never changes."""
    try:
        still = door.wall.tried(plate_id, number)
    except LookupError as error:
        raise HTTPException(404, f"Plate {plate_id} has no try {number}: it may have been cleared away.") from error
    keep = caching.FOR_EVER if request.query_params.get("v") else caching.ALWAYS_ASK
    return caching.answer(still.data, still.media_type, still.etag, request.headers, cache_control=keep)


@router.get("/api/plates/{plate_id}")
def plate_json(plate_id: PlateId, door: Here) -> Response:
    """A plate with its story, verdict and prompt, its picture's recipe, its tries with their critiques, its transcript.

    ``chosen`` marks the try that is the plate's picture. Addresses are relative to the service.
    """
    plate = door.plate(plate_id)
    return JSONResponse(
        jsonable_encoder(told(plate, door.wall.making(plate_id))), headers={"cache-control": "no-store"}
    )


def told(plate: Plate, making: Making) -> dict[str, Any]:
    """All that is known of a plate, as plain values and moments."""
    return {
        "id": plate.id, "channel": plate.channel, "step": str(plate.step), "sample": plate.sample,
        "text_only": plate.text_only, "error": plate.error, "favourite": plate.favourite, "chosen_at": plate.chosen_at,
        "story": asdict(plate.story), "also": [asdict(telling) for telling in plate.also],
        "verdict": asdict(plate.verdict), "prompt": asdict(plate.prompt) if plate.prompt else None,
        "picture": picture_src(plate) or None, "recipe": dict(making.recipe),
        "tries": [_try(plate, number, tried) for number, tried in enumerate(making.tries, 1)],
        "transcript": [{"at": at, **asdict(note)} for at, note in making.notes],
    }  # fmt: skip


def telling(tries: Sequence[Mapping[str, Any]]) -> bool:
    """Whether tries say more than the picture itself: there were several, or somebody looked at more than pixels."""
    return len(tries) > 1 or any(check["id"] in wording.SEEN for tried in tries for check in tried["checks"])


def _try(plate: Plate, number: int, tried: Try) -> dict[str, Any]:
    critique: Mapping[str, Any] = asdict(tried.critique) if tried.critique else {}
    return {
        "number": number, "picture": f"/plates/{plate.id}/tries/{number}?v={caching.digest(tried.picture)[:12]}",
        "chosen": tried.picture == plate.picture, "engine": tried.engine, "seed": tried.prompt.seed,
        "scene": tried.prompt.scene, "at": tried.tried_at, "verdict": critique.get("verdict"),
        "why": critique.get("why", ""), "fix": critique.get("fix", ""), "checks": critique.get("checks", ()),
    }  # fmt: skip
