"""What is written down about one Cast device: for the next process, and for the owner to read."""

from __future__ import annotations

import json
import logging
import time
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)

UNSURE_SECONDS = 60.0  #: a player that came up so soon after a launch of ours without an answer is ours


@dataclass(frozen=True, slots=True)
class Notes:
    """What must outlive the process: which session is ours, and what we muted. Times are of the Unix clock."""

    device: str = ""  #: the address in the config: what is noted of one device says nothing of another
    session: str | None = None
    muted: bool = False  #: by us, and not yet taken back
    launching_at: float = 0.0  #: when a launch was asked for whose session is not known yet
    launching: str = ""  #: the app of that launch
    via: str = ""  #: the mark that our live page was opened with; "": ours is the player of stills

    @property
    def left(self) -> bool:
        """Whether something of ours may still be on the device: then it is gone to at night as well, to tidy up."""
        return self.session is not None or self.muted or self.unsure

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


class Notebook:
    """One display's notes, kept beside the data from change to change."""

    def __init__(self, path: Path, device: str) -> None:
        self._path = path
        self.notes = read(path, device)

    def note(self, **changed: Any) -> None:
        """Write down what has changed. A disk that is full costs a chime after the next restart, nothing else."""
        notes = replace(self.notes, **changed)
        if notes == self.notes:
            return
        self.notes = notes
        part = self._path.with_suffix(".part")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            part.write_text(json.dumps(asdict(notes)), encoding="utf-8")
            part.replace(self._path)
        except OSError as error:
            log.warning("%s cannot be written: %s", self._path, error)


def read(path: Path, device: str) -> Notes:
    """The notes as they were left; empty ones where there are none, none that can be read, or another device's."""
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
        words = {key: str(table.get(key) or "") for key in ("session", "launching", "via")}
        at, muted = float(table.get("launching_at") or 0), table.get("muted") is True
        if table.get("device", device) != device:
            return Notes(device)
        return Notes(device, words["session"] or None, muted, at, words["launching"], words["via"])
    except (OSError, ValueError, TypeError, AttributeError):
        return Notes(device)
