"""One connection to the broker. The only file that knows paho: its calls, its reason codes, how it fails."""

from __future__ import annotations

import secrets
import socket
import ssl
import threading
import time
from collections.abc import Callable
from typing import Any

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from service.broker import Mqtt
from service.errors import BrokerError
from service.settings import secret

CONNECT_SECONDS = 5.0  #: for the TCP connection, for TLS, and for the broker's welcome, each
KEEPALIVE_SECONDS = 30
UNACKNOWLEDGED = 8  #: messages under way that the broker has not yet confirmed
LARGEST_IN = 65536  #: bytes of a packet that we take (MQTT 5)
CHECK_SECONDS = 5.0
OVERHEAD = 32  #: bytes of a publish packet beside topic and payload, at most
FOREIGN_PROTOCOL = 0x84
REASONS = {  # MQTT 5, 2.4: what the owner can do about it
    0x84: "speaks neither MQTT 5 nor 3.1.1",
    0x85: "does not like our name (client id)",
    0x86: "refuses mqtt.username with the password of mqtt.password_env",
    0x87: "lets nobody in without a login, or not this user: see mqtt.username and the broker's rules",
    0x88: "is not at work right now",
    0x89: "is busy",
    0x8A: "has banned us",
    0x8B: "is shutting down",
    0x8E: "gave our place to another program of the same name: does a copy of the data folder run elsewhere?",
    0x93: "has too much of ours under way",
    0x95: "takes no message so large",
    0x97: "has given us all that it gives (quota)",
    0x9F: "has us connect too often",
}

NO_WELCOME = "does not answer as an MQTT broker does: look at mqtt.host and mqtt.port"

Heard = Callable[[str, bytes, bool], None]  #: topic, payload, whether it was kept from before


