"""What the feed commands say: tables and sentences for people, JSON lines for programs."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import nullcontext
from typing import Any

from service import telling
from service.telling import err, literal, out, several

from .feed_list import Entry, typed

_MOST_OTHERS = 5
_FROM = {"config": "from config.toml", "added": "added"}


def listed(found: Sequence[Entry], *, json: bool) -> None:
    """The list of feeds."""
    if json:
        for entry in found:
            telling.line(entry.table())
        return
    if not found:
        out.print("no feeds; `frontispiece feeds add` a site's address adds one")
        return
    for entry in found:
        _tell(entry.table(), entry.state)


def _tell(told: dict[str, Any], state: str) -> None:
    """Two lines a feed, which an address of any length leaves readable: what it is, and how it is."""
    moments = (("visited", told["checked_at"]), ("next", told["next_check_at"]))
    visits = [f"{word} {telling.moment(at)}" for word, at in moments if at]
    lately = [f"{_stories(told['stories_last_day'], 'nothing')} in 24 h"] if told["checked_at"] else []
    out.print(f"{told['number']:>3}  {_name(told)}", soft_wrap=True)
    out.print(f"     [dim]{told['channel']}, {_FROM[told['from']]}; [/]{_coloured(told, state)}"
              f"[dim]{''.join(f'; {part}' for part in [*visits, *lately])}[/]", soft_wrap=True)  # fmt: skip


def _coloured(told: dict[str, Any], state: str) -> str:
    colour = "red" if told["error"] else "green" if told["checked_at"] else "dim"
    return f"[{colour}]{literal(state)}[/]"


def followed(given: Sequence[str], look: Callable[[str], dict[str, Any]], *, json: bool) -> Iterator[dict[str, Any]]:
    """What looking at each address gives, one after another; a terminal shows meanwhile which it is."""
    for number, address in enumerate(given, 1):
        count = f" ({number} of {len(given)})" if len(given) > 1 else ""
        busy = f"Looking for the feed of {literal(typed(address)[:60])}{count}"
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
    title, address = literal(told["feed"]), literal(told["address"])
    return address if title in ("", address) else f"[bold]{title}[/]  {address}"


def _tell_found(told: dict[str, Any]) -> None:
    language = "" if told["language"] == "und" else f", {told['language']}"
    out.print(f"[green]✓[/] {_name(told)}", soft_wrap=True)
    out.print(
        f"    added to {told['channel']}: {_stories(told['stories'], 'no stories yet')}{literal(language)}",
        soft_wrap=True,
    )
    if told["newest"]:
        out.print(f"    newest: {literal(told['newest'])}", soft_wrap=True)


def _stories(number: int, none: str) -> str:
    return none if not number else "1 story" if number == 1 else f"{number} stories"


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
