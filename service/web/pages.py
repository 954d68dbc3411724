"""For people: the index, a plate, the status, and the page that hangs on a wall."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, HTTPException, Query
from fastapi.responses import HTMLResponse, Response

from service.model import Plate
from service.skipping import Kind

from . import caching, plates, wording
from .door import Door, Here, PlateId

router = APIRouter(include_in_schema=False)

POLL_MS = 5000  # how often the live page asks
SHOWN = 24  # plates on the index
KEPT = 60  # stories on the page of what was kept off


@router.get("/")
def index(door: Here) -> Response:
    """The displays with what is on them now, and the last plates."""
    cards = [(display, door.wall.showing(display.name)) for display in door.wall.displays()]
    on_the_wall = {showing.plate.id for _, showing in cards}
    status = door.wall.status()
    page = door.page(
        "index",
        cards=cards,
        channels=list(dict.fromkeys(display.channel for display, _ in cards)),
        notice=wording.notice((showing for _, showing in cards if not showing.paused), status),
        plates=[plate for plate in door.wall.recent(SHOWN + len(on_the_wall)) if plate.id not in on_the_wall][:SHOWN],
    )
    return _page(page)


@router.get("/plates/{plate_id}")
def plate(plate_id: PlateId, door: Here) -> Response:
    """One plate: the slide, the bare picture, and everything that led to it."""
    shown = door.plate(plate_id)
    made = plates.told(shown, door.wall.making(plate_id))
    tries = made["tries"] if plates.telling(made["tries"]) else ()
    page = door.page(
        "plate", plate=shown, made=made, tries=tries, neighbours=_neighbours(door, shown),
        displays=door.wall.displays(),
    )  # fmt: skip
    return _page(page)


def _neighbours(door: Door, plate: Plate) -> tuple[Plate | None, Plate | None]:
    """The plates before and after this one among the last ones, newest first."""
    recent = list(door.wall.recent(SHOWN))
    at = next((place for place, other in enumerate(recent) if other.id == plate.id), None)
    if at is None:
        return None, None
    return recent[at - 1] if at else None, recent[at + 1] if at + 1 < len(recent) else None


@router.get("/status")
def status(door: Here) -> Response:
    """How everything is, in words."""
    told = door.wall.status()
    ready, why = door.wall.ready()
    page = door.page(
        "status", sections=wording.sections(told), troubles=wording.troubles(told), ready=ready, why=why,
        gates=wording.gates(told), editors=wording.editors(told), engines=wording.engines(told),
    )  # fmt: skip
    return _page(page)


@router.get("/skipped")
def skipped(
    door: Here,
    why: Annotated[Kind | None, Query(description="only what this kept off")] = None,
    channel: Annotated[str, Query(description="only this channel's; all if left out")] = "",
    hours: Annotated[float, Query(ge=0, le=24 * 366, description="how far back")] = 24,
) -> Response:
    """What was kept off the wall, by whom and why, and how to let it through."""
    gates = wording.gates(door.wall.status())
    channels = [str(gate["channel"]) for gate in gates]
    if channel and channel not in channels:
        raise HTTPException(404, f"There is no channel called “{channel}”.")
    kinds = [why] if why else list(Kind)
    found = door.wall.kept_off([channel] if channel else [], kinds, hours=hours, limit=KEPT + 1)
    page = door.page(
        "skipped", kept=found[:KEPT], more=len(found) > KEPT, channels=channels, gates=gates,
        asked={"why": why or "", "channel": channel, "hours": f"{hours:g}"}, kinds=wording.KINDS,
    )  # fmt: skip
    return _page(page)


@router.get("/d/{display}")
def live(
    display: str,
    door: Here,
    poll: Annotated[int, Query(ge=50, le=600_000, description="ms between questions")] = POLL_MS,
) -> Response:
    """The live page: full-bleed, asks ``now.json`` by itself, never reloads without need."""
    return _page(door.page("display", display=door.display(display), poll=poll, shell=door.shell()))


def _page(html: str) -> Response:
    return HTMLResponse(html, headers={"cache-control": caching.ALWAYS_ASK})
