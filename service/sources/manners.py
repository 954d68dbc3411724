"""When to visit a feed again: often enough to be fresh, seldom enough that its publisher is glad of us. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from service.errors import SourceError
from service.protocols import Fetched

LEAST_S, MOST_S = 30 * 60, 24 * 3600  #: between two visits that went well
_LEAST_RETRY_S = 60  #: what a server may shorten our wait to
_FIRST_RETRY_S = 30 * 60


def next_check(
    now: datetime, outcome: Fetched | SourceError, *, failures: int, own_minutes: float, jitter: float
) -> datetime:
    """When to visit next.

    ``failures``: visits in a row that failed, this one included. ``own_minutes``: how often the owner wants it.
    ``jitter``: 0 … 1, drawn by the caller; it stretches the wait by up to a tenth, so that feeds spread out.
    A feed that is gone (``SourceError.gone``) should not be visited again at all; that is the caller's to know.
    """
    wait = _after_failure(outcome, failures) if isinstance(outcome, SourceError) else _after_visit(outcome, own_minutes)
    return now + timedelta(seconds=min(wait * (1 + 0.1 * jitter), MOST_S))


def _after_visit(visit: Fetched, own_minutes: float) -> float:
    return min(max(own_minutes * 60, visit.check_after or 0, LEAST_S), MOST_S)


def _after_failure(error: SourceError, failures: int) -> float:
    """What the server asked for, else 30 min, doubled with each failure after the first; a day at most."""
    if error.retry_after is not None:
        return min(max(error.retry_after, _LEAST_RETRY_S), MOST_S)
    return float(min(_FIRST_RETRY_S * 2 ** min(max(failures - 1, 0), 8), MOST_S))


def asked_to_wait(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds an answer is fresh for (RFC 9111 section 4.2): Cache-Control's max-age, else Expires; None if unsaid."""
    directives = dict(_directive(part) for part in headers.get("cache-control", "").lower().split(","))
    age = directives.get("max-age", "")
    if age.isascii() and age.isdigit():
        return float(age[:9])
    if not headers.get("expires") or "no-store" in directives or "no-cache" in directives:
        return None
    try:
        expires = parsedate_to_datetime(headers["expires"])
    except ValueError:  # "0", "-1": already stale
        return None
    seconds = (expires.replace(tzinfo=expires.tzinfo or UTC) - now).total_seconds()
    return seconds if seconds > 0 else None


def _directive(part: str) -> tuple[str, str]:
    name, _, value = part.strip().partition("=")
    return name.strip(), value.strip().strip('"')
