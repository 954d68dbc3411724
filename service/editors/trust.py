"""How far a model's "no" is believed.

A model too small for its work calls everything gossip, and the wall stays empty: SmolLM2 135M declined 17 of 20 sound
headlines. A story is asked about only when the gate and the choice let it through, so a model that is up to its work
declines few.
"""

from __future__ import annotations

from collections import deque

from .answers import Direction

_LATELY = 8  #: directions
_FEW = 2  #: of them that may be declined before nothing is thought of it any more


class Trust:
    """Remembers of a model's last directions which it declined."""

    def __init__(self) -> None:
        self._lately: deque[bool] = deque(maxlen=_LATELY)

    def doubt(self, direction: Direction) -> str:
        """Why a direction that declines its story is not believed; "" where it is, and where it declines nothing."""
        declined = not direction.keep or direction.kind != "news"
        self._lately.append(declined)
        if not declined:
            return ""
        if direction.kind == "manipulation":
            return "it finds orders in a headline that has none"
        times = sum(self._lately)
        return f"it declined {times} of its last {len(self._lately)} stories" if times > _FEW else ""
