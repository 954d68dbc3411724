"""What is written down about one Cast device: for the next process, and for the owner to read."""

from __future__ import annotations

import json
import logging
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

log = logging.getLogger(__name__)

UNSURE_SECONDS = 60.0  #: a player that came up so soon after a launch of ours without an answer is ours


@dataclass(frozen=True, slots=True)
class Notes:
    """What must outlive the process: which session is ours, and what we muted. Times are of the Unix clock."""

    session: str | None = None
    muted: bool = False  #: by us, and not yet taken back
    launching_at: float = 0.0  #: when a launch was asked for whose session is not known yet
    launching: str = ""  #: the app of that launch
    via: str = ""  #: the mark that our live page was opened with; "": ours is the player of stills

    @property
    def unsure(self) -> bool:
        return 0 <= time.time() - self.launching_at < UNSURE_SECONDS


@dataclass(frozen=True, slots=True)
class Told:
    """What became of it, for people; replaced as a whole."""

    shown_plate: int | None = None
    shown_at: datetime | None = None
    error: str | None = None
    next_at: float | None = None  #: of the monotonic clock
    step: str | None = None  #: how far the last attempt came: reached, launched, accepted, fetched

    def table(self) -> dict[str, object]:
        """JSON-safe; a next try that is over, or never comes, is None."""
        left = -1.0 if self.next_at is None else self.next_at - time.monotonic()
        soon = datetime.now(UTC) + timedelta(seconds=left) if 0 < left < 1e8 else None
        return {
            "shown_plate": self.shown_plate, "shown_at": self.shown_at and self.shown_at.isoformat(),
            "last_error": self.error, "next_try_at": soon and soon.isoformat(),
            "step": self.step,
        }  # fmt: skip


def read(path: Path) -> Notes:
    """The notes as they were left; empty ones where there are none, or none that can be read."""
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
        words = {key: str(table.get(key) or "") for key in ("session", "launching", "via")}
        at = float(table.get("launching_at") or 0)
        return Notes(words["session"] or None, table.get("muted") is True, at, words["launching"], words["via"])
    except (OSError, ValueError, TypeError, AttributeError):
        return Notes()


def write(path: Path, notes: Notes) -> None:
    """Keep them. A disk that is full costs a chime after the next restart, nothing else."""
    part = path.with_suffix(".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(json.dumps(asdict(notes)), encoding="utf-8")
        part.replace(path)
    except OSError as error:
        log.warning("%s cannot be written: %s", path, error)
