"""What a verb is asked, and how it is told to stop."""

from __future__ import annotations

import threading
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Event = dict[str, Any]  #: one JSON object on a line: {"event": "...", ...}
Events = Iterator[Event]


@dataclass(frozen=True)
class Request:
    """One verb about one subject."""

    data: Path  #: the data folder
    name: str  #: the subject's
    options: Namespace  #: what the verb's own ``options(parser)`` declared
    stop: threading.Event = field(
        default_factory=threading.Event
    )  #: set by SIGINT and SIGTERM: finish what must be whole
