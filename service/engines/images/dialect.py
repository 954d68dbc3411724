"""How one kind of server wants to be asked: which fields it knows, and by what names. One file each in ``servers/``."""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from ..learned import Lora

SERVERS = Path(__file__).parent / "servers"


class Dialect(BaseModel):
    """What a server takes. A name that is "" is never sent; one with dots is a place in nested tables."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    always: dict[str, Any] = {}  #: sent with every request
    inside: Literal["body", "prompt"] = "body"  #: where the fields below are written
    seed: str = ""
    steps: str = ""
    guidance: str = ""
    avoid: str = ""  #: "|": after that sign in the prompt
    quality: str = "quality"
    model: bool = True  #: whether it wants to hear a model's name
    lora: Literal["", "object", "list", "subject"] = ""  #: the form in which it takes a LoRA with a picture
    photos: Literal["", "edits", "ref_images"] = ""  #: how it takes reference pictures
    size_multiple: int = 0  #: what sides must be divisible by; 0: the table says
    least_px: int = 0  #: pixels of the smallest picture that it makes


@cache
def dialect(server: str) -> Dialect:
    """The dialect of a kind of server, from its file."""
    return Dialect.model_validate(tomllib.loads((SERVERS / f"{server}.toml").read_text(encoding="utf-8")))


@dataclass(frozen=True, slots=True)
class Wish:
    """A picture that is asked for, in our own words."""

    words: str
    model: str
    size: tuple[int, int]
    seed: int
    avoid: str = ""
    quality: str = ""
    steps: int | None = None
    guidance: float | None = None
    lora: Lora | None = None
    company: str = ""  #: whom else a server of ours knows
    extra: dict[str, Any] = field(default_factory=dict)  #: further fields, as the owner wrote them


def body(spoken: Dialect, wish: Wish) -> dict[str, Any]:
    """The request's fields: only what the server is known to take. Photos are added where they are sent."""
    words = wish.words
    if spoken.inside == "prompt":
        words = words.replace("<", " ").replace(">", " ")  # a headline's words never become the server's arguments
    if spoken.avoid == "|":
        words = words.replace("|", " ") + (f"|{wish.avoid}" if wish.avoid else "")
    said: dict[str, Any] = {"prompt": words, "size": f"{wish.size[0]}x{wish.size[1]}", **spoken.always}
    if spoken.model:
        said["model"] = wish.model
    if wish.quality and spoken.quality:
        said[spoken.quality] = wish.quality
    optional = _optional(spoken, wish)
    if spoken.inside == "body":
        said |= optional
    elif optional:
        said["prompt"] += f" <sd_cpp_extra_args>{_safe(optional)}</sd_cpp_extra_args>"
    return said | wish.extra


def _optional(spoken: Dialect, wish: Wish) -> dict[str, Any]:
    avoid = wish.avoid if spoken.avoid != "|" else ""
    asked = {spoken.seed: wish.seed, spoken.steps: wish.steps, spoken.guidance: wish.guidance, spoken.avoid: avoid}
    fields: dict[str, Any] = {}
    for place, value in asked.items():
        if place and value not in (None, ""):
            _put(fields, place.split("."), value)
    return fields | (_adapter(spoken.lora, wish.lora, wish.company) if wish.lora else {})


def _put(table: dict[str, Any], way: list[str], value: Any) -> None:
    for name in way[:-1]:
        table = table.setdefault(name, {})
    table[way[-1]] = value


def _adapter(form: str, lora: Lora, company: str) -> dict[str, Any]:
    if form == "object":
        return {"lora": {"name": lora.stem, "local_path": lora.name, "scale": lora.weight}}
    if form == "list":
        return {"lora": [{"path": lora.name, "multiplier": lora.weight}]}
    named = {"subject": lora.name} | ({"company": company} if company else {})
    return named if form == "subject" else {}


def _safe(fields: dict[str, Any]) -> str:
    """JSON that cannot end the tag that it stands in."""
    return json.dumps(fields).replace("<", "\\u003c").replace(">", "\\u003e")
