"""One step of learning: which photos, which noise, which words, and the loss.

Everything random in a step is drawn on the CPU from the recipe's seed and the step's number alone. So a step is the
same on every device, and the same whether learning was interrupted before it or not.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from . import losses
from .errors import TrainingError
from .examples import Examples
from .families import Words
from .lesson import Lesson

EPOCH = 2**31  #: seeds of an epoch's order lie beyond those of steps


@dataclass(frozen=True, slots=True)
class Kept:
    """Pictures of the class that the base itself painted."""

    captions: list[str]
    latents: Any  #: (P, C, h, w)


@dataclass(frozen=True, slots=True)
class Batch:
    """What one step learns from: photos, and what must stay, which are as many or fewer."""

    picks: list[int]  #: photos
    noise: Any  #: (B, C, h, w)
    levels: Any  #: (B,)
    chances: list[float]  #: in 0 … 1, one for each of the first photos, which preserve: what is said in their stead
    others: list[int]  #: as many class images
    other_noise: Any
    other_levels: Any

    def split(self, size: int) -> Iterator[Batch]:
        """The same in parts that fit into memory at once."""
        for at in range(0, len(self.picks), size):
            part = slice(at, at + size)
            yield Batch(self.picks[part], self.noise[part], self.levels[part], self.chances[part], self.others[part],
                        self.other_noise[part], self.other_levels[part])  # fmt: skip


def bucket(seed: int, sizes: Sequence[int], step: int) -> tuple[int, int]:
    """Which bucket a step learns from, and which of that bucket's steps it is; ``sizes``: how many photos each holds.

    In as many steps as there are photos, each bucket comes as often as it has photos.
    """
    if len(sizes) == 1:
        return 0, step
    epoch, at = divmod(step, sum(sizes))
    owners = [number for number, size in enumerate(sizes) for _ in range(size)]
    turns = [owners[place] for place in order(seed, len(owners), epoch * len(owners), at + 1)]
    return turns[-1], epoch * sizes[turns[-1]] + turns.count(turns[-1]) - 1


def drawn(lesson: Lesson, shape: tuple[int, ...], photos: int, step: int, kept: int = 0, *,
          turn: int | None = None) -> Batch:  # fmt: skip
    """The batch of a step. ``shape`` is that of one photo's latents; ``kept`` how many class images there are.

    ``turn``: which of its bucket's steps it is, where there are several buckets.
    """
    import torch

    recipe, family = lesson.recipe, lesson.family
    source = torch.Generator().manual_seed(recipe.seed * 1_000_003 + step)
    rows = recipe.batch, recipe.stays
    noise = [torch.randn(count, *shape, generator=source) for count in rows]
    levels = [family.draw(lesson.pipe, count, source) for count in rows]
    others = torch.randint(0, max(kept, 1), (recipe.stays,), generator=source).tolist()
    chances = torch.rand(recipe.stays, generator=source).tolist()
    picks = order(recipe.seed, photos, (step if turn is None else turn) * recipe.batch, recipe.batch)
    return Batch(picks, noise[0], levels[0], chances, others, noise[1], levels[1])


def order(seed: int, photos: int, start: int, count: int) -> list[int]:
    """The photos at places start … start + count of the data's order: every epoch a new one, each photo once in it."""
    import torch

    found = []
    for place in range(start, start + count):
        epoch, at = divmod(place, photos)
        source = torch.Generator().manual_seed(EPOCH + seed * 1_000_003 + epoch)
        found.append(int(torch.randperm(photos, generator=source)[at]))
    return found


class Speech:
    """Prompts as the denoiser is told them: once each where text encoders do not learn, else anew in every step."""

    def __init__(self, lesson: Lesson, prompts: Sequence[str]) -> None:
        self._lesson = lesson
        self._learns = any(part != lesson.family.PART for part in lesson.adapter.parts)
        self._base: dict[str, Words] = {}
        with lesson.adapter.off():
            for prompt in dict.fromkeys(prompts):
                self._base[prompt] = self._encoded([prompt], learning=False)

    def now(self, prompts: Sequence[str]) -> Words:
        """As the model in learning hears them."""
        return self._encoded(prompts, learning=True) if self._learns else self.base(prompts)

    def base(self, prompts: Sequence[str]) -> Words:
        """As the untouched base hears them."""
        import torch

        each = [self._base[prompt] for prompt in prompts]
        return {name: torch.cat([words[name] for words in each]) for name in each[0]}

    def _encoded(self, prompts: Sequence[str], *, learning: bool) -> Words:
        import torch

        from .sampling import precision

        with torch.set_grad_enabled(learning), precision(self._lesson.pipe):
            return self._lesson.family.encode_words(self._lesson.pipe, prompts)


