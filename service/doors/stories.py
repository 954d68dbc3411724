"""Doors for words: what is in a feed, what the gate finds, how a picture would be directed."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from service import clock, telling, text
from service.assembly import Service, opened
from service.errors import Declined, SourceError
from service.gate.verdict import decide
from service.model import Decision, Prompt, Story
from service.pipeline import Desk
from service.protocols import Note, Wording
from service.sources.documents.items import LONGEST

from . import directions
from .asked import (
    AsJson,
    Channel,
    Config,
    Data,
    Headline,
    Language,
    desk_named,
    directed,
    judged,
    settings_of,
    story_told,
)
from .lines import lines_of, numbered


def parse(
    files: Annotated[list[Path], typer.Argument(help="Feed documents: RSS, Atom, RDF or JSON Feed.")],
    config: Config = None,
    data: Data = Path("data"),
    channel: Channel = None,
    json: AsJson = False,
) -> None:
    """Read feed documents from files and say what is in them; one object a file with --json.

    Exits 1 if one of the files is not a feed.
    """
    with opened(settings_of(config), data) as service:
        languages = desk_named(service, channel).channel.languages
        well = True
        for result in _in_turn(lambda path: _parsed(service, path, languages), files, service.parser.workers):
            well = well and result["ok"]
            if json:
                telling.line(result)
            else:
                telling.parsed(result)
    if not well:
        raise typer.Exit(1)


def _in_turn(work: Callable[[Path], dict[str, Any]], files: Iterable[Path], workers: int) -> Iterator[dict[str, Any]]:
    """What work makes of each file, in their order, done by some threads that are never far ahead."""
    ahead: deque[Future[dict[str, Any]]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        try:
            for path in files:
                ahead.append(pool.submit(work, path))
                if len(ahead) > 8 * workers:  # one slow document keeps nobody waiting, and answers do not pile up
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _parsed(service: Service, path: Path, languages: Sequence[str]) -> dict[str, Any]:
    result: dict[str, Any] = {"file": str(path), "ok": True, "error": None, "title": "", "dropped": 0, "stories": []}
    try:
        with path.open("rb") as file:
            body = file.read(LONGEST + 1)  # a device has no end
        fetched = service.parser.parse(body, f"file:///{quote(path.name)}", now=clock.now(), usual=languages)
    except OSError as error:
        return result | {"ok": False, "error": f"cannot be read: {error.strerror}"}
    except SourceError as error:
        return result | {"ok": False, "error": str(error)}
    return result | {
        "title": fetched.title, "dropped": fetched.dropped, "stories": [asdict(story) for story in fetched.stories],
    }  # fmt: skip


def judge(
    file: Annotated[str, typer.Argument(help="A file with a headline a line; - is standard input.")] = "-",
    lang: Language = "en",
    config: Config = None,
    data: Data = Path("data"),
    channel: Channel = None,
    json: AsJson = False,
) -> None:
    """Say what the gate finds about each headline, and what the channel would do with it."""
    with opened(settings_of(config), data) as service, closing(lines_of(file, "a headline")) as lines:
        desk = desk_named(service, channel)
        for _, raw in numbered(lines):
            result = _judged(service, desk, text.headline(raw), lang or "en")
            if json:
                telling.line(result)
            else:
                telling.judged(result)


def _judged(service: Service, desk: Desk, title: str, language: str) -> dict[str, Any]:
    if not title:
        return {
            "headline": "", "decision": Decision.SKIP, "gravity": 0.0, "mood": "calm", "topics": (),
            "subject_allowed": False, "why": "no words in it",
        }  # fmt: skip
    verdict = judged(service, desk, title, "", language)
    return {
        "headline": title, "decision": decide(verdict, desk.channel.mood), "gravity": round(verdict.gravity, 4),
        "mood": verdict.mood, "topics": verdict.topics, "subject_allowed": verdict.subject_allowed, "why": verdict.why,
    }  # fmt: skip


def describe(
    headline: Headline,
    summary: Annotated[str, typer.Option(help="The story's summary.")] = "",
    source: Annotated[str, typer.Option(help="The publication.")] = "",
    lang: Language = None,
    config: Config = None,
    data: Data = Path("data"),
    channel: Channel = None,
    why: Annotated[bool, typer.Option("--why", help="With the transcript: every question, answer and rule.")] = False,
    json: AsJson = False,
) -> None:
    """Say how a headline would be illustrated: scene, mood, the words for the engine, and why."""
    with opened(settings_of(config), data) as service:
        desk = desk_named(service, channel)
        direction = _direction(service, desk, story_told(desk, headline, language=lang, source=source, summary=summary))
    if json:
        telling.line(direction)
    else:
        directions.told(direction, transcript=why)


def _worded(desk: Desk, prompt: Prompt) -> str:
    """The prompt as the channel's first engine tells it to its model."""
    first = desk.engines[0][1]
    return first.worded(prompt) if isinstance(first, Wording) else prompt.words


def _direction(service: Service, desk: Desk, story: Story) -> dict[str, Any]:
    """One object with the whole direction; ``keep`` false where the story would not be on this wall."""
    verdict = judged(service, desk, story.title, story.summary, story.language)
    decision = decide(verdict, desk.channel.mood)
    told: dict[str, Any] = {
        "headline": story.title, "keep": decision is not Decision.SKIP, "decision": decision, "mood": verdict.mood,
        "scene": "", "prompt": "", "avoid": (), "alt": "", "why": verdict.why, "topic": "", "style": "", "seed": 0,
        "subject": None, "alt_language": "en", "gravity": round(verdict.gravity, 4),
    }  # fmt: skip
    notes: list[Note] = []
    try:
        prompt = directed(service, desk, story, verdict, notes.append)
    except Declined as error:
        return told | {"keep": False, "why": str(error), "transcript": [asdict(note) for note in notes]}
    return told | asdict(prompt) | {
        "prompt": _worded(desk, prompt), "why": f"{prompt.why}; {verdict.why}",
        "transcript": [asdict(note) for note in notes],
    }  # fmt: skip
