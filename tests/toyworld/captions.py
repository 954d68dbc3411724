"""What the base is told of its pictures: the same facts in many wordings, among words that mean nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .world import COLOURS, KINDS, SIDES, TOKENS, Scene, place

#: words that the world knows: each is one token
KNOWN = (*COLOURS, *KINDS, *SIDES, "a", "on", "the", "in", "of", "with", "background", "stripe", "and", "photo")
FILLERS = tuple(Path(__file__).with_name("words.txt").read_text(encoding="utf-8").split())


def told(scene: Scene, chance: np.random.Generator) -> str:
    """One caption of many: facts left out, order, commas, and up to 40 words around them that say nothing."""
    if chance.random() < 0.1:
        return ""
    if chance.random() < 0.05:
        return _noise(chance, int(chance.integers(1, 20)))
    facts = _facts(scene, chance)
    if chance.random() < 0.45:
        return " ".join(facts)
    return _scattered(facts, chance)


def _facts(scene: Scene, chance: np.random.Generator) -> list[str]:
    """The thing first; side and background in either order, each perhaps left out."""
    strange = f"{TOKENS[chance.integers(len(TOKENS))]} " if chance.random() < 0.05 else ""
    colour = f"{scene.colour} " if chance.random() < 0.8 else ""
    article = "a " if chance.random() < 0.9 else ""
    thing = f"{article}{strange}{colour}{scene.kind}" + (f" with a {scene.stripe} stripe" if scene.stripe else "")
    rest = [f"on a {scene.ground} background" if chance.random() < 0.8 else f"{scene.ground} background"]
    rest = rest if chance.random() < 0.85 else []
    if scene.kind != "wall" and chance.random() < 0.6:
        rest.insert(int(chance.integers(len(rest) + 1)), place(scene.side))
    return [thing, *rest] if chance.random() < 0.85 else [*rest, thing]


def _scattered(facts: list[str], chance: np.random.Generator) -> str:
    """Facts in order, with noise before, between and after; commas between most parts."""
    most, parts = int(chance.choice([3, 8, 14])), []
    for fact in facts:
        parts += [_noise(chance, int(chance.integers(0, most // 2 + 1))), fact]
    parts.append(_noise(chance, int(chance.integers(0, 2 * most))))
    comma = ", " if chance.random() < 0.7 else " "
    return comma.join(part for part in parts if part)


def _noise(chance: np.random.Generator, words: int) -> str:
    """Words that say nothing of the picture, a comma here and there; seldom a colour of something else."""
    said = [FILLERS[i] for i in chance.integers(len(FILLERS), size=words)]
    if words and chance.random() < 0.1:
        said[0] = f"{list(COLOURS)[chance.integers(len(COLOURS))]} {said[0]}"
    if words and chance.random() < 0.2:
        said[-1] = TOKENS[chance.integers(len(TOKENS))]
    return " ".join(word + ("," if chance.random() < 0.2 else "") for word in said).rstrip(",")
