"""The owner's actions for programs: what hangs on a display, and what becomes of a plate. All need the token."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Path, Query, Response
from fastapi.responses import JSONResponse
from fastapi.security import HTTPBearer
from pydantic import BaseModel, Field

from service.errors import Refused
from service.hand import Hand
from service.pairing import TooMany

from . import caching
from .door import Here, PlateId
from .rounds import Told

FAILURES: dict[int | str, dict[str, Any]] = {
    401: {"description": "No token, or a wrong one"},
    403: {"description": "From a page of another site, or by a foreign name"},
    404: {"description": "There is no such display or plate"},
    409: {"description": "It cannot be done now; `error` says why"},
}
TOKEN = [Depends(HTTPBearer(auto_error=False, description="The owner's token: `frontispiece token`"))]
router = APIRouter(prefix="/api", responses=FAILURES, dependencies=TOKEN)

ChannelName = Annotated[str, Path(description="A channel's name", max_length=40)]
Name = Annotated[str, Path(description="A display's name", max_length=40)]


class OnDisplay(BaseModel):
    """What hangs on a display now."""

    display: str
    plate: int | None = Field(description="Null while the sample edition hangs")
    headline: str | None
    paused: bool


class Voted(BaseModel):
    """How a plate stands with the owner."""

    plate: int
    headline: str
    favourite: bool
    banned: bool
    subject: str | None = Field(description="Who of this home is in its picture")
    company: list[str] = Field(description="Who of this home is beside them")
    subject_allowed: bool = Field(description="Whether anybody of this home may be")


class Wanted(BaseModel):
    """The plate to show."""

    plate: int = Field(ge=1, le=2**63 - 1, description="Its number")


class Turned(BaseModel):
    """Where to turn a mood dial."""

    mood: int = Field(ge=-10, le=10, description="0 is balanced, 10 only joy")


class Dial(BaseModel):
    """How a channel's mood dial stands."""

    channel: str
    mood: int
    configured: int = Field(description="What the config says")
    turned_at: str | None = Field(description="Since when it stands otherwise by hand; null: it does not")


class Code(BaseModel):
    """A new screen, by the digits it shows, and what it shall be."""

    code: str = Field(description="Six digits", max_length=20)
    name: str = Field("", description="Lower-case letters, digits, - and _; left out: one is made up", max_length=80)
    profile: str = Field("", description="Left out: guessed by the screen's size", max_length=80)
    channel: str = Field("", description="Left out: the first of the config", max_length=80)


def done(door: Here, act: Callable[[Hand], dict[str, Any]]) -> dict[str, Any]:
    """What came of it. Raises HTTPException 404, 409 or 429."""
    try:
        return act(door.wall.hand)
    except LookupError as error:  # a KeyError names the display
        found = f"There is no display called “{error.args[0]}”." if isinstance(error, KeyError) else str(error)
        raise HTTPException(404, found) from error
    except TooMany as error:
        raise HTTPException(429, str(error)) from error
    except Refused as error:
        raise HTTPException(409, str(error)) from error


def _answer(door: Here, act: Callable[[Hand], dict[str, Any]]) -> JSONResponse:
    return JSONResponse(done(door, act), headers={"cache-control": caching.NEVER})


# -- displays ------------------------------------------------------------------------------------


@router.post("/displays/{name}/next", response_model=OnDisplay, tags=["displays"])
def next_slide(name: Name, door: Here) -> JSONResponse:
    """What was stepped back from, else whatever is next in the display's order."""
    return _answer(door, lambda hand: hand.next(name))


@router.post("/displays/{name}/previous", response_model=OnDisplay, tags=["displays"])
def previous_slide(name: Name, door: Here) -> JSONResponse:
    """What hung there before; again and again goes further back. Banned plates are passed over."""
    return _answer(door, lambda hand: hand.previous(name))


@router.post("/displays/{name}/pause", response_model=OnDisplay, tags=["displays"])
def pause(name: Name, door: Here) -> JSONResponse:
    """Keep the slide until resumed; a restart does not end it."""
    return _answer(door, lambda hand: hand.pause(name))


