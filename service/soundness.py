"""Whether the picture of a plate is still whole on the disk."""

from __future__ import annotations

import logging
from dataclasses import replace

from .model import Plate
from .store.folder import Folder

log = logging.getLogger(__name__)

KNOWN = 500  #: picture files known to be whole; another look at each costs a millisecond


class Soundness:
    """Remembers which picture files were whole when last looked at. Safe to use from several threads."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._known: set[tuple[str, object]] = set()

    def as_it_is(self, plate: Plate) -> Plate:
        """The plate without its picture where that is gone or damaged: its words stand alone until the next round."""
        if plate.sample or plate.picture is None:
            return plate
        try:
            seen = plate.picture, self._folder.stamp(plate.picture)
            if seen not in self._known:
                self._folder.read(plate.picture)
                self._known = {*list(self._known)[-KNOWN:], seen}
        except (OSError, ValueError) as error:
            log.warning("the picture of plate %d cannot be read: %s", plate.id, error)
            return replace(plate, picture=None)
        return plate
