"""A test card on a display on request, told step by step. For the command line on the same machine."""

from __future__ import annotations

from fastapi import APIRouter, Response

from .door import Here
from .rounds import Told

router = APIRouter()


@router.post("/api/displays/{display}/test")
def try_one(display: str, door: Here) -> Response:
    """Show a test card now; what happens comes as JSON lines. 401 without the token, 404 without such a display."""
    return Told(door.wall.trial(door.display(display).name), None)
