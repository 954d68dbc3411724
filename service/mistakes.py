"""What is wrong with a config, in words: every mistake with its key's path and a suggestion. Pure."""

from __future__ import annotations

import copy
import difflib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

Kinds = Mapping[str, type[BaseModel]]  #: an adapter's kind and what its table may say


def pruned(table: Mapping[str, Any], locations: Sequence[Sequence[int | str]]) -> dict[str, Any]:
    """The table without the faulty keys; an element of a list that lacks a name gets one; half a place is none."""
    pruned: dict[str, Any] = copy.deepcopy(dict(table))
    for location in locations:
        *way, last = _key_at(location)
        place: Any = pruned
        part: Any
        for part in way:  # one key may have had two faults: then its place is gone already
            place = place[part] if isinstance(place, list) or part in place else {}
        if way == ["place"]:
            pruned.pop("place", None)
        elif way[:1] == ["displays"] and last == "name":
            place["name"] = f"display-{way[1]}"
        elif isinstance(last, int):
            place[last] = {"name": f"display-{last}"}
        else:
            place.pop(last, None)
    return pruned


def _key_at(location: Sequence[int | str]) -> list[int | str]:
    """A fault's place as far as it is a key of a table, or a whole display."""
    parts = [part for part in location if part != "[key]"]
    depth = next((n for n, part in enumerate(parts) if isinstance(part, int) and parts[0] != "displays"), 3)
    return parts[: min(depth, 3)]


def explained(error: ValidationError, root: type[BaseModel], also: Sequence[str] = ()) -> Iterator[str]:
    """A line for each fault of a validation: the key's path, what is wrong, and the nearest key that is known."""
    for fault in error.errors():
        path, what = _path(fault["loc"]), fault["msg"].removeprefix("Value error, ")
        if fault["type"] == "extra_forbidden":
            known = [*_keys(root, fault["loc"][:-1]), *also]
            yield f"unknown key {path}" + near(str(fault["loc"][-1]), known)
        elif fault["type"] == "missing":
            yield f"missing key {path}"
        elif fault["type"] == "string_pattern_mismatch":
            yield f"{path}: {fault['input']!r} should be lower-case letters, digits, - and _ (it is part of addresses)"
        else:
            what = what.removeprefix("Input ").replace("a valid dictionary or instance of", "a table, as")
            yield f"{path}: {what.replace('valid dictionary', 'table')}, not {_short(fault['input'])}"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _path(loc: Sequence[int | str]) -> str:
    text = ""
    for part in loc:
        if part == "[key]":
            continue
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def _keys(root: type[BaseModel], loc: Sequence[int | str]) -> Sequence[str]:
    """The keys a table at ``loc`` may have."""
    model = _table_in(root.model_fields[str(loc[0])].annotation) if loc else root
    return list((model or root).model_fields)


def _table_in(annotation: Any) -> type[BaseModel] | None:
    """The model within a field's annotation: of itself, of a list's elements, of a table's values."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _table_in(part))), None)


def near(word: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(word, known, 1, cutoff=0.5)
    if close:
        return f", did you mean {close[0]}?"
    return f"; known are {', '.join(sorted(known))}" if 0 < len(known) <= 20 else ""


def known(path: str, value: str, known: Sequence[str], otherwise: str = "") -> Iterator[str]:
    if value not in known:
        yield f"{path}: unknown {value!r}" + (near(value, known) or otherwise)


def within(path: str, body: Any, model: type[BaseModel], also: Sequence[str] = ()) -> Iterator[str]:
    """The mistakes of an adapter's table, with the path of the table before each."""
    try:
        model.model_validate(body)
    except ValidationError as error:
        yield from (f"{path}.{line}" if not line.startswith(("unknown", "missing"))
                    else line.replace(" key ", f" key {path}.", 1)
                    for line in explained(error, model, also))  # fmt: skip
