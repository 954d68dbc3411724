"""The verb ``caption``: what each photo shows, with the subject's mark in place, so that the background binds to words.

Recaptioning (RECAP, Segalis et al., arXiv:2310.16656) is what keeps a sofa from becoming a part of the dog.
"""

from __future__ import annotations

import json
import re
from argparse import ArgumentParser
from collections.abc import Mapping
from dataclasses import replace

from service import subjects

from .dataset import MARK, Photo, keep, photos
from .errors import PhotoError
from .holding import card, held
from .request import Events, Request

LONGEST = 300  #: characters: what CLIP reads of it is about that
_BARE = re.compile(r"\[v\]", re.IGNORECASE)
_UNSEEN = re.compile(r"[\x00-\x1f\x7f\u200b-\u200f\u2028-\u202e\ufeff]+")


def options(parser: ArgumentParser) -> None:
    parser.add_argument("--set", dest="said", default="{}", help='captions by number: {"3": "a [V] dog on a sofa"}')


def run(request: Request) -> Events:
    """Write captions, all of them or none, and tell each photo's."""
    about = card(request.data, request.name)
    said = _told(request.options.said)
    with held(request.data, request.name):
        folder = subjects.folder(request.data, request.name)
        album = photos(folder)
        unknown = sorted(set(said) - {photo.number for photo in album})
        if unknown:
            raise PhotoError(f"{request.name} has no photo {unknown[0]}")
        new = [_captioned(photo, said, about.class_noun) for photo in album]
        if new != album:
            keep(folder, new)
    for photo in new:
        yield {"event": "caption", "number": photo.number, "caption": photo.caption}


def marked(caption: str, noun: str) -> str:
    """A caption with the subject's mark in it once; "" stays "". Raises PhotoError where that cannot be."""
    text = re.sub(r"\s+", " ", _UNSEEN.sub(" ", caption)).strip(" ,;")
    if not text:
        return ""
    if len(text) > LONGEST:
        raise PhotoError(f"a caption has at most {LONGEST} characters, and this one {len(text)}: {text[:60]}…")
    text = _BARE.sub(MARK, text)
    marks = text.count(MARK)
    if marks > 1:
        raise PhotoError(f"{MARK} stands for the subject and belongs into a caption once: {text[:80]}")
    return text if marks else _with_mark(text, noun)


def _with_mark(text: str, noun: str) -> str:
    """The mark before the first mention of the noun, else a beginning of ours."""
    mention = re.search(rf"(?<!\w)(?:(an?|the|my|our)\s+)?({re.escape(noun)})(?!\w)", text, re.IGNORECASE)
    if mention is None:
        return f"a {MARK} {noun}, {text}"
    return f"{text[: mention.start()]}a {MARK} {mention[2]}{text[mention.end() :]}"


def _captioned(photo: Photo, said: Mapping[int, str], noun: str) -> Photo:
    return replace(photo, caption=marked(said[photo.number], noun)) if photo.number in said else photo


def _told(said: str) -> dict[int, str]:
    try:
        table = json.loads(said)
        return {int(number): str(caption) for number, caption in table.items()}
    except (ValueError, AttributeError, TypeError) as error:
        raise PhotoError(f"captions are told by number, as JSON; this is none: {said[:80]}") from error
