"""Google Home, Nest Hub and Chromecast: a polite guest on a screen that belongs to others.

The device is told the address of the still, or once that of our live page, and fetches it. Somebody else's app is never
stopped, covered or spoken to; ``cast_manners`` decides when to act, ``cast_link`` speaks with the device, and one
thread per display does both.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

from ..errors import DisplayError
from ..model import Plate
from ..nights import Look, look_at
from ..surroundings import Surroundings
from . import cast_page
from .cast_find import find, reached, target
from .cast_link import Absent, Link, Overtaken, Refused, identity
from .cast_manners import OWN, PLAYER, Act, Front, Memory, Rules, failed, front, next_act, noticed
from .cast_notes import Notebook, Told
from .cast_seen import Seen
from .cast_settings import Settings
from .cast_sound import hushed, restore
from .cast_stage import base_url, still_query
from .owner import Owner

log = logging.getLogger(__name__)

CHECK_SECONDS = 60.0  #: a device that is silent for so long is asked whether it is still there
FETCH_SECONDS = 10.0  #: from the device's "I have it" until its request for the picture must have been seen
PAGE_SECONDS = 25.0  #: until a live page that was opened must have asked for something; a Nest Hub is slow


class Cast:
    """One Cast device. ``show`` only hands over; ``state`` knows what became of it."""

    def __init__(self, settings: Settings, surroundings: Surroundings) -> None:
        self._settings, self._around = settings, surroundings
        self._target = target(settings.address)
        self._rules = Rules(settings.resume_after_seconds, settings.reload_minutes * 60)
        path = surroundings.data / "displays" / f"{surroundings.name}.json"
        self._notebook = Notebook(path, settings.address)
        notes = self._notebook.notes
        self._own = OWN | {settings.app_id.upper(), notes.launching}  # the last process may have had another receiver
        self._page = cast_page.resumed(notes.via if settings.mode == "page" else "")
        self._memory = Memory(session=notes.session, live=bool(notes.via))
        self._owner = Owner(surroundings.name, self._work)
        self._link: Link | None = None
        self._told, self._complained = Told(), ""
        self._loads, self._query, self._fetched = 0, "", ""

    # -- what others may call ---------------------------------------------------------------

    def show(self, plate: Plate) -> None:
        """Have the plate shown as soon as manners allow. Returns at once."""
        self._owner.give(plate)

    def fetched(self, query: str) -> None:
        """The still of this display was asked for, or its page asked for news: proof that the device can reach us."""
        with self._owner.bell:
            page = cast_page.asked(self._page, query)
            if page is self._page:
                self._fetched = query
            self._page = page
            self._owner.bell.notify_all()

    def state(self) -> Mapping[str, object]:
        """How it is. JSON-safe."""
        link, memory = self._link, self._memory
        app = link.seen.name if link is not None and not link.lost else None
        return {
            "reachable": app is not None, "app": app or None, "busy_by": app if memory.front is Front.GUEST else None,
            "mode": cast_page.mode(self._page, live=memory.live) if memory.session else None, **self._told.table(),
        }  # fmt: skip

    def reach(self) -> str:
        """Connect once, ask how things are, and say it. Nothing is started, stopped or shown. Raises DisplayError."""
        return reached(self._target, self._owner)

    def close(self) -> None:
        """Let go within 4 s, whatever is under way. Safe to repeat."""
        self._owner.close()

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
        now, plate, look = time.monotonic(), self._owner.newest, self._look()
        quiet, wanted = look is Look.OFF, still_query(plate, look, self._now()) if plate else None
        self._memory = replace(self._memory, wanted=wanted)
        asleep = quiet and not self._notebook.notes.left
        if self._link is None and (asleep or self._memory.not_before > now):
            self._pause(self._memory.not_before if not asleep else now + CHECK_SECONDS, plate)
            return
        link = self._link or self._connect()
        if link.lost:
            raise Absent(link.lost)
        seen = link.seen
        self._notice(seen)
        if self._memory.front is not Front.GUEST:
            restore(link, self._notebook)
        act, at = next_act(self._memory, self._rules, quiet=quiet)
        if act is Act.NOTHING or at > now:
            self._pause(at, plate, seen)
        else:
            self._perform(act, link)

    def _connect(self) -> Link:
        host, port = find(self._target, self._owner)
        if self._settings.uuid and identity(host)[0] not in ("", self._settings.uuid):
            raise Refused(f"the device at {host} is another one: its UUID is not that in the config")
        link = Link(host, port, self._owner)
        try:
            link.open()
        except BaseException:
            link.close()
            raise
        self._link = link
        self._memory = replace(self._memory, failures=min(self._memory.failures, 4))
        self._told = replace(self._told, error=None, step="reached")
        self._notice(link.seen, fresh=True)
        return link

    def _notice(self, seen: Seen, *, fresh: bool = False) -> None:
        notes = self._notebook.notes
        if self._memory.session is None and notes.unsure and seen.app == (notes.launching or PLAYER):
            self._ours(seen.session, live=seen.app != PLAYER)  # the answer to our launch was lost, not the launch
        was, page = self._memory, self._page
        self._memory = noticed(
            was, time.monotonic(), front(seen.app, seen.session, was.session, self._own), fresh=fresh
        )
        if self._memory.session != self._notebook.notes.session:
            self._notebook.note(session=self._memory.session, via="")
        if self._memory.live:
            self._memory = replace(self._memory, heard_at=page.heard_at)
            if page.hangs and page.hangs != self._memory.loaded:
                self._shown(page.hangs, int(page.hangs.removeprefix("v=")))
        if self._memory.front is Front.GUEST and was.front is not Front.GUEST:
            self._told = replace(self._told, error=None)
            log.info("display %s: %s is on the screen; we wait", self._around.name, seen.name)

    def _pause(self, until: float, plate: Plate | None, seen: Seen | None = None) -> None:
        """Wait for the moment, or until what was decided on is not so any more; see that the device is still there."""
        link, page = self._link, self._page
        wait = max(0.0, min(until - time.monotonic(), CHECK_SECONDS))
        if self._around.nights:  # which begin, end and tell the time at full minutes
            wait = min(wait, 60.05 - self._now().timestamp() % 60)
        self._told = replace(self._told, next_at=until if self._memory.wanted is not None else None)

        def changed() -> bool:
            return (
                self._owner.newest is not plate
                or self._page.hangs != page.hangs
                or (link is not None and (link.seen is not seen or bool(link.lost)))
            )

        if not self._owner.wait(changed, wait) and link is not None and self._look() is not Look.OFF:
            link.ask_after(CHECK_SECONDS)

    def _perform(self, act: Act, link: Link) -> None:
        if act is Act.QUIT:
            link.stop(str(self._memory.session))
            self._ours(None)
            return
        base = base_url(self._settings.base_url, link.local_address, self._around.port)
        if act is Act.LOAD:
            self._load(link, base)
            return
        if act is Act.FALL_BACK:
            self._no_page("the live page has stopped asking for news")
        seen = link.look()  # asked just before, so as not to barge in
        whose = front(seen.app, seen.session, self._memory.session, self._own)
        if whose is Front.FREE or (act is Act.FALL_BACK and whose is Front.OURS):
            self._launch(link, base)

    def _launch(self, link: Link, base: str) -> None:
        """Open the page, or start the player and load; without a sound."""
        with hushed(link, self._notebook):
            try:
                if not self._opened(link, base):
                    self._start(link, PLAYER)
                    self._load(link, base)
            except Refused:
                self._notebook.note(launching_at=0.0)
                raise

    def _start(self, link: Link, app: str) -> None:
        self._notebook.note(launching_at=time.time(), launching=app)
        self._ours(link.launch(app).session, live=app != PLAYER)
        self._told = replace(self._told, step="launched")

    def _opened(self, link: Link, base: str) -> bool:
        """Whether our live page is up on the device; stills are the other way."""
        if self._settings.mode != "page" or time.monotonic() < self._page.not_before:
            return False
        try:
            self._open(link, base)
        except Refused as error:
            if isinstance(error, Overtaken):
                raise
            self._no_page(str(error))
            return False
        self._memory = replace(self._memory, heard_at=self._page.heard_at, failures=0)
        return True

    def _open(self, link: Link, base: str) -> None:
        self._start(link, self._settings.app_id.upper())
        self._page, session = cast_page.opened(), str(self._memory.session)
        self._notebook.note(via=self._page.via)
        key = f"&key={self._around.key}" if self._around.key else ""
        link.open_page(f"{base}/d/{self._around.name}?via={self._page.via}{key}", session)
        self._told = replace(self._told, step="accepted")
        if not link.until(lambda: self._page.heard, PAGE_SECONDS, session):
            raise Refused(f"the device did not open our page at {base}")

    def _no_page(self, why: str) -> None:
        self._page = cast_page.failed()
        log.warning("display %s: %s; it gets stills instead", self._around.name, why)

    def _load(self, link: Link, base: str) -> None:
        plate, wanted, session = self._owner.newest, self._memory.wanted, str(self._memory.session)
        assert plate is not None and wanted is not None  # noqa: PT018
        opened = wanted + (f"&key={self._around.key}" if self._around.key else "")
        self._loads = self._loads + 1 if self._query.split("&again=")[0] == opened else 0
        self._query = opened + (f"&again={self._loads}" if self._loads else "")
        link.load(f"{base}/d/{self._around.name}.jpg?{self._query}", plate.story.title, session)
        self._told = replace(self._told, step="accepted")
        if not link.until(lambda: self._fetched == self._query, FETCH_SECONDS, session):
            raise Refused(f"the device took the picture but did not fetch it from {base}; see base_url in the config")
        self._shown(wanted, plate.id)

    def _shown(self, wanted: str, plate: int) -> None:
        if self._complained:
            log.info("display %s: works again", self._around.name)
        self._complained, now = "", time.monotonic()
        self._memory = replace(self._memory, loaded=wanted, loaded_at=now, failures=0, not_before=float("-inf"))
        self._told = Told(plate, datetime.now(UTC), step="fetched")

    def _failed(self, error: DisplayError, *, refused: bool) -> None:
        self._memory = failed(self._memory, time.monotonic(), refused=refused)
        if self._complained != str(error):  # one line a kind of failure, not one an attempt
            log.warning("display %s: %s", self._around.name, error)
        self._complained = str(error)
        self._told = replace(self._told, error=str(error), next_at=self._memory.not_before)

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

    def _ours(self, session: str | None, *, live: bool = False) -> None:
        seen_front = Front.OURS if session else Front.FREE
        self._memory = replace(self._memory, session=session, front=seen_front, loaded=None, live=live)
        self._notebook.note(session=session, launching_at=0.0, via="")

    def _now(self) -> datetime:
        return datetime.now(UTC)

    def _look(self) -> Look:
        return look_at(self._around.nights, self._now())


def make(settings: Settings, surroundings: Surroundings) -> Cast:
    """A Cast device; nothing is sent before the first ``show``."""
    return Cast(settings, surroundings)
