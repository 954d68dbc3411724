"""How like the photos a picture is, by features that know what is where.

A picture becomes a grid of local features, and likeness asks of each part of the subject in a photo how well it is
found *anywhere* in the picture. So neither pose nor background decides. The features are DINOv2's or CLIP's where the
owner has such a model; else the base's own, twice: patches of its latents, which know colours and marks, and the block
whose features find the same part in two pictures (Tang et al. 2023, "Emergent Correspondence from Image Diffusion").
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from .errors import TrainingError
from .families import Family

Eye = Callable[[Any], Any]  #: (B, 3, H, W) in [-1, 1] to local features (B, C, h, w), float32
LEVEL = 0.1  #: how much noise the base's features are read at
FINEST = 32  #: cells along a side: of finer features, means
NEAR = 0.5  #: squared distance at which a part is found by 1/e; two pictures' features are 2 apart on average
OWN = "the base's own"  #: features, where no others were named
PATCH = 3  #: cells along a side that are looked at together in latents


def own_eye(family: Family, pipe: Any, words: dict[str, Any]) -> Eye:
    """The base's own features. ``words`` are those of the empty prompt, (1, ...); the adapter must be off."""
    import torch

    from .sampling import precision

    def look(pixels: Any) -> Any:  # (B, 3, H, W) to (B, C, h, w)
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


def patch_eye(family: Family, pipe: Any) -> Eye:
    """Patches of latents: the appearance itself."""
    import torch

    from .sampling import precision

    def look(pixels: Any) -> Any:
        with torch.no_grad(), precision(pipe):
            latents = family.encode_pictures(pipe, pixels).float()
        finest = -(-latents.shape[-1] // FINEST)
        small = torch.nn.functional.avg_pool2d(latents, finest)
        cells = torch.nn.functional.unfold(small, PATCH, padding=PATCH // 2)  # (B, C * PATCH ** 2, n)
        return cells.view(*cells.shape[:2], *small.shape[2:])

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
class Part:
    """What tells the subject in one photo: its features (n, C), and how much each says (n,)."""

    cells: Any
    says: Any


@dataclass(frozen=True, slots=True)
class Scale:
    """Likeness by one eye: 0 is the untouched base's idea of the class, 1 the photos' own."""

    eye: Eye
    centre: Any  #: (C, 1, 1): what all pictures have in common is no likeness
    spread: float  #: root of the mean square of what they have not
    parts: list[Part]  #: one for each photo
    floor: float
    ceiling: float

    def of(self, pictures: Any) -> list[float]:
        """The likeness of each picture (B, 3, H, W)."""
        span = max(self.ceiling - self.floor, 1e-6)
        found = self.features(pictures).flatten(2)  # (B, C, n)
        return [(found_in(self.parts, picture) - self.floor) / span for picture in found]

    def features(self, pictures: Any) -> Any:
        """(B, C, h, w), centred, of mean square 1 over C."""
        return levelled(looked(self.eye, pictures), self.centre, self.spread)


@dataclass(frozen=True, slots=True)
class Gauge:
    """Likeness by several eyes, each counting alike."""

    scales: tuple[Scale, ...]

    def of(self, pictures: Any) -> list[float]:
        """The likeness of each picture (B, 3, H, W)."""
        each = zip(*(scale.of(pictures) for scale in self.scales), strict=True)
        return [sum(values) / len(values) for values in each]

    def features(self, pictures: Any) -> list[Any]:
        """What each eye sees: (B, C, h, w)."""
        return [scale.features(pictures) for scale in self.scales]


def looked(eye: Eye, pictures: Any, at_once: int = 8) -> Any:
    """Features of many pictures, on the CPU, on a grid of at most FINEST x FINEST cells."""
    import torch

    seen = torch.cat([eye(pictures[at : at + at_once]).cpu() for at in range(0, len(pictures), at_once)])
    return torch.nn.functional.avg_pool2d(seen, -(-seen.shape[-1] // FINEST)) if seen.shape[-1] > FINEST else seen


def levelled(seen: Any, centre: Any, spread: float) -> Any:
    """Features by what sets them apart: of mean square 1 over C."""
    return (seen - centre) / (spread * seen.shape[1] ** 0.5)


def found_in(parts: Sequence[Part], picture: Any) -> float:
    """How well what tells the subject is found in a picture (C, n), over all photos."""
    total = sum(float(part.says.sum()) for part in parts)
    return sum(float((best(part.cells, picture) * part.says).sum()) for part in parts) / max(total, 1e-6)


def best(cells: Any, picture: Any) -> Any:
    """For each of some cells (m, C), how near the nearest in a picture (C, n) is, 0 … 1; (m,).

    A Gaussian of the distance, not the cosine: a pale copy has the same direction.
    """
    apart = cells.square().sum(1)[:, None] + picture.square().sum(0)[None] - 2 * (cells @ picture)  # (m, n)
    return (-apart.amin(1).clamp(min=0) / NEAR).exp()


def gauge(eyes: Sequence[Eye], photos: Any, masks: Any, base: Any) -> Gauge:
    """Set the scales. ``photos``, and ``base`` (the class as it paints it), are (N, 3, H, W); masks (N, 1, h, w)."""
    return Gauge(tuple(_scale(eye, photos, masks, base) for eye in eyes))


def _scale(eye: Eye, photos: Any, masks: Any, base: Any) -> Scale:
    """What tells the subject is found by itself: the parts of a photo that are in the others and not in the base's
    pictures of the class. A background is in either both or neither.
    """
    import torch

    seen, others = looked(eye, photos), looked(eye, base)
    both = torch.cat([seen, others])
    centre = both.mean((0, 2, 3))[:, None, None]
    spread = float((both - centre).square().mean().sqrt().clamp(min=1e-6))
    found, against = (levelled(each, centre, spread).flatten(2) for each in (seen, others))  # (N, C, n)
    if len(found) == 1:  # of a single photo, its mirror image is the only other
        company = [levelled(looked(eye, photos.flip(3)), centre, spread).flatten(2)]
    else:
        company = [torch.cat([found[:number], found[number + 1 :]]) for number in range(len(found))]
    parts, sums = [], torch.zeros(3)
    for number, picture in enumerate(found):
        cells = picture.T  # (n, C)
        there = torch.stack([best(cells, other) for other in company[number]]).mean(0)  # (n,)
        base_has = torch.stack([best(cells, other) for other in against]).mean(0)
        says = (there - base_has).clamp(min=0) * _inside(None if masks is None else masks[number], seen.shape[2:])
        parts.append(Part(cells, says))
        sums += torch.stack([(says * base_has).sum(), (says * there).sum(), says.sum()])
    low, high, weight = sums.tolist()
    return Scale(eye, centre, spread, parts, low / max(weight, 1e-6), high / max(weight, 1e-6))


def _inside(mask: Any, size: tuple[int, int]) -> Any:
    """Which cells show the subject, (n,) in 0 … 1; all of them without a mask (1, h, w)."""
    import torch

    if mask is None:
        return torch.ones(size[0] * size[1])
    return torch.nn.functional.interpolate(mask[None].cpu(), size=size, mode="area")[0].flatten()
