"""Change a learned photo by words: "… in the snow". How it is painted is the service's ``anew``, as in slides."""

from __future__ import annotations

from argparse import ArgumentParser
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from service import anew, onephoto
from service.anew import Known
from service.onephoto import MOST_HOLD, OnePhoto, Way

from . import families, pictures, sampling, turn
from .errors import BaseError, TrainingError
from .families import Family
from .request import Events, Request
from .train import guarded


def options(parser: ArgumentParser) -> None:
    """All but the words have defaults that come from what was learned."""
    parser.add_argument("words", help="what the photo shall show")
    parser.add_argument("-o", "--out", type=Path, help="a .png, .jpg or .webp (default: in the subject's folder)")
    parser.add_argument("--strength", type=float, help="0 … 1: how far towards noise the photo is taken")
    parser.add_argument("--guidance", type=float, help="how much the words count")
    parser.add_argument("--hold", type=float, help="0 … 0.95: how much the photo counts")
    parser.add_argument("--sampling-steps", dest="steps", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", help="cuda or cpu (default: the GPU, if there is one)")


def run(request: Request) -> Events:
    """Paint, and say where the picture is. Raises PersonalizationError and SubjectError."""
    yield from guarded(turn.alone(request, "changing a photo of", _run))


def _run(request: Request) -> Events:
    from .lesson import card_of, device_of, loaded

    told = request.options
    card, folder = card_of(request)
    words, photo = told.words.strip("…,. "), onephoto.read(folder)
    if not words:
        raise TrainingError('say what the photo shall show, such as "… in the snow"')
    way = _way(photo.way, vars(told))
    path = pictures.out(told.out, folder / "edits" / f"{told.seed}.png")
    device = device_of(told)
    family, pipe = families.of(photo.base), loaded(photo.base, device).to(device)
    learned(pipe, folder, photo, family)
    known = Known(photo.token, (folder / onephoto.PHOTO).read_bytes())
    (painted,) = paint(family, pipe, known, [words], way, told.seed)
    pictures.write(path, pictures.png(painted))
    yield {"event": "done", "says": f"{photo.original} of {card.name}, changed by {words!r}", "words": words,
           "path": str(path), "seed": told.seed, **asdict(way)}  # fmt: skip


def _way(way: Way, asked: dict[str, Any]) -> Way:
    """What the photo's card says, but for what was asked for. Raises TrainingError."""
    own = {name: asked[name] for name in Way.__slots__ if asked.get(name) is not None}
    way = replace(way, **own)
    faults = [
        *([] if 0 < way.strength <= 1 else ["--strength is above 0 (the photo itself) and at most 1 (all of it new)"]),
        *([] if 1 <= way.guidance <= 32 else ["--guidance is between 1 and 32"]),
        *([] if 0 <= way.hold <= MOST_HOLD else [f"--hold is between 0 (the base alone) and {MOST_HOLD}"]),
        *([] if way.steps <= 1000 and way.left >= 1 else
          ["--sampling-steps is at most 1000, and so many that a step is left at this --strength"]),
    ]  # fmt: skip
    if faults:
        raise TrainingError("; ".join(faults))
    return way


def learned(pipe: Any, folder: Path, photo: OnePhoto, family: Family) -> None:
    """Put what was learned onto the base. Raises BaseError."""
    if photo.family != family.NAME:
        raise BaseError(f"{photo.base} is a model of another family than the photo was learned on ({photo.family})")
    try:
        pipe.load_lora_weights(str(folder), weight_name=onephoto.WEIGHTS, adapter_name="photo")
    except Exception as error:  # whatever a file for another base makes of it
        raise BaseError(f"{folder / onephoto.WEIGHTS} does not fit {photo.base}: {str(error)[:200]}; "
                        "learn the photo again") from error  # fmt: skip


def paint(family: Family, pipe: Any, photo: Known, prompts: list[str], way: Way, first_seed: int = 0) -> Any:
    """One picture for each prompt: float32 (B, 3, H, W) in [-1, 1], on the CPU.

    The seed of a picture is the number of its prompt, counted from ``first_seed``; noise is made on the CPU.
    """
    import torch

    seeds = [torch.Generator("cpu").manual_seed(first_seed + number) for number in range(len(prompts))]
    also = family.asked(pipe)
    with torch.no_grad(), sampling.precision(pipe), anew.held(pipe, photo.token, way.hold, also):
        told = anew.start(pipe, photo.picture, way, seeds)
        images = anew.pipeline(pipe)(prompt=prompts, output_type="pt", **told, **also).images
    return images.float().cpu() * 2 - 1
