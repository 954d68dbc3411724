"""TRMNL's protocol for servers of one's own: setup, display, log (https://docs.trmnl.com/go/diy/byos).

The firmware (https://github.com/usetrmnl/trmnl-firmware) sends its MAC address as ``ID`` and the key it was given
at setup as ``Access-Token``. It downloads a picture only when ``filename`` is another, and sleeps ``refresh_rate``
seconds.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import math
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse

from service.profiles import Panel
from service.protocols import Calling

from . import wording
from .caching import NEVER
from .door import Door, Here
from .origin import origin
from .seam import DisplayInfo, Still

log = logging.getLogger(__name__)
router = APIRouter()

READS_PNG = (1, 5, 2)  # the first firmware that does; those before it read a BMP of one bit
BODY_BYTES = 64_000  # of a log; a device keeps ten notes of some 500 bytes
STRANGERS = 20  # devices that are not in the config and are told of in our log
COMPLAINTS = ("error", "fatal")
_WORD = re.compile(r"[\w.+-]{1,24}", re.ASCII)
_MAC = re.compile(r"(?:[0-9A-Fa-f]{2}[:-]?){5}[0-9A-Fa-f]{2}")


@router.get("/api/setup/", include_in_schema=False)  # the slash: older firmware
@router.get("/api/setup")
def setup(request: Request, door: Here) -> Response:
    """A TRMNL's first call: it gives its MAC address and gets its key."""
    name, device = _caller(request, door)
    if device is None:
        return _unknown(request, door)
    info = door.display(name)
    still, suffix = _still(door, info, request)
    return _json({
        "status": 200, "api_key": device.key(), "friendly_id": hashlib.sha256(name.encode()).hexdigest()[:6].upper(),
        "image_url": f"{origin(request)}{_path(info, still, suffix)}", "filename": _filename(info, still),
        "message": f"This is the display {name} of Frontispiece.",
    })  # fmt: skip


@router.get("/api/display/", include_in_schema=False)
@router.get("/api/display")
def display(request: Request, door: Here) -> Response:
    """A TRMNL has woken up: what it shows next, and when it is to call again."""
    name, device = _caller(request, door)
    if device is None:
        return _unknown(request, door)
    if not _trusted(device, request):
        return _refused()
    info = door.display(name)
    seconds = wording.until_next(door.wall.showing(name), door.clock(), info)
    still, suffix = _still(door, info, request)
    path = _path(info, still, suffix)
    device.called(said(request.headers), query=path.partition("?")[2], seconds=seconds, trouble=_trouble(request, info))
    return _json({
        "status": 0, "image_url": f"{origin(request)}{path}", "filename": _filename(info, still),
        "refresh_rate": seconds, "update_firmware": False, "firmware_url": None, "reset_firmware": False,
        "special_function": "none",
    })  # fmt: skip


@router.post("/api/log/", include_in_schema=False)
@router.post("/api/log")
async def device_log(request: Request, door: Here) -> Response:
    """A TRMNL tells what went wrong."""
    name, device = await run_in_threadpool(_caller, request, door)
    if device is None:
        return _unknown(request, door)
    if not await run_in_threadpool(_trusted, device, request):
        return _refused()
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > BODY_BYTES:
            return _json({"status": 413, "error": "That log is too long."}, 413)
    lines = notes(body)
    complaint = next((text for level, text in reversed(lines) if text and level in COMPLAINTS), "")
    if complaint:
        device.complained(complaint)
    return _json({"status": 200, "message": f"{len(lines)} notes for {name}"})


# -- who calls --------------------------------------------------------------------------------


def _caller(request: Request, door: Door) -> tuple[str, Calling | None]:
    """The display of the device that calls, by the ID it gives, and its adapter."""
    device = request.headers.get("id", "")
    for name, adapter in door.wall.calling().items():
        if device and adapter.is_device(device):
            return name, adapter
    return "", None


def _trusted(device: Calling, request: Request) -> bool:
    given = request.headers.get("access-token", "")
    return hmac.compare_digest(given.encode(), device.key().encode())


