"""Learn one photo, so that words can then change that very photo (``editing``).

UniTune, Valevski et al. 2023: the denoiser learns the photo under a rare token alone, without a class and with nothing
preserved, in a few steps; in an edit the token alone recalls it. Text encoders stay as they are, so that words keep
their meaning. What comes out is a LoRA, so that the base stays shared with all else that it paints.
"""

from __future__ import annotations

import shutil
import time
from argparse import ArgumentParser
from dataclasses import asdict, replace
from pathlib import Path
from statistics import mean
from typing import Any

from service import anew, onephoto
from service.files import write_whole
from service.onephoto import OnePhoto, Way
from service.pixels import blank

from . import checkpoint, families, photos, pictures, publish, token, turn
from .adapters import attach
from .checkpoint import Checkpoint
from .dataset import MARK, Photo
from .ending import kept_safe
from .errors import PhotoError, TrainingError
from .examples import Examples
from .families import Family
from .lesson import Lesson, base_of, card_of, device_of, half, loaded, native, placed
from .plan import planned
from .recipe import fitted
from .request import Events, Request
from .setting import Meaning
from .shelf import shelved
from .steps import Speech, advance, drawn, losses_of, optimiser_of
from .train import SPOKEN, guarded

HOME = "learning-unitune"  #: checkpoints, in the subject's folder, until the photo was learned
RATE, BATCH = 1e-4, 4  #: the paper's; the rate is for a model of the family's usual width
STEPS = 64  #: 64 to 128 in the paper; more did not help
OWN = {"text_encoder": False, "preservation": "none"}
STRENGTH, HOLD = 0.95, 0.5  #: of an edit, chosen by measurement: docs/measurements.md


def options(parser: ArgumentParser) -> None:
    """All but the photo have defaults that come from the base's family."""
    parser.add_argument("--photo", type=Path, required=True, help="the photo to change later")
    parser.add_argument("--base", help="the model to learn on: a folder or hub id (default: the card's)")
    parser.add_argument("--device", help="cuda or cpu (default: the GPU, if there is one)")
    parser.add_argument("--adapter", choices=("lora", "full"))
    parser.add_argument("--rank", type=int)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--learning-rate", type=float)
    parser.add_argument("--batch", type=int)
    parser.add_argument("--side-px", type=int, help="of a square with as many pixels as the photo is learned in")
    parser.add_argument("--measure-every", type=int, help="steps between two checkpoints")
    parser.add_argument("--sampling-steps", type=int, help="of an edit")
    parser.add_argument("--guidance", type=float, help="of an edit: how much the words count")
    parser.add_argument("--seed", type=int)


def run(request: Request) -> Events:
    """From a photo to what edits it. Raises PersonalizationError and SubjectError."""
    yield from guarded(turn.alone(request, "learning a photo of", _run))


def _run(request: Request) -> Events:
    lesson, picture = opened(request)
    recipe, adapter = lesson.recipe, lesson.adapter
    yield {"event": "plan", "says": lesson.plan.says(), "family": lesson.family.NAME, "base": lesson.base,
           "recipe": asdict(recipe), "photos": 1, "device": lesson.device}  # fmt: skip
    placed(lesson)
    word = token_of(lesson)
    yield {"event": "token", "token": word, "says": f"{word!r} will stand for the photo"}
    shown = _shown(lesson, picture, word)
    speech = Speech(lesson, [word])
    optimiser = optimiser_of(lesson)

    mark = lesson.mark(word)
    home = lesson.folder / HOME / mark[:12]  # of each photo its own: the last checkpoints of another are not its
    home.mkdir(parents=True, exist_ok=True)
    done, heard = 0, []
    if resumed := checkpoint.latest(home, mark):
        done, heard = resumed.step, list(resumed.losses)
        adapter.restore(resumed.adapter)
        optimiser.load_state_dict(resumed.optimiser)
        yield {"event": "resumed", "step": done, "steps": recipe.steps}

    shape = tuple(shown.latents.shape[1:])
    began, first = time.monotonic(), done
    while done < recipe.steps:
        losses = losses_of(lesson, shown, None, speech, drawn(lesson, shape, 1, done))
        total = advance(lesson, optimiser, done, losses)
        done += 1
        heard.append(round(total, 6))
        stop, last = request.stop.is_set(), done == recipe.steps
        if done % SPOKEN == 0 or last:
            pace = (time.monotonic() - began) / (done - first)
            yield {"event": "step", "step": done, "steps": recipe.steps, "loss": round(mean(heard[-SPOKEN:]), 5),
                   "left_s": round(pace * (recipe.steps - done), 1)}  # fmt: skip
        if done % recipe.measure_every == 0 or last or stop:
            yield from kept_safe(home, Checkpoint(done, mark, adapter.state(), optimiser.state_dict(), [], heard), None)
        if stop and not last:
            yield {"event": "stopped", "step": done, "says": "stopped; learn the same photo again to go on"}
            return
    yield from _published(lesson, picture, word)


