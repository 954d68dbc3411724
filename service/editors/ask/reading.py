"""Find the JSON in what a model said. Pure.

Models wrap it in fences and chatter, think aloud before it, leave trailing commas, use Python's quotes, say it
twice, or are cut off. Whatever is found here is only a candidate: it must still pass the answer's validation.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from typing import Any

MAX_CHARS = 64_000  #: of an answer that are read; forty rulings take about 8,000
_STARTS = 24  #: places where JSON might begin that are tried, so that a page of brackets costs nothing
_DEPTH = 32  #: of brackets; an answer has four

_THOUGHT_END = re.compile(r"</(?:think|thinking|reasoning)>", re.IGNORECASE)
_THOUGHT_START = re.compile(r"<(?:think|thinking|reasoning)>", re.IGNORECASE)
_PIECE = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],]', re.DOTALL)
_TRAILING = re.compile(r'("(?:[^"\\]|\\.)*")|,(?=\s*[}\]])', re.DOTALL)
_CLOSING = {"{": "}", "[": "]"}


def spoken(text: str) -> str:
    """The answer without the thinking before or after it; "" where the model never got beyond thinking."""
    *before, after = _THOUGHT_END.split(text[:MAX_CHARS])  # the opening tag may be part of the server's own template
    said = _THOUGHT_START.split(after)[0].strip()
    return said or (_THOUGHT_START.split(before[0])[0].strip() if before else "")


def found(text: str) -> Iterator[Any]:
    """Every object or list that can be read out of the text, outermost and first ones first.

    One that was cut off is given as far as its last whole element.
    """
    text = spoken(text)
    starts = [match.start() for match in re.finditer(r"[{\[]", text)][:_STARTS]
    for start in starts:
        for candidate in _ended(text, start):
            value = _loaded(candidate)
            if isinstance(value, (dict, list)) and value:
                yield value


def _ended(text: str, start: int) -> Iterator[str]:
    """The balanced piece that begins at ``start``, or what can be saved of an unbalanced one."""
    open_: list[str] = []
    cut = element = ""  # up to the last comma, and up to the last bracket closed, with what closes the rest
    for piece in _PIECE.finditer(text, start):
        mark = piece.group()
        if mark in _CLOSING:
            open_.append(_CLOSING[mark])
            if len(open_) > _DEPTH:
                return
        elif open_ and mark == open_[-1]:
            open_.pop()
            if not open_:
                yield text[start : piece.end()]
                return
            element = text[start : piece.end()] + "".join(reversed(open_))
        elif mark == ",":
            cut = text[start : piece.start()] + "".join(reversed(open_))
    yield from filter(None, (cut, element))


def _loaded(text: str) -> Any:
    for attempt in (json.loads, _tidied, ast.literal_eval):
        try:
            return attempt(text)
        except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
            continue
    return None


def _tidied(text: str) -> Any:
    """JSON with trailing commas and raw line ends in its strings."""
    return json.loads(_TRAILING.sub(r"\1", text), strict=False)