def _unknown(request: Request, door: Door) -> Response:
    device = request.headers.get("id", "")
    if _MAC.fullmatch(device) and device not in door.strangers and len(door.strangers) < STRANGERS:
        door.strangers.add(device)
        log.warning('a TRMNL calls that no display is for: kind = "trmnl", address = "%s" makes it one', device)
    return _json({
        "status": 404, "api_key": None, "friendly_id": None, "image_url": None, "filename": None,
        "message": "MAC Address not registered", "error": "No display in config.toml has this device's address.",
    }, 404)  # fmt: skip


def _refused() -> Response:
    return _json({"status": 401, "error": "Wrong Access-Token: reset the device, and it asks for its key anew."}, 401)


def _json(body: Mapping[str, Any], status: int = 200) -> Response:
    return JSONResponse(body, status, {"cache-control": NEVER})


# -- what it shows ----------------------------------------------------------------------------


def _still(door: Door, info: DisplayInfo, request: Request) -> tuple[Still, str]:
    suffix = ".bmp" if _old(request.headers) and info.profile.panel is Panel.MONO else ".png"
    return door.wall.still(info.name, suffix), suffix


def _old(headers: Mapping[str, str]) -> bool:
    """Whether the firmware reads no PNG."""
    version = re.match(r"(\d{1,3})\.(\d{1,3})\.(\d{1,3})", headers.get("fw-version", ""))
    return version is not None and tuple(map(int, version.groups())) < READS_PNG


def _tag(still: Still) -> str:
    return still.etag.strip('"')[:12]


def _path(info: DisplayInfo, still: Still, suffix: str) -> str:
    return f"/d/{quote(info.name, safe='')}{suffix}?v={_tag(still)}"


def _filename(info: DisplayInfo, still: Still) -> str:
    return f"{info.name}-{_tag(still)}"


# -- what it says -----------------------------------------------------------------------------


def said(headers: Mapping[str, str]) -> dict[str, object]:
    """What a device told of itself, checked: what is absurd is left out. Pure."""
    told: dict[str, object] = {
        "battery_volts": _number(headers.get("battery-voltage"), 0.5, 30),
        "battery_percent": _number(headers.get("percent-charged"), 0, 100),
        "wifi_dbm": _number(headers.get("rssi"), -120, 0),
        "firmware": _word(headers.get("fw-version")),
        "model": _word(headers.get("model")),
    }
    return {key: value for key, value in told.items() if value is not None}


def _number(text: str | None, least: float, most: float) -> float | None:
    try:
        number = float(text or "nan")
    except ValueError:
        return None
    return round(number, 2) if math.isfinite(number) and least <= number <= most else None


def _word(text: str | None) -> str | None:
    return text if text and _WORD.fullmatch(text) else None


def _trouble(request: Request, info: DisplayInfo) -> str | None:
    """What is wrong with a device, by what it says of its screen."""
    width, height = (_number(request.headers.get(key), 1, 10_000) for key in ("width", "height"))
    profile = info.profile
    if not width or not height or {width, height} == {profile.width_px, profile.height_px}:
        return None
    return (
        f"its screen is {width:.0f} x {height:.0f} px, and that of its profile {profile.name} "
        f"{profile.width_px} x {profile.height_px}"
    )


def notes(body: bytes) -> list[tuple[str, str]]:
    """The notes of a log, level and text, in both forms that firmware has sent; [] where there are none. Pure."""
    try:
        table = json.loads(body)
    except (ValueError, RecursionError):
        return []
    inner = table.get("log") if isinstance(table, dict) else None
    found = table.get("logs") if isinstance(table, dict) else None
    found = inner.get("logs_array") if found is None and isinstance(inner, dict) else found
    return [_note(note) for note in found if isinstance(note, dict)] if isinstance(found, list) else []


def _note(note: Mapping[str, Any]) -> tuple[str, str]:
    """Printable, on one line. The older form has no levels: it tells of failures only."""
    level = note.get("level", "error" if "log_message" in note else "")
    text = str(note.get("message") or note.get("log_message") or "")
    return str(level).lower(), "".join(c if c.isprintable() else " " for c in text)[:300].strip()
