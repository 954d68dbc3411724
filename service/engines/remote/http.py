"""Requests to an image server that the owner chose: bounded in time and bytes, and no redirect is followed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import httpx2

from ...errors import EngineError
from ...metered import ONE_USE, meter, within
from ...net import retry_after
from ..images_refusal import Refusal

MOST_BYTES = 64_000_000  #: of one answer: a PNG of 8 million pixels is up to 32 MB in base64
_CONNECT_SECONDS = 10.0
_LONGEST_SAID = 200  #: characters of a server's own words that are passed on


class _TooLong(Exception): ...


#: RuntimeError: the connection was closed meanwhile
_TROUBLE = (TimeoutError, _TooLong, UnicodeError, RuntimeError)


class Http:
    """A connection to one server. Every request ends within the seconds it is given."""

    def __init__(self, base_url: str, login: str = "") -> None:
        """``login``: "user:password" for basic authentication; "": none is wanted."""
        self._base_url, self._login = base_url, login
        self._client: httpx2.Client | None = None

    def ask(
        self,
        method: str,
        path: str,
        seconds: float,
        *,
        meanwhile: Callable[[], None] | None = None,
        every_s: float = 1.0,
        **content: Any,
    ) -> bytes:
        """The body of a good answer. Raises Refusal for any other; EngineError, completing "HOST …", for none.

        ``content``: ``json``, ``params``, ``data`` and ``files`` as httpx takes them. ``meanwhile`` is called now and
        then while waiting; what it raises ends the request.
        """
        client = self._client = self._client or self._opened()
        limits = httpx2.Timeout(seconds, connect=min(_CONNECT_SECONDS, seconds))
        answers: list[httpx2.Response] = []

        def send() -> bytes:
            answers.append(client.request(method, self._base_url + path, timeout=limits, **content))
            return answers[0].content

        try:
            body = within(seconds, send, "image-server", meanwhile=meanwhile, every_s=every_s)
        except (*_TROUBLE, httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise EngineError(self._meaning(error)) from error
        finally:
            if not answers:
                self.close()  # breaks the connection of a request that is still under way
        if not answers[0].is_success:
            raise self._refusal(answers[0])
        return body

    def _meaning(self, error: Exception) -> str:
        """What went wrong on the way, completing "HOST …"."""
        if isinstance(error, TimeoutError | httpx2.TimeoutException):
            return "did not answer in full in the time it has: raise timeout_seconds"
        if isinstance(error, _TooLong):
            return f"sent more than {MOST_BYTES // 1_000_000} MB"
        if isinstance(error, httpx2.RemoteProtocolError | httpx2.ReadError):
            return "broke off in the middle of its answer"
        if isinstance(error, httpx2.TransportError):
            return "does not answer: is it running, and is base_url right?"
        return f"cannot be used: {self._words(str(error))}"

    def _opened(self) -> httpx2.Client:
        user, _, word = self._login.partition(":")
        return httpx2.Client(
            auth=(user, word) if self._login else None, follow_redirects=False, limits=ONE_USE,
            # uncompressed, so that the bytes that are counted are all there are
            headers={"Accept-Encoding": "identity"},
            event_hooks={"response": [meter(MOST_BYTES, _TooLong)]},
        )  # fmt: skip

    def _refusal(self, answer: httpx2.Response) -> Refusal:
        try:
            told = json.loads(answer.content)
        except (ValueError, RecursionError):
            told = answer.text[: 2 * _LONGEST_SAID]
        code = told.get("error") if isinstance(told, dict) else ""
        wait = retry_after(answer.headers.get("retry-after", ""), datetime.now(UTC))
        refusal = Refusal(answer.status_code, code if isinstance(code, str) else "", self._words(said(told)), wait)
        refusal.body = told if isinstance(told, dict) else {}
        return refusal

    def _words(self, text: str) -> str:
        for secret in (self._login, self._login.partition(":")[2]):
            text = text.replace(secret, "…") if secret else text
        plain = "".join(char if char.isprintable() else " " for char in text)
        return " ".join(plain.split())[:_LONGEST_SAID]

    def close(self) -> None:
        """Let go of the connection. Safe to repeat; the next request makes a new one."""
        client, self._client = self._client, None
        if client is not None:
            client.close()


def table(body: bytes, protocol: str) -> dict[str, Any]:
    """The JSON object in an answer. Raises EngineError, completing "HOST …"."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise EngineError(f"answered with something that is not JSON: is base_url that of {protocol}?") from error
    if not isinstance(found, dict):
        raise EngineError(f"answered with JSON that is no answer of {protocol}")
    return found


def said(told: Any) -> str:
    """What an error's body says, in whatever form servers write it: errors of a type, details, messages, lists."""
    if isinstance(told, str):
        return told
    if isinstance(told, Mapping):
        keys = ("error", "errors", "detail", "details", "message", "msg")
        return ": ".join(dict.fromkeys(words for key in keys if (words := said(told.get(key)))))
    if isinstance(told, list):
        return "; ".join(words for entry in told[:3] if (words := said(entry)))
    return ""
