"""How a model fits into this machine's memory: found out once, and remembered across restarts.

``gpu.json`` in the data folder has a row for each model and size. A row is forgotten when the model's files or the card
change, and after a week: what did not fit then may have had to share the card.
"""

from __future__ import annotations

import json
import logging
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ..files import write_whole
from . import weights
from .loading import Model
from .sizes import Size

log = logging.getLogger(__name__)
FILE = "gpu.json"
WEEK_S = 7 * 86400.0


@dataclass(frozen=True, slots=True)
class Found:
    """A way to hold a model that did not run out of memory."""

    how: str = ""  #: the name of the rung, see ``choosing.rungs``; "": the first
    most: int = 0  #: pictures at once; 0: nobody knows a limit
    hardware: str = ""  #: the card it was found out on
    stamp: str = ""  #: changes when the model's files do
    at: float = 0.0  #: seconds since 1970


class Ladder:
    """The rows of one model. A file that cannot be read or written only means to find out again."""

    def __init__(self, data: Path, model: Model) -> None:
        self._path, self._stamp = data / FILE, _stamp(model.name)
        how = (model.variant, model.dtype, model.device, model.quantise, "few steps" if model.few_step else "")
        self._model = "|".join((model.name, *how))

    def known(self, size: Size) -> Found:
        """What is remembered for pictures of this size."""
        try:
            found = Found(**self._rows()[self._key(size)])
            fresh = 0 <= time.time() - found.at < WEEK_S and found.stamp == self._stamp
        except (KeyError, TypeError):
            return Found()
        return found if fresh else Found()

    def learn(self, size: Size, found: Found) -> None:
        """Remember it."""
        rows = self._rows() | {self._key(size): asdict(replace(found, stamp=self._stamp, at=time.time()))}
        try:
            write_whole(self._path, json.dumps(rows, indent=1).encode())
        except OSError as error:
            log.warning("%s cannot be written (%s): what fits will be found out again", self._path, error.strerror)

    def _rows(self) -> dict[str, Any]:
        try:
            rows = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return rows if isinstance(rows, dict) else {}

    def _key(self, size: Size) -> str:
        return f"{self._model}|{size[0]}x{size[1]}"


def _stamp(model: str) -> str:
    """A folder's index changes with its model, and so does a single file; a name on the hub stands for itself."""
    path = Path(model)
    try:
        stat = (path if path.is_file() else path / weights.INDEX).stat()
    except OSError:
        return model
    return f"{stat.st_mtime_ns} {stat.st_size}"
