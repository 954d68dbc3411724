"""The process that reads publishers' pages. Run by ``articles.Articles``; the only file that knows trafilatura."""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence
from typing import Any
from urllib.robotparser import RobotFileParser

import trafilatura

from service.text import clean

from ...walls import serve
from ..quoting import doubts, orders

_CHARSET = re.compile(r"charset\s*=\s*[\"']?([\w.:-]{1,40})", re.IGNORECASE)
_WARM = b"<html><body><p>" + b"A sentence that is long enough to be an article, said once more. " * 8


def answer(request: dict[str, Any], body: bytes) -> dict[str, Any]:
    """What may be shown of a page, or whether a robots.txt lets an agent have an address."""
    if "agent" in request:
        return {"may": permits(body, request["agent"], request["url"])}
    return honest(readable(body, request["content_type"], request["chars"]))


def permits(robots: bytes, agent: str, url: str) -> bool:
    """Whether a robots.txt (RFC 9309) lets the agent have the address."""
    rules = RobotFileParser()
    rules.parse(robots.decode("utf-8-sig", "replace").splitlines())
    return rules.can_fetch(agent, url)


def readable(page: bytes, content_type: str, chars: int) -> list[str]:
    """The paragraphs of a page's main text, plain and clean, the first ``chars`` characters of them."""
    said = trafilatura.extract(
        decoded(page, content_type), fast=True, favor_precision=True, include_comments=False, include_tables=False
    )
    paragraphs = (clean(line, chars) for line in (said or "")[:chars].split("\n"))
    return [paragraph for paragraph in paragraphs if paragraph]


def honest(paragraphs: Sequence[str]) -> dict[str, Any]:
    """The paragraphs that surely speak to no machine, how many may not, and the order that the others give together.

    Here rather than where the model is asked: looking for orders in many languages takes seconds on a text made for it.
    """
    kept = [paragraph for paragraph in paragraphs if not doubts(paragraph)]
    return {"paragraphs": kept, "dropped": len(paragraphs) - len(kept), "order": orders("\n".join(kept))}


def decoded(page: bytes, content_type: str) -> str | bytes:
    """The page in the character set that its server named; as it is where that named none, or none that there is."""
    named = _CHARSET.search(content_type)
    try:
        return page.decode(codecs.lookup(named[1]).name, "replace") if named else page
    except (LookupError, ValueError):
        return page


if __name__ == "__main__":
    honest(readable(_WARM, "", 100))  # what is loaded at first use is loaded before the walls go up
    serve(answer)
