"""The one room through which every foreign URL goes.

It resolves a name once, refuses addresses inside the home unless their owner allowed them, connects to the very address
it checked (so that a second DNS answer cannot lead elsewhere), and does so again at each redirect. Time, headers, body
and inflated body are bounded. It keeps no cookies and says no referrer.
"""

from __future__ import annotations

import base64
import http.client
import queue
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from urllib.parse import unquote, urlencode

import certifi

from . import __version__
from .addresses import Target, allowed_at_home, in_turns, listed, masked, may_know_secrets, redirected, refusal, target
from .clock import Clock, now
from .errors import SourceError
from .wire import Deadline, OverBudget, TimedSocket, http_date, inflated

__all__ = ["Limits", "Net", "Response", "masked"]

Resolve = Callable[[str, int], Sequence[str]]  #: (host, port) -> IP addresses; raises OSError

USER_AGENT = f"Frontispiece/{__version__} (self-hosted picture frame; feed reader)"
_PERMANENT, _TEMPORARY = (301, 308), (302, 303, 307)
_SHARED = frozenset({"accept", "accept-language", "if-none-match", "if-modified-since"})  # may go to another host


@dataclass(frozen=True, slots=True)
class Limits:
    """What one visit may cost."""

    total_s: float = 25.0
    connect_s: float = 10.0
    next_s: float = 2.0  #: to connect to one of several addresses of a host, before the next one is tried
    body_bytes: int = 5_000_000  #: inflated
    header_bytes: int = 65_536
    redirects: int = 5


@dataclass(frozen=True, slots=True)
class Response:
    """An answer: 200 or 304."""

    status: int
    url: str  #: where it came from in the end
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)  #: names in lower case
    moved_to: str | None = None  #: where permanent redirects led from the address asked for
    whole: bool = True  #: false where more bytes came than the server had promised, so that the end is missing


@dataclass(frozen=True, slots=True)
class _Trip:
    """One call of ``get`` or ``ask``: what it may cost and what is left of it."""

    limits: Limits
    deadline: Deadline
    form: bytes | None = None


def resolve(host: str, port: int) -> list[str]:
    """The addresses the system's resolver gives for a name. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class Net:
    """Fetches foreign URLs, guarded. Safe to use from several threads."""

    def __init__(
        self,
        allow_private: Iterable[str] = (),
        resolver: Resolve = resolve,
        clock: Clock = now,
        *,
        limits: Limits = Limits(),
    ) -> None:
        """``allow_private``: the owner's list of "host" or "host:port" at home that feeds may be read from."""
        self._allowed = listed(allow_private)
        self._resolve, self._clock, self._limits = resolver, clock, limits

    def get(self, url: str, *, headers: Mapping[str, str] | None = None, limits: Limits | None = None) -> Response:
        """Fetch a URL. Raises SourceError, with a short reason, for everything but an answer of 200 or 304."""
        where, sent, allowed = target(url), dict(headers or {}), self._allowed
        limits = limits or self._limits
        trip = _Trip(limits, Deadline(limits.total_s))
        moved_to, permanent, downgrades = None, True, 0
        for _ in range(trip.limits.redirects + 1):
            at_home = allowed_at_home(where, allowed)
            answer = self._visit(where, at_home, sent, trip)
            if answer.status not in _PERMANENT + _TEMPORARY:
                self._check(answer)
                return replace(answer, moved_to=moved_to)
            there = redirected(where, answer.headers.get("location", ""))
            downgrades += (where.scheme, there.scheme) == ("https", "http")
            if downgrades > 1:
                raise SourceError("its redirects keep leaving https")
            sent = _kept(sent, where, there)
            if not at_home:
                allowed = frozenset()  # what comes from outside never leads inside, whatever the owner's list says
            permanent = permanent and answer.status in _PERMANENT
            moved_to = there.url if permanent else moved_to
            where = there
        raise SourceError(f"too many redirects (more than {trip.limits.redirects})")

    def _visit(self, where: Target, at_home: bool, headers: Mapping[str, str], trip: _Trip) -> Response:
        """One request, one answer; every failure of the network becomes a SourceError here."""
        try:
            with self._connected(where, self._addresses(where, at_home, trip), trip) as sock:
                return _asked(sock, where, headers, trip)
        except TimeoutError as error:
            raise SourceError(f"no answer within {trip.limits.total_s:g} s") from error
        except ssl.SSLCertVerificationError as error:
            raise SourceError(f"its certificate cannot be trusted: {error.verify_message}") from error
        except ssl.SSLError as error:
            raise SourceError(f"no secure connection ({error.reason or 'TLS failed'})") from error
        except http.client.IncompleteRead as error:
            raise SourceError("cut short (the connection closed early)") from error
        except (http.client.HTTPException, ValueError) as error:  # ValueError: a header that cannot be sent or read
            raise SourceError(f"not a sound HTTP answer ({type(error).__name__})") from error
        except OSError as error:
            raise SourceError(f"cannot connect to {where.name} ({error.strerror or error})") from error

    def ask(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
        limits: Limits | None = None,
    ) -> Response:
        """One request to an API that the owner has an account with, and its answer, whatever the status.

        A ``form`` is posted. No redirect is followed: what an account's owner sends is meant for that place alone.
        Only an answer of 200 has its body read. Raises SourceError where there is no sound answer.
        """
        where, sent = target(url), dict(headers or {})
        limits = limits or self._limits
        trip = _Trip(limits, Deadline(limits.total_s), None if form is None else urlencode(form).encode())
        if form is not None:
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        return self._visit(where, allowed_at_home(where, self._allowed), sent, trip)

    def _addresses(self, where: Target, at_home: bool, trip: _Trip) -> list[str]:
        """The addresses of a host that may be connected to; at least one."""
        found = self._looked_up(where, trip.deadline)
        refusals = {address: refusal(address, at_home) for address in found}
        good = [address for address in found if refusals[address] is None]
        if not good:
            raise SourceError(f"refused: {next(iter(refusals.values()), 'the host has no address')}")
        return in_turns(good)

    def _looked_up(self, where: Target, deadline: Deadline) -> Sequence[str]:
        """Resolve in a thread of its own: the system's resolver knows no deadline."""
        answer: queue.SimpleQueue[Sequence[str] | OSError] = queue.SimpleQueue()

        def look_up() -> None:
            try:
                answer.put(self._resolve(where.host, where.port))
            except (OSError, UnicodeError) as error:
                answer.put(OSError(str(error)))

        threading.Thread(target=look_up, name="resolve", daemon=True).start()
        try:
            found = answer.get(timeout=deadline.left())
        except queue.Empty:
            raise TimeoutError from None
        if isinstance(found, OSError):
            raise SourceError(f"no such host: {where.host}") from found
        return found

    def _connected(self, where: Target, addresses: Sequence[str], trip: _Trip) -> socket.socket:
        """A socket to the first of the checked addresses that answers, with TLS for the host's name where asked."""
        sock = _reached(addresses, where.port, trip)
        if where.scheme == "http":
            return sock
        sock.settimeout(trip.deadline.left())
        try:
            return self._tls.wrap_socket(sock, server_hostname=where.host)
        except BaseException:
            sock.close()
            raise

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        """The system's trusted authorities and Mozilla's: a slim container often has none of its own."""
        context = ssl.create_default_context()
        context.load_verify_locations(certifi.where())
        return context

    def _check(self, answer: Response) -> None:
        """Raise SourceError for a status that brings nothing."""
        status, phrase = answer.status, http.client.responses.get(answer.status, "").lower()
        if status in (200, 304):
            return
        if status in (401, 407):
            raise SourceError(f"needs a login (HTTP {status})", status=status)
        if "cf-mitigated" in answer.headers:
            raise SourceError(f"blocked: the site wants to see a browser (HTTP {status})", status=status)
        after = retry_after(answer.headers.get("retry-after", ""), self._clock()) if status in (429, 503) else None
        raise SourceError(f"HTTP {status} {phrase}".strip(), status=status, retry_after=after)


