"""How learning ends: the best of what was learned is put in place and looked at once more, or refused in words."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from service import subjects
from service.files import write_whole
from service.subjects import WEIGHTS, Subject

from . import checkpoint, curves, likeness, measure, publish, sampling, token, verdict
from .checkpoint import Checkpoint
from .curves import Point
from .errors import TrainingError
from .lesson import Lesson, agreed
from .published import Published
from .request import Events

CHOSEN = "published.safetensors"  #: what would be published, written to be looked at first


def kept_safe(home: Path, saved: Checkpoint, best: Point | None) -> Events:
    """Write a checkpoint; where the disk is full, say so and go on from memory."""
    try:
        checkpoint.save(home, saved, best.step if best else None)
        yield {"event": "saved", "step": saved.step}
    except OSError as error:
        yield {"event": "warning", "step": saved.step,
               "says": f"step {saved.step} was not kept ({error.strerror}); learning goes on, make room"}  # fmt: skip


def pictured(sheet: Path, pictures: Any) -> Events:
    """Keep the pictures of a measurement to be looked at; a full disk costs them, not the lesson."""
    try:
        write_whole(sheet, sampling.sheet(pictures))
    except OSError as error:
        yield {"event": "warning", "says": f"{sheet.name} was not kept ({error.strerror}); learning goes on, make room"}


def concluded(lesson: Lesson, room: measure.Studio, home: Path, curve: Sequence[Point], proof: token.Proof, *,
              done: int) -> Events:  # fmt: skip
    """Publish the best, or raise TrainingError with what to do. ``done``: the step that the adapter is at."""
    there = {done, *checkpoint.steps(home)}  # a full disk may have kept some from being written
    best = curves.best([point for point in curve if point.step in there], lesson.recipe.drift_cost)
    if best is None:
        raise TrainingError("nothing that is left was measured; train for longer (--steps)")
    if best.step != done:
        lesson.adapter.restore(checkpoint.load(home, best.step).mean)
    layers = lesson.adapter.layers()
    seen = _looked_at(lesson, room, home, layers, best.step)
    found = verdict.judged(lesson.card.name, lesson.card.class_noun, seen.point)
    evaluation = _evaluation(lesson, curve, seen.point, found)
    if found.refusal:
        (home / publish.EVALUATION).write_bytes(publish.as_json(evaluation))
        raise TrainingError(f"not published: {found.refusal}")
    card = _by_now(lesson).model_copy(update={
        "token": proof.token, "family": lesson.family.NAME, "base": lesson.base,
        "rank": lesson.recipe.rank if lesson.recipe.adapter == "lora" else None,
    })  # fmt: skip
    files = {publish.EVALUATION: publish.as_json(evaluation), publish.RECIPE: publish.as_json(_recipe(lesson, proof)),
             **publish.grids(seen)}  # fmt: skip
    publish.publish(lesson.folder, card, files, layers, lesson.family)
    _forget(home)
    yield {"event": "done", "says": found.says, "step": best.step, **asdict(seen.point),
           "weights": str(lesson.folder / WEIGHTS)}  # fmt: skip


def _by_now(lesson: Lesson) -> Subject:
    """The card: during a lesson its owner may have changed rules, or taken consent back. Raises SubjectError."""
    return agreed(subjects.load(lesson.folder.parent.parent, lesson.folder.name))


def _looked_at(lesson: Lesson, room: measure.Studio, home: Path, layers: Any, step: int) -> measure.Seen:
    """Measure the very file that would be published, on the base as it was."""
    try:
        publish.weights(home / CHOSEN, layers, lesson.family)
    except OSError as error:
        raise TrainingError(
            f"no room to publish ({error.strerror}); free some and train again: it goes on from the last checkpoint"
        ) from error
    lesson.adapter.detach()
    lesson.pipe.load_lora_weights(str(home), weight_name=CHOSEN)
    (home / CHOSEN).unlink()
    return measure.measured(replace(room, adapter=Published(lesson.pipe)), step)


def _evaluation(lesson: Lesson, curve: Sequence[Point], point: Point, found: verdict.Verdict) -> Mapping[str, Any]:
    return {
        "says": found.says, "refusal": found.refusal, **asdict(point),
        "score": round(point.score(lesson.recipe.drift_cost), 4), "pictures": lesson.recipe.pictures,
        "features": lesson.likeness or likeness.OWN,
        "curve": [asdict(each) for each in curve],
    }  # fmt: skip


def _recipe(lesson: Lesson, proof: token.Proof) -> Mapping[str, Any]:
    return {
        "recipe": asdict(lesson.recipe), "plan": asdict(lesson.plan), "base": lesson.base, "family": lesson.family.NAME,
        "token": asdict(proof), "class_noun": lesson.card.class_noun, "device": lesson.device,
        "photos": {photo.file: photo.sha256 for photo in lesson.used},
        "captions": {photo.file: photo.caption for photo in lesson.used}, "versions": publish.versions(),
    }  # fmt: skip


def _forget(home: Path) -> None:
    """Lessons before this one; this one's checkpoints stay, so that it can go on with more steps."""
    for other in home.parent.iterdir():
        if other.is_dir() and other != home:
            shutil.rmtree(other, ignore_errors=True)
