"""The verb ``export``: a learned subject as one file, its card and captions inside; never its photos."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path

from service import subjects
from service.subjects import WEIGHTS

from . import weights
from .dataset import photos
from .errors import TrainingError
from .holding import card
from .lesson import agreed
from .request import Events, Request

CARD, CAPTIONS = "frontispiece.subject", "frontispiece.captions"  #: keys of the metadata


def options(parser: ArgumentParser) -> None:
    parser.add_argument("-o", "--output", type=Path, required=True, help="write it here: .safetensors")


def run(request: Request) -> Events:
    """Copy the weights, with the card and the captions as metadata."""
    about, output = agreed(card(request.data, request.name)), request.options.output
    folder = subjects.folder(request.data, request.name)
    if not (folder / WEIGHTS).exists():
        raise TrainingError(f"{about.name} has not been learned yet: `frontispiece subject train {about.name}` first")
    if output.suffix.lower() != ".safetensors":
        raise TrainingError(f"{output}: a subject is exported as .safetensors")
    kept = weights.read(folder / WEIGHTS).metadata
    captions = [photo.caption for photo in photos(folder) if photo.used and photo.caption]
    said = {CARD: about.model_dump_json(exclude_none=True), CAPTIONS: json.dumps(captions, ensure_ascii=False)}
    weights.copied(folder / WEIGHTS, output, {**kept, **said})
    yield {"event": "done", "file": str(output), "bytes": output.stat().st_size, "captions": len(captions)}
