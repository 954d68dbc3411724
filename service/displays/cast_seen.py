"""What a Cast device says of itself, as plain values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .cast_manners import DASHCAST, PLAYER

MEDIA = "urn:x-cast:com.google.cast.media"
PAGES = "urn:x-cast:com.madmod.dashcast"  #: DashCast's: {"url": …, "force": …}
PAGES_READY = "application ready"  #: what DashCast says of itself once it hears; an address sent before is lost


@dataclass(frozen=True, slots=True)
class Seen:
    """What a device last said of itself."""

    app: str  #: the id of the app in front, "" for none
    name: str  #: the app's name for people
    session: str | None
    transport: str | None
    channels: frozenset[str]  #: the namespaces that the app listens to
    text: str  #: what the app says of itself
    muted: bool
    mutable: bool


def read(status: Any) -> Seen:
    """A status as pychromecast tells it."""
    return Seen(
        str(status.app_id or ""), str(status.display_name or status.app_id or ""), status.session_id,
        status.transport_id, frozenset(status.namespaces), str(status.status_text or ""),
        bool(status.volume_muted), status.volume_control_type != "fixed",
    )  # fmt: skip


def called(app: str) -> str:
    """An app of ours, for people."""
    return "the player" if app == PLAYER else "the live page's receiver"


def nothing() -> Seen:
    """Before the first status."""
    return Seen("", "", None, None, frozenset(), "", muted=False, mutable=True)


def ready(app: str, seen: Seen) -> bool:
    """Whether an app that we launched listens."""
    if app == PLAYER:
        return MEDIA in seen.channels
    return PAGES in seen.channels and (app != DASHCAST or seen.text.casefold() == PAGES_READY)
