"""What a Cast device is sent: the addresses of stills and of the live page."""

from __future__ import annotations

import socket
from datetime import datetime
from pathlib import PurePosixPath

from ..model import Plate
from ..nights import Look
from .cast_link import Refused

DOOR_SECONDS = 2.0


def still_query(plate: Plate, look: Look, now: datetime) -> str:
    """The query of a still's address: another one for every picture that looks different.

    A plate may look different too: its picture can be taken from it, and painted anew.
    """
    if look is Look.CLOCK:
        return f"v={plate.id}&night=clock&at={int(now.timestamp()) // 60}"
    picture = PurePosixPath(plate.picture or "words").stem[:8]
    return f"v={plate.id}&p={picture}" + (f"&night={look}" if look else "")


def base_url(wished: str, host: str, port: int) -> str:
    """Where the device finds our pages; seen to be there first, so that it is never sent into the void.

    ``host`` is our own address on the way to the device. Raises Refused.
    """
    if wished:
        return wished
    try:
        socket.create_connection((host, port), DOOR_SECONDS).close()
    except OSError as error:
        raise Refused(f"this service does not answer at {host}:{port}; web.host must let the device in") from error
    return f"http://{host}:{port}"
