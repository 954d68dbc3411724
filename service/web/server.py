"""Serving the application over HTTP until a signal comes."""

from __future__ import annotations

import asyncio
import errno
import logging
import signal
import socket
import threading
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager

import uvicorn
from fastapi import FastAPI

from service.errors import ConfigError

EVERYWHERE = ("", "0.0.0.0", "::")  # noqa: S104 (only recognised here; the owner chooses)
GRACE_SECONDS = 2  # for answers under way when a signal comes

Started = Callable[[str], None]


def serve(
    app: FastAPI, host: str, port: int, on_started: Started | None = None, *, stop: threading.Event | None = None
) -> None:
    """Serve until SIGINT, SIGTERM or ``stop``, then return, at the latest some 3 s after it.

    ``on_started`` is told the address for people ("http://localhost:8080/") once the door is open. Signals are taken
    only when called from the main thread. Raises ConfigError where the address cannot be had.
    """
    with closing(listening(host, port)) as door:
        server = _Server(_settings(app), stop or threading.Event())
        address = _for_people(host, door.getsockname()[1])
        server.opened = lambda: on_started(address) if on_started else None
        server.run(sockets=[door])


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens there; port 0 takes a free one. Raises ConfigError that says what to do."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (OSError, OverflowError) as error:
        raise ConfigError(f"web.host: {host!r} is not an address of this machine; use 0.0.0.0 or 127.0.0.1") from error
    # the protocol is named, since asyncio turns Nagle's delay off (40 ms an answer) only where it is
    door = socket.socket(family, kind, protocol)
    try:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            door.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        door.bind(address)
        door.listen(256)
    except OSError as error:
        door.close()
        raise ConfigError(_refusal(error, host, port)) from error
    return door


def _refusal(error: OSError, host: str, port: int) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            other = port + 1 if port < 65535 else 8080
            return (
                f"web.port: port {port} is taken by another program (another Frontispiece, perhaps); "
                f"stop that, or choose another with --port {other} or web.port in config.toml"
            )
        case errno.EACCES:
            return f"web.port: this user may not listen on port {port}; choose one from 1024 on"
        case errno.EADDRNOTAVAIL:
            return f"web.host: {host} is not an address of this machine; use 0.0.0.0 or 127.0.0.1"
    return f"web: cannot listen on {host}:{port}: {error.strerror or error}"


def _for_people(host: str, port: int) -> str:
    name = "localhost" if host in EVERYWHERE else f"[{host}]" if ":" in host else host
    return f"http://{name}:{port}/"


def _settings(app: FastAPI) -> uvicorn.Config:
    # what strangers on the network send us is not worth a line, nor is who was still asking; failures of ours are
    logging.getLogger("uvicorn.error").addFilter(_worth_a_line)
    return uvicorn.Config(
        app,
        log_config=None,
        log_level="error",
        access_log=False,
        server_header=False,
        lifespan="off",
        timeout_graceful_shutdown=GRACE_SECONDS,
    )


def _worth_a_line(record: logging.LogRecord) -> bool:
    return "graceful shutdown exceeded" not in str(record.msg)


class _Server(uvicorn.Server):
    """uvicorn, which says when it is open, can be stopped by an event, and leaves the process alive when it is done."""

    def __init__(self, config: uvicorn.Config, stop: threading.Event) -> None:
        super().__init__(config)
        self.stop = stop
        self.opened: Callable[[], None] = lambda: None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        if self.started:
            self.opened()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        late = asyncio.create_task(self._turn_away())
        await super().shutdown(sockets)
        late.cancel()
        for connection in list(self.server_state.connections):
            connection.transport.abort()

    async def _turn_away(self) -> None:
        """Close what was still let in while closing: a browser's spare connection would use up the whole grace."""
        while True:
            await asyncio.sleep(0.1)
            for connection in list(self.server_state.connections):
                connection.shutdown()

    async def on_tick(self, counter: int) -> bool:
        return self.stop.is_set() or await super().on_tick(counter)

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """As uvicorn's own, but the signal is not raised again afterwards: the caller still has things to put away."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
