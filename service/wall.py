"""What each display shows now, and its pixels. Reads rows; moves nothing. Never blank:

the plate that hangs ─▶ else the newest finished one ─▶ else the sample edition
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from functools import partial
from typing import Any

from PIL import Image

from . import daily, sample, trials
from .cache import Cache
from .clock import Clock
from .compose import focus, night
from .compose.finish import signed, watermarked_file
from .compose.slide import Composer, Fragment
from .errors import DataFolderError, DisplayError
from .hand import Hand
from .model import Picture, Plate
from .nights import Look, look_at
from .press import Press
from .profiles import PROFILES, Profile, fitted
from .protocols import Calling, Engine, Fetching, Reporting
from .settings import Display
from .skipping import Kept, Kind
from .soundness import Soundness
from .stills import MEDIA, DisplayInfo, Showing, Still, bare, by_night, still
from .store import Making

log = logging.getLogger(__name__)

SAMPLE_SECONDS = 30.0  #: how long a slide of the sample edition stays: a newcomer wants to see another soon
CACHED_BYTES = 24_000_000


class Wall:
    """The displays' side of the service. Safe to use from several threads."""

    def __init__(self, press: Press, composer: Composer, sampler: Engine, now: Clock, *, hand: Hand) -> None:
        self.press, self.composer, self.sampler, self.now = press, composer, sampler, now
        self.line, self.settings, self.archive = press.line, press.line.settings, press.line.archive
        self.hand, self._started = hand, now()
        self._painting = threading.Lock()
        self._cache = Cache(CACHED_BYTES)
        self._cards: dict[str, Plate] = {}  # test cards that hang for a moment
        self.doors: dict[str, Reporting] = {}  #: what else has something to say in the status, by name
        self._as_it_is = Soundness(self.archive.store.folder).as_it_is
        self._samples = {name: _named(sample.edition(name)) for name in self.settings.channels}

    # -- what hangs -------------------------------------------------------------------------

    def displays(self) -> Sequence[DisplayInfo]:
        return [self._info(display) for display in self.line.everywhere()]

    def _info(self, display: Display) -> DisplayInfo:
        channel, profile = self.settings.channel_of(display), PROFILES[display.profile]
        # e-ink gives no light: its night is its day
        look = Look.DAY if profile.eink else look_at(display.nights(self.settings.zone), self.now())
        return DisplayInfo(
            display.name, display.channel, display.kind, display.template or channel.template,
            profile, self.line.dwell_seconds(display), look,
        )  # fmt: skip

    def showing(self, display: str) -> Showing:
        """What a display shows now. Raises KeyError where there is no such display."""
        configured = self.line.display(display)
        if card := self._cards.get(display):
            return Showing(card, self.now(), self.now() + timedelta(seconds=5), "test card")
        try:
            return self._hung(configured) or self._newest(configured) or self._instead(configured)
        except (sqlite3.Error, DataFolderError) as error:
            log.warning("the rows cannot be read: %s", error)
            return self._sample(configured.channel, "sample edition: the data folder cannot be read")

    def _hung(self, display: Display) -> Showing | None:
        hung = self.archive.hung(display.name)
        if hung is None or hung.plate.banned:
            return None
        plate, until = self._as_it_is(hung.plate), self.line.until(display, hung.since)
        paused = self.line.screens.paused(display.name)
        return Showing(plate, hung.since, until, "paused" if paused else "", paused)

    def _newest(self, display: Display) -> Showing | None:
        newest = self.archive.ready(display.channel, display.name, limit=1)
        plate = self.archive.plate(newest[0].plate) if newest else None
        if plate is None:
            return None
        return Showing(self._as_it_is(plate), self.now(), self.now() + timedelta(seconds=5), "")

    def _instead(self, display: Display) -> Showing:
        banned = self.archive.hung(display.name) is not None
        why = "the only picture there was is banned" if banned else "no story has arrived yet"
        return self._sample(display.channel, f"sample edition: {why}")

    def _sample(self, channel: str, note: str) -> Showing:
        edition = self._samples[channel]
        turn = int((self.now() - self._started).total_seconds() // SAMPLE_SECONDS)
        since = self._started + timedelta(seconds=turn * SAMPLE_SECONDS)
        until = since + timedelta(seconds=SAMPLE_SECONDS)
        return Showing(edition[turn % len(edition)], since, until, note)

    def recent(self, limit: int = 24, channel: str = "") -> Sequence[Plate]:
        """The newest plates (of every channel, or of one); the first of the sample edition while there are none."""
        samples = self._samples[channel or next(iter(self.settings.channels))]
        recent = [self._as_it_is(plate) for plate in self.archive.recent(limit, channel)]
        return recent or samples[: min(limit, 6)]

    def best(self, channel: str, days: int) -> Sequence[tuple[date, Plate]]:
        """The picture of each of the channel's last days that are over, newest first. Raises KeyError."""
        self.settings.channels[channel]
        today = self._local().date()
        since = datetime.combine(today - timedelta(days=days), time(), self.settings.zone)
        best = daily.best(self.archive.finished(channel, since), self.settings.zone, today)
        return [(day, self._as_it_is(plate)) for day, number in best if (plate := self.archive.plate(number))]

    def plate(self, plate_id: int) -> Plate:
        """Raises LookupError."""
        found = next((p for edition in self._samples.values() for p in edition if p.id == plate_id), None)
        found = found or self.archive.plate(plate_id)
        if found is None:
            raise LookupError(f"there is no plate {plate_id}")
        return self._as_it_is(found)

    # -- the work behind it -----------------------------------------------------------------

    def round(self, channels: Collection[str] = ()) -> Iterator[dict[str, object]]:
        """One round for these channels (none named: all), told as it goes. Raises Busy while another runs."""
        return (event.table() for event in self.press.round(channels))

    def ready(self) -> tuple[bool, str]:
        """Whether there is something to show, and why not."""
        return self.press.ready()

    def kept_off(self, channels: Collection[str], kinds: Collection[Kind], *, hours: float, limit: int) -> list[Kept]:
        """What was kept off these channels' walls (none named: all) and why, newest first."""
        return self.press.gatekeeper.kept_off(channels, kinds, hours=hours, limit=limit)

    def status(self) -> dict[str, object]:
        """How everything is, JSON-safe."""
        doors = {name: dict(door.state()) for name, door in self.doors.items()}
        displays = [self._told(display) for display in self.line.everywhere()]
        return {**self.press.status(), "displays": displays, **doors}

    def _told(self, display: Display) -> dict[str, object]:
        showing = self.showing(display.name)
        return {
            "name": display.name, "kind": display.kind, "channel": display.channel, "profile": display.profile,
            "plate": showing.plate.id, "headline": showing.plate.story.title, "since": showing.since.isoformat(),
            "paused": showing.paused, "note": showing.note, "error": None, **self._reported(display.name),
        }  # fmt: skip

    def _reported(self, display: str) -> Mapping[str, object]:
        """What a display that is told says of itself; its last error is the row's."""
        adapter = self.line.displays.get(display)
        if not isinstance(adapter, Reporting):
            return {}
        state = dict(adapter.state())
        return {"error": state.pop("last_error", None), **state}

    def fetched(self, display: str, query: str) -> None:
        """A display's still was asked for: a display that fetches by itself learns that it can."""
        adapter = self.line.displays.get(display)
        if isinstance(adapter, Fetching):
            adapter.fetched(query)

    def trial(self, display: str) -> Iterator[dict[str, object]]:
        """Put a test card on a display and tell what happens, step by step; then what hung there is back."""
        adapter = self.press.line.displays[display]
        self._cards[display] = trials.card(display, self.now())
        try:
            yield from trials.trial(adapter, self._cards[display])
        finally:
            del self._cards[display]
            adapter.show(self.showing(display).plate)

    def calling(self) -> dict[str, Calling]:
        """The displays whose own firmware calls in, by name."""
        return {name: one for name, one in self.press.line.displays.items() if isinstance(one, Calling)}

    def greet(self) -> None:
        """After a start: tell each display what hangs there, which nobody else does before the next change."""
        for name, adapter in self.line.displays.items():
            try:
                adapter.show(self.showing(name).plate)
            except DisplayError as error:
                log.warning("display %s: %s", name, error)

    # -- pixels -----------------------------------------------------------------------------

    def fragment(self, plate: Plate, display: str, width_px: int, height_px: int, picture_src: str) -> Fragment:
        """The live page's slide, fitted to the asking window."""
        info = self._info(self.line.display(display))
        profile = fitted(info.profile, width_px, height_px)
        if info.night is Look.CLOCK:
            return night.clock_page(self._local(), profile)
        key = ("fragment", plate, profile, info.template, picture_src, self._age(plate))
        return self._cache.get(
            key,
            lambda: self.composer.fragment(
                plate, self._image(plate), profile, template=info.template, now=self._local(), picture_src=picture_src
            ),
            lambda fragment: len(fragment.html),
        )

    def still(self, display: str, suffix: str) -> Still:
        """The composed slide of what a display shows now. Raises KeyError where there is no such display."""
        info = self._info(self.line.display(display))
        plate = self.showing(display).plate
        day = partial(self._slide, plate, info.profile, info.template, suffix)
        return by_night(info.night, day, self.composer, (info.profile, suffix, self._local()))

    def by_day(self, display: str) -> tuple[Plate, Callable[[], Still]]:
        """What a display shows now, and how to have its JPEG as it is without a night. Raises KeyError."""
        info, plate = self._info(self.line.display(display)), self.showing(display).plate
        return plate, partial(self._slide, plate, info.profile, info.template, ".jpg")

    def slide(self, plate_id: int, profile: str, *, as_chosen: bool = False) -> Still:
        """A plate composed for a profile; ``as_chosen``: as old as it was then. Raises LookupError like ``plate``."""
        plate = self.plate(plate_id)
        at = plate.chosen_at if as_chosen else None
        return self._slide(plate, PROFILES[profile], self.settings.channels[plate.channel].template, ".jpg", at)

    def _slide(self, plate: Plate, profile: Profile, template: str, suffix: str, at: datetime | None = None) -> Still:
        def composed() -> Still:
            now = (at or self.now()).astimezone(self.settings.zone)
            data = self.composer.compose(plate, self._image(plate), profile, template=template, now=now, suffix=suffix)
            return still(data, MEDIA[suffix])

        key = ("slide", plate, profile, template, suffix, at or self._age(plate))
        return self._cache.get(key, composed, lambda still: len(still.data))

    def picture(self, plate_id: int) -> Still:
        """The bare picture. Raises LookupError where the plate has none."""
        plate = self.plate(plate_id)
        data = self._picture(plate)
        if data is None:
            raise LookupError(f"plate {plate_id} has no picture")
        return self._bare(plate, data)

    def tried(self, plate_id: int, number: int) -> Still:
        """The bare picture of a try, from 1. Raises LookupError where there is none, or its file is gone."""
        return self._bare(self.plate(plate_id), self.press.line.journal.picture(plate_id, number))

    def _bare(self, plate: Plate, data: bytes) -> Still:
        """A bare picture as it leaves the house."""
        kept, marked = bare(data), lambda: bare(watermarked_file(data, plate))
        key = ("marked", plate.id, kept.etag)
        return self._cache.get(key, marked, lambda made: len(made.data)) if self.settings.watermark else kept

    def making(self, plate_id: int) -> Making:
        """How a plate came to be. Raises LookupError."""
        plate, journal = self.plate(plate_id), self.press.line.journal
        return Making(self._recipe(plate), journal.tries(plate.id), journal.notes(plate.id))

    def _image(self, plate: Plate) -> Image.Image | None:
        data = self._picture(plate)
        return focus.opened(data, self._recipe(plate)) if data else None

    def _recipe(self, plate: Plate) -> Mapping[str, Any]:
        if plate.sample:
            return self._painted(plate).recipe
        return self.archive.recipe(plate.picture) if plate.picture else {}

    def _picture(self, plate: Plate) -> bytes | None:
        if plate.sample:
            return self._painted(plate).data
        plate = self._as_it_is(plate)
        return self.archive.store.folder.read(plate.picture) if plate.picture else None

    def _painted(self, plate: Plate) -> Picture:
        """A picture of the sample edition, painted when first asked for."""
        size = self.line.largest(plate.channel)
        return self._cache.get(("sample", plate, size), lambda: self._paint(plate, size), lambda made: len(made.data))

    def _paint(self, plate: Plate, profile: Profile) -> Picture:
        assert plate.prompt is not None
        with self._painting:
            return signed(self.sampler.render(plate.prompt, profile.width_px, profile.height_px))

    def _local(self) -> datetime:
        return self.now().astimezone(self.settings.zone)

    def _age(self, plate: Plate) -> int:
        """A number that changes when the age on the slide does: by minutes at first, then by hours and days."""
        minutes = max(0, int((self.now() - plate.story.published).total_seconds() // 60))
        return minutes if minutes < 60 else 60 + minutes // 60 if minutes < 48 * 60 else 200 + minutes // 1440


def _named(edition: Sequence[Plate]) -> Sequence[Plate]:
    """The sample edition with a name for each picture, which is painted when first asked for."""
    return [replace(plate, picture=f"sample/{-plate.id}.png") for plate in edition]
