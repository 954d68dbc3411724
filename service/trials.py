"""A test card on a display: how far it comes, step by step, and then what hung there before."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Mapping
from datetime import datetime

from .model import Mood, Plate, Step, Story, Verdict
from .protocols import Display, Reporting

SECONDS = 60.0  #: a device that has to be found first takes its time
SEEN_SECONDS = 6.0  #: so long the card stays, to be looked at
OLD_SECONDS = 8.0  #: an error of before that is still there after so long is this one's too
LOOK_SECONDS = 0.05

Told = dict[str, object]


def card(display: str, now: datetime) -> Plate:
    """A slide that says that the display works; no two are the same plate."""
    title = f"This is the test card of {display}. If you can read it, all is well."
    story = Story(hashlib.sha256(f"{title}{now}".encode()).hexdigest(), "", "Frontispiece", title, "", "", "en", now)
    verdict = Verdict(0.0, Mood.CALM, (), "a test card")
    return Plate(-int(now.timestamp()), "", story, Step.RENDERED, verdict, text_only=True)


def trial(display: Display, shown: Plate) -> Iterator[Told]:
    """Have the card shown and tell each step: ``step``, ``ok`` and ``says``. The last one says how it ended."""
    if not isinstance(display, Reporting):
        yield _step("shown", "it was told; it cannot say more")
        return
    before, said = display.state(), ""
    display.show(shown)
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        state = display.state()
        if state.get("busy_by"):
            yield _step("busy", f"{state['busy_by']} is on the screen; it was sent nothing", ok=False)
            return
        fresh = state.get("last_error") != before.get("last_error") or until - time.monotonic() < SECONDS - OLD_SECONDS
        if state.get("last_error") and fresh:
            yield _step("failed", str(state["last_error"]), ok=False)
            return
        step = str(state.get("step") or "")
        if step not in (said, "", "fetched") and state.get("reachable"):
            said = step
            yield _step(step, _words(step, state))
        if state.get("shown_plate") == shown.id:
            yield _step("shown", "the device fetched the test card, and says that it shows it")
            time.sleep(SEEN_SECONDS)
            return
        time.sleep(LOOK_SECONDS)
    yield _step("failed", f"nothing came of it in {SECONDS:.0f} s", ok=False)


def _words(step: str, state: Mapping[str, object]) -> str:
    return {
        "reached": f"the device answers; {state.get('app') or 'nothing'} is in front",
        "launched": f"{state.get('app') or 'our app'} was started",
        "accepted": "the device took the address",
    }.get(step, step)


def _step(step: str, says: str, *, ok: bool = True) -> Told:
    return {"step": step, "ok": ok, "says": says}
