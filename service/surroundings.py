"""What an adapter may know of the place it runs in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Protocol

from .nights import Nights


@dataclass(frozen=True, slots=True)
class Spending:
    """What was asked of a service that may cost money."""

    calls: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    usd: float = 0.0


class Ledger(Protocol):
    """Remembers what one adapter spent."""

    def today(self) -> Spending:
        """The sum since midnight, in the owner's time zone."""
        ...

    def add(self, spending: Spending) -> None: ...

    def switched_off(self) -> datetime | None:
        """Since when the owner wants nothing asked until further notice; None: it may ask."""
        ...


@dataclass(frozen=True, slots=True)
class Place:
    """Where the screens hang, in degrees."""

    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What an adapter may know of the place it runs in."""

    name: str  #: the adapter's own name in config.toml
    data: Path  #: the data folder
    templates: Path
    port: int = 8080  #: where the service's own pages are, for displays that fetch from it
    zone: tzinfo | None = None  #: the owner's time zone; None: the machine's
    ledger: Ledger | None = None  #: of what this adapter spends; None: nobody counts
    place: Place | None = None  #: the owner's, for the weather; None: not said
    nights: Nights | None = None  #: of a display that has any
    subjects: tuple[str, ...] = ()  #: of an engine: those whom the channels that name it may show
    key: str = ""  #: a display's own: opens its still (``?key=``) where looking needs a login; "" where it does not
