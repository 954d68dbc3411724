"""Orders become the owner's verbs, those that the command and the pages do; no more of them than a person gives."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field

from service.errors import FrontispieceError, Refused
from service.hand import Hand

from .names import CHANNELS, Order

BURST, PER_SECOND = 10.0, 3.0  #: orders for one display or channel at once, and then
SCREENS = 1000  #: of whom orders are counted; names that there are not are no screens of ours, but ask all the same


def obeyed(hand: Hand, order: Order, seen: int | None) -> str | None:
    """Do it; a sentence where it cannot be done. ``seen``: the plate that whoever gave the order looks at."""
    try:
        _do(hand, order, seen)
    except KeyError:
        return f"there is no display {order.name!r}"
    except (LookupError, FrontispieceError) as error:
        return str(error)
    except sqlite3.Error as error:
        return f"the data folder cannot be used: {error}"
    return None


def _do(hand: Hand, order: Order, seen: int | None) -> None:
    if order.room == CHANNELS:
        hand.turn(order.name, order.mood)
        return
    match order.verb:
        case "next":
            hand.next(order.name)
        case "previous":
            hand.previous(order.name)
        case "pause":
            hand.pause(order.name, paused=order.on)
        case "favourite":
            hand.favour(_plate(hand, order.name, seen))
        case "ban":
            hand.ban(_plate(hand, order.name, seen))


def _plate(hand: Hand, display: str, seen: int | None) -> int:
    """The plate that is meant: what was seen, else what hangs."""
    plate = hand.said(display)["plate"] if seen is None else seen
    if plate is None or plate < 0:
        raise Refused(f"nothing of yours hangs on {display} yet")
    return int(plate)


@dataclass(slots=True)
class Pace:
    """A bound on orders, for each name by itself: so many at once, and so many a second."""

    now: Callable[[], float]  #: seconds of a monotonic clock
    _left: dict[str, tuple[float, float]] = field(default_factory=dict)  # name -> how many may come, as of when

    def allows(self, name: str) -> bool:
        """Whether another one may be done now; counts it if so."""
        now = self.now()
        left, at = self._left.get(name, (BURST, now))
        left = min(BURST, left + (now - at) * PER_SECOND)
        if name not in self._left and len(self._left) >= SCREENS:
            return False
        self._left[name] = (left - 1 if left >= 1 else left, now)
        return left >= 1
