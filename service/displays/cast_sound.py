"""A Cast device's sound while our app starts: off, and then as it was, in every case."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from .cast_link import Link
from .cast_notes import Notebook


@contextmanager
def hushed(link: Link, notebook: Notebook) -> Iterator[None]:
    """Off meanwhile: a Cast device chimes when an app starts. It is noted first, so that a crash leaves no silence."""
    try:
        if link.seen.mutable and not link.seen.muted:
            notebook.note(muted=True)
            link.mute(True)
        yield
    finally:
        restore(link, notebook)


def restore(link: Link, notebook: Notebook) -> None:
    """Give back the sound that we took. Where this fails the note stays, and the next connection begins with it."""
    if notebook.notes.muted:
        link.mute(False, through=True)
        notebook.note(muted=False)
