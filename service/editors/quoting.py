"""A headline on its way into a prompt is foreign text: it is quoted, and it gives no orders. Pure.

Two defences that do not depend on the model: what could end a quotation or begin a turn of a conversation is taken out,
and a text that speaks to a machine rather than to a reader (``orders``) is not shown to the model at all.
"""

from __future__ import annotations

import re

from .disguise import visible
from .orders import MARKS, doubts, orders

__all__ = ["MAX_CHARS", "doubts", "orders", "quoted"]

MAX_CHARS = 300

_BLOB = re.compile(r"\b[A-Za-z0-9+/_-]{32,}={0,2}|(?:[0-9a-fA-F]{2}[\s:]?){20,}")  # base64 and hex: not for readers
_ADDRESS = re.compile(r"(?:https?:|www\.)\S*", re.IGNORECASE)
# What could close the quotation or be taken for structure, as its harmless look-alike.
_LOOKALIKES = str.maketrans('<>{}[]`|\\"', "‹›()()'//”")


def quoted(text: str, limit: int = MAX_CHARS) -> str:
    """The text as one line that cannot end its quotation, begin a turn, hide letters, or name an address."""
    text = visible(text[: limit * 4])
    while (once := MARKS.sub(" ", text)) != text:  # a mark inside a mark
        text = once
    return " ".join(_BLOB.sub(" ", _ADDRESS.sub(" ", text)).translate(_LOOKALIKES).split())[:limit]
