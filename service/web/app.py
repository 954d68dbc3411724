"""The web application: one wall behind one door."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service import __version__
from service.clock import Clock, now
from service.errors import FrontispieceError
from service.studio import Studio

from . import (
    actions,
    api,
    feeds,
    files,
    forms,
    images,
    lessons,
    login as login_page,
    metrics,
    pages,
    pairs,
    plates,
    repaints,
    rounds,
    subjects,
    trmnl,
)  # fmt: skip
from .caching import NEVER
from .door import Door, environment
from .guard import Guard
from .ownership import Ownership
from .seam import Wall

# A fragment carries its sizes in style attributes and its QR code as a data: picture; nothing else is inline.
# No frame-ancestors: casting apps and home dashboards put the live page in a frame.
POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "object-src 'none'; base-uri 'none'; form-action 'self'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",  # with no-referrer, our own forms would come from the origin "null"
}


def create(
    wall: Wall,
    *,
    templates: Path,
    secret: Callable[[], str] | str,
    fonts: Path | None = None,
    fonts_css: Callable[[], str] | str = "",
    clock: Clock = now,
    login: bool = False,
    hosts: Collection[str] = (),
    studio: Studio | None = None,
) -> FastAPI:
    """The application for a wall.

    ``templates`` holds ``pages/``, ``static/`` and ``slides/slide.css``; ``fonts`` is a folder of font files that
    ``fonts_css`` names as ``/static/fonts/<file>``; ``secret`` is the owner's token, without which nothing
    can be changed, or with ``login`` looked at; "" opens nothing. ``hosts`` are further names of this machine.
    ``studio`` paints for other programs; None: nobody does.
    """
    app = FastAPI(
        title="Frontispiece", version=__version__, docs_url=None, redoc_url=None, openapi_url="/api/openapi.json"
    )
    sheet = fonts_css if callable(fonts_css) else lambda: fonts_css
    token = secret if callable(secret) else lambda: secret
    owners = Ownership(token, clock, login, hosts)
    app.state.door = Door(wall, templates, fonts, sheet, owners, clock, environment(templates), studio)
    # pages last: /d/{display} would swallow /d/{display}.jpg
    programs = (files, api, metrics, plates, actions, repaints, rounds, trmnl, feeds, images)
    for room in (*programs, login_page, pairs, lessons, subjects, forms, pages):
        app.include_router(room.router)
    app.add_exception_handler(HTTPException, not_served)
    app.add_exception_handler(RequestValidationError, not_understood)
    app.add_exception_handler(FrontispieceError, not_possible)
    app.add_exception_handler(Exception, broken)
    app.add_middleware(Guard, fail=failure)
    app.add_middleware(Threshold)
    return app


class Threshold:
    """What holds for every answer: the security headers, and HEAD as GET without the body (RFC 9110 §9.3.2)."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request in and the answer out."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        head = scope["method"] == "HEAD"

        async def out(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            elif head and message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        await self.app({**scope, "method": "GET"} if head else scope, receive, out)


def failure(request: Request, status: int, message: str) -> Response:
    """The failure in the words of whoever asked: JSON for programs, a page for people, a line for the rest."""
    headers = {"cache-control": NEVER}
    if request.url.path.startswith("/v1/"):
        return images.failed(status, message)
    if request.url.path.startswith("/api/") or request.url.path.endswith((".json", ".webmanifest")):
        return JSONResponse({"error": message}, status, headers)
    if "text/html" not in request.headers.get("accept", ""):
        return PlainTextResponse(f"{message}\n", status, headers)
    door: Door = replace(request.app.state.door, owner=request.scope.get("owner", False))
    shown = door.wall.displays() if status == 404 and (door.owner or not door.owners.login) else ()
    page = door.page("missing", status=status, message=message, displays=shown)
    return HTMLResponse(page, status, headers)


def not_served(request: Request, error: Exception) -> Response:
    """404 and the like."""
    assert isinstance(error, HTTPException)
    message = "There is no such page." if error.detail == "Not Found" else str(error.detail)
    return failure(request, error.status_code, message)


def not_understood(request: Request, error: Exception) -> Response:
    """A path that cannot exist is missing; a query that makes no sense is the asker's mistake."""
    assert isinstance(error, RequestValidationError)
    mistakes = error.errors()
    if any(mistake["loc"][0] == "path" for mistake in mistakes):
        return failure(request, 404, "There is no such page.")
    return failure(request, 422, "; ".join(f"{mistake['loc'][-1]}: {mistake['msg']}" for mistake in mistakes))


def not_possible(request: Request, error: Exception) -> Response:
    """An expected failure (a slide that cannot be composed, a full disk): say it, and that asking later may help."""
    return failure(request, 503, str(error))


def broken(_request: Request, _error: Exception) -> Response:
    """A bug: the server logs it; nobody is shown a traceback."""
    return PlainTextResponse("Something is broken here; the service's log says what.\n", 500, {"cache-control": NEVER})
