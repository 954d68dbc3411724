"""Doors for learning: train, evaluate, try, plan. What they take is handed on; what comes back is drawn as it comes."""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from service import learning, subjects, telling
from service.assembly import opened
from service.errors import SubjectError
from service.subjects import Subject
from service.telling import err, literal, out

from .asked import AsJson, Config, Data, heard, settings_of
from .subject_words import meanwhile

Name = Annotated[str, typer.Argument(metavar="NAME")]
More = Annotated[
    list[str] | None, typer.Argument(help="Handed on as it is, such as --steps 400.", metavar="[OPTIONS]...")
]
HANDED_ON = {"allow_extra_args": True, "ignore_unknown_options": True}
STOPPED = 130
BARS = "▁▂▃▄▅▆▇█"
WIDE = 32  #: columns of a curve
OFTEN_PER_S = 8


def train(
    name: Name, more: More = None, config: Config = None, data: Data = Path("data"), json: AsJson = False
) -> None:
    """Learn a subject from its photos, stop when the likeness is best, and say in words what came of it.

    It is learned on the model that paints the slides. Ctrl-C, a crash or a power cut loses nothing: `train` goes on
    from the last checkpoint.
    """
    handed_on = _on(_agreed(data, name), config, data, more)
    if not json:
        _meanwhile(name, config, data)
    _do(data, "train", name, handed_on, json=json)


def _meanwhile(name: str, config: Path | None, data: Path) -> None:
    """Say where a subject appears already."""
    with opened(settings_of(config), data) as service:
        roster = service.hand.roster
        if preview := roster.preview(name, *roster.entry(name).channels):
            telling.remark(f"until {name} is learned, {meanwhile(preview)} on {preview.channel}: a preview")


def evaluate(
    name: Name, more: More = None, config: Config = None, data: Data = Path("data"), json: AsJson = False
) -> None:
    """Measure what was learned: likeness, what it does to others of its kind, and to everything else."""
    _do(data, "evaluate", name, _on(subjects.load(data, name), config, data, more, learned=True), json=json)


def try_(
    name: Name,
    words: Annotated[
        list[str] | None, typer.Argument(help='A scene, such as "… on the moon".', metavar="WORDS...")
    ] = None,
    config: Config = None,
    data: Data = Path("data"),
    json: AsJson = False,
) -> None:
    """Paint a subject in a scene of yours, at once: `subject try rex "… on the moon" --out moon.png`."""
    _do(data, "try", name, _on(_agreed(data, name), config, data, words, learned=True), json=json)


def one_photo(
    name: Name, more: More = None, config: Config = None, data: Data = Path("data"), json: AsJson = False
) -> None:
    """Learn one photo, so that words can change that very photo: `subject one-photo ana --photo family.jpg`.

    It is learned on the model that paints the slides.
    """
    _do(data, "unitune learn", name, _on(_agreed(data, name), config, data, more), json=json)


def edit(
    name: Name,
    words: Annotated[list[str] | None, typer.Argument(help="What the photo shall show.", metavar="WORDS...")] = None,
    config: Config = None,
    data: Data = Path("data"),
    json: AsJson = False,
) -> None:
    """Change the one photo by words: `subject edit ana "… in the snow" --out snow.png`."""
    _agreed(data, name)
    with opened(settings_of(config), data) as service:
        where = learning.device(service.engines.values())
    _do(data, "unitune edit", name, [*where, *(words or [])], json=json)


def plan(name: Name, more: More = None, config: Config = None, data: Data = Path("data"), json: AsJson = False) -> None:
    """Say on which model it would be learned and how much memory that takes; nothing is started."""
    _do(data, "plan", name, _on(subjects.load(data, name), config, data, more), json=json)


def _agreed(data: Path, name: str) -> Subject:
    """The card. Raises SubjectError where a person has not agreed: learning would refuse, too."""
    card = subjects.load(data, name)
    if not card.consented:
        raise SubjectError(f"{name} has not agreed: `frontispiece subject add {name} PHOTOS` asks for it")
    return card


def _on(card: Subject, config: Path | None, data: Path, more: list[str] | None, *, learned: bool = False) -> list[str]:
    """What was written, after what the config says of the model; who names a base knows what is asked of it."""
    said = more or []
    if any(word.partition("=")[0] == "--base" for word in said):
        return said
    with opened(settings_of(config), data) as service:
        return [*learning.on(service.engines.values(), card, learned=learned), *said]


