"""``config.toml`` becomes frozen values, or one ConfigError that names every mistake by its key's path.

Keys carry their units in their names. Secrets never stand in the file: a table names an environment variable
(``api_key_env = "OPENAI_API_KEY"``), and ``secret`` reads it, or the file that ``<NAME>_FILE`` points to.
"""

from __future__ import annotations

import copy
import difflib
import os
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, field_validator

from .errors import ConfigError
from .profiles import PROFILES

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
FEEDS = ("https://feeds.bbci.co.uk/news/world/rss.xml", "https://www.theguardian.com/world/rss")
Kinds = Mapping[str, type[BaseModel]]  #: an adapter's kind and what its table may say


class Table(BaseModel):
    """A table of the file: frozen, and a key nobody knows is a mistake."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Web(Table):
    host: str = "0.0.0.0"  # noqa: S104 - screens at home must reach it
    port: int = Field(8080, ge=0, le=65535)


class Channel(Table):
    """An audience. Its keys are explained in the shipped ``config.toml``."""

    feeds: tuple[str, ...] = FEEDS
    mood: int = Field(0, ge=-10, le=10)
    editor: str = "house"
    engines: tuple[str, ...] = Field(("papercut",), min_length=1)
    subjects: tuple[str, ...] = ()
    style: str = "papercut"
    template: str = "headline"
    cadence_minutes: float = Field(15, gt=0, le=1440)
    plates_per_round: int = Field(4, ge=1, le=100)
    max_age_hours: float = Field(48, ge=0)
    languages: tuple[str, ...] = ("en",)
    allow_words: tuple[str, ...] = ()
    block_words: tuple[str, ...] = ()

    @field_validator("feeds")
    @classmethod
    def _web_addresses(cls, feeds: tuple[str, ...]) -> tuple[str, ...]:
        for feed in feeds:
            if not feed.lower().startswith(("http://", "https://")):
                raise ValueError(f"{feed!r} is not an http:// or https:// address")
        return tuple(dict.fromkeys(feeds))


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

    @property
    def own(self) -> dict[str, Any]:
        """What its adapter is told: the kind, the address if there is one, and the adapter's own keys."""
        address = {"address": self.address} if self.address else {}
        return {**(self.model_extra or {}), "kind": self.kind, **address}


class Store(Table):
    keep_days: float = Field(90, gt=0)
    keep_gb: float = Field(5.0, gt=0)


class Net(Table):
    allow_private: tuple[str, ...] = ()


class Settings(Table):
    """The whole file."""

    timezone: str = "system"
    web: Web = Web()
    channels: dict[Name, Channel] = Field(default_factory=lambda: {"home": Channel()})
    displays: tuple[Display, ...] = (Display(name="hall"),)
    editors: dict[Name, dict[str, Any]] = {}
    engines: dict[Name, dict[str, Any]] = {}
    store: Store = Store()
    net: Net = Net()

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


def load(path: Path | None, kinds: Mapping[str, Kinds], templates: Sequence[str]) -> Settings:
    """Read and check the whole file. Raises ConfigError with a line for every mistake.

    ``path`` None gives the defaults. ``kinds`` says for "editors", "engines" and "displays" which adapters there
    are, ``templates`` which slide templates.
    """
    if path is None:
        return Settings()
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not valid TOML: {error}") from error
    return build(table, kinds, templates)


def build(table: Mapping[str, Any], kinds: Mapping[str, Kinds], templates: Sequence[str]) -> Settings:
    """Settings from a parsed table. Raises ConfigError with a line for every mistake."""
    try:
        settings, mistakes = Settings.model_validate(table), []
    except ValidationError as error:
        mistakes = list(_explained(error, Settings))
        # what is left when the faulty keys are taken away is sound, and can be held against itself
        settings = Settings.model_validate(_pruned(table, [fault["loc"] for fault in error.errors()]))
    mistakes += _crossed(settings, kinds, templates)
    if mistakes:
        raise ConfigError(mistakes)
    return settings


def secret(name: str) -> str | None:
    """An environment variable's value, or the content of the file that ``<name>_FILE`` names."""
    if name in os.environ:
        return os.environ[name]
    path = os.environ.get(f"{name}_FILE")
    return Path(path).read_text(encoding="utf-8").strip() if path else None


def _pruned(table: Mapping[str, Any], locations: Sequence[Sequence[int | str]]) -> dict[str, Any]:
    """The table without the faulty keys; an element of a list that lacks a name gets one."""
    pruned: dict[str, Any] = copy.deepcopy(dict(table))
    for location in locations:
        *way, last = _key_at(location)
        place: Any = pruned
        part: Any
        for part in way:  # one key may have had two faults: then its place is gone already
            place = place[part] if isinstance(place, list) or part in place else {}
        if way[:1] == ["displays"] and last == "name":
            place["name"] = f"display-{way[1]}"
        elif isinstance(last, int):
            place[last] = {"name": f"display-{last}"}
        else:
            place.pop(last, None)
    return pruned


