"""What must stay as it was: the class without its newcomer.

The prompts of preservation are the photos' captions without the token. With the bare class instead ("a dog"), words for
backgrounds keep their new meaning and the subject leaks into its class.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from .dataset import MARK


def plain(caption: str) -> str:
    """A caption without its subject's mark: "a [V] dog on a sofa" is "a dog on a sofa"."""
    return re.sub(r"\s+", " ", caption.replace(MARK, " ")).strip()


def prompts(captions: Sequence[str], noun: str) -> list[str]:
    """One for each photo, in order; the class where a photo has no caption."""
    return [plain(caption or f"a {MARK} {noun}") for caption in captions]


def pictured(classes: Sequence[str], held: Sequence[Sequence[str]], count: int) -> list[str]:
    """So many prompts for pictures, by turns of the class, as the photos' captions have it, and of what else stays.

    ``classes`` and ``held`` have an entry for each photo.
    """
    others = [prompt for each in held for prompt in each] or classes
    turns = ((classes, others)[number % 2] for number in range(count))
    return [each[number // 2 % len(each)] for number, each in enumerate(turns)]
