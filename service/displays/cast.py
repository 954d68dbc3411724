"""Google Home, Nest Hub and Chromecast: a polite guest on a screen that belongs to others.

The device is told the address of the still and fetches it. Somebody else's app is never stopped, covered or spoken
to; ``cast_manners`` decides when to act, ``cast_link`` speaks with the device, and one thread per display does both.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Literal
from urllib.parse import quote
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, field_validator

from ..errors import DisplayError
from ..model import Plate
from ..protocols import Surroundings
from . import cast_notes
from .cast_find import find, target
from .cast_link import Absent, Link, Refused, Seen, identity
from .cast_manners import PLAYER, Act, Front, Memory, Rules, failed, front, hours, next_act, noticed
from .cast_notes import Told
from .owner import Owner

log = logging.getLogger(__name__)

CHECK_SECONDS = 30.0  #: a device that is silent for so long is asked whether it is still there
FETCH_SECONDS = 10.0  #: from the device's "I have it" until its request for the picture must have been seen
DOOR_SECONDS = 2.0


class Settings(BaseModel):
    """A ``[[displays]]`` table of ``kind = "cast"``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["cast"] = "cast"
    address: str  #: host, host:port, the device's name in the Home app, or its UUID
    uuid: str = ""  #: where an address is given: the device that must be found there
    base_url: str = ""  #: where the device finds this service; "": the address that reached the device
    resume_after_seconds: float = Field(default=30, ge=0)  #: from the end of somebody else's app on
    reload_minutes: float = Field(default=7, gt=0)  #: devices put a still away after about ten
    quiet_hours: str = ""  #: "23:00-06:30": our picture is taken away, and nothing is sent
    when_stopped: Literal["leave", "remove"] = "leave"  #: what becomes of the picture when the service ends

    @field_validator("address")
    @classmethod
    def _reachable(cls, address: str) -> str:
        target(address)
        return address

    @field_validator("uuid")
    @classmethod
    def _device(cls, text: str) -> str:
        return UUID(text).hex if text else text

    @field_validator("quiet_hours")
    @classmethod
    def _hours(cls, text: str) -> str:
        if text:
            hours(text)
        return text

    @field_validator("base_url")
    @classmethod
    def _web(cls, url: str) -> str:
        if url and not url.startswith(("http://", "https://")):
            raise ValueError("should start with http:// or https://")
        return url.rstrip("/")


