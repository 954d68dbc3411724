"""Two subjects in a model that has one place for one of them: a batch's rows are run one subject after the other.

The place's numbers are exchanged before each, in the memory where they are, so that what was compiled stays so and runs
in the shape that it has for one picture.
"""

from __future__ import annotations

# ruff: noqa: SLF001 - torch has no public door to what Module.compile sets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any


@contextmanager
def by_turns(module: Any, subjects: int, wear: Callable[[int], None]) -> Iterator[None]:
    """Have a denoiser run each subject's rows alone, wearing it. Row r of a call belongs to subject r % ``subjects``:
    guidance without a distilled model runs the whole batch after itself.
    """
    before = module._compiled_call_impl  # what Module.__call__ looks at before anything else
    inner = before or module._call_impl

    def call(*args: Any, **kwargs: Any) -> Any:
        rows = len(args[0] if args else kwargs["hidden_states"])
        made = []
        for subject in range(subjects):
            wear(subject)
            mine, named = _rows((args, kwargs), rows, slice(subject, None, subjects))
            made.append(inner(*mine, **named))
        return _joined(made)

    module._compiled_call_impl = call
    try:
        yield
    finally:
        module._compiled_call_impl = before


def _rows(told: Any, rows: int, mine: slice) -> Any:
    """What a call is told, of some of its rows; what does not have so many is for all."""
    if isinstance(told, dict):
        return {name: _rows(each, rows, mine) for name, each in told.items()}
    if hasattr(told, "shape"):
        return told[mine].contiguous() if told.ndim and len(told) == rows else told  # compiled code asks how it lies
    if isinstance(told, list) and len(told) == rows:
        return told[mine]
    return type(told)(_rows(each, rows, mine) for each in told) if type(told) in (list, tuple) else told


def _joined(made: Sequence[Any]) -> Any:
    """What the subjects' calls gave, their rows in turn as they came."""
    first = made[0]
    if hasattr(first, "shape"):
        import torch

        return torch.stack(list(made), dim=1).flatten(0, 1)  # (rows, ...)
    if isinstance(first, dict):  # a ModelOutput
        return type(first)(**{name: _joined([each[name] for each in made]) for name in first})
    if isinstance(first, list) and all(hasattr(each, "shape") for each in first):  # a picture each
        return [each for row in zip(*made, strict=True) for each in row]
    return type(first)(_joined(each) for each in zip(*made, strict=True))
