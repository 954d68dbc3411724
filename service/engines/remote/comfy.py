"""One picture from a ComfyUI server: queued, followed, fetched. The only file here that knows the websockets package.

The socket only tells how far it is; whether the picture is there is asked over HTTP, so that a socket that dies, or
never opens, costs nothing.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import logging
import time
import uuid
from collections.abc import Mapping
from socket import create_connection
from typing import Any
from urllib.parse import urlsplit

from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from ...errors import EngineError
from ...protocols import Progress
from ...wire import Deadline
from ..images_refusal import Refusal
from ..workflow import Graph
from .course import Course, ahead, failure, objections
from .http import Http, table

PROTOCOL = "ComfyUI"
_ASK_S = 20.0  #: for an answer that is no picture: a server that reads a model says nothing for seconds
_STOP_S = 3.0  #: for being told that nobody waits any more
_MOST_MESSAGE = 16_000_000  #: bytes of one message: previews are among them
_MOST_FAILURES = 5  #: questions in a row that may go unanswered before it is given up
log = logging.getLogger(__name__)
logging.getLogger("websockets").setLevel(logging.WARNING)


class Comfy:
    """A connection to one server, for one picture at a time."""

    def __init__(self, base_url: str, login: str, *, poll_s: float) -> None:
        """``login``: "user:password" or ""; ``poll_s``: seconds between two looks at how far it is."""
        self._base_url, self._login, self._poll_s = base_url, login, poll_s
        self._http = Http(base_url, login)
        self._client_id = uuid.uuid4().hex

    def upload(self, photo: bytes, deadline: Deadline) -> str:
        """Leave a photo with the server; what it calls the file. Its name tells nothing of who is in it."""
        name = f"frontispiece-{hashlib.sha256(photo).hexdigest()[:16]}.jpg"
        answer = self._json(
            "POST", "/upload/image", deadline,
            files={"image": (name, photo, "image/jpeg")}, data={"type": "input", "overwrite": "true"},
        )  # fmt: skip
        found, folder = answer.get("name"), answer.get("subfolder")
        if not isinstance(found, str) or not found:
            raise EngineError("did not say where it put a photo")
        return f"{folder}/{found}" if isinstance(folder, str) and folder else found

    def paint(self, graph: Graph, deadline: Deadline, tell: Progress) -> dict[str, Any]:
        """The entry of the finished prompt in the server's history. Raises EngineError, Refusal.

        However the waiting ends before it, the server is told that nobody waits any more.
        """
        with contextlib.ExitStack() as stack:
            socket = self._socket(stack, deadline)
            prompt_id = self._queued(graph, deadline)
            try:
                entry = _Following(self, graph, prompt_id, socket).to_the_end(deadline, tell, self._poll_s)
            except BaseException:
                self._withdraw(prompt_id)
                raise
        if found := failure(graph, entry):
            raise EngineError(found)
        return entry

    def fetch(self, picture: Mapping[str, str], deadline: Deadline) -> bytes:
        """A file that the server made."""
        return self._http.ask("GET", "/view", deadline.left(), params=dict(picture))

    def free(self) -> None:
        """Have the server give back its memory; one that cannot be told keeps it."""
        with contextlib.suppress(EngineError, Refusal):
            self._http.ask("POST", "/free", _STOP_S, json={"unload_models": True, "free_memory": True})

    def close(self) -> None:
        """Let go of the connection. Safe to repeat."""
        self._http.close()

    def history(self, prompt_id: str, deadline: Deadline) -> dict[str, Any] | None:
        """The entry of a prompt that has ended; None where it has not."""
        entry = self._json("GET", f"/history/{prompt_id}", deadline).get(prompt_id)
        return entry if isinstance(entry, dict) else None

    def ahead(self, prompt_id: str, deadline: Deadline) -> int | None:
        """How many prompts are before this one; None where the server does not have it."""
        return ahead(self._json("GET", "/queue", deadline), prompt_id)

    def _queued(self, graph: Graph, deadline: Deadline) -> str:
        try:
            answer = self._json("POST", "/prompt", deadline, json={"prompt": graph, "client_id": self._client_id})
        except Refusal as refusal:
            if found := objections(graph, refusal.body):
                raise EngineError(f"objects to the workflow: {found}") from refusal
            raise
        prompt_id = answer.get("prompt_id")
        if not isinstance(prompt_id, str) or not prompt_id.replace("-", "").isalnum():
            raise EngineError(f"answered with JSON that is no answer of {PROTOCOL}")
        return prompt_id

    def _json(self, method: str, path: str, deadline: Deadline, **content: Any) -> dict[str, Any]:
        return table(self._http.ask(method, path, min(deadline.left(), _ASK_S), **content), PROTOCOL)

    def _socket(self, stack: contextlib.ExitStack, deadline: Deadline) -> ClientConnection | None:
        """A socket that hears how far it is; None where there is none."""
        address, host = (
            f"ws{self._base_url.removeprefix('http')}/ws?clientId={self._client_id}",
            urlsplit(self._base_url),
        )
        word, patience = base64.b64encode(self._login.encode()).decode(), min(deadline.left(), _ASK_S)
        headers = {"Authorization": f"Basic {word}"} if self._login else None
        try:
            port = host.port or (443 if host.scheme == "https" else 80)
            line = create_connection((host.hostname or "", port), patience)
            opened = connect(  # on a socket of ours: so no redirect is followed
                address, sock=line, max_size=_MOST_MESSAGE, compression=None, proxy=None, ping_interval=None,
                open_timeout=patience, close_timeout=0.5, additional_headers=headers,
            )  # fmt: skip
        except (OSError, WebSocketException, ValueError) as error:
            log.info("no progress from %s: %s", self._base_url, error)
            return None
        return stack.enter_context(opened)

    def _withdraw(self, prompt_id: str) -> None:
        """Take a prompt out of the queue, or interrupt it: never another's, so the queue is looked at first."""
        with contextlib.suppress(EngineError, Refusal, TimeoutError):
            place = self.ahead(prompt_id, Deadline(_STOP_S))
            if place == 0:
                self._http.ask("POST", "/interrupt", _STOP_S, json={"prompt_id": prompt_id})
            elif place is not None:
                self._http.ask("POST", "/queue", _STOP_S, json={"delete": [prompt_id]})


