"""The command. Everything it does is a verb of the pipeline or a look at the rows; it only asks and tells."""

from __future__ import annotations

import logging
import secrets
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from . import __version__, doors, telling
from .assembly import Service, opened
from .doors import AsJson, Channel, Config, Data
from .errors import ConfigError, DataFolderError, FrontispieceError

app = typer.Typer(
    name="frontispiece", no_args_is_help=True, rich_markup_mode="markdown", pretty_exceptions_enable=False,
    help="Paints the day's news and hangs it on the screens at home.\n\n"
    "Start with `frontispiece run` and open http://localhost:8080/. `frontispiece check` says what works and what "
    "does not; the small doors (`parse`, `judge`, `describe`, `paint`, `slide`) try one part by itself.",
)  # fmt: skip
app.command(rich_help_panel="Try one part")(doors.parse)
app.command(rich_help_panel="Try one part")(doors.judge)
app.command(rich_help_panel="Try one part")(doors.describe)
app.command(rich_help_panel="Try one part")(doors.paint)
app.command(rich_help_panel="Try one part")(doors.slide)

EXIT = {ConfigError: 2, DataFolderError: 3}  #: anything else that we expect exits 1


def _version(value: bool) -> None:
    if value:
        print(f"frontispiece {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")] = False,
) -> None:
    pass


@app.command()
def run(
    config: Config = None,
    data: Data = Path("data"),
    port: Annotated[int | None, typer.Option(help="Listen here instead of at web.port.")] = None,
    host: Annotated[str | None, typer.Option(help="Listen here instead of at web.host.")] = None,
) -> None:
    """Run the service: fetch, paint and show until stopped with Ctrl-C.

    The first slide is up at once (a sample, until the first story is painted). Stopping at any moment is safe.
    """
    from . import schedule
    from .compose import fonts
    from .web.app import create
    from .web.server import serve

    _log_to_stderr()
    settings = doors.settings_of(config)
    with opened(settings, data, port) as service:
        secret = secrets.token_urlsafe(24)
        service.store.folder.claim({"secret": secret})
        service.store.folder.sweep()
        application = create(
            service.wall, templates=service.templates, secret=secret, fonts=fonts.folder(), fonts_css=fonts.web_css
        )
        host, port = host or settings.web.host, settings.web.port if port is None else port

        def started(address: str) -> None:
            service.store.folder.describe({"secret": secret, "url": address})
            telling.welcome(address, settings)
            service.wall.greet()
            jobs.append(schedule.start(service.press))

        jobs: list[Any] = []
        try:
            serve(application, host, port, started)
        finally:
            for job in jobs:
                job.shutdown(wait=False)
            service.store.folder.release()


@app.command()
def once(config: Config = None, data: Data = Path("data"), channel: Channel = None, json: AsJson = False) -> None:
    """Do one round: fetch, judge, choose, describe, paint, show; then exit.

    Exits 0 when the round finished, whatever single feeds did. While a service runs on the same data folder, that
    service is asked to do the round.
    """
    settings = doors.settings_of(config)
    channels = [channel] if channel else list(settings.channels)
    with opened(settings, data) as service:
        began, tally = time.monotonic(), Counter[str]()
        for event in telling.followed(_round(service, channels), json=json):
            tally[event["verb"]] += 1
            tally["errors"] += bool(event.get("error"))
            if event["verb"] == "stop":
                raise DataFolderError(event["error"])
        telling.finished(tally, time.monotonic() - began, json=json)


def _round(service: Service, channels: list[str]) -> Iterator[dict[str, Any]]:
    """The round's events, done here or by the service that owns the folder."""
    try:
        service.store.folder.claim({})
    except DataFolderError:
        owner = service.store.folder.owner()
        if "url" not in owner:
            raise
        yield from telling.asked(owner["url"], owner["secret"], channels)
        return
    try:
        service.store.folder.sweep()
        for event in service.press.round(channels):
            yield event.table()
    finally:
        service.store.folder.release()


@app.command()
def status(config: Config = None, data: Data = Path("data"), json: AsJson = False) -> None:
    """Say how things are: feeds, stuck plates with their error and next try, displays, disk."""
    with opened(doors.settings_of(config), data) as service:
        owner = telling.running(service.store.folder.owner())
        told = owner or service.wall.status() | {"running": False}
        telling.status(told, json=json)


@app.command()
def retry(
    config: Config = None,
    data: Data = Path("data"),
    plate: Annotated[int | None, typer.Argument(help="One plate's number; all stuck ones if left out.")] = None,
) -> None:
    """Try stuck plates and failing feeds again in the next round, instead of when their wait is over."""
    with opened(doors.settings_of(config), data) as service:
        plates = service.store.retry(plate)
        feeds = service.store.retry_feeds() if plate is None else 0
        print(f"{plates} plates and {feeds} feeds will be tried again in the next round")


@app.command()
def check(config: Config = None, data: Data = Path("data"), json: AsJson = False) -> None:
    """Try everything once and say what works, what does not, and what to do. Exits 1 if something does not."""
    from .checking import findings

    with opened(doors.settings_of(config), data) as service:
        if not telling.findings(findings(service), json=json):
            raise typer.Exit(1)


def _log_to_stderr() -> None:
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s", level=logging.INFO, stream=sys.stderr)
    for chatty in ("httpx", "apscheduler", "uvicorn.access", "httpcore"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def main() -> None:
    """Run the command; an expected failure is a sentence and an exit code, never a traceback."""
    try:
        app(standalone_mode=True)
    except FrontispieceError as error:
        telling.complain(error)
        sys.exit(next((code for kind, code in EXIT.items() if isinstance(error, kind)), 1))
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