def opened(request: Request) -> tuple[Lesson, bytes]:
    """Read everything and count; also the photo as it will be learned, a PNG.

    Raises SubjectError, PhotoError, BaseError and TrainingError, each with a way out.
    """
    from .demand import counted, room

    card, folder = card_of(request)
    path = request.options.photo
    image = _photo(path)
    base, device = base_of(request, card), device_of(request.options)
    family = families.of(base)
    pipe = loaded(base, device)
    own = replace(family.RECIPE, steps=STEPS, learning_rate=RATE, batch=BATCH)
    recipe = fitted(own, vars(request.options) | OWN, family.WIDTH / family.width(pipe),
                    native(family, pipe))  # fmt: skip
    picture = pictures.fitted(image, pictures.sized(image.size, recipe.side_px, grid_px(family, pipe)))
    width, height = (int.from_bytes(picture[at : at + 4]) for at in (16, 20))  # a PNG's header
    adapter = attach(family, pipe, recipe)
    demand = replace(counted(family, pipe, adapter, recipe, half=half(device)), text_rests=device != "cpu")
    name = "".join(sign for sign in path.name if sign.isprintable())
    photo = Photo(onephoto.PHOTO, name, onephoto.digest(path), width, height, MARK)
    return Lesson(card, folder, [photo], base, shelved(family, recipe, device), pipe, adapter, recipe,
                  planned(demand, room(device), recipe.batch), device, request.options), picture  # fmt: skip


def _photo(path: Path) -> Any:
    """Upright, in sRGB. Raises PhotoError."""
    if path.is_dir():
        raise PhotoError(f"{path} is a folder; one photo is learned at a time")
    try:
        image = photos.opened(path).image
    except PhotoError as error:
        raise PhotoError(f"{path.name} {error}") from error
    if fault := blank(image):
        raise PhotoError(f"{path.name} is {fault}: there is nothing in it to learn; take another photo")
    return image


def grid_px(family: Family, pipe: Any) -> int:
    """What the sides of a picture are divisible by, px: a latent's cell, as often as the denoiser halves."""
    probe = 512
    (_, side, _), _ = family.shapes(pipe, probe)
    halved = len(getattr(family.denoiser(pipe).config, "block_out_channels", [0])) - 1
    return int(probe // side * 2**halved)


def token_of(lesson: Lesson) -> str:
    """A rare word that means nothing to the base and does not stand for the subject already."""
    words = token.candidates(token.tokenizers(lesson.pipe))
    return token.proven((word for word in words if word != lesson.card.token), Meaning(lesson)).token


def _shown(lesson: Lesson, picture: bytes, word: str) -> Examples:
    """The photo as tensors."""
    import torch

    pixels = anew.pixels(picture)  # (1, 3, H, W)
    with torch.no_grad():
        latents = lesson.family.encode_pictures(lesson.pipe, pixels).float()  # (1, C, h, w)
    return Examples([word], [""], [()], latents, None, torch.ones_like(latents[:, :1]), pixels)


def _published(lesson: Lesson, picture: bytes, word: str) -> Events:
    """Put it beside the subject's card; the checkpoints are no longer needed then."""
    folder, recipe, (photo,) = lesson.folder, lesson.recipe, lesson.used
    try:
        publish.weights(folder / onephoto.WEIGHTS, lesson.adapter.layers(), lesson.family)
        write_whole(folder / onephoto.PHOTO, picture)
        told = OnePhoto(
            word, lesson.family.NAME, lesson.base, photo.original, photo.sha256,
            onephoto.digest(folder / onephoto.PHOTO), onephoto.digest(folder / onephoto.WEIGHTS), photo.width_px,
            photo.height_px, recipe.steps, Way(STRENGTH, recipe.guidance, HOLD, recipe.sampling_steps),
        )  # fmt: skip
        onephoto.write(folder, told, asdict(recipe), publish.versions())
    except OSError as error:
        raise TrainingError(f"no room to publish ({error.strerror}); free some and learn the photo again: it goes on "
                            "from the last checkpoint") from error  # fmt: skip
    shutil.rmtree(folder / HOME, ignore_errors=True)
    yield {"event": "done", "says": f"{photo.original} was learned; now say what to change in it", "step": recipe.steps,
           "weights": str(folder / onephoto.WEIGHTS)}  # fmt: skip