def retry_after(value: str, at: datetime) -> float | None:
    """Seconds that a Retry-After header asks for (RFC 9110 section 10.2.3), or None where it says nothing sensible."""
    if re.fullmatch(r"\d{1,12}", value.strip()):
        return float(value)
    until = http_date(value)
    return None if until is None else max((until - at).total_seconds(), 0.0)


def _kept(headers: Mapping[str, str], here: Target, there: Target) -> dict[str, str]:
    """The headers that may follow a redirect: whatever could be a secret stays where it belongs."""
    if may_know_secrets(there, here):
        return dict(headers)
    return {name: value for name, value in headers.items() if name.lower() in _SHARED}


def _reached(addresses: Sequence[str], port: int, trip: _Trip) -> socket.socket:
    """A connection to the first address that answers. At home IPv6 is often there and leads nowhere, without a word."""
    for more, address in zip(reversed(range(len(addresses))), addresses, strict=True):
        try:
            patience = min(trip.limits.next_s if more else trip.limits.connect_s, trip.deadline.left())
            return socket.create_connection((address, port), timeout=patience)
        except OSError as error:
            failure = error
    raise failure  # the last one's


def _asked(sock: socket.socket, where: Target, headers: Mapping[str, str], trip: _Trip) -> Response:
    """Send one request and read its answer."""
    timed = TimedSocket(sock, trip.deadline, trip.limits.header_bytes)
    connection = http.client.HTTPConnection(where.name)
    connection.sock = timed  # it has all that http.client uses of a socket
    try:
        method = "GET" if trip.form is None else "POST"
        connection.request(method, where.path, trip.form, _request_headers(where, headers))
        answer = connection.getresponse()
    except OverBudget as error:
        raise SourceError(f"its headers are too large (over {trip.limits.header_bytes // 1024} kB)") from error
    timed.budget += 2 * trip.limits.body_bytes  # chunks have a frame of their own
    fields = {name.lower(): ", ".join(answer.headers.get_all(name, [])) for name in answer.headers}
    if answer.status != 200:
        return Response(answer.status, where.url, headers=fields)
    assert answer.fp is not None  # the body is still to come
    promised = None if answer.length is None else answer.fp.tell() + answer.length
    body = _body(answer, trip.limits.body_bytes)
    return Response(200, where.url, body, fields, whole=promised is None or timed.received <= promised)


def _request_headers(where: Target, headers: Mapping[str, str]) -> dict[str, str]:
    fixed = {"Host": where.name, "User-Agent": USER_AGENT, "Accept-Encoding": "gzip", "Connection": "close"}
    if where.userinfo:
        login = base64.b64encode(unquote(where.userinfo).encode()).decode("ascii")
        fixed["Authorization"] = f"Basic {login}"
    return {"Accept": "*/*", **headers, **fixed}


def _body(answer: http.client.HTTPResponse, limit: int) -> bytes:
    too_large = f"too large (over {limit / 1e6:g} MB)"
    if (answer.length or 0) > limit:
        raise SourceError(too_large)
    chunks, size = [], 0
    try:
        while chunk := answer.read(65_536):
            chunks.append(chunk)
            size += len(chunk)
            if size > limit:
                raise SourceError(too_large)
    except OverBudget as error:
        raise SourceError(too_large) from error
    if answer.length:  # bytes that were promised and did not come
        raise SourceError("cut short (the connection closed early)")
    return inflated(b"".join(chunks), answer.headers.get("content-encoding", ""), limit)