class Wire:
    """Used by one thread. Every failure is a BrokerError whose message says what to do."""

    def __init__(self, settings: Mqtt, name: str, will: str, heard: Heard) -> None:
        self.settings, self._name, self._will, self._heard = settings, name, will, heard
        self.protocol = "5"
        self.trouble: str | None = None  #: what the broker does not let us do, while it lets us in
        self._client: Any = None
        self._welcome: Any = None  # the reason code of the broker's answer
        self._goodbye: Any = None  # that of its parting, where it said one
        self._ended = False
        self._largest: int | None = None
        self._under_way: dict[int | None, str] = {}
        self._asked: dict[int | None, str] = {}

    # -- opening ----------------------------------------------------------------------------

    def open(self, stop: threading.Event) -> None:
        """Connect, in the newer protocol or else the older. Raises BrokerError."""
        password = _password(self.settings)
        for version, self.protocol in ((paho.MQTTv5, "5"), (paho.MQTTv311, "3.1.1")):
            self._knock(version, password, stop)
            if self._welcome is not None and self._welcome.value == FOREIGN_PROTOCOL and version == paho.MQTTv5:
                self.drop()
                continue
            break
        if self._welcome is None or self._welcome.is_failure:
            says = self._reason(self._welcome) if self._welcome is not None else NO_WELCOME
            self.drop()
            raise BrokerError(f"the broker at {self.settings.where} {says}")

    def _knock(self, version: Any, password: str | None, stop: threading.Event) -> None:
        self._client = client = self._made(version, password)
        self._welcome = self._goodbye = self._largest = None
        self._ended = False
        properties = None
        if version == paho.MQTTv5:
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            properties.MaximumPacketSize = LARGEST_IN
        try:
            client.connect(*self.settings.at, keepalive=KEEPALIVE_SECONDS, properties=properties)
        except (OSError, ValueError) as error:
            raise BrokerError(_unreachable(self.settings, error)) from error
        until = time.monotonic() + CONNECT_SECONDS
        while self._welcome is None and time.monotonic() < until and not stop.is_set():
            if (code := client.loop(0.1)) != MQTTErrorCode.MQTT_ERR_SUCCESS and self._welcome is None:
                raise BrokerError(self._slammed(code))

    def _made(self, version: Any, password: str | None) -> Any:
        client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id=self._name, protocol=version, reconnect_on_failure=False
        )
        client.connect_timeout = CONNECT_SECONDS
        client.max_inflight_messages_set(UNACKNOWLEDGED)
        if self.settings.username:
            client.username_pw_set(self.settings.username, password)
        if self.settings.tls:
            client.tls_set_context(_trusting(self.settings))
        if self._will:
            client.will_set(self._will, b"offline", qos=1, retain=True)
        client.on_connect, client.on_disconnect = self._welcomed, self._parted
        client.on_message, client.on_publish, client.on_subscribe = self._came, self._confirmed, self._subscribed
        return client

    def _slammed(self, code: MQTTErrorCode) -> str:
        if code == MQTTErrorCode.MQTT_ERR_PROTOCOL:
            return f"what listens at {self.settings.where} is no MQTT broker: look at mqtt.host and mqtt.port"
        hint = "does it want no TLS?" if self.settings.tls else "does it want TLS (mqtt.tls), or is it no MQTT broker?"
        return f"{self.settings.where} hangs up on us without a word: {hint}"

    # -- at work ----------------------------------------------------------------------------

    def turn(self, seconds: float) -> None:
        """Let bytes move for so long, at most. Raises BrokerError where the connection has ended."""
        code = self._client.loop(seconds)
        if code != MQTTErrorCode.MQTT_ERR_SUCCESS or self._ended:
            says = "went away"
            if self._goodbye is not None:
                says = self._reason(self._goodbye)
            elif code == MQTTErrorCode.MQTT_ERR_PROTOCOL:
                says = "sent what is no MQTT"
            raise BrokerError(f"the broker at {self.settings.where} {says}")

    @property
    def free(self) -> bool:
        """Whether another message may be sent: what went before is nearly all confirmed, and nothing waits here."""
        return len(self._under_way) < UNACKNOWLEDGED and not self._client.want_write()

    @property
    def quiet(self) -> bool:
        """Whether everything sent and asked was confirmed."""
        return not (self._under_way or self._asked or self._client.want_write())

    @property
    def address(self) -> str:
        """Our own, as the broker's network knows it."""
        try:
            return str(self._client.socket().getsockname()[0])
        except (OSError, AttributeError):
            return ""

    def subscribe(self, *topics: str) -> None:
        """Hear what comes by these."""
        for topic in topics:
            _, number = self._client.subscribe(topic, qos=1)
            self._asked[number] = topic

    def send(self, topic: str, payload: bytes, *, retain: bool = True) -> bool:
        """Have a message kept at the broker; False if it would not take one so large."""
        size = len(topic.encode()) + len(payload) + OVERHEAD
        if self._largest is not None and size > self._largest:
            self.trouble = f"the broker takes messages of {self._largest} bytes, and {topic} needs {size}: raise that"
            return False
        told = self._client.publish(topic, payload, qos=1, retain=retain)
        self._under_way[told.mid] = topic
        return True

    def close(self, seconds: float) -> None:
        """Say that we are leaving, and leave; it takes no longer than that."""
        if self._client is None or self._welcome is None or self._welcome.is_failure:
            self.drop()
            return
        until = time.monotonic() + seconds
        self._client.publish(self._will, b"offline", qos=0, retain=True)
        while self._client.want_write() and time.monotonic() < until:
            if self._client.loop(0.05) != MQTTErrorCode.MQTT_ERR_SUCCESS:
                break
        self._client.disconnect()
        self.drop()

    def drop(self) -> None:
        """Hang up. Safe to repeat."""
        client, self._client = self._client, None
        self._under_way.clear()
        self._asked.clear()
        held = client.socket() if client is not None else None
        if held is not None:
            held.close()

    # -- what paho tells --------------------------------------------------------------------

    def _welcomed(self, _client: Any, _data: Any, _flags: Any, reason: Any, properties: Any) -> None:
        self._welcome = reason
        self._largest = getattr(properties, "MaximumPacketSize", None)

    def _parted(self, _client: Any, _data: Any, flags: Any, reason: Any, _properties: Any) -> None:
        self._ended = True
        if flags.is_disconnect_packet_from_server:  # else the reason is paho's own guess
            self._goodbye = reason

    def _came(self, _client: Any, _data: Any, message: Any) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            return
        self._heard(topic, message.payload, message.retain)

    def _confirmed(self, _client: Any, _data: Any, number: int, reason: Any, _properties: Any) -> None:
        topic = self._under_way.pop(number, "")
        if getattr(reason, "is_failure", False):
            self.trouble = f"the broker does not let {self._us} publish at {topic}: {reason}"

    def _subscribed(self, _client: Any, _data: Any, number: int, reasons: Any, _properties: Any) -> None:
        topic = self._asked.pop(number, "")
        if any(getattr(reason, "is_failure", False) for reason in reasons):
            self.trouble = f"the broker does not let {self._us} hear {topic}, so no order comes through"

    @property
    def _us(self) -> str:
        return self.settings.username or "whoever has no login"

    def _reason(self, reason: Any) -> str:
        return REASONS.get(reason.value, f"says: {reason}")


