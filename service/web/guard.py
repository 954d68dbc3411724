"""The guard at the browser's door: who may look, who may change, and from where.

Everything that is not a look needs the owner, whatever endpoint is added later. A request for a name that is not this
machine's (DNS rebinding) is refused, and a change that another site's page asks for.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

from fastapi import Request, Response
from fastapi.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from . import ownership
from .door import Door
from .ownership import DISPLAY, OWNER

LOOKS = ("GET", "HEAD", "OPTIONS")
OPEN = ("/healthz", "/login", "/logout", "/pair", "/pair/now", "/favicon.ico")  # for everybody, whatever is set
KEYED = ("/api/display", "/api/setup", "/api/log")  # devices that bring a key which their endpoint checks
FOREIGN_HOST = "This address is not known here. If it leads to this machine, add its name to web.hosts in config.toml."
FOREIGN_ORIGIN = "This was asked for by a page of another site."
NO_TOKEN = "This needs the owner's token; `frontispiece token` shows it."  # noqa: S105
TOO_MANY = "Too many wrong tokens; wait ten minutes."

Failure = Callable[[Request, int, str], Response]


class Guard:
    """ASGI middleware. Notes in the scope whether it is the owner who asks."""

    def __init__(self, app: ASGIApp, fail: Failure) -> None:
        self.app, self.fail = app, fail

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = Request(scope)
        answer = self._refusal(request)
        await (answer or self.app)(scope, receive, send)

    def _refusal(self, request: Request) -> Response | None:
        door: Door = request.app.state.door
        owners, looks = door.owners, request.method in LOOKS
        if "host" in request.headers and not owners.is_here(request.headers["host"]):
            return self.fail(request, 403, FOREIGN_HOST)
        if not looks and not owners.is_ours(request.headers):
            return self.fail(request, 403, FOREIGN_ORIGIN)
        token = ownership.given(request.headers)
        as_owner = owners.opens(token) if token is not None else owners.is_session(request.cookies.get(OWNER, ""))
        request.scope["owner"] = as_owner
        if as_owner or _open(request.url.path) or (looks and not owners.login):
            return None
        if looks and _as_display(request, door):
            return None
        if token is not None and owners.wrong(address(request)):
            return self.fail(request, 429, TOO_MANY)
        return self._who_are_you(request)

    def _who_are_you(self, request: Request) -> Response:
        """People are led to the login; programs are told what is missing."""
        wants_page = "text/html" in request.headers.get("accept", "") and not request.url.path.startswith("/api/")
        if wants_page:
            then = request.url.path if request.method in LOOKS else "/"
            return RedirectResponse(f"/login?then={quote(then, safe='/')}", 303)
        answer = self.fail(request, 401, NO_TOKEN)
        answer.headers["www-authenticate"] = 'Bearer realm="frontispiece"'
        return answer


def address(request: Request) -> str:
    """Where a request comes from, as far as is known."""
    return request.client.host if request.client else "somewhere"


def _open(path: str) -> bool:
    return path in (*OPEN, *KEYED) or path.startswith("/static/")


def _as_display(request: Request, door: Door) -> bool:
    """Whether a display looks at its own page, or at what that is made of."""
    asked = request.url.path.removeprefix("/d/").partition("/")[0]
    at_home = request.url.path.startswith("/d/")
    name, _, key = request.cookies.get(DISPLAY, "").partition(".")
    if not key and at_home:
        name, key = asked.partition(".")[0], request.query_params.get("key", "")
    if not key or not (asked.partition(".")[0] == name if at_home else request.url.path.startswith("/plates/")):
        return False
    return door.wall.hand.pairing.knows(name, key)
