"""Conditional requests (RFC 9110 §8.8.3, §13.1.2) and how long an answer may be kept. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime

from fastapi import Response

ALWAYS_ASK = "no-cache"
NEVER = "no-store"
FOR_EVER = "public, max-age=31536000, immutable"


def digest(*parts: object) -> str:
    """A short name for whatever an answer depends on."""
    return hashlib.sha256("\x1f".join(map(str, parts)).encode()).hexdigest()[:20]


def quoted(tag: str) -> str:
    """An entity tag as it goes on the wire, however it was written."""
    return f'"{tag.removeprefix("W/").strip(chr(34))}"'


def matches(if_none_match: str | None, tag: str) -> bool:
    """Whether the asker already holds ``tag``; the comparison is weak, as the RFC wants for GET."""
    if not if_none_match:
        return False
    held = (part.strip().removeprefix("W/") for part in if_none_match.split(","))
    return any(part in ("*", quoted(tag)) for part in held)


def answer(body: bytes, media_type: str, tag: str, asked: Mapping[str, str], **headers: str) -> Response:
    """200 with the body, or 304 without it. ``asked``: the request's headers; further ones go with the answer."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    named = {"cache-control": ALWAYS_ASK, **named, "etag": quoted(tag)}
    if matches(asked.get("if-none-match"), tag):
        return Response(status_code=304, headers=named)
    return Response(body, media_type=media_type, headers=named)


def come_back(seconds: int) -> dict[str, str]:
    """When to ask again, in every way that something which fetches pictures may understand.

    ``Refresh`` (HTML Living Standard) makes a browser that shows the bare picture load it anew. ``max-age`` beside
    ``no-cache`` is a hint for firmware that looks for a number: caches still ask each time (RFC 9111 §5.2.2.4).
    """
    return {
        "x_next_refresh": str(seconds),
        "refresh": str(seconds),
        "cache_control": f"{ALWAYS_ASK}, max-age={seconds}",
    }


def age_bucket(published: datetime, now: datetime) -> str:
    """A name that changes when the age said on a slide may have changed: each minute, hour, then day."""
    minutes = max(0, int((now - published).total_seconds() // 60))
    if minutes < 60:
        return f"{minutes}m"
    return f"{minutes // 60}h" if minutes < 48 * 60 else f"{minutes // 1440}d"
