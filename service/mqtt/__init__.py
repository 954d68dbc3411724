"""Home Assistant's door: displays and channels as its devices, over an MQTT broker. Commands come back the same way.

It is a door and no display: it serves all displays at once, reads the wall, and does the owner's verbs as the pages do.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from service.broker import Mqtt
from service.wall import Wall

from .link import Link
from .names import Names, home_of
from .wire import probe

__all__ = ["Link", "Names", "home_of", "linked", "probe"]


def linked(wall: Wall, settings: Mqtt | None, data: Path, port: int) -> list[Callable[[], None]]:
    """Start the link where the config has one, and have the status tell of it. Returns what ends it.

    ``port`` is where our own pages are.
    """
    if settings is None:
        return []
    link = Link(wall, settings, Names(settings.topic, settings.discovery, home_of(data)), port)
    wall.doors["mqtt"] = link
    link.start()
    return [link.close]
