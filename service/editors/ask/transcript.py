"""The course of a question as notes for the owner: what was asked, what was said, what was wrong with it. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from ...protocols import Note
from .budget import Usage

MAX_CHARS = 4_000  #: of a note


def asked(model: str, user: str, name: str, system: str) -> Note:
    """The question itself; the standing instructions, which are long and always the same, by name and fingerprint."""
    print_ = hashlib.sha256(system.encode()).hexdigest()[:8]
    return Note("editor", f"asked {model}, with the instructions {name} ({print_})", user[:MAX_CHARS])


def answered(said: str, form: str, usage: Usage, *, seconds: float, usd: float) -> Note:
    """What the model said, as it said it."""
    cached = f" ({usage.cached:,} cached)" if usage.cached else ""
    cost = f", {usd:.4f} USD" if usd else ""
    tokens = f"{'about ' if usage.estimated else ''}{usage.tokens_in:,} tokens in{cached}, {usage.tokens_out:,} out"
    return Note("model", f"answered in {seconds:.1f} s as {form}: {tokens}{cost}", said[:MAX_CHARS])


def found_wrong(faults: Sequence[str]) -> Note:
    return Note("editor", "found it unusable", "; ".join(faults)[:MAX_CHARS])


def asked_again(repair: str) -> Note:
    return Note("editor", "asked again", repair[:MAX_CHARS])


def stepped_down(form: str, why: str) -> Note:
    return Note("editor", f"asked in another way, as {form}", why[:MAX_CHARS])


def waited(seconds: float, why: str) -> Note:
    return Note("editor", f"waited {seconds:g} s", why[:MAX_CHARS])
