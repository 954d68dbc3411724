"""What was shown, what hangs now, what may go: reading, showings and upkeep."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ..hanging import Ready
from ..model import Plate
from .rows import PLATE, FeedRow, feed_of, marks, plate_of, stamp
from .store import Store

GB = 1e9
SLICE = 2000  #: rows that one transaction of the upkeep lets go of


@dataclass(frozen=True, slots=True)
class Hung:
    """A plate on a display, and since when."""

    showing: int
    plate: Plate
    since: datetime


@dataclass(frozen=True, slots=True)
class Recent:
    """What a plate was about, when it was chosen, and its scene ("" while undescribed)."""

    title: str
    scene: str
    chosen_at: datetime


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
            "SELECT id, chosen_at, (SELECT shown_at FROM showings WHERE plate = plates.id AND display = ?"
            " ORDER BY showings.id DESC LIMIT 1) AS last FROM plates"
            " WHERE channel = ? AND step = 'rendered' AND banned = 0 ORDER BY id DESC LIMIT ?",
            (display, channel, limit),
        ).fetchall()
        return [Ready(r["id"], datetime.fromisoformat(r["chosen_at"]), _moment(r["last"])) for r in rows]

    def show(self, display: str, plate: int) -> None:
        with self.store.transaction() as db:
            db.execute(
                "INSERT INTO showings (display, plate, shown_at) VALUES (?,?,?)",
                (display, plate, stamp(self.store.now())),
            )

    # -- reading ----------------------------------------------------------------------------

    def plate(self, plate_id: int) -> Plate | None:
        row = self.store.db.execute(f"{PLATE} WHERE plates.id = ?", (plate_id,)).fetchone()
        return plate_of(row) if row else None

    def recent(self, limit: int) -> list[Plate]:
        """The newest finished plates of every channel, newest first."""
        rows = self.store.db.execute(  # the + keeps SQLite from the index by step: it would sort every plate there is
            f"{PLATE} WHERE +plates.step = 'rendered' AND banned = 0 ORDER BY plates.id DESC LIMIT ?", (limit,)
        ).fetchall()
        return [plate_of(row) for row in rows]

    def recipe(self, file: str) -> dict[str, Any]:
        """How a picture was made; empty where nobody knows."""
        row = self.store.db.execute("SELECT recipe FROM pictures WHERE file = ?", (file,)).fetchone()
        return dict(json.loads(row["recipe"])) if row else {}

    def since(self, channel: str, moment: datetime) -> list[Recent]:
        """The channel's plates since then, newest first."""
        rows = self.store.db.execute(
            "SELECT title, chosen_at, coalesce(json_extract(prompt, '$.scene'), '') AS scene FROM plates"
            " JOIN stories ON stories.id = plates.story WHERE channel = ? AND step != 'declined' AND chosen_at >= ?"
            " ORDER BY chosen_at DESC, plates.id DESC LIMIT 500",
            (channel, stamp(moment)),
        ).fetchall()
        return [Recent(row["title"], row["scene"], datetime.fromisoformat(row["chosen_at"])) for row in rows]

    def feeds(self, urls: Sequence[str]) -> list[FeedRow]:
        rows = self.store.db.execute(f"SELECT * FROM feeds WHERE url IN ({marks(urls)})", urls).fetchall()  # noqa: S608
        known = {row["url"]: feed_of(row) for row in rows}
        return [known.get(url, FeedRow(url)) for url in urls]

    def counts(self) -> dict[str, int]:
        """How many stories and plates there are, by step."""
        rows = self.store.db.execute("SELECT step, count(*) AS n FROM plates GROUP BY step").fetchall()
        (stories,) = self.store.db.execute("SELECT count(*) FROM stories").fetchone()
        return {"stories": stories} | {row["step"]: row["n"] for row in rows}

    # -- upkeep -----------------------------------------------------------------------------

    def prune(self, keep_days: float, keep_gb: float) -> int:
        """Let go of what is old or too much, oldest first; favourites stay. Returns how many files were removed.

        Rows go before files, so that no row ever names a file that is not there; a showing before its plate, a plate
        before its story and its picture.
        """
        before = stamp(self.store.now() - timedelta(days=keep_days))
        self._delete("showings", "shown_at < ?", before)
        self._delete("plates", "favourite = 0 AND moved_at < ?", before)
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
            db.executemany("DELETE FROM plates WHERE id = ?", doomed)

    def _remove_strays(self) -> int:
        """Remove the files that no row names."""
        known = {row["file"] for row in self.store.db.execute("SELECT file FROM pictures")}
        strays = [name for name, _ in self.store.folder.files() if name not in known]
        for name in strays:
            self.store.folder.remove(name)
        return len(strays)


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
