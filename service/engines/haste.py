"""A denoiser that becomes faster while it works: compiled in the background, used when it is ready.

The first picture is painted as the model is. Then a thread compiles the model (a transformer's repeated blocks, since
one of them is compiled for all; a U-Net as a whole) by running what the first picture ran. Calls of shapes that were
compiled take the fast way, all others the slow one, and are compiled next: no picture ever waits for the compiler.

What a module calls is exchanged where ``Module.__call__`` itself looks, as ``Module.compile`` does it.
https://docs.pytorch.org/tutorials/recipes/regional_compilation.html
"""

from __future__ import annotations

# ruff: noqa: SLF001 - torch has no public door to what Module.compile sets
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_LOOK_S = 0.5  #: how often whoever waits for the compiler looks up
Compiler = Callable[[Callable[..., Any]], Callable[..., Any]]
log = logging.getLogger(__name__)


class Haste:
    """One module, and what of it is compiled. ``module(...)`` goes through here from now on."""

    def __init__(self, module: Any, compiler: Compiler) -> None:
        self.failed, self._module, self._compiler = "", module, compiler
        self._local, self._warming = threading.local(), threading.Lock()
        self._ready: set[object] = set()
        self._unseen: tuple[object, tuple[Any, ...], dict[str, Any]] | None = None
        self._blocks = _blocks(module)
        self._generation, self._aside = 0, False
        self.fast = False  #: whether the last call took the fast way
        self._prepare()
        module._compiled_call_impl = self._call  # what Module.__call__ looks at before anything else

    def _prepare(self) -> None:
        """Functions to compile, nothing compiled yet: that happens at their first call."""
        self._whole = self._compiler(self._module._call_impl) if not self._blocks else None
        for block in self._blocks:
            block._compiled_call_impl = self._gate(block._call_impl, self._compiler(block._call_impl))

    def _gate(self, plain: Callable[..., Any], compiled: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            return (compiled if getattr(self._local, "fast", False) else plain)(*args, **kwargs)

        return call

    def _call(self, *args: Any, **kwargs: Any) -> Any:
        shapes = None if self._aside else _shapes((args, kwargs))
        self.fast = shapes in self._ready
        if not self.fast and not self._aside:
            self._unseen = shapes, args, kwargs
        return self._run(self.fast, args, kwargs)

    def _run(self, fast: bool, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if self._whole is not None:
            return (self._whole if fast else self._module._call_impl)(*args, **kwargs)
        self._local.fast = fast
        try:
            return self._module._call_impl(*args, **kwargs)
        finally:
            self._local.fast = False

    @property
    def ready(self) -> bool:
        """Whether anything runs the fast way."""
        return bool(self._ready)

    def restart(self) -> None:
        """The module has other layers now: what was compiled is of no use."""
        self._generation += 1
        self._ready, self._unseen = set(), None
        self._prepare()

    @contextmanager
    def aside(self, waiting: Callable[[], None]) -> Iterator[None]:
        """The module has other layers for a while: nothing is compiled, and it is run as it is.

        What is being compiled is waited for, as it would take those layers for its own; ``waiting`` is called
        meanwhile, and may raise. Where some of them stay, what was compiled before no longer fits.
        """
        while not self._warming.acquire(timeout=_LOOK_S):
            waiting()
        self._aside, before = True, _parts(self._module)
        try:
            yield
        finally:
            self._aside = False
            if _parts(self._module) != before:
                self.restart()
            self._warming.release()

    def warm(self) -> threading.Thread | None:
        """Compile in the background for the shapes that were last seen and are not compiled yet, if there are any."""
        if self.failed or self._unseen is None or not self._warming.acquire(blocking=False):
            return None
        seen, self._unseen = self._unseen, None
        thread = threading.Thread(target=self._compile, args=(*seen, self._generation), name="compile", daemon=True)
        thread.start()
        return thread

    def _compile(self, shapes: object, args: tuple[Any, ...], kwargs: dict[str, Any], generation: int) -> None:
        import torch

        began = time.monotonic()
        try:
            with torch.inference_mode():
                for _ in range(2):
                    self._run(True, args, kwargs)
        except Exception as error:
            if generation == self._generation:
                self.failed = " ".join(f"{type(error).__name__}: {error}".split())[:200]
                log.warning("the model could not be compiled and paints on as it is: %s", self.failed)
        else:
            if generation == self._generation:
                self._ready.add(shapes)
                log.info("compiled the model in %.0f s", time.monotonic() - began)
        finally:
            self._warming.release()


def _parts(module: Any) -> int:
    return sum(1 for _ in module.modules())


def _blocks(module: Any) -> list[Any]:
    """The repeated blocks of a transformer; none for a U-Net, half of whose work is outside of them."""
    names = () if hasattr(module, "down_blocks") else getattr(module, "_repeated_blocks", None) or ()
    return [part for part in module.modules() if type(part).__name__ in names]


def _shapes(value: Any) -> object:
    """What compiled code depends on: tensors' shapes and types, and the kind of everything else."""
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        return tuple(value.shape), str(value.dtype)
    if isinstance(value, dict):
        return tuple((name, _shapes(each)) for name, each in sorted(value.items()))
    if isinstance(value, tuple | list):
        return tuple(map(_shapes, value))
    return value if value is None or isinstance(value, bool | str) else type(value).__name__
