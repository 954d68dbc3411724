"""Try a published subject: pictures of what its owner types, "Rex on the moon"."""

from __future__ import annotations

import re
from argparse import ArgumentParser
from pathlib import Path

from service import subjects

from . import pictures, published, sampling, turn
from .request import Events, Request
from .train import guarded

SHOWN = 4  #: pictures, unless asked otherwise


def options(parser: ArgumentParser) -> None:
    published.options(parser)
    parser.add_argument("words", help="what to paint: the subject's name, or [V], stands for it")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="a .png, .jpg or .webp (default: in the subject's folder)")


def run(request: Request) -> Events:
    """Paint, and say where the pictures are."""
    return guarded(turn.alone(request, "painting", _run))


def _run(request: Request) -> Events:
    usual = subjects.folder(request.data, request.name) / "tries" / f"{request.options.seed}.png"
    path = pictures.out(request.options.out, usual)
    it = published.known(request)
    prompt = spoken(request.options.words, it.card.name, it.card.token, it.card.class_noun)
    count = request.options.pictures or SHOWN
    painted = sampling.paint(it.family, it.pipe, it.recipe, [prompt] * count, request.options.seed)
    pictures.write(path, sampling.sheet(painted))
    yield {"event": "done", "says": f"{path}: {count} pictures of {prompt!r}", "prompt": prompt, "path": str(path)}


def spoken(words: str, name: str, token: str, noun: str) -> str:
    """The owner's words as the model knows them; the subject comes first where they do not speak of it."""
    told, found = re.subn(rf"\[V\](?:\s+{re.escape(noun)}\b)?|\b{re.escape(name)}\b", f"{token} {noun}", words,
                          flags=re.IGNORECASE)  # fmt: skip
    return told if found else f"a {token} {noun} {words}".strip()
