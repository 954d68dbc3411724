"""Learning, as the service sees it: a process that is asked one thing and answers in lines of JSON.

Nothing of it is imported here: it may bring torch, take a GPU, and be killed; the service does not.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import IO, Any

from .engines.child import environment
from .errors import EngineError, SubjectError
from .protocols import Teaching
from .subjects import Subject

COMMAND = (sys.executable, "-P", "-X", "utf8", "-m", "personalization")
_BAD_ARGUMENTS = 2  #: argparse's exit code


def on(engines: Iterable[object], card: Subject, *, learned: bool = False) -> list[str]:
    """The options that tell learning which model a subject is for, of the first of the engines that can be learned for.

    ``learned``: it was learned, on the card's base; only how pictures are made on that is told. Raises SubjectError
    where there is no such engine and the card names no base either; EngineError.
    """
    first = next((engine for engine in engines if isinstance(engine, Teaching)), None)
    if first is None:
        if card.base or learned:
            return []
        raise SubjectError(
            f"{card.name} cannot be learned yet: no channel paints with a model on this machine. Add an engine with "
            'kind = "diffusion" to the config (docs/engines.md), or name a model with --base'
        )
    base = first.base()
    if learned and base.model != card.base:
        return []
    told = {"base": "" if learned else base.model, "device": base.device, "sampling-steps": base.steps,
            "guidance": base.guidance}  # fmt: skip
    return [f"--{name}={value}" for name, value in told.items() if value not in ("", None)]


def device(engines: Iterable[object]) -> list[str]:
    """The option that says where the first of the engines that can be learned for paints, if it says so."""
    first = next((engine for engine in engines if isinstance(engine, Teaching)), None)
    with suppress(EngineError):  # nothing can be learned for its model, and what was for another is painted anywhere
        return [f"--device={where}"] if first and (where := first.base().device) else []
    return []


def followed(data: Path, verb: str, name: str, *more: str) -> Iterator[dict[str, Any]]:
    """What learning tells while it does a verb, event by event; the last is "done" or "stopped".

    Ctrl-C and SIGTERM are passed on: it then finishes what must be whole; a second one ends it at once. Raises
    SubjectError with the sentence it ends with.
    """
    # paths are told as they are here: the process has our folder
    with tempfile.TemporaryFile() as said, _started((*verb.split(), "--data", str(data), name, *more), said) as process:
        assert process.stdout  # a pipe was asked for
        with _passed_on(process):
            last = ""
            for line in process.stdout:
                event = _event(line)
                last = event.get("event", last)
                if last == "error":
                    raise SubjectError(str(event.get("says") or "learning failed"))
                if event:
                    yield event
            code = process.wait()
        if last not in ("done", "stopped"):
            raise SubjectError(_how(code, _last_words(said)))


def asked(data: Path, verb: str, name: str, *more: str) -> list[dict[str, Any]]:
    """Everything it told. Raises SubjectError."""
    return list(followed(data, verb, name, *more))


@contextmanager
def _started(arguments: Sequence[str], said: IO[bytes]) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(  # noqa: S603 - our own interpreter, our own module
        (*COMMAND, *arguments), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=said, text=True,
        encoding="utf-8", errors="replace",
        process_group=0,  # Ctrl-C at a terminal is for the command, which passes it on
        env=environment(os.environ),
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()


@contextmanager
def _passed_on(process: subprocess.Popen[str]) -> Iterator[None]:
    """While it lasts, what would stop this process stops that one. Only a main thread hears signals."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    asked = threading.Event()

    def heard(number: int, _frame: FrameType | None) -> None:
        process.send_signal(signal.SIGKILL if asked.is_set() else number)
        asked.set()

    before = {number: signal.signal(number, heard) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if asked.is_set() and process.poll() == -signal.SIGKILL:
        raise KeyboardInterrupt


def _event(line: str) -> dict[str, Any]:
    try:
        event = json.loads(line)
    except ValueError:
        return {}
    return event if isinstance(event, dict) else {}


def _last_words(said: IO[bytes]) -> str:
    said.seek(0)
    return said.read()[-4000:].decode("utf-8", "replace").strip().rpartition("\n")[2].strip()[:300]


def _how(code: int, words: str) -> str:
    if code == _BAD_ARGUMENTS:
        return words.rpartition("error: ")[2] or "learning did not understand what it was asked"
    if code == -signal.SIGKILL:
        return "learning was killed, most likely because the machine ran out of memory"
    how = f"by {signal.Signals(-code).name}" if code < 0 else f"with code {code}"
    return f"learning ended {how} before it was done (it last said: {words or 'nothing'})"
