"""How far a lesson is, kept in the subject's folder as it goes on: for pages, which are no part of this process."""

from __future__ import annotations

import fcntl
import math
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from statistics import fmean
from typing import Any

from service.errors import FrontispieceError
from service.progress import LOCK, Measured, Progress, State, keep

from .errors import PersonalizationError, TrainingError
from .request import Event, Events

MOST = 200  #: losses that are kept: a curve shows no more
OFTEN_S = 1.0  #: between two notes of steps
PATIENCE_S = 2.0  #: whoever looks whether somebody learns holds the lock for an instant
_AFTER = {  # what comes after an event
    "waiting": "Waiting for the GPU",
    "plan": "Finding its word",
    "token": "Measuring the untouched model",
}


def reported(folder: Path, events: Events, before: Progress | None) -> Events:
    """Pass a lesson's events on and keep what they tell; ``before``: of the lesson that may go on.

    Raises TrainingError where another process learns this subject, and whatever the lesson does.
    """
    now, noted, begun = _begun(), 0.0, False
    with ExitStack() as held:
        try:
            for event in events:
                if not begun:  # who waits for the GPU learns it already: a second one need not wait to be refused
                    held.enter_context(_alone(folder))
                    begun = True
                now = after(now, event, before)
                if event["event"] != "step" or time.monotonic() - noted > OFTEN_S:
                    _note(folder, now)
                    noted = time.monotonic()
                yield event
        except (PersonalizationError, FrontispieceError) as error:
            now = now.model_copy(update={"state": State.REFUSED, "says": str(error)})
            raise
        except Exception:  # nobody foresaw it: its owner did not stop it
            now = now.model_copy(update={"state": State.BROKEN})
            raise
        finally:
            if begun:
                left = {"state": State.STOPPED, "says": ""} if now.state is State.LEARNING else {}
                _note(folder, now.model_copy(update=left))


def after(now: Progress, event: Event, before: Progress | None = None) -> Progress:
    """How far it is after an event. Pure but for the clock."""
    told: dict[str, Any] = {"told_at": _at(), "what": _AFTER.get(event["event"], "Learning")}
    told |= {key: event[key] for key in ("step", "steps", "left_s") if key in event}
    match event["event"]:
        case "plan":
            told |= {"plan": event["says"], "steps": event["recipe"]["steps"]}
        case "resumed" if before:
            losses = tuple(point for point in before.losses if point[0] <= event["step"])
            curve = tuple(point for point in before.curve if point.step <= event["step"])
            told |= {"losses": losses, "curve": curve, "best": before.best}
        case "step":
            told |= {"losses": (*now.losses, (event["step"], event["loss"]))}
        case "measured":
            told |= {"curve": (*now.curve, Measured.model_validate(event)), "says": event["says"]}
            told |= {"best": event["step"]} if event["best"] else {}
        case "done":
            told |= {"state": State.DONE, "says": event["says"], "best": event["step"], "step": now.step}
        case "stopped":
            told |= {"state": State.STOPPED, "says": event["says"]}
    return now.model_copy(update=told)


def thinned(losses: Sequence[tuple[int, float]]) -> tuple[tuple[int, float], ...]:
    """No more than MOST: then each is the mean of some neighbours, at the last one's step."""
    few = math.ceil(len(losses) / MOST)
    groups = [losses[at : at + few] for at in range(0, len(losses), few)] if few > 1 else []
    return tuple((group[-1][0], round(fmean(loss for _, loss in group), 5)) for group in groups) or tuple(losses)


def _begun() -> Progress:
    return Progress(state=State.LEARNING, began_at=_at(), told_at=_at())


def _at() -> datetime:
    return datetime.now(UTC)


def _note(folder: Path, now: Progress) -> None:
    """A full disk costs the note, not the lesson."""
    with suppress(OSError):
        keep(folder, now.model_copy(update={"losses": thinned(now.losses)}))


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    (folder / LOCK).parent.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK).open("a") as lock:
        until = time.monotonic() + PATIENCE_S
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > until:
                    raise TrainingError(
                        f"{folder.name} is being learned already; its page says how far it is"
                    ) from None
                time.sleep(0.05)
        yield
