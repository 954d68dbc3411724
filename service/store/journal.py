"""How a picture came to be, and what that cost: transcripts, tries, ledgers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, tzinfo
from typing import Any

from ..errors import Withdrawn
from ..model import Picture, Plate, Prompt
from ..protocols import Check, Critique, Note
from ..surroundings import Spending
from .rows import prompt_of, stamp, time_of
from .store import Store

NOTES = 30  #: of a plate
NOTE_CHARS = 4_000  #: of a note


@dataclass(frozen=True, slots=True)
class Try:
    """A picture that was made for a plate, and what the critic said of it."""

    picture: str  #: file name below data/pictures
    engine: str
    prompt: Prompt
    critique: Critique | None
    tried_at: datetime


@dataclass(frozen=True, slots=True)
class Making:
    """How a plate came to be."""

    recipe: Mapping[str, Any]  #: of its picture; empty where it has none, or nobody knows
    tries: Sequence[Try]  #: in order
    notes: Sequence[tuple[datetime, Note]]  #: its transcript, in order


class Journal:
    """The transcripts and tries of a store's plates."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def note(self, plate: int, note: Note) -> None:
        """Add a line to a plate's transcript, of which the first line and the newest ones are kept."""
        with self.store.transaction() as db:
            db.execute(
                "INSERT INTO notes (plate, noted_at, who, what, text) VALUES (?,?,?,?,?)",
                (plate, stamp(self.store.now()), note.who, note.what[:NOTE_CHARS], note.text[:NOTE_CHARS]),
            )
            db.execute(
                "DELETE FROM notes WHERE plate = ?1 AND id > (SELECT min(id) FROM notes WHERE plate = ?1) AND id NOT IN"
                " (SELECT id FROM notes WHERE plate = ?1 ORDER BY id DESC LIMIT ?2)",
                (plate, NOTES - 1),
            )

    def notes(self, plate: int) -> list[tuple[datetime, Note]]:
        """A plate's transcript, in order."""
        rows = self.store.db.execute("SELECT * FROM notes WHERE plate = ? ORDER BY id", (plate,)).fetchall()
        return [(datetime.fromisoformat(r["noted_at"]), Note(r["who"], r["what"], r["text"])) for r in rows]

    def tried(self, plate: Plate, prompt: Prompt, picture: Picture, engine: str, critique: Critique | None) -> str:
        """Keep a try: its file, then its rows, which end the attempt. Returns the file's name. Safe to repeat.

        Raises Withdrawn where the plate is not to be painted any more.
        """
        file, now = self.store.keep(picture), stamp(self.store.now())
        said = json.dumps(asdict(critique)) if critique else None
        with self.store.transaction() as db:
            there = "UPDATE plates SET attempts = 0 WHERE id = ? AND step = ? AND banned = 0"
            if not db.execute(there, (plate.id, plate.step)).rowcount:
                raise Withdrawn(f"plate {plate.id} was taken back meanwhile")
            again = db.execute(
                "UPDATE tries SET critique = ?, tried_at = ? WHERE plate = ? AND picture = ?",
                (said, now, plate.id, file),
            ).rowcount
            if not again:
                db.execute(
                    "INSERT INTO tries (plate, picture, engine, prompt, critique, tried_at) VALUES (?,?,?,?,?,?)",
                    (plate.id, file, engine, json.dumps(asdict(prompt)), said, now),
                )
        return file

    def tries(self, plate: int) -> list[Try]:
        """A plate's tries, in order."""
        rows = self.store.db.execute("SELECT * FROM tries WHERE plate = ? ORDER BY id", (plate,)).fetchall()
        return [
            Try(r["picture"], r["engine"], prompt_of(r["prompt"]), _critique(r["critique"]),
                datetime.fromisoformat(r["tried_at"]))
            for r in rows
        ]  # fmt: skip

    def painted(self, since: datetime) -> Mapping[str, int]:
        """How many pictures each engine has made since then."""
        counted = "SELECT engine, count(*) FROM tries WHERE tried_at >= ? GROUP BY engine"
        return dict(self.store.db.execute(counted, (stamp(since),)).fetchall())

    def picture(self, plate: int, number: int) -> bytes:
        """The file of a plate's try, from 1. Raises LookupError where there is none, or it is gone or damaged."""
        tries = self.tries(plate)
        if not 0 < number <= len(tries):
            raise LookupError(f"plate {plate} has no try {number}")
        try:
            return self.store.folder.read(tries[number - 1].picture)
        except (OSError, ValueError) as error:
            raise LookupError(f"the picture of try {number} is gone") from error


class Account:
    """The ledger of one adapter, and the switch that keeps it from asking anything."""

    def __init__(self, store: Store, name: str, zone: tzinfo | None) -> None:
        self.store, self.name, self._zone = store, name, zone

    def today(self) -> Spending:
        """The sum since midnight, in the owner's time zone."""
        row = self.store.db.execute(
            "SELECT calls, tokens_in, tokens_out, usd FROM ledger WHERE day = ? AND name = ?", (self._day(), self.name)
        ).fetchone()
        return Spending(*row) if row else Spending()

    def add(self, spending: Spending) -> None:
        with self.store.transaction() as db:
            db.execute(
                "INSERT INTO ledger VALUES (?,?,?,?,?,?) ON CONFLICT (day, name) DO UPDATE SET calls = calls + ?3,"
                " tokens_in = tokens_in + ?4, tokens_out = tokens_out + ?5, usd = usd + ?6",
                (self._day(), self.name, spending.calls, spending.tokens_in, spending.tokens_out, spending.usd),
            )

    def _day(self) -> str:
        return self.store.now().astimezone(self._zone).date().isoformat()

    def switched_off(self) -> datetime | None:
        """Since when the owner wants nothing asked until further notice; None: it may ask."""
        row = self.store.db.execute("SELECT since FROM switched_off WHERE name = ?", (self.name,)).fetchone()
        return time_of(row["since"]) if row else None

    def switch(self, *, on: bool) -> None:
        """Let it ask, or let it ask nothing."""
        with self.store.transaction() as db:
            if on:
                db.execute("DELETE FROM switched_off WHERE name = ?", (self.name,))
            else:
                db.execute("INSERT OR IGNORE INTO switched_off VALUES (?,?)", (self.name, stamp(self.store.now())))


def _critique(text: str | None) -> Critique | None:
    if text is None:
        return None
    table = json.loads(text)
    checks: Sequence[dict[str, object]] = table["checks"]
    return Critique(**{**table, "checks": tuple(Check(**check) for check in checks)})  # type: ignore[arg-type]
