"""The time, passed to whoever needs it so that tests can hold it still."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]  #: the current time in UTC, always aware


def now() -> datetime:
    """The current time in UTC, always aware."""
    return datetime.now(UTC)
