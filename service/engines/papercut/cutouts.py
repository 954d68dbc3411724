"""Laying cut-outs on a sheet: coloured by the palette, lit by their layers."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from .colour import hexed, labbed, mix
from .folk import CutOut
from .lexicon import cut_out
from .palette import Palette, natural, settled
from .paper import Sheet


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a cut-out goes: the middle of its foot (px), its longer side (px), how it is turned (degrees)."""

    x: float
    y: float
    size: float
    turn: float = 0.0
    mirrored: bool = False
    hung: bool = False  #: ``y`` is the top instead of the foot
    centred: bool = False  #: ``y`` is the middle instead of the foot


def place(cut: CutOut, spot: Spot) -> str:
    """The SVG transform that puts a cut-out on its spot."""
    k = spot.size / 1000
    across = -k if spot.mirrored else k
    foot = 0 if spot.hung else cut.height / 2 if spot.centred else cut.height
    return (
        f"translate({spot.x:.1f},{spot.y:.1f}) rotate({spot.turn:.1f}) scale({across:.4f},{k:.4f}) "
        f"translate({-cut.width / 2:.0f},{-foot:.0f})"
    )


def colour(fill: str, palette: Palette) -> str:
    """The paper for a part: a role of the palette, or a foreign colour drawn towards it."""
    return palette.roles[fill] if len(fill) == 1 else settled(fill, palette)


def lay(sheet: Sheet, name: str, spot: Spot, palette: Palette, lift: float, **tint: str) -> None:
    """Lay a cut-out in full colour; ``tint`` gives other papers to single roles (``a="#ff0000"``)."""
    cut = cut_out(name)
    tint = _own_colours(name, palette) | tint
    back = tint.get("back") or _back(name, palette)
    parts = [(cut.outline, back)] if back else []
    parts += [(path, tint.get(fill) or colour(fill, palette)) for fill, path in cut.parts]
    sheet.pieces(parts, lift, place(cut, spot))


@lru_cache(maxsize=1)
def _natural() -> dict[str, tuple[str, str]]:
    """The natural colours of woodcuts, by name."""
    read = tomllib.loads(Path(__file__).with_name("natural.toml").read_text("utf-8"))
    pairs = {name: (first, second) for name, (first, second) in read["colours"].items()}
    return {f"cut/{thing}": pairs[name] for name, things in read["things"].items() for thing in things.split()}


def _own_colours(name: str, palette: Palette) -> dict[str, str]:
    """A woodcut's papers and the dark one beneath, where nature has a say."""
    pair = _natural().get(name)
    if pair is None:
        return {}
    first, second = (natural(colour, palette) for colour in pair)
    dark = hexed(mix(labbed(first), labbed(palette.roles["k"]), 0.62))
    return {"a": first, "b": second, "back": dark}


def lay_plain(sheet: Sheet, name: str, spot: Spot, fill: str, lift: float) -> None:
    """Lay a cut-out as one piece of paper: a silhouette with its holes where the look is a woodcut, else whole."""
    cut = cut_out(name)
    path = "".join(p for _, p in cut.parts) if name.startswith("cut/") else cut.outline
    sheet.cut(path, fill, lift, place(cut, spot))


def _back(name: str, palette: Palette) -> str:
    """Woodcuts lie on a second paper that shows through their lines; the others need none."""
    if not name.startswith("cut/"):
        return ""
    return palette.roles["p"] if palette.dark else palette.roles["d"]


def size_of(name: str, longest: float) -> tuple[float, float]:
    """Width and height (px) of a cut-out whose longer side is ``longest``."""
    cut = cut_out(name)
    return cut.width * longest / 1000, cut.height * longest / 1000
