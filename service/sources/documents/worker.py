"""The process that reads feed documents, and pages that may name feeds. Run by ``sources.parse.Parser``."""

from __future__ import annotations

import dataclasses
from datetime import datetime
from typing import Any

from service.errors import SourceError

from ...walls import serve
from . import document, page, xmlfeed  # noqa: F401  (imported before the walls go up, and before the clock runs)
from .items import Origin


def answer(request: dict[str, Any], body: bytes) -> dict[str, Any]:
    """What is in a document, or why there is nothing."""
    try:
        return _page(request, body) if request.get("page") else _feed(request, body)
    except SourceError as error:
        return {"error": str(error)}


def _page(request: dict[str, Any], body: bytes) -> dict[str, Any]:
    return dataclasses.asdict(page.read(body, request["content_type"]))


def _feed(request: dict[str, Any], body: bytes) -> dict[str, Any]:
    origin = Origin(request["url"], datetime.fromisoformat(request["now"]), tuple(request["usual"]))
    result = document.read(body, request["content_type"], origin)
    stories = [{**dataclasses.asdict(story), "published": story.published.isoformat()} for story in result.stories]
    return {"stories": stories, "title": result.title, "check_after": result.check_after, "dropped": result.dropped}


if __name__ == "__main__":
    serve(answer)
