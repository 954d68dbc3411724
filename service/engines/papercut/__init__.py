"""The papercut engine: an illustration of a scene from layered paper, without any model.

Nouns of the scene become cut-outs through a hand-made lexicon; mood and hour choose the papers; what the scene says and
the seed choose one of eleven compositions. The same prompt and size give the same bytes.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from service.errors import EngineError
from service.model import Mood, Picture, Prompt
from service.protocols import Progress
from service.surroundings import Surroundings

from .compose_land import colossus, panorama
from .compose_print import medallion, quilt
from .compose_room import diorama, mobile, sill
from .compose_town import town
from .compose_water import AFLOAT, chart, sea
from .compose_wood import clearing
from .figure import PAPER_PEOPLE, Figure, likeness
from .lexicon import nouns
from .palette import Palette, mixed, snowed
from .paper import Sheet, pressed
from .rail import TRAINS
from .reading import Cast, cast
from .scenery import Table
from .staging import Tie

__all__ = ["COMPOSITIONS", "Papercut", "Settings", "make", "nouns"]

VERSION = 2  #: raised whenever the same prompt would give other pixels
SMALLEST_PX, LARGEST_PX = 64, 4096

COMPOSITIONS: dict[str, Callable[[Table], None]] = {
    "colossus": colossus,
    "panorama": panorama,
    "clearing": clearing,
    "sea": sea,
    "chart": chart,
    "town": town,
    "sill": sill,
    "diorama": diorama,
    "mobile": mobile,
    "quilt": quilt,
    "medallion": medallion,
}
QUIET = ("sill", "sea", "panorama", "diorama", "clearing")  #: where a still life is at home
PLACED = ("panorama", "clearing", "sea", "chart", "town", "sill")  #: out of place where a scene names another place
PEOPLED = ("colossus", "panorama", "clearing", "town", "diorama")  #: where a figure has a place

#: What a place says about the composition; added to what every composition starts with.
LEANINGS: dict[str, dict[str, float]] = {
    "sea": {"sea": 9, "colossus": 3},
    "island": {"chart": 7, "sea": 4},
    "river": {"sea": 3, "panorama": 4, "chart": 0.5},
    "city": {"town": 8},
    "village": {"town": 7, "panorama": 3},
    "indoors": {"sill": 9, "mobile": 2},
    "mountain": {"panorama": 6, "colossus": 3, "diorama": 2},
    "forest": {"clearing": 9, "diorama": 3},
    "field": {"panorama": 5, "colossus": 4, "medallion": 2},
    "desert": {"colossus": 6, "panorama": 4},
    "space": {"colossus": 5, "diorama": 4, "mobile": 3},
    "ice": {"panorama": 5, "colossus": 3, "clearing": 1},
    "sky": {"mobile": 3, "medallion": 4, "panorama": 3},
}


class Settings(BaseModel):
    """``kind = "papercut"``; there is nothing to set."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    kind: Literal["papercut"] = "papercut"


def weights(cast: Cast, *, subject: bool) -> dict[str, float]:
    """How well each composition suits a cast."""
    if cast.quiet:
        return dict.fromkeys(QUIET, 1.0)
    things = len(cast.everything)
    leaning = {"colossus": 3.0, "diorama": 2.0, "medallion": 1.0, "panorama": 2.0, "clearing": 0.7, "sea": 0.5,
               "chart": 0.2, "town": 0.9, "sill": 1.0, "mobile": 0.05 + 0.12 * min(things - 1, 4),
               "quilt": 0.3 * min(things - 1, 5)}  # fmt: skip
    leaning = {name: max(base, 0.0) for name, base in leaning.items()}
    if cast.places:
        leaning = {name: 0.0 if name in PLACED else base * 0.45 for name, base in leaning.items()}
    for rank, place in enumerate(cast.places[:3]):
        for name, extra in LEANINGS[place].items():
            leaning[name] += extra / (1 + rank)
    if any(word in look for noun in cast.heroes[:1] for look in noun.looks for word in AFLOAT):
        leaning |= {"chart": 0.0}
    if any(part.tie is not Tie.BESIDE for part in cast.troupe.company) or cast.troupe.folk:
        leaning |= {name: leaning[name] * 0.25 for name in ("quilt", "mobile")}
    if any(look in TRAINS for noun in cast.heroes[:1] for look in noun.looks[:1]):
        leaning |= {"panorama": leaning["panorama"] + 12}
    if "winter" in cast.marks:
        leaning |= {"sea": leaning["sea"] * 0.1, "chart": 0.0}
    if cast.mood in {Mood.TENSE, Mood.SOMBER}:
        leaning |= {"quilt": leaning["quilt"] * 0.4, "mobile": leaning["mobile"] * 0.4}
    if subject:
        leaning |= {name: leaning[name] * 4 for name in PEOPLED}
    return leaning


