"""Learn a subject from its photos, and publish it if it is worth it."""

from __future__ import annotations

import time
from argparse import ArgumentParser, BooleanOptionalAction
from dataclasses import asdict
from itertools import chain
from statistics import mean

from service import subjects
from service.progress import progress

from . import checkpoint, curves, likeness, measure, portraits, turn, verdict
from .average import averaged
from .checkpoint import Checkpoint
from .ending import concluded, kept_safe, pictured
from .errors import TrainingError
from .examples import bucketed, prepared
from .lesson import opened, placed
from .naming import doubted
from .recipe import ADAPTERS, PRESERVATIONS
from .reporting import reported
from .request import Events, Request
from .setting import held_by, preserved, studio, token_of
from .shelf import ready
from .steps import Speech, advance, bucket, drawn, losses_of, optimiser_of

SPOKEN = 10  #: steps between two lines about progress


def options(parser: ArgumentParser) -> None:
    """All of them have defaults that come from the base's family."""
    parser.add_argument("--base", help="the model to learn on: a folder or hub id (default: the card's)")
    parser.add_argument("--device", help="cuda or cpu (default: the GPU, if there is one)")
    parser.add_argument("--adapter", choices=ADAPTERS)
    parser.add_argument("--rank", type=int)
    parser.add_argument("--alpha", type=int)
    parser.add_argument("--steps", type=int, help="at most so many")
    parser.add_argument("--learning-rate", type=float)
    parser.add_argument("--batch", type=int)
    parser.add_argument("--side-px", type=int)
    parser.add_argument("--text-encoder", action=BooleanOptionalAction, help="learn in the text encoder, too")
    parser.add_argument("--preservation", choices=PRESERVATIONS)
    parser.add_argument("--preservation-weight", type=float)
    parser.add_argument("--preservation-share", type=float, help="of a step's photos, 0 … 1; at least one preserves")
    parser.add_argument("--snr-gamma", type=float)
    parser.add_argument("--averaging", type=float, help="of the mean of weights, what each step leaves (0: no mean)")
    parser.add_argument("--measure-every", type=int)
    parser.add_argument("--pictures", type=int, help="of the subject in each measurement")
    parser.add_argument("--sampling-steps", type=int)
    parser.add_argument("--guidance", type=float)
    parser.add_argument("--patience", type=int)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--compile", action="store_true", help="compile the repeated blocks; on a GPU only")
    parser.add_argument("--likeness", default="", help=portraits.HELP)


def run(request: Request) -> Events:
    """From photos to a published subject. Raises PersonalizationError and SubjectError."""
    folder = subjects.folder(request.data, request.name)
    yield from reported(folder, guarded(turn.alone(request, "learning", _run)), progress(folder))


def guarded(events: Events) -> Events:
    """The same events; a GPU that fills up or is lost becomes a TrainingError that says what to do."""
    import torch

    step = 0
    try:
        for event in events:
            step = event.get("step", step)
            yield event
    except torch.OutOfMemoryError as error:
        at = f" at step {step}" if step else ""
        raise TrainingError(
            f"the GPU ran out of memory{at}: close what else uses it, or work on smaller pictures (--side-px)"
        ) from error
    except RuntimeError as error:
        if "CUDA" not in str(error):
            raise
        at = f" at step {step}" if step else ""
        raise TrainingError(
            f"the GPU was lost{at} ({str(error).splitlines()[0]}); say it again: learning goes on where it was"
        ) from error


def _run(request: Request) -> Events:  # noqa: PLR0915 - one loop, from top to bottom
    lesson = opened(request)
    family, recipe, adapter = lesson.family, lesson.recipe, lesson.adapter
    read_by = lesson.likeness or likeness.OWN
    yield {"event": "plan", "says": lesson.says(), "features": read_by, "family": family.NAME, "base": lesson.base,
           "recipe": asdict(recipe), "photos": len(lesson.used), "device": lesson.device}  # fmt: skip
    pipe = placed(lesson)
    proof = token_of(lesson)
    yield {"event": "token", "token": proof.token, "says": proof.says()}
    noun = lesson.card.class_noun
    shown = prepared(family, pipe, lesson.folder, lesson.used, token=proof.token, noun=noun, side_px=recipe.side_px,
                     held=held_by(lesson, proof.token))  # fmt: skip
    yield from doubted(lesson, shown, proof.token)
    room = studio(lesson, shown, proof.token)
    kept = preserved(lesson, shown)
    buckets = [shown] if kept else bucketed(family, pipe, lesson.folder, shown, used=lesson.used, token=proof.token,
                                            noun=noun, side_px=recipe.side_px)  # fmt: skip # class images are squares
    spoken = [*shown.captions, *shown.classes, *chain(*shown.held), *(kept.captions if kept else ())]
    ready(family, pipe, spoken)
    speech = Speech(lesson, spoken)
    optimiser = optimiser_of(lesson)
    average = averaged(adapter, recipe.averaging)

    mark = lesson.mark(proof.token)
    home = lesson.folder / "learning" / mark[:12]
    home.mkdir(parents=True, exist_ok=True)
    done, curve, heard = 0, [], []
    if resumed := checkpoint.latest(home, mark):
        done, curve, heard = resumed.step, curves.points(resumed.curve), list(resumed.losses)
        adapter.restore(resumed.adapter)
        optimiser.load_state_dict(resumed.optimiser)
        average.restore(resumed.mean)
        yield {"event": "resumed", "step": done, "steps": recipe.steps}

    began, first = time.monotonic(), done
    while done < recipe.steps and not curves.finished(curve, recipe.drift_cost, recipe.patience):
        number, nth = bucket(recipe.seed, [len(each.captions) for each in buckets], done)
        album = buckets[number]
        batch = drawn(lesson, tuple(album.latents.shape[1:]), len(album.captions), done,
                      len(kept.captions) if kept else 0, turn=nth)  # fmt: skip
        total = advance(lesson, optimiser, done, losses_of(lesson, album, kept, speech, batch))
        done += 1
        average.add(done)
        heard.append(round(total, 6))
        stop, last = request.stop.is_set(), done == recipe.steps
        if done % SPOKEN == 0 or last:
            pace = (time.monotonic() - began) / (done - first)
            yield {"event": "step", "step": done, "steps": recipe.steps, "loss": round(mean(heard[-SPOKEN:]), 5),
                   "left_s": round(pace * (recipe.steps - done), 1)}  # fmt: skip
        if due := (done % recipe.measure_every == 0 or last) and not stop:
            with average.worn():
                seen = measure.measured(room, done)
            curve.append(seen.point)
            sheet = home / f"step-{done:06d}.png"
            yield from pictured(sheet, seen.subject)
            found = verdict.judged(lesson.card.name, noun, seen.point)
            best = curves.best(curve, recipe.drift_cost) is seen.point
            yield {"event": "measured", **asdict(seen.point), "best": best, "features": read_by, "says": found.says,
                   "sheet": sheet.relative_to(lesson.folder).as_posix() if sheet.exists() else ""}  # fmt: skip
        if due or stop:
            state = Checkpoint(done, mark, adapter.state(), optimiser.state_dict(), [asdict(p) for p in curve], heard,
                               average.state())  # fmt: skip
            yield from kept_safe(home, state, curves.best(curve, recipe.drift_cost))
        if stop:
            yield {"event": "stopped", "step": done, "says": "stopped; train again to go on"}
            return
    adapter.restore(average.weights)
    yield from concluded(lesson, room, home, curve, proof, done=done)