def loss_of(lesson: Lesson, shown: Examples, kept: Kept | None, speech: Speech, batch: Batch) -> Any:
    """The subject's loss and, weighed, that of what must stay: one pass of the model for both.

    Of a part of a batch, its share of the whole batch's.
    """
    import torch

    family, pipe, recipe = lesson.family, lesson.pipe, lesson.recipe
    latents = shown.latents[batch.picks]  # (B, C, h, w)
    noisy, target = family.noised(pipe, latents, batch.noise.to(latents), batch.levels)
    weights = family.weights(pipe, batch.levels, recipe.snr_gamma).to(latents)
    captions = [shown.captions[pick] for pick in batch.picks]
    masks = None if shown.masks is None else shown.masks[batch.picks]
    share = len(batch.picks) / recipe.batch
    if recipe.preservation == "none" or not batch.chances:
        answer = family.denoised(pipe, noisy, batch.levels, speech.now(captions))
        return losses.instance(answer, target, weights, masks) * share
    plain, levels, still, wanted = (_by_pictures(lesson, kept, batch) if kept else
                                    _by_output(lesson, shown, speech, batch, noisy))  # fmt: skip
    words = speech.now([*captions, *plain])
    answer = family.denoised(pipe, torch.cat([noisy, still]), torch.cat([batch.levels, levels]), words)
    own, other = answer.split([len(captions), len(plain)])
    weigh = family.weights(pipe, levels, recipe.snr_gamma).to(latents)
    keeping = (losses.prior if kept else losses.output)(other, wanted, weigh)
    rest = recipe.preservation_weight * len(plain) / recipe.stays
    return losses.instance(own, target, weights, masks) * share + keeping * rest


def _by_output(lesson: Lesson, shown: Examples, speech: Speech, batch: Batch, noisy: Any) -> tuple[Any, ...]:
    """Some of the noisy photos without the token, and the base's answer to them: no class images are needed."""
    import torch

    rows = len(batch.chances)
    levels, still = batch.levels[:rows], noisy[:rows]
    plain = [spoken(shown, pick, chance) for pick, chance in zip(batch.picks, batch.chances, strict=False)]
    with lesson.adapter.off(), torch.no_grad():
        teacher = lesson.family.denoised(lesson.pipe, still, levels, speech.base(plain))
    return plain, levels, still, teacher


def spoken(shown: Examples, pick: int, chance: float) -> str:
    """What is said of a photo without its subject: half of the time its class, else another thing or colour."""
    held = shown.held[pick]
    if chance < 0.5 or not held:
        return shown.classes[pick]
    return held[int((chance - 0.5) * 2 * len(held))]


def _by_pictures(lesson: Lesson, kept: Kept, batch: Batch) -> tuple[Any, ...]:
    """Noisy pictures of the class, and what the base was trained to answer."""
    latents = kept.latents[batch.others]
    noisy, target = lesson.family.noised(lesson.pipe, latents, batch.other_noise.to(latents), batch.other_levels)
    return [kept.captions[other] for other in batch.others], batch.other_levels, noisy, target


def losses_of(lesson: Lesson, shown: Examples, kept: Kept | None, speech: Speech, batch: Batch) -> Iterator[Any]:
    """The loss of each part of a batch that fits into memory at once, as its share of the whole."""
    from .sampling import precision

    for part in batch.split(lesson.plan.batch_at_once):
        with precision(lesson.pipe):
            loss = loss_of(lesson, shown, kept, speech, part)
        yield loss


def advance(lesson: Lesson, optimiser: Any, step: int, losses: Iterable[Any]) -> float:
    """Learn from a batch's losses, and say what they come to. Raises TrainingError where that is no number.

    ``step`` is counted from 0; ``losses`` are as ``losses_of`` gives them: each is let go of before the next is made.
    """
    import torch

    recipe, total = lesson.recipe, 0.0
    for group in optimiser.param_groups:
        group["lr"] = recipe.learning_rate * group["rate"] * min(1.0, (step + 1) / recipe.warmup)
    for loss in losses:
        loss.backward()
        total += float(loss.detach())
    if not math.isfinite(total):
        raise TrainingError(f"learning broke down at step {step}: learn again with a lower --learning-rate "
                            f"than {recipe.learning_rate:g}")  # fmt: skip
    torch.nn.utils.clip_grad_norm_(lesson.adapter.parameters().values(), 1.0)
    optimiser.step()
    optimiser.zero_grad(set_to_none=True)
    return total


def optimiser_of(lesson: Lesson) -> Any:
    """AdamW: fused, or in 8 bits where the plan needs it. Each group has its share of the learning rate as "rate"."""
    import torch

    rate = lesson.recipe.learning_rate
    named = lesson.adapter.parameters()
    groups = [
        {"params": [weights for name, weights in named.items() if name.startswith("text") is text],
         "rate": lesson.recipe.text_rate if text else 1.0}
        for text in (False, True)
    ]  # fmt: skip
    groups = [group for group in groups if group["params"]]
    if lesson.plan.eight_bit:
        return importlib.import_module("bitsandbytes.optim").AdamW8bit(groups, rate)
    return torch.optim.AdamW(groups, rate, fused=True)
