"""Reads feed documents, whatever they are, in worker processes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from service.errors import SourceError
from service.model import Story
from service.protocols import Fetched

from ..walled import Broken, Walled
from .documents.items import LONGEST
from .documents.page import LONGEST_PAGE, Link, Page


class Parser:
    """Parses documents in worker processes, started when first needed.

    Safe to use from several threads; more of them than ``workers`` wait for each other.
    """

    def __init__(self, seconds: float = 10.0, memory_bytes: int = 300_000_000, workers: int = 1) -> None:
        """``seconds`` and ``memory_bytes``, the interpreter included, are what one document may cost.

        With more than one worker, a document that hangs does not delay those of other threads.
        """
        self._walled = Walled("service.sources.documents.worker", seconds, memory_bytes, workers)
        self.workers = workers

    def parse(
        self, body: bytes, url: str, content_type: str = "", *, now: datetime, usual: Sequence[str] = ()
    ) -> Fetched:
        """The stories of a document found at ``url``. Raises SourceError, whatever the document does.

        ``now`` (aware) stands in for dates that are missing or absurd; ``usual`` are the languages its reader reads.
        """
        if len(body) > LONGEST:
            raise SourceError(f"too large (over {LONGEST / 1e6:g} MB)")
        request = {"url": url, "content_type": content_type, "now": now.isoformat(), "usual": list(usual)}
        return _fetched(self._answer(request, body))

    def page(self, body: bytes, content_type: str = "") -> Page:
        """What an HTML page says of feeds. Raises SourceError where it cannot be read to its end in time."""
        answer = self._answer({"page": True, "content_type": content_type}, body[:LONGEST_PAGE])
        declared, likely = ([Link(**told) for told in answer[kind]] for kind in ("declared", "likely"))
        return Page(answer["base"], tuple(declared), tuple(likely))

    def _answer(self, request: Mapping[str, Any], body: bytes) -> dict[str, Any]:
        try:
            answer = self._walled.ask(request, body)
        except Broken as broken:
            raise SourceError(f"not readable as a feed ({broken})") from broken
        if "error" in answer:
            raise SourceError(str(answer["error"]))
        return answer

    def close(self) -> None:
        """End the workers that are idle; the next document starts a new one. Safe to repeat."""
        self._walled.close()


def _fetched(answer: dict[str, Any]) -> Fetched:
    stories = (Story(**{**told, "published": datetime.fromisoformat(told["published"])}) for told in answer["stories"])
    return Fetched(tuple(stories), title=answer["title"], check_after=answer["check_after"], dropped=answer["dropped"])
