"""Change a learned photo by words: "… in the snow".

The photo is taken most of the way towards noise and painted anew from there (SDEdit, Meng et al. 2022). Each step's
answer is a mixture, as in UniTune's interpolation (Valevski et al. 2023): of the model that knows the photo, told its
token alone, which holds the layout; and of the untouched base, told the words alone, which knows what they mean.
"""

from __future__ import annotations

import inspect
import io
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from service.files import write_whole

from . import families, onephoto, sampling
from .errors import BaseError, TrainingError
from .families import Family, Words
from .onephoto import OnePhoto, Way
from .request import Events, Request
from .train import guarded

MOST_HOLD = 0.95  #: beyond it guidance would have to be without measure


@dataclass(frozen=True, slots=True)
class Known:
    """What an edit starts from."""

    token: str
    picture: bytes  #: the photo, a PNG


def options(parser: ArgumentParser) -> None:
    """All but the words have defaults that come from what was learned."""
    parser.add_argument("words", help="what the photo shall show")
    parser.add_argument("-o", "--out", type=Path, help="a PNG (default: in the subject's folder)")
    parser.add_argument("--strength", type=float, help="0 … 1: how far towards noise the photo is taken")
    parser.add_argument("--guidance", type=float, help="how much the words count")
    parser.add_argument("--hold", type=float, help="0 … 0.95: how much the photo counts")
    parser.add_argument("--sampling-steps", dest="steps", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", help="cuda or cpu (default: the GPU, if there is one)")


def run(request: Request) -> Events:
    """Paint, and say where the picture is. Raises PersonalizationError and SubjectError."""
    yield from guarded(_run(request))


def _run(request: Request) -> Events:
    from .lesson import card_of, device_of, loaded

    told = request.options
    card, folder = card_of(request)
    words, photo = told.words.strip("…,. "), onephoto.read(folder)
    if not words:
        raise TrainingError('say what the photo shall show, such as "… in the snow"')
    way = _way(photo.way, vars(told))
    device = device_of(told)
    family, pipe = families.of(photo.base), loaded(photo.base, device).to(device)
    learned(pipe, folder, photo, family)
    known = Known(photo.token, (folder / onephoto.PHOTO).read_bytes())
    (painted,) = paint(family, pipe, known, [words], way, told.seed)
    path = told.out or folder / "edits" / f"{told.seed}.png"
    write_whole(path, onephoto.png(painted))
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
        *([] if way.steps <= 1000 and way.steps * way.strength >= 1 else
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
    told = {"prompt": prompts, "guidance_scale": way.guidance / (1 - way.hold), "output_type": "pt"}
    with torch.no_grad(), sampling.precision(pipe), _held(family, pipe, photo.token, way.hold):
        if family.NAME == "flux2":
            images = pipe(**told, **_underway(family, pipe, photo.picture, way, seeds), **family.asked(pipe)).images
        else:
            images = _anew(pipe)(**told, **_start(photo.picture, way, seeds)).images
    return images.float().cpu() * 2 - 1


@contextmanager
def _held(family: Family, pipe: Any, word: str, hold: float) -> Iterator[None]:
    """The denoiser answers as the untouched base would, and to the share of ``hold`` as the one that knows the photo.

    What is mixed is the same with and without the words, so that a pipeline's guidance acts on the base's answer alone.
    """
    denoiser = family.denoiser(pipe)
    own, words = denoiser.forward, family.encode_words(pipe, [word])
    names = inspect.signature(own)

    def both(*given: Any, **told: Any) -> Any:
        asked = names.bind(*given, **told).arguments
        (plain,) = own(**asked)
        pipe.enable_lora()
        (knowing,) = own(**asked | _told(words, asked))
        pipe.disable_lora()
        return (hold * knowing + (1 - hold) * plain,)

    pipe.disable_lora()
    denoiser.forward = both if hold else own
    try:
        yield
    finally:
        del denoiser.forward
        pipe.enable_lora()


def _told(words: Words, asked: dict[str, Any]) -> dict[str, Any]:
    """A denoiser's arguments with other words, for as many pictures."""
    states = asked["encoder_hidden_states"]
    found = {"encoder_hidden_states": words["states"].to(states).expand(len(states), -1, -1)}
    if "pooled" in words:
        pooled = words["pooled"].to(states).expand(len(states), -1)
        return found | {"added_cond_kwargs": asked["added_cond_kwargs"] | {"text_embeds": pooled}}
    return found


def _anew(pipe: Any) -> Any:
    """Diffusers' own image-to-image pipeline over the same modules."""
    from diffusers import AutoPipelineForImage2Image

    again: Any = AutoPipelineForImage2Image.from_pipe(pipe)
    again.set_progress_bar_config(disable=True)
    return again


def _start(picture: bytes, way: Way, seeds: list[Any]) -> dict[str, Any]:
    from PIL import Image

    image = Image.open(io.BytesIO(picture))
    return {"image": [image] * len(seeds), "strength": way.strength, "num_inference_steps": way.steps,
            "generator": seeds}  # fmt: skip


def _underway(family: Family, pipe: Any, picture: bytes, way: Way, seeds: list[Any]) -> dict[str, Any]:
    """FLUX.2's pipelines take pictures to look at, not to start from: so one is told where on its way it is."""
    import numpy as np
    import torch
    from diffusers.pipelines.flux2.pipeline_flux2_klein import compute_empirical_mu

    shown = onephoto.pixels(picture)
    latents = family.encode_pictures(pipe, shown)  # (1, C, h, w)
    noise = torch.cat([torch.randn(latents.shape, generator=seed) for seed in seeds]).to(latents)
    left = np.linspace(1, 1 / way.steps, way.steps)[way.steps - int(way.steps * way.strength) :]
    pipe.scheduler.set_timesteps(sigmas=left, mu=compute_empirical_mu(latents[0, 0].numel(), len(left)))
    noisy, _ = family.noised(pipe, latents, noise, pipe.scheduler.sigmas[:1])
    return {"latents": noisy, "sigmas": list(left), "num_inference_steps": len(left), "height": shown.shape[2],
            "width": shown.shape[3]}  # fmt: skip
