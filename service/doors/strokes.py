"""How far a picture has got, on a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskProgressColumn, TextColumn
from rich.text import Text

from service import protocols
from service.telling import DONE, err

PAINTING = DONE["render"]


@contextmanager
def told(engine: object) -> Iterator[protocols.Progress]:
    """A bar that an engine moves; it is gone afterwards, and nothing is shown where nobody looks."""
    now = AtWork(lambda: str(engine.state().get("now", "")) if isinstance(engine, protocols.Reporting) else "")
    columns = (TextColumn("{task.description}"), BarColumn(30), TaskProgressColumn(), now)
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task(PAINTING, total=1.0, start=True)
        yield lambda share: bar.update(task, completed=share)


class AtWork(ProgressColumn):
    """What an engine does while somebody waits for it: "painting, step 7 of 20"."""

    max_refresh = 0.2  #: seconds

    def __init__(self, now: Callable[[], str]) -> None:
        super().__init__()
        self._now = now

    def render(self, task: Task) -> Text:
        """Beside the bar of what is painted, and of nothing else."""
        return Text(self._now() if task.description == PAINTING else "", style="dim")
