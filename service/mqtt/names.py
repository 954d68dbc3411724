"""What things are called at the broker: topics, ids, and the orders that come in by them. Pure but for ``home_of``."""

from __future__ import annotations

import hashlib
import logging
import re
import secrets
from dataclasses import dataclass
from pathlib import Path

log = logging.getLogger(__name__)

LONGEST_ORDER = 16  #: bytes: "PRESS", "OFF", "-10"
PRESS, ON, OFF = "PRESS", "ON", "OFF"
BUTTONS = ("next", "previous", "favourite", "ban")
DISPLAYS, CHANNELS = "displays", "channels"
_HOME = re.compile(r"[0-9a-f]{8}")


@dataclass(frozen=True, slots=True)
class Order:
    """What somebody wants of a display or a channel."""

    room: str  #: DISPLAYS or CHANNELS
    name: str
    verb: str
    mood: int = 0
    on: bool = False


@dataclass(frozen=True, slots=True)
class Names:
    """The topics of one home. Two homes share a broker and a config without meeting, by their ``home``."""

    topic: str
    discovery: str
    home: str  #: eight hex digits of this data folder's own

    @property
    def node(self) -> str:
        """This home as Home Assistant knows it."""
        return f"frontispiece_{self.home}"

    @property
    def base(self) -> str:
        return f"{self.topic}/{self.home}"

    @property
    def status(self) -> str:
        """Whether we are there: "online", or "offline" as our last will."""
        return f"{self.base}/status"

    @property
    def hello(self) -> str:
        """Where Home Assistant says that it has started."""
        return f"{self.discovery}/status"

    @property
    def orders(self) -> str:
        return f"{self.base}/+/+/do/+"

    @property
    def configs(self) -> str:
        """Every device that this home ever had."""
        return f"{self.discovery}/device/{self.node}/+/config"

    def config(self, room: str, name: str) -> str:
        return f"{self.discovery}/device/{self.node}/{self._object(room, name)}/config"

    def unique(self, room: str, name: str, part: str = "") -> str:
        """An id that stays, whatever is renamed in Home Assistant."""
        return "_".join(filter(None, (self.node, self._object(room, name), part)))

    def at(self, room: str, name: str, leaf: str) -> str:
        return f"{self.base}/{room}/{name}/{leaf}"

    def do(self, room: str, name: str, verb: str) -> str:
        return f"{self.base}/{room}/{name}/do/{verb}"

    def leaves(self, config: str) -> list[str]:
        """What else was kept for the device of that config topic, which is no more."""
        room, _, name = config.split("/")[-2].partition("_")
        return [self.at(f"{room}s", name, leaf) for leaf in (("image", "state") if room == "display" else ("state",))]

    def order(self, topic: str, payload: bytes) -> Order | None:
        """What a message asks for; None where it makes no sense."""
        parts = topic.removeprefix(f"{self.base}/").split("/")
        if len(parts) != 4 or parts[2] != "do" or len(payload) > LONGEST_ORDER or not payload.isascii():
            return None
        (room, name, _, verb), said = parts, payload.decode("ascii")
        match room, verb, said:
            case "displays", "next" | "previous" | "favourite" | "ban", "PRESS":
                return Order(room, name, verb)
            case "displays", "pause", "ON" | "OFF":
                return Order(room, name, verb, on=said == ON)
            case "channels", "mood", _ if (mood := _whole(said)) is not None:
                return Order(room, name, verb, mood=mood)
        return None

    def _object(self, room: str, name: str) -> str:
        return f"{room.removesuffix('s')}_{name}"


def _whole(said: str) -> int | None:
    """A whole number as Home Assistant may write it: "3", "-3", "3.0"."""
    found = re.fullmatch(r"([+-]?\d{1,2})(?:\.0+)?", said)
    return int(found[1]) if found else None


def home_of(data: Path) -> str:
    """The eight digits of a data folder, made when first asked for; they hold as long as the folder does."""
    path, part = data / "mqtt-home", data / "mqtt-home.part"
    try:
        if path.exists() and _HOME.fullmatch(known := path.read_text(encoding="ascii").strip()):
            return known
        part.write_text(f"{secrets.token_hex(4)}\n", encoding="ascii")
        part.replace(path)
        return path.read_text(encoding="ascii").strip()
    except (OSError, ValueError) as error:
        log.warning("%s cannot be used: %s; this home is called by the folder's path", path, error)
        return hashlib.sha256(str(data.resolve()).encode()).hexdigest()[:8]
