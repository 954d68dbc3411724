"""How a direction is told to a person: its parts, and the transcript of how it came about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from service.telling import literal, out

PARTS = ("headline", "keep", "decision", "mood", "topic", "scene", "prompt", "avoid", "alt", "why")


def told(direction: dict[str, Any], *, transcript: bool) -> None:
    """A direction, part by part."""
    for key in PARTS:
        value = direction[key]
        words = ", ".join(value) if isinstance(value, tuple) else str(value)
        out.print(f"[bold]{key:<9}[/] {literal(words)}", soft_wrap=True)
    if transcript:
        _transcript(direction["transcript"])


def _transcript(notes: Sequence[dict[str, str]]) -> None:
    out.print()
    for number, note in enumerate(notes, 1):
        out.print(f"[bold]{number}. {literal(note['who'])}[/] {literal(note['what'])}", soft_wrap=True)
        for line in note["text"].splitlines():
            out.print(f"     [dim]{literal(line)}[/]", soft_wrap=True)
