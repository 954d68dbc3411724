"""A diffusion model at work: fetch, load, render, unload. Imports torch at first use.

It runs in a worker process (``worker``) and knows nothing of it, so that another process could hold it as well.
"""

from __future__ import annotations

import base64
import inspect
import io
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from .cards import PLAIN, Card
from .fetching import Heard
from .halves import merging
from .haste import Haste
from .job import Job, Learned, Painted, Refusal, Steps, together
from .loading import Model, fetch, load, unheard
from .lora import Unfit, Wardrobe
from .remembered import Embeddings
from .sizes import Size, near
from .wording import within

#: of the memory that is free, so much is counted on: allocators leave gaps
_USABLE = 0.8
UNSAFE = "the model's own safety check refused its picture"


class Painter:
    """Holds one model at a time."""

    def __init__(self) -> None:
        self._pipe: Any = None
        self._facts: dict[str, Any] = {}
        self._native: tuple[int, int] = 8, 512 * 512
        self._card: Card = PLAIN
        self._embeddings: Embeddings | None = None
        self._wardrobe: Wardrobe | None = None
        self._haste: Haste | None = None

    @staticmethod
    def hardware(device: str) -> str:
        """What would paint, in words that change when another card is put in."""
        import torch

        if device.startswith("cuda") or (device == "auto" and torch.cuda.is_available()):
            card = torch.cuda.get_device_properties(int(device.partition(":")[2] or 0))
            return f"{card.name}, {card.total_memory / 1e9:.0f} GB"
        return device

    def fetch(self, model: Model, heard: Heard = unheard) -> None:
        """Bring what a model lacks from the hub, which may take hours. Raises EngineError."""
        fetch(model, heard)

    def load(self, model: Model, heard: Heard = unheard, *, haste: str = "never") -> dict[str, Any]:
        """Read the weights, from disk or from the hub. What comes out names the pipeline, device and dtype.

        ``haste``, whether to compile it: "auto" (on a GPU that holds the whole model, if its card says that this can be
        done), "always", "never".
        """
        loaded = load(model, heard)
        self._pipe, self._native, self._facts, self._card = loaded.pipe, loaded.native, loaded.facts, loaded.card
        denoiser = _denoiser(self._pipe)
        if hasattr(self._pipe, "encode_prompt"):
            self._embeddings = self._pipe.encode_prompt = Embeddings(self._pipe.encode_prompt)
        suited = str(self._facts["device"]).startswith("cuda") and loaded.card.compile != "no" and not model.quantise
        hurried = haste == "always" or (haste == "auto" and suited)
        if hurried and not loaded.rung.offload and denoiser is not None:
            self._haste = Haste(denoiser, _compiled)
        if hasattr(self._pipe, "load_lora_weights"):
            self._wardrobe = Wardrobe(self._pipe, model.name, hotswap=self._haste is not None)
        return self._facts

    def render(self, jobs: Sequence[Job], steps: Steps) -> list[Painted | Refusal]:
        """A picture for each job, or why there is none. What can run together does. ``steps`` may raise, to stop it.

        Each picture's noise comes from its own seed and is made on the processor: it is the same on every device, and
        in any company.
        """
        out: list[Painted | Refusal] = [Refusal("was not painted")] * len(jobs)
        groups = together(jobs, self._size, mixing=self._mixes)
        counts = [self._steps(jobs[group[0]]) for group in groups]
        for number, group in enumerate(groups):
            before, total = sum(counts[:number]), sum(counts)
            painted = self._dressed(
                [jobs[place] for place in group], lambda done, b=before, t=total: steps(b + done, t)
            )
            for place, each in zip(group, painted, strict=True):
                out[place] = each
        if self._haste is not None:
            self._haste.warm()
        return out

    def _mixes(self, job: Job) -> bool:
        return self._wardrobe is not None and self._wardrobe.mixes(job.learned)

    def _dressed(self, jobs: list[Job], told: Any) -> list[Painted | Refusal]:
        """Paint one run; whose weights are unfit is left out of it."""
        if jobs[0].halves:
            return [self._together(jobs[0], told)]
        unfit = self._unfit(jobs)
        left = [job for place, job in enumerate(jobs) if place not in unfit]
        painted = iter(self._worn(left, _telling(told, self._steps(left[0]))) if left else ())
        return [Refusal(unfit[place]) if place in unfit else next(painted) for place in range(len(jobs))]

    def _together(self, job: Job, told: Any) -> Painted | Refusal:
        """A picture of two, each in a half; where they cannot be, of the first as far as its weights go."""
        rows = [replace(job, words=half.words, learned=half.learned, halves=()) for half in job.halves]
        if unfit := self._unfit(rows):
            return Refusal(next(iter(unfit.values())))
        if why := self._apart(rows):
            return _with(self._dressed([replace(job, halves=())], told)[0], {"beside": f"left out: {why}"})
        after = merging(told, self._steps(job), self._size(job), job.halves[0].side)
        halves = [
            _subject(row) | {"side": half.side, "prompt": self._read(row)}
            for row, half in zip(rows, job.halves, strict=True)
        ]
        return _with(self._worn(rows, after)[0], {"halves": halves})

    def _apart(self, rows: Sequence[Job]) -> str:
        """Why these cannot become one picture; "" where they can."""
        if "callback_on_step_end" not in self._known:
            return f"{self._facts.get('pipeline')} lets nobody in between two steps"
        return self._wardrobe.apart([row.learned for row in rows if row.learned]) if self._wardrobe else ""

    def _unfit(self, jobs: Sequence[Job]) -> dict[int, str]:
        said: dict[int, str] = {}
        for place, job in enumerate(jobs):
            if job.learned and self._wardrobe is None:
                said[place] = f"{self._facts.get('pipeline')} cannot wear the weights of {job.learned.subject}"
            elif job.learned and self._wardrobe:
                try:
                    self._wardrobe.ready(job.learned)
                except Unfit as error:
                    said[place] = str(error)
            if job.photos and "image" not in self._known:
                said[place] = f"{self._facts.get('pipeline')} takes no reference pictures"
        return said

    @property
    def _known(self) -> Mapping[str, inspect.Parameter]:
        """What the pipeline can be told."""
        return inspect.signature(self._pipe.__call__).parameters

    def _worn(self, jobs: Sequence[Job], after: Any) -> Sequence[Painted | Refusal]:
        worn: list[Learned | None] = [job.learned for job in jobs]
        if self._wardrobe is None:
            return self._painted(jobs, after)
        if self._embeddings is not None:
            self._embeddings.dress = self._wardrobe.dress(worn[0])
        if self._haste is not None and self._wardrobe.reshaped:
            self._wardrobe.reshaped = 0
            self._haste.restart()
        with self._wardrobe.worn(worn):
            return self._painted(jobs, after)

    def _painted(self, jobs: Sequence[Job], after: Any) -> list[Painted | Refusal]:
        """One run of the pipeline, which calls ``after`` each step. Rows that became one picture are the first's."""
        import torch

        known, began = self._known, time.monotonic()
        (width, height), steps = self._size(jobs[0]), self._steps(jobs[0])
        guidance = jobs[0].guidance if jobs[0].guidance is not None else self._card.guidance
        words = [self._read(job) for job in jobs]
        wanted = {
            "prompt": words, "width": width, "height": height, "num_inference_steps": steps,
            "negative_prompt": [job.avoid for job in jobs] if any(job.avoid for job in jobs) else None,
            "guidance_scale": guidance, "output_type": "pil", "callback_on_step_end": after,
            "image": [_opened(photo) for photo in jobs[0].photos] or None,
            "generator": [torch.Generator("cpu").manual_seed(job.seed) for job in jobs],
        }  # fmt: skip
        memory = _Memory(torch, str(self._facts["device"]))
        try:
            with torch.inference_mode():
                result = self._pipe(
                    **{name: value for name, value in wanted.items() if value is not None and name in known}
                )
        except BaseException:
            getattr(self._pipe, "maybe_free_model_hooks", lambda: None)()
            raise
        made = len(result.images)
        facts = self._facts | memory.told(made) | {
            "steps": steps, "took_s": round((time.monotonic() - began) / made, 3), "batch": made,
            "guidance": guidance if guidance is not None else _default(known, "guidance_scale"),
            "compiled": self._haste is not None and self._haste.ready,
        }  # fmt: skip
        unsafe = getattr(result, "nsfw_content_detected", None) or [False] * made
        return [
            Refusal(UNSAFE) if refused else _picture(image, facts | {"prompt": said} | _subject(job))
            for image, refused, said, job in zip(result.images, unsafe, words, jobs, strict=False)
        ]

    def _read(self, job: Job) -> str:
        """The words as far as the text encoder reads them: CLIP's own tokenizer counts."""
        tokenizer = getattr(self._pipe, "tokenizer", None)
        if not job.tags or tokenizer is None:
            return job.words
        marks = tokenizer.num_special_tokens_to_add()
        limit = min(tokenizer.model_max_length, 77) - marks
        return within([job.words], lambda text: len(tokenizer(text, add_special_tokens=False).input_ids), limit)

    def _steps(self, job: Job) -> int:
        return job.steps or self._card.steps or int(self._known["num_inference_steps"].default)

    def _size(self, job: Job) -> Size:
        return self.size(job.width_px, job.height_px)

    def size(self, width_px: int, height_px: int) -> Size:
        """The size at which the model paints for a wanted one."""
        return near(width_px, height_px, *self._native)

    def unload(self) -> None:
        """Let go of the weights. The end of the process gives back the rest."""
        self._pipe, self._facts = None, {}
        self._embeddings = self._wardrobe = self._haste = None


