"""What was shown, what hangs now, what may go: reading, showings and upkeep."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ..daily import Finished
from ..hanging import Ready
from ..model import Plate, Step, Story, Verdict
from .rows import PLATE, FeedRow, feed_of, marks, plate_of, stamp, story_of, verdict_of
from .store import Store

GB = 1e9
SLICE = 2000  #: rows that one transaction of the upkeep lets go of
ARRIVAL = """
    SELECT stories.*, plates.id AS plate, step, text_only, error, passed_at FROM stories
    LEFT JOIN plates ON plates.story = stories.id AND plates.channel = ?1
    LEFT JOIN passes ON passes.story = stories.id AND passes.channel = ?1
    WHERE stories.verdict IS NOT NULL
"""


@dataclass(frozen=True, slots=True)
class Hung:
    """A plate on a display, and since when."""

    showing: int
    plate: Plate
    since: datetime


@dataclass(frozen=True, slots=True)
class Recent:
    """What a plate was about, its scene ("" while undescribed), when it was chosen, and its number."""

    title: str
    scene: str
    chosen_at: datetime
    plate: int
    language: str


@dataclass(frozen=True, slots=True)
class Used:
    """A story that became a plate, or that the editor declined."""

    title: str
    link: str
    declined: bool


@dataclass(frozen=True, slots=True)
class Arrival:
    """A judged story as it arrived, and what became of it on one channel."""

    story: Story
    verdict: Verdict  #: by the rules that all channels share
    seen_at: datetime
    plate: int | None = None
    step: Step | None = None
    text_only: bool = False
    error: str | None = None  #: of the plate; why it was declined
    let_through: bool = False  #: the owner asked for it


class Archive:
    """The reading side of a store, its showings and its upkeep."""

    def __init__(self, store: Store) -> None:
        self.store = store

    # -- showings ---------------------------------------------------------------------------

    def hung(self, display: str) -> Hung | None:
        """What this display was last given."""
        row = self.store.db.execute(
            "SELECT id, plate, shown_at FROM showings WHERE display = ? ORDER BY id DESC LIMIT 1", (display,)
        ).fetchone()
        plate = self.plate(row["plate"]) if row else None
        return Hung(row["id"], plate, datetime.fromisoformat(row["shown_at"])) if plate else None

    def ready(self, channel: str, display: str, limit: int = 64) -> list[Ready]:
        """The channel's newest finished plates, newest first."""
        rows = self.store.db.execute(
            "SELECT id, chosen_at, json_array_length(also) AS others, (SELECT shown_at FROM showings"
            " WHERE plate = plates.id AND display = ? ORDER BY showings.id DESC LIMIT 1) AS last FROM plates"
            " WHERE channel = ? AND step = 'rendered' AND banned = 0 ORDER BY id DESC LIMIT ?",
            (display, channel, limit),
        ).fetchall()
        return [Ready(r["id"], datetime.fromisoformat(r["chosen_at"]), _moment(r["last"]), r["others"]) for r in rows]

    def show(self, display: str, plate: int) -> None:
        """Remember that a display has a plate; nothing where that was let go of in between."""
        with self.store.transaction() as db:
            db.execute(
                "INSERT INTO showings (display, plate, shown_at) SELECT ?, id, ? FROM plates WHERE id = ?",
                (display, stamp(self.store.now()), plate),
            )

    # -- reading ----------------------------------------------------------------------------

    def plate(self, plate_id: int) -> Plate | None:
        # what an editor declined when choosing was never a plate to look at: it has no verdict
        row = self.store.db.execute(
            f"{PLATE} WHERE plates.id = ? AND plates.verdict IS NOT NULL", (plate_id,)
        ).fetchone()
        return plate_of(row) if row else None

    def recent(self, limit: int, channel: str = "") -> list[Plate]:
        """The newest finished plates (of every channel, or of one), newest first."""
        rows = self.store.db.execute(  # the + keeps SQLite from the index by step: it would sort every plate there is
            f"{PLATE} WHERE +plates.step = 'rendered' AND banned = 0 AND ?2 IN ('', channel)"
            " ORDER BY plates.id DESC LIMIT ?1",
            (limit, channel),
        ).fetchall()
        return [plate_of(row) for row in rows]

    def finished(self, channel: str, since: datetime) -> list[Finished]:
        """What of the channel's plates chosen since then has a picture to show."""
        rows = self.store.db.execute(
            "SELECT id, chosen_at, favourite, json_array_length(also) AS tellers,"
            " json_extract(verdict, '$.gravity') AS gravity FROM plates WHERE channel = ? AND chosen_at >= ?"
            " AND step = 'rendered' AND banned = 0 AND picture IS NOT NULL",
            (channel, stamp(since)),
        ).fetchall()
        return [
            Finished(r["id"], datetime.fromisoformat(r["chosen_at"]), bool(r["favourite"]), r["tellers"], r["gravity"])
            for r in rows
        ]

    def recipe(self, file: str) -> dict[str, Any]:
        """How a picture was made; empty where nobody knows."""
        row = self.store.db.execute("SELECT recipe FROM pictures WHERE file = ?", (file,)).fetchone()
        return dict(json.loads(row["recipe"])) if row else {}

    def since(self, channel: str, moment: datetime) -> list[Recent]:
        """The channel's plates since then, newest first."""
        rows = self.store.db.execute(
            "SELECT title, language, plates.id, chosen_at, coalesce(json_extract(prompt, '$.scene'), '') AS scene"
            " FROM plates JOIN stories ON stories.id = plates.story"
            " WHERE channel = ? AND step != 'declined' AND chosen_at >= ?"
            " ORDER BY chosen_at DESC, plates.id DESC LIMIT 500",
            (channel, stamp(moment)),
        ).fetchall()
        return [
            Recent(r["title"], r["scene"], datetime.fromisoformat(r["chosen_at"]), r["id"], r["language"]) for r in rows
        ]

    def used(self, channel: str, moment: datetime) -> list[Used]:
        """Every story that the channel has used since then."""
        rows = self.store.db.execute(
            "SELECT title, link, step = 'declined' AS declined FROM plates JOIN stories ON stories.id = plates.story"
            " WHERE channel = ? AND chosen_at >= ?",
            (channel, stamp(moment)),
        )
        return [Used(row["title"], row["link"], bool(row["declined"])) for row in rows]

    def feeds(self, urls: Sequence[str]) -> list[FeedRow]:
        rows = self.store.db.execute(f"SELECT * FROM feeds WHERE url IN ({marks(urls)})", urls).fetchall()  # noqa: S608
        known = {row["url"]: feed_of(row) for row in rows}
        return [known.get(url, FeedRow(url)) for url in urls]

    def arrivals(self, feed: str, since: datetime) -> int:
        """How many stories of a feed were first seen since then."""
        (number,) = self.store.db.execute(
            "SELECT count(*) FROM stories WHERE feed = ? AND first_seen >= ?", (feed, stamp(since))
        ).fetchone()
        return int(number)

    def counts(self) -> dict[str, int]:
        """How many stories and plates there are, by step."""
        rows = self.store.db.execute("SELECT step, count(*) AS n FROM plates GROUP BY step").fetchall()
        (stories,) = self.store.db.execute("SELECT count(*) FROM stories").fetchone()
        return {"stories": stories} | {row["step"]: row["n"] for row in rows}

    # -- what arrived -----------------------------------------------------------------------

    def arrived(self, channel: str, feeds: Sequence[str], since: datetime) -> Iterator[Arrival]:
        """Judged stories of these feeds first seen since then, newest first, read as they are asked for."""
        rows = self.store.db.execute(
            f"{ARRIVAL} AND feed IN (SELECT value FROM json_each(?2)) AND first_seen >= ?3"  # noqa: S608
            " ORDER BY first_seen DESC, stories.id",
            (channel, json.dumps(feeds), stamp(since)),
        )
        return (_arrival(row) for row in rows)

    def named(self, channel: str, feeds: Sequence[str], handle: str, limit: int) -> list[Arrival]:
        """Judged stories of these feeds whose id begins with ``handle``, hex digits."""
        rows = self.store.db.execute(  # the + keeps SQLite from the index by feed: it would read every story there is
            f"{ARRIVAL} AND +feed IN (SELECT value FROM json_each(?2)) AND stories.id >= ?3"  # noqa: S608
            " AND stories.id < ?3 || 'g' ORDER BY stories.id LIMIT ?4",
            (channel, json.dumps(feeds), handle, limit),
        ).fetchall()
        return [_arrival(row) for row in rows]

    def arrived_rows(self, feeds: Sequence[str], since: datetime) -> list[int]:
        """The numbers of the rows of stories of these feeds first seen since then: from an index alone."""
        rows = self.store.db.execute(
            f"SELECT rowid FROM stories WHERE feed IN ({marks(feeds)}) AND first_seen >= ?",  # noqa: S608
            (*feeds, stamp(since)),
        )
        return [row[0] for row in rows]

    def judged(self, rows: Sequence[int]) -> list[tuple[int, Story, Verdict]]:
        """The stories in these rows, with the number of each; those that are not judged yet are left out."""
        found = self.store.db.execute(
            "SELECT rowid, * FROM stories WHERE rowid IN (SELECT value FROM json_each(?)) AND verdict IS NOT NULL",
            (json.dumps(rows),),
        )
        return [(row["rowid"], story_of(row, row["id"]), verdict_of(row["verdict"])) for row in found]

    # -- upkeep -----------------------------------------------------------------------------

    def prune(self, keep_days: float, keep_gb: float) -> int:
        """Let go of what is old or too much, oldest first; favourites stay. Returns how many files were removed.

        Rows go before files, so that no row ever names a file that is not there; a showing before its plate, a plate
        before its story and its picture.
        """
        before = stamp(self.store.now() - timedelta(days=keep_days))
        self._delete("showings", "shown_at < ?", before)
        self._delete("plates", "favourite = 0 AND moved_at < ?", before)
        self._delete("passes", "passed_at < ?", before)
        unused = "NOT EXISTS (SELECT 1 FROM plates WHERE plates.story = stories.id)"
        self._delete("stories", f"first_seen < ? AND {unused}", before)
        self._shrink(keep_gb * GB)
        used = "SELECT 1 FROM {} WHERE picture = pictures.file"
        self._delete("pictures", f"NOT EXISTS ({used.format('plates')}) AND NOT EXISTS ({used.format('tries')})")
        return self._remove_strays()

    def _delete(self, table: str, condition: str, *values: str) -> None:
        """Delete some rows at a time, so that others may write in between: a year's rows take seconds."""
        some = f"DELETE FROM {table} WHERE rowid IN (SELECT rowid FROM {table} WHERE {condition} LIMIT {SLICE})"  # noqa: S608
        gone = SLICE
        while gone == SLICE:
            with self.store.transaction() as db:
                gone = db.execute(some, values).rowcount

    def _shrink(self, keep_bytes: float) -> None:
        """Delete the oldest plates with pictures until the rest fits."""
        with self.store.transaction() as db:
            (total,) = db.execute("SELECT coalesce(sum(bytes), 0) FROM pictures").fetchone()
            if total <= keep_bytes:
                return
            rows = db.execute(
                "SELECT id, (SELECT sum(bytes) FROM pictures WHERE file = plates.picture OR file IN"
                " (SELECT picture FROM tries WHERE tries.plate = plates.id)) AS bytes"
                " FROM plates WHERE favourite = 0 AND picture IS NOT NULL ORDER BY id"
            )
            doomed = []
            for row in rows.fetchall():
                if total <= keep_bytes:
                    break
                total -= row["bytes"]
                doomed.append((row["id"],))
            passes = "(channel, story) IN (SELECT channel, story FROM plates WHERE id = ?)"  # else chosen once more
            db.executemany(f"DELETE FROM passes WHERE {passes}", doomed)  # noqa: S608
            db.executemany("DELETE FROM plates WHERE id = ?", doomed)

    def _remove_strays(self) -> int:
        """Remove the files that no row names."""
        known = {row["file"] for row in self.store.db.execute("SELECT file FROM pictures")}
        strays = [name for name, _ in self.store.folder.files() if name not in known]
        for name in strays:
            self.store.folder.remove(name)
        return len(strays)


def _arrival(row: sqlite3.Row) -> Arrival:
    return Arrival(
        story_of(row, row["id"]), verdict_of(row["verdict"]), datetime.fromisoformat(row["first_seen"]),
        row["plate"], row["step"] and Step(row["step"]), bool(row["text_only"]), row["error"],
        row["passed_at"] is not None,
    )  # fmt: skip


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
