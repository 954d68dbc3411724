"""When to act on a Cast device, and when to leave it alone. Pure: values and the time in, what to do out."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import StrEnum

PLAYER = "CC1AD845"  #: Google's default media receiver, which shows our stills
DASHCAST = "84912283"  #: DashCast, a public receiver that opens any web page
OWN = frozenset({PLAYER, DASHCAST})
AMBIENT = frozenset({"", "E8C28D3C"})  #: no app, or Backdrop: the device's own clock and photo frame

SETTLE_SECONDS = 3.0  #: after a removal: an app that is about to start must not be raced
REMOVALS, WITHIN_SECONDS = 3, 600.0  #: so many removals in so long are answered at once; one more and we back off
BACK_OFF_SECONDS = 1800.0
PAGE_SILENT_SECONDS = 100.0  #: a live page that has not asked for so long is no longer there; it asks once a minute
LONG_OFF_SECONDS = 1800.0  #: a device that has been away for longer is looked for less often


class Front(StrEnum):
    """Whose app is on the screen."""

    FREE = "free"
    OURS = "ours"
    GUEST = "guest"


class Act(StrEnum):
    """What there is to do."""

    NOTHING = "nothing"
    LAUNCH = "launch"  #: start the player or the page, then have it show
    FALL_BACK = "fall back"  #: the page is dead: stills instead
    LOAD = "load"  #: put the wanted plate into the player that is ours
    QUIT = "quit"  #: end our own session


@dataclass(frozen=True, slots=True)
class Rules:
    """What the owner of the screen wants, in seconds."""

    resume_after: float
    reload_after: float


@dataclass(frozen=True, slots=True)
class Memory:
    """What is remembered of one device. Moments are seconds of a monotonic clock; -inf is "never"."""

    wanted: str | None = None  #: what should be up: a plate, as it looks at this hour
    loaded: str | None = None  #: what the device took last
    loaded_at: float = -math.inf
    session: str | None = None  #: of the player or page we launched
    live: bool = False  #: that is a page, which changes by itself
    heard_at: float = -math.inf  #: when the page last asked
    front: Front = Front.FREE
    guest_left_at: float = -math.inf
    removals: tuple[float, ...] = ()  #: when our picture was taken away and nothing came instead
    failures: int = 0  #: in a row
    not_before: float = -math.inf  #: after a failure


def front(app: str, session: str | None, ours: str | None, own: frozenset[str] = OWN) -> Front:
    """Whose app that is. One that we use, but did not launch, is somebody else's."""
    if app in AMBIENT:
        return Front.FREE
    return Front.OURS if app in own and session and session == ours else Front.GUEST


def noticed(memory: Memory, now: float, seen: Front, *, fresh: bool = False) -> Memory:
    """The memory after a look at the screen. ``fresh``: the first look of a connection, so that a session of ours
    that is gone went with a restart of the device, and nobody removed it.
    """
    if seen is memory.front and not fresh:
        return memory
    gone = memory.session is not None and seen is not Front.OURS
    after = replace(memory, front=seen)
    if gone:
        after = replace(after, session=None, loaded=None, live=False)
    if memory.front is Front.GUEST and seen is not Front.GUEST:
        after = replace(after, guest_left_at=now)
    if gone and memory.front is Front.OURS and seen is Front.FREE and not fresh:
        recent = tuple(at for at in memory.removals if now - at < BACK_OFF_SECONDS)
        after = replace(after, removals=(*recent, now))
    return after


def failed(memory: Memory, now: float, *, refused: bool) -> Memory:
    """The memory after an attempt that failed: ``refused`` by a device that answers, or without any answer."""
    failures = memory.failures + 1
    wait = refused_wait(failures) if refused else absent_wait(failures)
    return replace(memory, failures=failures, not_before=now + wait)


def absent_wait(failures: int) -> float:
    """Seconds until a device that does not answer is tried again: looked for often, so that it is back within 5 s."""
    if failures * 4.0 > LONG_OFF_SECONDS:
        return 30.0
    return min(0.5 * 2.0 ** min(failures - 1, 10), 4.0)


def refused_wait(failures: int) -> float:
    """Seconds until a device that answered "no" is asked again: each time may be heard or seen in the room."""
    return min(2.0 * 2.0 ** min(failures - 1, 10), 300.0)


def return_at(removals: tuple[float, ...]) -> float:
    """When a picture that was taken away may come back: soon, but not for ever against somebody's will."""
    if not removals:
        return -math.inf
    last = removals[-1]
    often = sum(last - at < WITHIN_SECONDS for at in removals) > REMOVALS
    return last + (BACK_OFF_SECONDS if often else SETTLE_SECONDS)


def next_act(memory: Memory, rules: Rules, *, quiet: bool) -> tuple[Act, float]:
    """What to do next and from when on (infinity: until something happens)."""
    if memory.front is Front.GUEST:
        return Act.NOTHING, math.inf
    if quiet:
        return (Act.QUIT, memory.not_before) if memory.front is Front.OURS else (Act.NOTHING, math.inf)
    if memory.wanted is None:
        return Act.NOTHING, math.inf
    if memory.front is Front.OURS and memory.live:
        return Act.FALL_BACK, memory.heard_at + PAGE_SILENT_SECONDS
    if memory.front is Front.OURS:
        due = memory.not_before if memory.loaded != memory.wanted else memory.loaded_at + rules.reload_after
        return Act.LOAD, max(due, memory.not_before)
    polite = memory.guest_left_at + rules.resume_after
    return Act.LAUNCH, max(polite, return_at(memory.removals), memory.not_before)
