"""What the command prints: tables and bars for people, JSON lines for programs."""

from __future__ import annotations

import json as _json
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, SpinnerColumn, TextColumn
from rich.table import Table

from . import text
from .errors import Busy, ConfigError, FrontispieceError

out, err = Console(highlight=False), Console(stderr=True, highlight=False)
DONE = {"fetch": "Reading feeds", "describe": "Directing", "render": "Painting", "show": "Hanging"}
NARROW = {
    "channel",
    "last visit",
    "next visit",
    "display",
    "since",
    "plate",
    "tries",
    "next try",
    "engine",
}  #: never broken
PIPED_COLUMNS = 10_000  #: a program that reads a table wants its rows whole
WAIT_SECONDS = 600.0  #: for a round of the running service to end


def line(value: object) -> None:
    """Print one JSON object on a line of its own."""
    unicode = (sys.stdout.encoding or "").lower().startswith("utf")
    print(_json.dumps(value, ensure_ascii=not unicode, default=str), flush=True)


def literal(value: object) -> str:
    """Foreign words for a terminal: one line, no control characters, no markup."""
    return escape(text.one_line(str(value), 500))


def complain(error: FrontispieceError) -> None:
    """Say what went wrong, on stderr."""
    mistakes = error.mistakes if isinstance(error, ConfigError) else [str(error)]
    if len(mistakes) > 1:
        err.print(f"[bold red]{len(mistakes)} mistakes in the config:[/]")
    for mistake in mistakes:
        err.print(f"[red]{'  ' if len(mistakes) > 1 else ''}{literal(mistake)}[/]", soft_wrap=True)


def welcome(address: str, displays: Iterable[str], token: str) -> None:
    """What to open, once the service listens; and the owner's token, if it is new."""
    out.print(f"\n[bold]Frontispiece[/] is at {address}   (stop with Ctrl-C)")
    for display in displays:
        out.print(f"  {display:<12} {address}d/{display}", soft_wrap=True)
    if token:
        out.print(f"\nTo change things from a browser, log in with [bold]{token}[/]   (again: frontispiece token)")
    out.print()


# -- a round ---------------------------------------------------------------------------------


def asked(owner: dict[str, Any], channels: list[str], token: str) -> Iterator[dict[str, Any]]:
    """Ask the running service for a round and follow it; wait while it is in the middle of one.

    Raises FrontispieceError.
    """
    until, waits = time.monotonic() + WAIT_SECONDS, False
    while True:
        try:
            yield from _asked(owner, channels, token)
            return
        except Busy:
            if time.monotonic() > until:
                raise
            if not waits:
                remark("the running service is in the middle of a round; waiting for its end")
            waits = True
            time.sleep(0.25)


def _asked(owner: dict[str, Any], channels: list[str], token: str) -> Iterator[dict[str, Any]]:
    import httpx

    url = owner["url"]
    try:
        with httpx.stream(
            "POST", f"{url}api/round", headers={"Authorization": f"Bearer {token}"},
            params={"channel": channels}, timeout=httpx.Timeout(10, read=None), trust_env=False,
        ) as answer:  # fmt: skip
            if answer.status_code == 409:
                raise Busy("the running service is still in the middle of a round; try again later")
            answer.raise_for_status()
            for told in answer.iter_lines():
                if told.strip():
                    yield {"verb": "stop", **_json.loads(told)}
    except (httpx.HTTPError, ValueError) as error:
        raise FrontispieceError(f"the running service at {url} did not do the round: {error}") from error


def told_by(owner: dict[str, Any], token: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """What the running service answers to a request, however long it works on it. Raises FrontispieceError."""
    import httpx

    url, headers = owner["url"], {"Authorization": f"Bearer {token}"}
    try:
        answer = httpx.post(
            f"{url}{path}", json=body, headers=headers, timeout=httpx.Timeout(10, read=None), trust_env=False
        )
        told = dict(answer.json())
    except (httpx.HTTPError, ValueError) as error:
        raise FrontispieceError(f"the running service at {url} did not do it: {error}") from error
    if not answer.is_success:
        raise FrontispieceError(str(told.get("error") or f"the running service answered {answer.status_code}"))
    return told


def followed(events: Iterable[dict[str, Any]], *beside: ProgressColumn, json: bool) -> Iterator[dict[str, Any]]:
    """Pass the events on, telling each: a JSON line, or a bar that moves, and what is to stand beside it."""
    if json:
        for event in events:
            line(event)
            yield event
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(30), MofNCompleteColumn(), *beside)
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
        tasks: dict[str, Any] = {}
        for event in events:
            verb, total = event["verb"], event.get("total")
            if total and verb in DONE:
                tasks[verb] = tasks.get(verb) or progress.add_task(DONE[verb])
                progress.update(tasks[verb], total=total, completed=event.get("done", 0))
            _tell(event)
            yield event


def _tell(event: dict[str, Any]) -> None:
    what, note, error = (literal(event.get(key) or "") for key in ("what", "note", "error"))
    mark = "[red]✗[/]" if event.get("error") else "[green]✓[/]"
    err.print(f"{mark} [dim]{event['verb']:<8}[/] {what}  [dim]{note}[/] [red]{error}[/]", soft_wrap=True)


