"""Weights of subjects that were sent somewhere, and how many of them stay there. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .job import Learned

MOST = 16  #: subjects; the weights of one have 6 to 200 MB


class Luggage:
    """The files in one place, by their SHA-256: of each subject the last that was asked for, and not of too many."""

    def __init__(self) -> None:
        self._there: dict[str, tuple[str, Any]] = {}  # in the order in which they were last asked for

    def __contains__(self, sha256: object) -> bool:
        return sha256 in self._there

    def __iter__(self) -> Iterator[str]:
        return iter(self._there)

    def __len__(self) -> int:
        return len(self._there)

    def where(self, sha256: str) -> Any:
        """Where a file is that is there."""
        return self._there[sha256][1]

    def take(self, learned: Learned, where: Any = None) -> list[str]:
        """It is there now, and wanted; which files are not any more."""
        _, known = self._there.pop(learned.sha256, ("", where))
        gone = [sha256 for sha256, (subject, _) in self._there.items() if subject == learned.subject]
        others = [sha256 for sha256 in self._there if sha256 not in gone]
        gone += others[: max(len(others) + 1 - MOST, 0)]
        self._there = {sha256: here for sha256, here in self._there.items() if sha256 not in gone}
        self._there[learned.sha256] = learned.subject, known
        return gone
