"""One request to an OpenAI-compatible server. The only file that knows the openai package.

Import it at first use: the package takes half a second.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx2
import openai

from ...metered import ONE_USE, meter, within
from .budget import Usage, usage_of
from .rest import Failing

MAX_BYTES = 1_000_000  #: of one answer, thinking aloud included
_CONNECT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Reply:
    """What the model said."""

    text: str
    thought: str = ""  #: what a reasoning parser put aside; some put the answer there too
    cut: bool = False  #: the server stopped it at the token limit
    refusal: str = ""  #: why the model would not
    usage: Usage | None = None  #: None: the server did not say


class Refused(Exception):
    """The server answered, but not with a completion. ``retry_after`` in seconds, if it said so."""

    def __init__(self, status: int, said: str, retry_after: float | None = None) -> None:
        super().__init__(said)
        self.status, self.said, self.retry_after = status, said, retry_after
        self.reached = status == 413  #: it may have answered at length, and bill that


class _TooLong(openai.OpenAIError): ...


class Wire:
    """A connection to one server. Blocking; every request ends within the seconds it is given."""

    def __init__(self, base_url: str, key: str) -> None:
        self.base_url, self._key = base_url, key
        self._client: openai.OpenAI | None = None

    def post(self, body: Mapping[str, Any], seconds: float) -> Reply:
        """One chat completion. Raises Refused, and Failing where no server answers in time or talks no JSON."""
        client = self._client = self._client or _client(self.base_url, self._key)
        limits = httpx2.Timeout(seconds, connect=min(_CONNECT_SECONDS, seconds))

        def send() -> bytes:
            return client.chat.completions.with_raw_response.create(**body, timeout=limits).http_response.content

        try:
            return _reply(within(seconds, send, "editor"), self.base_url)
        except (TimeoutError, openai.APITimeoutError) as error:
            self.close()  # breaks the connection of a request that is still under way
            if isinstance(error.__cause__, httpx2.ConnectTimeout):
                raise Failing(self._silent(), patience=1) from error
            raise Failing(
                f"{self.base_url} did not answer in full in the time it has: "
                "a smaller model or a larger timeout_seconds may help", patience=1, reached=True,
            ) from error  # fmt: skip
        except _TooLong as error:
            raise Refused(413, f"its answer had more than {MAX_BYTES:,} bytes") from error
        except openai.APIStatusError as error:
            raise Refused(error.status_code, self._words(error.body), _retry_after(error.response)) from error
        except openai.APIConnectionError as error:
            raise Failing(self._silent()) from error
        except (openai.OpenAIError, httpx2.HTTPError, httpx2.InvalidURL, UnicodeError) as error:
            raise Failing(f"{self.base_url} cannot be used: {self._words(str(error))}") from error

    def _silent(self) -> str:
        return f"no server answers at {self.base_url}: is it running? (for Ollama: ollama serve)"

    def _words(self, body: object) -> str:
        """The server's own words about an error, short, and without the key that it may have quoted."""
        if isinstance(body, Mapping):
            body = body.get("message") or body.get("detail") or body.get("error")
        words = str(body or "").replace(self._key, "…")
        return " ".join("".join(char if char.isprintable() else " " for char in words).split())[:200]

    def close(self) -> None:
        """Let go of the connection. Safe to repeat; the next request makes a new one."""
        client, self._client = self._client, None
        if client is not None:
            client.close()


def _client(base_url: str, key: str) -> openai.OpenAI:
    return openai.OpenAI(
        base_url=base_url, api_key=key, max_retries=0,
        # uncompressed, so that the bytes that are counted are all there are
        default_headers={"Accept-Encoding": "identity"},
        http_client=openai.DefaultHttpxClient(limits=ONE_USE, event_hooks={"response": [meter(MAX_BYTES, _TooLong)]}),
    )  # fmt: skip


def _reply(content: bytes, base_url: str) -> Reply:
    """Read a completion, whatever is missing from it. An answer streamed unasked is put together."""
    if content.lstrip()[:5] == b"data:":
        return _streamed(content)
    try:
        body = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise Failing(f"{base_url} answered with something that is not JSON: base_url usually ends in /v1") from error
    if isinstance(body, dict) and body.get("error") and not body.get("choices"):
        fault = body["error"] if isinstance(body["error"], dict) else {"message": body["error"]}
        code = fault.get("code")  # OpenRouter reports failures with status 200
        raise Refused(code if isinstance(code, int) else 500, str(fault.get("message", ""))[:200])
    choice = _first(body)
    message = choice.get("message")
    usage = usage_of(body.get("usage")) if isinstance(body, dict) else None
    return _heard(message if isinstance(message, dict) else {}, choice.get("finish_reason"), usage)


def _first(body: object) -> dict[str, Any]:
    choices = body.get("choices") if isinstance(body, dict) else None
    first = choices[0] if isinstance(choices, list) and choices else {}
    return first if isinstance(first, dict) else {}


def _heard(message: Mapping[str, Any], finish: object, usage: Usage | None) -> Reply:
    thought = _text(message.get("reasoning_content")) or _text(message.get("reasoning"))
    refusal = _text(message.get("refusal")) or ("its content filter" if finish == "content_filter" else "")
    return Reply(_text(message.get("content")), thought, finish == "length", refusal, usage)


def _text(content: object) -> str:
    if isinstance(content, list):  # parts, as newer servers send them
        return "".join(_text(part.get("text")) for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""


def _streamed(content: bytes) -> Reply:
    text, usage = "", None
    for line in content.decode("utf-8", "replace").splitlines():
        try:
            chunk = json.loads(line.removeprefix("data:"))
        except (ValueError, RecursionError):
            continue
        delta = _first(chunk).get("delta")
        text += _text(delta.get("content")) if isinstance(delta, dict) else ""
        usage = usage_of(chunk.get("usage")) or usage if isinstance(chunk, dict) else usage
    return Reply(text, usage=usage)


def _retry_after(response: httpx2.Response) -> float | None:
    try:
        return max(0.0, float(response.headers.get("retry-after", "")))
    except ValueError:  # a date, or nothing
        return None
