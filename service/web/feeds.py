"""Picture feeds: what hung on a channel's wall, for whoever subscribes to it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated, TypeVar

from fastapi import APIRouter, HTTPException, Path, Request, Response

from service.addresses import OWN_TAG
from service.model import Plate

from . import caching
from .door import Door, Here, PlateId, picture_src
from .entries import Collection, Enclosure, enclosure, entry
from .origin import origin
from .syndication import FORMATS

router = APIRouter()

LAST = 30  # entries in a feed
PROFILE = "nest-hub"  # what its slides are composed for
T = TypeVar("T")
Format = Annotated[str, Path(pattern="^(atom|rss|json)$")]


@router.get("/feeds/{channel}.{form}")
def channel_feed(channel: str, form: Format, request: Request, door: Here) -> Response:
    """A channel's last pictures, newest first."""
    plates = _known(channel, lambda: door.wall.recent(LAST, channel))
    told = Told(channel, "", "The day’s news as pictures: each with the headline it was made for.")
    return _answer(told, [(None, plate) for plate in plates], form, request, door)


@router.get("/feeds/{channel}/daily.{form}")
def daily_feed(channel: str, form: Format, request: Request, door: Here) -> Response:
    """One picture for each of a channel's last days that are over."""
    days = _known(channel, lambda: door.wall.best(channel, LAST))
    told = Told(
        f"{channel}/daily", ", the picture of the day",
        "One picture for each day that is over: a favourite, else what most publications told.",
    )  # fmt: skip
    return _answer(told, days, form, request, door)


@dataclass(frozen=True, slots=True)
class Told:
    """What a feed says of itself."""

    name: str  #: its address below /feeds
    suffix: str  #: of its title
    subtitle: str


def _known(channel: str, ask: Callable[[], T]) -> T:
    try:
        return ask()
    except KeyError as error:
        raise HTTPException(404, f"There is no channel called “{channel}”.") from error


@router.get("/plates/{plate_id}/slide.jpg")
def slide(plate_id: PlateId, request: Request, door: Here) -> Response:
    """A plate's slide as it was when it was chosen; asked for with a version it never changes."""
    door.plate(plate_id)
    still = door.wall.slide(plate_id, PROFILE, as_chosen=True)
    keep = caching.FOR_EVER if request.query_params.get("v") else caching.ALWAYS_ASK
    return caching.answer(still.data, still.media_type, still.etag, request.headers, cache_control=keep)


def _answer(
    told: Told, plates: Sequence[tuple[date | None, Plate]], form: str, request: Request, door: Door
) -> Response:
    home, (write, media_type) = origin(request), FORMATS[form]
    feed = Collection(
        id=f"{OWN_TAG}{told.name}", title=f"Frontispiece: {told.name.partition('/')[0]}{told.suffix}",
        subtitle=told.subtitle, home=home, address=f"{home}/feeds/{told.name}.{form}",
        entries=[entry(plate, _enclosures(door, plate), home, day) for day, plate in plates],
    )  # fmt: skip
    body = write(feed)
    return caching.answer(body, media_type, hashlib.sha256(body).hexdigest()[:20], request.headers)


def _enclosures(door: Door, plate: Plate) -> list[Enclosure]:
    """The slide, then the picture; looked at once, since a slide has to be composed to know how long its file is."""
    version = caching.digest(plate.story, plate.picture, plate.text_only, door.shell())[:12]
    return door.measured.get((plate.id, version), lambda: _measured(door, plate, version), len)


def _measured(door: Door, plate: Plate, version: str) -> list[Enclosure]:
    path = f"/plates/{plate.id}/slide.jpg?v={version}"
    slide = door.wall.slide(plate.id, PROFILE, as_chosen=True)
    found = [enclosure(slide, path, "The slide, with its headline")]
    if plate.picture is not None and not plate.text_only:
        found.append(enclosure(door.wall.picture(plate.id), picture_src(plate), "The picture alone"))
    return found
