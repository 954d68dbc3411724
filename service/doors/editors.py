"""Doors for editors: which there are, what they took today, and the switch that has one ask nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from service import telling
from service.assembly import Service, opened
from service.settings import Settings
from service.store import Account
from service.telling import literal, out

from .asked import AsJson, Config, Data, UsageError, among, not_before, settings_of

HOUSE = "house"
Name = Annotated[str, typer.Argument(metavar="NAME", help="Of an [editors.NAME] table of the config.")]


def editors(context: typer.Context, config: Config = None, data: Data = Path("data"), json: AsJson = False) -> None:
    """Say which editors direct the pictures, what each took today, and whether it may go on.

    `editor off NAME` is a kill switch: from its next question on nothing is sent to that model, by no process and
    after no restart, until `editor on NAME`. The house editor, which needs no model, does its work meanwhile.
    """
    if context.invoked_subcommand is not None:
        not_before(context, "editor")
        return
    with opened(settings_of(config), data) as service:
        told: dict[str, Any] = telling.running(service.store.folder.owner()) or dict(service.wall.status())
        found = [*told["editors"], *_unused(service)]
    if not json:
        tell(found)
        return
    for row in found:
        telling.line(row)


def _unused(service: Service) -> list[dict[str, Any]]:
    """Tables of the config that no channel names: they are never asked."""
    idle = [name for name in service.settings.editors if name not in service.press.line.editors]
    return [{"name": name, "channels": [], "state": "named by no channel"} for name in idle]


def tell(rows: Iterable[dict[str, Any]]) -> None:
    """Two or three lines an editor: whose it is, how it is and what it took today, and what went wrong last."""
    for row in rows:
        model = f" [dim]{literal(row['model'])}[/]" if row.get("model") else ""
        channels = f", for {literal(', '.join(row['channels']))}" if row["channels"] else ""
        out.print(f"[bold]editor {literal(row['name'])}[/]{model}[dim]{channels}[/]", soft_wrap=True)
        today = f"; today {row['says']}" if row.get("says") else ""
        colour = "green" if row["state"] == "at work" else "yellow"
        out.print(f"     [{colour}]{literal(_state(row))}[/][dim]{literal(today)}[/]", soft_wrap=True)
        if row.get("error"):
            out.print(f"     [red]{literal(row['error'])}[/]", soft_wrap=True)


def _state(told: dict[str, Any]) -> str:
    """Whether it is at work, and since or until when it is not."""
    times = [f"{word} {telling.moment(told[word])}" for word in ("since", "until") if told.get(word)]
    return " ".join([told["state"], *times])


def off(name: Name, config: Config = None, data: Data = Path("data")) -> None:
    """Have nothing asked of this model until `editor on`; the house editor goes on."""
    _switch(name, config, data, on=False)
    telling.said(f"{name} is off: nothing is sent to it from now on; the house editor goes on")


def on(name: Name, config: Config = None, data: Data = Path("data")) -> None:
    """Let this model be asked again."""
    _switch(name, config, data, on=True)
    telling.said(f"{name} is on: the next picture is its own again, if its budget for today is not spent")


def _switch(name: str, config: Path | None, data: Path, *, on: bool) -> None:
    settings = settings_of(config)
    _known(settings, name)
    with opened(settings, data) as service:
        Account(service.store, name, settings.zone).switch(on=on)


def _known(settings: Settings, name: str) -> None:
    """Raises UsageError where there is no such editor, or it cannot be switched."""
    if name == HOUSE:
        raise UsageError("the house editor asks nobody, costs nothing, and does the others' work: it stays on")
    if name not in settings.editors:
        known = list(settings.editors)
        raise UsageError(f"there is no editor {name!r} in the config" + (among(name, known) if known else ""))


COMMANDS: dict[str, Callable[..., None]] = {"off": off, "on": on}
