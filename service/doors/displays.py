"""Doors for screens: what there is, what could be found, and whether one works."""

from __future__ import annotations

import json as _json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from service import telling
from service.assembly import Service, opened
from service.displays.cast_find import Found, discovered
from service.errors import FrontispieceError
from service.pipeline import everywhere

from .asked import AsJson, Config, Data, UsageError, settings_of

SEARCH_SECONDS = 5.0
START_SECONDS = 10.0

Discover = Annotated[bool, typer.Option("--discover", help="Look for Cast devices on this network instead.")]


def displays(
    context: typer.Context,
    config: Config = None,
    data: Data = Path("data"),
    discover: Discover = False,
    json: AsJson = False,
) -> None:
    """List the screens and how they are; find Cast devices; try one with a test card.

    Alone it lists the config's and those that were paired. A screen that is found is not used before it has a table in
    the config.
    """
    if context.invoked_subcommand is not None:
        return
    if discover:
        _found(discovered(SEARCH_SECONDS), json=json)
        return
    with opened(settings_of(config), data) as service:
        told: dict[str, Any] = (
            telling.running(service.store.folder.owner(), service.keys.known()) or service.wall.status()
        )
        _list(told["displays"], service, json=json)


def try_one(
    name: Annotated[str, typer.Argument(help="The display's name.")],
    config: Config = None,
    data: Data = Path("data"),
    json: AsJson = False,
) -> None:
    """Show a test card on a screen and say what happens: reached, launched, accepted, fetched. Exits 1 if it fails.

    Somebody else's app is left alone: then nothing is sent. What hung before comes back after some seconds.
    """
    with opened(settings_of(config), data) as service:
        there = {display.name: display for display in everywhere(service.settings, service.screens)}
        display = there.get(name)
        if display is None:
            raise UsageError(f"there is no display {name!r}; there is {', '.join(there)}")
        if display.kind == "page":
            raise UsageError(f"{name} asks by itself: open http://<this machine>:{service.settings.web.port}/d/{name}")
        well = False
        for told in _steps(service, name):
            well = bool(told["ok"])
            telling.findings([{"what": told["step"], **told}], json=json)
    if not well:
        raise typer.Exit(1)


def _steps(service: Service, name: str) -> Iterator[dict[str, Any]]:
    """The steps of a test, done by the service that runs, or here."""
    owner = service.store.folder.owner()
    if "url" in owner:
        yield from _asked(owner, service.keys.token(), name)
        return
    service.store.folder.claim({})
    try:
        with _serving(service):
            yield from service.wall.trial(name)
    finally:
        service.store.folder.release()


def _asked(owner: dict[str, Any], token: str, name: str) -> Iterator[dict[str, Any]]:
    import httpx

    headers = {"Authorization": f"Bearer {token}"}
    url = f"{owner['url']}api/displays/{name}/test"
    try:
        with httpx.stream("POST", url, headers=headers, timeout=90, trust_env=False) as answer:
            if answer.status_code == 404:
                raise FrontispieceError(f"the running service knows no display {name!r}; restart it")
            answer.raise_for_status()
            yield from (_json.loads(line) for line in answer.iter_lines() if line.strip())
    except (httpx.HTTPError, ValueError) as error:
        raise FrontispieceError(f"the running service at {owner['url']} did not do the test: {error}") from error


@contextmanager
def _serving(service: Service) -> Iterator[None]:
    """The pages, for as long as the test takes: the device fetches the card there, through the same firewall."""
    from service.compose import fonts
    from service.web.app import create
    from service.web.server import listening, serve

    web = service.settings.web
    listening(web.host, web.port).close()  # says what is wrong where there is no such door
    app = create(
        service.wall, templates=service.templates, secret="", fonts=fonts.folder(), fonts_css=fonts.web_css,
        hosts=web.hosts,
    )  # fmt: skip
    ready, stop = threading.Event(), threading.Event()
    door = threading.Thread(
        target=serve, args=(app, web.host, web.port, lambda _: ready.set()), kwargs={"stop": stop}, daemon=True
    )
    door.start()
    try:
        if not ready.wait(START_SECONDS):
            raise FrontispieceError(f"the pages do not open at port {web.port}")
        yield
    finally:
        stop.set()
        door.join(START_SECONDS)


def _list(rows: list[dict[str, Any]], service: Service, *, json: bool) -> None:
    addresses = {display.name: display.address for display in service.settings.displays}
    if json:
        for row in rows:
            telling.line({**row, "address": addresses.get(row["name"], "")})
        return
    telling.table("displays", ("display", "kind", "channel", "profile", "at", "shows", "state"), [
        (row["name"], row["kind"], row["channel"], row["profile"], addresses.get(row["name"]) or f"/d/{row['name']}",
         row["headline"], _state(row)) for row in rows
    ])  # fmt: skip


def _state(row: dict[str, Any]) -> str:
    if row.get("error"):
        return str(row["error"])
    if row.get("busy_by"):
        return f"waits for {row['busy_by']}"
    return row["note"] or ("reachable" if row.get("reachable") else "")


def _found(devices: list[Found], *, json: bool) -> None:
    if json:
        for device in devices:
            telling.line(asdict(device))
        return
    if not devices:
        telling.said("no Cast device answered; mDNS stays in its network: in a container, use the host's")
        return
    telling.table("found", ("name", "model", "address", "uuid", "note"), [
        (d.name, d.model, d.address, d.uuid, "" if d.screen else "no screen") for d in devices
    ])  # fmt: skip
    telling.said('[[displays]] with kind = "cast" and address = the name, the address or the UUID makes one a display')


COMMANDS = {"test": try_one}
