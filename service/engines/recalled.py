"""A learned photo in a model: recalled for one picture that is painted from it, and forgotten again.

Meanwhile the model wears what was learned of the photo and nothing else, be it in its text encoders; afterwards every
other subject's adapter is as it was, so that all other pictures are the same as if there had been none in between.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .. import anew
from .job import Kept
from .lora_file import Unfit, check, foreign, sha256

NAME = "photo"  #: of the adapter; subjects' names are others (``lora``)


@contextmanager
def recalled(pipe: Any, model: str, kept: Kept, seed: int) -> Iterator[tuple[Any, dict[str, Any]]]:
    """What paints a photo anew, and what it is told besides the words. Raises Unfit; ``model``: its name."""
    if getattr(anew.denoiser(pipe), "_hf_hook", None) is not None:
        raise Unfit("the model is held in parts here, and a photo is painted anew by one that is held whole")
    picture = _photo(kept)
    check(kept.learned, model)
    worn = _worn(pipe)
    try:
        again, told = _ready(pipe, model, kept, seed, picture)
        with anew.held(pipe, kept.token, kept.way.hold):
            yield again, told
    finally:
        _wear(pipe, worn)


def layers(pipe: Any) -> list[Any]:
    """Those of a pipeline that can wear something."""
    import torch
    from peft.tuners.tuners_utils import BaseTunerLayer

    parts = [part for part in pipe.components.values() if isinstance(part, torch.nn.Module)]
    return [layer for part in parts for layer in part.modules() if isinstance(layer, BaseTunerLayer)]


def _photo(kept: Kept) -> bytes:
    try:
        picture = Path(kept.photo).read_bytes()
    except OSError as error:
        raise Unfit(f"{kept.photo} cannot be read: {error.strerror}") from error
    if hashlib.sha256(picture).hexdigest() != kept.photo_sha256:
        raise Unfit(_anew(kept))
    return picture


def _anew(kept: Kept) -> str:
    return f"the photo of {kept.learned.subject} was learned anew just now: it is painted at the next try"


def _ready(pipe: Any, model: str, kept: Kept, seed: int, picture: bytes) -> tuple[Any, dict[str, Any]]:
    """The model with the photo's weights in it, and nothing on its text encoders. Raises Unfit."""
    import torch

    path, part = Path(kept.learned.file), anew.denoiser(pipe)
    try:
        again = anew.pipeline(pipe)
        pipe.load_lora_weights(str(path.parent), weight_name=path.name, adapter_name=NAME, local_files_only=True)
        part.set_adapters([NAME])
    except Exception as error:  # whatever a file for another base makes of it
        raise Unfit(foreign(kept.learned, model, " ".join(str(error).split())[:200])) from error
    if sha256(kept.learned) != kept.learned.sha256:
        raise Unfit(_anew(kept))
    for layer in layers(pipe):
        if NAME not in layer.active_adapters:
            layer.enable_adapters(enabled=False)
    with torch.inference_mode():
        return again, anew.start(pipe, picture, kept.way, [torch.Generator("cpu").manual_seed(seed)])


_Worn = list[tuple[Any, list[str], bool, list[tuple[Any, bool]]]]


def _worn(pipe: Any) -> _Worn:
    """Each layer with what is active on it, whether that is switched off, and which of its weights would learn."""
    return [
        (layer, list(layer.active_adapters), layer.disable_adapters, [(p, p.requires_grad) for p in layer.parameters()])
        for layer in layers(pipe)
    ]


def _wear(pipe: Any, worn: _Worn) -> None:
    """As it was, without the photo. A layer that wore nothing before keeps its place for an adapter, empty."""
    for layer, active, off, weights in worn:
        layer.set_adapter(active)
        layer.enable_adapters(enabled=not off)
        for weight, learns in weights:
            weight.requires_grad_(learns)
    anew.denoiser(pipe).delete_adapters(NAME)
    before = {id(layer) for layer, *_ in worn}
    for layer in layers(pipe):
        if id(layer) not in before:
            layer.enable_adapters(enabled=True)
