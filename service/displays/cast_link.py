"""One connection to one Cast device, through pychromecast. What that library does, and where it fails, is known here.

A connection that is lost is thrown away: pychromecast's own reconnecting keeps a stale status, waits up to five
minutes and fills the log. All sending is done by one thread, since it has no lock around its socket. Messages for an
app are addressed to the session that we launched, so that a guest can never receive one.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from ..errors import DisplayError
from .cast_manners import AMBIENT
from .cast_seen import MEDIA, PAGES, Seen, called, nothing, read, ready
from .owner import Owner

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 5.0
ASK_AGAIN_SECONDS = 1.0  #: a first question that was not heard is asked again, so that a device that recovers is used
IDENTITY_SECONDS = 4.0
LAUNCH_SECONDS = 15.0  #: a Nest Hub takes three to eight
LOAD_SECONDS = 15.0
LAST_WORD_SECONDS = 1.0  #: for an answer while the service ends

PLATFORM = "receiver-0"
RECEIVER = "urn:x-cast:com.google.cast.receiver"

Reply = Mapping[str, Any]


class Absent(DisplayError):
    """The device does not answer, or no longer; the connection is of no use."""


class Refused(DisplayError):
    """The device answers, and says no."""


class Overtaken(Refused):
    """Somebody else's app came to the screen in between."""

    def __init__(self) -> None:
        super().__init__("another app came in between")


