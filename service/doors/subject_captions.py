"""The door for captions: what each photo shows, said by its owner, in an editor, or by a model that can see."""

from __future__ import annotations

import json as _json
import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from service import learning, subjects, telling
from service.album import MARK, Photo, composed
from service.assembly import Service, opened
from service.engines.learned import may_travel
from service.errors import EditorError, SubjectError
from service.model import Picture
from service.protocols import Captioner
from service.roster import Entry
from service.subjects import Subject
from service.telling import literal, out

from .asked import Config, Data, UsageError, among, heard, settings_of

HEAD = f"""\
# What each photo of {{name}} shows, one a line. {MARK} stands for {{name}}; say what it does and where it is, not what
# it looks like. An empty caption is just "a {MARK} {{noun}}". Lines that begin with # are not read.
"""
_LINE = re.compile(r"(\d+)\s*:(.*)")


def caption(
    name: Annotated[str, typer.Argument(metavar="NAME")],
    number: Annotated[int | None, typer.Argument(help="A photo's.", metavar="[N]")] = None,
    words: Annotated[str | None, typer.Argument(help=f'Such as "a {MARK} dog on a sofa".', metavar="[WORDS]")] = None,
    edit: Annotated[bool, typer.Option("--edit", help="Write all of them in $EDITOR.")] = False,
    editor: Annotated[
        str, typer.Option(help="Have this editor of the config look and say; photos are sent to its model.")
    ] = "",
    again: Annotated[bool, typer.Option("--again", help="Those that have a caption, too.")] = False,
    config: Config = None,
    data: Data = Path("data"),
) -> None:
    """Say what each photo shows, so that the sofa is learned as a sofa and not as a part of the dog.

    Alone it asks for each photo that has no caption; Enter skips one.
    """
    with opened(settings_of(config), data) as service:
        entry, card = service.hand.roster.entry(name), service.hand.roster.card(name)
        wanted = [photo for photo in entry.photos if photo.used and (again or not photo.caption)]
        if number is not None:
            said = {number: heard(words or "")}
        elif edit:
            said = _edited(entry, card)
        elif editor:
            said = _looked_at(service, editor, card, wanted)
        elif sys.stdin.isatty():
            said = _answered(card, wanted)
        else:
            said = {}
    told = learning.asked(data, "caption", name, "--set", _json.dumps(said, ensure_ascii=False))
    for event in told:
        if event["event"] == "caption":
            shown = literal(event["caption"]) if event["caption"] else f"[dim]a {MARK} {literal(card.class_noun)}[/]"
            out.print(f"[bold]{event['number']:>3}[/] {shown}", soft_wrap=True, markup=True)


# -- by hand -----------------------------------------------------------------------------------


def _answered(card: Subject, wanted: Sequence[Photo]) -> dict[int, str]:
    """The short form: two questions a photo."""
    said: dict[int, str] = {}
    for photo in wanted:
        out.print(f"\n[bold]{photo.number}[/] {literal(photo.original)}  [dim]Enter skips[/]")
        doing = str(typer.prompt("  What does it do?", default="", show_default=False)).strip()
        where = str(typer.prompt("  Where is it?", default="", show_default=False)).strip()
        if words := composed(card.class_noun, doing, where):
            said[photo.number] = words
    return said


def _edited(entry: Entry, card: Subject) -> dict[int, str]:
    """All captions as a file in the owner's editor. Raises UsageError where nothing was saved."""
    lines = [f"{photo.number}: {photo.caption}  # {photo.original}".replace(":   #", ":  #") for photo in entry.photos]
    text = HEAD.format(name=card.name, noun=card.class_noun) + "\n".join(lines) + "\n"
    saved = _saved(text)
    names = {photo.number: photo.original for photo in entry.photos}
    return {number: words for number, words in _read(saved, names) if words != _caption(entry, number)}


def _saved(text: str) -> str:
    """What the owner's editor made of a text. Raises UsageError where it did not work."""
    command = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "captions.txt"
        file.write_text(text, encoding="utf-8")
        try:
            subprocess.run([*shlex.split(command), str(file)], check=True)  # noqa: S603 - the owner's own editor
            return file.read_text(encoding="utf-8")
        except (OSError, ValueError, subprocess.CalledProcessError) as error:
            raise UsageError(f"{command} did not work; name an editor in $EDITOR ({error})") from error


def _read(saved: str, names: Mapping[int, str]) -> list[tuple[int, str]]:
    """The lines of a saved file. Raises UsageError for one that is none."""
    found = []
    for line in saved.splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _LINE.fullmatch(line.strip())
        if not match or int(match[1]) not in names:
            raise UsageError(f"this line says of no photo what it shows: {line[:80]}")
        number = int(match[1])
        found.append((number, match[2].removesuffix(f"# {names[number]}").strip()))
    return found


def _caption(entry: Entry, number: int) -> str:
    return next(photo.caption for photo in entry.photos if photo.number == number)


# -- by a model --------------------------------------------------------------------------------


def _looked_at(service: Service, name: str, card: Subject, wanted: Sequence[Photo]) -> dict[int, str]:
    """Have a model look at each photo, and say where they are sent. Raises UsageError, EditorError, SubjectError."""
    editor = _captioner(service, name)
    where = urlsplit(str(service.settings.editors[name].get("base_url", ""))).hostname or name
    if not may_travel(card, where):
        raise SubjectError(
            f"the photos of {card.name} may not be sent to {where}: "
            + (f"its card says photos_travel = {card.photos_travel!r}, which its page changes" if card.consented else
               f"{card.name} has not agreed: `frontispiece subject add {card.name} PHOTOS` asks for it")
        )  # fmt: skip
    telling.remark(f"{telling.several(len(wanted), 'photo')} of {card.name} are sent to {where}, without the name")
    folder, said = subjects.folder(service.data, card.name), dict[int, str]()
    for photo in wanted:
        try:
            said[photo.number] = editor.caption(_picture(folder / photo.file, photo), card.class_noun)
        except EditorError as error:
            telling.remark(f"photo {photo.number}: {error}")
    if wanted and not said:
        raise EditorError(f"{name} said nothing of any photo; the captions stay as they were")
    return said


def _captioner(service: Service, name: str) -> Captioner:
    if name not in service.settings.editors:
        known = list(service.settings.editors)
        raise UsageError(f"there is no editor {name!r} in the config" + (among(name, known) if known else ""))
    editor = service.editor(name)
    if not isinstance(editor, Captioner):
        raise UsageError(f"{name} cannot look at photos; name an editor of kind chat")
    return editor


def _picture(path: Path, photo: Photo) -> Picture:
    try:
        return Picture(path.read_bytes(), ".jpg", photo.width_px, photo.height_px, {})
    except OSError as error:
        raise SubjectError(f"{path} cannot be read: {error.strerror}") from error
