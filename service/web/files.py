"""Files as they are: style sheets, scripts, icons, fonts."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from fastapi import APIRouter, HTTPException, Request, Response

from . import caching
from .door import Here

router = APIRouter(include_in_schema=False)

TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".ttf": "font/ttf",
    ".otf": "font/otf",
    ".woff": "font/woff",
    ".woff2": "font/woff2",
}


@router.get("/static/slide.css")
def slide_css(request: Request, door: Here) -> Response:
    """The style sheet that slides are composed with, for the live page."""
    return _file(door.templates / "slides", "slide.css", request)


@router.get("/static/fonts.css")
def fonts_css(request: Request, door: Here) -> Response:
    """The sheet that names the fonts slides are set in."""
    sheet = _versioned(door.fonts_css(), door.fonts).encode()
    return caching.answer(sheet, TYPES[".css"], hashlib.sha256(sheet).hexdigest()[:20], request.headers)


@router.get("/static/fonts/{name}")
def font(name: str, request: Request, door: Here) -> Response:
    """A font file; asked for with a version it never changes."""
    if door.fonts is None:
        raise HTTPException(404, "No fonts are served here.")
    return _file(door.fonts, name, request)


@router.get("/static/{name}")
def static(name: str, request: Request, door: Here) -> Response:
    """Our own scripts, sheets and icons."""
    return _file(door.templates / "static", name, request)


@router.get("/favicon.ico")
def favicon(request: Request, door: Here) -> Response:
    """What browsers ask for unasked."""
    return _file(door.templates / "static", "icon-192.png", request)


def _versioned(sheet: str, folder: Path | None) -> str:
    """The sheet with a version on each font of the folder, so that a browser need not ask for it again."""

    def version(found: re.Match[str]) -> str:
        path = folder / found[2] if folder else None
        if path is None or not path.is_file():
            return found[0]
        stat = path.stat()
        return f"{found[1]}{found[2]}?v={caching.digest(stat.st_mtime_ns, stat.st_size)[:12]}"

    return re.sub(r"(/static/fonts/)([\w.-]+)(?=['\")])", version, sheet)


def _file(folder: Path, name: str, request: Request) -> Response:
    """A file of a folder, never of another: the name must be one that a listing of the folder has."""
    media_type = TYPES.get(Path(name).suffix.lower())
    path = folder / name
    if media_type is None or Path(name).name != name or "\0" in name or not path.is_file():
        raise HTTPException(404, "There is no such file.")
    data = path.read_bytes()
    keep = caching.FOR_EVER if request.query_params.get("v") else caching.ALWAYS_ASK
    # the live page's worker, served from /static, looks after the pages under /d/
    extra = {"service_worker_allowed": "/d/"} if name == "worker.js" else {}
    tag = hashlib.sha256(data).hexdigest()[:20]
    return caching.answer(data, media_type, tag, request.headers, cache_control=keep, **extra)
