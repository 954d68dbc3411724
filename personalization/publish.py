"""What was learned is put in the service's reach: all of it, or none, and what was there before stays until then.

New files are made in ``.publishing`` beside the old ones. Once they are complete a file there says so, and they are
moved into place one by one, the card last; engines wait as long as it is there. A process that dies in between is
finished by the next (``finish``). One at a time does either: what looks left halfway is else what another process is
just making.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import tomllib
from collections.abc import Iterator, Mapping
from errno import ENOSPC
from pathlib import Path
from typing import Any

from service import progress
from service.errors import SubjectError
from service.subjects import CARD, COMPLETE, STAGE, WEIGHTS, Subject, load, save as save_card

from .errors import TrainingError
from .families import Family
from .measure import Seen
from .sampling import sheet

EVALUATION = progress.EVALUATION
RECIPE = "recipe.json"
_LOCK = ".publishing.lock"
_LIBRARIES = ("torch", "diffusers", "transformers", "peft", "safetensors", "numpy", "Pillow")


def publish(folder: Path, card: Subject, files: Mapping[str, bytes], layers: dict[str, Any], family: Family) -> None:
    """Put a subject's new version in place of the old. ``files`` by name. Raises TrainingError: the old one stays."""
    with _alone(folder):
        _staged(folder, card, files, layers, family)
        _moved(folder)


def _staged(folder: Path, card: Subject, files: Mapping[str, bytes], layers: dict[str, Any], family: Family) -> None:
    stage = folder / STAGE
    shutil.rmtree(stage, ignore_errors=True)
    try:
        stage.mkdir()
        weights(stage / WEIGHTS, layers, family)
        for name, content in files.items():
            (stage / name).parent.mkdir(parents=True, exist_ok=True)
            (stage / name).write_bytes(content)
        _card(stage, card)
        _synced(stage)
        (stage / COMPLETE).touch()
    except OSError as error:
        shutil.rmtree(stage, ignore_errors=True)
        raise TrainingError(
            f"{folder.name} could not be published ({error.strerror or error}); make room and train again: it goes on "
            "from the last checkpoint"
        ) from error


def finish(folder: Path) -> None:
    """Move what is complete into place, and forget what is not. Raises OSError."""
    if (folder / STAGE).exists():
        with _alone(folder):
            _moved(folder)


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Who publishes takes seconds, and is waited for."""
    with (folder / _LOCK).open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _moved(folder: Path) -> None:
    stage = folder / STAGE
    if not (stage / COMPLETE).exists():
        shutil.rmtree(stage, ignore_errors=True)
        return
    _withdraw(folder, stage)
    names = sorted(str(path.relative_to(stage)) for path in stage.rglob("*") if path.is_file())
    for name in [name for name in names if name not in (CARD, COMPLETE)] + [name for name in names if name == CARD]:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (stage / name).replace(folder / name)
    shutil.rmtree(stage, ignore_errors=True)


def weights(path: Path, layers: dict[str, Any], family: Family) -> None:
    """One safetensors file with a LoRA that plain diffusers loads. Raises OSError."""
    from safetensors import SafetensorError

    aside = path.with_suffix(".lora")
    try:
        family.save(aside, {part: state for part, state in layers.items() if state})
        (written,) = aside.glob("*.safetensors")
        written.chmod(aside.stat().st_mode & 0o666)  # its writer lets only the owner read it; the folder has the umask
        written.replace(path)
    except SafetensorError as error:  # what its writer makes of a full disk
        raise OSError(ENOSPC, "no space left, or the file cannot be written", str(path)) from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _withdraw(folder: Path, stage: Path) -> None:
    """Where new weights would not go with the old card, it says until the new one is there that nothing was learned."""
    data, name = folder.parent.parent, folder.name
    with contextlib.suppress(SubjectError, OSError, ValueError):  # no card, or none that anybody could read
        old = load(data, name)
        new = Subject.model_validate(tomllib.loads((stage / CARD).read_text(encoding="utf-8")))
        if old.family and any(getattr(old, key) != getattr(new, key) for key in ("token", "family", "base")):
            save_card(data, old.model_copy(update={"family": "", "base": "", "rank": None}))


def grids(seen: Seen) -> dict[str, bytes]:
    """The pictures of a measurement, as files by name: the subject, its class, other things."""
    return {f"samples/{name}.png": sheet(getattr(seen, name)) for name in ("subject", "classes", "others")}


def versions() -> dict[str, str]:
    """Of what learning stands on."""
    from importlib.metadata import version

    return {name: version(name) for name in _LIBRARIES}


def as_json(value: Any) -> bytes:
    return f"{json.dumps(value, ensure_ascii=False, indent=1, default=str)}\n".encode()


def _card(stage: Path, card: Subject) -> None:
    """The card as ``subjects`` writes it, which is into a data folder."""
    written = save_card(stage / "data", card)
    written.replace(stage / CARD)
    shutil.rmtree(stage / "data")


def _synced(stage: Path) -> None:
    for path in stage.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
