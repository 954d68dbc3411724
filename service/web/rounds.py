"""One round of the pipeline on request, told event by event. For the command line on the same machine."""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Annotated

from fastapi import APIRouter, Header, HTTPException, Query, Response
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from service.errors import Busy, FrontispieceError

from .door import Door, Here

router = APIRouter()

Event = dict[str, object]


@router.post("/api/round")
def one_round(
    door: Here, channel: Annotated[tuple[str, ...], Query()] = (), x_frontispiece_secret: Annotated[str, Header()] = ""
) -> Response:
    """Run one round now; its events come as JSON lines while it runs. 401 without the secret, 409 while one runs."""
    allowed(door, x_frontispiece_secret)
    events = door.wall.round(channel)
    try:
        first = next(events, None)  # a generator refuses only when first asked
    except Busy as error:
        raise HTTPException(409, str(error)) from error
    return Told(events, first)


def allowed(door: Door, secret: str) -> None:
    """Let the command of this machine pass. Raises HTTPException 401."""
    if not door.secret or not hmac.compare_digest(secret.encode(), door.secret.encode()):
        raise HTTPException(401, "This needs the service's own secret.")


class Told(StreamingResponse):
    """Events as lines. When the asker leaves, the round is closed: it finishes its step and stops."""

    def __init__(self, events: Iterator[Event], first: Event | None) -> None:
        super().__init__(_lines(first, events), media_type="application/x-ndjson")
        self.events = events

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            with suppress(AttributeError, ValueError):  # not a generator; or, at shutdown, still in its step
                self.events.close()  # type: ignore[attr-defined]


def _lines(first: Event | None, events: Iterator[Event]) -> Iterator[str]:
    """Each event as a line of JSON; a failure is the last line, since the status has long been sent."""
    try:
        if first is not None:
            yield json.dumps(first) + "\n"
        for event in events:
            yield json.dumps(event) + "\n"
    except FrontispieceError as error:
        yield json.dumps({"event": "failed", "error": str(error)}) + "\n"
