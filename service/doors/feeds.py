"""Doors for feeds: what there is, add, remove."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from service import telling
from service.addresses import masked, target
from service.assembly import Service, opened
from service.errors import SourceError
from service.model import Story
from service.sources.discovery import Candidate, Discovery, addressed

from . import feed_files, feed_words as words
from .asked import AsJson, Config, Data, UsageError, channel_named, heard, not_before, settings_of
from .feed_list import Entry, OnChannel, listed, picked, same, typed

ToChannel = Annotated[str | None, typer.Option("--channel", help="Whose feed it becomes. [default: the first]")]


def feeds(
    context: typer.Context,
    config: Config = None,
    data: Data = Path("data"),
    channel: OnChannel = None,
    json: AsJson = False,
) -> None:
    """Show, add and remove feeds; a running service takes changes up with its next round.

    Alone it is `feeds list`. The feeds in config.toml are listed too, but only you write that file. Feeds that are
    added here live in the data folder.
    """
    if context.invoked_subcommand is None:
        list_(config, data, channel, json=json)
        return
    not_before(context, "feeds")


def list_(
    config: Config = None,
    data: Data = Path("data"),
    channel: OnChannel = None,
    *,
    json: AsJson = False,
) -> None:
    """List the feeds of each channel: where each comes from, its visits, its stories of the last day, its state."""
    with opened(settings_of(config), data) as service:
        words.listed(listed(service, channel), json=json)


# -- add ---------------------------------------------------------------------------------------


def add(
    urls: Annotated[list[str], typer.Argument(help="Addresses of feeds, or of sites that have one.", metavar="URL...")],
    config: Config = None,
    data: Data = Path("data"),
    channel: ToChannel = None,
    json: AsJson = False,
) -> None:
    """Add feeds by their address, or by the address of a site, a blog, a video channel, a profile: its feed is found.

    `feeds add theguardian.com` is enough. Each feed is fetched and read before it is added; what does not work is not
    added, and the exit code is then 1.
    """
    settings = settings_of(config)
    name = channel_named(settings, channel or next(iter(settings.channels)))
    well = True
    with opened(settings, data) as service:
        try:
            look = partial(_added, service, name)
            for told in words.followed([heard(url) for url in urls], look, json=json):
                words.added(told, json=json)
                well = well and not told["error"]
        except KeyboardInterrupt:
            telling.remark("stopped; what was added stays")
            raise
    if not well:
        raise typer.Exit(1)


def _added(service: Service, channel: str, given: str) -> dict[str, Any]:
    """Look for a feed and subscribe to it; what there is to say about it, whatever came of it."""
    told: dict[str, Any] = {
        "given": typed(given), "channel": channel, "added": False, "from": None, "error": None, "do": None,
        "feed": "", "address": "", "stories": 0, "newest": "", "language": "und", "others": [],
    }  # fmt: skip
    known = listed(service, channel)
    if there := next((entry for entry in known if same(entry.url, addressed(given))), None):
        return told | _there(there)
    try:
        found = service.finder(channel).find(given)
    except SourceError as error:
        return told | {"error": str(error), "do": _advice(given, str(error))}
    told |= {"others": _others(found.others, [*(entry.url for entry in known), found.url])}
    if there := next((entry for entry in known if same(entry.url, found.url)), None):
        return told | _there(there)
    service.wishes.subscribe(channel, found.url, found.fetched.title)
    service.store.retry_feeds(found.url)  # it may have failed before it was taken away
    return told | _found(found)


def _there(entry: Entry) -> dict[str, Any]:
    return {"from": "added" if entry.added_at else "config", "feed": entry.title, "address": masked(entry.url)}


def _found(found: Discovery) -> dict[str, Any]:
    stories = found.fetched.stories
    languages = Counter(story.language for story in stories).most_common(1)
    newest = max(stories, key=_published, default=None)
    return {
        "added": True, "from": "added", "feed": found.fetched.title, "address": masked(found.url),
        "stories": len(stories), "newest": newest.title if newest else "",
        "language": languages[0][0] if languages else "und",
    }  # fmt: skip


def _published(story: Story) -> float:
    return story.published.timestamp()


def _others(found: Sequence[Candidate], known: Sequence[str]) -> list[dict[str, str]]:
    new = [other for other in found if not any(same(other.url, url) for url in known)]
    return [{"title": other.title, "address": masked(other.url)} for other in new]


def _advice(given: str, error: str) -> str | None:
    """What the owner can do about an address that did not work."""
    if "net.allow_private" in error:
        host = target(addressed(given)).name
        return f'if that is a machine of yours, name its host in config.toml: [net] allow_private = ["{host}"]'
    if os.path.isfile(given):  # noqa: PTH113 - unlike a Path, it takes any text
        return "to read a list of feeds from a file: `frontispiece feeds import FILE`"
    if addressed(given) != given.strip() and re.search("connect|secure|answer", error):
        return "an address without a scheme is taken for https; write http:// before it if it has none"
    return None


# -- remove ------------------------------------------------------------------------------------


def remove(
    which: Annotated[list[str], typer.Argument(help="Their addresses, titles or numbers in `frontispiece feeds`.")],
    config: Config = None,
    data: Data = Path("data"),
    channel: OnChannel = None,
    json: AsJson = False,
) -> None:
    """Take away feeds that were added; their stories and pictures stay. All of them, or none where one is not found.

    A feed of config.toml is yours to delete there.
    """
    with opened(settings_of(config), data) as service:
        there = listed(service, channel)
        doomed = {entry.number: entry for each in which for entry in _removable(picked(there, heard(each)))}
        service.wishes.unsubscribe_all([(entry.channel, entry.url) for entry in doomed.values()])
    words.removed(doomed.values(), json=json)


def _removable(found: Sequence[Entry]) -> list[Entry]:
    """Those of the same feed that were added. Raises UsageError where all stand in the config."""
    added = [entry for entry in found if entry.added_at]
    if not added:
        where = " and ".join(f"channels.{entry.channel}.feeds" for entry in found)
        raise UsageError(f"{found[0].title} stands in config.toml, {where}: delete it there")
    return added


COMMANDS: dict[str, Callable[..., None]] = {
    "list": list_,
    "add": add,
    "remove": remove,
    "import": feed_files.import_,
    "export": feed_files.export,
}
