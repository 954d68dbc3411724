"""Curves of a lesson as lines in a drawing of fixed size; the page puts them into SVG. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from service.progress import Measured, Progress

WIDE, TALL, EDGE = 320.0, 110.0, 6.0  #: of a drawing, and its margin, px
Values = Sequence[tuple[int, float]]  #: (step, value)


@dataclass(frozen=True, slots=True)
class Line:
    """One curve; ``dots`` are where it was measured, ``last`` its newest value."""

    name: str
    points: str  #: of a polyline
    dots: tuple[tuple[float, float], ...]
    last: float


@dataclass(frozen=True, slots=True)
class Chart:
    """Curves over the same steps. ``rules``: heights of horizontal lines, with what each stands for."""

    title: str
    lines: tuple[Line, ...]
    rules: tuple[tuple[float, str], ...]
    best: tuple[float, float] | None = None  #: where the best is, on the first curve
    note: str = ""


def charts(curve: Sequence[Measured], steps: int, best: int, now: Progress | None = None) -> list[Chart]:
    """Likeness, what it cost, and the loss, as far as there is anything of each. ``steps``: the width of all."""
    found = []
    if curve:
        start, end = [(0, 0.0)], max(steps, curve[-1].step, 1)
        like = [*start, *((point.step, point.likeness) for point in curve)]
        found.append(
            _chart("Likeness", {"likeness": like}, end, best, "1: as like the photos as they are to each other")
        )
        cost = {name: [*start, *((point.step, getattr(point, name)) for point in curve)] for name in ("drift", "leak")}
        found.append(_chart("What it costs", cost, end, note="drift: other pictures change; leak: others look alike"))
    if now and len(now.losses) > 1:
        found.append(_loss(now.losses, max(steps, now.losses[-1][0])))
    return found


def _chart(title: str, told: Mapping[str, Values], end: int, best: int = 0, note: str = "") -> Chart:
    values = [value for line in told.values() for _, value in line]
    low, high = min(0.0, *values), max(1.0, *values)
    lines = tuple(_line(name, line, end, (low, high)) for name, line in told.items())
    rules = tuple((_down(value, (low, high)), f"{value:g}") for value in (0.0, 1.0))
    first = next(iter(told.values()))
    at = next((dot for (step, _), dot in zip(first, lines[0].dots, strict=True) if 0 < step == best), None)
    return Chart(title, lines, rules, at, note)


def _loss(losses: Values, end: int) -> Chart:
    near = [[value for _, value in losses[max(0, at - 4) : at + 5]] for at in range(len(losses))]
    smooth = [(step, sum(few) / len(few)) for (step, _), few in zip(losses, near, strict=True)]
    values = [value for _, value in smooth]
    low, high = min(values), max(values)
    line = _line("loss", smooth, end, (low, high))
    return Chart("Loss", (Line(line.name, line.points, (), losses[-1][1]),), (), note="says little; it should not rise")


def _line(name: str, values: Values, end: int, span: tuple[float, float]) -> Line:
    dots = tuple((_across(step, end), _down(value, span)) for step, value in values)
    return Line(name, " ".join(f"{x:g},{y:g}" for x, y in dots), dots, values[-1][1])


def _across(step: int, end: int) -> float:
    return round(EDGE + (WIDE - 2 * EDGE) * step / end, 1)


def _down(value: float, span: tuple[float, float]) -> float:
    part = (value - span[0]) / (span[1] - span[0]) if span[1] > span[0] else 0.5
    return round(TALL - EDGE - (TALL - 2 * EDGE) * part, 1)
