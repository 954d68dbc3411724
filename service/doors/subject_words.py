"""What the doors for subjects print."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn
from rich.table import Table

from service import telling
from service.roster import Entry, Preview
from service.subjects import Frequency, Kind, Subject
from service.telling import err, literal, out, several

OFTEN = {
    Frequency.NEVER: "never", Frequency.RARELY: "rarely", Frequency.SOMETIMES: "sometimes",
    Frequency.ALWAYS: "wherever the story allows",
}  # fmt: skip
FITTING = 20  #: rows of a refused file are told, those there already last; more are counted
REASONS = 3  #: of those that are counted, the most common are said


def listed(entries: Sequence[Entry], *, json: bool) -> None:
    """A table of everybody, or a line of JSON for each."""
    if json:
        for entry in entries:
            telling.line(_object(entry))
        return
    if not entries:
        out.print("There is nobody yet. [dim]frontispiece subject add rex ~/photos/rex --kind dog[/]", soft_wrap=True)
        return
    table = _table("name", "is", "photos", "captions", "learned", "appears on", "when")
    for entry in entries:
        if entry.card is None:
            table.add_row(f"[bold]{literal(entry.name)}[/]", "[red]cannot be read[/]", "", "", "", "", "")
            continue
        photos = f"{entry.used} of {len(entry.photos)}" if entry.used < len(entry.photos) else str(entry.used)
        table.add_row(
            f"[bold]{literal(entry.name)}[/]", literal(f"a {entry.card.class_noun}"), photos, str(entry.captioned),
            _learned(entry, entry.card),
            literal(", ".join(entry.channels)) or "[dim]nowhere[/]", literal(_when(entry.card)),
        )  # fmt: skip
    out.print(table)
    for entry in entries:  # a column of the table has no room for it
        if entry.error:
            out.print(f"[red]✗[/] {literal(entry.error)}", soft_wrap=True)


def _learned(entry: Entry, card: Subject) -> str:
    """What there is of it: the family of models that learned it, a photo that was."""
    there = [literal(card.family or "yes")] if entry.learned else []
    return ", ".join([*there, *(["a photo"] if entry.photo else [])]) or "[yellow]not yet[/]"


def _object(entry: Entry) -> dict[str, Any]:
    card = entry.card.model_dump(mode="json") if entry.card else {}
    return {"name": entry.name, **card, "photos": len(entry.photos), "used": entry.used, "captioned": entry.captioned,
            "learned": entry.learned, "photo": entry.photo, "channels": list(entry.channels),
            "error": entry.error or None}  # fmt: skip


# -- photos ------------------------------------------------------------------------------------


def added(name: str, told: Iterable[dict[str, Any]], *, json: bool) -> bool:
    """Follow photos being added; whether every file could be taken."""
    if json:
        well = True
        for event in told:
            telling.line(event)
            well = well and (event["event"] != "refused" or bool(event.get("harmless")))
        return well
    refused, new, last = list[dict[str, Any]](), list[dict[str, Any]](), dict[str, Any]()
    try:
        for event in progressed(told):
            match event["event"]:
                case "refused":
                    refused.append(event)
                case "photo":
                    new.append(event)
                case "chosen":
                    telling.said(str(event["says"]))
                case "done" | "stopped":
                    last = event
    finally:  # where it ends in an error, they are why
        _refused(refused)
    if last.get("event") == "stopped":
        telling.remark("stopped; nothing was taken")
        return False
    _photos(new)
    _together(name, last)
    return all(event.get("harmless") for event in refused)


def progressed(told: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Pass events on; those of progress move a bar."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(30), MofNCompleteColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
        tasks: dict[str, Any] = {}
        for event in told:
            if event["event"] != "progress":
                yield event
                continue
            what = str(event["what"])
            if what not in tasks:
                tasks[what] = progress.add_task(what)
            progress.update(tasks[what], total=event["total"], completed=event["done"])


def _refused(refused: Sequence[dict[str, Any]]) -> None:
    ordered = sorted(refused, key=lambda event: bool(event.get("harmless")))
    for event in ordered[:FITTING]:
        mark = "[dim]·[/]" if event.get("harmless") else "[red]✗[/]"
        out.print(f"{mark} {literal(event['original'])} {literal(event['says'])}", soft_wrap=True)
    if more := Counter(event["says"] for event in ordered[FITTING:]):
        why = ", ".join(f"{count} × {literal(says)}" for says, count in more.most_common(REASONS))
        out.print(f"[dim]  and {more.total()} more: {why}{', …' if len(more) > REASONS else ''}[/]", soft_wrap=True)


def photos(name: str, told: Sequence[dict[str, Any]], *, json: bool) -> None:
    """What there is to say about each photo, and about all."""
    if json:
        for event in told:
            telling.line(event)
        return
    _photos([event for event in told if event["event"] == "photo"])
    _together(name, told[-1])


def _photos(events: Sequence[dict[str, Any]]) -> None:
    if not events:
        return
    faces = any(event["faces"] is not None for event in events)
    table = _table("", "photo", "pixels", *(["faces"] if faces else []), "what is found", "caption")
    for event in events:
        mark = "[green]✓[/]" if event["used"] else "[red]✗[/]"
        faults = "; ".join(event["faults"])
        said = f"[{'yellow' if event['used'] else 'red'}]{literal(faults)}[/]" if faults else "[dim]good[/]"
        if not event["used"]:
            said = f"[red]left out: {literal(faults)}[/]" if faults else "[red]left out by you[/]"
        table.add_row(
            f"{mark} {event['number']}", literal(event["original"]), f"{event['width_px']}x{event['height_px']}",
            *([str(event["faces"]) if event["faces"] is not None else ""] if faces else []), said,
            literal(event["caption"]) if event["caption"] else "[dim]none[/]",
        )  # fmt: skip
    out.print(table)


def _together(name: str, last: dict[str, Any]) -> None:
    """The lines below the table: how many, what to add, what is next."""
    used, captioned = last["used"], last["captioned"]
    noun = f"{literal(name)}, a {literal(last['noun'])}"
    out.print(f"\n[bold]{noun}[/]: {used} of {several(last['photos'], 'photo')} will be learned from", soft_wrap=True)
    for line in last["advice"]:
        out.print(f"  [yellow]→[/] {literal(line)}", soft_wrap=True)
    if out_of_it := last["photos"] - used:
        it = "it is" if out_of_it == 1 else "one of them is"
        out.print(
            f"  [yellow]→[/] {several(out_of_it, 'photo')} left out; if {it} good all the same: "
            f"[dim]frontispiece subject photos {literal(name)} --take N[/]", soft_wrap=True,
        )  # fmt: skip
    if used > captioned:
        out.print(
            f"  [yellow]→[/] {several(used - captioned, 'photo')} without a word of what happens there: "
            f"[dim]frontispiece subject caption {literal(name)}[/]", soft_wrap=True,
        )  # fmt: skip
    if used:
        out.print(f"  [dim]frontispiece subject train {literal(name)}[/] learns from them", soft_wrap=True)


# -- rules -------------------------------------------------------------------------------------


def appears(card: Subject, channel: str, *, learned: bool, preview: Preview | None = None) -> str:
    """A sentence about a subject on a channel; ``preview``: who paints it from its photos meanwhile."""
    well = f"{card.name} may appear on {channel}, {_when(card)}; a running service takes it up with its next round"
    if learned or card.appears == "photo":
        return well
    until = meanwhile(preview) if preview else f"pictures show just a {card.class_noun}"
    return f"{well}. Until it is learned, {until}: frontispiece subject train {card.name}"


def meanwhile(preview: Preview) -> str:
    """Half a sentence about a subject that is not learned yet."""
    return f"{preview.engine} paints it from {several(preview.photos, 'photo')}"


def ruled(card: Subject) -> str:
    """A sentence about when a subject may appear."""
    consent = f"; agreed on {card.consent_at:%d %B %Y}" if card.kind is Kind.PERSON and card.consent_at else ""
    return f"{card.name} appears {_when(card)}{consent}"


def _when(card: Subject) -> str:
    parts = ["as the learned photo"] if card.appears == "photo" else []
    parts += [OFTEN[card.frequency], f"up to gravity {card.max_gravity:g}"]
    parts += [f"only about {', '.join(card.topics_allowed)}"] if card.topics_allowed else []
    parts += [f"never about {', '.join(card.topics_forbidden)}"] if card.topics_forbidden else []
    return ", ".join(parts) if card.frequency is not Frequency.NEVER else "never"


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column, no_wrap=column in ("", "name", "pixels", "faces", "photos"), overflow="fold")
    return table
