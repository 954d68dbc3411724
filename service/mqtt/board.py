"""What should stand at the broker, and what of that has been said already.

Nothing is queued: the newest word replaces the one before, and what was said is not said again.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from service import text
from service.broker import Mqtt
from service.protocols import Reporting
from service.settings import Display
from service.wall import Wall

from . import discovery
from .discovery import Device
from .names import CHANNELS, DISPLAYS, OFF, ON, Names

IMAGE_SECONDS = 1.0  #: between two pictures for one display: who leafs through quickly gets the last one
AGE_SECONDS = 600.0  #: a slide that only grew older ("3 min ago") is sent again so often
GATE_SECONDS = 15.0  #: the gate's day is counted anew so often
RETRY_SECONDS = 30.0  #: after a slide could not be composed
STATE_LONGEST = 250  #: characters; Home Assistant takes no state longer than 255
NO_ERROR = "none"


@dataclass(frozen=True, slots=True)
class Message:
    """Something that should stand at the broker. Equal tags say the same."""

    topic: str
    tag: Hashable
    make: Callable[[], bytes]
    picture: bool = False
    display: str = ""  #: whose picture
    plate: int | None = None  #: which


@dataclass(frozen=True, slots=True)
class Said:
    """What was sent last, and when (monotonic)."""

    tag: Hashable
    digest: bytes
    at: float


class Board:
    """The messages of one home. Used by one thread."""

    def __init__(self, wall: Wall, settings: Mqtt, names: Names, port: int) -> None:
        self.wall, self.settings, self.names, self._port = wall, settings, names, port
        self.refused: dict[str, str] = {}  #: display -> why the last order for it could not be done
        self.displays: frozenset[str] = frozenset()  #: those there were at the last look
        self.seen: dict[str, int] = {}  #: display -> the plate whose picture was sent last
        self._wanted: dict[str, Message] = {}
        self._said: dict[str, Said] = {}
        self._not_before: dict[str, float] = {}
        self._gate: tuple[float, tuple[int, ...], list[Mapping[str, Any]]] = (-1e9, (), [])

    # -- what should stand there ------------------------------------------------------------

    def look(self, now: float, address: str) -> None:
        """Read the wall; ``address`` is ours in the broker's network. Raises sqlite3.Error, DataFolderError."""
        displays, base = self.wall.line.everywhere(), self._base(address)
        states = {display.name: self._state(display) for display in displays}
        found = [
            *(self._config(self._screen(display, base)) for display in displays),
            *(self._config(self._audience(name, base)) for name in self.wall.settings.channels),
            *(self._fixed(self.names.at(DISPLAYS, name, "state"), state) for name, state in states.items()),
            *self._channels(now),
            Message(self.names.status, "online", lambda: b"online"),
            *map(self._picture, displays),
        ]
        self._wanted = {message.topic: message for message in found}
        self.displays = frozenset(states)

    def _base(self, address: str) -> str:
        if self.settings.base_url:
            return self.settings.base_url
        try:
            at = ipaddress.ip_address(address)
        except ValueError:
            return ""
        if at.is_loopback or at.is_unspecified:
            return ""
        return f"http://[{at}]:{self._port}" if at.version == 6 else f"http://{at}:{self._port}"

    def _screen(self, display: Display, base: str) -> Device:
        model = f"{display.kind} display, {display.profile}"
        page = f"{base}/d/{display.name}" if base else ""
        return discovery.display(self.names, display.name, self.settings.name, model, page)

    def _audience(self, channel: str, base: str) -> Device:
        return discovery.channel(self.names, channel, self.settings.name, f"{base}/" if base else "")

    def _config(self, device: Device) -> Message:
        return self._fixed(self.names.config(device.room, device.name), device.payload())

    def _fixed(self, topic: str, value: Mapping[str, Any]) -> Message:
        body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
        return Message(topic, body, lambda: body)

    def _state(self, display: Display) -> dict[str, Any]:
        """What the entities of a display read."""
        showing = self.wall.showing(display.name)
        plate, adapter = showing.plate, self.wall.line.displays.get(display.name)
        error = adapter.state().get("last_error") if isinstance(adapter, Reporting) else None
        return {
            "headline": text.one_line(plate.story.title, STATE_LONGEST), "source": plate.story.source,
            "link": plate.story.link, "picture_shows": plate.prompt.alt if plate.prompt else "", "plate": plate.id,
            "favourite": plate.favourite, "sample": plate.sample, "channel": display.channel,
            "profile": display.profile, "note": showing.note,
            "paused": ON if self.wall.line.screens.paused(display.name) else OFF,
            "error": text.one_line(str(error or self.refused.get(display.name) or NO_ERROR), STATE_LONGEST),
        }  # fmt: skip

    def _channels(self, now: float) -> Iterator[Message]:
        dials = {name: self.wall.hand.mood(name) for name in self.wall.settings.channels}
        moods = tuple(dial["mood"] for dial in dials.values())
        at, before, rows = self._gate
        if now - at >= GATE_SECONDS or before != moods:
            rows = list(self.wall.press.gatekeeper.today())
            self._gate = (now, moods, rows)
        for row in rows:
            said = {**row, **dials[row["channel"]], "gate": row["says"].partition(": ")[2][:STATE_LONGEST]}
            del said["says"]
            yield self._fixed(self.names.at(CHANNELS, row["channel"], "state"), said)

    def _picture(self, display: Display) -> Message:
        plate, make = self.wall.by_day(display.name)
        topic, tag = self.names.at(DISPLAYS, display.name, "image"), (plate, display.profile, display.template)
        return Message(topic, tag, lambda: make().data, picture=True, display=display.name, plate=plate.id)

    # -- what has been said -----------------------------------------------------------------

    def due(self, now: float) -> Message | None:
        """The next message that has to be sent; what should not stand there any more goes first."""
        for topic in self._said:
            if topic not in self._wanted:
                return Message(topic, None, lambda: b"")
        return next((message for message in self._wanted.values() if self._is_due(message, now)), None)

    def _is_due(self, message: Message, now: float) -> bool:
        said = self._said.get(message.topic)
        if now < self._not_before.get(message.topic, now):
            return False
        if said is None:
            return True
        if not message.picture:
            return said.tag != message.tag
        return now - said.at >= (IMAGE_SECONDS if said.tag != message.tag else AGE_SECONDS)

    def say(self, message: Message, payload: bytes, now: float) -> bool:
        """Remember that this is said now; False if the very same stands there already."""
        if message.topic not in self._wanted:
            self._said.pop(message.topic, None)
            return True
        before, digest = self._said.get(message.topic), hashlib.sha256(payload).digest()
        self._said[message.topic] = Said(message.tag, digest, now)
        if message.plate is not None:
            self.seen[message.display] = message.plate
        return before is None or before.digest != digest

    def failed(self, message: Message, now: float) -> None:
        """It could not be made; it is tried again in a while."""
        self._not_before[message.topic] = now + RETRY_SECONDS

    def stale(self, config: str) -> None:
        """A device of a former run stands at the broker: it is taken away unless it is one of today's."""
        if config not in self._wanted:
            for topic in (config, *self.names.leaves(config)):
                self._said.setdefault(topic, Said(None, b"", 0.0))

    def forget(self) -> None:
        """Say everything again: the broker, or Home Assistant, has begun anew."""
        gone = {topic: said for topic, said in self._said.items() if topic not in self._wanted}
        self._said, self._not_before = gone, {}

    @property
    def waiting(self) -> bool:
        """Whether anything that should stand there was never sent since the last beginning."""
        return any(topic not in self._said for topic in self._wanted)
