"""What the owner asked for between two rounds: feeds added, stories let through, plates liked or banned, a dial turned.

Wishes are not work: any process may write them while a service runs, and the next round reads them.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from ..model import Story, Verdict
from .rows import stamp, story_of, verdict_of
from .store import Store


@dataclass(frozen=True, slots=True)
class Subscription:
    """A feed that was added at run time."""

    channel: str
    url: str
    title: str
    added_at: datetime


@dataclass(frozen=True, slots=True)
class Vote:
    """The owner's word on a plate."""

    title: str
    verdict: Verdict
    liked: bool  #: else banned


@dataclass(frozen=True, slots=True)
class Dial:
    """A channel's mood dial, turned by hand since then."""

    mood: int
    turned_at: datetime


class Wishes:
    """The owner's side of a store."""

    def __init__(self, store: Store) -> None:
        self.store = store

    # -- feeds ------------------------------------------------------------------------------

    def subscriptions(self, channel: str | None = None) -> list[Subscription]:
        """The feeds added at run time, oldest first."""
        rows = self.store.db.execute(
            "SELECT * FROM subscriptions WHERE ?1 IS NULL OR channel = ?1 ORDER BY added_at, url", (channel,)
        ).fetchall()
        return [Subscription(r["channel"], r["url"], r["title"], datetime.fromisoformat(r["added_at"])) for r in rows]

    def subscribe(self, channel: str, url: str, title: str = "") -> bool:
        """Add a feed to a channel; False if it was there."""
        return self.subscribe_all([(channel, url, title)]) == 1

    def subscribe_all(self, wanted: Sequence[tuple[str, str, str]]) -> int:
        """Add feeds (channel, address, title), all of them or none; returns how many were not there before."""
        at = stamp(self.store.now())
        with self.store.transaction() as db:
            return db.executemany(
                "INSERT OR IGNORE INTO subscriptions VALUES (?,?,?,?)", [(*each, at) for each in wanted]
            ).rowcount

    def unsubscribe(self, channel: str, url: str) -> bool:
        """Take a feed from a channel; its stories stay. False if it was not there."""
        return self.unsubscribe_all([(channel, url)]) == 1

    def unsubscribe_all(self, unwanted: Sequence[tuple[str, str]]) -> int:
        """Take feeds (channel, address) away, all of them or none; returns how many there were."""
        with self.store.transaction() as db:
            return db.executemany("DELETE FROM subscriptions WHERE channel = ? AND url = ?", unwanted).rowcount

    # -- stories let through ----------------------------------------------------------------

    def let_through(self, channel: str, story: str) -> None:
        """Let a story on this channel's wall, whatever the dial or an editor said of it. A veto stays a veto.

        What it was until now, declined or hung in words alone, is forgotten: the next round chooses it anew.
        """
        with self.store.transaction() as db:
            db.execute("INSERT OR IGNORE INTO passes VALUES (?,?,?)", (channel, story, stamp(self.store.now())))
            db.execute(
                "DELETE FROM plates WHERE channel = ? AND story = ?"
                " AND (step = 'declined' OR (step = 'rendered' AND text_only = 1))",
                (channel, story),
            )

    def hold_back(self, channel: str, story: str) -> bool:
        """Take back that a story was let through; a plate that it became stays. False if it was not let through."""
        with self.store.transaction() as db:
            return bool(db.execute("DELETE FROM passes WHERE channel = ? AND story = ?", (channel, story)).rowcount)

    def passed(self, channel: str) -> Collection[str]:
        """The stories let through on this channel."""
        return {row["story"] for row in self.store.db.execute("SELECT story FROM passes WHERE channel = ?", (channel,))}

    def unmet(self, channel: str) -> list[tuple[Story, Verdict]]:
        """Judged stories let through on this channel that have no plate yet, the oldest wish first."""
        rows = self.store.db.execute(
            "SELECT stories.* FROM passes JOIN stories ON stories.id = passes.story WHERE passes.channel = ?1"
            " AND verdict IS NOT NULL AND NOT EXISTS"
            " (SELECT 1 FROM plates WHERE plates.story = stories.id AND plates.channel = ?1)"
            " ORDER BY passed_at, stories.id",
            (channel,),
        ).fetchall()
        return [(story_of(row, row["id"]), verdict_of(row["verdict"])) for row in rows]

    # -- the mood dial ----------------------------------------------------------------------

    def dial(self, channel: str, configured: int) -> Dial | None:
        """Where a channel's dial was turned to; None where it stands as configured.

        The last word wins: once the config says something else than it did then, the hand is forgotten.
        """
        row = self.store.db.execute(
            "SELECT mood, turned_at FROM dials WHERE channel = ? AND configured = ?", (channel, configured)
        ).fetchone()
        return Dial(row["mood"], datetime.fromisoformat(row["turned_at"])) if row else None

    def turn(self, channel: str, mood: int, configured: int) -> None:
        """Turn a channel's dial (-10 … +10), for every process and after every restart; to what is configured: back."""
        with self.store.transaction() as db:
            db.execute("DELETE FROM dials WHERE channel = ?", (channel,))
            if mood != configured:
                at = stamp(self.store.now())
                db.execute("INSERT INTO dials VALUES (?,?,?,?)", (channel, mood, configured, at))

    # -- votes ------------------------------------------------------------------------------

    def favour(self, plate: int, *, liked: bool = True) -> bool:
        """Keep a plate for ever, or no longer. False if there is no such plate."""
        return self._vote(plate, "favourite = ?1, banned = banned AND NOT ?1", liked)

    def ban(self, plate: int, *, banned: bool = True) -> bool:
        """Take a plate off every wall, or let it back. False if there is no such plate."""
        return self._vote(plate, "banned = ?1, favourite = favourite AND NOT ?1", banned)

    def _vote(self, plate: int, change: str, yes: bool) -> bool:
        with self.store.transaction() as db:
            return bool(db.execute(f"UPDATE plates SET {change} WHERE id = ?2", (int(yes), plate)).rowcount)  # noqa: S608

    def votes(self, channel: str, limit: int = 200) -> list[Vote]:
        """The last plates that were liked or banned on this channel, newest first."""
        rows = self.store.db.execute(
            "SELECT stories.title, plates.verdict, favourite FROM plates JOIN stories ON stories.id = plates.story"
            " WHERE channel = ? AND (favourite = 1 OR banned = 1) AND plates.verdict IS NOT NULL"
            " ORDER BY plates.id DESC LIMIT ?",
            (channel, limit),
        ).fetchall()
        return [Vote(row["title"], verdict_of(row["verdict"]), bool(row["favourite"])) for row in rows]
