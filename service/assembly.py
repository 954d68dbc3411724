"""Settings become sources, editors, engines and displays. The one place that wires."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import secrets
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, get_type_hints

from pydantic import BaseModel

from . import clock, displays, editors, engines, reading, sources, styles
from .compose.slide import Composer, templates as slide_templates
from .decency import Naked, naked
from .embedding import Embedding, load
from .errors import ConfigError
from .gate.topics import TOPICS, VETO_TOPICS
from .gate.verdict import Rules
from .hand import Hand
from .keys import Keys
from .net import Net
from .pipeline import Desk, Line
from .press import Press
from .profiles import PROFILES, largest
from .protocols import Critic, Display, Editor, Engine, Source
from .settings import Settings
from .sources.discovery import Finder
from .sources.feed import Feed
from .sources.parse import Parser
from .store import Account, Archive, Journal, Screens, Store, Wishes
from .surroundings import Place, Surroundings
from .wall import Wall

ROOMS = {"sources": sources, "editors": editors, "engines": engines, "displays": displays}
HERE = Path(__file__).parent


def shipped(name: str) -> Path:
    """A file or folder that comes with the program: beside the package in a checkout, inside it in a wheel."""
    beside = HERE.parent / name
    return beside if beside.exists() else HERE / f"_{name}"


def adapters(room: str) -> dict[str, Any]:
    """The adapter modules of a room by kind: every file there with a ``Settings`` and a ``make``."""
    package = ROOMS[room]
    names = [found.name for found in pkgutil.iter_modules(package.__path__)]
    modules = {name: importlib.import_module(f"{package.__name__}.{name}") for name in names}
    return {name.replace("_", "-"): m for name, m in modules.items() if hasattr(m, "make")}


def read_settings(path: Path | None) -> Settings:
    """Read and check ``config.toml``. Raises ConfigError with a line for every mistake."""
    kinds: dict[str, dict[str, type[BaseModel]]] = {
        room: {kind: module.Settings for kind, module in adapters(room).items()} for room in ROOMS
    }
    return reading.load(
        path,
        reading.Known(
            kinds,
            slide_templates(shipped("templates") / "slides"),
            topics=TOPICS,
            vetoes=VETO_TOPICS,
            styles=styles.known(shipped("templates") / "styles"),
            critics=[kind for kind, module in adapters("editors").items() if _looks(module)],
        ),
    )


def _looks(module: Any) -> bool:
    """Whether what an editor's file makes can look at pictures."""
    return hasattr(get_type_hints(module.make)["return"], "critique")


def _table(named: Mapping[str, Mapping[str, Any]], name: str) -> Mapping[str, Any]:
    """An adapter's own table, or the bare kind where the config only names it."""
    return named.get(name, {"kind": name})