class Link:
    """A connection, used by its owner's thread alone. ``seen`` and ``lost`` change by themselves and ring the bell."""

    def __init__(self, host: str, port: int, owner: Owner) -> None:
        import pychromecast
        from pychromecast.models import CastInfo, HostServiceInfo

        _hush("pychromecast")
        self.where, self.seen, self.lost = f"{host}:{port}", nothing(), ""
        self.heard_at = time.monotonic()
        self._owner, self._answered = owner, False
        self._errors = (pychromecast.error.PyChromecastError, OSError, ValueError, AssertionError, AttributeError)
        # the type is said, or pychromecast asks the device for it over HTTPS and blocks for up to 30 s
        info = CastInfo({HostServiceInfo(host, port)}, uuid.uuid4(), None, None, host, port, "cast", None)
        self._cast = pychromecast.Chromecast(info, tries=1, timeout=CONNECT_SECONDS, retry_wait=0.1)
        # its media controller would open a channel to every guest that plays media, and ask it questions
        self._cast.unregister_handler(self._cast.media_controller)
        self._cast.socket_client._handlers.pop(MEDIA)  # noqa: SLF001 - the bare name left there opens channels too
        _one_at_a_time(self._cast.socket_client)
        heard: Any = _Listener(self._heard)
        moved: Any = _Listener(self._moved)
        self._cast.register_status_listener(heard)
        self._cast.register_connection_listener(moved)

    # -- what pychromecast's thread tells ---------------------------------------------------

    def _heard(self, status: Any) -> None:
        with self._owner.bell:
            self.seen, self._answered, self.heard_at = read(status), True, time.monotonic()
            self._owner.bell.notify_all()

    def _moved(self, change: Any) -> None:
        if change.status in ("CONNECTING", "CONNECTED"):
            return
        with self._owner.bell:
            never = "no Cast device answers at" if not self._answered else "the connection was lost to"
            self.lost = self.lost or f"{never} {self.where}"
            self._cast.socket_client.stop.set()
            self._owner.bell.notify_all()

    # -- what the owner asks ----------------------------------------------------------------

    def open(self) -> None:
        """Connect and hear the first status. Raises Absent, Closing."""
        self._cast.start()
        end = time.monotonic() + CONNECT_SECONDS + ANSWER_SECONDS
        while not self._wait(lambda: self._answered, ASK_AGAIN_SECONDS):
            if time.monotonic() >= end:
                raise Absent(f"{self.where} takes connections, but does not answer as a Cast device")
            if self._cast.socket_client.is_connected:  # it was busy, or ill, and did not hear the first question
                self._say(PLATFORM, RECEIVER, {"type": "GET_STATUS"})

    @property
    def local_address(self) -> str:
        """Our own address on the way to the device: one that it can reach, if it can reach us at all."""
        door: Any = self._cast.socket_client.socket
        try:
            return str(door.getsockname()[0])
        except (AttributeError, OSError) as error:
            raise Absent(f"the connection was lost to {self.where}") from error

    def look(self) -> Seen:
        """Ask how things are now. Raises Absent."""
        self._ask(PLATFORM, RECEIVER, {"type": "GET_STATUS"}, ANSWER_SECONDS)
        return self.seen

    def ask_after(self, seconds: float) -> None:
        """Ask whether the device is still there, if it has said nothing for so long. Raises Absent."""
        if time.monotonic() - self.heard_at >= seconds:
            self.look()

    def mute(self, muted: bool, *, through: bool = False) -> None:
        """Mute or not; the volume itself is left alone, since setting it makes a sound. Raises Absent."""
        body = {"type": "SET_VOLUME", "volume": {"muted": muted}}
        self._ask(PLATFORM, RECEIVER, body, self._patience(through=through), through=through)

    def launch(self, app: str) -> Seen:
        """Start the player or the page's receiver and wait until it listens. Raises Absent, Refused."""
        before = self.seen.session

        def up() -> bool:
            return self.seen.app == app and self.seen.session != before

        def taken() -> bool:
            return self.seen.app not in AMBIENT and self.seen.app != app and self.seen.session != before

        reply = self._ask(PLATFORM, RECEIVER, {"type": "LAUNCH", "appId": app}, LAUNCH_SECONDS, unless=taken)
        if reply.get("type") == "LAUNCH_ERROR":
            raise Refused(f"{called(app)} does not start: {reply.get('reason') or 'no reason given'}")
        self._wait(lambda: (up() and ready(app, self.seen)) or taken(), LAUNCH_SECONDS)
        if taken():
            raise Overtaken
        if not up():
            raise Absent(f"{called(app)} was started, but did not come up")
        return self.seen

    def load(self, url: str, title: str, session: str) -> None:
        """Put a still into our player. Raises Absent, Refused."""
        player = self._front(session)
        media = {
            "contentId": url, "contentType": "image/jpeg", "streamType": "NONE",
            "metadata": {"metadataType": 4, "title": title},  # 4: a photo
        }  # fmt: skip
        body = {"type": "LOAD", "sessionId": player.session, "media": media, "autoplay": True, "customData": {}}
        reply = self._ask(
            str(player.transport), MEDIA, body, LOAD_SECONDS, unless=lambda: self.seen.session != player.session
        )
        if reply.get("type") != "MEDIA_STATUS":
            code = reply.get("detailedErrorCode") or reply.get("reason") or ""
            raise Refused(f"the device did not take the picture: {reply.get('type')} {code}".rstrip())

    def open_page(self, url: str, session: str) -> None:
        """Have our page's receiver go to an address. Raises Absent, Overtaken."""
        player = self._front(session)
        # not in a frame: DashCast's own page is https, and a browser leaves an http page in its frame white
        body = {"url": url, "force": True, "reload": False, "reload_time": 0, "sessionId": session}
        self._say(str(player.transport), PAGES, body)

    def stop(self, session: str, *, through: bool = False) -> None:
        """End a session of ours. Raises Absent."""
        body = {"type": "STOP", "sessionId": session}
        self._ask(PLATFORM, RECEIVER, body, self._patience(through=through), through=through)

    def close(self) -> None:
        """Hang up. Safe to repeat."""
        client = self._cast.socket_client
        client.disconnect()
        if client.is_alive():
            client.join(0.3)
        if client.is_alive() and client.socket is not None:  # it waits for the rest of a frame, or for a handshake
            with contextlib.suppress(OSError):
                socket.socket.shutdown(client.socket, socket.SHUT_RDWR)
            client.join(0.5)
        if client.is_alive():
            return
        held: Any
        for held in (client.socket, *client.socketpair, client.selector):  # a failed connection leaves them open
            with contextlib.suppress(OSError, AttributeError):
                held.close()

    # -- below ------------------------------------------------------------------------------

    def _patience(self, *, through: bool) -> float:
        return LAST_WORD_SECONDS if through and self._owner.closing else ANSWER_SECONDS

    def _ask(
        self, to: str, namespace: str, body: dict[str, Any], seconds: float, *,
        unless: Callable[[], bool] = bool, through: bool = False,
    ) -> Reply:  # fmt: skip
        """Send and wait for the answer; ``unless``: what makes waiting for it pointless."""
        replies: list[tuple[bool, Any]] = []

        def answered(sent: bool, reply: Any) -> None:
            with self._owner.bell:
                replies.append((sent, reply))
                self._owner.bell.notify_all()

        self._say(to, namespace, body, answered)
        heard = self._wait(lambda: replies or unless(), seconds, through=through)
        if not heard:
            raise Absent(f"{self.where} did not answer {body['type']} within {seconds:g} s")
        if not replies:
            raise Overtaken
        sent, reply = replies[0]
        if not sent or not isinstance(reply, dict):
            raise Absent(self.lost or f"the connection was lost to {self.where}")
        return reply

    def _say(
        self, to: str, namespace: str, body: dict[str, Any], answered: Callable[[bool, Any], None] | None = None
    ) -> None:
        try:
            self._cast.socket_client.send_message(to, namespace, body, callback_function=answered)
        except self._errors as error:
            raise Absent(self.lost or f"the connection was lost to {self.where}") from error

    def _front(self, session: str) -> Seen:
        """The app in front, if it is still that session: what is meant for ours must never reach a guest."""
        seen = self.seen
        if seen.session != session:
            raise Overtaken
        return seen

    def until(self, happened: Callable[[], object], seconds: float, session: str) -> bool:
        """Wait for something while our app is in front. True if it happened. Raises Absent, Refused, Closing."""
        self._wait(lambda: happened() or self.seen.session != session, seconds)
        if self.seen.session != session and not happened():
            raise Overtaken
        return bool(happened())

    def _wait(self, happened: Callable[[], object], seconds: float, *, through: bool = False) -> bool:
        self._owner.wait(lambda: happened() or self.lost, seconds, through=through)
        if self.lost and not happened():
            raise Absent(self.lost)
        return bool(happened())


def identity(host: str) -> tuple[str, str]:
    """The UUID (32 hex digits) and the model of the device at an address; "" for what it does not say."""
    from pychromecast import dial

    _hush("pychromecast")
    info = dial.get_device_info(host, timeout=IDENTITY_SECONDS)
    return (info.uuid.hex if info.uuid else "", info.model_name or "") if info else ("", "")


def _one_at_a_time(client: Any) -> None:
    """Its own thread sends heartbeats while the owner's sends: two writers garble one TLS stream."""
    send, lock = client.send_message, threading.RLock()

    def alone(*words: Any, **options: Any) -> Any:
        with lock:
            return send(*words, **options)

    client.send_message = alone


class _Listener:
    """pychromecast wants an object of its own for each kind of news."""

    def __init__(self, tell: Callable[[Any], None]) -> None:
        self.new_cast_status = self.new_connection_status = tell


def _hush(library: str) -> None:
    """A library that writes a line for each attempt would write thousands a day; what fails is told on the display."""
    logger = logging.getLogger(library)
    if logger.level == logging.NOTSET:
        logger.setLevel(logging.CRITICAL)