class Cast:
    """One Cast device. ``show`` only hands over; ``state`` knows what became of it."""

    def __init__(self, settings: Settings, surroundings: Surroundings) -> None:
        self._settings, self._around = settings, surroundings
        self._target = target(settings.address)
        self._quiet_hours = hours(settings.quiet_hours) if settings.quiet_hours else None
        self._rules = Rules(settings.resume_after_seconds, settings.reload_minutes * 60)
        self._notes_path = surroundings.data / "displays" / f"{surroundings.name}.json"
        self._notes = cast_notes.read(self._notes_path)
        self._memory = Memory(session=self._notes.session)
        self._owner = Owner(surroundings.name, self._work)
        self._link: Link | None = None
        self._told, self._complained = Told(), ""
        self._loads, self._query, self._fetched = 0, "", ""

    # -- what others may call ---------------------------------------------------------------

    def show(self, plate: Plate) -> None:
        """Have the plate shown as soon as manners allow. Returns at once."""
        self._owner.give(plate)

    def fetched(self, query: str) -> None:
        """The still of this display was asked for, with that query string: proof that the device can reach us."""
        with self._owner.bell:
            self._fetched = query
            self._owner.bell.notify_all()

    def state(self) -> Mapping[str, object]:
        """How it is. JSON-safe."""
        link, guest = self._link, self._memory.front is Front.GUEST
        app = link.seen.name if link is not None and not link.lost else None
        return {
            "reachable": app is not None, "app": app or None, "busy_by": app if guest else None, **self._told.table(),
        }  # fmt: skip

    def close(self) -> None:
        """Let go within 4 s, whatever is under way. Safe to repeat."""
        self._owner.close()

    # -- the owner's thread -----------------------------------------------------------------

    def _work(self) -> None:
        try:
            while True:
                try:
                    self._step()
                except Absent as error:
                    self._hang_up()
                    self._failed(error, refused=False)
                except Refused as error:
                    self._failed(error, refused=True)
        finally:
            self._leave()

    def _step(self) -> None:
        """Look, decide, and act or wait."""
        now, quiet = time.monotonic(), self._is_quiet()
        plate = self._owner.newest
        self._memory = replace(self._memory, wanted=plate.id if plate else None)
        if self._link is None:
            if quiet or self._memory.not_before > now:
                self._pause(self._memory.not_before if not quiet else now + CHECK_SECONDS, plate, None)
                return
            self._connect()
        assert self._link is not None
        if self._link.lost:
            raise Absent(self._link.lost)
        seen = self._link.seen
        self._notice(seen)
        act, at = next_act(self._memory, self._rules, quiet=quiet)
        if act is Act.NOTHING or at > now:
            self._pause(at, plate, seen)
        else:
            self._perform(act, self._link)

    def _connect(self) -> None:
        host, port = find(self._target, self._owner)
        if self._settings.uuid and identity(host) not in (None, UUID(self._settings.uuid).hex):
            raise Refused(f"the device at {host} is another one: its UUID is not that in the config")
        link = Link(host, port, self._owner)
        try:
            link.open()
        except BaseException:
            link.close()
            raise
        self._link = link
        self._memory = replace(self._memory, failures=min(self._memory.failures, 4))
        self._told = replace(self._told, error=None)
        self._notice(link.seen, fresh=True)
        if self._notes.muted and self._memory.front is not Front.GUEST:
            self._restore(link)

    def _notice(self, seen: Seen, *, fresh: bool = False) -> None:
        if seen.app == PLAYER and self._memory.session is None and self._notes.unsure:
            self._ours(seen.session)  # the answer to our launch was lost, not the launch
        was = self._memory
        self._memory = noticed(was, time.monotonic(), front(seen.app, seen.session, was.session), fresh=fresh)
        if self._memory.session != self._notes.session:
            self._note(session=self._memory.session)
        if self._memory.front is Front.GUEST and was.front is not Front.GUEST:
            self._told = replace(self._told, error=None)
            log.info("display %s: %s is on the screen; we wait", self._around.name, seen.name)

    def _pause(self, until: float, plate: Plate | None, seen: Seen | None) -> None:
        """Wait for the moment, or until what was decided on is not so any more; see that the device is still there."""
        link = self._link
        wait = max(0.0, min(until - time.monotonic(), CHECK_SECONDS))
        self._told = replace(self._told, next_at=until if self._memory.wanted is not None else None)

        def changed() -> bool:
            return self._owner.newest is not plate or (link is not None and (link.seen is not seen or bool(link.lost)))

        silent = not self._owner.wait(changed, wait) and wait >= CHECK_SECONDS
        if silent and link is not None and not self._is_quiet():
            link.look()

    def _perform(self, act: Act, link: Link) -> None:
        if act is Act.QUIT:
            session = self._memory.session
            assert session is not None
            link.stop(session)
            self._ours(None)
            return
        base = self._base_url(link)
        if act is Act.LOAD:
            self._load(link, base)
        elif front(link.look().app, link.seen.session, None) is Front.FREE:  # asked just before, so as not to barge in
            self._launch(link, base)

    def _launch(self, link: Link, base: str) -> None:
        """Start the player and load, with the sound off meanwhile: a Cast device chimes when an app starts."""
        try:
            if link.seen.mutable and not link.seen.muted:
                self._note(muted=True)
                link.mute(True)
            self._note(launching_at=time.time())
            self._ours(link.launch().session)
            self._load(link, base)
        except Refused:
            self._note(launching_at=0.0)
            raise
        finally:
            if self._notes.muted:
                self._restore(link)

    def _load(self, link: Link, base: str) -> None:
        plate = self._owner.newest
        assert plate is not None
        self._loads = self._loads + 1 if self._query.split("&")[0] == f"v={plate.id}" else 0
        self._query = f"v={plate.id}" + (f"&again={self._loads}" if self._loads else "")
        self._query += f"&key={self._around.key}" if self._around.key else ""
        link.load(f"{base}/d/{quote(self._around.name)}.jpg?{self._query}", plate.story.title)
        if not link.until(lambda: self._fetched == self._query, FETCH_SECONDS):
            raise Refused(f"the device took the picture but did not fetch it from {base}; see base_url in the config")
        self._shown(plate)

    def _shown(self, plate: Plate) -> None:
        if self._complained:
            log.info("display %s: works again", self._around.name)
        self._complained = ""
        self._memory = replace(
            self._memory, loaded=plate.id, loaded_at=time.monotonic(), failures=0, not_before=float("-inf")
        )
        self._told = Told(plate.id, datetime.now(UTC))

    def _failed(self, error: DisplayError, *, refused: bool) -> None:
        self._memory = failed(self._memory, time.monotonic(), refused=refused)
        if self._complained != str(error):  # one line a kind of failure, not one an attempt
            log.warning("display %s: %s", self._around.name, error)
        self._complained = str(error)
        self._told = replace(self._told, error=str(error), next_at=self._memory.not_before)

    def _restore(self, link: Link) -> None:
        link.mute(False, through=True)  # where this fails the note stays, and the next connection begins with it
        self._note(muted=False)

    def _leave(self) -> None:
        """The end: our picture is left or removed, the line hung up."""
        link, session = self._link, self._memory.session
        if link is not None and not link.lost and self._settings.when_stopped == "remove" and session:
            with contextlib.suppress(DisplayError):
                if link.seen.session == session:
                    link.stop(session, through=True)
                    self._ours(None)
        self._hang_up()

    def _hang_up(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            link.close()

    # -- small things -----------------------------------------------------------------------

    def _base_url(self, link: Link) -> str:
        """Where the device finds our pages; seen to be there first, so that it is never sent into the void."""
        if self._settings.base_url:
            return self._settings.base_url
        host, port = link.local_address, self._around.port
        try:
            socket.create_connection((host, port), DOOR_SECONDS).close()
        except OSError as error:
            raise Refused(f"this service does not answer at {host}:{port}; web.host must let the device in") from error
        return f"http://{host}:{port}"

    def _ours(self, session: str | None) -> None:
        seen_front = Front.OURS if session else Front.FREE
        self._memory = replace(self._memory, session=session, front=seen_front, loaded=None)
        self._note(session=session, launching_at=0.0)

    def _note(self, **changed: Any) -> None:
        self._notes = replace(self._notes, **changed)
        cast_notes.write(self._notes_path, self._notes)

    def _is_quiet(self) -> bool:
        return self._quiet_hours is not None and datetime.now(self._around.zone).time() in self._quiet_hours


def make(settings: Settings, surroundings: Surroundings) -> Cast:
    """A Cast device; nothing is sent before the first ``show``."""
    return Cast(settings, surroundings)