class _Memory:
    """What a run needs of a GPU's memory."""

    def __init__(self, torch: Any, device: str) -> None:
        self._cuda: Any = torch.cuda if device.startswith("cuda") else None
        self._device = device
        if self._cuda:
            self._cuda.reset_peak_memory_stats(device)
            self._before = self._cuda.memory_allocated(device)

    def told(self, pictures: int) -> dict[str, Any]:
        """The peak, and how many pictures would fit at once: what this run needed for each, in what is free."""
        if not self._cuda:
            return {"peak_mb": None}
        peak, (free, _) = self._cuda.max_memory_allocated(self._device), self._cuda.mem_get_info(self._device)
        each = max(peak - self._before, 1) / pictures
        idle = self._cuda.memory_reserved(self._device) - self._before  # ours already, and not in use between runs
        return {"peak_mb": round(peak / 1e6), "fits": max(1, int((free + idle) * _USABLE / each))}


def _denoiser(pipe: Any) -> Any:
    return next((part for name in ("unet", "transformer") if (part := getattr(pipe, name, None)) is not None), None)


def _compiled(function: Any) -> Any:
    import torch

    return torch.compile(function)


def _subject(job: Job) -> dict[str, Any]:
    if job.learned is None:
        return {}
    learned = job.learned
    return {"subject": learned.subject, "subject_sha256": learned.sha256, "subject_scale": learned.scale}


def _with(made: Painted | Refusal, facts: dict[str, Any]) -> Painted | Refusal:
    return replace(made, facts=made.facts | facts) if isinstance(made, Painted) else made


def _opened(photo: str) -> Any:
    """A reference picture; the service made the file."""
    from PIL import Image

    return Image.open(io.BytesIO(base64.b64decode(photo)), formats=("JPEG",)).convert("RGB")


def _picture(image: Any, facts: dict[str, Any]) -> Painted:
    image = image.convert("RGB")
    return Painted(image.tobytes(), image.width, image.height, facts)


def _telling(told: Any, steps: int) -> Any:
    def each(_pipe: Any, step: int, _timestep: Any, tensors: dict[str, Any]) -> dict[str, Any]:
        told(min(step + 1, steps))
        return tensors

    return each


def _default(known: Any, name: str) -> Any:
    value = known[name].default if name in known else None
    return value if isinstance(value, int | float) else None
