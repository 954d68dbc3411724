"""The owner's hand on the wall: what the command and the web door may do to displays and plates.

It writes rows, so it works in any process. The service's own calls ``follow`` afterwards, so that displays change at
once; what another process did is seen within seconds by the job that hangs slides.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from . import pipeline
from .errors import Refused
from .model import Plate
from .pairing import Pairing
from .press import Press
from .roster import Roster
from .settings import Display


class Hand:
    """What the owner may do. An unknown display is a KeyError, an unknown plate a LookupError; Refused says why not."""

    def __init__(
        self, press: Press, keys: Mapping[str, str] | None = None, follow: Callable[[], object] = lambda: None
    ) -> None:
        self.press, self.line, self.pairing, self._follow = press, press.line, Pairing(press.line, keys), follow
        self.roster = Roster(press.line)

    # -- displays ---------------------------------------------------------------------------

    def next(self, display: str) -> dict[str, Any]:
        """What follows on a display."""
        return self._turned(display, pipeline.turn_on)

    def previous(self, display: str) -> dict[str, Any]:
        """What was on a display before."""
        return self._turned(display, pipeline.turn_back)

    def show(self, display: str, plate: int) -> dict[str, Any]:
        """This plate on that display, now."""
        found = self.plate(plate)
        return self._turned(display, lambda line, at: pipeline.show_now(line, at, found))

    def pause(self, display: str, *, paused: bool = True) -> dict[str, Any]:
        """A display keeps what it has until it is resumed; that also outlives a restart."""
        self.line.screens.pause(self.line.display(display).name, paused=paused)
        self._follow()
        return self.said(display)

    def said(self, display: str) -> dict[str, Any]:
        """What hangs on a display, JSON-safe."""
        hung = self.line.archive.hung(self.line.display(display).name)
        return {
            "display": display, "plate": hung.plate.id if hung else None,
            "headline": hung.plate.story.title if hung else None, "paused": self.line.screens.paused(display),
        }  # fmt: skip

    def _turned(self, display: str, turn: Callable[[pipeline.Line, Display], Plate]) -> dict[str, Any]:
        turn(self.line, self.line.display(display))
        self._follow()
        return self.said(display)

    # -- plates -----------------------------------------------------------------------------

    def plate(self, plate: int) -> Plate:
        """Raises LookupError."""
        found = self.line.archive.plate(plate)
        if found is None:
            raise LookupError(f"there is no plate {plate}")
        return found

    def favour(self, plate: int, *, liked: bool = True) -> dict[str, Any]:
        """Kept for ever, and more like it; or no longer."""
        self.line.wishes.favour(self.plate(plate).id, liked=liked)
        return self.told(plate)

    def ban(self, plate: int, *, banned: bool = True) -> dict[str, Any]:
        """Off every wall, and less like it; or no longer."""
        self.line.wishes.ban(self.plate(plate).id, banned=banned)
        self._follow()
        return self.told(plate)

    def not_me(self, plate: int, *, absent: bool = True) -> dict[str, Any]:
        """Nobody of this home in this story: painted again without; or they may appear in it again."""
        found = self.plate(plate)
        if absent:
            pipeline.not_me(self.line, found)
        elif not self.line.screens.absent(plate, absent=False):
            raise Refused(f"nobody was taken out of plate {plate}")
        self._follow()
        return self.told(plate)

    def told(self, plate: int) -> dict[str, Any]:
        """How a plate stands with the owner, JSON-safe."""
        now = self.plate(plate)
        return {
            "plate": now.id, "headline": now.story.title, "favourite": now.favourite, "banned": now.banned,
            "subject": now.prompt.subject if now.prompt else None,
            "company": list(now.prompt.company) if now.prompt else [],
            "subject_allowed": now.verdict.subject_allowed,
        }  # fmt: skip

    # -- channels ---------------------------------------------------------------------------

    def mood(self, channel: str) -> dict[str, Any]:
        """How a channel's mood dial stands, JSON-safe. Raises LookupError."""
        configured = self._configured(channel)
        turned = self.line.wishes.dial(channel, configured)
        return {
            "channel": channel, "mood": turned.mood if turned else configured, "configured": configured,
            "turned_at": turned and turned.turned_at.isoformat(),
        }  # fmt: skip

    def turn(self, channel: str, mood: int | None) -> dict[str, Any]:
        """Turn a channel's mood dial (-10 … +10), or back to the config's (None); the next round goes by it.

        Raises LookupError where there is no such channel, Refused beyond the dial's ends.
        """
        configured = self._configured(channel)
        if mood is not None and not -10 <= mood <= 10:
            raise Refused(f"the mood dial goes from -10 to 10, not to {mood}")
        self.line.wishes.turn(channel, configured if mood is None else mood, configured)
        return self.mood(channel)

    def _configured(self, channel: str) -> int:
        if channel not in self.line.settings.channels:
            raise LookupError(f"there is no channel {channel[:40]!r}")
        return self.line.settings.channels[channel].mood

    # -- stories ----------------------------------------------------------------------------

    def let(self, story: str, channel: str, *, undo: bool = False) -> str:
        """Let a story through on a channel, or take that back; a sentence. Raises LookupError."""
        gatekeeper = self.press.gatekeeper
        meant = [each for each in gatekeeper.meant(story, [channel]) if each.arrival.story.id == story]
        if not meant:
            raise LookupError(f"no story is called {story[:64]!r}")
        return gatekeeper.hold_back(meant[0]) if undo else gatekeeper.let(meant[0])
