"""What the doors share: their options, and how a person's words become values."""

from __future__ import annotations

import difflib
import hashlib
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from service import clock, pipeline, telling, text
from service.assembly import Service, adapters, desk_of, read_settings, shipped
from service.errors import ConfigError, DataFolderError, Declined, FrontispieceError
from service.gate.tone import tones
from service.gate.verdict import judge as find_verdict
from service.model import Prompt, Story, Verdict
from service.pipeline import Desk
from service.profiles import PROFILES, Profile
from service.protocols import Brief, Note, unnoted
from service.settings import Settings

_TAG = re.compile(r"[A-Za-z]{2,8}(?:[-_][A-Za-z0-9]{1,8}){0,4}")  # near enough to RFC 5646 for a slip of the finger


class UsageError(FrontispieceError):
    """The command was asked for something that there is not. The command then exits 2."""


def _tag(given: str | None) -> str | None:
    if given and not _TAG.fullmatch(given):
        raise UsageError(f"--lang: {given!r} is not a language's code; write one such as de or pt-BR")
    return given.replace("_", "-") if given else given


Config = Annotated[
    Path | None,
    typer.Option("--config", envvar="FRONTISPIECE_CONFIG", help="The config file. [default: ./config.toml]"),
]
Data = Annotated[Path, typer.Option("--data", envvar="FRONTISPIECE_DATA", help="The data folder.")]
Channel = Annotated[str | None, typer.Option("--channel", help="As this channel would. [default: the first]")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON lines for programs.")]
Headline = Annotated[str, typer.Option("--headline", help="The headline, as a feed would give it.")]
Language = Annotated[
    str | None, typer.Option("--lang", callback=_tag, help="Its language, such as de or pt-BR. [default: a guess]")
]


def settings_of(config: Path | None) -> Settings:
    """The named config, else the one in this folder, else the shipped one. Raises ConfigError."""
    here = Path("config.toml")
    return read_settings(config or (here if here.exists() else shipped("config.toml")))


def channel_named(settings: Settings, name: str) -> str:
    """The name, where there is such a channel. Raises ConfigError with those there are."""
    if name not in settings.channels:
        raise ConfigError(f"there is no channel {name!r} in the config" + among(name, list(settings.channels)))
    return name


def with_engine(settings: Settings, name: str) -> Settings:
    """The settings with this engine first in every channel, the channel's own behind it. Raises ConfigError.

    ``name`` is an engine's table, or a kind that needs none.
    """
    table = settings.engines.get(name, {"kind": name})
    known = adapters("engines")
    if table["kind"] not in known:
        named = ", ".join(dict.fromkeys([*settings.engines, *known]))
        raise ConfigError(f"there is no engine {name!r}; there is {named}")
    try:
        known[str(table["kind"])].Settings.model_validate(table)
    except ValidationError as error:
        missing = ", ".join(".".join(map(str, each["loc"])) for each in error.errors())
        raise ConfigError(f"{name} needs a table [engines.{name}] that says {missing}") from error
    channels = {
        key: channel.model_copy(update={"engines": tuple(dict.fromkeys((name, *channel.engines)))})
        for key, channel in settings.channels.items()
    }
    return settings.model_copy(update={"channels": channels})


def not_before(context: typer.Context, command: str) -> None:
    """Raises UsageError for options before a subcommand: they would be for the list, and for another data folder."""
    sources = {name: context.get_parameter_source(name) for name in context.params}
    given = [name for name, source in sources.items() if source and source.name == "COMMANDLINE"]
    if given:
        raise UsageError(f"write --{given[0]} after `{command} {context.invoked_subcommand}`")


def desk_named(service: Service, channel: str | None) -> Desk:
    """A channel's desk, its dial as it stands; the first if none is named. Raises ConfigError with those there are."""
    first = next(iter(service.settings.channels))
    desk = desk_of(service, channel_named(service.settings, channel or first))
    if not (service.data / "frontispiece.db").exists():  # a look at one part makes no data folder
        return desk
    with suppress(DataFolderError):
        return pipeline.dialled(desk, service.wishes)
    return desk


def profile_named(name: str) -> Profile:
    """A screen's profile. Raises UsageError with those there are."""
    if name not in PROFILES:
        raise UsageError(f"there is no profile {name!r}" + among(name, list(PROFILES)))
    return PROFILES[name]


def template_named(name: str, known: Sequence[str]) -> str:
    """A slide template's name. Raises UsageError with those there are."""
    if name not in known:
        raise UsageError(f"there is no slide template {name!r}" + among(name, known))
    return name


def among(name: str, known: Sequence[str]) -> str:
    """What to say after a name that is not known: the nearest, and all there are."""
    close = difflib.get_close_matches(name, known, 1, cutoff=0.5)
    return (f", did you mean {close[0]}? Known" if close else "; known") + f" are {', '.join(known)}"


def heard(raw: str) -> str:
    """Words from the command line: bytes that are no UTF-8 come as lone surrogates, which nothing else can take."""
    return raw.encode("utf-8", errors="surrogateescape").decode("utf-8", errors="replace")


def story_told(desk: Desk, headline: str, *, language: str | None = None, source: str = "", summary: str = "") -> Story:
    """A story as a feed would have given it. Raises UsageError where no headline is left after cleaning."""
    title = text.headline(heard(headline))
    if not title:
        raise UsageError("the headline is empty; say one with --headline")
    return Story(
        id=hashlib.sha256(title.encode()).hexdigest(), feed="", source=text.clean(heard(source), 60), title=title,
        summary=text.clean(heard(summary), 500), link="",
        language=language or text.language(title, None, desk.channel.languages), published=clock.now(),
    )  # fmt: skip


def judged(service: Service, desk: Desk, title: str, summary: str, language: str) -> Verdict:
    """The gate's verdict by the channel's rules, and by the model of sentences where there is one."""
    tone = tones([title], service.embedding, [language])[0] if service.embedding else None
    return find_verdict(title, summary, language, desk.rules, tone=tone)


def directed(
    service: Service, desk: Desk, story: Story, verdict: Verdict, note: Callable[[Note], None] = unnoted
) -> Prompt:
    """The editor's direction; the house editor's where it fails. Raises Declined."""
    rulings = desk.house.decide([(story, verdict)])
    if not rulings[0].keep:
        raise Declined(rulings[0].why)
    now = clock.now().astimezone(service.settings.zone)
    cast = pipeline.cast(service.data, service.subjects(desk), verdict, story.id, refused={}, note=note)
    brief = Brief(
        verdict, desk.style(verdict.topics, now), now, family=desk.family, subjects=cast,
        at_once=pipeline.together(desk, cast, story.id), note=note,
    )  # fmt: skip
    prompt, error = pipeline.directed(desk, story, brief)
    if error:
        telling.remark(f"{error}; the house editor does it")
    return prompt
