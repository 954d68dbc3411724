"""A subject's weights as an engine finds them: beside its card, if they were learned on that engine's model."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from pathlib import Path

from ..errors import EngineError, SubjectError
from ..subjects import WEIGHTS, Subject, folder, load
from .job import Learned

#: models that share their shape, so that what was learned on one is worn by the other: few-step models and their bases
KIN = (
    {"black-forest-labs/FLUX.2-klein-4B", "black-forest-labs/FLUX.2-klein-base-4B"},
    {"black-forest-labs/FLUX.2-klein-9B", "black-forest-labs/FLUX.2-klein-base-9B"},
)
FAMILIES = {
    "StableDiffusionPipeline": "sd15", "StableDiffusionXLPipeline": "sdxl", "Flux2Pipeline": "flux2",
    "Flux2KleinPipeline": "flux2",
}  # fmt: skip


class Gallery:
    """The subjects of a data folder, for one engine."""

    def __init__(self, data: Path, model: str, *, suits: Collection[str] = (), scale: float = 1.0) -> None:
        """``suits``: further models whose subjects this one can wear; ``scale``: how strongly they count."""
        self._data, self._model, self._scale = data, model, scale
        self._suits = {model, *suits, *(kin for kind in KIN if model in kind for kin in kind)}
        self._digests: dict[Path, tuple[object, str]] = {}

    def learned(self, name: str | None, pipeline: str = "") -> Learned | None:
        """Its weights; None where there are none, and its noun must do. Raises EngineError where they do not suit."""
        if not name:
            return None
        try:
            path = folder(self._data, name) / WEIGHTS
            if not path.is_file():
                return None
            card = load(self._data, name)
            return self._fitting(card, path, FAMILIES.get(pipeline, ""))
        except SubjectError as error:
            raise EngineError(str(error)) from error
        except OSError as error:
            raise EngineError(f"the weights of {name} cannot be read: {error.strerror}") from error

    def _fitting(self, card: Subject, path: Path, family: str) -> Learned:
        if card.family and family and card.family != family:
            raise EngineError(
                f"{card.name} was learned on {card.base or 'a model'} of the family {card.family}, and this engine "
                f"paints with {self._model} of the family {family}: learn {card.name} on {self._model}"
            )
        if (
            card.base
            and card.base not in self._suits
            and str(Path(card.base).expanduser().absolute()) not in self._suits
        ):
            raise EngineError(
                f"{card.name} was learned on {card.base}, and this engine paints with {self._model}: learn {card.name} "
                f"on {self._model}, or, if both have the same shape, say subject_bases = [{card.base!r}]"
            )
        return Learned(
            subject=card.name, file=str(path), sha256=self._digest(path), scale=self._scale,
            family=card.family, base=card.base, rank=card.rank,
        )  # fmt: skip

    def _digest(self, path: Path) -> str:
        """The file's SHA-256; read again when the file changes."""
        stat = path.stat()
        stamp = stat.st_mtime_ns, stat.st_size, stat.st_ino
        if self._digests.get(path, (None, ""))[0] != stamp:
            with path.open("rb") as file:
                self._digests[path] = stamp, hashlib.file_digest(file, "sha256").hexdigest()
        return self._digests[path][1]
