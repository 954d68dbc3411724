"""The thread that keeps the broker told, and takes its orders.

Whatever the broker does, nothing else of the service waits for it or fails by it.
"""

from __future__ import annotations

import logging
import random
import sqlite3
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from service.broker import Mqtt
from service.errors import BrokerError, FrontispieceError
from service.wall import Wall

from .board import Board
from .names import CHANNELS, DISPLAYS, Names
from .orders import Pace, obeyed
from .wire import Wire

log = logging.getLogger(__name__)

TURN_SECONDS = 0.2  #: how soon a change on the wall is looked for
LOOK_SECONDS = 10.0  #: the wall is looked at so often in any case: devices tell of errors that are in no row
HELLO_SECONDS = 5.0  #: everything is said again at most so often, however often Home Assistant starts
FIRST_WAIT, LONGEST_WAIT = 1.0, 30.0  #: seconds between two tries
STEADY_SECONDS = 20.0  #: a connection that held so long was a good one: the waits begin anew
CLOSE_SECONDS = 1.5
MANY = 3  #: connections lost soon, one after the other: somebody else may have our name
TWINS = " soon after letting us in, time after time: does a copy of the data folder run elsewhere?"
NOTED_SECONDS = 60.0  #: between two lines of the log about what made no sense


class Link:
    """Home Assistant by way of one broker. ``start`` it once, ``close`` it in the end."""

    def __init__(self, wall: Wall, settings: Mqtt, names: Names, port: int, *, first_wait: float = FIRST_WAIT) -> None:
        self.wall, self.settings, self.names = wall, settings, names
        self.board = Board(wall, settings, names, port)
        self.wire = Wire(settings, names.node, names.status, self._heard)
        self._first_wait, self._wait = first_wait, first_wait
        self._stop, self._lock, self._pace = threading.Event(), threading.Lock(), Pace(time.monotonic)
        self._thread = threading.Thread(target=self._run, name="mqtt", daemon=True)
        self._connected_at: datetime | None = None
        self._next_try_at: datetime | None = None
        self._error: str | None = None
        self._sent = self._ignored = self._dropped = 0
        self._look_at = self._hello_at = self._noted_at = 0.0
        self._hello, self._rows, self._short = False, -1, 0  # the last: connections that were soon lost, in a row

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Say "offline" and stop, whatever is under way."""
        self._stop.set()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(CLOSE_SECONDS)

    def state(self) -> Mapping[str, object]:
        """How it is. JSON-safe."""
        with self._lock:
            return {
                "broker": self.settings.where, "connected": self._connected_at is not None,
                "since": self._connected_at and self._connected_at.isoformat(),
                "next_try_at": self._next_try_at and self._next_try_at.isoformat(),
                "last_error": self._error or self.wire.trouble,
                "sent": self._sent, "ignored": self._ignored, "dropped": self._dropped,
            }  # fmt: skip

    # -- the thread -------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._stop.is_set():
            began = time.monotonic()
            try:
                self._visit()
            except BrokerError as error:
                self._lost(str(error))
            except Exception:
                log.exception("mqtt: a bug; it will be tried again")
                self._lost("a bug of ours, see the log")
            if time.monotonic() - began > STEADY_SECONDS:
                self._wait, self._short = self._first_wait, 0
            self._rest()
        self.wire.drop()

    def _rest(self) -> None:
        """Wait before the next try, each time longer; a little chance keeps many homes from coming back at once."""
        wait = self._wait * random.uniform(0.8, 1.2)
        self._wait = min(LONGEST_WAIT, self._wait * 2)
        with self._lock:
            self._next_try_at = datetime.now(UTC) + timedelta(seconds=wait)
        self._stop.wait(wait)

    def _lost(self, error: str) -> None:
        self.wire.drop()
        with self._lock:
            self._short += self._connected_at is not None
            error += TWINS if self._short >= MANY else ""
            new, self._error, self._connected_at = error != self._error, error, None
        if new:
            log.warning("mqtt: %s (it will be tried again)", error)

    def _visit(self) -> None:
        """One connection from its beginning to its end. Raises BrokerError."""
        self.wire.open(self._stop)
        with self._lock:
            self._connected_at, self._error, self._next_try_at = datetime.now(UTC), None, None
            self.wire.trouble = None
        log.info("mqtt: connected to %s", self.settings.where)
        self.board.forget()
        self._look_at = 0.0
        self._look(time.monotonic())  # before anything comes in: what a former run left is held against it
        self.wire.subscribe(self.names.configs, self.names.hello, self.names.orders)
        while not self._stop.is_set():
            self.wire.turn(0.0 if self._speak() else TURN_SECONDS)
            self._look(time.monotonic())
            self._greet(time.monotonic())
        self.wire.close(CLOSE_SECONDS / 3)

    # -- out --------------------------------------------------------------------------------

    def _look(self, now: float) -> None:
        """Look at the wall where something may have changed."""
        try:
            rows = self.wall.line.store.changes()
            if rows == self._rows and now < self._look_at:
                return
            self.board.look(now, self.wire.address)
            self._rows, self._look_at = rows, now + LOOK_SECONDS
        except (sqlite3.Error, LookupError, FrontispieceError) as error:
            self._rows, self._look_at = -1, now + LOOK_SECONDS
            self._note(f"the wall cannot be read: {error}")

    def _greet(self, now: float) -> None:
        """Say everything again to a Home Assistant that has just started."""
        if self._hello and now >= self._hello_at:
            self._hello, self._hello_at = False, now + HELLO_SECONDS
            self.board.forget()

    def _speak(self) -> bool:
        """Send the next message that is due; False if there is none, or the broker is behind."""
        now = time.monotonic()
        message = self.board.due(now) if self.wire.free else None
        if message is None:
            return False
        try:
            payload = message.make()
        except (sqlite3.Error, OSError, LookupError, FrontispieceError) as error:
            self.board.failed(message, now)
            self._note(f"{message.topic} could not be made: {error}")
            return True
        if self.board.say(message, payload, now) and self.wire.send(message.topic, payload):
            with self._lock:
                self._sent += 1
        return True

    # -- in ---------------------------------------------------------------------------------

    def _heard(self, topic: str, payload: bytes, kept: bool) -> None:
        """A message from the broker; ``kept``: from before we came."""
        if topic == self.names.hello:
            self._hello = self._hello or (payload == b"online" and not kept)
        elif topic.startswith(f"{self.names.discovery}/"):
            if kept and payload:
                self.board.stale(topic)
        else:
            self._ordered(topic, payload, kept=kept)

    def _ordered(self, topic: str, payload: bytes, *, kept: bool) -> None:
        order = None if kept else self.names.order(topic, payload)  # an old order is nobody's wish any more
        if order is None:
            self._ignored += 1
            self._note(f"what came by {topic[:100]!r} makes no sense here: {len(payload)} bytes")
            return
        known = order.name in (self.wall.settings.channels if order.room == CHANNELS else self.board.displays)
        if not known or not self._pace.allows(f"{order.room}/{order.name}"):
            self._dropped += 1
            self._note(f"orders for {order.name!r}: {'too many at once' if known else 'there is no such thing here'}")
            return
        refusal = obeyed(self.wall.hand, order, self.board.seen.get(order.name))
        if order.room == DISPLAYS:
            self.board.refused.pop(order.name, None)
            if refusal:
                self.board.refused[order.name] = f"{order.verb}: {refusal}"
        self._look_at = 0.0

    def _note(self, words: str) -> None:
        """A line in the log, now and then: whoever floods us does not flood the owner."""
        now = time.monotonic()
        if now >= self._noted_at:
            self._noted_at = now + NOTED_SECONDS
            log.warning("mqtt: %s", words)
