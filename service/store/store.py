"""What moves a row: each verb's beginning, end and failure.

Short transactions, never held across network or GPU work. A plate only moves on from the step that its work began
with, and not once it is banned: what the owner took back meanwhile is Withdrawn, and the work is for nothing.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from pathlib import Path

from .. import clock
from ..errors import DataFolderError, Withdrawn
from ..model import Picture, Plate, Prompt, Step, Story, Telling, Verdict
from ..protocols import Fetched
from .folder import Folder
from .rows import PLATE, FeedRow, feed_of, marks, plate_of, stamp, story_of, verdict_of
from .schema import migrate

FRESH = "attempts = 0, error = NULL, retry_at = NULL, moved_at = ?"


class Store:
    """The database of one data folder. One connection a thread. Raises DataFolderError where it cannot be used."""

    def __init__(self, folder: Path, now: clock.Clock = clock.now) -> None:
        self.folder, self.now, self._local = Folder(folder), now, threading.local()
        try:
            migrate(self.db)
        except sqlite3.Error as error:
            raise DataFolderError(
                f"{folder / 'frontispiece.db'} cannot be used: {error}; see that there is room and that this user may "
                "write there, or choose another folder with --data"
            ) from error

    @property
    def db(self) -> sqlite3.Connection:
        """This thread's connection. WAL: readers never wait for the one writer."""
        if not hasattr(self._local, "db"):
            db = sqlite3.connect(self.folder.path / "frontispiece.db", isolation_level=None, timeout=10)
            db.row_factory = sqlite3.Row
            db.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;")
            self._local.db = db
        connection: sqlite3.Connection = self._local.db
        return connection

    def changes(self) -> int:
        """A number that is another one once any other thread or process has written. Costs next to nothing."""
        (number,) = self.db.execute("PRAGMA data_version").fetchone()
        return int(number)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All of it or nothing. A disk that is full or a file that is damaged is a DataFolderError."""
        try:
            self.db.execute("BEGIN IMMEDIATE")
            try:
                yield self.db
                self.db.execute("COMMIT")
            except BaseException:
                if self.db.in_transaction:
                    self.db.execute("ROLLBACK")
                raise
        except sqlite3.IntegrityError:
            raise  # an impossible row is a bug of ours
        except (sqlite3.OperationalError, sqlite3.DatabaseError) as error:
            raise DataFolderError(f"the database in {self.folder.path} cannot be written: {error}") from error

    # -- feeds and stories ----------------------------------------------------------------

    def feed(self, url: str) -> FeedRow:
        row = self.db.execute("SELECT * FROM feeds WHERE url = ?", (url,)).fetchone()
        return feed_of(row) if row else FeedRow(url)

    def visited(self, url: str, fetched: Fetched, next_check: datetime) -> int:
        """Remember what a good visit brought: new stories and the feed's state together, or neither."""
        before, moved = self.feed(url), fetched.moved_to
        seen = before.moved_seen + 1 if moved and moved == before.moved_to else int(moved is not None)
        with self.transaction() as db:
            new = sum(self._add(db, story) for story in fetched.stories)
            db.execute(
                "INSERT OR REPLACE INTO feeds (url, title, bookmark, checked_at, next_check, moved_to, moved_seen)"
                " VALUES (?,?,?,?,?,?,?)",
                (url, fetched.title or before.title, json.dumps(asdict(fetched.bookmark)), stamp(self.now()),
                 stamp(next_check), moved, seen),
            )  # fmt: skip
        return new

    def _add(self, db: sqlite3.Connection, story: Story) -> int:
        return db.execute(
            "INSERT OR IGNORE INTO stories VALUES (?,?,?,?,?,?,?,?,?,NULL)",
            (story.id, story.feed, story.source, story.title, story.summary, story.link, story.language,
             stamp(story.published), stamp(self.now())),
        ).rowcount  # fmt: skip

    def unreachable(self, url: str, error: str, next_check: datetime, *, gone: bool = False) -> None:
        """Remember that a visit failed: old stories stay, the next visit waits."""
        with self.transaction() as db:
            db.execute(
                "INSERT INTO feeds (url, checked_at, next_check, failures, error, gone, failing_since)"
                " VALUES (?1,?2,?3,1,?4,?5,?2) ON CONFLICT (url) DO UPDATE SET checked_at=?2, next_check=?3,"
                " failures=failures+1, error=?4, gone=?5, failing_since=coalesce(failing_since, ?2)",
                (url, stamp(self.now()), stamp(next_check), error, int(gone)),
            )

    def postpone(self, urls: Sequence[str], next_check: datetime) -> None:
        """Let these feeds be until then. Said *before* a visit, it holds also where the process dies of that."""
        with self.transaction() as db:
            db.executemany(
                "INSERT INTO feeds (url, next_check) VALUES (?1, ?2) ON CONFLICT (url) DO UPDATE SET next_check = ?2",
                [(url, stamp(next_check)) for url in urls],
            )

    def unjudged(self, limit: int = 5000) -> list[Story]:
        rows = self.db.execute(
            "SELECT * FROM stories WHERE verdict IS NULL ORDER BY first_seen DESC LIMIT ?", (limit,)
        ).fetchall()
        return [story_of(row, row["id"]) for row in rows]

    def judged(self, verdicts: Sequence[tuple[str, Verdict]]) -> None:
        with self.transaction() as db:
            db.executemany(
                "UPDATE stories SET verdict = ? WHERE id = ?",
                [(json.dumps(asdict(verdict)), story) for story, verdict in verdicts],
            )

    def candidates(
        self, channel: str, feeds: Sequence[str], *, since: datetime | None = None, limit: int = 2000
    ) -> list[tuple[Story, Verdict]]:
        """Judged stories of these feeds, published since then, that this channel has not used yet, newest first."""
        rows = self.db.execute(
            f"SELECT * FROM stories WHERE feed IN ({marks(feeds)}) AND published >= ?"  # noqa: S608
            " AND verdict IS NOT NULL AND NOT EXISTS"
            " (SELECT 1 FROM plates WHERE plates.story = stories.id AND plates.channel = ?)"
            " ORDER BY published DESC LIMIT ?",
            (*feeds, stamp(since) if since else "", channel, limit),
        ).fetchall()
        return [(story_of(row, row["id"]), verdict_of(row["verdict"])) for row in rows]

    # -- plates -----------------------------------------------------------------------------

    def chosen(
        self, channel: str, story: str, verdict: Verdict, *, text_only: bool, also: Sequence[Telling] = ()
    ) -> int:
        """A story becomes a plate, with the verdict that this channel's rules gave it and who else tells it.

        Returns the plate's number.
        """
        told = json.dumps([asdict(each) for each in also])
        return self._new_plate((story, channel, Step.CHOSEN, json.dumps(asdict(verdict)), int(text_only), None, told))

    def retold(self, plate: int, also: Sequence[Telling]) -> None:
        """Who else tells a plate's story by now."""
        with self.transaction() as db:
            db.execute("UPDATE plates SET also = ? WHERE id = ?", (json.dumps([asdict(each) for each in also]), plate))

    def declined(self, channel: str, story: str, why: str) -> None:
        """Remember that this story is not for this channel, so that nobody is asked again."""
        self._new_plate((story, channel, Step.DECLINED, None, 0, why, "[]"))

    def _new_plate(self, values: tuple[object, ...]) -> int:
        with self.transaction() as db:
            db.execute(
                "INSERT OR IGNORE INTO plates (story, channel, step, verdict, text_only, error, also, chosen_at,"
                " moved_at) VALUES (?,?,?,?,?,?,?,?,?)",
                (*values, stamp(self.now()), stamp(self.now())),
            )
            (number,) = db.execute("SELECT id FROM plates WHERE story = ? AND channel = ?", values[:2]).fetchone()
        return int(number)

    def waiting(self, channel: str, step: Step) -> list[Plate]:
        """Plates that have finished ``step`` and may be moved on now, oldest first."""
        rows = self.db.execute(
            f"{PLATE} WHERE plates.channel = ? AND plates.step = ? AND plates.step IN ('chosen', 'described')"
            " AND banned = 0 AND (retry_at IS NULL OR retry_at <= ?) ORDER BY plates.id",
            (channel, step, stamp(self.now())),
        ).fetchall()
        return [plate_of(row) for row in rows]

    def unfinished(self, channel: str | None = None) -> list[Plate]:
        """Every plate that is on its way, whether it waits or not."""
        rows = self.db.execute(
            f"{PLATE} WHERE plates.id IN (SELECT id FROM plates INDEXED BY plates_unfinished"  # noqa: S608
            " WHERE step IN ('chosen', 'described')) AND banned = 0 AND (?1 IS NULL OR plates.channel = ?1)"
            " ORDER BY plates.id",
            (channel,),
        ).fetchall()
        return [plate_of(row) for row in rows]

    def begin(self, plate: Plate) -> None:
        """Count an attempt *before* it runs: a story that kills the process is not tried for ever."""
        self._set(plate, "attempts = attempts + 1, retry_at = NULL")

    def failed(self, plate: Plate, error: str, wait: timedelta) -> None:
        self._set(plate, "error = ?, retry_at = ?", error, stamp(self.now() + wait))

    def unspent(self, plate: Plate, why: str | None) -> None:
        """The attempt that was counted did not take place: as before it, and why."""
        self._set(plate, "attempts = ?, error = ?", plate.attempts, why)

    def described(self, plate: Plate, prompt: Prompt) -> None:
        """Raises Withdrawn where whom it shows does not belong there any more."""
        absent = "EXISTS (SELECT 1 FROM absences WHERE absences.story = plates.story)"
        allowed = f"NOT {absent}" if prompt.subjects else "1"
        change = f"step = 'described', {FRESH}, prompt = ?"
        self._set(plate, change, stamp(self.now()), json.dumps(asdict(prompt)), where=allowed)

    def rendered(self, plate: Plate, file: str) -> None:
        """The plate has its picture, which is kept already."""
        self._set(
            replace(plate, step=Step.DESCRIBED), f"step = 'rendered', {FRESH}, picture = ?", stamp(self.now()), file
        )

    def repainted(self, plate: Plate, file: str) -> None:
        """A finished plate hangs another picture from now on, which is kept already. Raises Withdrawn."""
        self._set(plate, "picture = ?, text_only = 0, moved_at = ?", file, stamp(self.now()))

    def keep(self, picture: Picture) -> str:
        """Keep a picture: its file, then its row. Returns the file's name."""
        file = self.folder.write(picture)
        with self.transaction() as db:
            db.execute(
                "INSERT OR IGNORE INTO pictures VALUES (?,?,?,?,?,?)",
                (file, picture.width_px, picture.height_px, len(picture.data), json.dumps(dict(picture.recipe)),
                 stamp(self.now())),
            )  # fmt: skip
        return file

    def next_engine(self, plate: Plate, error: str) -> None:
        """The current engine's attempts are spent: start anew with the one after it."""
        self._set(plate, "engine = engine + 1, attempts = 0, error = ?, retry_at = NULL", error)

    def unillustrated(self, plate: Plate, why: str | None = None) -> None:
        """The plate will be a text-only slide, and is ready to show."""
        change = "attempts = 0, retry_at = NULL, moved_at = ?, error = ?, text_only = 1, picture = NULL"
        self._set(plate, f"step = 'rendered', {change}", stamp(self.now()), why)

    def refused(self, plate: Plate, why: str) -> None:
        """The editor will not have this story after all."""
        self._set(
            plate, "step = 'declined', attempts = 0, retry_at = NULL, moved_at = ?, error = ?", stamp(self.now()), why
        )

    def spoilt(self, plate: Plate) -> None:
        """The picture's file is gone or damaged: paint it again."""
        self._set(plate, f"step = 'described', {FRESH}, picture = NULL, engine = 0", stamp(self.now()))

    def retry(self, plate_id: int | None = None) -> int:
        """Let waiting plates be tried again at once; return how many."""
        with self.transaction() as db:
            return db.execute(
                "UPDATE plates SET attempts = 0, retry_at = NULL WHERE step IN ('chosen', 'described')"
                " AND (?1 IS NULL OR id = ?1)",
                (plate_id,),
            ).rowcount

    def retry_feeds(self, url: str | None = None) -> int:
        """Let feeds that fail or whose first visit was cut off, or this one, be visited at once; return how many."""
        with self.transaction() as db:
            return db.execute(
                "UPDATE feeds SET next_check = NULL, gone = 0 WHERE (failures > 0 OR checked_at IS NULL)"
                " AND (?1 IS NULL OR url = ?1)",
                (url,),
            ).rowcount

    def _set(self, plate: Plate, change: str, *values: object, where: str = "1") -> None:
        """Change a row that is still at the plate's step. Raises Withdrawn."""
        there = f"id = ? AND step = ? AND banned = 0 AND {where}"
        with self.transaction() as db:
            moved = db.execute(f"UPDATE plates SET {change} WHERE {there}", (*values, plate.id, plate.step)).rowcount  # noqa: S608
        if not moved:
            raise Withdrawn(f"plate {plate.id} was taken back meanwhile")
