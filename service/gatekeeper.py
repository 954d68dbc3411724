"""Nothing hidden: what was kept off each wall and why, how much passed, and the owner's word that lets a story through.

Reads rows and weighs them just as the next round would.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from . import skipping
from .choice import Candidate
from .model import Decision, Step
from .pipeline import Desk, Line
from .skipping import Kept, Kind, Tally
from .store import Arrival

DAY = timedelta(hours=24)
SEARCHED = timedelta(days=14)  #: how far back a headline is looked for by its words
MOST = 6  #: of what a handle may mean


@dataclass(frozen=True, slots=True)
class Meant:
    """A story that a handle may mean, on one channel."""

    desk: Desk
    arrival: Arrival
    let_through: Candidate  #: what it would be once let through


class Gatekeeper:
    """What there is to say about the gate of each channel. Safe to use from several threads."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self._decided: dict[tuple[str, int], dict[int, Decision]] = {}  # channel, dial -> a story's row -> decided

    def today(self) -> list[dict[str, Any]]:
        """The last day of each channel's gate, JSON-safe."""
        several = len(self.line.desks) > 1
        return [self._today(desk, named=desk.name if several else "") for desk in self.line.desks]

    def _today(self, configured: Desk, named: str) -> dict[str, Any]:
        turned = self.line.wishes.dial(configured.name, configured.channel.mood)
        desk = self.line.dialled(configured)
        tally, dial, before = self.tally(desk), desk.channel.mood, configured.channel.mood
        hand = (
            f"; the dial was turned by hand to {skipping.degrees(dial)}, the config says {skipping.degrees(before)}"
            if turned
            else ""
        )
        return {
            "channel": desk.name, "mood": dial, "configured": before,
            "turned_at": turned and turned.turned_at.isoformat(), "setting": skipping.setting(dial),
            "stories": tally.stories, "paint": tally.paint, "text_only": tally.text_only, "skip": tally.skip,
            "passed_percent": tally.passed_percent, "says": skipping.says(tally, dial, named) + hand,
        }  # fmt: skip

    @property
    def _desks(self) -> list[Desk]:
        """Each channel's, with its dial as it stands."""
        return [self.line.dialled(desk) for desk in self.line.desks]

    def tally(self, desk: Desk) -> Tally:
        """What the gate decided on the stories that arrived within a day; each is weighed once."""
        archive, known = self.line.archive, self._decided.get((desk.name, desk.channel.mood), {})
        rows = archive.arrived_rows(self.line.feeds(desk), self._since(DAY))
        new = archive.judged([row for row in rows if row not in known])
        known = {row: known[row] for row in rows if row in known} | {
            row: skipping.weighed(story, verdict, desk.rules, desk.channel.mood).decision for row, story, verdict in new
        }
        self._decided = {key: value for key, value in self._decided.items() if key[0] != desk.name}
        self._decided[desk.name, desk.channel.mood] = known
        counts = Counter(known.values())
        return Tally(counts[Decision.PAINT], counts[Decision.TEXT_ONLY], counts[Decision.SKIP])

    def kept_off(
        self, channels: Collection[str] = (), kinds: Collection[Kind] = (), *, hours: float = 24, limit: int = 50
    ) -> list[Kept]:
        """What these channels (none named: all) kept off since then, newest first."""
        desks = [desk for desk in self._desks if not channels or desk.name in channels]
        found = heapq.merge(
            *(self._kept(desk, self._since(timedelta(hours=hours))) for desk in desks),
            key=lambda kept: kept.seen_at, reverse=True,
        )  # fmt: skip
        return list(islice((kept for kept in found if not kinds or kept.kind in kinds), limit))

    def _kept(self, desk: Desk, since: datetime) -> Iterator[Kept]:
        for arrival in self.line.archive.arrived(desk.name, self.line.feeds(desk), since):
            kept = _kept(desk, arrival)
            if kept:
                yield kept

    def meant(self, handle: str, channels: Collection[str] = ()) -> list[Meant]:
        """The stories that the first digits of an id, or else some words of a headline, may mean."""
        desks = [desk for desk in self._desks if not channels or desk.name in channels]
        by_id = [_meant(desk, each) for desk in desks for each in self._named(desk, handle.lower())]
        return by_id or [_meant(desk, each) for desk in desks for each in self._headed(desk, handle.casefold())]

    def let(self, meant: Meant) -> str:
        """Let a story through where that changes anything; a sentence about what follows."""
        arrival, painted = meant.arrival, meant.let_through.decision is Decision.PAINT
        headline = f"“{arrival.story.title}”"
        never = f"never painted: {skipping.reason(meant.let_through.verdict)}"
        if arrival.plate and arrival.step is Step.RENDERED and not arrival.text_only:
            return f"{headline} is on the wall already, as plate {arrival.plate}"
        if arrival.plate and arrival.step in (Step.CHOSEN, Step.DESCRIBED):
            return f"{headline} is on its way to the wall already, as plate {arrival.plate}"
        if arrival.plate and arrival.step is Step.RENDERED and not painted:
            return f"{headline} hangs in words already, as plate {arrival.plate}; it is {never}"
        self.line.wishes.let_through(meant.desk.name, arrival.story.id)
        what = "paints it first" if painted else f"shows it first, in words (it is {never})"
        return f"{headline} is let through: the next round {what}"

    def hold_back(self, meant: Meant) -> str:
        """Take back that a story was let through; a sentence about what follows."""
        headline = f"“{meant.arrival.story.title}”"
        if not self.line.wishes.hold_back(meant.desk.name, meant.arrival.story.id):
            return f"{headline} was not let through"
        if meant.arrival.plate:
            return f"{headline} is not let through any more; plate {meant.arrival.plate} stays as it is"
        return f"{headline} is not let through any more"

    def _named(self, desk: Desk, handle: str) -> list[Arrival]:
        if not handle or set(handle) - set("0123456789abcdef"):
            return []
        return self.line.archive.named(desk.name, self.line.feeds(desk), handle, MOST)

    def _headed(self, desk: Desk, words: str) -> list[Arrival]:
        arrived = self.line.archive.arrived(desk.name, self.line.feeds(desk), self._since(SEARCHED))
        return list(islice((each for each in arrived if words.strip() in each.story.title.casefold()), MOST))

    def _since(self, span: timedelta) -> datetime:
        return self.line.store.now() - span


