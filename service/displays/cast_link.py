"""One connection to one Cast device, through pychromecast. What that library does, and where it fails, is known here.

A connection that is lost is thrown away: pychromecast's own reconnecting keeps a stale status, waits up to five
minutes and fills the log. All sending is done by one thread, since it has no lock around its socket. Messages for an
app are addressed to the session that we launched, so that a guest can never receive one.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import DisplayError
from .cast_manners import AMBIENT, PLAYER
from .owner import Owner

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 5.0
IDENTITY_SECONDS = 4.0
LAUNCH_SECONDS = 15.0  #: a Nest Hub takes three to eight
LOAD_SECONDS = 15.0
OVERTAKEN = "another app came in between"
LAST_WORD_SECONDS = 1.0  #: for an answer while the service ends

PLATFORM = "receiver-0"
RECEIVER = "urn:x-cast:com.google.cast.receiver"
MEDIA = "urn:x-cast:com.google.cast.media"

Reply = Mapping[str, Any]


class Absent(DisplayError):
    """The device does not answer, or no longer; the connection is of no use."""


class Refused(DisplayError):
    """The device answers, and says no."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a device last said of itself."""

    app: str  #: the id of the app in front, "" for none
    name: str  #: the app's name for people
    session: str | None
    transport: str | None
    media: bool  #: the app plays media, and is ready to
    muted: bool
    mutable: bool


def _seen(status: Any) -> Seen:
    return Seen(
        str(status.app_id or ""), str(status.display_name or status.app_id or ""), status.session_id,
        status.transport_id, MEDIA in status.namespaces, bool(status.volume_muted),
        status.volume_control_type != "fixed",
    )  # fmt: skip


class Link:
    """A connection, used by its owner's thread alone. ``seen`` and ``lost`` change by themselves and ring the bell."""

    def __init__(self, host: str, port: int, owner: Owner) -> None:
        import pychromecast
        from pychromecast.models import CastInfo, HostServiceInfo

        _hush("pychromecast")
        self.where, self.seen, self.lost = f"{host}:{port}", _nothing(), ""
        self._owner, self._answered = owner, False
        self._errors = (pychromecast.error.PyChromecastError, OSError, ValueError, AssertionError, AttributeError)
        # the type is said, or pychromecast asks the device for it over HTTPS and blocks for up to 30 s
        info = CastInfo({HostServiceInfo(host, port)}, uuid.uuid4(), None, None, host, port, "cast", None)
        self._cast = pychromecast.Chromecast(info, tries=1, timeout=CONNECT_SECONDS, retry_wait=0.1)
        # its media controller would open a channel to every guest that plays media, and ask it questions
        self._cast.unregister_handler(self._cast.media_controller)
        self._cast.socket_client._handlers.pop(MEDIA)  # noqa: SLF001 - the bare name left there opens channels too
        heard: Any = _Listener(self._heard)
        moved: Any = _Listener(self._moved)
        self._cast.register_status_listener(heard)
        self._cast.register_connection_listener(moved)

    # -- what pychromecast's thread tells ---------------------------------------------------

    def _heard(self, status: Any) -> None:
        with self._owner.bell:
            self.seen, self._answered = _seen(status), True
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
        if not self._wait(lambda: self._answered, CONNECT_SECONDS + ANSWER_SECONDS):
            raise Absent(f"{self.where} takes connections, but does not answer as a Cast device")

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

    def mute(self, muted: bool, *, through: bool = False) -> None:
        """Mute or not; the volume itself is left alone, since setting it makes a sound. Raises Absent."""
        body = {"type": "SET_VOLUME", "volume": {"muted": muted}}
        self._ask(PLATFORM, RECEIVER, body, self._patience(through=through), through=through)

    def launch(self) -> Seen:
        """Start the player on a free screen and wait until it is ready. Raises Absent, Refused."""
        before = self.seen.session

        def ready() -> bool:
            return self.seen.app == PLAYER and self.seen.session != before and self.seen.media

        def taken() -> bool:
            return self.seen.app not in AMBIENT and self.seen.app != PLAYER

        reply = self._ask(PLATFORM, RECEIVER, {"type": "LAUNCH", "appId": PLAYER}, LAUNCH_SECONDS, unless=taken)
        if reply.get("type") == "LAUNCH_ERROR":
            raise Refused(f"the player does not start: {reply.get('reason') or 'no reason given'}")
        up = self._wait(lambda: ready() or taken(), LAUNCH_SECONDS)
        if not up and (self.seen.app != PLAYER or self.seen.session == before):
            raise Absent("the player was started, but did not come up")
        if taken():
            raise Refused(OVERTAKEN)
        return self.seen

    def load(self, url: str, title: str) -> None:
        """Put a still into the player in front, which must be ours. Raises Absent, Refused."""
        player = self.seen
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

        try:
            self._cast.socket_client.send_message(to, namespace, body, callback_function=answered)
        except self._errors as error:
            raise Absent(self.lost or f"the connection was lost to {self.where}") from error
        heard = self._wait(lambda: replies or unless(), seconds, through=through)
        if not heard:
            raise Absent(f"{self.where} did not answer {body['type']} within {seconds:g} s")
        if not replies:
            raise Refused(OVERTAKEN)
        sent, reply = replies[0]
        if not sent or not isinstance(reply, dict):
            raise Absent(self.lost or f"the connection was lost to {self.where}")
        return reply

    def until(self, happened: Callable[[], object], seconds: float) -> bool:
        """Wait for something while our player is in front. True if it happened. Raises Absent, Refused, Closing."""
        session = self.seen.session
        self._wait(lambda: happened() or self.seen.session != session, seconds)
        if self.seen.session != session and not happened():
            raise Refused(OVERTAKEN)
        return bool(happened())

    def _wait(self, happened: Callable[[], object], seconds: float, *, through: bool = False) -> bool:
        self._owner.wait(lambda: happened() or self.lost, seconds, through=through)
        if self.lost and not happened():
            raise Absent(self.lost)
        return bool(happened())


def identity(host: str) -> str | None:
    """The UUID (32 hex digits) that a device at that address says it has; None where it does not say."""
    from pychromecast import dial

    _hush("pychromecast")
    info = dial.get_device_info(host, timeout=IDENTITY_SECONDS)
    return info.uuid.hex if info and info.uuid else None


class _Listener:
    """pychromecast wants an object of its own for each kind of news."""

    def __init__(self, tell: Callable[[Any], None]) -> None:
        self.new_cast_status = self.new_connection_status = tell


def _nothing() -> Seen:
    return Seen("", "", None, None, media=False, muted=False, mutable=True)


def _hush(library: str) -> None:
    """A library that writes a line for each attempt would write thousands a day; what fails is told on the display."""
    logger = logging.getLogger(library)
    if logger.level == logging.NOTSET:
        logger.setLevel(logging.CRITICAL)
