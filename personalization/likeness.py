"""How like the photos a picture is, by features that know what is where.

A picture becomes a grid of local features, and likeness asks of each part of the subject in a photo how well it is
found *anywhere* in the picture. So neither pose nor background decides. The features are DINOv2's or CLIP's where the
owner has such a model; else the base's own, from the block whose features find the same part in two pictures (Tang et
al. 2023, "Emergent Correspondence from Image Diffusion").
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from .errors import TrainingError
from .families import Family

Eye = Callable[[Any], Any]  #: (B, 3, H, W) in [-1, 1] to local features (B, C, h, w), float32
LEVEL = 0.1  #: how much noise the base's features are read at
GROUND = 0.5  #: a cell of a mask above this is the subject


def own_eye(family: Family, pipe: Any, words: dict[str, Any]) -> Eye:
    """The base's own features. ``words`` are those of the empty prompt, (1, ...); the adapter must be off."""
    import torch

    from .sampling import precision

    def look(pixels: Any) -> Any:
        caught: list[Any] = []
        hook = family.layer(pipe).register_forward_hook(lambda *told: caught.append(told[2]))
        try:
            with torch.no_grad(), precision(pipe):
                latents = family.encode_pictures(pipe, pixels)
                noise = torch.randn(latents.shape[1:], generator=torch.Generator().manual_seed(0)).to(latents)
                levels = family.low(pipe, LEVEL).expand(len(latents))
                noisy, _ = family.noised(pipe, latents, noise.expand_as(latents), levels)
                told = {name: part.expand(len(latents), *part.shape[1:]) for name, part in words.items()}
                family.denoised(pipe, noisy, levels, told)
        finally:
            hook.remove()
        return family.seen(caught[0], latents).float()

    return look


def foreign_eye(folder: str, device: Any) -> Eye:
    """DINOv2's or CLIP's patches, from a folder or a hub id. Raises TrainingError."""
    import torch
    from transformers import AutoConfig, AutoModel, CLIPVisionModel

    try:
        config = AutoConfig.from_pretrained(folder)
        kind: Any = CLIPVisionModel if config.model_type.startswith("clip") else AutoModel
        model = kind.from_pretrained(folder).to(device).eval()
    except Exception as error:  # the hub's client has dozens of kinds
        raise TrainingError(f"the model {folder!r} for likeness cannot be read: {str(error)[:200]}") from error
    side = int(model.config.image_size if model.config.model_type.startswith("clip") else 224)
    mean, spread = _colours(clip=model.config.model_type.startswith("clip"))

    def look(pixels: Any) -> Any:
        with torch.no_grad():
            small = torch.nn.functional.interpolate(pixels.to(device) / 2 + 0.5, (side, side), mode="bicubic",
                                                    antialias=True)  # fmt: skip
            told = model(((small - mean.to(device)) / spread.to(device)).to(model.dtype)).last_hidden_state
            cells = int((told.shape[1] - 1) ** 0.5)
            return told[:, -cells * cells :].transpose(1, 2).reshape(len(told), -1, cells, cells).float()

    return look


def _colours(*, clip: bool) -> tuple[Any, Any]:
    """The mean and spread that a model's pictures had, (1, 3, 1, 1)."""
    import torch

    published = (
        ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711))  # openai/CLIP, clip.py
        if clip
        else ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))  # ImageNet's, as DINOv2 was trained
    )
    mean, spread = (torch.tensor(values).view(1, 3, 1, 1) for values in published)
    return mean, spread


@dataclass(frozen=True, slots=True)
class Gauge:
    """The scale of likeness for one subject: 0 is the untouched base's idea of the class, 1 the photos' own."""

    eye: Eye
    centre: Any  #: (C, 1, 1): what all pictures have in common is no likeness
    parts: list[Any]  #: of each photo, the subject's features (n, C), of length 1
    floor: float
    ceiling: float

    def of(self, pictures: Any) -> list[float]:
        """The likeness of each picture (B, 3, H, W)."""
        span = max(self.ceiling - self.floor, 1e-6)
        return [(value - self.floor) / span for value in raw(self.parts, self.features(pictures))]

    def features(self, pictures: Any) -> Any:
        """(B, C, h, w), centred, each of length 1."""
        import torch

        return torch.nn.functional.normalize(looked(self.eye, pictures) - self.centre, dim=1)


def looked(eye: Eye, pictures: Any, at_once: int = 8) -> Any:
    """Features of many pictures, on the CPU."""
    import torch

    return torch.cat([eye(pictures[at : at + at_once]).cpu() for at in range(0, len(pictures), at_once)])


def raw(parts: Sequence[Any], features: Any) -> list[float]:
    """How well the photos' parts are found in each picture: the mean of best cosines, over the photos."""
    found = []
    for picture in features:
        cells = picture.flatten(1)  # (C, h * w)
        found.append(sum(float((part @ cells).amax(1).mean()) for part in parts) / len(parts))
    return found


def gauge(eye: Eye, photos: Any, masks: Any, base: Any) -> Gauge:
    """Set the scale. ``photos`` and ``base`` (the class as the base paints it) are (N, 3, H, W); masks (N, 1, h, w)."""
    import torch

    seen, others = looked(eye, photos), looked(eye, base)
    centre = torch.cat([seen, others]).mean((0, 2, 3))[:, None, None]
    unit = torch.nn.functional.normalize
    found = unit(seen - centre, dim=1)
    parts = [_subject(picture, None if masks is None else masks[number]) for number, picture in enumerate(found)]
    floor = sum(raw(parts, unit(others - centre, dim=1))) / len(others)
    return Gauge(eye, centre, parts, floor, _agreement(eye, photos, parts, found, centre))


def _subject(picture: Any, mask: Any) -> Any:
    """The cells (n, C) of a photo's features (C, h, w) that show the subject; all of them without a mask."""
    import torch

    cells = picture.flatten(1).T
    if mask is None:
        return cells
    size = picture.shape[1:]
    inside = torch.nn.functional.interpolate(mask[None].cpu(), size=size, mode="area")[0].flatten() > GROUND
    return cells[inside] if inside.any() else cells


def _agreement(eye: Eye, photos: Any, parts: list[Any], found: Any, centre: Any) -> float:
    """How well each photo's parts are found in the others; of a single photo, in its mirror image."""
    import torch

    if len(parts) == 1:
        mirrored = torch.nn.functional.normalize(looked(eye, photos.flip(3)) - centre, dim=1)
        return raw(parts, mirrored)[0]
    pairs = [raw([part], found[other : other + 1])[0]
             for one, part in enumerate(parts) for other in range(len(found)) if other != one]  # fmt: skip
    return sum(pairs) / len(pairs)
