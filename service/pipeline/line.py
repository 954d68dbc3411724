"""What a round works with, and what it tells."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from threading import Lock

from .. import hanging, styles
from ..decency import Naked
from ..embedding import Embedding
from ..gate.verdict import Rules
from ..profiles import PROFILES, Profile, largest
from ..protocols import Critic, Display, Editor, Engine, Source, Wording
from ..settings import Channel, Display as Screen, Settings
from ..store import Appearances, Archive, Journal, Screens, Store, Wishes
from .breaker import Breaker
from .easel import Easel

MEMORY = timedelta(hours=48)  #: no scene and no event twice within it
FORTNIGHT = timedelta(days=14)  #: no idea twice within it, where a model directs


@dataclass(frozen=True, slots=True)
class Event:
    """Something a verb did, for people and programs to follow."""

    verb: str
    what: str = ""  #: a feed's address, a headline, a display
    done: int = 0
    total: int = 0
    note: str = ""
    error: str | None = None
    plate: int | None = None

    def table(self) -> dict[str, object]:
        """The event as a program reads it: only what it says."""
        return {key: value for key, value in asdict(self).items() if key == "verb" or value not in ("", None, 0)}


@dataclass(frozen=True, slots=True)
class Desk:
    """One channel with its people: who edits, who paints, and how large."""

    name: str
    channel: Channel
    rules: Rules
    editor: Editor
    house: Editor  #: takes over where the editor fails
    critic: Critic | None  #: looks at pictures; None: nobody but the local checks
    engines: Sequence[tuple[str, Engine]]
    width_px: int
    height_px: int
    paper: Engine | None = None  #: takes over where every picture was rejected; None: the story's words alone do

    def style(self, topics: Sequence[str], now: datetime) -> str:
        """How the picture of a story about these topics should look, on this day."""
        return styles.chosen(self.channel.style, self.channel.styles, topics, now)

    @property
    def family(self) -> str:
        """What kind of model paints first, and so how prompts are worded."""
        first = self.engines[0][1] if self.engines else None
        return first.family if isinstance(first, Wording) else "papercut"


@dataclass(frozen=True, slots=True)
class Line:
    """Everything a round works with."""

    settings: Settings
    store: Store
    archive: Archive
    wishes: Wishes
    journal: Journal
    desks: Sequence[Desk]
    source: Callable[[str, str], Source]  #: (a feed of the config, the address it is at today) -> its source
    displays: Mapping[str, Display]  #: those that must be told; browsers ask by themselves
    rest: Callable[[], None]  #: called when the sources have been visited: give back what they held
    embedding: Embedding | None = None  #: a model of sentences, if there is one
    naked: Naked | None = None  #: looks for nakedness in pictures, if the config wants that
    breakers: dict[str, Breaker] = field(default_factory=dict)  #: of the engines that have failed, by name
    easel: Easel = field(default_factory=Easel)
    _turns: dict[str, Lock] = field(default_factory=lambda: defaultdict(Lock))

    def feeds(self, desk: Desk) -> tuple[str, ...]:
        """A channel's feeds: the config's, then those added at run time."""
        added = (subscription.url for subscription in self.wishes.subscriptions(desk.name))
        return tuple(dict.fromkeys((*desk.channel.feeds, *added)))

    def dialled(self, desk: Desk) -> Desk:
        """The desk with its mood dial as it stands."""
        return dialled(desk, self.wishes)

    def subjects(self, desk: Desk) -> tuple[str, ...]:
        """Who may appear on a channel: the config's subjects, then those put on it at run time."""
        return tuple(dict.fromkeys((*desk.channel.subjects, *self.appearances.on(desk.name))))

    @property
    def appearances(self) -> Appearances:
        return Appearances(self.store)

    @property
    def editors(self) -> Mapping[str, Editor | Critic]:
        """Everybody who directs or looks at pictures, by the name in the config."""
        critics = {desk.channel.critic: desk.critic for desk in self.desks if desk.critic}
        return {desk.channel.editor: desk.editor for desk in self.desks} | critics

    @property
    def engines(self) -> Mapping[str, Engine]:
        """Everybody who paints, by the name in the config."""
        return {name: engine for desk in self.desks for name, engine in desk.engines}

    def turn(self, engine: str) -> Lock:
        """Held while an engine paints: a round, and what is painted to order, wait for each other."""
        return self._turns[engine]

    def breaker(self, engine: str) -> Breaker:
        """How an engine has been doing."""
        return self.breakers.get(engine, Breaker())

    @property
    def screens(self) -> Screens:
        return Screens(self.store)

    def everywhere(self) -> tuple[Screen, ...]:
        """Every display: the config's, then those paired at run time."""
        return everywhere(self.settings, self.screens)

    def display(self, name: str) -> Screen:
        """A display by its name. Raises KeyError."""
        return {display.name: display for display in self.everywhere()}[name]

    def largest(self, channel: str) -> Profile:
        """The largest screen of a channel, one paired a moment ago too: its pictures are painted for that."""
        return largest([PROFILES[display.profile] for display in self.everywhere() if display.channel == channel])

    def dwell_seconds(self, display: Screen) -> float:
        """How long a plate hangs there."""
        channel = self.settings.channel_of(display)
        return hanging.dwell_seconds(display.dwell_seconds, channel.cadence_minutes, channel.plates_per_round)

    def until(self, display: Screen, since: datetime) -> datetime:
        """When a plate that hangs there since then has had its time."""
        return hanging.until(display.order, since.astimezone(self.settings.zone), self.dwell_seconds(display))

    @property
    def now(self) -> datetime:
        return self.store.now().astimezone(self.settings.zone)


def dialled(desk: Desk, wishes: Wishes) -> Desk:
    """The desk with its mood dial as it stands: the config's, or where the owner's hand turned it."""
    dial = wishes.dial(desk.name, desk.channel.mood)
    return desk if dial is None else replace(desk, channel=desk.channel.model_copy(update={"mood": dial.mood}))


def everywhere(settings: Settings, screens: Screens) -> tuple[Screen, ...]:
    """The config's displays, then those paired at run time; a name in the config wins.

    One whose channel or profile is no more shows the first there is: a screen is never blank.
    """
    named = {display.name for display in settings.displays}
    first = next(iter(settings.channels))
    added = [
        Screen(
            name=screen.name,
            profile=screen.profile if screen.profile in PROFILES else "nest-hub",
            channel=screen.channel if screen.channel in settings.channels else first,
        )
        for screen in screens.paired()
        if screen.name not in named
    ]
    return (*settings.displays, *added)
