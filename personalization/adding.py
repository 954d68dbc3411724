"""The verb ``add``: a subject's card, and photos into its album."""

from __future__ import annotations

from argparse import ArgumentParser
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from service import subjects
from service.subjects import Kind, Subject

from . import persons, photos, preparing, tokens
from .dataset import Photo, keep, photos as album_of
from .errors import PhotoError
from .holding import card, held
from .judging import MOST, Finding, Looked, advice, findings, twins, varied
from .request import Event, Events, Request
from .sifting import Sifted, sifted

NOUNS = {Kind.PERSON: "person", Kind.DOG: "dog", Kind.CAT: "cat"}  #: where the owner names none


def options(parser: ArgumentParser) -> None:
    parser.add_argument("photos", nargs="+", help="files, folders or patterns")
    parser.add_argument("--kind", choices=[kind.value for kind in Kind], help="of a new subject")
    parser.add_argument("--noun", default="", help="the common noun the model knows, such as corgi")
    parser.add_argument("--token", default="", help="the rare word that stands for it")
    parser.add_argument("--consent", action="store_true", help="the person agreed")


def run(request: Request) -> Events:
    """Look at every file, take the good and varied ones, say what is wrong with each and what to add."""
    about = _about(request)
    files = photos.found(request.options.photos)
    with held(request.data, request.name) as folder:
        album = album_of(folder)
        room = max(0, MOST - sum(photo.used for photo in album))
        looked = yield from sifted(files, about.kind, [photo.sha256 for photo in album], room, request.stop)
        if request.stop.is_set():
            yield {"event": "stopped", "says": "nothing was taken"}
            return
        if not looked.of and not album:
            raise PhotoError("none of these files could be taken; see what is wrong with each")
        subjects.save(request.data, about)  # before the first photo: a person's consent is written down first
        yield from _taken(request, folder, album, looked)


def _about(request: Request) -> Subject:
    """The card as it will be. Raises PhotoError, SubjectError."""
    told, known = request.options, request.name in subjects.names(request.data)
    if known:
        return _known(card(request.data, request.name), request)
    if not told.kind:
        kinds = ", ".join(kind.value for kind in Kind)
        raise PhotoError(f"say what {request.name} is with --kind: {kinds}")
    subjects.folder(request.data, request.name)  # a name that leads elsewhere is refused
    kind = Kind(told.kind)
    if kind is Kind.PERSON and not told.consent:
        raise PhotoError(f"{request.name} is a person, and is not learned without having agreed: --consent says so")
    noun = (told.noun or NOUNS.get(kind, "")).strip()
    if not noun:
        raise PhotoError(f"say what kind of {kind.value} {request.name} is with --noun, such as --noun teapot")
    token = tokens.sound(request.data, request.name, told.token, noun) if told.token else ""
    agreed = datetime.now(UTC).replace(microsecond=0) if kind is Kind.PERSON else None
    return Subject(
        name=request.name, kind=kind, class_noun=noun, token=token or tokens.free(request.data, request.name),
        consent_at=agreed,
    )  # fmt: skip


def _known(about: Subject, request: Request) -> Subject:
    """The card of a subject that is there, where nothing that was said contradicts it."""
    told = request.options
    for word, said, is_so in (("kind", told.kind, about.kind.value), ("noun", told.noun, about.class_noun),
                              ("token", told.token, about.token)):  # fmt: skip
        if said and said != is_so:
            raise PhotoError(
                f"{about.name} is there already, and its {word} is {is_so}: leave --{word} out, take another name, "
                f"or remove it first with `frontispiece subject remove {about.name}`"
            )
    if about.kind is Kind.PERSON and not about.consented:
        if not told.consent:
            raise PhotoError(f"{about.name} is a person, and is not learned without having agreed: --consent says so")
        return about.model_copy(update={"consent_at": datetime.now(UTC).replace(microsecond=0)})
    return about


def _taken(request: Request, folder: Path, album: list[Photo], sifted: Sifted) -> Events:
    """Store the best of what was looked at and say of each what is bad about it."""
    about = card(request.data, request.name)
    room, looked = max(0, MOST - sum(photo.used for photo in album)), sifted.candidates
    chosen = list(range(len(looked)))
    if sifted.of > room:
        chosen = varied([each.looks for each in looked], about.kind, room)
        yield {"event": "chosen", "taken": len(chosen), "of": sifted.of, "says": _chosen(len(chosen), sifted.of)}
    number = max((photo.number for photo in album), default=0)
    faults = _faults(folder, album, [looked[at].looks for at in chosen], about.kind, number)
    new: list[Photo] = []
    for done, (at, found) in enumerate(zip(chosen, faults, strict=True), 1):
        photo = replace(
            preparing.store(folder, number + done, looked[at].path, looked[at].found),
            faults=tuple(each.says for each in found), used=not any(each.out for each in found),
        )  # fmt: skip
        new.append(photo)
        yield {"event": "progress", "what": "Storing", "done": done, "total": len(chosen)}
        yield told(photo)
    keep(folder, [*album, *new])
    yield {"event": "done", "photos": len(album) + len(new), "new": len(new), **summary(folder, about)}


def _chosen(taken: int, of: int) -> str:
    if not taken:
        return f"{MOST} photos are there already, which is as many as learning uses; leave some out to make room"
    return f"{of} photos are more than learning needs: the {taken} best and most varied were taken"


def _faults(folder: Path, album: list[Photo], new: list[Looked], kind: Kind, number: int) -> list[list[Finding]]:
    """What is bad about each new photo, near duplicates among them and of those in the album included."""
    there = [(photo.number, looked_at(folder, photo)) for photo in album if photo.used]
    numbers = [each for each, _ in there] + [number + at for at in range(1, len(new) + 1)]
    pairs = twins([*(looks for _, looks in there), *new], kind, settled=len(there))
    return [
        findings(each, kind, str(numbers[pairs[at]]) if at in pairs else "") for at, each in enumerate(new, len(there))
    ]


def looked_at(folder: Path, photo: Photo, *, whose: bool = False) -> Looked:
    """A stored photo as judging sees it, by what the album says of it. ``whose``: its face, too. Raises PhotoError."""
    try:
        opened = photos.opened(folder / photo.file)
    except PhotoError as error:
        raise PhotoError(
            f"photo {photo.number} ({photo.original}) {error}; or leave it out: "
            f"`frontispiece subject photos {folder.name} --leave-out {photo.number}`"
        ) from error
    found = preparing.Found(opened.image.size, None, photo.box, photo.faces)
    looked = preparing.judged(str(photo.number), opened.image, found, opened.size)
    return replace(looked, person=persons.person(opened.image, preparing.FACES_PX)) if whose else looked


def summary(folder: Path, about: Subject) -> Event:
    """What there is to say about a subject's photos together."""
    album = album_of(folder)
    used = [photo for photo in album if photo.used]
    looks = [looked_at(folder, photo, whose=about.kind is Kind.PERSON) for photo in used]
    return {
        "used": len(used), "captioned": sum(bool(photo.caption) for photo in used), "kind": about.kind.value,
        "noun": about.class_noun, "token": about.token, "advice": advice(looks, about.kind),
    }  # fmt: skip


def told(photo: Photo) -> Event:
    """A photo, as a program reads it."""
    return {
        "event": "photo", "number": photo.number, "original": photo.original, "width_px": photo.width_px,
        "height_px": photo.height_px, "faces": photo.faces, "found": photo.box is not None, "masked": bool(photo.mask),
        "faults": list(photo.faults), "used": photo.used, "caption": photo.caption,
    }  # fmt: skip