def _do(data: Path, verb: str, name: str, more: list[str], *, json: bool) -> None:
    told = learning.followed(data, verb, name, *(heard(word) for word in more))
    stopped = _lines(told) if json else _drawn(told)
    if stopped:
        if verb == "train":
            telling.remark(f"nothing is lost: `frontispiece subject train {name}` goes on from here")
        raise typer.Exit(STOPPED)


def _lines(told: Iterable[dict[str, Any]]) -> bool:
    last = ""
    for event in told:
        telling.line(event)
        last = event["event"]
    return last == "stopped"


def _drawn(told: Iterable[dict[str, Any]]) -> bool:
    """Draw what happens where somebody looks; else say the sentences. Whether it was stopped."""
    board, last = Board(), dict[str, Any]()
    looked_at = err.is_terminal
    live: AbstractContextManager[Live | None] = (
        Live(board, console=err, refresh_per_second=OFTEN_PER_S, transient=True) if looked_at else nullcontext()
    )
    with live:
        for event in told:
            board.heard(event)
            if event["event"] not in ("step", "progress", "measured") and event.get("says"):
                out.print(literal(event["says"]), soft_wrap=True)
            last = event
    if board.steps:
        out.print(board.curves())
    for key in ("file", "path", "files"):
        for file in [last[key]] if isinstance(last.get(key), str) else last.get(key, ()):
            out.print(f"[dim]{literal(str(file))}[/]", soft_wrap=True)
    return last.get("event") == "stopped"


class Board:
    """How far it is: a bar with the time left, and the curves of loss, likeness and drift."""

    def __init__(self) -> None:
        self.step = self.steps = 0
        self.what, self.says = "Starting", ""
        self._ends: float | None = None
        self._curves: dict[str, list[float]] = {}
        self._best: dict[str, Any] = {}

    def heard(self, event: dict[str, Any]) -> None:
        """Take up what an event says, whatever it is called."""
        self.step, self.steps = int(event.get("step", self.step)), int(event.get("steps", self.steps))
        if event["event"] == "progress":
            self.what = f"{event.get('what', 'Working')} {event.get('done', 0)}/{event.get('total', 0)}"
        elif event["event"] == "step":
            self.what = "Learning"
        if "left_s" in event:
            self._ends = time.monotonic() + float(event["left_s"])
        for name in ("loss", "likeness", "drift"):
            if isinstance(event.get(name), (int, float)):
                self._curves.setdefault(name, []).append(float(event[name]))
        if event.get("best"):
            self._best = event
        self.says = str(event.get("says") or self.says) if event["event"] == "measured" else self.says

    def __rich__(self) -> RenderableType:
        head = Table.grid(padding=(0, 1))
        done = self.step / self.steps if self.steps else None
        bar = (
            ProgressBar(total=100, completed=100 * done, width=30)
            if done is not None
            else ProgressBar(pulse=True, width=30)
        )
        steps = f"step {self.step} of {self.steps}" if self.steps else ""
        head.add_row(Text(self.what), bar, Text(steps), Text(self._left(), style="dim"))
        says = [Text(self.says, style="dim")] if self.says else []
        return Group(head, *([self.curves()] if self._curves else []), *says)

    def curves(self) -> Table:
        """Each curve with its last value; and where the best was."""
        table = Table.grid(padding=(0, 2))
        for name, values in self._curves.items():
            best = (
                f"best at step {self._best['step']}: {self._best[name]:.2f}"
                if name == "likeness" and self._best
                else ""
            )
            table.add_row(
                Text(name, style="dim"), Text(sparkline(values)), f"{values[-1]:.3g}", Text(best, style="dim")
            )
        return table

    def _left(self) -> str:
        if self._ends is None or self.step >= self.steps:
            return ""
        return f"about {spoken(max(0.0, self._ends - time.monotonic()))} left"


def sparkline(values: list[float], wide: int = WIDE) -> str:
    """A curve in one line of blocks, its newest part where it is too long."""
    shown = _thinned(values, wide)
    low, high = min(shown), max(shown)
    return "".join(BARS[round((value - low) / (high - low) * (len(BARS) - 1)) if high > low else 0] for value in shown)


def _thinned(values: list[float], wide: int) -> list[float]:
    """At most so many values: the means of neighbours."""
    if len(values) <= wide:
        return values
    edges = [round(at * len(values) / wide) for at in range(wide + 1)]
    return [sum(values[a:b]) / (b - a) for a, b in pairwise(edges)]


def spoken(seconds: float) -> str:
    """A span as people say it: 40 s, 12 min, 2 h 5 min."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


LEARNS = (train, evaluate, try_, plan, one_photo, edit)  #: commands that hand on whatever else is written after them
