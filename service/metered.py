"""Answers from servers that the owner chose, bounded in time and in bytes. Import it where httpx2 is wanted anyway."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator

import httpx2

#: A connection that rests may be closed by the server just as it is used again; a new one costs nothing beside a model.
ONE_USE = httpx2.Limits(max_connections=8, max_keepalive_connections=0)


def meter(most_bytes: int, error: type[Exception]) -> Callable[[httpx2.Response], None]:
    """A response hook that raises ``error`` where a body is longer: errors' bodies too, which clients read whole."""

    def hook(response: httpx2.Response) -> None:
        if isinstance(response.stream, httpx2.SyncByteStream):
            response.stream = _Metered(response.stream, most_bytes, error)

    return hook


class _Metered(httpx2.SyncByteStream):
    def __init__(self, stream: httpx2.SyncByteStream, most_bytes: int, error: type[Exception]) -> None:
        self._stream, self._most, self._error = stream, most_bytes, error

    def __iter__(self) -> Iterator[bytes]:
        total = 0
        for chunk in self._stream:
            total += len(chunk)
            if total > self._most:
                raise self._error
            yield chunk

    def close(self) -> None:
        self._stream.close()


def within(
    seconds: float,
    call: Callable[[], bytes],
    name: str,
    *,
    meanwhile: Callable[[], None] | None = None,
    every_s: float = 1.0,
) -> bytes:
    """The call's result, or TimeoutError; ``name`` is its thread's. ``meanwhile`` is called now and then until then.

    A socket's own limits count from byte to byte: a server that drips, or a name that resolves slowly, would never end.
    """
    done: queue.SimpleQueue[bytes | BaseException] = queue.SimpleQueue()

    def run() -> None:
        try:
            done.put(call())
        except BaseException as error:
            done.put(error)

    threading.Thread(target=run, daemon=True, name=name).start()
    deadline = time.monotonic() + seconds
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        try:
            result = done.get(timeout=min(left, every_s) if meanwhile else left)
            break
        except queue.Empty:
            if meanwhile:
                meanwhile()
    if isinstance(result, BaseException):
        raise result
    return result
