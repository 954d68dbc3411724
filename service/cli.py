"""The command. Everything it does is a verb of the pipeline or a look at the rows; it only asks and tells."""

from __future__ import annotations

import errno
import io
import logging
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from fastapi import FastAPI

    from .assembly import Service

INTERRUPTED = 130  #: the exit code after Ctrl-C

try:
    import typer

    from . import __version__, doors, telling
    from .assembly import opened
    from .doors import AsJson, Config, Data, UsageError, states
    from .doors.strokes import AtWork
    from .errors import ConfigError, DataFolderError, FrontispieceError
except KeyboardInterrupt:  # Ctrl-C while all this loads
    raise SystemExit(INTERRUPTED) from None

EXIT = {ConfigError: 2, UsageError: 2, DataFolderError: 3}  #: anything else that we expect exits 1
EXITS = (
    "Exit codes: 0 done; 1 something did not work, and a line says what; 2 the config or the command must be "
    "corrected; 3 the data folder cannot be used, or another service uses it; 130 stopped with Ctrl-C."
)
UNWRITABLE = {errno.ENOSPC, errno.EIO, errno.EFBIG, errno.EDQUOT, errno.EPIPE}
STOP_SECONDS = 3.0  #: for a round to finish its step when the service is stopped

app = typer.Typer(
    name="frontispiece", no_args_is_help=True, rich_markup_mode="markdown", pretty_exceptions_enable=False,
    epilog=EXITS,
    help="Paints the day's news and hangs it on the screens at home.\n\n"
    "Start with `frontispiece run` and open http://localhost:8080/. `frontispiece check` says what works and what "
    "does not; the small doors (`parse`, `judge`, `cluster`, `describe`, `paint`, `slide`) try one part by itself.",
)  # fmt: skip
for door in (doors.parse, doors.judge, doors.cluster, doors.describe, doors.paint, doors.slide, doors.watermark):
    app.command(rich_help_panel="Try one part", epilog=EXITS)(door)
for group, alone, parts in (
    ("feeds", doors.feeds.feeds, doors.feeds.COMMANDS),
    ("editor", doors.editors.editors, doors.editors.COMMANDS),
    ("displays", doors.displays.displays, doors.displays.COMMANDS),
    ("subject", doors.subject.subject, doors.subject.COMMANDS),
):
    commands = typer.Typer(rich_markup_mode="markdown")
    commands.callback(invoke_without_command=True, epilog=EXITS)(alone)
    for name, part in parts.items():
        handed_on = doors.subject.HANDED_ON if part in doors.subject.LEARNS else None
        commands.command(name, epilog=EXITS, context_settings=handed_on)(part)
    app.add_typer(commands, name=group)
for vote in (doors.favourite, doors.ban, doors.not_me, doors.repaint):
    app.command(rich_help_panel="Teach it your taste", epilog=EXITS)(vote)
NUMBERS = {"ignore_unknown_options": True}  # -3 is no option
app.command(rich_help_panel="Teach it your taste", epilog=EXITS, context_settings=NUMBERS)(doors.mood)
app.command("next", rich_help_panel="On the displays", epilog=EXITS)(doors.next_slide)
for turn in (doors.previous, doors.pause, doors.resume, doors.show, doors.pair, doors.unpair):
    app.command(rich_help_panel="On the displays", epilog=EXITS)(turn)
app.command(epilog=EXITS)(doors.token)


def _version(value: bool) -> None:
    if value:
        print(f"frontispiece {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")] = False,
) -> None:
    pass


@app.command(epilog=EXITS)
def run(
    config: Config = None,
    data: Data = Path("data"),
    port: Annotated[int | None, typer.Option(help="Listen here instead of at web.port.", min=0, max=65535)] = None,
    host: Annotated[str | None, typer.Option(help="Listen here instead of at web.host.")] = None,
) -> None:
    """Run the service: fetch, paint and show until stopped with Ctrl-C.

    The first slide is up at once (a sample, until the first story is painted). Stopping at any moment is safe.
    """
    from . import mqtt, schedule
    from .web.server import serve

    _log_to_stderr()
    settings = doors.settings_of(config)
    with opened(settings, data, port) as service:
        service.store.folder.claim({"serves": True})
        service.store.folder.sweep()
        service.hand.roster.finish()
        new_token = "" if service.keys.known() else service.keys.new()
        host, port = host or settings.web.host, settings.web.port if port is None else port

        def started(address: str) -> None:
            service.store.folder.describe({"serves": True, "url": address})
            names = [display.name for display in service.hand.line.everywhere()]
            telling.welcome(address, names, new_token)
            service.wall.greet()
            ends.append(partial(schedule.start(service.press).shutdown, wait=False))
            ends.extend(mqtt.linked(service.wall, settings.mqtt, data, urlsplit(address).port or 80))

        ends: list[Callable[[], object]] = []
        try:
            serve(_application(service, host), host, port, started)
        finally:
            for end in ends:
                end()
            if service.press.stop(STOP_SECONDS):  # else the folder stays ours until the process ends
                service.store.folder.release()


def _application(service: Service, host: str) -> FastAPI:
    """The pages and the API of a service that listens there."""
    from .compose import fonts
    from .studio import Studio
    from .web.app import create

    web = service.settings.web
    return create(
        service.wall, templates=service.templates, secret=service.keys.token, fonts=fonts.folder(),
        fonts_css=fonts.web_css, login=web.login, hosts=(*web.hosts, host), studio=Studio(service.press.line),
    )  # fmt: skip


