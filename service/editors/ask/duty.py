"""Whether a model may be asked now: the owner's switch, the day's budget, and rests after failures.

Every request of an editor passes here, whoever asks it. A call is counted, at the most it may cost, *before* it is
sent: a process that dies while it waits has paid, and cannot spend without end.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, tzinfo
from typing import Any

from ... import clock
from ...errors import OffDuty
from ...surroundings import Ledger, Spending
from .budget import Budget, Usage, estimated
from .rest import PATIENCE, Failing, Rest

log = logging.getLogger(__name__)


class Duty:
    """The account and the manners of one editor. Safe to use from several threads."""

    def __init__(
        self,
        name: str,
        budget: Budget,
        ledger: Ledger | None = None,
        zone: tzinfo | None = None,
        *,
        now: clock.Clock = clock.now,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name, self.budget, self._ledger, self._zone, self._now = name, budget, ledger, zone, now
        self._rest = Rest(monotonic)
        self._lock = threading.Lock()
        self._most = 0.0  #: USD that the last request could cost
        self._off = ""  #: why it was off duty when last asked, so that the log says it once

    def admit(self) -> None:
        """Raises OffDuty where nothing may be asked now."""
        with self._lock:
            self._admit()

    def begin(self, body: Mapping[str, Any], max_tokens: int) -> float:
        """Count a request that is about to be sent; gives the USD set aside for it. Raises OffDuty."""
        told = estimated(body.get("messages", ()))
        most = Usage(told.tokens_in, max_tokens).cost(self.budget.price)
        with self._lock:
            self._most = most
            self._admit()
            self._add(Spending(calls=1, usd=most))
        return most

    def settle(self, aside: float, usage: Usage) -> None:
        """Put what a request took in the place of what was set aside."""
        with self._lock:
            # a request over midnight: what was set aside is yesterday's, and today starts at nothing
            usd = max(usage.cost(self.budget.price) - aside, -self._today().usd)
            if usd or usage.tokens_in or usage.tokens_out:
                self._add(Spending(0, usage.tokens_in, usage.tokens_out, usd))

    def answered(self) -> None:
        """The server lives."""
        with self._lock:
            self._rest.answered()

    def failed(self, failing: Failing, *, heard: bool = False) -> None:
        """A question came to nothing by the server's fault; ``heard``: though it had answered before in its course."""
        with self._lock:
            before = self._rest.left()
            self._rest.failed(str(failing), PATIENCE if heard else failing.patience, failing.rest_seconds)
            if self._rest.left() > before:
                log.warning("editor %s rests until %s: %s", self.name, self._clock(self._rest.left()), failing)

    def state(self) -> dict[str, object]:
        """How it is, JSON-safe: in words, since or until when, what was asked today, and the last error."""
        with self._lock:
            state, why = self._off_duty()
            today, price = self._today(), self.budget.price
            paid = price.known or today.usd > 0
            return {
                "state": state, "since": self._since(), "until": self._until(state),
                "says": self._says(today, paid=paid),
                "calls": today.calls, "tokens": today.tokens_in + today.tokens_out,
                "cost_usd": round(today.usd, 6) if paid else None,
                "error": (why if state.startswith("spent") else self._rest.error) or None,
            }  # fmt: skip

    def _says(self, today: Spending, *, paid: bool) -> str:
        """What today took, of what it may: "5 of 2,000 calls, 10,270 tokens, 0.020 of 1.00 USD"."""
        calls, usd = self.budget.max_calls_per_day, self.budget.max_usd_per_day
        said = [f"{today.calls:,}{f' of {calls:,}' if calls else ''} calls"]
        said += [f"{today.tokens_in + today.tokens_out:,} tokens"]
        said += [f"{today.usd:.3f}{f' of {usd:.2f}' if usd else ''} USD"] if paid else []
        return ", ".join(said)

    # -- with the lock held -------------------------------------------------------------------

    def _admit(self) -> None:
        state, why = self._off_duty()
        if state.startswith("spent") and state != self._off:
            log.warning("%s", why)
        self._off = state
        if why:
            raise OffDuty(why)

    def _off_duty(self) -> tuple[str, str]:
        """How it is in two or three words, and why it may not be asked; "" where it may."""
        today, budget, most = self._today(), self.budget, self._most
        if self._since():
            return "switched off", f"{self.name} is switched off; `frontispiece editor on {self.name}` lets it go on"
        if left := self._rest.left():
            return "resting", f"{self.name} rests until {self._clock(left)}: {self._rest.error}"
        spent = ""
        if budget.max_calls_per_day and today.calls >= budget.max_calls_per_day:
            spent = f"{today.calls:,} of {budget.max_calls_per_day:,} calls"
        elif (bound := budget.max_usd_per_day) and (today.usd >= bound or today.usd + most > bound):
            more = f"; one more question may cost {most:.3f}" if today.usd < bound else ""
            spent = f"{today.usd:.2f} of {bound:.2f} USD{more}"
        if spent:
            return "spent for today", (
                f"the budget of {self.name} for today is spent ({spent}): the house editor goes on until midnight"
            )
        return "at work", ""

    def _since(self) -> str | None:
        since = self._ledger.switched_off() if self._ledger else None
        return since.isoformat() if since else None

    def _until(self, state: str) -> str | None:
        now = self._now().astimezone(self._zone)
        if state == "resting":
            return (now + timedelta(seconds=self._rest.left())).isoformat()
        if state.startswith("spent"):
            midnight = datetime.combine(now.date() + timedelta(days=1), datetime.min.time(), now.tzinfo)
            return midnight.isoformat()
        return None

    def _clock(self, left: float) -> str:
        return f"{(self._now() + timedelta(seconds=left)).astimezone(self._zone):%H:%M}"

    def _today(self) -> Spending:
        return self._ledger.today() if self._ledger else Spending()

    def _add(self, spending: Spending) -> None:
        if self._ledger:
            self._ledger.add(spending)
