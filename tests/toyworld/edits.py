"""How well a photo keeps its layout when words change it, beside SDEdit with the untouched base. Imports torch.

``python -m tests.toyworld.edits --out FOLDER`` prints what docs/measurements.md says and draws the pictures.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from PIL import Image

from personalization import cli, editing, families
from personalization.lesson import loaded
from personalization.request import Request
from service import onephoto
from service.anew import Known
from service.subjects import Subject, save

from . import PIPELINE
from .oracle import STANDS_OUT, read
from .world import Scene, draw

GUIDANCE = 3.0  #: more than pictures of this world need, as words speak against a photo here
FARTHEST = 75  #: from a photo's colour, as the oracle measures: nothing of it is kept
PHOTOS = (
    (Scene("ball", "green", "white", "left", dy=-0.9, radius=3.6),
     (("a red ball", {"colour": "red"}), ("a green ball on a blue background", {"ground": "blue"}))),
    (Scene("pole", "purple", "yellow", "right", dx=0.4),
     (("a red pole", {"colour": "red"}), ("a purple pole on a green background", {"ground": "green"}))),
    (Scene("ball", "white", "red", "right", dy=1.0, radius=4.1),
     (("a yellow ball", {"colour": "yellow"}), ("a white ball on a purple background", {"ground": "purple"}))),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Grade:
    """One edit, all 0 … 1."""

    said: float  #: what the words ask for is there
    outline: float  #: overlap of what stands out with what stood out in the photo
    kept: float  #: how near the photo the pixels are that the words leave alone


def graded(picture: np.ndarray, photo: Scene, change: dict[str, str]) -> Grade:
    """``picture`` is the edit, (h, w, 3) of bytes; ``change`` what the words ask for."""
    wanted = replace(photo, **change)
    before, ideal, got = (_cells(image) for image in (draw(photo), draw(wanted), picture))
    alone = _away(ideal, before) < 1
    (fact,) = change
    near = np.maximum(0, 1 - _away(got, before)[alone] / FARTHEST)
    was, now = _outline(before), _outline(got)
    return Grade(float(getattr(read(picture), fact) == change[fact]),
                 float(np.minimum(was, now).sum() / np.maximum(was, now).sum()), float(near.mean()))  # fmt: skip


def _cells(picture: np.ndarray) -> np.ndarray:
    return np.asarray(Image.fromarray(picture).resize((16, 16), Image.Resampling.BOX), float)


def _away(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return np.sqrt(((one - other) ** 2).mean(-1))  # (h, w)


def _outline(cells: np.ndarray) -> np.ndarray:
    """What stands out from the ground, which is the middle value of the border."""
    border = np.concatenate([cells[0], cells[-1], cells[1:-1, 0], cells[1:-1, -1]])
    return np.clip(_away(cells, np.median(border, axis=0)) / STANDS_OUT, 0, 1)


def bytes_of(painted: Any) -> list[np.ndarray]:
    """Pictures (B, 3, h, w) in [-1, 1] as arrays of bytes."""
    return list(((painted.clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy())


def house(data: Path, photo: Scene) -> Path:
    """A data folder with a subject's card, and a photo in it."""
    save(data, Subject(name="rex", kind="thing", class_noun=photo.kind, token="zqx"))
    path = data / "holiday.png"
    Image.fromarray(draw(photo)).save(path)
    return path


def asked(data: Path, verb: str, *words: object) -> Request:
    """What the command line makes of words."""
    return cli._request(verb, cli._module(verb), ["--data", str(data), "rex", *map(str, words)])


def said(data: Path, verb: str, *words: object) -> list[dict[str, Any]]:
    """Everything that a verb says."""
    return list(cli._module(verb).run(asked(data, verb, *words)))


@dataclass(frozen=True, slots=True)
class Album:
    """A photo that was learned, on its base."""

    pipe: Any
    photo: onephoto.OnePhoto
    known: Known

    def paint(self, words: str, seeds: int, **other: Any) -> list[np.ndarray]:
        """``other``: of its ``Way``; ``hold=0`` is SDEdit."""
        family = families.named(self.photo.family)
        way = replace(self.photo.way, **{"guidance": GUIDANCE} | other)
        return bytes_of(editing.paint(family, self.pipe, self.known, [words] * seeds, way))


def opened(data: Path) -> Album:
    folder = data / "subjects" / "rex"
    photo = onephoto.read(folder)
    pipe = loaded(photo.base, "cpu")
    editing.learned(pipe, folder, photo, families.named(photo.family))
    return Album(pipe, photo, Known(photo.token, (folder / onephoto.PHOTO).read_bytes()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--base", type=Path, default=PIPELINE)
    told, learning = parser.parse_known_args()
    told.out.mkdir(parents=True, exist_ok=True)
    grades: dict[str, list[Grade]] = {"SDEdit": [], "UniTune": []}
    rows: list[np.ndarray] = []
    for photo, edits in PHOTOS:
        with tempfile.TemporaryDirectory() as folder:
            data = Path(folder)
            said(data, "unitune learn", "--photo", house(data, photo), "--base", told.base, *learning)
            album = opened(data)
        for words, change in edits:
            row = [draw(photo)]
            for name, how in ("SDEdit", {"hold": 0.0}), ("UniTune", {}):
                painted = album.paint(words, told.seeds, **how)
                grades[name] += [graded(picture, photo, change) for picture in painted]
                row += painted
            rows.append(np.concatenate(row, 1))
            Image.fromarray(np.concatenate(rows)).save(told.out / "sheet.png")
    for name, found in grades.items():
        print(name, {fact: round(median(getattr(one, fact) for one in found), 2) for fact in Grade.__slots__},
              f"said in {sum(one.said for one in found):.0f} of {len(found)}")  # fmt: skip


if __name__ == "__main__":
    main()
