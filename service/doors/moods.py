"""A door for the mood dial of a channel: how it stands, and turning it without touching the config."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from service import skipping, telling
from service.assembly import opened

from .asked import AsJson, Config, Data, UsageError, channel_named, settings_of


def mood(
    dial: Annotated[str | None, typer.Argument(metavar="DIAL", help="-10 (open) … 10 (only joy).")] = None,
    channel: Annotated[str | None, typer.Option("--channel", help="Whose. [default: every channel]")] = None,
    undo: Annotated[bool, typer.Option("--undo", help="Back to what the config says.")] = False,
    config: Config = None,
    data: Data = Path("data"),
    json: AsJson = False,
) -> None:
    """Turn the mood dial by hand, or say how it stands. It holds until `mood` in the config is changed."""
    settings = settings_of(config)
    names = [channel_named(settings, channel)] if channel else list(settings.channels)
    if dial is not None and undo:
        raise UsageError("say a number or --undo, not both")
    wanted = None if dial is None else _number(dial)
    with opened(settings, data) as service:
        for name in names:
            told = service.hand.mood(name) if dial is None and not undo else service.hand.turn(name, wanted)
            if json:
                telling.line(told)
            else:
                telling.said(_sentence(told))


def _number(said: str) -> int:
    try:
        number = int(said)
    except ValueError:
        raise UsageError(f"{said[:40]!r} is not a whole number from -10 to 10") from None
    if not -10 <= number <= 10:
        raise UsageError(f"the mood dial goes from -10 to 10, not to {number}")
    return number


def _sentence(told: dict[str, Any]) -> str:
    stands = f"{told['channel']}: {skipping.degrees(told['mood'])}, {skipping.setting(told['mood'])}"
    if told["turned_at"] is None:
        return f"{stands}, as the config says"
    configured = skipping.degrees(told["configured"])
    return f"{stands}; turned by hand {telling.moment(told['turned_at'])}, the config says {configured}"
