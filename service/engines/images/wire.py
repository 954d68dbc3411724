"""One request to a server that speaks OpenAI's Images protocol. The only file here that knows the openai package.

Import it at first use: the package takes half a second. Time and bytes of an answer are bounded, redirects are not
followed, and nothing is tried twice.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import httpx2
import openai

from ...errors import EngineError
from ...metered import ONE_USE, meter, within
from ...net import retry_after
from ..images_refusal import Refusal

MOST_BYTES = 64_000_000  #: of one answer: a PNG of 8 million pixels is up to 32 MB in base64
_CONNECT_SECONDS = 10.0


class _TooLong(openai.OpenAIError): ...


class Wire:
    """A connection to one server. Every request ends within the seconds it is given."""

    def __init__(self, base_url: str, key: str) -> None:
        self._base_url, self._key = base_url, key
        self._client: openai.OpenAI | None = None

    def ask(self, body: Mapping[str, Any], seconds: float, photos: Sequence[bytes] = ()) -> dict[str, Any]:
        """The answer's JSON. Raises Refusal; EngineError where none comes in time or it is no JSON.

        With ``photos``, JPEG files, it is asked for an edit of them.
        """
        client = self._client = self._client or _client(self._base_url, self._key)
        limits = openai.Timeout(seconds, connect=min(_CONNECT_SECONDS, seconds))
        known = {name: body[name] for name in ("prompt", "model", "size", "quality") if name in body}
        extra = {name: value for name, value in body.items() if name not in known}

        def send() -> bytes:
            if photos:
                files = [(f"photo-{number}.jpg", data, "image/jpeg") for number, data in enumerate(photos, 1)]
                edited = client.images.with_raw_response.edit(image=files, **known, extra_body=extra, timeout=limits)
                return edited.http_response.content
            answer = client.images.with_raw_response.generate(**known, extra_body=extra, timeout=limits)
            return answer.http_response.content

        try:
            return _read(within(seconds, send, "images-api"))
        except (TimeoutError, openai.APITimeoutError) as error:
            self.close()  # breaks the connection of a request that is still under way
            raise EngineError(
                "did not answer in full in the time it has: raise timeout_seconds, or ask for a lower quality"
            ) from error
        except _TooLong as error:
            raise EngineError(f"sent more than {MOST_BYTES // 1_000_000} MB") from error
        except openai.APIStatusError as error:
            raise self._refusal(error) from error
        except openai.APIConnectionError as error:
            raise EngineError(_broken(error)) from error
        except (openai.OpenAIError, httpx2.HTTPError, httpx2.InvalidURL, UnicodeError) as error:
            raise EngineError(f"cannot be used: {self._words(str(error))}") from error

    def _refusal(self, error: openai.APIStatusError) -> Refusal:
        body = error.body if isinstance(error.body, dict) else {}
        said = body.get("message") or body.get("detail") or body.get("error") or ""
        words = self._words(str(said)) or self._words(error.response.text[:400])
        pause = retry_after(error.response.headers.get("retry-after", ""), datetime.now(UTC))
        return Refusal(error.status_code, str(body.get("code") or body.get("type") or ""), words, pause)

    def _words(self, said: str) -> str:
        words = said.replace(self._key, "…") if self._key else said
        return " ".join("".join(char if char.isprintable() else " " for char in words).split())[:200]

    def close(self) -> None:
        """Let go of the connection. Safe to repeat; the next request makes a new one."""
        client, self._client = self._client, None
        if client is not None:
            client.close()


def _broken(error: openai.APIConnectionError) -> str:
    if isinstance(error.__cause__, httpx2.RemoteProtocolError | httpx2.ReadError):
        return "broke off in the middle of its answer"
    return "does not answer: is it running, and is base_url right?"


def _client(base_url: str, key: str) -> openai.OpenAI:
    return openai.OpenAI(
        base_url=base_url, api_key=key or "none",  # local servers want a word, whatever it says
        max_retries=0,
        # uncompressed, so that the bytes that are counted are all there are
        default_headers={"Accept-Encoding": "identity"},
        http_client=openai.DefaultHttpxClient(
            follow_redirects=False, limits=ONE_USE, event_hooks={"response": [meter(MOST_BYTES, _TooLong)]}
        ),
    )  # fmt: skip


def _read(content: bytes) -> dict[str, Any]:
    try:
        body = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise EngineError("answered with something that is not JSON: base_url usually ends in /v1") from error
    if not isinstance(body, dict):
        raise EngineError("answered with JSON that is no answer of this protocol")
    return body
