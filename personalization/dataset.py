"""What is learned from: the subject's album, as ``service.album`` describes it."""

from __future__ import annotations

from pathlib import Path

from service import album
from service.album import LIST, MARK, Photo, keep
from service.errors import SubjectError

from .errors import PhotoError

__all__ = ["LIST", "MARK", "Photo", "captioned", "keep", "photos"]


def photos(folder: Path) -> list[Photo]:
    """A subject's photos, in order. Raises PhotoError where the list cannot be read."""
    try:
        return album.photos(folder)
    except SubjectError as error:
        raise PhotoError(str(error)) from error


def captioned(photo: Photo, token: str, noun: str) -> str:
    """The caption as the model is told it; the bare class where nobody has said what the photo shows."""
    return (photo.caption or f"a {MARK} {noun}").replace(MARK, token)
