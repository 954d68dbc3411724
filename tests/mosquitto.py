"""A real Mosquitto on loopback with a config of its own, and somebody who listens there as Home Assistant does."""

import contextlib
import json
import shutil
import subprocess
import threading
import time
from pathlib import Path

import pytest
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from .command import until
from .web_values import free_port

BROKER = shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin:/opt/homebrew/sbin")
needs_broker = pytest.mark.skipif(BROKER is None, reason="no Mosquitto here: install Debian's package mosquitto")


class Broker:
    """A Mosquitto that can be killed, and come back on the same port."""

    def __init__(self, folder: Path, *lines: str, anonymous: bool = True) -> None:
        self.port, self._folder, self._process = free_port(), folder, None
        folder.mkdir(parents=True, exist_ok=True)
        said = "true" if anonymous else "false"
        (folder / "mosquitto.conf").write_text(
            "\n".join([f"listener {self.port} 127.0.0.1", f"allow_anonymous {said}", "user root", *lines, ""])
        )

    def start(self) -> "Broker":
        with (self._folder / "log").open("a") as log:
            self._process = subprocess.Popen(
                [BROKER, "-c", str(self._folder / "mosquitto.conf"), "-v"], stdout=log, stderr=log
            )
        until(self._listens, 10, "Mosquitto")
        return self

    def _listens(self) -> bool:
        import socket

        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        assert self._process.poll() is None, (self._folder / "log").read_text()
        return False

    def kill(self) -> None:
        """As a power cut would."""
        self._process.kill()
        self._process.wait()

    def freeze(self, frozen: bool = True) -> None:
        import signal

        self._process.send_signal(signal.SIGSTOP if frozen else signal.SIGCONT)

    def __enter__(self) -> "Broker":
        return self.start()

    def __exit__(self, *_) -> None:
        self.freeze(False)
        self.kill()


class Listener:
    """Somebody at the broker: the newest message of each topic, all of them in order, and a voice."""

    def __init__(self, port: int, *topics: str, username: str = "", password: str = "", version=paho.MQTTv5) -> None:
        self.kept: dict[str, bytes] = {}
        self.heard: list[tuple[float, str, bytes, bool]] = []
        self._ready, self._port = threading.Event(), port
        self.client = paho.Client(CallbackAPIVersion.VERSION2, protocol=version)
        if username:
            self.client.username_pw_set(username, password)
        self.client.max_queued_messages_set(0)
        self.client.on_connect = lambda client, *_: client.subscribe([(topic, 1) for topic in topics or ("#",)])
        self.client.on_subscribe = lambda *_: self._ready.set()
        self.client.on_message = self._came

    def _came(self, _client, _data, message) -> None:
        self.heard.append((time.monotonic(), message.topic, message.payload, message.retain))
        self.kept[message.topic] = message.payload

    def __enter__(self) -> "Listener":
        self.client.connect("127.0.0.1", self._port)
        self.client.loop_start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_) -> None:
        self.client.disconnect()
        self.client.loop_stop()

    def say(self, topic: str, payload: bytes | str = b"", *, retain: bool = False) -> None:
        self.client.publish(topic, payload, qos=1, retain=retain).wait_for_publish(10)

    def configs(self) -> dict[str, dict]:
        """The devices that stand there now, by topic."""
        return {
            topic: json.loads(body) for topic, body in list(self.kept.items()) if topic.endswith("/config") and body
        }

    def json(self, topic: str) -> dict:
        return json.loads(self.kept.get(topic) or b"{}")

    def count(self, topic: str) -> int:
        return sum(heard == topic for _, heard, _, _ in list(self.heard))

    def gone(self, topic: str) -> bool:
        return self.kept.get(topic) == b""
