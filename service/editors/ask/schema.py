"""The JSON schema of an answer, in the narrow dialect that every server's strict mode takes.

OpenAI's strict mode wants every key required, no further keys, no defaults; some grammar builders stumble
over ``$ref``.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from pydantic import BaseModel

_KEPT = ("type", "enum", "description")


@lru_cache(maxsize=16)
def strict_schema(answer: type[BaseModel]) -> dict[str, Any]:
    """The schema of an answer: references written out, titles and defaults left out, all keys required."""
    schema = answer.model_json_schema()
    return _plain(schema, schema.get("$defs", {}))


def _plain(part: dict[str, Any], shared: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in part:
        part = shared[part["$ref"].rsplit("/", 1)[1]] | {"description": None} | part
    if "properties" in part:  # an object's description is its class's docstring: for programmers, not for the model
        return {
            "type": "object",
            "properties": {name: _plain(body, shared) for name, body in part["properties"].items()},
            "required": list(part["properties"]),
            "additionalProperties": False,
        }
    plain = {key: part[key] for key in _KEPT if part.get(key)}
    return plain | {"items": _plain(part["items"], shared)} if "items" in part else plain
