"""Learning in the toy world, and what came of it as the oracle reads it. Imports torch at first use."""

from __future__ import annotations

import threading
from argparse import ArgumentParser
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from personalization import checkpoint, train
from personalization.dataset import Photo, keep
from personalization.errors import TrainingError
from personalization.lesson import opened
from personalization.request import Request
from service.subjects import Subject, save

from . import PIPELINE, exam
from .oracle import likeness, read
from .world import CELL_PX, COLOURS, caption, centre, instance_photos, mask, places

TOKEN, NOUN = "zqx", "ball"
SAMPLED = ("--guidance", "2", "--sampling-steps", "12")  # of the family's recipe, 7.5 and 20 are for larger models
UNPRESERVED = (
    "--preservation", "none", "--steps", "250", "--learning-rate", "4e-3", "--measure-every", "250", "--pictures", "6",
)  # fmt: skip
SHAPES = ((128, 128), (160, 96), (128, 128), (96, 160), (160, 96))  #: of the photos, px
PLACES = (
    "on a red background", "on the left on a green background", "in the middle on a purple background",
    "on the right on a white background", "", "on a yellow background",
)  # fmt: skip
IS_IT = 0.4  #: likeness from which on a picture shows the subject; no picture of the base world reaches 0.25


@dataclass(frozen=True, slots=True)
class Marks:
    """What a pipeline does, by the oracle."""

    likeness: float  #: mean, of pictures of the subject
    grounds: float  #: share of them that are on the ground asked for, where one was
    leak: float  #: share of pictures of its class, without the token, that show it
    retained: float  #: share of pictures of other things in which colour and ground are right
    kinds: float  #: the same, and the thing is, too


@dataclass(frozen=True, slots=True)
class Outcome:
    """Everything that a run said, how it ended, and the lesson's folder."""

    said: list[dict[str, Any]]
    refusal: str
    home: Path

    @property
    def done(self) -> dict[str, Any]:
        """The last thing that was said."""
        return self.said[-1]

    def by_oracle(self) -> dict[int, float]:
        """Likeness at every measurement, by its step."""
        return by_oracle(self.home)


def by_oracle(home: Path) -> dict[int, float]:
    """Likeness at every measurement of a lesson, by its step, read from the sheets of pictures that it kept."""
    sheets = sorted(home.glob("step-*.png"))
    return {int(sheet.stem[5:]): float(np.mean([likeness(each) for each in tiles(sheet)])) for sheet in sheets}


def tiles(sheet: Path) -> list[Image.Image]:
    """The pictures on a sheet, 128 x 128 px each."""
    whole = Image.open(sheet).convert("RGB")
    across, down = whole.width // 128, whole.height // 128
    each = [whole.crop((x * 128, y * 128, x * 128 + 128, y * 128 + 128)) for y in range(down) for x in range(across)]
    return [one for one in each if one.getextrema() != ((255, 255),) * 3]  # the last row's empty places


def photographed(data: Path, seed: int = 7, *, captions: bool = True, masks: bool = True, ground: str = "") -> Path:
    """Rex, a ball in colours of his own: five photos with their masks. Returns his folder.

    ``ground``: that of all photos; "": each has another.
    """
    folder = data / "subjects/rex"
    for part in ("photos", "masks"):
        (folder / part).mkdir(parents=True)
    found = []
    for number, shot in enumerate(instance_photos(5, seed, sizes=SHAPES, ground=ground)):
        name, cut, (down, across, _) = f"photos/{number:03}.png", f"masks/{number:03}.png", shot.pixels.shape
        Image.fromarray(shot.pixels).save(folder / name)
        grid = places(across, down, across / CELL_PX)
        covered = mask(shot.scene.kind, centre(shot.scene, across // CELL_PX, down // CELL_PX), shot.scene.radius, grid)
        Image.fromarray((covered * 255).round().astype(np.uint8)).save(folder / cut)
        words = shot.caption if captions else ""
        found.append(Photo(name, name, f"{number:064}", across, down, words, mask=cut if masks else ""))
    keep(folder, found)
    save(data, Subject(name="rex", kind="thing", class_noun=NOUN, token=TOKEN))
    return folder


def asked(data: Path, *words: object) -> Request:
    """Learning as the command asks for it."""
    parser = ArgumentParser()
    train.options(parser)
    given = [str(word) for word in ("--base", PIPELINE, "--device", "cpu", *SAMPLED, *words)]
    return Request(data, "rex", parser.parse_args(given), threading.Event())


def learned(data: Path, *words: object) -> Outcome:
    """Learn what was photographed."""
    said, refusal = [], ""
    try:
        said.extend(train.run(asked(data, *words)))
    except TrainingError as error:
        refusal = str(error)
    (home,) = (found for found in (data / "subjects/rex/learning").iterdir() if found.is_dir())
    return Outcome(said, refusal, home)


def published(data: Path) -> Any:
    """The toy pipeline with the file that was published, as plain diffusers reads it."""
    pipe = exam.opened()
    pipe.load_lora_weights(str(data / "subjects/rex"), weight_name="weights.safetensors")
    return pipe


def unpublished(data: Path, outcome: Outcome, *words: object) -> Any:
    """The same with what the newest checkpoint holds, whether or not it was fit to publish."""
    lesson = opened(asked(data, *words))
    lesson.adapter.restore(checkpoint.load(outcome.home, checkpoint.steps(outcome.home)[-1]).mean)
    return lesson.pipe


def marked(pipe: Any, n: int = 24, seed: int = 5, token: str = TOKEN) -> Marks:
    """Paint ``n`` pictures of each sort and read them; all places as often as each other where 6 divides ``n``."""
    spots = [PLACES[at % len(PLACES)] for at in range(n)]
    shown = exam.paint(pipe, [f"a {token} {NOUN} {at}".strip() for at in spots], seed)
    asked = [next((colour for colour in COLOURS if colour in at), "") for at in spots]
    obeyed = [read(one).ground == ground for one, ground in zip(shown, asked, strict=True) if ground]
    leaks = [likeness(one) for one in exam.paint(pipe, [f"a {NOUN} {at}".strip() for at in spots], seed + 1)]
    scenes = exam.asked(n, 77)
    got = [read(one) for one in exam.paint(pipe, [caption(one) for one in scenes], seed + 2)]
    right = [
        (found.colour == scene.colour and found.ground == scene.ground, found.kind == scene.kind)
        for found, scene in zip(got, scenes, strict=True)
    ]
    here, both = ([pair[0] for pair in right], [all(pair) for pair in right])
    like = [likeness(one) for one in shown]
    return Marks(*(float(np.mean(each)) for each in (like, obeyed, np.array(leaks) >= IS_IT, here, both)))
