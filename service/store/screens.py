"""Screens and what the owner wants of them: paired at run time, paused, stepped back and forth.

Like wishes, these are rows that any process may write while a service runs.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import datetime

from .rows import stamp
from .store import Store

SHOWABLE = "banned = 0 AND step = 'rendered'"


@dataclass(frozen=True, slots=True)
class Screen:
    """A display that was paired at run time."""

    name: str
    profile: str
    channel: str
    paired_at: datetime
    key_sha256: str | None  #: of the key that the screen holds; None until it has come for it


@dataclass(frozen=True, slots=True)
class Code:
    """What a screen that wants to be paired shows; ``display`` is the name it was given, once it was."""

    code: str  #: six digits
    width_px: int
    height_px: int
    made_at: datetime
    display: str | None


@dataclass(frozen=True, slots=True)
class Shown:
    """A place in what a display has shown."""

    showing: int
    plate: int


class Screens:
    """The screens' side of a store."""

    def __init__(self, store: Store) -> None:
        self.store = store

    # -- paired -----------------------------------------------------------------------------

    def paired(self) -> list[Screen]:
        """The displays paired at run time, by name."""
        rows = self.store.db.execute("SELECT * FROM screens ORDER BY name").fetchall()
        return [
            Screen(r["name"], r["profile"], r["channel"], datetime.fromisoformat(r["paired_at"]), r["key_sha256"])
            for r in rows
        ]

    def key_of(self, display: str) -> str | None:
        """The SHA-256 of the key that a paired display holds."""
        row = self.store.db.execute("SELECT key_sha256 FROM screens WHERE name = ?", (display,)).fetchone()
        return row["key_sha256"] if row else None

    def unpair(self, display: str) -> bool:
        """Forget a paired display: its key opens nothing any more. False if there is none of that name."""
        with self.store.transaction() as db:
            db.execute("DELETE FROM pauses WHERE display = ?", (display,))
            return bool(db.execute("DELETE FROM screens WHERE name = ?", (display,)).rowcount)

    # -- codes ------------------------------------------------------------------------------

    def offer(self, code: str, nonce_sha256: str) -> bool:
        """Keep a code for the screen that knows the nonce; False if another screen shows the same."""
        with self.store.transaction() as db:
            made = stamp(self.store.now())
            return bool(
                db.execute(
                    "INSERT OR IGNORE INTO pairings (code, nonce_sha256, made_at) VALUES (?,?,?)",
                    (code, nonce_sha256, made),
                ).rowcount
            )

    def sized(self, nonce_sha256: str, width_px: int, height_px: int) -> None:
        """Remember how large the screen behind a code is."""
        with self.store.transaction() as db:
            db.execute(
                "UPDATE pairings SET width_px = ?, height_px = ? WHERE nonce_sha256 = ?",
                (width_px, height_px, nonce_sha256),
            )

    def code_of(self, nonce_sha256: str) -> Code | None:
        """The code of the screen that knows the nonce."""
        return _code(self.store.db.execute("SELECT * FROM pairings WHERE nonce_sha256 = ?", (nonce_sha256,)).fetchone())

    def code(self, code: str) -> Code | None:
        return _code(self.store.db.execute("SELECT * FROM pairings WHERE code = ?", (code,)).fetchone())

    def codes(self) -> int:
        """How many screens wait to be paired."""
        (number,) = self.store.db.execute("SELECT count(*) FROM pairings WHERE display IS NULL").fetchone()
        return int(number)

    def expire(self, before: datetime) -> None:
        """Forget the codes made before then."""
        with self.store.transaction() as db:
            db.execute("DELETE FROM pairings WHERE made_at < ?", (stamp(before),))

    def withdraw(self) -> None:
        """Forget every code that nobody has confirmed."""
        with self.store.transaction() as db:
            db.execute("DELETE FROM pairings WHERE display IS NULL")

    def confirm(self, code: str, name: str, profile: str, channel: str) -> bool:
        """The screen behind a code becomes a display; False if the code is not open any more."""
        with self.store.transaction() as db:
            taken = db.execute("UPDATE pairings SET display = ? WHERE code = ? AND display IS NULL", (name, code))
            if not taken.rowcount:
                return False
            db.execute(
                "INSERT INTO screens (name, profile, channel, paired_at) VALUES (?1,?2,?3,?4) ON CONFLICT (name)"
                " DO UPDATE SET profile = ?2, channel = ?3, paired_at = ?4, key_sha256 = NULL",
                (name, profile, channel, stamp(self.store.now())),
            )
            return True

    def collect(self, nonce_sha256: str, key_sha256: str) -> str | None:
        """A confirmed screen comes for its key, once. Returns the name it was given."""
        with self.store.transaction() as db:
            row = db.execute(
                "DELETE FROM pairings WHERE nonce_sha256 = ? AND display IS NOT NULL RETURNING display",
                (nonce_sha256,),
            ).fetchone()
            if row is None:
                return None
            db.execute("UPDATE screens SET key_sha256 = ? WHERE name = ?", (key_sha256, row["display"]))
            return str(row["display"])

    # -- paused -----------------------------------------------------------------------------

    def pause(self, display: str, *, paused: bool = True) -> bool:
        """Have a display keep its slide, or go on; False if it did already."""
        with self.store.transaction() as db:
            if paused:
                at = stamp(self.store.now())
                return bool(db.execute("INSERT OR IGNORE INTO pauses VALUES (?,?)", (display, at)).rowcount)
            return bool(db.execute("DELETE FROM pauses WHERE display = ?", (display,)).rowcount)

    def paused(self, display: str) -> bool:
        return self.store.db.execute("SELECT 1 FROM pauses WHERE display = ?", (display,)).fetchone() is not None

    # -- back and forth ---------------------------------------------------------------------

    def show(self, display: str, plate: int, origin: int | None = None) -> None:
        """Hang a plate; ``origin`` is the showing that is shown again, where that is what it is."""
        with self.store.transaction() as db:
            db.execute(
                "INSERT INTO showings (display, plate, shown_at, origin) SELECT ?, id, ?, ? FROM plates WHERE id = ?",
                (display, stamp(self.store.now()), origin, plate),
            )

    def before(self, display: str) -> Shown | None:
        """What was shown before what hangs now, and may hang again; stepping back twice goes back two."""
        return self._beside(display, "<", "DESC")

    def after(self, display: str) -> Shown | None:
        """What was shown after it; None where nobody has stepped back."""
        return self._beside(display, ">", "ASC")

    def _beside(self, display: str, side: str, order: str) -> Shown | None:
        row = self.store.db.execute(
            "WITH hung AS (SELECT plate, coalesce(origin, id) AS place FROM showings WHERE display = ?1"  # noqa: S608
            " ORDER BY id DESC LIMIT 1)"
            " SELECT showings.id, showings.plate FROM showings JOIN plates ON plates.id = showings.plate, hung"
            f" WHERE display = ?1 AND origin IS NULL AND showings.id {side} hung.place"
            f" AND showings.plate != hung.plate AND {SHOWABLE} ORDER BY showings.id {order} LIMIT 1",
            (display,),
        ).fetchone()
        return Shown(row["id"], row["plate"]) if row else None

    # -- not me -----------------------------------------------------------------------------

    def absent(self, plate: int, *, absent: bool = True) -> bool:
        """Nobody of this home appears in this plate's story any more, or may again; False if that was so already.

        Its plates that show somebody are directed and painted anew, and their pictures are forgotten.
        """
        with self.store.transaction() as db:
            story = "(SELECT story FROM plates WHERE id = ?1)"
            if not absent:
                return bool(db.execute(f"DELETE FROM absences WHERE story = {story}", (plate,)).rowcount)  # noqa: S608
            at = stamp(self.store.now())
            new = db.execute(
                "INSERT OR IGNORE INTO absences (story, since, subject, company)"
                " SELECT story, ?2, json_extract(prompt, '$.subject'),"
                " coalesce(json_extract(prompt, '$.company'), '[]') FROM plates WHERE id = ?1",
                (plate, at),
            ).rowcount
            theirs = f"story = {story} AND json_extract(prompt, '$.subject') IS NOT NULL"
            db.execute(f"DELETE FROM tries WHERE plate IN (SELECT id FROM plates WHERE {theirs})", (plate,))  # noqa: S608
            db.execute(
                "UPDATE plates SET step = 'chosen', prompt = NULL, picture = NULL, engine = 0, attempts = 0,"  # noqa: S608
                f" error = NULL, retry_at = NULL, moved_at = ?2 WHERE {theirs} AND step != 'declined'",
                (plate, at),
            )
            return bool(new)

    def refusals(self) -> dict[tuple[str, str], int]:
        """Of how many stories about a topic a subject was taken out, alone or with another, by subject and topic."""
        rows = self.store.db.execute(
            "WITH gone (story, subject) AS (SELECT story, subject FROM absences WHERE subject IS NOT NULL"
            " UNION SELECT story, beside.value FROM absences, json_each(absences.company) AS beside)"
            " SELECT gone.subject, topics.value AS topic, count(*) AS times FROM gone"
            " JOIN stories ON stories.id = gone.story, json_each(stories.verdict, '$.topics') AS topics GROUP BY 1, 2"
        ).fetchall()
        return {(row["subject"], row["topic"]): row["times"] for row in rows}


def _code(row: sqlite3.Row | None) -> Code | None:
    if row is None:
        return None
    made = datetime.fromisoformat(row["made_at"])
    return Code(row["code"], row["width_px"], row["height_px"], made, row["display"])