@router.post("/displays/{name}/resume", response_model=OnDisplay, tags=["displays"])
def resume(name: Name, door: Here) -> JSONResponse:
    """Go on changing slides."""
    return _answer(door, lambda hand: hand.pause(name, paused=False))


@router.post("/displays/{name}/show", response_model=OnDisplay, tags=["displays"])
def show(
    name: Name,
    door: Here,
    wanted: Wanted | None = None,
    plate: Annotated[int | None, Query(ge=1, le=2**63 - 1, description="instead of a body")] = None,
) -> JSONResponse:
    """Show this plate now."""
    number = wanted.plate if wanted else plate
    if number is None:
        raise HTTPException(422, 'plate: say which, as {"plate": 12} or ?plate=12')
    return _answer(door, lambda hand: hand.show(name, number))


@router.delete("/displays/{name}", tags=["displays"])
def unpair(name: Name, door: Here) -> JSONResponse:
    """Forget a display that was paired; its key opens nothing any more."""

    def act(hand: Hand) -> dict[str, Any]:
        hand.pairing.unpair(name)
        return {"display": name, "paired": False}

    return _answer(door, act)


@router.post("/displays/{display}/test", tags=["displays"])
def test_card(display: Name, door: Here) -> Response:
    """Show a test card for a moment; what happens comes as JSON lines."""
    return Told(door.wall.trial(door.display(display).name), None)


@router.post("/pair", tags=["displays"], responses={429: {"description": "Too many wrong codes: ten minutes' pause"}})
def pair(code: Code, door: Here) -> JSONResponse:
    """Make the screen that shows this code a display."""

    def act(hand: Hand) -> dict[str, Any]:
        name = hand.pairing.confirm(code.code, name=code.name, profile=code.profile, channel=code.channel)
        return {"display": name, "paired": True}

    return _answer(door, act)


# -- channels ------------------------------------------------------------------------------------


@router.put("/channels/{name}/mood", response_model=Dial, tags=["channels"])
def turn(name: ChannelName, dial: Turned, door: Here) -> JSONResponse:
    """Turn the channel's mood dial; the next round goes by it. It holds until the config says something new."""
    return _answer(door, lambda hand: hand.turn(name, dial.mood))


@router.delete("/channels/{name}/mood", response_model=Dial, tags=["channels"])
def turn_back(name: ChannelName, door: Here) -> JSONResponse:
    """Back to what the config says."""
    return _answer(door, lambda hand: hand.turn(name, None))


# -- plates --------------------------------------------------------------------------------------


@router.post("/plates/{plate_id}/favourite", response_model=Voted, tags=["plates"])
def favourite(plate_id: PlateId, door: Here) -> JSONResponse:
    """Keep it for ever, and choose more like it."""
    return _answer(door, lambda hand: hand.favour(plate_id))


@router.delete("/plates/{plate_id}/favourite", response_model=Voted, tags=["plates"])
def no_favourite(plate_id: PlateId, door: Here) -> JSONResponse:
    """No favourite any more."""
    return _answer(door, lambda hand: hand.favour(plate_id, liked=False))


@router.post("/plates/{plate_id}/ban", response_model=Voted, tags=["plates"])
def ban(plate_id: PlateId, door: Here) -> JSONResponse:
    """Off every wall at once, and less like it."""
    return _answer(door, lambda hand: hand.ban(plate_id))


@router.delete("/plates/{plate_id}/ban", response_model=Voted, tags=["plates"])
def no_ban(plate_id: PlateId, door: Here) -> JSONResponse:
    """It may hang again."""
    return _answer(door, lambda hand: hand.ban(plate_id, banned=False))


@router.post("/plates/{plate_id}/not-me", response_model=Voted, tags=["plates"])
def not_me(plate_id: PlateId, door: Here) -> JSONResponse:
    """Nobody of this home belongs in this story: the picture goes at once, and the next round paints one without."""
    return _answer(door, lambda hand: hand.not_me(plate_id))


@router.delete("/plates/{plate_id}/not-me", response_model=Voted, tags=["plates"])
def me_after_all(plate_id: PlateId, door: Here) -> JSONResponse:
    """They may appear in it again; what is painted stays as it is."""
    return _answer(door, lambda hand: hand.not_me(plate_id, absent=False))
