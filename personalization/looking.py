"""The verb ``photos``: what is good and bad about each, what to add; and which are left out."""

from __future__ import annotations

from argparse import ArgumentParser
from dataclasses import replace

from service import subjects

from .adding import summary, told
from .dataset import Photo, keep, photos
from .errors import PhotoError
from .holding import card, held
from .request import Events, Request


def options(parser: ArgumentParser) -> None:
    parser.add_argument("--leave-out", type=int, nargs="*", default=[], metavar="N", help="do not learn from these")
    parser.add_argument("--take", type=int, nargs="*", default=[], metavar="N", help="learn from these all the same")


def run(request: Request) -> Events:
    """Tell of each photo, and of all of them together."""
    about = card(request.data, request.name)
    out, taken = set(request.options.leave_out), set(request.options.take)
    folder = subjects.folder(request.data, request.name)
    if out or taken:
        with held(request.data, request.name):
            keep(folder, _changed(photos(folder), out, taken))
    album = photos(folder)
    if not album:
        raise PhotoError(f"{request.name} has no photos yet: `frontispiece subject add {request.name} FOLDER`")
    for photo in album:
        yield told(photo)
    yield {"event": "done", "photos": len(album), **summary(folder, about)}


def _changed(album: list[Photo], out: set[int], taken: set[int]) -> list[Photo]:
    """The album with these left out and those taken. Raises PhotoError for a number that there is not."""
    unknown = sorted((out | taken) - {photo.number for photo in album})
    if unknown:
        raise PhotoError(f"there is no photo {unknown[0]}; there is {album[0].number} to {album[-1].number}")
    return [replace(photo, used=photo.number in taken or (photo.used and photo.number not in out)) for photo in album]
