"""``config.toml`` becomes frozen values, or one ConfigError that names every mistake by its key's path.

Keys carry their units in their names. Secrets never stand in the file: a table names an environment variable
(``api_key_env = "OPENAI_API_KEY"``), and ``secret`` reads it, or the file that ``<NAME>_FILE`` points to.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, field_validator

from .broker import Mqtt
from .errors import ConfigError
from .mistakes import Kinds, explained, known, near, pruned, within
from .nights import Look, Nights, hours
from .profiles import PROFILES
from .styles import WEEKDAYS

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


@dataclass(frozen=True, slots=True)
class Known:
    """What a config may name beside its own tables."""

    kinds: Mapping[str, Kinds]  #: of "sources", "editors", "engines" and "displays"
    templates: Sequence[str] = ()  #: slide templates
    topics: Sequence[str] = ()  #: what a story can be about; none: whatever is written
    vetoes: Sequence[str] = ()  #: what is never painted: it can be blocked altogether, not allowed
    styles: Sequence[str] = ()  #: house styles; none: whatever is written
    critics: Sequence[str] = ()  #: kinds of editors that can look at pictures


def load(path: Path | None, names: Known) -> Settings:
    """Read and check the whole file; ``path`` None gives the defaults. Raises ConfigError with a line a mistake."""
    if path is None:
        return Settings()
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not valid TOML: {error}") from error
    return build(table, names)


def build(table: Mapping[str, Any], names: Known) -> Settings:
    """Settings from a parsed table. Raises ConfigError with a line for every mistake."""
    try:
        settings, mistakes = Settings.model_validate(table), []
    except ValidationError as error:
        mistakes = list(explained(error, Settings))
        # what is left when the faulty keys are taken away is sound, and can be held against itself
        settings = Settings.model_validate(pruned(table, [fault["loc"] for fault in error.errors()]))
    mistakes += _crossed(settings, names)
    if mistakes:
        raise ConfigError(mistakes)
    return settings


def secret(name: str) -> str | None:
    """An environment variable's value, or the content of the file that ``<name>_FILE`` names."""
    if name in os.environ:
        return os.environ[name]
    path = os.environ.get(f"{name}_FILE")
    return Path(path).read_text(encoding="utf-8").strip() if path else None


def _crossed(settings: Settings, names: Known) -> Iterator[str]:
    """Mistakes that only show when parts are held against each other."""
    if settings.timezone != "system" and settings.timezone not in available_timezones():
        yield f"timezone: unknown {settings.timezone!r}" + near(str(settings.timezone), sorted(available_timezones()))
    for name, channel in settings.channels.items():
        yield from _channel(f"channels.{name}", channel, settings, names)
    for index, display in enumerate(settings.displays):
        at = f"displays[{index}]"
        yield from _display(at, display, settings, names)
        if display.name in [other.name for other in settings.displays[:index]]:
            yield f"{at}.name: {display.name!r} is taken; every display needs a name of its own"
    for name, body in settings.editors.items():
        if "weather" in body.get("tools", ()) and settings.place is None:
            yield f'editors.{name}.tools: "weather" needs a [place] table with latitude and longitude'
    for room in ("sources", "editors", "engines"):
        for name, body in getattr(settings, room).items():
            yield from _adapter(f"{room}.{name}", body, names.kinds[room])


def _channel(at: str, channel: Channel, settings: Settings, names: Known) -> Iterator[str]:
    for index, feed in enumerate(channel.feeds):
        if "://" not in feed:
            yield from known(f"{at}.feeds[{index}]", feed, list(settings.sources), "; write an address, or the name of"
                              " a [sources.NAME] table")  # fmt: skip
    yield from known(f"{at}.template", channel.template, names.templates)
    yield from known(f"{at}.editor", channel.editor, _named(settings.editors, names.kinds["editors"]))
    if channel.critic:
        yield from _critic(f"{at}.critic", channel.critic, settings, names)
    for index, engine in enumerate(channel.engines):
        yield from known(f"{at}.engines[{index}]", engine, _named(settings.engines, names.kinds["engines"]))
    yield from known(f"{at}.style", channel.style, names.styles or [channel.style])
    for key, style in channel.styles.items():
        yield from known(f"{at}.styles", key, [*names.topics, *WEEKDAYS] if names.topics else [key])
        yield from known(f"{at}.styles.{key}", style, names.styles or [style])
    for key, topics in (("allow_topics", names.topics), ("block_topics", [*names.topics, *names.vetoes])):
        for index, topic in enumerate(getattr(channel, key)):
            yield from known(f"{at}.{key}[{index}]", topic, topics or [topic])


def _critic(at: str, name: str, settings: Settings, names: Known) -> Iterator[str]:
    editors = _named(settings.editors, names.kinds["editors"])
    kind = settings.editors.get(name, {}).get("kind", name)
    if name in editors and kind in names.kinds["editors"] and kind not in names.critics:
        yield f"{at}: an editor of kind {kind!r} cannot look at pictures; kinds that can: {', '.join(names.critics)}"
    else:
        yield from known(at, name, editors, "; write the name of an [editors.NAME] table")


def _display(at: str, display: Display, settings: Settings, names: Known) -> Iterator[str]:
    yield from known(f"{at}.kind", display.kind, ["page", *names.kinds["displays"]])
    yield from known(f"{at}.profile", display.profile, list(PROFILES))
    yield from known(f"{at}.channel", display.channel, list(settings.channels))
    if display.template:
        yield from known(f"{at}.template", display.template, names.templates)
    yield from _own(at, display, names.kinds["displays"])


def _named(tables: Mapping[str, Any], kinds: Kinds) -> list[str]:
    """What may be selected by name: the tables of the file, and the kinds that need no table."""
    bare = [kind for kind, model in kinds.items() if not any(f.is_required() for f in model.model_fields.values())]
    return [*tables, *bare]


def _adapter(path: str, body: Any, kinds: Kinds) -> Iterator[str]:
    kind = body.get("kind") if isinstance(body, dict) else None
    if kind is None:
        yield f"missing key {path}.kind; known kinds are {', '.join(sorted(kinds))}"
    elif kind not in kinds:
        yield f"{path}.kind: unknown {kind!r}" + near(str(kind), list(kinds))
    else:
        yield from within(path, body, kinds[kind])


def _own(path: str, display: Display, kinds: Kinds) -> Iterator[str]:
    """A display's own keys, held against its adapter; a page has none."""
    shared = list(type(display).model_fields)
    if display.kind in kinds:
        yield from within(path, display.own, kinds[display.kind], shared)
    elif display.kind == "page":
        yield from (f"unknown key {path}.{key}" + near(key, shared) for key in display.model_extra or ())
