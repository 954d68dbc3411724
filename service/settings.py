"""What ``config.toml`` may say, as frozen values; ``reading`` makes them.

Keys carry their units in their names. Secrets never stand in the file: a table names an environment variable
(``api_key_env = "OPENAI_API_KEY"``), and ``secret`` reads it, or the file that ``<NAME>_FILE`` points to.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

from .broker import Mqtt
from .nights import Look, Nights, hours

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
_FEED_SCHEME = re.compile(r"^feed:(?:(?=https?://)|//)", re.IGNORECASE)
FEEDS = ("https://feeds.bbci.co.uk/news/world/rss.xml", "https://www.theguardian.com/world/rss")


class Table(BaseModel):
    """A table of the file: frozen, and a key nobody knows is a mistake."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Web(Table):
    host: str = "0.0.0.0"  # noqa: S104 - screens at home must reach it
    port: int = Field(8080, ge=0, le=65535)
    login: bool = False  #: looking, too, needs the owner's token
    hosts: tuple[str, ...] = ()  #: names of this machine beside those it knows by itself


class Channel(Table):
    """An audience. Its keys are explained in the shipped ``config.toml``."""

    feeds: tuple[str, ...] = FEEDS
    mood: int = Field(0, ge=-10, le=10)
    editor: str = "house"
    engines: tuple[str, ...] = Field(("papercut",), min_length=1)
    subjects: tuple[str, ...] = ()
    together: float = Field(0.25, ge=0, le=1)
    style: str = "papercut"
    styles: dict[str, str] = {}
    critic: str = ""
    template: str = "headline"
    cadence_minutes: float = Field(15, gt=0, le=1440)
    plates_per_round: int = Field(4, ge=1, le=100)
    max_age_hours: float = Field(48, ge=0)
    languages: tuple[str, ...] = ("en",)
    allow_words: tuple[str, ...] = ()
    allow_topics: tuple[str, ...] = ()
    block_words: tuple[str, ...] = ()
    block_topics: tuple[str, ...] = ()
    likes: tuple[str, ...] = ()
    subject_max_gravity: float = Field(0.2, ge=0, le=1)

    @field_validator("feeds")
    @classmethod
    def _places(cls, feeds: tuple[str, ...]) -> tuple[str, ...]:
        """Addresses, or names of sources; ``feed:`` before an address is how some sites write theirs."""
        places = [
            _FEED_SCHEME.sub(lambda found: "https://" if found[0].endswith("//") else "", feed.strip())
            for feed in feeds
        ]
        for feed in places:
            if ":" in feed and not feed.lower().startswith(("http://", "https://")):
                raise ValueError(f"{feed!r} is not an http:// or https:// address")
        return tuple(dict.fromkeys(places))


class Display(Table):
    """A screen. ``dwell_seconds`` 0 shares the channel's cadence among a round's plates.

    Its table also holds its adapter's own keys; ``build`` has the adapter check them.
    """

    model_config = ConfigDict(frozen=True, extra="allow")

    name: Name
    kind: str = "page"
    address: str = ""
    profile: str = "nest-hub"
    channel: str = "home"
    template: str = ""  #: "": the channel's
    dwell_seconds: float = Field(0, ge=0)
    order: Literal["newest", "shuffle", "story of the hour"] = "newest"
    quiet_hours: str = ""  #: "23:00-06:30", on the owner's clock; "": no night
    night: Literal["off", "dim", "clock"] = "off"

    @field_validator("quiet_hours")
    @classmethod
    def _hours(cls, text: str) -> str:
        if text:
            hours(text)
        return text

    def nights(self, zone: ZoneInfo) -> Nights | None:
        """Its nights, if it has any."""
        return Nights(hours(self.quiet_hours), Look(self.night), zone) if self.quiet_hours else None

    @property
    def own(self) -> dict[str, Any]:
        """What its adapter is told: the kind, the address if there is one, and the adapter's own keys."""
        address = {"address": self.address} if self.address else {}
        return {**(self.model_extra or {}), "kind": self.kind, **address}


class Store(Table):
    keep_days: float = Field(90, gt=0)
    keep_gb: float = Field(5.0, gt=0)


class Critic(Table):
    """How much is spent on one plate where a critic looks at pictures."""

    max_pictures: int = Field(3, ge=1, le=12)
    max_calls: int = Field(6, ge=0)
    seconds: float = Field(240, gt=0)
    nsfw_above: float = Field(0, ge=0, le=1)  #: such a picture never hangs; 0: nobody looks for nakedness


class Embeddings(Table):
    """An optional sentence-embedding model for the gate and the choice; "": none."""

    model: str = ""
    languages: tuple[str, ...] = ("en",)


class Place(Table):
    """Where the screens hang, in degrees; for the weather. Goes to the weather service to a tenth."""

    latitude: float = Field(ge=-90, le=90)
    longitude: float = Field(ge=-180, le=180)


class Net(Table):
    allow_private: tuple[str, ...] = ()


class Settings(Table):
    """The whole file."""

    timezone: str = "system"
    watermark: bool = False  #: what leaves the house carries an invisible mark in its pixels
    web: Web = Web()
    channels: dict[Name, Channel] = Field(default_factory=lambda: {"home": Channel()})
    displays: tuple[Display, ...] = (Display(name="hall"),)
    sources: dict[Name, dict[str, Any]] = {}
    editors: dict[Name, dict[str, Any]] = {}
    engines: dict[Name, dict[str, Any]] = {}
    critic: Critic = Critic()
    embeddings: Embeddings = Embeddings()
    store: Store = Store()
    net: Net = Net()
    place: Place | None = None
    mqtt: Mqtt | None = None  #: None: nothing is started

    @property
    def zone(self) -> ZoneInfo:
        """The owner's time zone."""
        if self.timezone != "system":
            return ZoneInfo(self.timezone)
        from tzlocal import get_localzone

        return get_localzone()

    def display(self, name: str) -> Display:
        """Raises KeyError."""
        return {display.name: display for display in self.displays}[name]

    def channel_of(self, display: Display) -> Channel:
        return self.channels[display.channel]


def secret(name: str) -> str | None:
    """An environment variable's value, or the content of the file that ``<name>_FILE`` names."""
    if name in os.environ:
        return os.environ[name]
    path = os.environ.get(f"{name}_FILE")
    return Path(path).read_text(encoding="utf-8").strip() if path else None
