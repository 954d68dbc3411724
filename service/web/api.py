"""For programs: what is on a display now, slides and pictures as files, and health."""

from __future__ import annotations

import json
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, HTTPException, Query, Request, Response
from fastapi.responses import JSONResponse

from service.profiles import PROFILES

from . import caching, wording
from .door import Door, Here, PlateId, picture_src
from .seam import DisplayInfo, Showing, Still

router = APIRouter()

STEP_PX, SMALLEST_PX, LARGEST_PX = 8, 160, 3840  # windows a fragment is made for: few sizes, so that a cache is of use


def window(px: int) -> int:
    """The length a fragment is made for, for a window of ``px``: it must fit inside, so it is rounded down."""
    return min(max(px - px % STEP_PX, SMALLEST_PX), LARGEST_PX)


@router.get("/d/{display}/now.json")
def now_json(
    display: str,
    request: Request,
    door: Here,
    w: Annotated[int, Query(description="the window's width, CSS px")] = 1024,
    h: Annotated[int, Query(description="the window's height, CSS px")] = 600,
    via: Annotated[str, Query(max_length=64, description="the mark that a device was sent here with")] = "",
) -> Response:
    """What the live page shows: the slide as HTML for a window, and 304 while that would not change."""
    info, showing = door.display(display), door.wall.showing(display)
    width, height, plate, shell = window(w), window(h), showing.plate, door.shell()
    now = door.clock()
    tag = caching.digest(
        *(plate.id, plate.step, plate.picture, plate.story.title, showing.note, width, height),
        *(info.template, info.profile, shell, caching.age_bucket(plate.story.published, now)),
        *(info.night, now.minute if info.night == "clock" else ""),
    )
    hangs = caching.matches(request.headers.get("if-none-match"), tag)
    if via:
        door.wall.fetched(display, f"via={via}&v={plate.id}" if hangs else f"via={via}")
    if hangs:
        return caching.answer(b"", "application/json", tag, request.headers)
    body = {**_live(door, info, showing, (width, height)), "shell": shell}
    return caching.answer(json.dumps(body, ensure_ascii=False).encode(), "application/json", tag, request.headers)


def _live(door: Door, info: DisplayInfo, showing: Showing, size_px: tuple[int, int]) -> dict[str, object]:
    plate, src = showing.plate, picture_src(showing.plate)
    fragment = door.wall.fragment(plate, info.name, *size_px, src)
    return {
        "id": plate.id,
        "html": fragment.html,
        "width": fragment.width_px,
        "height": fragment.height_px,
        "picture": src or None,
        "language": fragment.language,
        "direction": fragment.direction,
        "background": fragment.background,
        "alt": plate.prompt.alt if plate.prompt else "",
        "alt_language": plate.prompt.alt_language if plate.prompt else "",
        "title": plate.story.title,
        "page": f"/plates/{plate.id}",
        "until": showing.until.isoformat(),
        "sample": plate.sample,
        "note": showing.note,
        "night": str(info.night),
    }


@router.get("/d/{display}/manifest.webmanifest", include_in_schema=False)
def manifest(display: str, door: Here) -> Response:
    """What makes the live page installable (W3C Web Application Manifest), one for each display."""
    name = door.display(display).name
    start = f"/d/{quote(name, safe='')}"
    icons = [
        {"src": f"/static/{file}-{px}.png", "sizes": f"{px}x{px}", "type": "image/png", "purpose": purpose}
        for file, purpose in (("icon", "any"), ("maskable", "maskable"))
        for px in (192, 512)
    ]
    body = {
        "id": start,
        "name": f"Frontispiece · {name}",
        "short_name": name,
        "description": "The day's news as pictures on this screen.",
        "start_url": start,
        "scope": start,
        "display": "fullscreen",
        "orientation": "any",
        "background_color": "#171411",
        "theme_color": "#171411",
        "icons": [{"src": "/static/favicon.svg", "sizes": "any", "type": "image/svg+xml"}, *icons],
    }
    return JSONResponse(body, headers={"cache-control": caching.ALWAYS_ASK}, media_type="application/manifest+json")


@router.get("/d/{display}.jpg")
def display_jpg(display: str, request: Request, door: Here) -> Response:
    """What is on the display now, at its own size; ``X-Next-Refresh``: in how many seconds to ask again."""
    return _on_display(display, ".jpg", request, door)


@router.get("/d/{display}.png")
def display_png(display: str, request: Request, door: Here) -> Response:
    """The same as a PNG, for e-ink panels that must not see compression marks."""
    return _on_display(display, ".png", request, door)


@router.get("/d/{display}.bmp")
def display_bmp(display: str, request: Request, door: Here) -> Response:
    """The same as a BMP, for firmware that unpacks nothing: 1 bit for black and white, else 24."""
    return _on_display(display, ".bmp", request, door)


def _on_display(display: str, suffix: str, request: Request, door: Door) -> Response:
    info, now = door.display(display), door.clock()
    wait = wording.until_next(door.wall.showing(display), now, info)
    wait = min(wait, 60 - now.second) if info.night == "clock" else wait
    still = door.wall.still(display, suffix)
    if request.url.query:
        door.wall.fetched(display, request.url.query)
    return _still(still, request, **caching.come_back(wait))


@router.get("/plates/{plate_id}.jpg")
def plate_jpg(plate_id: PlateId, request: Request, door: Here, profile: str = "nest-hub") -> Response:
    """A plate as a slide for a profile."""
    if profile not in PROFILES:
        raise HTTPException(404, f"There is no profile “{profile}”; there are {', '.join(PROFILES)}.")
    door.plate(plate_id)
    return _still(door.wall.slide(plate_id, profile), request)


@router.get("/plates/{plate_id}/picture")
def plate_picture(plate_id: PlateId, request: Request, door: Here) -> Response:
    """A plate's bare picture; asked for with a version it never changes."""
    door.plate(plate_id)
    try:
        still = door.wall.picture(plate_id)
    except LookupError as error:
        raise HTTPException(404, f"Plate {plate_id} has no picture.") from error
    keep = caching.FOR_EVER if request.query_params.get("v") else caching.ALWAYS_ASK
    return _still(still, request, cache_control=keep)


def _still(still: Still, request: Request, **headers: str) -> Response:
    return caching.answer(still.data, still.media_type, still.etag, request.headers, **headers)


@router.get("/api/status")
def status(door: Here) -> Response:
    """How everything is: channels, feeds, waiting plates, displays, disk."""
    return JSONResponse(door.wall.status(), headers={"cache-control": caching.NEVER})


@router.get("/healthz")
async def healthz() -> Response:
    """The process answers."""
    return Response("ok\n", media_type="text/plain", headers={"cache-control": caching.NEVER})


@router.get("/readyz")
def readyz(door: Here) -> Response:
    """There is something to show: 200, or 503 with the reason."""
    ready, why = door.wall.ready()
    text = f"{why or ('ready' if ready else 'not ready')}\n"
    return Response(text, 200 if ready else 503, {"cache-control": caching.NEVER}, "text/plain")
