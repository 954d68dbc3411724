"""Doors for a subject as a whole: remove, export, import."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from service import learning, subjects, telling
from service.assembly import Service, opened
from service.roster import Entry
from service.subjects import Kind
from service.telling import several

from .asked import Config, Data, UsageError, heard, settings_of

Name = Annotated[str, typer.Argument(metavar="NAME")]


def remove(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    config: Config = None,
    data: Data = Path("data"),
) -> None:
    """Delete a subject for good: photos, captions, what was learned, and every picture that shows it."""
    with opened(settings_of(config), data) as service:
        roster, desks = service.hand.roster, service.press.line.desks
        entry = roster.entry(name) if name in subjects.names(data) or not roster.has_any(name) else None
        there = "everything that is left of it"  # whatever that is, without a card that can be read
        if entry and entry.card:
            there = f"{several(len(entry.photos), 'photo')}{_learned(entry)}"
        plates = service.press.line.appearances.plates(name)
        _sure(name, f"{there}, {several(plates, 'plate')} that show it", yes=yes)
        gone = roster.remove(name)
        for channel in (desk.name for desk in desks if name in desk.channel.subjects):
            telling.remark(f"config.toml still names {name} in channels.{channel}.subjects: delete it there")
    telling.said(f"{name} is gone: {there}, {several(gone, 'plate')}")


def _sure(name: str, what: str, *, yes: bool) -> None:
    """Ask before something is deleted. Raises UsageError where nobody can answer, Abort where they do not want it."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError(f"this deletes {what}; say --yes to have that done without being asked")
    typer.confirm(f"Delete {name}: {what}? This cannot be undone.", abort=True, err=True)


def _learned(entry: Entry) -> str:
    return ", what was learned" if entry.learned else ""


def export(
    name: Name,
    output: Annotated[Path, typer.Option("-o", "--output", help="Write it here: .safetensors.")],
    data: Data = Path("data"),
) -> None:
    """Write what was learned to one file, with card and captions inside, and without the photos.

    The file is a LoRA that other programs take, too.
    """
    done = learning.asked(data, "export", name, "-o", str(output))[-1]
    telling.remark(f"{output}: {done['bytes'] / 1e6:.1f} MB, with its card and {several(done['captions'], 'caption')}")


def agree(name: str) -> None:
    """Ask at the terminal whether a person agrees. Raises UsageError where there is none, or they do not."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError(f"{name} is a person: say --consent once they have agreed to be learned and shown")
    telling.said(
        f"{name} is a person. From these photos this machine learns to paint {name} in scenes that never happened, for "
        "everybody who sees your screens and picture feeds. Photos and what is learned stay on this machine, and "
        f"`frontispiece subject remove {name}` deletes all of it. For a child, a parent decides."
    )
    if not typer.confirm(f"Has {name} agreed?", err=True):
        raise UsageError(f"without that {name} is not learned; nothing was kept")


def import_(
    file: Annotated[Path, typer.Argument(help="A LoRA as .safetensors, ours or another trainer's.")],
    name: Annotated[str, typer.Option("--name", help="What to call it. [default: the file's name]")] = "",
    kind: Annotated[Kind | None, typer.Option(help="What it is.")] = None,
    noun: Annotated[str, typer.Option(help="The common noun for it, such as corgi.")] = "",
    token: Annotated[str, typer.Option(help="The word it was trained with.")] = "",
    base: Annotated[str, typer.Option(help="The model it was trained on: a hub id or a folder.")] = "",
    consent: Annotated[bool, typer.Option("--consent", help="The person has agreed.")] = False,
    config: Config = None,
    data: Data = Path("data"),
) -> None:
    """Take a subject from a file; for another trainer's, say what it is, its noun and its word."""
    name = name or _named(file)
    subjects.folder(data, name)
    model = [f"--base={heard(base)}"] if base else []
    found = learning.asked(data, "import", name, str(file), "--look", *model)[0]
    kind = kind or Kind(
        found["kind"] or _asked("What is it? " + ", ".join(Kind), "--kind", [each.value for each in Kind])
    )
    noun = noun or found["noun"] or _asked("The common noun for it, such as corgi", "--noun")
    token = token or found["token"] or _asked("The word it was trained with", "--token")
    if kind is Kind.PERSON and not consent:
        agree(name)
    said = ["--kind", kind.value, f"--noun={heard(noun)}", f"--token={heard(token)}", *model]
    learning.asked(data, "import", name, str(file), *said, *(["--consent"] if kind is Kind.PERSON else []))
    telling.said(f"{name} is “{token} {noun}”, learned on {found['base']}; it appears where you put it: "
                 f"frontispiece subject use {name} --channel {_first(config, data)}")  # fmt: skip


def _named(file: Path) -> str:
    """A name made of a file's."""
    name = "".join(sign if sign.isascii() and sign.isalnum() else "-" for sign in file.stem.lower()).strip("-_")[:40]
    if not name:
        raise UsageError("say what to call it with --name")
    return name


def _asked(question: str, option: str, known: list[str] | None = None) -> str:
    """Ask at the terminal. Raises UsageError where there is none."""
    if not sys.stdin.isatty():
        raise UsageError(f"the file does not say it: name it with {option}")
    answer = str(typer.prompt(question, err=True)).strip()
    if known and answer not in known:
        raise UsageError(f"{answer!r} is none of {', '.join(known)}")
    return answer


def _first(config: Path | None, data: Path) -> str:
    with opened(settings_of(config), data) as service:
        return _channel(service)


def _channel(service: Service) -> str:
    return next(iter(service.settings.channels))
