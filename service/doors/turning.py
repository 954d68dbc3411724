"""Doors for what hangs on displays: next, previous, pause, resume, show; and what becomes of the owner's token."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from service import telling
from service.assembly import Service, opened
from service.errors import Refused

from .asked import AsJson, Config, Data, UsageError, settings_of

Which = Annotated[str | None, typer.Argument(metavar="DISPLAY", help="Its name. [default: every display]")]


def next_slide(display: Which = None, config: Config = None, data: Data = Path("data"), json: AsJson = False) -> None:
    """Hang what follows: what was stepped back from, else whatever is next."""
    with opened(settings_of(config), data) as service:
        _each(_meant(service, display), service.hand.next, json=json)


def previous(display: Which = None, config: Config = None, data: Data = Path("data"), json: AsJson = False) -> None:
    """Hang what was there before; again goes further back."""
    with opened(settings_of(config), data) as service:
        _each(_meant(service, display), service.hand.previous, json=json)


def pause(display: Which = None, config: Config = None, data: Data = Path("data"), json: AsJson = False) -> None:
    """Keep the slide that hangs until `resume`, also through a restart."""
    with opened(settings_of(config), data) as service:
        _each(_meant(service, display), service.hand.pause, json=json)


def resume(display: Which = None, config: Config = None, data: Data = Path("data"), json: AsJson = False) -> None:
    """Go on changing slides."""
    with opened(settings_of(config), data) as service:
        _each(_meant(service, display), lambda name: service.hand.pause(name, paused=False), json=json)


def show(
    plate: Annotated[int, typer.Argument(metavar="PLATE", help="A plate's number; it is on its page.", min=1)],
    display: Annotated[
        str | None, typer.Argument(metavar="DISPLAY", help="Its name. [default: all of the plate's channel]")
    ] = None,
    config: Config = None,
    data: Data = Path("data"),
    json: AsJson = False,
) -> None:
    """Hang this plate now."""
    with opened(settings_of(config), data) as service:
        try:
            channel = service.hand.plate(plate).channel
        except (LookupError, OverflowError) as error:
            raise UsageError(f"there is no plate {plate}; its number is on its page") from error
        _each(_meant(service, display, channel), lambda name: service.hand.show(name, plate), json=json)


def _meant(service: Service, display: str | None, channel: str = "") -> list[str]:
    """The displays that a person means. Raises UsageError."""
    there = service.hand.line.everywhere()
    if display is None:
        return [each.name for each in there if not channel or each.channel == channel]
    names = [each.name for each in there]
    if display not in names:
        raise UsageError(f"there is no display {display[:80]!r}; there is {', '.join(names) or 'none'}")
    return [display]


def _each(names: Sequence[str], act: Callable[[str], dict[str, Any]], *, json: bool) -> None:
    """Do it on each display; Refused only where it could be done on none."""
    refused: list[Refused] = []
    for name in names:
        try:
            told = act(name)
        except Refused as error:
            refused.append(error)
            continue
        if json:
            telling.line(told)
        else:
            shows = told["headline"] or "the sample edition"
            telling.said(f"{name}{' (paused)' if told['paused'] else ''}: {shows}")
    if len(refused) == len(names) and refused:
        raise refused[0]
    for each in refused:
        telling.remark(str(each))


def token(
    new: Annotated[bool, typer.Option("--new", help="Replace it: every login ends.")] = False,
    config: Config = None,
    data: Data = Path("data"),
) -> None:
    """Print the owner's token, which the pages and the API ask for before anything is changed."""
    with opened(settings_of(config), data) as service:
        print(service.keys.new() if new else service.keys.token())
