"""What a worker tells while it reads or fetches a model: every tenth of it for the log, the newest for the pages."""

from __future__ import annotations

import logging
from typing import Any

log = logging.getLogger(__name__)


class Reading:
    """How far the reading of a model has got."""

    def __init__(self) -> None:
        self.now = ""  #: in words; "" where nothing is being read
        self._tenth = -1

    def heard(self, news: dict[str, Any], terms: str = "") -> None:
        """Take what the worker says. ``terms``: the model's licence and size, for the log when fetching begins."""
        says, of, done = str(news.get("says", "")), int(news.get("of", 0)), int(news.get("bytes", 0))
        if not of:
            self.now = says
            if says:
                log.info("%s", says)
            return
        self.now = f"{says}: {done / 1e9:.1f} of {of / 1e9:.1f} GB"
        if done == 0:
            self._tenth = 0
            log.info("%s, %.1f GB: %s", says, of / 1e9, terms)
        elif done * 10 // of != self._tenth:
            self._tenth = done * 10 // of
            log.info("%s", self.now)