def _meant(desk: Desk, arrival: Arrival) -> Meant:
    return Meant(desk, arrival, skipping.let_through(_weighed(desk, arrival), desk.rules))


def _weighed(desk: Desk, arrival: Arrival) -> Candidate:
    return skipping.weighed(arrival.story, arrival.verdict, desk.rules, desk.channel.mood)


def _kept(desk: Desk, arrival: Arrival) -> Kept | None:
    """The story as it was kept off; None where nothing keeps it from being painted, or it is painted already."""
    declined = (arrival.error or "") if arrival.step is Step.DECLINED else None
    if arrival.plate and declined is None and not arrival.text_only:
        return None
    weighed = _weighed(desk, arrival)
    if arrival.let_through and arrival.text_only:  # it hangs, and only its topic keeps it from being painted
        weighed = skipping.let_through(weighed, desk.rules)
    kind = skipping.kind_of(weighed, declined)
    if kind is None:
        return None
    let = skipping.let_through(weighed, desk.rules)
    reason = skipping.Reason(declined or "no reason given") if kind is Kind.EDITOR else skipping.reason(weighed.verdict)
    return Kept(
        desk.name, arrival.story, arrival.seen_at, weighed.verdict, weighed.decision, kind, reason, let.decision,
        plate=arrival.plate if declined is None else None, let_through=arrival.let_through,
    )  # fmt: skip
