"""One round, done here or by the service that is at work on the same data folder."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from service import telling
from service.assembly import Service
from service.errors import DataFolderError

from .asked import UsageError

START_SECONDS = 10.0  #: for a service that is just starting to say where it is


def events(service: Service, channels: list[str], engine: str | None) -> Iterator[dict[str, Any]]:
    """What happens in the round, as it happens. Raises DataFolderError, and UsageError for an engine not to be had."""
    try:
        service.store.folder.claim({})
    except DataFolderError:
        owner = _owner(service)
        if "url" not in owner:
            raise
        if engine:
            raise UsageError("a service runs here and paints as its config says: leave out --engine") from None
        yield from telling.asked(owner, channels, service.keys.token())
        return
    try:
        service.store.folder.sweep()
        for event in service.press.round(channels):
            yield event.table()
    finally:
        service.store.folder.release()


def _owner(service: Service) -> dict[str, Any]:
    """Who uses the folder; a service that is just starting is given time to say where it is."""
    until = time.monotonic() + START_SECONDS
    while "serves" in (owner := service.store.folder.owner()) and "url" not in owner and time.monotonic() < until:
        time.sleep(0.1)
    return owner
