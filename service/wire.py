"""A socket that keeps to one deadline and one budget, and an inflater that stops at a size.

A socket's own timeout starts anew with every read: a byte now and then would hold a reader for ever.
"""

from __future__ import annotations

import io
import socket
import time
import zlib
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from .errors import SourceError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

_GZIP = b"\x1f\x8b"


def http_date(value: str) -> datetime | None:
    """A date in a header (RFC 9110 section 5.6.7), aware; None where it is none."""
    try:
        date = parsedate_to_datetime(value)
    except (ValueError, OverflowError):  # OverflowError: a year of twenty digits
        return None
    return date.replace(tzinfo=date.tzinfo or UTC)


class Deadline:
    """A moment by which everything must be done."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds that remain. Raises TimeoutError where none do."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left


class OverBudget(OSError):
    """A server sent more bytes than it may."""


class TimedSocket:
    """A connected socket, as far as ``http.client`` needs one, with a deadline and a budget of bytes to receive."""

    def __init__(self, sock: socket.socket, deadline: Deadline, budget: int) -> None:
        self._sock, self._deadline, self.budget, self.received = sock, deadline, budget, 0

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Incoming(self))

    def sendall(self, data: ReadableBuffer) -> None:
        self._sock.settimeout(self._deadline.left())
        self._sock.sendall(data)

    def receive(self, buffer: WriteableBuffer) -> int:
        self._sock.settimeout(self._deadline.left())
        count = self._sock.recv_into(buffer)
        self.budget -= count
        self.received += count
        if self.budget < 0:
            raise OverBudget
        return count

    def close(self) -> None:
        """Nothing: ``http.client`` closes its socket before the body is read; whoever connected closes it after."""


class _Incoming(io.RawIOBase):
    """What a timed socket receives, as a stream."""

    def __init__(self, timed: TimedSocket) -> None:
        super().__init__()
        self._timed = timed

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        """How far the server's bytes were read; a buffer above subtracts what it still holds."""
        return self._timed.received

    def readinto(self, buffer: WriteableBuffer) -> int:
        return self._timed.receive(buffer)


def inflated(body: bytes, encoding: str, limit: int) -> bytes:
    """A body without its content encoding, at most ``limit`` bytes. Raises SourceError.

    Only gzip was asked for. Servers say "gzip" of a plain body, nothing of a zipped one, and zip twice: the first bytes
    tell the truth, and two turns are enough.
    """
    names = [name.strip().lower() for name in encoding.split(",")]
    if foreign := [name for name in names if name not in ("", "gzip", "x-gzip", "identity")]:
        raise SourceError(f"its body is in an encoding that was not asked for ({foreign[0][:20]})")
    for _ in range(2):
        if not body.startswith(_GZIP):
            break
        body = _gunzipped(body, limit)
    return body


def _gunzipped(body: bytes, limit: int) -> bytes:
    out = b""
    while body.startswith(_GZIP):  # a gzip file may have several members
        stream = zlib.decompressobj(wbits=31)
        try:
            out += stream.decompress(body, limit + 1 - len(out))
        except zlib.error as error:
            raise SourceError("its gzip is broken") from error
        if len(out) > limit:
            raise SourceError(f"too large (over {limit / 1e6:g} MB unzipped)")
        if not stream.eof:
            raise SourceError("cut short (its gzip ends early)")
        body = stream.unused_data
    return out
