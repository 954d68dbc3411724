"""A diffusion model at work: fetch, load, render, unload. Imports torch at first use.

It runs in a worker process (``worker``) and knows nothing of it, so that another process could hold it as well.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from typing import Any

from .. import anew
from ..errors import EngineError
from . import fitting, lens
from .cards import PLAIN, Card, IpAdapter
from .fetching import Heard
from .halves import merging, telling
from .haste import Haste
from .job import Job, Kept, Learned, Painted, Refusal, Steps, knowing, painted, together
from .lens import Lens
from .loading import Model, fetch, load, unheard
from .lora import Wardrobe
from .lora_file import Unfit
from .need import Need
from .recalled import recalled
from .remembered import Embeddings
from .sizes import Size, near
from .wording import within

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
        self._lens: Lens | None = None
        self._placed: Callable[[], None] | None = None  #: puts a pipeline that is held in parts back in its place

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
        if loaded.rung.offload:
            device = str(self._facts["device"])
            self._placed = lambda: fitting.placed(loaded.pipe, loaded.card, device, loaded.rung)
        denoiser = anew.denoiser(self._pipe)
        if hasattr(self._pipe, "encode_prompt"):
            self._embeddings = self._pipe.encode_prompt = Embeddings(self._pipe.encode_prompt)
        suited = str(self._facts["device"]).startswith("cuda") and loaded.card.compile != "no" and not model.quantise
        hurried = haste == "always" or (haste == "auto" and suited)
        if hurried and not loaded.rung.offload and denoiser is not None:
            self._haste = Haste(denoiser, _compiled)
        if hasattr(self._pipe, "load_lora_weights"):
            self._wardrobe = Wardrobe(self._pipe, model.name, hotswap=self._haste is not None)
        return self._facts

    def see(self, adapter: IpAdapter, heard: Heard = unheard) -> str:
        """Have an adapter ready for pictures from photos; before a model is loaded it is fetched only.

        What comes out is why it cannot be used, or "".
        """
        try:
            folder = lens.fetch(adapter, heard)
            if self._pipe is None or (self._lens and self._lens.adapter == adapter):
                return ""
            heard({"says": f"reading {adapter.file} of {adapter.hub}"})
            found = Lens(self._pipe, adapter, folder)
            with self._aside(lambda: heard({"says": "waiting for the model to be compiled"})):
                found.fit(self._placed)
            self._lens = found
        except EngineError as error:
            return str(error)
        return ""

    @contextmanager
    def _aside(self, waiting: Callable[[], None]) -> Iterator[None]:
        with self._haste.aside(waiting) if self._haste else nullcontext():
            yield

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
            made = self._dressed([jobs[place] for place in group], lambda done, b=before, t=total: steps(b + done, t))
            for place, each in zip(group, made, strict=True):
                out[place] = each
        if self._haste is not None:
            self._haste.warm()
        return out

    def _mixes(self, job: Job) -> bool:
        return self._wardrobe is not None and self._wardrobe.mixes(job.learned)

    def _dressed(self, jobs: list[Job], told: Any) -> list[Painted | Refusal]:
        """Paint one run; whose weights or photos are unfit is left out of it."""
        if jobs[0].kept:
            return [self._anew(jobs[0], jobs[0].kept, told)]
        if jobs[0].halves:
            return [self._together(jobs[0], told)]
        unfit = self._unfit(jobs)
        left = [job for place, job in enumerate(jobs) if place not in unfit]
        made = iter(self._worn(left, told, telling(told, self._steps(left[0]))) if left else ())
        return [unfit[place] if place in unfit else next(made) for place in range(len(jobs))]

    def _anew(self, job: Job, kept: Kept, told: Any) -> Painted | Refusal:
        """A learned photo painted anew by words; where it cannot be, the job as it is without it."""
        steps, model = self._steps(job), str(self._facts["model"])
        if self._embeddings is not None:
            self._embeddings.dress = ""
        try:
            with self._aside(lambda: told(0)), recalled(self._pipe, model, kept, job.seed) as (pipe, start):
                worded = replace(job, words=kept.words, learned=None)
                more = kept.told | {"guidance": kept.way.guidance, "compiled": False}
                return self._painted([worded], telling(told, steps), start, more, pipe=pipe)[0]
        except Unfit as error:
            bare = self._dressed([replace(job, kept=None)], lambda done: told(min(done, steps)))
            return knowing(bare[0], {"photo": f"left out: {error}"})

    def _together(self, job: Job, told: Any) -> Painted | Refusal:
        """A picture of two, each in a half; where they cannot be, of the first as far as its weights go."""
        rows = [replace(job, words=half.words, learned=half.learned, halves=()) for half in job.halves]
        if unfit := self._unfit(rows):
            return next(iter(unfit.values()))
        if why := self._apart(rows):
            return knowing(self._dressed([replace(job, halves=())], told)[0], {"beside": f"left out: {why}"})
        after = merging(told, self._steps(job), self._size(job), job.halves[0].side)
        halves = [
            row.worn | {"side": half.side, "prompt": self._read(row)}
            for row, half in zip(rows, job.halves, strict=True)
        ]
        return knowing(self._worn(rows, told, after)[0], {"halves": halves})

    def _apart(self, rows: Sequence[Job]) -> str:
        """Why these cannot become one picture; "" where they can."""
        if "callback_on_step_end" not in _known(self._pipe):
            return f"{self._facts.get('pipeline')} lets nobody in between two steps"
        return self._wardrobe.apart([row.learned for row in rows if row.learned]) if self._wardrobe else ""

    def _unfit(self, jobs: Sequence[Job]) -> dict[int, Refusal]:
        said: dict[int, Refusal] = {}
        for place, job in enumerate(jobs):
            if job.learned and self._wardrobe is None:
                pipeline = self._facts.get("pipeline")
                said[place] = Refusal(f"{pipeline} cannot wear the weights of {job.learned.subject}")
            elif job.learned and self._wardrobe:
                try:
                    self._wardrobe.ready(job.learned)
                except Unfit as error:
                    said[place] = Refusal(str(error))
            if job.photos and self._lens is None and "image" not in _known(self._pipe):
                said[place] = Refusal(f"{self._facts.get('pipeline')} takes no reference pictures", blind=True)
        return said

    def _worn(self, jobs: Sequence[Job], told: Any, after: Any) -> Sequence[Painted | Refusal]:
        worn: list[Learned | None] = [job.learned for job in jobs]
        if self._wardrobe is None:
            return self._looked(jobs, told, after)
        if self._embeddings is not None:
            self._embeddings.dress = self._wardrobe.dress(worn[0])
        if self._haste is not None and self._wardrobe.reshaped:
            self._wardrobe.reshaped = 0
            self._haste.restart()
        with self._wardrobe.worn(worn):
            return self._looked(jobs, told, after)

    def _looked(self, jobs: Sequence[Job], told: Any, after: Any) -> Sequence[Painted | Refusal]:
        """One run, with the photos that it is shown: by the pipeline itself, else through the lens."""
        photos = jobs[0].shown
        if not photos:
            return self._painted(jobs, after, {}, {})
        if self._lens is None or "image" in _known(self._pipe):
            return self._painted(jobs, after, {"image": list(photos)}, {})
        guidance, adapter = self._guidance(jobs[0]), self._lens.adapter
        guided = (guidance or 0) > 1 and self._pipe.unet.config.time_cond_proj_dim is None  # as the pipeline decides it
        facts = {"ip_adapter": f"{adapter.hub}/{adapter.file}", "ip_adapter_scale": adapter.scale, "compiled": False}
        try:
            with self._aside(lambda: told(0)), self._lens.before(photos, guided=guided) as shown:
                return self._painted(jobs, after, shown, facts)
        except EngineError as error:
            return [Refusal(str(error), blind=True)] * len(jobs)

    def _guidance(self, job: Job) -> float | None:
        asked = job.guidance if job.guidance is not None else self._card.guidance
        return asked if asked is not None else _default(_known(self._pipe), "guidance_scale")

    def _painted(
        self, jobs: Sequence[Job], after: Any, shown: Mapping[str, Any], more: Mapping[str, Any], *, pipe: Any = None
    ) -> list[Painted | Refusal]:
        """One run of the pipeline, which calls ``after`` each step. Rows that became one picture are the first's.

        ``shown``: what it is told of photos; ``more``: facts of that; ``pipe``: another pipeline over the same model.
        """
        import torch

        pipe = pipe or self._pipe
        known, began = _known(pipe), time.monotonic()
        (width, height), steps = self._size(jobs[0]), self._steps(jobs[0])
        words = [self._read(job) for job in jobs]
        wanted = {
            "prompt": words, "width": width, "height": height, "num_inference_steps": steps,
            "negative_prompt": [job.avoid for job in jobs] if any(job.avoid for job in jobs) else None,
            "guidance_scale": self._guidance(jobs[0]), "callback_on_step_end": after, "output_type": "pil",
            "generator": [torch.Generator("cpu").manual_seed(job.seed) for job in jobs], **shown,
        }  # fmt: skip
        memory = Need(torch, str(self._facts["device"]))
        try:
            with torch.inference_mode():
                result = pipe(**{name: value for name, value in wanted.items() if value is not None and name in known})
        except BaseException:
            getattr(self._pipe, "maybe_free_model_hooks", lambda: None)()
            raise
        made = len(result.images)
        facts = self._facts | memory.told(made) | {
            "steps": steps, "took_s": round((time.monotonic() - began) / made, 3), "batch": made,
            "guidance": self._guidance(jobs[0]), "compiled": self._haste is not None and self._haste.fast, **more,
        }  # fmt: skip
        unsafe = getattr(result, "nsfw_content_detected", None) or [False] * made
        return [
            Refusal(UNSAFE) if refused else painted(image, facts | {"prompt": said} | job.worn)
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
        if job.kept:
            return job.kept.way.left
        return job.steps or self._card.steps or int(_known(self._pipe)["num_inference_steps"].default)

    def _size(self, job: Job) -> Size:
        return self.size(job.width_px, job.height_px)

    def size(self, width_px: int, height_px: int) -> Size:
        """The size at which the model paints for a wanted one."""
        return near(width_px, height_px, *self._native)

    def unload(self) -> None:
        """Let go of the weights. The end of the process gives back the rest."""
        self._pipe, self._facts = None, {}
        self._embeddings = self._wardrobe = self._haste = self._lens = self._placed = None


def _known(pipe: Any) -> Mapping[str, inspect.Parameter]:
    """What a pipeline can be told."""
    return inspect.signature(pipe.__call__).parameters


def _compiled(function: Any) -> Any:
    import torch

    return torch.compile(function)


def _default(known: Any, name: str) -> Any:
    value = known[name].default if name in known else None
    return value if isinstance(value, int | float) else None
