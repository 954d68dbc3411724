"""A small CastV2 receiver for tests: TLS, the protocol's framing, guests, volume, chimes, drops, silence, failures."""

import contextlib
import json
import socket
import ssl
import struct
import threading
import time
import urllib.request
from pathlib import Path

from pychromecast.generated.cast_channel_pb2 import CastMessage

PLAYER, BACKDROP, SPOTIFY, DASHCAST = "CC1AD845", "E8C28D3C", "CC32E753", "84912283"
CONNECTION = "urn:x-cast:com.google.cast.tp.connection"
HEARTBEAT = "urn:x-cast:com.google.cast.tp.heartbeat"
RECEIVER = "urn:x-cast:com.google.cast.receiver"
MEDIA = "urn:x-cast:com.google.cast.media"
PAGES = "urn:x-cast:com.madmod.dashcast"
PEM = Path(__file__).with_suffix(".pem")


class Receiver:
    """A device on loopback. Attributes say how it behaves; ``until`` waits for what it went through."""

    def __init__(self, port=0, pem=PEM):
        self.bell = threading.Condition(threading.RLock())
        self.app, self.number = None, 0
        self.volume = {"level": 0.4, "muted": False, "controlType": "attenuation"}
        self.fetches, self.silent, self.garbage = True, False, None
        self.load_answer = self.launch_error = self.on_launch = self.on_load = self.on_page = None
        self.page_apps = {DASHCAST}  # receivers that open pages
        self.refused_apps, self.deaf = (), False  # apps that do not start; DashCast never says that it is ready
        self.heard = []  # (destination, type, whole message), heartbeats left out
        self.violations, self._guest_at = [], 0.0  # what somebody else's app had to suffer
        self.chimes, self.fetched, self.pictures, self.connections = 0, [], [], []
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(pem)
        self.port = port
        self.on()

    # -- what a test does to it -------------------------------------------------------------

    def on(self):
        """Switch on: free screen, nobody connected."""
        self._door = socket.create_server(("127.0.0.1", self.port), reuse_port=True)
        self.port = self._door.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        threading.Thread(target=self._serve, args=(self._door,), daemon=True).start()

    def off(self):
        """Switch off, as by the plug."""
        with contextlib.suppress(OSError):
            self._door.shutdown(socket.SHUT_RDWR)
        self._door.close()
        with self.bell:
            self.app = None
        self.drop()

    def drop(self):
        """Hang up on everybody."""
        with self.bell:
            gone, self.connections[:] = list(self.connections), []
        for sock in gone:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(sock, socket.SHUT_RDWR)

    def front(self, app_id, name="an app", media=True, *, ours=False):
        """Somebody starts an app, over whatever was there; ``ours``: the display under test does."""
        with self.bell:
            self.number += 1
            self._guest_at = None if ours or app_id == BACKDROP else time.monotonic()
            self.app = {
                "appId": app_id, "displayName": name, "sessionId": f"session-{self.number}", "statusText": "",
                "transportId": f"app-{self.number}", "namespaces": [{"name": n} for n in self._namespaces(app_id, media)],
            }  # fmt: skip
            self.broadcast()

    def guest(self):
        self.front(SPOTIFY, "Spotify")

    def home(self, backdrop=False):
        """The screen is free again: somebody's app ended, or ours was swiped away."""
        with self.bell:
            if backdrop:
                self.front(BACKDROP, "Backdrop", media=False)
                return
            self.app = None
            self.broadcast()

    def raw(self, data):
        """Send bytes to everybody."""
        with self.bell:
            for sock in self.connections:
                with contextlib.suppress(OSError):
                    sock.sendall(data)

    def broadcast(self):
        with self.bell:
            for sock in self.connections:
                self._send(sock, RECEIVER, self._status(), to="*")

    def until(self, happened, seconds=8.0):
        """Wait for it; what happened is the answer, so that it can be asserted."""
        with self.bell:
            self.bell.wait_for(happened, seconds)
            return happened()

    def count(self, kind):
        with self.bell:
            return sum(1 for _, said, _ in self.heard if said == kind)

    @property
    def picture(self):
        """The bytes on the screen."""
        return self.pictures[-1] if self.pictures and self.app and self.app["appId"] == PLAYER else None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.off()

    # -- the protocol -----------------------------------------------------------------------

    def _serve(self, door):
        with contextlib.suppress(OSError):
            while True:
                sock, _ = door.accept()
                threading.Thread(target=self._talk, args=(sock,), daemon=True).start()

    def _talk(self, plain):
        with contextlib.suppress(OSError, ValueError, EOFError), plain:
            sock = self._tls.wrap_socket(plain, server_side=True)
            with self.bell:
                self.connections.append(sock)
                self.bell.notify_all()
            try:
                while True:
                    self._handle(sock, self._read(sock))
            finally:
                with self.bell:
                    if sock in self.connections:
                        self.connections.remove(sock)
                    self.bell.notify_all()
                sock.close()

    def _read(self, sock):
        def exactly(count):
            data = b""
            while len(data) < count:
                got = sock.recv(count - len(data))
                if not got:
                    raise EOFError
                data += got
            return data

        message = CastMessage()
        message.ParseFromString(exactly(struct.unpack(">I", exactly(4))[0]))
        return message

    def _send(self, sock, namespace, body, *, source="receiver-0", to="sender-0"):
        message = CastMessage(
            protocol_version=CastMessage.CASTV2_1_0, source_id=source, destination_id=to, namespace=namespace,
            payload_type=CastMessage.STRING, payload_utf8=json.dumps(body),
        )  # fmt: skip
        data = message.SerializeToString()
        with contextlib.suppress(OSError), self.bell:
            sock.sendall(struct.pack(">I", len(data)) + data)

    def _status(self, request=0):
        status = {"volume": self.volume, "applications": [self.app] if self.app else []}
        return {"type": "RECEIVER_STATUS", "requestId": request, "status": status}

    def _handle(self, sock, message):
        body = json.loads(message.payload_utf8)
        if self.silent:
            return
        if message.namespace == HEARTBEAT:
            if body["type"] == "PING":
                self._send(sock, HEARTBEAT, {"type": "PONG"})
            return
        with self.bell:
            self.heard.append((message.destination_id, body.get("type", "URL"), body))
            self._judge(message.destination_id, body)
            self.bell.notify_all()
        if self.garbage is not None and message.namespace == RECEIVER:
            self.raw(self.garbage)
        elif message.namespace == RECEIVER:
            self._platform(sock, body)
        elif message.namespace == MEDIA:
            self._media(sock, message.destination_id, body)
        elif message.namespace == PAGES:
            self._open(message.destination_id, body["url"])

    def _judge(self, to, body):
        """Note what a guest is sent. A message that crossed its coming on the wire is nobody's fault, and giving it
        back its sound is a duty."""
        if not self.app or self._guest_at is None or time.monotonic() - self._guest_at < 0.05:
            return
        restoring = body.get("type") == "SET_VOLUME" and body["volume"] == {"muted": False}
        if to == self.app["transportId"] or (body.get("type") in ("LAUNCH", "STOP", "SET_VOLUME") and not restoring):
            self.violations.append(f"{self.app['displayName']} was sent {body.get('type')}")

    def _platform(self, sock, body):
        reply = None
        with self.bell:
            match body["type"]:
                case "SET_VOLUME":
                    self.volume = {**self.volume, **body["volume"]}
                case "LAUNCH" if self.launch_error or body["appId"] in self.refused_apps:
                    reason = self.launch_error or "NOT_FOUND"
                    reply = {"type": "LAUNCH_ERROR", "requestId": body["requestId"], "reason": reason}
                case "LAUNCH":
                    self.chimes += not self.volume["muted"]
                    if self.on_launch and self.on_launch():
                        return
                    name = "Default Media Receiver" if body["appId"] == PLAYER else "DashCast"
                    self.front(body["appId"], name, ours=True)
                case "STOP" if self.app and self.app["sessionId"] == body["sessionId"]:
                    self.app = None
            self._send(sock, RECEIVER, reply or self._status(body["requestId"]))
            self.broadcast()
            self.bell.notify_all()
        if body["type"] == "LAUNCH" and not reply and body["appId"] != PLAYER and not self.deaf:
            self.ready()

    def ready(self):
        """DashCast has loaded, and listens from now on; an address that came before is lost."""
        with self.bell:
            self.app = {**self.app, "statusText": "Application ready"}
            self.broadcast()

    def _media(self, sock, transport, body):
        if not self.app or transport != self.app["transportId"] or body["type"] != "LOAD":
            return
        if self.on_load and self.on_load():
            return
        url = body["media"]["contentId"]
        answer = self.load_answer
        if answer is None:
            data = self._fetch(url) if self.fetches else b""
            answer = "LOAD_FAILED" if data is None else "MEDIA_STATUS"
        status = [{"mediaSessionId": 1, "playerState": "PLAYING"}] if answer == "MEDIA_STATUS" else []
        reply = {"type": answer, "requestId": body["requestId"], "status": status}
        self._send(sock, MEDIA, reply, source=transport)

    def _open(self, transport, url):
        """DashCast goes to an address, unless it is not ready, or another app is in front."""
        there = self.app and self.app["transportId"] == transport and self.app["statusText"] == "Application ready"
        if there and self.on_page:
            threading.Thread(target=self.on_page, args=(url,), daemon=True).start()

    def _fetch(self, url):
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=5) as answer:
                data = answer.read()
        except OSError:
            return None
        with self.bell:
            self.fetched.append(url)
            self.pictures.append(data)
            self.bell.notify_all()
        return data

    def _namespaces(self, app_id, media):
        return [PAGES] if app_id in self.page_apps else [MEDIA] if media else []
