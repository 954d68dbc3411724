"""The process that reads foreign documents: it may hang, crash or swell, and is killed for it.

Run by ``sources.parse.Parser`` as ``python -m service.sources.documents.worker SECONDS BYTES``. A request is a frame of
JSON and a frame of document, an answer is a frame of JSON: nothing that comes out is ever executed or unpickled.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import resource
import signal
import sys
from datetime import datetime
from typing import Any

from service.errors import SourceError

from ...frames import receive, send
from . import document, page, xmlfeed  # noqa: F401  (imported before the walls go up, and before the clock runs)
from .items import Origin

_FORBIDDEN = ("socket.", "subprocess.", "os.system", "os.exec", "os.fork", "os.posix_spawn", "urllib.", "ctypes.")


def main(seconds: float, memory_bytes: int) -> None:
    """Answer requests until the pipe closes."""
    requests = sys.stdin.buffer
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # a stray print goes to the log, not into an answer
    _wall_in(memory_bytes)
    send(answers, b'{"ready": true}')
    while (request := receive(requests)) is not None:
        signal.alarm(int(seconds) + 5)  # ends this process even where its owner was killed and nobody waits
        answer = _answer(json.loads(request), receive(requests) or b"")
        signal.alarm(0)
        send(answers, json.dumps(answer).encode())


def _wall_in(memory_bytes: int) -> None:
    """No memory beyond the bound, no network, no other program."""
    with contextlib.suppress(OSError, ValueError):  # macOS knows the limit and refuses to set it
        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))

    def refuse(event: str, _: tuple[Any, ...]) -> None:
        if event.startswith(_FORBIDDEN):
            raise PermissionError(f"a document asked for {event}")

    sys.addaudithook(refuse)


def _answer(request: dict[str, Any], body: bytes) -> dict[str, Any]:
    try:
        return _page(request, body) if request.get("page") else _feed(request, body)
    except SourceError as error:
        return {"error": str(error)}
    except (MemoryError, RecursionError):
        return {"error": "too much for the parser (memory)", "worn": True}


def _page(request: dict[str, Any], body: bytes) -> dict[str, Any]:
    return dataclasses.asdict(page.read(body, request["content_type"]))


def _feed(request: dict[str, Any], body: bytes) -> dict[str, Any]:
    origin = Origin(request["url"], datetime.fromisoformat(request["now"]), tuple(request["usual"]))
    result = document.read(body, request["content_type"], origin)
    stories = [{**dataclasses.asdict(story), "published": story.published.isoformat()} for story in result.stories]
    return {"stories": stories, "title": result.title, "check_after": result.check_after, "dropped": result.dropped}


if __name__ == "__main__":
    main(float(sys.argv[1]), int(sys.argv[2]))
