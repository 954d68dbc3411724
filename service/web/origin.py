"""The address by which whoever asks knows this service: what an answer that holds addresses must begin them with."""

from __future__ import annotations

import re

from fastapi import HTTPException, Request

# RFC 3986 §3.2.2, without the parts nobody's home network has; underscores are in names that routers make up
_HOST = re.compile(r"(?:[A-Za-z0-9_][A-Za-z0-9._-]{0,252}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?", re.ASCII)


def origin(request: Request) -> str:
    """Such as "http://192.168.1.5:8080"; a proxy before us says by ``X-Forwarded-Proto`` that it is https.

    Raises HTTPException 400 where the request names no host that could be one.
    """
    host = request.headers.get("host", "")
    if not _HOST.fullmatch(host):
        raise HTTPException(400, "The request's Host header names no address.")
    return f"{request.scope['scheme']}://{host}"
