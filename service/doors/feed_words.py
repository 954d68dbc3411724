"""What the feed commands say: tables and sentences for people, JSON lines for programs."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import nullcontext
from typing import Any

from service import telling
from service.telling import err, literal, out, several

from .feed_list import Entry

_MOST_OTHERS = 5
_COLUMNS = ("", "channel", "feed", "address", "from", "last visit", "next visit", "24 h", "state")


def listed(found: Sequence[Entry], *, json: bool) -> None:
    """The list of feeds."""
    if json:
        for entry in found:
            telling.line(entry.table())
        return
    if not found:
        out.print("no feeds; `frontispiece feeds add` a site's address adds one")
        return
    telling.table("", _COLUMNS, [_row(entry) for entry in found])


def _row(entry: Entry) -> tuple[str, ...]:
    told = entry.table()
    return (
        str(entry.number), entry.channel, "" if entry.title == told["address"] else entry.title, told["address"],
        told["from"], telling.moment(told["checked_at"]), telling.moment(told["next_check_at"]),
        str(entry.lately) if entry.row.checked_at else "", entry.state,
    )  # fmt: skip


def followed(given: Sequence[str], look: Callable[[str], dict[str, Any]], *, json: bool) -> Iterator[dict[str, Any]]:
    """What looking at each address gives, one after another; a terminal shows meanwhile which it is."""
    for number, address in enumerate(given, 1):
        count = f" ({number} of {len(given)})" if len(given) > 1 else ""
        busy = f"Looking for the feed of {literal(address)[:60]}{count}"
        with err.status(busy) if err.is_terminal and not json else nullcontext():
            told = look(address)
        yield told


def added(told: dict[str, Any], *, json: bool) -> None:
    """What became of one address."""
    if json:
        telling.line(told)
    elif told["error"]:
        err.print(f"[red]✗[/] {literal(told['given'])}: [red]{literal(told['error'])}[/]", soft_wrap=True)
        if told["do"]:
            err.print(f"    → {literal(told['do'])}", soft_wrap=True)
    elif not told["added"]:
        where = "it stands in config.toml" if told["from"] == "config" else "it was added before"
        out.print(f"[green]✓[/] {_name(told)} is on {told['channel']} already: {where}", soft_wrap=True)
    else:
        _tell_found(told)
    if not json:
        _tell_others(told)


def _name(told: dict[str, Any]) -> str:
    same = told["title"] in ("", told["address"])
    return literal(told["address"]) if same else f"[bold]{literal(told['title'])}[/]  {literal(told['address'])}"


def _tell_found(told: dict[str, Any]) -> None:
    language = "" if told["language"] == "und" else f", {told['language']}"
    out.print(f"[green]✓[/] {_name(told)}", soft_wrap=True)
    out.print(f"    added to {told['channel']}: {_stories(told['stories'])}{literal(language)}", soft_wrap=True)
    if told["newest"]:
        out.print(f"    newest: {literal(told['newest'])}", soft_wrap=True)


def _stories(number: int) -> str:
    return "no stories in it yet" if not number else "1 story" if number == 1 else f"{number} stories"


def _tell_others(told: dict[str, Any]) -> None:
    for other in told["others"][:_MOST_OTHERS]:
        title = f"[dim]{literal(other['title'])}[/]  " if other["title"] else ""
        command = f"frontispiece feeds add {shlex.quote(other['address'])}"
        out.print(f"    also there: {title}{literal(command)}", soft_wrap=True)
    if (more := len(told["others"]) - _MOST_OTHERS) > 0:
        out.print(f"    and {more} more")


def removed(gone: Iterable[Entry], *, json: bool) -> None:
    """Which feeds were taken away."""
    for entry in gone:
        if json:
            telling.line({"removed": True, **entry.table()})
        else:
            out.print(f"[green]✓[/] {literal(entry.title)} is no longer on {entry.channel}; its stories stay",
                      soft_wrap=True)  # fmt: skip


def imported(told: dict[str, Any], *, json: bool) -> None:
    """What became of a list."""
    if json:
        telling.line(told)
        return
    added = " and ".join(f"{several(n, 'feed')} to {channel}" for channel, n in told["added"].items())
    there = f"; {told['there']} there already" if told["there"] else ""
    refused = f"; {len(told['refused'])} refused:" if told["refused"] else ""
    out.print(f"added {added or 'nothing'}{there}{refused}", soft_wrap=True)
    for each in told["refused"]:
        name = f"{each['title']}  {each['address']}" if each["title"] else each["address"]
        err.print(f"[red]✗[/] {literal(name)}: [red]{literal(each['why'])}[/]", soft_wrap=True)
