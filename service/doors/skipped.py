"""Doors for what was kept off: the list, and the owner's word that lets a story through."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from service import telling
from service.assembly import opened
from service.gatekeeper import Meant
from service.skipping import HANDLE, Kind

from .asked import AsJson, Config, Data, UsageError, channel_named, heard, settings_of

OneChannel = Annotated[str | None, typer.Option("--channel", help="Only this channel. [default: all]")]


def skipped(
    config: Config = None,
    data: Data = Path("data"),
    channel: OneChannel = None,
    why: Annotated[
        list[Kind] | None, typer.Option(help="Only what this kept off; may be repeated. words: shown without a picture")
    ] = None,
    hours: Annotated[float, typer.Option(help="How far back.", min=0, max=24 * 366)] = 24,
    limit: Annotated[int, typer.Option(help="At most so many, the newest.", min=1, max=10_000)] = 50,
    json: AsJson = False,
) -> None:
    """Say what was kept off the wall, by whom and why; `let` lets a story through."""
    settings = settings_of(config)
    channels = [channel_named(settings, channel)] if channel else []
    with opened(settings, data) as service:
        found = service.press.gatekeeper.kept_off(channels, why or (), hours=hours, limit=limit + 1)
    several = len(settings.channels) > 1
    for kept in found[:limit]:
        if json:
            telling.line(kept.table())
        else:
            telling.kept(kept.table(), several=several)
    if not json:
        telling.kept_end(len(found), limit)


def let(
    story: Annotated[
        str, typer.Argument(help="What `skipped` calls it, such as 3fa94c01, or some words of its headline.")
    ],
    config: Config = None,
    data: Data = Path("data"),
    channel: Annotated[str | None, typer.Option("--channel", help="On this channel's wall.")] = None,
    undo: Annotated[bool, typer.Option("--undo", help="Take it back, while it is not on the wall.")] = False,
) -> None:
    """Let a story through that was kept off: the next round takes it first.

    It is painted, unless it is about something that is never painted: then it hangs in words.
    """
    settings = settings_of(config)
    channels = [channel_named(settings, channel)] if channel else []
    with opened(settings, data) as service:
        meant = _one(service.press.gatekeeper.meant(heard(story), channels), story)
        gatekeeper = service.press.gatekeeper
        telling.said(gatekeeper.hold_back(meant) if undo else gatekeeper.let(meant))


def _one(meant: list[Meant], handle: str) -> Meant:
    """The one story on the one channel. Raises UsageError where there is none or more."""
    if not meant:
        raise UsageError(f"no story is called {handle!r}; `frontispiece skipped` lists what was kept off")
    stories = {each.arrival.story.id: each.arrival.story for each in meant}
    if len(stories) > 1:
        them = "; ".join(f"{name[: HANDLE + 4]} is “{story.title}”" for name, story in stories.items())
        raise UsageError(f"{handle!r} may be several: {them}")
    if len(meant) > 1:
        channels = " or ".join(f"--channel {each.desk.name}" for each in meant)
        raise UsageError(f"several channels read “{meant[0].arrival.story.title}”; say {channels}")
    return meant[0]
