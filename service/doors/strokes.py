"""How far a picture has got, on a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskProgressColumn, TextColumn
from rich.text import Text

from service import protocols
from service.telling import err


@contextmanager
def told() -> Iterator[protocols.Progress]:
    """A bar that an engine moves; it is gone afterwards, and nothing is shown where nobody looks."""
    columns = (TextColumn("{task.description}"), BarColumn(30), TaskProgressColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task("Painting", total=1.0, start=True)
        yield lambda share: bar.update(task, completed=share)


class AtWork(ProgressColumn):
    """What an engine does while a round waits for it: "painting, step 7 of 20"."""

    max_refresh = 0.2  #: seconds

    def __init__(self, engines: Callable[[], Sequence[Mapping[str, Any]]]) -> None:
        super().__init__()
        self._engines = engines

    def render(self, task: Task) -> Text:
        """Beside the bar of what is painted, and of nothing else."""
        says = [str(engine["says"]) for engine in self._engines() if engine["plate"]]
        return Text(says[0] if says and task.description == "Painting" else "", style="dim")
