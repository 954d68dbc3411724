"""A test card on a display on request, told step by step. For the command line on the same machine."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Response

from .door import Here
from .rounds import Told, allowed

router = APIRouter()


@router.post("/api/displays/{display}/test")
def try_one(display: str, door: Here, x_frontispiece_secret: Annotated[str, Header()] = "") -> Response:
    """Show a test card now; what happens comes as JSON lines. 401 without the secret, 404 without such a display."""
    allowed(door, x_frontispiece_secret)
    return Told(door.wall.trial(door.display(display).name), None)
