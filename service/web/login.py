"""The owner's login: one field, and a cookie that no script can read."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from . import caching
from .door import Door, Here
from .guard import TOO_MANY, address
from .ownership import LOGIN, OWNER

router = APIRouter(include_in_schema=False)

LONGEST = 10_000  # bytes of a form


async def form(request: Request) -> dict[str, str]:
    """The fields of a small form, as browsers send it. Raises HTTPException 413."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > LONGEST:
            raise HTTPException(413, "This is too much.")
    return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))


Form = Annotated[dict[str, str], Depends(form)]


def inside(address: str) -> str:
    """An address that stays on this site, "/" where the given one would not."""
    sound = address.startswith("/") and address[1:2] not in ("/", "\\") and address.isprintable()
    return address if sound else "/"


def keep(response: Response, request: Request, name: str, value: str, seconds: int, path: str = "/") -> None:
    """Give the browser a cookie that goes to no script and to no other site; ``seconds`` 0 takes it back."""
    response.set_cookie(
        name, value, max_age=seconds, path=path, httponly=True, samesite="strict", secure=request.url.scheme == "https"
    )


@router.get("/login")
def login(door: Here, then: str = "/") -> Response:
    """Where the token is asked for."""
    if door.owner:
        return RedirectResponse(inside(then), 303)
    return _page(door, inside(then))


@router.post("/login")
def log_in(request: Request, door: Here, said: Form) -> Response:
    """With the token: on to where one wanted to go."""
    then = inside(said.get("then", "/"))
    if door.owners.opens(said.get("token", "")):
        answer = RedirectResponse(then, 303, {"cache-control": caching.NEVER})
        keep(answer, request, OWNER, door.owners.session(), int(LOGIN.total_seconds()))
        return answer
    locked = door.owners.wrong(address(request))
    return _page(door, then, TOO_MANY if locked else "This is not the token.", 429 if locked else 401)


@router.post("/logout")
def log_out(request: Request) -> Response:
    """This browser forgets the login."""
    answer = RedirectResponse("/", 303)
    keep(answer, request, OWNER, "", 0)
    return answer


def _page(door: Door, then: str, wrong: str = "", status: int = 200) -> Response:
    return HTMLResponse(door.page("login", then=then, wrong=wrong), status, {"cache-control": caching.NEVER})
