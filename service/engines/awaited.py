"""What will be asked for next, and what of it is there already."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

from ..errors import EngineError
from ..model import Picture, Prompt


@dataclass(frozen=True, slots=True)
class Wish:
    """A picture that somebody will ask for."""

    prompt: Prompt
    width_px: int
    height_px: int
    photos: tuple[bytes, ...] = ()  #: that it is painted from, JPEG files


class Awaited:
    """The wishes of a round, in their order, and those that were painted in company before they were asked for."""

    def __init__(self) -> None:
        self._wishes: list[Wish] = []
        self._there: dict[Wish, Picture | EngineError] = {}
        self._alone: set[Wish] = set()

    def expect(self, wishes: Sequence[Wish]) -> None:
        """Take the place of what was expected before; what is painted of it and still wished for stays."""
        self._wishes = list(dict.fromkeys(wishes))
        self._there = {wish: made for wish, made in self._there.items() if wish in self._wishes}
        self._alone &= set(self._wishes)

    def take(self, wish: Wish) -> Picture | None:
        """What is there already. Raises EngineError where that is why there is none. Then it is no longer expected."""
        made = self._there.pop(wish, None)
        if wish in self._wishes:
            self._wishes.remove(wish)
        if isinstance(made, EngineError):
            raise made
        return made

    def company(self, wish: Wish, most: int, kin: Callable[[Wish], Hashable]) -> list[Wish]:
        """The wish, and those of its size that may be painted with it, those of its own kin first."""
        if wish in self._alone:
            return [wish]
        shape = wish.width_px, wish.height_px
        fit = [
            each for each in self._wishes
            if each != wish and (each.width_px, each.height_px) == shape
            and each not in self._there and each not in self._alone
        ]  # fmt: skip
        mine = kin(wish)
        return [wish, *sorted(fit, key=lambda each: kin(each) != mine)[: most - 1]]

    def keep(self, wish: Wish, made: Picture | EngineError) -> None:
        """Have it ready for when it is asked for."""
        self._there[wish] = made

    def single(self, wishes: Sequence[Wish]) -> None:
        """One of these does harm to its company: paint each alone, so that only that one fails."""
        self._alone |= set(wishes)