class _Following:
    """One prompt on its way."""

    def __init__(self, comfy: Comfy, graph: Graph, prompt_id: str, socket: ClientConnection | None) -> None:
        self._comfy, self._prompt_id, self._socket = comfy, prompt_id, socket
        self._course = Course(graph, prompt_id)
        self._first = 0  #: how many were before it in the beginning
        self._told = 0.0

    def to_the_end(self, deadline: Deadline, tell: Progress, poll_s: float) -> dict[str, Any]:
        """The prompt's entry in the history, once it has one. Raises EngineError, Refusal."""
        lost, failures = 0, 0
        while True:
            self._listen(min(poll_s, deadline.left()), tell)
            try:
                if entry := self._comfy.history(self._prompt_id, deadline):
                    return entry
                place = self._comfy.ahead(self._prompt_id, deadline)
            except (EngineError, Refusal):
                failures += 1
                if failures >= _MOST_FAILURES:
                    raise
                continue
            failures, lost = 0, lost + 1 if place is None else 0
            if lost > 1:  # once: it ended between the two questions
                raise EngineError("no longer knows of the picture: it was started anew, or its queue was cleared")
            self._waiting(place or 0, tell)

    def _listen(self, seconds: float, tell: Progress) -> None:
        """Hear what the socket says for a while, or until it says that all is done."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0 and not self._course.ended:
            if self._socket is None:
                time.sleep(left)
                return
            try:
                message = self._socket.recv(timeout=left)
            except TimeoutError:
                return
            except (OSError, WebSocketException):
                self._socket = None
                continue
            if isinstance(message, str):  # the others are previews
                self._course.heard(message)
                self._tell(0.1 + 0.8 * self._course.share if self._course.share else 0.0, tell)
        if self._course.ended:
            self._course.ended = False  # the history is asked at once; where it is not there yet, there is more to hear

    def _waiting(self, place: int, tell: Progress) -> None:
        """The first tenth of the way is the queue."""
        self._first = max(self._first, place)
        if self._first:
            self._tell(0.1 * (1 - place / self._first), tell)

    def _tell(self, share: float, tell: Progress) -> None:
        if share > self._told:
            self._told = share
            tell(share)
