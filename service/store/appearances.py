"""Which subjects may appear on which channel beside those of the config, and what pictures show one.

Rows that any process may write while a service runs; its next round reads them.
"""

from __future__ import annotations

from .rows import stamp
from .store import Store

#: a row's prompt names the subject, as the first or beside it
SHOWS = (
    "(json_extract(prompt, '$.subject') = ?1"
    " OR EXISTS (SELECT 1 FROM json_each(prompt, '$.company') AS beside WHERE beside.value = ?1))"
)


class Appearances:
    """The subjects' side of a store."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def on(self, channel: str) -> tuple[str, ...]:
        """The subjects that were put on this channel, the first one first."""
        rows = self.store.db.execute(
            "SELECT subject FROM appearances WHERE channel = ? ORDER BY since, subject", (channel,)
        )
        return tuple(row["subject"] for row in rows)

    def channels(self, subject: str) -> tuple[str, ...]:
        """The channels that a subject was put on."""
        rows = self.store.db.execute("SELECT channel FROM appearances WHERE subject = ? ORDER BY channel", (subject,))
        return tuple(row["channel"] for row in rows)

    def begin(self, subject: str, channel: str) -> bool:
        """Put a subject on a channel; False if it was there."""
        with self.store.transaction() as db:
            at = stamp(self.store.now())
            return bool(db.execute("INSERT OR IGNORE INTO appearances VALUES (?,?,?)", (channel, subject, at)).rowcount)

    def end(self, subject: str, channel: str) -> bool:
        """Take a subject from a channel; what is painted stays. False if it was not there."""
        with self.store.transaction() as db:
            return bool(
                db.execute("DELETE FROM appearances WHERE subject = ? AND channel = ?", (subject, channel)).rowcount
            )

    def plates(self, subject: str) -> int:
        """How many plates show it."""
        (number,) = self.store.db.execute(f"SELECT count(*) FROM plates WHERE {SHOWS}", (subject,)).fetchone()  # noqa: S608
        return int(number)

    def forget(self, subject: str) -> int:
        """Let go of every plate that shows a subject, or was tried with it, and of its pictures' files; how many.

        Rows go before files. A story that is still new may be chosen again, and is then painted without it.
        """
        with self.store.transaction() as db:
            doomed = [row["id"] for row in db.execute(
                f"SELECT id FROM plates WHERE {SHOWS} UNION SELECT plate FROM tries WHERE {SHOWS}",  # noqa: S608
                (subject,),
            )]  # fmt: skip
            files = {row["picture"] for plate in doomed for row in db.execute(
                "SELECT picture FROM plates WHERE id = ?1 AND picture IS NOT NULL"
                " UNION SELECT picture FROM tries WHERE plate = ?1", (plate,)
            )}  # fmt: skip
            db.executemany("DELETE FROM plates WHERE id = ?", [(plate,) for plate in doomed])
            db.execute("DELETE FROM appearances WHERE subject = ?", (subject,))
            unused = "NOT EXISTS (SELECT 1 FROM {} WHERE picture = ?1)"
            gone = [file for file in files if db.execute(
                f"DELETE FROM pictures WHERE file = ?1 AND {unused.format('plates')} AND {unused.format('tries')}",  # noqa: S608
                (file,),
            ).rowcount]  # fmt: skip
        for file in gone:
            self.store.folder.remove(file)
        return len(doomed)
