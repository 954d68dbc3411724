"""A door for choosing: which headlines tell one event."""

from __future__ import annotations

import json as _json
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import typer

from service import choice, clock, telling, text
from service.assembly import opened
from service.sources.documents.items import published

from .asked import AsJson, Config, Data, UsageError, settings_of
from .lines import lines_of, numbered

MOST_LINES = 6000  #: every headline is held against every other: about 600 MB and five seconds
_AHEAD = timedelta(days=365)  #: only the distance of dates counts, so those of tomorrow will do too
_MILLISECONDS = 1e11  #: seconds since 1970 are less until the year 5138


@dataclass(frozen=True, slots=True)
class Line:
    """A line as it was understood; ``error`` says why it was not."""

    number: int
    id: Any = None  #: whatever JSON it was
    title: str = ""
    published: datetime | None = None
    error: str = ""


def cluster(
    file: Annotated[str, typer.Argument(help="A file of JSON lines; - is standard input.")] = "-",
    config: Config = None,
    data: Data = Path("data"),
    json: AsJson = False,
) -> None:
    """Say which headlines tell one event: lines of {"id", "title", "published"} in, {"id", "cluster"} out.

    "published" is an ISO 8601 or RFC 822 date or seconds since 1970; without one, a headline may belong to any day.
    Exits 1 if a line could not be understood; the others are answered.
    """
    with closing(lines_of(file, "a JSON object")) as lines:
        given = _given(lines)
    sound = [line for line in given if not line.error]
    titles = [line.title for line in sound]
    with opened(settings_of(config), data) as service:
        vectors = service.embedding.vectors(titles, list(map(_language, titles))) if service.embedding else None
    labels = choice.cluster(titles, [line.published for line in sound], vectors=vectors)
    events = dict(zip((line.number for line in sound), labels, strict=True))
    for line in given:
        if line.error:
            telling.remark(f"line {line.number}: {line.error}")
        if json:
            answer = {"id": line.id, "cluster": events.get(line.number)}
            telling.line(answer | ({"error": line.error} if line.error else {}))
    if not json:
        groups: dict[int, list[str]] = {}
        for line in sound:
            groups.setdefault(events[line.number], []).append(line.title)
        telling.grouped(groups.values())
    if len(sound) < len(given):
        raise typer.Exit(1)


def _language(title: str) -> str:
    """A headline's language; English where nobody can tell."""
    found = text.language(title, None)
    return "en" if found == "und" else found


def _given(lines: BinaryIO) -> list[Line]:
    """Every line that holds anything. Raises UsageError where there are more than can be held against each other."""
    given: list[Line] = []
    horizon = clock.now() + _AHEAD
    for number, raw in numbered(lines):
        if len(given) == MOST_LINES:
            raise UsageError(f"more than {MOST_LINES:,} headlines; give fewer at a time, such as those of two days")
        given.append(_understood(number, raw, horizon))
    return given


def _understood(number: int, raw: str, horizon: datetime) -> Line:
    try:
        told = _json.loads(raw, parse_constant=_no_number)
    except (ValueError, RecursionError):
        return Line(number, error="not JSON, or longer than 64 KiB")
    if not isinstance(told, dict):
        return Line(number, error='not an object with "id", "title" and "published"')
    title = told.get("title")
    if not isinstance(title, str):
        return Line(number, told.get("id"), error='it has no "title", or one that is not text')
    title = text.headline(title)
    if not title:
        return Line(number, told.get("id"), error="its title holds no words")
    return Line(number, told.get("id"), title, _moment(told.get("published"), horizon))


def _no_number(word: str) -> Any:
    raise ValueError(f"{word} is no JSON")


def _moment(said: object, horizon: datetime) -> datetime | None:
    """A date as a feed would have it read; None where it is missing, cannot be read or cannot be true."""
    if isinstance(said, str) and said.strip().isdecimal() and len(said) > 8:
        said = float(said)
    if isinstance(said, int | float) and not isinstance(said, bool):
        try:
            said = datetime.fromtimestamp(said / 1000 if said > _MILLISECONDS else said, UTC).isoformat()
        except (OverflowError, ValueError, OSError):
            return None
    if not isinstance(said, str):
        return None
    when = published(said[:100], horizon)
    return None if when == horizon else when
