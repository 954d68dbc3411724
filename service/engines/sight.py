"""Whether an engine's model can be shown photos: by itself, through an adapter of its card or the owner's, or not."""

from __future__ import annotations

import time
from collections.abc import Callable

from .cards import Card, IpAdapter

REST_S = 900.0  #: before an adapter that could not be had is tried again


class Sight:
    """What one engine can see."""

    def __init__(self, wish: bool | str, most: int, card: Callable[[], Card]) -> None:
        """``wish``: whether an adapter may be used, or the owner's folder or hub id of one; ``most``: photos with a
        picture; ``card`` tells what is known of the model, and may raise EngineError.
        """
        self._wish, self._most, self._card = wish, most, card
        self._why, self._until = "", 0.0

    @property
    def adapter(self) -> IpAdapter | None:
        """What the model looks through; None where it needs none, or has none. Raises EngineError."""
        card = self._card()
        if not self._wish or not self._most or card.references or card.ip_adapter is None:
            return None
        if isinstance(self._wish, str):
            return card.ip_adapter.model_copy(update={"hub": self._wish, "licence": "", "download_gb": 0})
        return card.ip_adapter

    @property
    def references(self) -> int:
        """How many photos it can be shown with a picture, as far as is known. Raises EngineError."""
        able = self._card().references or (self._most if self.adapter else 0)
        return 0 if self.blind else min(able, self._most)

    @property
    def blind(self) -> str:
        """Why photos cannot be looked at for now; ""."""
        return self._why if time.monotonic() < self._until else ""

    def lost(self, why: str) -> None:
        """Photos could not be looked at: subjects are painted as any of their kind for a while."""
        self._why, self._until = why, time.monotonic() + REST_S

    @property
    def says(self) -> str:
        """What there is to say of the adapter, for people; "" where there is none. Raises EngineError."""
        if self.blind:
            return f"photos of subjects cannot be looked at: {self.blind}"
        if (adapter := self.adapter) is None:
            return ""
        size = f", {adapter.download_gb:g} GB to fetch with the first such picture" if adapter.download_gb else ""
        terms = f" ({adapter.licence}{size})" if adapter.licence else ""
        return f"subjects that were not learned for it are painted from photos with {adapter.hub}{terms}"