def finished(tally: Counter[str], seconds: float, *, json: bool) -> None:
    """The last line of a round."""
    if json:
        line({"verb": "done", "painted": tally["painted"], "errors": tally["errors"], "seconds": round(seconds, 2)})
    else:
        out.print(f"{tally['painted']} painted, {several(tally['errors'], 'error')}, {seconds:.1f} s")


def several(number: int, noun: str) -> str:
    """A number and its noun: 1 plate, 2 plates."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


# -- status and check --------------------------------------------------------------------------


def running(owner: dict[str, Any], token: str) -> dict[str, Any] | None:
    """What the running service says of itself, if there is one."""
    import httpx

    if "url" not in owner:
        return None
    try:
        headers = {"Authorization": f"Bearer {token}"}
        answer = httpx.get(f"{owner['url']}api/status", headers=headers, timeout=3, trust_env=False)
        return dict(answer.json()) | {"running": True, "url": owner["url"]} if answer.is_success else None
    except (httpx.HTTPError, ValueError):
        return None


def findings(found: Iterable[dict[str, Any]], *, json: bool) -> bool:
    """Tell each finding as it comes; True if all is well."""
    well = True
    for finding in found:
        well = well and finding["ok"]
        if json:
            line(finding)
            continue
        mark = "[green]✓[/]" if finding["ok"] else "[red]✗[/]"
        out.print(f"{mark} {literal(finding['what'])}: {literal(finding['says'])}", soft_wrap=True)
        if finding.get("do"):
            out.print(f"    → {literal(finding['do'])}", soft_wrap=True)
    return well


def table(title: str, columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    """A table of foreign words; whole lines where a program reads them."""
    shown = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for column in columns:
        shown.add_column(column, no_wrap=column in NARROW, overflow="fold")
    for row in rows:
        shown.add_row(*(literal(cell) for cell in row))
    wide = out if out.is_terminal else Console(highlight=False, width=PIPED_COLUMNS)
    wide.print(shown, crop=False)


def moment(told: str | None) -> str:
    """A time as a person reads it: the day of the week where it is near."""
    if not told:
        return ""
    try:
        at = datetime.fromisoformat(told).astimezone()
    except ValueError:
        return told
    near = abs((datetime.now().astimezone() - at).days) < 6
    return at.strftime("%a %H:%M" if near else "%d %b %Y")


# -- the small doors -------------------------------------------------------------------------


def remark(words: str) -> None:
    """Something a person should know, on stderr, where it does not disturb a program."""
    err.print(literal(words), style="dim", soft_wrap=True)


def parsed(result: dict[str, Any]) -> None:
    """What was in a feed document."""
    if not result["ok"]:
        out.print(f"[red]✗[/] {literal(result['file'])}: [red]{literal(result['error'])}[/]", soft_wrap=True)
        return
    out.print(f"[green]✓[/] {literal(result['file'])}: [bold]{literal(result['title'])}[/], "
              f"{len(result['stories'])} stories, {result['dropped']} dropped", soft_wrap=True)  # fmt: skip
    for story in result["stories"]:
        out.print(f"    [dim]{story['published']:%d %b %H:%M} {story['language']:<6}[/] {literal(story['title'])}",
                  soft_wrap=True)  # fmt: skip


def judged(result: dict[str, Any]) -> None:
    """The gate's finding on one headline."""
    colour = {"paint": "green", "text-only": "yellow", "skip": "red"}[result["decision"]]
    out.print(f"[{colour}]{result['decision']:<9}[/] {result['gravity']:.2f} {result['mood']:<8} "
              f"{literal(result['headline'])}  [dim]{literal(result['why'])}[/]", soft_wrap=True)  # fmt: skip


def grouped(groups: Iterable[list[str]]) -> None:
    """Events, each with the headlines that tell it: those told several times first, most often on top."""
    found = sorted(groups, key=lambda headlines: -len(headlines))
    for headlines in found:
        first, *more = (literal(headline) for headline in headlines)
        out.print(f"[bold]{len(headlines):>3}[/] {first}", soft_wrap=True)
        for headline in more:
            out.print(f"    {headline}", soft_wrap=True)
    out.print(f"[dim]{several(sum(map(len, found)), 'headline')}, {several(len(found), 'event')}[/]")


def voted(plate: int, headline: str, meaning: str) -> None:
    """What became of a plate by the owner's word."""
    out.print(f"plate {plate}, {literal(headline)}: {meaning}", soft_wrap=True)


def kept(told: dict[str, Any], *, several: bool) -> None:
    """A story that was kept off, in two lines; with its channel where there are several."""
    marks = [told["channel"]] if several else []
    marks += ["let through by you: the next round takes it"] if told["let_through"] and not told["plate"] else []
    marks += [f"plate {told['plate']}"] if told["plate"] else []
    out.print(f"[bold]{told['handle']}[/]  {literal(told['headline'])}  [dim]{literal(told['source'])}, "
              f"{moment(told['seen_at'])}[/]", soft_wrap=True)  # fmt: skip
    out.print(f"          [dim]{literal(' · '.join([told['why'], *marks]))}[/]", soft_wrap=True)


def kept_end(found: int, limit: int) -> None:
    """The line below the list."""
    if not found:
        out.print("nothing was kept off")
        return
    more = f"; more than {limit}, see --limit, --why, --channel" if found > limit else ""
    out.print(f"\n[dim]frontispiece let HANDLE lets one through{more}[/]", soft_wrap=True)


def said(words: str) -> None:
    """A sentence about what was done."""
    out.print(literal(words), soft_wrap=True)
