"""When to visit a feed again: often enough to be fresh, seldom enough that its publisher is glad of us. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from service.errors import SourceError
from service.protocols import Fetched
from service.wire import http_date

LEAST_S, MOST_S = 30 * 60, 24 * 3600  #: between two visits that went well
CROWDED = frozenset({429, 503})  #: statuses of a host that wants fewer requests, whichever feed they are for
_LEAST_RETRY_S = 60  #: what a server may shorten our wait to
_FIRST_RETRY_S = 30 * 60
_SHUT = frozenset({401, 402, 403, 406, 407, 451})  #: doors that do not open by themselves within the hour
_FIRST_SHUT_S = 6 * 3600
_PATIENCE = timedelta(days=7)  #: with a feed that fails, before its owner is asked


def is_due(next_check: datetime | None, now: datetime) -> bool:
    """Whether to visit now. A wait that nobody could have meant is left from a clock that was wrong."""
    return next_check is None or not now < next_check <= now + timedelta(seconds=MOST_S + 3600)


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
    """What the server asked for, else 30 min (6 h at a shut door), doubled with each failure after the first."""
    if error.retry_after is not None:
        return min(max(error.retry_after, _LEAST_RETRY_S), MOST_S)
    first = _FIRST_SHUT_S if error.status in _SHUT else _FIRST_RETRY_S
    return float(min(first * 2 ** min(max(failures - 1, 0), 8), MOST_S))


def complaint(error: SourceError, failing_since: datetime | None, now: datetime) -> str:
    """What to tell a feed's owner of a failure. After a week of it there is something to decide."""
    if error.gone:
        return f"{error}: its publisher has ended it, and it is not visited any more; take it out of the config"
    if failing_since is None or now - failing_since < _PATIENCE:
        return str(error)
    days = (now - failing_since).days
    return f"{error}, for {days} days now; is its address still right? If not, change it in the config"


def asked_to_wait(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds an answer is fresh for (RFC 9111 section 4.2): Cache-Control's max-age, else Expires; None if unsaid."""
    directives = dict(_directive(part) for part in headers.get("cache-control", "").lower().split(","))
    age = directives.get("max-age", "")
    if age.isascii() and age.isdigit():
        return float(age[:9])
    if not headers.get("expires") or "no-store" in directives or "no-cache" in directives:
        return None
    expires = http_date(headers["expires"])  # "0" and "-1" are none: already stale
    return (expires - now).total_seconds() if expires and expires > now else None


def _directive(part: str) -> tuple[str, str]:
    name, _, value = part.strip().partition("=")
    return name.strip(), value.strip().strip('"')