@dataclass(frozen=True)
class Service:
    """A wired service over one data folder. Cheap until its parts are asked for."""

    settings: Settings
    data: Path
    port: int | None = None  #: where it listens; web.port if not said

    def _make(self, room: str, table: Mapping[str, Any], name: str) -> Any:
        module = adapters(room)[str(table["kind"])]
        return module.make(module.Settings.model_validate(table), self._surroundings(room, name))

    def _surroundings(self, room: str, name: str) -> Surroundings:
        port = self.settings.web.port if self.port is None else self.port
        ledger = Account(self.store, name, self.settings.zone) if room == "editors" and name != "house" else None
        told = self.settings.place
        place = Place(told.latitude, told.longitude) if told else None
        nights, key = None, ""
        if room == "displays":
            nights = self.settings.display(name).nights(self.settings.zone)
            key = self.display_keys.get(name, "")
        whom = self._whom(name) if room == "engines" else ()
        return Surroundings(name, self.data, self.templates, port, self.settings.zone, ledger, place, nights, whom, key)

    def _whom(self, engine: str) -> tuple[str, ...]:
        """The subjects that an engine may be asked to paint."""
        channels = [channel for channel in self.settings.channels.values() if engine in channel.engines]
        return tuple(dict.fromkeys(name for channel in channels for name in channel.subjects))

    @cached_property
    def templates(self) -> Path:
        return shipped("templates")

    @cached_property
    def store(self) -> Store:
        return Store(self.data, clock.now)

    @cached_property
    def archive(self) -> Archive:
        return Archive(self.store)

    @cached_property
    def wishes(self) -> Wishes:
        return Wishes(self.store)

    @cached_property
    def screens(self) -> Screens:
        return Screens(self.store)

    @cached_property
    def journal(self) -> Journal:
        return Journal(self.store)

    @cached_property
    def composer(self) -> Composer:
        return Composer(self.templates, watermark=self.settings.watermark)

    @cached_property
    def parser(self) -> Parser:
        return Parser(workers=2)

    @cached_property
    def embedding(self) -> Embedding | None:
        """The model of sentences, if the config names one. Raises ConfigError where it cannot be used."""
        told = self.settings.embeddings
        return load(told.model, told.languages) if told.model else None

    @cached_property
    def naked(self) -> Naked | None:
        """What looks for nakedness in pictures, if the config wants that. Raises ConfigError where it is not there."""
        return naked() if self.settings.critic.nsfw_above else None

    @cached_property
    def net(self) -> Net:
        return Net(allow_private=self.settings.net.allow_private)

    @cached_property
    def house(self) -> Editor:
        house: Editor = self._make("editors", {"kind": "house"}, "house")
        return house

    def editor(self, name: str) -> Editor:
        """The editor of that name, one for all channels and rounds."""
        if name not in self._editors:
            self._editors[name] = self._make("editors", _table(self.settings.editors, name), name)
        return self._editors[name]

    @cached_property
    def _editors(self) -> dict[str, Editor]:
        return {"house": self.house}

    def _critic(self, name: str) -> Critic | None:
        editor = self.editor(name) if name else None
        return editor if isinstance(editor, Critic) else None

    @cached_property
    def papercut(self) -> Engine:
        papercut: Engine = self._make("engines", {"kind": "papercut"}, "papercut")
        return papercut

    @cached_property
    def engines(self) -> Mapping[str, Engine]:
        """Every engine that a channel names, once: two channels share one model."""
        names = dict.fromkeys(name for channel in self.settings.channels.values() for name in channel.engines)
        return {name: self._make("engines", _table(self.settings.engines, name), name) for name in names}

    @cached_property
    def desks(self) -> Mapping[str, Desk]:
        return {name: self._desk(name) for name in self.settings.channels}

    def _desk(self, name: str) -> Desk:
        channel = self.settings.channels[name]
        profile = largest([PROFILES[d.profile] for d in self.settings.displays if d.channel == name])
        return Desk(
            name=name, channel=channel,
            rules=Rules(
                channel.allow_words, channel.block_words, channel.allow_topics, channel.block_topics,
                trusted_languages=channel.languages, subject_max_gravity=channel.subject_max_gravity,
            ),
            editor=self.editor(channel.editor), house=self.house,
            critic=self._critic(channel.critic),
            engines=[(name, self.engines[name]) for name in channel.engines],
            width_px=profile.width_px, height_px=profile.height_px, paper=self.papercut,
        )  # fmt: skip

    def subjects(self, desk: Desk) -> tuple[str, ...]:
        """Who may appear on a channel. Makes no data folder where there is none. Raises DataFolderError."""
        there = (self.data / "frontispiece.db").exists()
        return self.press.line.subjects(desk) if there else desk.channel.subjects

    @cached_property
    def accounts(self) -> Mapping[str, Source]:
        """The sources that have a table of their own, by its name."""
        return {name: self._make("sources", table, name) for name, table in self.settings.sources.items()}

    def source(self, feed: str, address: str) -> Source:
        """The source of a feed of the config, which may have moved to another address."""
        if feed in self.accounts:
            return self.accounts[feed]
        channels = self.settings.channels.values()
        everyone = tuple(dict.fromkeys(language for channel in channels for language in channel.languages))
        languages = next((channel.languages for channel in channels if feed in channel.feeds), everyone)
        return Feed(feed, self.net, self.parser, clock.now, at=address, languages=languages)

    def finder(self, channel: str) -> Finder:
        """Finds feeds for a channel by what its owner types."""
        languages = self.settings.channels[channel].languages
        home = self.settings.net.allow_private
        return Finder(self.net, self.parser, clock.now, home=home, languages=languages)

    @cached_property
    def display_keys(self) -> Mapping[str, str]:
        """What opens the displays that are told their own slides, where looking needs a login."""
        told = [display.name for display in self.settings.displays if display.kind != "page"]
        return {name: secrets.token_urlsafe(24) for name in told} if self.settings.web.login else {}

    @cached_property
    def displays(self) -> Mapping[str, Display]:
        told = [d for d in self.settings.displays if d.kind != "page"]
        return {d.name: self._make("displays", d.own, d.name) for d in told}

    @cached_property
    def press(self) -> Press:
        return Press(
            Line(self.settings, self.store, self.archive, self.wishes, self.journal, list(self.desks.values()),
                 self.source, self.displays, self.parser.close, self.embedding, self.naked)
        )  # fmt: skip

    @cached_property
    def hand(self) -> Hand:
        """The owner's hand in a process that is not the service's: what it does is seen there within seconds."""
        return Hand(self.press)

    @cached_property
    def keys(self) -> Keys:
        return Keys(self.store.folder.path)

    @cached_property
    def wall(self) -> Wall:
        hand = Hand(self.press, self.display_keys, follow=self.press.show)
        return Wall(self.press, self.composer, self.papercut, clock.now, hand=hand)

    def close(self) -> None:
        """Give back what was started. Safe to repeat."""
        for engine in self.__dict__.get("engines", {}).values():
            engine.close()
        displays = self.__dict__.get("displays", {}).values()
        with ThreadPoolExecutor(max(1, len(displays))) as pool:  # each may take its seconds, all together no longer
            list(pool.map(lambda display: display.close(), displays))
        if "parser" in self.__dict__:
            self.parser.close()


@contextmanager
def opened(settings: Settings, data: Path, port: int | None = None) -> Iterator[Service]:
    """A service that is closed in every case."""
    service = Service(settings, data, port)
    try:
        yield service
    finally:
        service.close()


def desk_of(service: Service, channel: str) -> Desk:
    """A channel's desk. Raises ConfigError where there is no such channel."""
    try:
        return service.desks[channel]
    except KeyError:
        known = ", ".join(service.settings.channels)
        raise ConfigError(f"there is no channel {channel!r} in the config; there is {known}") from None
