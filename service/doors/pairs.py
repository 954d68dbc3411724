"""Doors for screens that come and go: pair one by the digits it shows, and forget one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from service import telling
from service.assembly import opened

from .asked import Config, Data, settings_of


def pair(
    code: Annotated[str, typer.Argument(metavar="CODE", help="The six digits that the screen shows at /pair.")],
    name: Annotated[str, typer.Option(help="What the display is called. [default: screen]")] = "",
    profile: Annotated[str, typer.Option(help="The screen's shape. [default: by its size]")] = "",
    channel: Annotated[str, typer.Option("--channel", help="Whose pictures it shows. [default: the first]")] = "",
    config: Config = None,
    data: Data = Path("data"),
) -> None:
    """Make a screen a display: open `/pair` on it, and say here what it shows."""
    with opened(settings_of(config), data) as service:
        named = service.hand.pairing.confirm(code, name=name, profile=profile, channel=channel)
        telling.said(f"the screen is {named} now, and goes to /d/{named} by itself")


def unpair(
    display: Annotated[str, typer.Argument(metavar="DISPLAY", help="A display that was paired.")],
    config: Config = None,
    data: Data = Path("data"),
) -> None:
    """Forget a display that was paired; those in config.toml are removed there."""
    with opened(settings_of(config), data) as service:
        service.hand.pairing.unpair(display)
        telling.said(f"{display} is no display any more")
