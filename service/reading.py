"""``config.toml`` is read as a whole: settings, or one ConfigError that names every mistake by its key's path."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

from pydantic import ValidationError

from .errors import ConfigError
from .mistakes import Kinds, explained, known, near, pruned, within
from .profiles import PROFILES
from .settings import Channel, Display, Settings
from .styles import WEEKDAYS


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


def _crossed(settings: Settings, names: Known) -> Iterator[str]:
    """Mistakes that only show when parts are held against each other."""
    if settings.timezone != "system" and settings.timezone not in available_timezones():
        yield f"timezone: unknown {settings.timezone!r}" + near(str(settings.timezone), sorted(available_timezones()))
    for name, channel in settings.channels.items():
        yield from _channel(f"channels.{name}", channel, settings, names)
    for index, display in enumerate(settings.displays):
        at = f"displays[{index}]"
        yield from _display(at, display, settings, names)
        yield from _twice(at, display, settings.displays[:index])
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


def _twice(at: str, display: Display, others: Sequence[Display]) -> Iterator[str]:
    if display.name in [other.name for other in others]:
        yield f"{at}.name: {display.name!r} is taken; every display needs a name of its own"
    if display.kind == "page" or not display.address:
        return
    for other in others:
        if other.kind == display.kind and _place(other.address) == _place(display.address):
            yield f"{at}.address: {display.address!r} is the device of display {other.name!r}; each needs its own"


def _place(address: str) -> str:
    """An address as what it means: a MAC address however it is written, names whatever the case, paths as they are."""
    digits = re.sub(r"[:-]", "", address.strip()).casefold()
    if re.fullmatch("[0-9a-f]{12}", digits):
        return digits
    return address.strip() if "/" in address else address.strip().casefold()


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