def chosen(cast: Cast, *, subject: bool) -> str:
    """The composition for a cast: by what suits, and by the seed."""
    leaning = weights(cast, subject=subject)
    rng = random.Random(f"composition {cast.seed}")
    return rng.choices(list(leaning), list(leaning.values()))[0]


class Papercut:
    """Engine of pictures cut from paper. Pure CPU, a fraction of a second; holds nothing but cached paper grain."""

    def __init__(self, subjects: Path | None = None) -> None:
        self.subjects = subjects  #: the folder of trained subjects; None: paper people only

    def render(self, prompt: Prompt, width_px: int, height_px: int, progress: Progress | None = None) -> Picture:
        """A JPEG of exactly ``width_px`` x ``height_px``. Raises EngineError."""
        if not all(SMALLEST_PX <= side <= LARGEST_PX for side in (width_px, height_px)):
            asked = f"{width_px}x{height_px}"
            raise EngineError(f"papercut makes pictures of {SMALLEST_PX} to {LARGEST_PX} px a side, not {asked}")
        table, name, palette = self._set(prompt, width_px, height_px)
        COMPOSITIONS[name](table)
        if progress:
            progress(0.3)
        try:
            data = pressed(table.sheet)
        except (ValueError, OSError, MemoryError) as error:
            raise EngineError(f"the paper picture could not be drawn: {error}") from error
        if progress:
            progress(1.0)
        return Picture(data, ".jpg", width_px, height_px, _recipe(prompt, table, name, palette))

    def _set(self, prompt: Prompt, width_px: int, height_px: int) -> tuple[Table, str, Palette]:
        """Lay out papers and cast on the table."""
        who = cast(prompt)
        rng = random.Random(f"cut {prompt.seed}")
        palette = mixed(who.mood, who.hour, random.Random(f"paper {prompt.seed}"))
        face = likeness(self.subjects, prompt.subject) if self.subjects and not who.quiet else None
        figure = Figure(face, rng.choice(PAPER_PEOPLE))
        if "winter" in who.marks or who.weather == "snow":
            palette = snowed(palette)
        table = Table(Sheet(width_px, height_px), who, palette, rng, figure, [], [])
        return table, chosen(who, subject=prompt.subject is not None), palette

    def close(self) -> None:
        """Nothing is held."""


def _recipe(prompt: Prompt, table: Table, name: str, palette: Palette) -> dict[str, object]:
    folk = next((used for used in table.used if used.startswith(("folk/", "likeness", "own/figure"))), None)
    return {
        "engine": "papercut",
        "trained": False,
        "version": VERSION,
        "composition": name,
        "seed": prompt.seed,
        "scene": prompt.scene,
        "mood": str(prompt.mood),
        "quiet": table.cast.quiet,
        "palette": palette.name,
        "icons": [used for used in dict.fromkeys(table.used) if "/" in used and not used.startswith("folk/")],
        "figure": folk,
        "subject": prompt.subject if folk == "likeness" else None,
        "focus": _focus(table),
        "width_px": table.sheet.width,
        "height_px": table.sheet.height,
    }


def _focus(table: Table) -> tuple[float, float]:
    """The middle of the largest thing, as shares of width and height: what a crop should keep."""
    if not table.boxes:
        return 0.5, 0.4
    left, top, right, bottom = max(table.boxes, key=lambda box: (box[2] - box[0]) * (box[3] - box[1]))
    x, y = (left + right) / 2 / table.sheet.width, (top + bottom) / 2 / table.sheet.height
    return round(min(max(x, 0.0), 1.0), 3), round(min(max(y, 0.0), 1.0), 3)


def make(settings: Settings, surroundings: Surroundings) -> Papercut:  # noqa: ARG001 - nothing to set yet, but asked for by the seam
    """The engine; subjects' cut-outs are looked for in the data folder."""
    return Papercut(surroundings.data / "subjects")
