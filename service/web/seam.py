"""What the browser's door asks of the wall. ``service.wall.Wall`` is the real one; nothing else is talked to."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Protocol

from service.model import Plate, Prompt
from service.profiles import Profile
from service.protocols import Calling, Critique, Note
from service.skipping import Kept, Kind


class DisplayInfo(Protocol):
    """A screen as the pages need to know it."""

    @property
    def name(self) -> str: ...
    @property
    def channel(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def template(self) -> str: ...
    @property
    def profile(self) -> Profile: ...
    @property
    def dwell_seconds(self) -> float: ...
    @property
    def night(self) -> str: ...  # how it looks now: "" by day, "off", "dim", "clock"


class Showing(Protocol):
    """A plate that is on a display now."""

    @property
    def plate(self) -> Plate: ...
    @property
    def since(self) -> datetime: ...
    @property
    def until(self) -> datetime: ...
    @property
    def note(self) -> str: ...  # "" or one honest line for people


class Fragment(Protocol):
    """A slide as HTML, already escaped, fitted to one window (px)."""

    @property
    def html(self) -> str: ...
    @property
    def width_px(self) -> int: ...
    @property
    def height_px(self) -> int: ...
    @property
    def language(self) -> str: ...
    @property
    def direction(self) -> str: ...
    @property
    def background(self) -> str: ...


class Still(Protocol):
    """An encoded picture file."""

    @property
    def data(self) -> bytes: ...
    @property
    def media_type(self) -> str: ...
    @property
    def etag(self) -> str: ...


class Try(Protocol):
    """A picture that was made for a plate, and what was seen in it."""

    @property
    def picture(self) -> str: ...
    @property
    def engine(self) -> str: ...
    @property
    def prompt(self) -> Prompt: ...
    @property
    def critique(self) -> Critique | None: ...
    @property
    def tried_at(self) -> datetime: ...


class Making(Protocol):
    """How a plate came to be."""

    @property
    def recipe(self) -> Mapping[str, Any]: ...
    @property
    def tries(self) -> Sequence[Try]: ...
    @property
    def notes(self) -> Sequence[tuple[datetime, Note]]: ...


class Wall(Protocol):
    """The one thing behind the browser's door. Used from many threads at once."""

    def displays(self) -> Sequence[DisplayInfo]: ...

    def showing(self, display: str) -> Showing:
        """What is on a display now. Raises KeyError where there is no such display."""
        ...

    def fragment(self, plate: Plate, display: str, width_px: int, height_px: int, picture_src: str) -> Fragment:
        """The plate's slide as HTML, fitted to the asking window. Raises ComposeError."""
        ...

    def still(self, display: str, suffix: str) -> Still:
        """The composed slide at the display's own size; ``suffix`` is ".jpg", ".png" or ".bmp". Raises ComposeError."""
        ...

    def fetched(self, display: str, query: str) -> None:
        """What the display fetched, with that query string; see ``protocols.Fetching``."""
        ...

    def slide(self, plate_id: int, profile: str, *, as_chosen: bool = False) -> Still:
        """A plate composed for a profile; ``as_chosen``: its age is what it was when it was chosen.

        Raises LookupError, ComposeError.
        """
        ...

    def picture(self, plate_id: int) -> Still:
        """The bare picture. Raises LookupError where the plate has none."""
        ...

    def tried(self, plate_id: int, number: int) -> Still:
        """The bare picture of a try, from 1. Raises LookupError."""
        ...

    def making(self, plate_id: int) -> Making:
        """How a plate came to be. Raises LookupError."""
        ...

    def recent(self, limit: int = 24, channel: str = "") -> Sequence[Plate]:
        """The last plates, newest first (of every channel, or of one); the sample edition while there is nothing else.

        Raises KeyError where there is no such channel.
        """
        ...

    def best(self, channel: str, days: int) -> Sequence[tuple[date, Plate]]:
        """The picture of each of a channel's last days that are over, newest first. Raises KeyError."""
        ...

    def calling(self) -> Mapping[str, Calling]:
        """The displays whose own firmware calls in, by name."""
        ...

    def plate(self, plate_id: int) -> Plate:
        """One plate. Raises LookupError."""
        ...

    def kept_off(
        self, channels: Collection[str], kinds: Collection[Kind], *, hours: float, limit: int
    ) -> Sequence[Kept]:
        """What was kept off these channels' walls (none named: all) and why, newest first."""
        ...

    def status(self) -> dict[str, object]:
        """How everything is: JSON-safe."""
        ...

    def ready(self) -> tuple[bool, str]:
        """Whether there is something to show, and why not."""
        ...

    def round(self, channels: Collection[str] = ()) -> Iterator[dict[str, object]]:
        """One round of the pipeline, event by event. Raises Busy while another is running."""
        ...

    def trial(self, display: str) -> Iterator[dict[str, object]]:
        """Put a test card on a display and tell what happens, step by step."""
        ...
