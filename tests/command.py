"""The command for tests: inside this process where only its words matter, as a real process where its end does."""

import contextlib
import io
import json
import os
import re
import subprocess
import sys
import time
from collections import namedtuple
from pathlib import Path

from service import cli

ROOT = Path(__file__).parent.parent
# a shell's background jobs do not hear Ctrl-C, and neither would what they start
HEARS = "import runpy, signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
COMMAND = [sys.executable, "-c", HEARS + "runpy.run_module('service.cli', run_name='__main__')"]
Told = namedtuple("Told", "code out err")


def told(*arguments, given=""):
    """The command's exit code, and what it printed, run inside this process."""
    out, err = io.StringIO(), io.StringIO()
    stdin, sys.stdin = sys.stdin, io.TextIOWrapper(io.BytesIO(given.encode() if isinstance(given, str) else given))
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = cli._exit_code(lambda: cli.app([str(part) for part in arguments]))
    finally:
        sys.stdin = stdin
    return Told(code, out.getvalue(), err.getvalue())


def objects(text):
    """A program's reading of the output: every line one JSON object, and nothing beside."""
    return [json.loads(line) for line in text.splitlines()]


def started(*arguments, also=(), first="", **other):
    """The command as a process of its own, which Ctrl-C reaches as it does at a terminal.

    ``also``: more of the environment; ``first``: what the process does before it is the command.
    """
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "100", **dict(also)}
    for name in ("FRONTISPIECE_CONFIG", "FRONTISPIECE_DATA"):
        environment.pop(name, None)
    return subprocess.Popen(
        [*COMMAND[:-1], first + COMMAND[-1], *map(str, arguments)], encoding="utf-8", env=environment,
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL, **other},
    )  # fmt: skip


def ended(process, seconds=60):
    """What a process printed until its end."""
    try:
        out, err = process.communicate(timeout=seconds)
    finally:
        process.kill()
    return Told(process.returncode, out or "", err or "")


def command(*arguments, **other):
    return ended(started(*arguments, **other))


@contextlib.contextmanager
def running(config, data, *arguments, **other):
    """A service as a process of its own; yields it and its address."""
    with (data.parent / f"{data.name}.log").open("a") as log:
        process = started(
            "run", "--config", config, "--data", data, *(arguments or ("--port", "0")), stderr=log, **other
        )
    try:
        for line in process.stdout:
            if found := re.search(r"http://\S+", line):
                break
        else:
            raise AssertionError((data.parent / f"{data.name}.log").read_text())
        yield process, found[0].rstrip("/").replace("localhost", "127.0.0.1")
    finally:
        process.terminate()
        try:
            process.wait(15)
        finally:
            process.kill()
            process.wait()


def until(condition, seconds=30, what="it"):
    """What the condition gives once that is true; it is asked again and again."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"{what} did not come about in {seconds} s"
        time.sleep(0.03)
    return found