def _key_at(location: Sequence[int | str]) -> list[int | str]:
    """A fault's place as far as it is a key of a table, or a whole display."""
    parts = [part for part in location if part != "[key]"]
    depth = next((n for n, part in enumerate(parts) if isinstance(part, int) and parts[0] != "displays"), 3)
    return parts[: min(depth, 3)]


def _explained(error: ValidationError, root: type[BaseModel], also: Sequence[str] = ()) -> Iterator[str]:
    for fault in error.errors():
        path, what = _path(fault["loc"]), fault["msg"].removeprefix("Value error, ")
        if fault["type"] == "extra_forbidden":
            known = [*_keys(root, fault["loc"][:-1]), *also]
            yield f"unknown key {path}" + _near(str(fault["loc"][-1]), known)
        elif fault["type"] == "missing":
            yield f"missing key {path}"
        elif fault["type"] == "string_pattern_mismatch":
            yield f"{path}: {fault['input']!r} should be lower-case letters, digits, - and _ (it is part of addresses)"
        else:
            what = what.removeprefix("Input ").replace("a valid dictionary or instance of", "a table, as")
            yield f"{path}: {what.replace('valid dictionary', 'table')}, not {_short(fault['input'])}"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _path(loc: Sequence[int | str]) -> str:
    text = ""
    for part in loc:
        if part == "[key]":
            continue
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def _keys(root: type[BaseModel], loc: Sequence[int | str]) -> Sequence[str]:
    """The keys a table at ``loc`` may have."""
    tables: dict[str, type[BaseModel]] = {
        "web": Web, "store": Store, "net": Net, "channels": Channel, "displays": Display,
    }  # fmt: skip
    model = tables.get(str(loc[0]), root) if loc else root
    return list(model.model_fields)


def _near(word: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(word, known, 1, cutoff=0.5)
    if close:
        return f", did you mean {close[0]}?"
    return f"; known are {', '.join(sorted(known))}" if 0 < len(known) <= 20 else ""


def _crossed(settings: Settings, kinds: Mapping[str, Kinds], templates: Sequence[str]) -> Iterator[str]:
    """Mistakes that only show when parts are held against each other."""
    if settings.timezone != "system" and settings.timezone not in available_timezones():
        yield f"timezone: unknown {settings.timezone!r}" + _near(str(settings.timezone), sorted(available_timezones()))
    for name, channel in settings.channels.items():
        at = f"channels.{name}"
        yield from _known(f"{at}.template", channel.template, templates)
        yield from _known(f"{at}.editor", channel.editor, _named(settings.editors, kinds["editors"]))
        for index, engine in enumerate(channel.engines):
            yield from _known(f"{at}.engines[{index}]", engine, _named(settings.engines, kinds["engines"]))
    for index, display in enumerate(settings.displays):
        at = f"displays[{index}]"
        yield from _known(f"{at}.kind", display.kind, ["page", *kinds["displays"]])
        yield from _known(f"{at}.profile", display.profile, list(PROFILES))
        yield from _known(f"{at}.channel", display.channel, list(settings.channels))
        if display.template:
            yield from _known(f"{at}.template", display.template, templates)
        if display.name in [other.name for other in settings.displays[:index]]:
            yield f"{at}.name: {display.name!r} is taken; every display needs a name of its own"
        yield from _own(at, display, kinds["displays"])
    for room in ("editors", "engines"):
        for name, body in getattr(settings, room).items():
            yield from _adapter(f"{room}.{name}", body, kinds[room])


def _named(tables: Mapping[str, Any], kinds: Kinds) -> list[str]:
    """What may be selected by name: the tables of the file, and the kinds that need no table."""
    bare = [kind for kind, model in kinds.items() if not any(f.is_required() for f in model.model_fields.values())]
    return [*tables, *bare]


def _known(path: str, value: str, known: Sequence[str]) -> Iterator[str]:
    if value not in known:
        yield f"{path}: unknown {value!r}" + _near(value, known)


def _adapter(path: str, body: Any, kinds: Kinds) -> Iterator[str]:
    kind = body.get("kind") if isinstance(body, dict) else None
    if kind is None:
        yield f"missing key {path}.kind; known kinds are {', '.join(sorted(kinds))}"
    elif kind not in kinds:
        yield f"{path}.kind: unknown {kind!r}" + _near(str(kind), list(kinds))
    else:
        yield from _within(path, body, kinds[kind])


def _own(path: str, display: Display, kinds: Kinds) -> Iterator[str]:
    """A display's own keys, held against its adapter; a page has none."""
    shared = list(Display.model_fields)
    if display.kind in kinds:
        yield from _within(path, display.own, kinds[display.kind], shared)
    elif display.kind == "page":
        yield from (f"unknown key {path}.{key}" + _near(key, shared) for key in display.model_extra or ())


def _within(path: str, body: Any, model: type[BaseModel], also: Sequence[str] = ()) -> Iterator[str]:
    """The mistakes of an adapter's table, with the path of the table before each."""
    try:
        model.model_validate(body)
    except ValidationError as error:
        yield from (f"{path}.{line}" if not line.startswith(("unknown", "missing"))
                    else line.replace(" key ", f" key {path}.", 1)
                    for line in _explained(error, model, also))  # fmt: skip
