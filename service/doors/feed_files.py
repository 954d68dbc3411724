"""Doors for lists of feeds in files, from and for other readers."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from io import BufferedReader
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from service import telling
from service.addresses import masked, target
from service.assembly import Service, opened
from service.errors import FrontispieceError, SourceError
from service.files import write_whole
from service.settings import Settings
from service.sources import opml

from . import feed_words as words
from .asked import AsJson, Config, Data, UsageError, channel_named, settings_of
from .feed_list import Entry, OnChannel, canonical, listed

MASK = "***"  #: stands for a secret in an address
GroupChannel = Annotated[
    str | None,
    typer.Option("--channel", help="Whose feeds they become. [default: the one that their group is named after, else "
                 "the first]"),
]  # fmt: skip


def import_(
    file: Annotated[str, typer.Argument(help="An OPML file, as other readers export it; - is standard input.")],
    config: Config = None,
    data: Data = Path("data"),
    channel: GroupChannel = None,
    json: AsJson = False,
) -> None:
    """Add the feeds of a list from another reader (OPML). All that can be added are, at once, or none.

    Nothing is fetched now: the next rounds visit them. Exits 1 if one was refused, and says why.
    """
    settings = settings_of(config)
    name = channel_named(settings, channel) if channel else None
    try:
        outlines = opml.read(_content(file))
    except SourceError as error:
        raise FrontispieceError(f"{file}: {error}") from error
    if not outlines:
        raise FrontispieceError(f"{file}: there is no feed in it")
    with opened(settings, data) as service:
        told = _imported(service, outlines, name)
    words.imported(told, json=json)
    if told["refused"]:
        raise typer.Exit(1)


def _content(file: str) -> bytes:
    """A file's content, as far as a list may be long."""
    try:
        with closing(_binary(file)) as stream:
            content = b""
            while len(content) <= opml.MOST_BYTES and (some := stream.read1(1 << 20)):
                content += some  # a part at a time, so that Ctrl-C is heard in between
            return content
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        raise FrontispieceError(f"{file} cannot be read: {getattr(error, 'strerror', error)}") from error


def _binary(file: str) -> BufferedReader:
    if file != "-":
        return Path(file).open("rb")
    if sys.stdin is None:
        raise UsageError("standard input is closed; name an OPML file")
    return cast("BufferedReader", sys.stdin.buffer)


def _imported(service: Service, outlines: Sequence[opml.Outline], channel: str | None) -> dict[str, Any]:
    """Subscribe to all that can be; what there is to say about it."""
    known = {(entry.channel, canonical(entry.url)) for entry in listed(service)}
    wanted: dict[tuple[str, str], str] = {}
    refused = []
    for outline in outlines:
        try:
            where = channel or _channel_of(outline, service.settings), _sound(outline.url)
        except SourceError as error:
            refused.append({"title": outline.title, "address": masked(outline.url), "why": str(error)})
            continue
        if where not in known:
            wanted.setdefault(where, outline.title if outline.title != outline.url else "")
    if wanted:
        service.wishes.subscribe_all([(*where, title) for where, title in wanted.items()])
    there = len(outlines) - len(wanted) - len(refused)
    return {"added": dict(Counter(name for name, _ in wanted)), "there": there, "refused": refused}


def _channel_of(outline: opml.Outline, settings: Settings) -> str:
    """The channel that one of its groups is named after, else the first."""
    groups = [group.casefold() for group in outline.groups]
    return next((group for group in groups if group in settings.channels), next(iter(settings.channels)))


def _sound(url: str) -> str:
    """An address as it is kept. Raises SourceError for what can never be fetched."""
    if MASK in url:
        raise SourceError("its password or key was left out of the list; add it by its whole address")
    return target(url).url


def export(
    output: Annotated[Path | None, typer.Option("-o", "--output", help="The file. [default: standard output]")] = None,
    with_secrets: Annotated[bool, typer.Option("--with-secrets", help="Keep passwords and keys in addresses.")] = False,
    config: Config = None,
    data: Data = Path("data"),
    channel: OnChannel = None,
) -> None:
    """Write the feeds as a list that other readers import (OPML 2.0), a group for each channel.

    Passwords and keys in addresses are masked, as such files are passed on.
    """
    with opened(settings_of(config), data) as service:
        found = listed(service, channel)
        outlines = [_outline(entry, with_secrets=with_secrets) for entry in found if not entry.account]
        document = opml.write(outlines, service.store.now())
    _written(document, output)
    hidden = sum(MASK in outline.url for outline in outlines)
    if hidden:
        these = "1 address are" if hidden == 1 else f"{hidden} addresses are"
        telling.remark(f"the secrets in {these} masked, and an import refuses those; --with-secrets keeps them")
    if accounts := [entry.title for entry in found if entry.account]:
        telling.remark(f"left out, as they are accounts and no feeds: {', '.join(accounts)}")


def _outline(entry: Entry, *, with_secrets: bool) -> opml.Outline:
    shown = masked(entry.url)
    title = entry.title if entry.title != shown else ""
    return opml.Outline(entry.url if with_secrets else shown, title, (entry.channel,))


def _written(document: str, output: Path | None) -> None:
    if output is None:
        unicode = (sys.stdout.encoding or "").lower().startswith("utf")
        print(document if unicode else document.encode("ascii", "xmlcharrefreplace").decode("ascii"), end="")
        return
    try:
        write_whole(output, document.encode())
    except OSError as error:
        raise FrontispieceError(f"{output} cannot be written: {error.strerror}") from error
