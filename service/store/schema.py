"""The tables, as numbered migrations: a script's place in the list is the version it makes (``PRAGMA user_version``).

Checks make an impossible row impossible. Times are ISO 8601 in UTC with milliseconds, so that text order is time order.
"""

import sqlite3

from ..errors import DataFolderError

MIGRATIONS = (
    """
    CREATE TABLE feeds (
        url TEXT PRIMARY KEY,
        title TEXT NOT NULL DEFAULT '',
        bookmark TEXT NOT NULL DEFAULT '{}',
        checked_at TEXT, next_check TEXT,
        failures INTEGER NOT NULL DEFAULT 0, error TEXT,
        gone INTEGER NOT NULL DEFAULT 0 CHECK (gone IN (0, 1)),
        moved_to TEXT, moved_seen INTEGER NOT NULL DEFAULT 0,
        CHECK ((failures = 0) = (error IS NULL))
    ) STRICT;

    CREATE TABLE stories (
        id TEXT PRIMARY KEY CHECK (length(id) = 64),
        feed TEXT NOT NULL, source TEXT NOT NULL, title TEXT NOT NULL CHECK (title != ''), summary TEXT NOT NULL,
        link TEXT NOT NULL, language TEXT NOT NULL, published TEXT NOT NULL, first_seen TEXT NOT NULL,
        verdict TEXT CHECK (verdict IS NULL OR json_valid(verdict))
    ) STRICT;
    CREATE INDEX stories_unjudged ON stories (first_seen) WHERE verdict IS NULL;
    CREATE INDEX stories_by_feed ON stories (feed, published);

    CREATE TABLE pictures (
        file TEXT PRIMARY KEY,
        width_px INTEGER NOT NULL CHECK (width_px > 0), height_px INTEGER NOT NULL CHECK (height_px > 0),
        bytes INTEGER NOT NULL CHECK (bytes > 0),
        recipe TEXT NOT NULL CHECK (json_valid(recipe)), made_at TEXT NOT NULL
    ) STRICT;

    CREATE TABLE plates (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        story TEXT NOT NULL REFERENCES stories, channel TEXT NOT NULL,
        step TEXT NOT NULL CHECK (step IN ('chosen', 'described', 'rendered', 'declined')),
        verdict TEXT CHECK (verdict IS NULL OR json_valid(verdict)),
        prompt TEXT CHECK (prompt IS NULL OR json_valid(prompt)),
        picture TEXT REFERENCES pictures ON DELETE SET NULL,
        text_only INTEGER NOT NULL DEFAULT 0 CHECK (text_only IN (0, 1)),
        engine INTEGER NOT NULL DEFAULT 0 CHECK (engine >= 0),
        attempts INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
        error TEXT, retry_at TEXT,
        chosen_at TEXT NOT NULL, moved_at TEXT NOT NULL,
        favourite INTEGER NOT NULL DEFAULT 0 CHECK (favourite IN (0, 1)),
        UNIQUE (story, channel),
        CHECK (step != 'described' OR prompt IS NOT NULL),
        CHECK (step = 'declined' OR verdict IS NOT NULL),
        CHECK (text_only = 0 OR picture IS NULL)
    ) STRICT;
    CREATE INDEX plates_unfinished ON plates (id) WHERE step IN ('chosen', 'described');
    CREATE INDEX plates_by_step ON plates (step, channel, id);
    CREATE INDEX plates_by_time ON plates (channel, chosen_at);
    CREATE INDEX plates_by_picture ON plates (picture);

    CREATE TABLE showings (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        display TEXT NOT NULL, plate INTEGER NOT NULL REFERENCES plates ON DELETE CASCADE, shown_at TEXT NOT NULL
    ) STRICT;
    CREATE INDEX showings_latest ON showings (display, id);
    CREATE INDEX showings_of_plate ON showings (plate, display, id);
    """,
    """
    CREATE TABLE subscriptions (
        channel TEXT NOT NULL, url TEXT NOT NULL, title TEXT NOT NULL DEFAULT '', added_at TEXT NOT NULL,
        PRIMARY KEY (channel, url)
    ) STRICT;

    CREATE TABLE passes (
        channel TEXT NOT NULL, story TEXT NOT NULL REFERENCES stories ON DELETE CASCADE, passed_at TEXT NOT NULL,
        PRIMARY KEY (channel, story)
    ) STRICT;

    ALTER TABLE plates ADD COLUMN banned INTEGER NOT NULL DEFAULT 0 CHECK (banned IN (0, 1));
    ALTER TABLE plates ADD COLUMN also TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(also));
    CREATE INDEX plates_voted ON plates (channel, id) WHERE favourite = 1 OR banned = 1;
    ALTER TABLE feeds ADD COLUMN failing_since TEXT;
    CREATE INDEX passes_by_story ON passes (story);
    CREATE INDEX stories_by_arrival ON stories (feed, first_seen);
    """,
    """
    CREATE TABLE tries (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        plate INTEGER NOT NULL REFERENCES plates ON DELETE CASCADE,
        picture TEXT NOT NULL REFERENCES pictures, engine TEXT NOT NULL,
        prompt TEXT NOT NULL CHECK (json_valid(prompt)),
        critique TEXT CHECK (critique IS NULL OR json_valid(critique)),
        tried_at TEXT NOT NULL
    ) STRICT;
    CREATE INDEX tries_of_plate ON tries (plate, id);
    CREATE INDEX tries_by_picture ON tries (picture);

    CREATE TABLE notes (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        plate INTEGER NOT NULL REFERENCES plates ON DELETE CASCADE,
        noted_at TEXT NOT NULL, who TEXT NOT NULL, what TEXT NOT NULL, text TEXT NOT NULL
    ) STRICT;
    CREATE INDEX notes_of_plate ON notes (plate, id);

    CREATE TABLE ledger (
        day TEXT NOT NULL, name TEXT NOT NULL,
        calls INTEGER NOT NULL, tokens_in INTEGER NOT NULL, tokens_out INTEGER NOT NULL, usd REAL NOT NULL,
        PRIMARY KEY (day, name)
    ) STRICT;

    CREATE TABLE switched_off (name TEXT PRIMARY KEY, since TEXT NOT NULL) STRICT;
    """,
    """
    CREATE TABLE screens (
        name TEXT PRIMARY KEY, profile TEXT NOT NULL, channel TEXT NOT NULL, paired_at TEXT NOT NULL,
        key_sha256 TEXT CHECK (key_sha256 IS NULL OR length(key_sha256) = 64)
    ) STRICT;

    CREATE TABLE pairings (
        code TEXT PRIMARY KEY CHECK (length(code) = 6),
        nonce_sha256 TEXT NOT NULL UNIQUE CHECK (length(nonce_sha256) = 64),
        width_px INTEGER NOT NULL DEFAULT 0, height_px INTEGER NOT NULL DEFAULT 0,
        made_at TEXT NOT NULL, display TEXT
    ) STRICT;

    CREATE TABLE pauses (display TEXT PRIMARY KEY, since TEXT NOT NULL) STRICT;

    CREATE TABLE absences (
        story TEXT PRIMARY KEY REFERENCES stories ON DELETE CASCADE, since TEXT NOT NULL
    ) STRICT;

    ALTER TABLE showings ADD COLUMN origin INTEGER;
    """,
    """
    CREATE INDEX tries_by_time ON tries (tried_at);
    ALTER TABLE absences ADD COLUMN subject TEXT;
    """,
    """
    CREATE TABLE dials (
        channel TEXT PRIMARY KEY, mood INTEGER NOT NULL CHECK (mood BETWEEN -10 AND 10),
        configured INTEGER NOT NULL CHECK (configured BETWEEN -10 AND 10 AND configured != mood),
        turned_at TEXT NOT NULL
    ) STRICT;
    """,
    """
    CREATE TABLE appearances (
        channel TEXT NOT NULL, subject TEXT NOT NULL, since TEXT NOT NULL, PRIMARY KEY (channel, subject)
    ) STRICT;
    """,
    """
    ALTER TABLE absences ADD COLUMN company TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(company));
    """,
)


def migrate(db: sqlite3.Connection) -> None:
    """Bring a database up to date; each step is one transaction, so an interrupted one is simply taken again."""
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if version > len(MIGRATIONS):
        raise DataFolderError(
            f"the database was made by a newer Frontispiece (its version {version}): upgrade this one"
        )
    for number, script in enumerate(MIGRATIONS[version:], version + 1):
        db.executescript(f"BEGIN IMMEDIATE; {script}; PRAGMA user_version={number}; COMMIT;")