def probe(settings: Mqtt) -> str:
    """Try the broker once: the connection, the login, and what it lets us do. A sentence. Raises BrokerError."""
    mark = secrets.token_hex(4)
    wire = Wire(settings, f"frontispiece-check-{mark}", "", lambda *_: None)
    wire.open(threading.Event())
    try:
        wire.subscribe(f"{settings.topic}/check_{mark}/+/+/do/+", f"{settings.discovery}/status")
        for topic in (f"{settings.topic}/check_{mark}/status", f"{settings.discovery}/device/check_{mark}/config"):
            wire.send(topic, b"", retain=False)  # an empty message stands nowhere, and means nothing to anybody
        until = time.monotonic() + CHECK_SECONDS
        while not wire.quiet and time.monotonic() < until:
            wire.turn(0.1)
        if wire.trouble:
            raise BrokerError(wire.trouble)
        return f"lets us in, publish and hear, by MQTT {wire.protocol}"
    finally:
        wire.drop()


def _password(settings: Mqtt) -> str | None:
    """The password in the environment. Raises BrokerError that names the variable."""
    name = settings.password_env
    if not name:
        return None
    try:
        password = secret(name)
    except (OSError, UnicodeDecodeError) as error:
        raise BrokerError(f"the file that {name}_FILE names cannot be read: {error}") from error
    if not password:
        raise BrokerError(f"the environment variable {name} (or {name}_FILE) is not set: it must hold the password")
    return password


def _trusting(settings: Mqtt) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=settings.ca_file or None)
    except (OSError, ssl.SSLError) as error:
        raise BrokerError(f"mqtt.ca_file: {settings.ca_file} cannot be used: {error}") from error


def _unreachable(settings: Mqtt, error: OSError | ValueError) -> str:
    where = settings.where
    match error:
        case ssl.SSLCertVerificationError():
            hint = "see mqtt.ca_file" if settings.ca_file else "name the file of who signed it in mqtt.ca_file"
            return f"the certificate of {where} is not trusted ({error.verify_message}): {hint}"
        case ssl.SSLError():
            return f"{where} speaks no TLS: look at mqtt.tls and mqtt.port"
        case socket.gaierror():
            return f"no machine is called {settings.host!r}: look at mqtt.host"
        case ConnectionRefusedError():
            return f"nothing listens at {where}: is the broker at work, and is that its port?"
        case TimeoutError():
            return f"{where} does not answer: is that machine on, and does a firewall stand between?"
        case ConnectionError():
            return (
                f"{where} hangs up on us: {'does it want no TLS?' if settings.tls else 'does it want TLS (mqtt.tls)?'}"
            )
    return f"{where} cannot be reached: {getattr(error, 'strerror', None) or error}"
