"""A small memory of what is costly to make, bounded in bytes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

T = TypeVar("T")


class Cache:
    """The least recently used go first. Two threads that ask for one thing at once make it once."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit, self._held = limit_bytes, 0
        self._values: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()
        self._making: dict[Hashable, threading.Lock] = {}
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], T], size: Callable[[T], int]) -> T:
        """The remembered value, or what ``make`` makes; ``size`` says how many bytes that holds."""
        with self._lock:
            turn = self._making.setdefault(key, threading.Lock())
        try:
            with turn:
                with self._lock:
                    if key in self._values:
                        self._values.move_to_end(key)
                        found: T = self._values[key][0]
                        return found
                value = make()
                self._keep(key, value, size(value))
                return value
        finally:
            with self._lock:
                self._making.pop(key, None)

    def _keep(self, key: Hashable, value: object, size: int) -> None:
        with self._lock:
            self._values[key] = value, size
            self._held += size
            while self._held > self._limit and len(self._values) > 1:
                _, (_, gone) = self._values.popitem(last=False)
                self._held -= gone
