"""The process that learns, seen from outside: a verb, JSON lines on stdout, an exit code.

``python -m personalization VERB --data DATA NAME ...``. A verb is a module with ``run(request) -> Iterator[dict]``
and, where it takes options of its own, ``options(parser)``. Each dict it yields is one line, ``{"event": "...", ...}``;
the last line is ``{"event": "done", ...}`` (exit 0), ``{"event": "error", "says": "..."}`` (exit 1) or, after SIGINT or
SIGTERM, ``{"event": "stopped", ...}`` (exit 130). A verb that yields no last line of its own is given one.

What anything else prints goes to stderr, which is for logs.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any, TextIO

from service.errors import FrontispieceError

from .errors import PersonalizationError
from .request import Event, Events, Request

VERBS = {
    "add": "personalization.adding",
    "photos": "personalization.looking",
    "caption": "personalization.captions",
    "sheet": "personalization.sheet",
    "import": "personalization.importing",
    "export": "personalization.exporting",
    "plan": "personalization.plan",
    "train": "personalization.train",
    "evaluate": "personalization.evaluate",
    "try": "personalization.trial",
    "unitune learn": "personalization.unitune",
    "unitune edit": "personalization.editing",
}
FINISH = ("add", "train", "unitune learn")  #: these look at ``request.stop``; others have nothing that must be whole
INTERRUPTED = 130  #: the exit code after SIGINT or SIGTERM
LAST = {"done": 0, "error": 1, "stopped": INTERRUPTED}


def main(arguments: Sequence[str] | None = None) -> int:
    """Do one verb; returns the exit code."""
    out = _taken_stdout()
    given = sys.argv[1:] if arguments is None else list(arguments)
    try:
        code = 0
        for event in _events(given):
            print(json.dumps(event, ensure_ascii=False, default=str), file=out, flush=True)
            code = LAST.get(event["event"], code)
        return code
    except BrokenPipeError:  # whoever asked has gone
        return 1


def _taken_stdout() -> TextIO:
    """Keep stdout for our lines alone: from here on, whatever a library prints lands on stderr."""
    ours = os.fdopen(os.dup(1), "w", encoding="utf-8", errors="backslashreplace")
    os.dup2(2, 1)
    return ours


def _events(given: Sequence[str]) -> Events:
    """Everything the verb says, ended by one last event whatever happens to it."""
    last = ""
    try:
        words = 2 if " ".join(given[:2]) in VERBS else 1
        verb, rest = " ".join(given[:words]), given[words:]
        module = _module(verb)
        request = _request(verb, module, rest)
        _listen(request, patient=verb in FINISH)
        for event in module.run(request):
            last = event["event"]
            yield event
            if last in LAST:
                return
        yield {"event": "stopped" if request.stop.is_set() else "done"}
    except KeyboardInterrupt:
        yield {"event": "stopped"}
    except (PersonalizationError, FrontispieceError) as error:
        yield _error(str(error))
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] in ("personalization", "service"):
            raise
        yield _error(f"learning needs the package {error.name!r}, which is not installed: `make train` installs it")
    except OSError as error:
        if error.errno is None:
            raise
        yield _error(f"{error.filename or 'a file'}: {error.strerror}")


def _error(says: str) -> Event:
    return {"event": "error", "says": says}


def _module(verb: str) -> Any:
    if verb not in VERBS:
        raise PersonalizationError(f"there is no verb {verb!r}; there is {', '.join(VERBS)}")
    return importlib.import_module(VERBS[verb])


def _request(verb: str, module: Any, rest: Sequence[str]) -> Request:
    parser = argparse.ArgumentParser(
        f"python -m personalization {verb}", description=module.__doc__, allow_abbrev=False
    )
    parser.add_argument("--data", type=Path, default=Path("data"), help="the data folder")
    parser.add_argument("name", help="the subject's")
    if hasattr(module, "options"):
        module.options(parser)
    options = parser.parse_args(rest)
    return Request(options.data, options.name, options)


def _listen(request: Request, *, patient: bool) -> None:
    """The first SIGINT or SIGTERM asks a patient verb to finish; the second, or any other verb's first, ends it."""

    def asked(_number: int, _frame: FrameType | None) -> None:
        if request.stop.is_set() or not patient:
            raise KeyboardInterrupt
        request.stop.set()

    signal.signal(signal.SIGINT, asked)
    signal.signal(signal.SIGTERM, asked)
