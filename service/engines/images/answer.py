"""A picture in an answer of OpenAI's Images protocol. Pure."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from ...errors import EngineError


def first(answer: dict[str, Any]) -> dict[str, Any]:
    """What an answer says of its first picture; nothing where it has none."""
    data = answer.get("data")
    first = data[0] if isinstance(data, list) and data else {}
    return first if isinstance(first, dict) else {}


def decoded(entry: dict[str, Any]) -> bytes:
    """The picture's file. Raises EngineError that completes "the answer of HOST …"."""
    text = entry.get("b64_json")
    if not isinstance(text, str) or not text:
        if entry.get("url"):
            raise EngineError(
                "holds an address instead of a picture, and addresses in answers are not followed: "
                "set the server to answer with b64_json"
            )
        raise EngineError("holds no picture")
    try:
        bare = "".join(text.split()).removeprefix("data:image/png;base64,").removeprefix("data:image/jpeg;base64,")
        return base64.b64decode(bare, validate=True)
    except (binascii.Error, ValueError) as error:
        raise EngineError("holds broken base64") from error