@app.command(epilog=EXITS)
def once(
    config: Config = None,
    data: Data = Path("data"),
    channel: Annotated[str | None, typer.Option("--channel", help="Only this channel. [default: all]")] = None,
    engine: Annotated[str | None, typer.Option(help="Paint with this engine first, whatever the channels say.")] = None,
    json: AsJson = False,
) -> None:
    """Do one round: fetch, judge, choose, describe, paint, show; then exit.

    Exits 0 when the round finished, whatever single feeds did. While a service runs on the same data folder, that
    service is asked to do the round.
    """
    settings = doors.settings_of(config)
    channels = [doors.channel_named(settings, channel)] if channel else list(settings.channels)
    settings = doors.with_engine(settings, engine) if engine else settings
    with opened(settings, data) as service:
        began, tally = time.monotonic(), Counter[str]()
        try:
            events = doors.rounds.events(service, channels, engine)
            for event in telling.followed(events, AtWork(service.press.painting), json=json):
                failed = bool(event.get("error"))
                tally["painted"] += event["verb"] == "render" and not failed
                tally["errors"] += failed
                if event["verb"] == "stop":
                    raise DataFolderError(str(event.get("error")))
        except KeyboardInterrupt:
            telling.remark("stopped; the next round goes on from the last finished step")
            raise
        telling.finished(tally, time.monotonic() - began, json=json)


@app.command(epilog=EXITS)
def status(config: Config = None, data: Data = Path("data"), json: AsJson = False) -> None:
    """Say how things are: feeds, editors and their budgets, stuck plates with their next try, displays, disk."""
    with opened(doors.settings_of(config), data) as service:
        owner = service.store.folder.owner()
        told = telling.running(owner, service.keys.known())
        if told is None:
            state = f"process {owner['pid']} is at work, but does not answer" if "pid" in owner else "not running"
            told = dict[str, Any](service.wall.status()) | {"running": False, "state": state}
        states.status(told, json=json)
        if not json:
            doors.editors.tell(told["editors"])


@app.command(epilog=EXITS)
def retry(
    config: Config = None,
    data: Data = Path("data"),
    plate: Annotated[int | None, typer.Argument(help="One plate's number; all stuck ones if left out.")] = None,
) -> None:
    """Try stuck plates and failing feeds again in the next round, instead of when their wait is over."""
    with opened(doors.settings_of(config), data) as service:
        plates = service.store.retry(plate)
        if plate is not None and not plates:
            raise UsageError(f"plate {plate} is not stuck; `frontispiece status` lists those that are")
        feeds = service.store.retry_feeds() if plate is None else 0
        if not plates + feeds:
            print("nothing is stuck")
        else:
            told = [telling.several(n, noun) for n, noun in ((plates, "plate"), (feeds, "feed")) if n]
            print(f"{' and '.join(told)} will be tried again in the next round")


@app.command(epilog=EXITS)
def check(config: Config = None, data: Data = Path("data"), json: AsJson = False) -> None:
    """Try everything once and say what works, what does not, and what to do. Exits 1 if something does not."""
    from .checking import findings, mistaken

    try:
        settings = doors.settings_of(config)
    except ConfigError as error:
        if json:
            telling.findings(mistaken(error), json=True)
        raise
    with opened(settings, data) as service:
        if not telling.findings(findings(service), json=json):
            raise typer.Exit(1)


app.command(epilog=EXITS)(doors.skipped)
app.command(epilog=EXITS)(doors.let)


def _log_to_stderr() -> None:
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s", level=logging.INFO, stream=sys.stderr)
    for chatty in ("httpx", "apscheduler", "uvicorn.access", "httpcore"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def main() -> None:
    """Run the command; an expected failure is a sentence and an exit code, never a traceback."""
    _prepare()
    _leave(_exit_code(app))


def _exit_code(command: Callable[[], object]) -> int:
    try:
        command()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except FrontispieceError as error:
        telling.complain(error)
        return next((code for kind, code in EXIT.items() if isinstance(error, kind)), 1)
    except KeyboardInterrupt:
        return INTERRUPTED
    except OSError as error:
        if not _unwritable(error):
            raise
        return 1
    return 0


def _unwritable(error: OSError) -> bool:
    """Whether it is our own output that cannot be written; then says so, where anyone still reads."""
    if error.errno in UNWRITABLE and error.errno != errno.EPIPE:
        telling.remark(f"the output cannot be written: {error.strerror}")
    return error.errno in UNWRITABLE


def _prepare() -> None:
    """See that everything can be printed: streams that are closed, and terminals that know no Unicode."""
    sys.stdout = sys.stdout or Path(os.devnull).open("w")  # noqa: SIM115 - as long as the process lives
    sys.stderr = sys.stderr or Path(os.devnull).open("w")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _leave(code: int) -> None:
    """End the process now: what still runs in a thread was told to stop, and loses nothing."""
    for stream, number in ((sys.stdout, 1), (sys.stderr, 2)):
        try:
            stream.flush()
        except (OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), number)  # else the interpreter tries again, and complains
    # the interpreter would wait for the threads, and may turn an interrupted exit into a death by signal
    if threading.active_count() > 1 or code == INTERRUPTED:
        os._exit(code)
    sys.exit(code)


if __name__ == "__main__":
    main()
