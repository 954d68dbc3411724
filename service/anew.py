"""A learned photo painted anew by words: what edits and slides share. Imports torch and diffusers at first use.

The photo is taken most of the way towards noise and painted anew from there (SDEdit, Meng et al. 2022). Each step's
answer is a mixture, as in UniTune's interpolation (Valevski et al. 2023): of the model that knows the photo, told its
token alone, which holds the layout; and of the untouched base, told the words alone, which knows what they mean.
"""

from __future__ import annotations

import inspect
import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from .onephoto import Way


@dataclass(frozen=True, slots=True)
class Known:
    """What a picture starts from."""

    token: str
    picture: bytes  #: the photo, a PNG


def denoiser(pipe: Any) -> Any:
    """The part of a pipeline that paints; None where it has neither of those that are known."""
    return next((part for name in ("unet", "transformer") if (part := getattr(pipe, name, None)) is not None), None)


def pipeline(pipe: Any) -> Any:
    """What paints from a picture: diffusers' own image-to-image pipeline over the same modules.

    FLUX.2's own takes pictures to look at, not to start from; it is told where on its way it is. Raises ValueError for
    a pipeline that has none.
    """
    from diffusers import AutoPipelineForImage2Image

    if _flows(pipe):
        return pipe
    again: Any = AutoPipelineForImage2Image.from_pipe(pipe)
    again.set_progress_bar_config(disable=True)
    return again


def start(pipe: Any, picture: bytes, way: Way, seeds: list[Any]) -> dict[str, Any]:
    """What ``pipeline`` is told of the photo (a PNG) and of the way, for one picture each seed (a CPU generator)."""
    from PIL import Image

    told = {"guidance_scale": way.guidance / (1 - way.hold)}  # the base's answer alone is guided
    if _flows(pipe):
        return told | _underway(pipe, picture, way, seeds)
    with Image.open(io.BytesIO(picture), formats=("PNG",)) as file:
        image = file.convert("RGB")
    return told | {"image": [image] * len(seeds), "strength": way.strength, "num_inference_steps": way.steps,
                   "generator": seeds}  # fmt: skip


@contextmanager
def held(pipe: Any, token: str, hold: float, also: Mapping[str, Any] | None = None) -> Iterator[None]:
    """The denoiser answers as the untouched base would, and to the share of ``hold`` as the one that knows the photo.

    What was learned of the photo is the denoiser's active adapter; the text encoders are the base's. What is mixed is
    the same with and without the words, so that a pipeline's guidance acts on the base's answer alone. ``also``: what
    this pipeline must be told besides the usual to read words.
    """
    part = denoiser(pipe)
    before, own, words = vars(part).get("forward"), part.forward, _words(pipe, token, also or {})
    names = inspect.signature(type(part).forward)

    def both(*given: Any, **told: Any) -> Any:
        asked = dict(names.bind(part, *given, **told).arguments)
        asked.pop("self")
        (plain,) = own(**asked)
        part.enable_lora()
        (knowing,) = own(**asked | _told(words, asked))
        part.disable_lora()
        return (hold * knowing + (1 - hold) * plain,)

    part.disable_lora()
    if hold:
        part.forward = both
    try:
        yield
    finally:
        if before is not None:
            part.forward = before  # a hook's, where a model is held in parts
        elif hold:
            del part.forward
        part.enable_lora()


def pixels(picture: bytes) -> Any:
    """A PNG as float32 (1, 3, H, W) in [-1, 1]."""
    import numpy as np
    import torch
    from PIL import Image

    with Image.open(io.BytesIO(picture)) as opened:
        whole = np.asarray(opened.convert("RGB"), np.float32) / 127.5 - 1
    return torch.from_numpy(whole).permute(2, 0, 1)[None].contiguous()


def _flows(pipe: Any) -> bool:
    return type(pipe).__name__.startswith("Flux2Klein")


def _words(pipe: Any, token: str, also: Mapping[str, Any]) -> dict[str, Any]:
    """The token alone, as the denoiser is told it: tensors whose first axis is 1."""
    import torch

    usual = {"device": pipe._execution_device, "num_images_per_prompt": 1}  # noqa: SLF001 - also where it is offloaded
    guided = {} if _flows(pipe) else {"do_classifier_free_guidance": False}
    with torch.no_grad():
        read = pipe.encode_prompt(prompt=[token], **usual, **guided, **also)
    return {"states": read[0]} | ({"pooled": read[2]} if len(read) == 4 else {})  # four of SDXL, two of the others


def _told(words: Mapping[str, Any], asked: Mapping[str, Any]) -> dict[str, Any]:
    """A denoiser's arguments with other words, for as many pictures."""
    states = asked["encoder_hidden_states"]
    found = {"encoder_hidden_states": words["states"].to(states).expand(len(states), -1, -1)}
    if "pooled" in words:
        pooled = words["pooled"].to(states).expand(len(states), -1)
        return found | {"added_cond_kwargs": asked["added_cond_kwargs"] | {"text_embeds": pooled}}
    return found


def _underway(pipe: Any, picture: bytes, way: Way, seeds: list[Any]) -> dict[str, Any]:
    """Where on a straight way from picture to noise (Lipman et al. 2023) the pipeline is, and where it goes."""
    import numpy as np
    import torch
    from diffusers.pipelines.flux2.pipeline_flux2_klein import compute_empirical_mu

    shown = pixels(picture).to(pipe._execution_device, pipe.vae.dtype)  # noqa: SLF001
    latents = pipe._encode_vae_image(shown, None)  # noqa: SLF001 - patches (1, 128, H / 16, W / 16), normalised
    noise = torch.cat([torch.randn(latents.shape, generator=seed) for seed in seeds]).to(latents)
    left = np.linspace(1, 1 / way.steps, way.steps)[way.steps - way.left :]
    pipe.scheduler.set_timesteps(sigmas=left, mu=compute_empirical_mu(latents[0, 0].numel(), len(left)))
    share = pipe.scheduler.sigmas[0].to(latents)
    return {"latents": (1 - share) * latents + share * noise, "sigmas": list(left), "num_inference_steps": len(left),
            "height": shown.shape[2], "width": shown.shape[3]}  # fmt: skip
