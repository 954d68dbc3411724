"""Inside a worker process that reads foreign documents: it may hang, crash or swell, and is killed for it.

A worker is a module that is run with ``python -m MODULE SECONDS BYTES`` and ends in ``serve``. A request is a frame of
JSON and a frame of document, an answer is a frame of JSON: nothing that comes out is ever executed or unpickled.
``walled`` is the other side.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import sys
from collections.abc import Callable, Mapping
from typing import Any

from .frames import receive, send

Answering = Callable[[dict[str, Any], bytes], Mapping[str, Any]]  #: (a request, a document) -> an answer, JSON-safe

_FORBIDDEN = ("socket.", "subprocess.", "os.system", "os.exec", "os.fork", "os.posix_spawn", "urllib.", "ctypes.")


def serve(answering: Answering) -> None:
    """Answer requests until the pipe closes. Import everything before: the walls go up here, and the clock starts."""
    seconds, memory_bytes = float(sys.argv[1]), int(sys.argv[2])
    requests = sys.stdin.buffer
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # a stray print goes to the log, not into an answer
    wall_in(memory_bytes)
    send(answers, b'{"ready": true}')
    while (request := receive(requests)) is not None:
        signal.alarm(int(seconds) + 5)  # ends this process even where its owner was killed and nobody waits
        answer = _answer(answering, json.loads(request), receive(requests) or b"")
        signal.alarm(0)
        send(answers, json.dumps(answer).encode())


def _answer(answering: Answering, request: dict[str, Any], body: bytes) -> Mapping[str, Any]:
    try:
        return answering(request, body)
    except (MemoryError, RecursionError):
        return {"worn": True}


def wall_in(memory_bytes: int) -> None:
    """No memory beyond the bound, no network, no other program."""
    with contextlib.suppress(OSError, ValueError):  # macOS knows the limit and refuses to set it
        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))

    def refuse(event: str, _: tuple[Any, ...]) -> None:
        if event.startswith(_FORBIDDEN):
            raise PermissionError(f"a document asked for {event}")

    sys.addaudithook(refuse)
