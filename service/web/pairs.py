"""Pairing a new screen: what the screen sees, and where the owner confirms it."""

from __future__ import annotations

import io
from typing import Annotated

import segno
from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from service.errors import Refused
from service.pairing import LIFE, TooMany, bare, suggested
from service.profiles import PROFILES

from . import caching
from .door import Door, Here
from .login import Form, keep
from .ownership import DISPLAY, PAIRING

router = APIRouter(include_in_schema=False)

UNSAID = {"name": "", "profile": "", "channel": ""}
KEPT_SECONDS = 400 * 86400  # the most that browsers keep a cookie for


@router.get("/pair")
def pair(request: Request, door: Here, code: str = "") -> Response:
    """On a new screen: six digits and a QR code, until the owner has confirmed them; then on to its own page."""
    if code:  # typed by the owner
        return RedirectResponse(f"/pair/{bare(code)[:20]}", 303)
    pairing, nonce = door.wall.hand.pairing, request.cookies.get(PAIRING, "")
    paired = pairing.collect(nonce) if nonce else None
    if paired:
        answer: Response = RedirectResponse(f"/d/{paired.display}", 303, {"cache-control": caching.NEVER})
        keep(answer, request, DISPLAY, f"{paired.display}.{paired.key}", KEPT_SECONDS)
        keep(answer, request, PAIRING, "", 0, "/pair")
        return answer
    shown = pairing.waiting(nonce)
    if shown is None:
        try:
            nonce, shown = pairing.offer()
        except TooMany as error:
            raise HTTPException(429, str(error)) from error
    left = int((shown.made_at + LIFE - door.clock()).total_seconds())
    link = f"{request.url.scheme}://{request.headers.get('host', '')}/pair/{shown.code}"
    page = door.page("pair", code=shown.code, link=link, qr=_qr(link), seconds=max(left, 1))
    answer = HTMLResponse(page, headers={"cache-control": caching.NEVER})
    keep(answer, request, PAIRING, nonce, int(LIFE.total_seconds()), "/pair")
    return answer


@router.get("/pair/now")
def now(
    request: Request,
    door: Here,
    w: Annotated[int, Query(ge=0, le=20000)] = 0,
    h: Annotated[int, Query(ge=0, le=20000)] = 0,
) -> Response:
    """Whether the screen should load its page again: it was confirmed, or its code has run out."""
    pairing, nonce = door.wall.hand.pairing, request.cookies.get(PAIRING, "")
    code = pairing.waiting(nonce)
    if code and (w, h) != (code.width_px, code.height_px) and w and h:
        pairing.sized(nonce, w, h)
    waits = code is not None and code.display is None
    return JSONResponse({"waits": waits}, headers={"cache-control": caching.NEVER})


@router.get("/pair/{digits}")
def confirm(digits: str, door: Here) -> Response:
    """For the owner: which display the screen shall be."""
    if not door.owner:
        return RedirectResponse(f"/login?then=/pair/{bare(digits)[:20]}", 303)
    return _asked(door, bare(digits))


@router.post("/pair/{digits}")
def confirmed(digits: str, door: Here, said: Form) -> Response:
    """The owner's word."""
    try:
        name = door.wall.hand.pairing.confirm(
            digits, name=said.get("name", ""), profile=said.get("profile", ""), channel=said.get("channel", "")
        )
    except Refused as error:
        return _asked(door, bare(digits), str(error), said, status=429 if isinstance(error, TooMany) else 409)
    return HTMLResponse(door.page("paired", display=name), headers={"cache-control": caching.NEVER})


def _asked(door: Door, digits: str, wrong: str = "", said: dict[str, str] | None = None, status: int = 200) -> Response:
    pairing = door.wall.hand.pairing
    code = pairing.open(digits)
    page = door.page(
        "confirm", digits=digits[:6], code=code, wrong=wrong, free=pairing.free_name(), profiles=PROFILES,
        profile=suggested(code.width_px, code.height_px) if code else "", said=UNSAID | (said or {}),
        channels=list(pairing.line.settings.channels), displays=door.wall.displays(),
    )  # fmt: skip
    return HTMLResponse(page, status, {"cache-control": caching.NEVER})


def _qr(link: str) -> str:
    """The QR code as SVG, dark on light with its quiet zone, whatever the page looks like."""
    out = io.BytesIO()
    segno.make(link, error="m").save(
        out, kind="svg", border=3, dark="#1b1815", light="#fffdf8", xmldecl=False, svgns=False, nl=False, omitsize=True
    )
    return out.getvalue().decode()
