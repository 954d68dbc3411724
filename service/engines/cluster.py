"""A Ray cluster: joined, asked for room, and given actors back. The one file that knows Ray.

https://docs.ray.io/en/latest/ray-core/actors.html
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..errors import EngineError
from .shares import Place, capacity, room

SERVICE = Path(__file__).parents[1]  #: what is sent to the nodes: the same code paints there as here
#: of the package, what no painter needs: fonts, word lists, pages
LEFT_OUT = ("**/*.ttf", "**/*.otf", "**/*.woff2", "**/*.ftz", "**/__pycache__/**", "**/compose", "**/gate", "**/web")
KNOCK_S = 5.0  #: for a cluster's port to open
PAINTER = "service.engines.painter:Painter"


class Cluster:
    """This process's part in a cluster. Raises EngineError where there is none."""

    def __init__(self, address: str, place: Place, *, modules: Sequence[str] = (), painter: str = PAINTER) -> None:
        """``modules``: folders of further packages that the nodes are sent."""
        self._place, self._painter, self._address = place, painter, address
        try:
            import ray
        except ImportError:
            raise EngineError("painting on a cluster needs the package ray: run `make ray`") from None
        self._ray: Any = ray
        _knock(address)
        sent = {"py_modules": [str(SERVICE), *modules], "excludes": list(LEFT_OUT)}
        local: dict[str, Any] = {"include_dashboard": False} if address == "local" else {}
        try:
            ray.init(address, runtime_env=sent, log_to_driver=False, logging_level=logging.WARNING, **local)
        except Exception as error:  # whatever Ray calls it: other versions, no session, nobody there
            raise EngineError(f"{_called(address)} cannot be used: {_words(error)}") from error

    def room(self, ours: int) -> int:
        """How many more painters there is room for now, beside so many of ours."""
        return room(self._place, self._ray.available_resources(), self._ray.nodes(), ours)

    def capacity(self) -> int:
        """How many painters there would be room for if nobody else used the cluster."""
        return capacity(self._place, self._ray.nodes())

    def seat(self) -> Any:
        """Ask for a painter, which comes when a node has it. It goes when this process does."""
        from .seat import Seat

        asked = self._place.asked
        actor = self._ray.remote(Seat).options(
            num_cpus=asked.pop("CPU", 0), num_gpus=asked.pop("GPU", 0), resources=asked, max_restarts=0,
            max_concurrency=3,  # it paints, says how far it is, and is told to stop
        )  # fmt: skip
        return actor.remote(self._painter)

    def put(self, data: bytes) -> Any:
        """Lay bytes where every node can take them from."""
        return self._ray.put(data)

    def done(self, references: Sequence[Any], seconds: float) -> list[Any]:
        """Those that have come to an end; waits for the first."""
        return list(self._ray.wait(list(references), num_returns=len(references), timeout=0)[0]) or list(
            self._ray.wait(list(references), num_returns=1, timeout=seconds)[0]
        )

    def got(self, reference: Any) -> Any:
        """What a call brought. Raises Lost where its actor or node is gone."""
        try:
            return self._ray.get(reference)
        except self._ray.exceptions.RayError as error:
            raise Lost(_words(error)) from error

    def end(self, actor: Any) -> None:
        """Give a painter's place back, whatever it does, and also where it never came."""
        try:
            self._ray.kill(actor, no_restart=True)
        except Exception as error:  # it is gone already
            logging.getLogger(__name__).debug("an actor could not be ended: %s", error)

    def leave(self) -> None:
        """Give everything back."""
        self._ray.shutdown()


class Lost(Exception):
    """An actor is gone, and what it was doing with it."""


def _knock(address: str) -> None:
    """Find out soon that nobody is there: Ray itself would try for a minute."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host:
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=KNOCK_S).close()
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise EngineError(f"no Ray cluster answers at {address} ({why}): is it up, and is the address right?") from None


def _called(address: str) -> str:
    return "a Ray cluster on this machine" if address in ("auto", "local") else f"the Ray cluster at {address}"


def _words(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
