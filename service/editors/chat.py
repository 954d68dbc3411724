"""The editor that is a language model, at any server that speaks OpenAI's Chat Completions.

It has taste and no power: the gate's verdict binds it (it can lower a story, never raise one), it rules only on stories
it was given, and its words reach an engine only through the checks of ``scenery``. Headlines go to it quoted and
stripped of what could be taken for a turn of its conversation; texts that speak to a machine, or may, are not shown to
it at all. It learns neither a subject's name nor a secret.
"""

from __future__ import annotations

import re
import time
import tomllib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TypeVar

from jinja2 import Environment, FileSystemLoader, StrictUndefined, TemplateError, TemplateSyntaxError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from pydantic import BaseModel, ConfigDict, Field, field_validator

from ..errors import Declined, EditorError
from ..model import Mood, Picture, Prompt, Story, Verdict
from ..net import Net
from ..protocols import Brief, Critique, Note, Ruling, unnoted
from ..subjects import in_turn
from ..surroundings import Surroundings
from . import alt, captioning, critic
from .answers import Direction, Rulings, Word
from .ask import Access, Budget, Duty, Ladder, Question
from .ask.key import key_in
from .quoting import doubts, orders, quoted
from .scenery import MARK, Cast, darkest, scene_faults, sober, tidy
from .tools.looks import Tool, Tools
from .trust import Trust

BATCH = 40  #: stories in one question
GRAVE = 0.2  #: gravity above which a scene may not be brighter than the gate's mood; nobody of this home appears there
DARK = (Mood.SOMBER, Mood.GRIM)  #: nobody of this home appears in these
ALL_REFUSED = 5  #: a batch of at least so many of which not one in so many is kept: the model fails, not the news
_RECENT = 8  #: scenes of the last days that the model is shown
_SUMMARY_CHARS = 400
_GLANCE_CHARS = 160  #: of a summary where forty stories share a question: local models often read only 4,096 tokens
_WHY_CHARS = 160
_FIXED = ("family", "tools")  #: what a system prompt may know: it is the same for every story
A = TypeVar("A", bound=BaseModel)


class Settings(Budget):
    """An ``[editors.NAME]`` table. Nothing is called that the owner did not name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["chat"] = "chat"
    base_url: str
    model: str = Field(min_length=1)
    api_key_env: str = ""  #: "": the server needs no key
    timeout_seconds: float = Field(60, gt=0, le=900)
    temperature: float = Field(0.7, ge=0, le=2)
    max_tokens: int = Field(4000, ge=200)
    reasoning_effort: str = ""  #: sent as it is where it is set; "none" spares hidden tokens
    tools: tuple[Tool, ...] = ()  #: what it may ask to be shown

    @field_validator("base_url")
    @classmethod
    def _web_address(cls, url: str) -> str:
        if not re.match(r"https?://[^\s/]+\S*$", url, re.IGNORECASE):
            raise ValueError("should be an http:// or https:// address, such as http://127.0.0.1:11434/v1")
        return url.rstrip("/")


def make(settings: Settings, surroundings: Surroundings) -> Chat:
    """The adapter, as ``config.toml`` selects it. Connects to nothing."""
    return Chat(settings, surroundings)


class Chat:
    """An Editor that asks a language model."""

    def __init__(
        self, settings: Settings, surroundings: Surroundings, *, pause: Callable[[float], None] = time.sleep,
        net: Net | None = None, monotonic: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self.settings, self._data, self._pause = settings, surroundings.data, pause
        self.duty = Duty(surroundings.name, settings, surroundings.ledger, surroundings.zone, monotonic=monotonic)
        self._tools = Tools(settings.tools, surroundings.place, net or Net())
        self._pages = _pages(surroundings.templates / "prompts")
        self._trust = Trust()

    def state(self) -> Mapping[str, object]:
        """How it is: at work, switched off, spent for today or resting; what today took, and the last error."""
        return {"model": self.settings.model, **self.duty.state()}

    def decide(self, candidates: Sequence[tuple[Story, Verdict]]) -> Sequence[Ruling]:
        """Rule on the candidates in their order, with one question for every forty. Raises EditorError."""
        rulings: list[Ruling] = []
        for start in range(0, len(candidates), BATCH):
            rulings += self._decide(candidates[start : start + BATCH])
        return rulings

    def describe(self, story: Story, brief: Brief) -> Prompt:
        """Direct the picture of a story, with one question. Raises EditorError; Declined where it must not be shown."""
        if brief.verdict.veto:
            raise Declined(f"the gate: {brief.verdict.why}")
        if order := orders(story.title):
            raise Declined(f"the headline speaks to a machine: {order}")
        if doubt := doubts(story.title):
            raise EditorError(
                f"the headline may speak to a machine, and is not shown to {self.settings.model}: {doubt}"
            )
        seed = int(story.id[:8], 16)
        cast = _cast(self._data / "subjects", brief, seed)
        looks, known = self._tools.looks(story, brief, self._page), (*brief.recent_scenes, *brief.fortnight)
        direction = self._ask(
            "describe", {"tools": self._tools.offered, "item": _item(story),
                         "appears": cast.strangers.removeprefix("a ") if cast.subject else None,
                         "two": bool(cast.company),
                         "recent": brief.recent_scenes[:_RECENT], "family": brief.family,
                         "floor": brief.verdict.mood if brief.verdict.gravity > GRAVE else None,
                         "alt_language": alt.named(alt.wanted(story))},
            looks.form, temperature=self.settings.temperature, further=looks.further, note=brief.note,
            faults=lambda told: () if looks.wanted(told) else _direction_faults(told, story, looks.wary(cast), known),
        )  # fmt: skip
        if doubt := self._trust.doubt(direction):
            raise EditorError(f"{self.settings.model} is not believed: {doubt}")
        if _lowered(direction):
            raise Declined(self._why(direction.kind, direction.essence))
        return self._prompt(direction, story, brief, looks.wary(cast))

    def critique(self, picture: Picture, prompt: Prompt, note: Callable[[Note], None] = unnoted) -> Critique:
        """Look at a picture, with one question, and rule by what was seen. Raises EditorError."""
        known = _known(self._data / "subjects")
        told = critic.asked(prompt, {name: known.get(name, ("", "person"))[1] for name in prompt.subjects})
        looks = self._ask(
            "critique", told, critic.Looks, faults=critic.faults, temperature=0.0, picture=critic.shown(picture),
            asking=lambda: note(Note("critic", "was asked", f"{self.settings.model}: is this {told['scene']}?")),
        )  # fmt: skip
        return critic.critique_of(looks, [*known, *(token for token, _ in known.values() if token)])

    def caption(self, picture: Picture, noun: str) -> str:
        """Look at a photo of a subject, with one question, and say what it shows. Raises EditorError."""
        seen = self._ask(
            "caption", {"noun": noun}, captioning.Glimpse, faults=captioning.faults, temperature=0.2,
            picture=critic.shown(picture),
        )  # fmt: skip
        return captioning.caption(seen, noun)

    def _decide(self, candidates: Sequence[tuple[Story, Verdict]]) -> list[Ruling]:
        honest = [story for story, _ in candidates if not doubts(story.title)]
        items = [_item(story, _GLANCE_CHARS) for story in honest]
        said: dict[str, Word] = {}
        if items:
            known = {item["id"] for item in items}
            answer = self._ask(
                "decide", {"items": items}, Rulings, faults=lambda told: _ruling_faults(told, known), temperature=0.2
            )  # fmt: skip
            said = {word.id: word for word in reversed(answer.rulings) if word.id in known}
        rulings = [self._ruling(story, said.get(_short(story))) for story, _ in candidates]
        shown = {story.id for story in honest}
        kept = sum(ruling.keep for ruling in rulings if ruling.story in shown)
        if len(honest) >= ALL_REFUSED and kept * ALL_REFUSED < len(honest):
            raise EditorError(f"{self.settings.model} kept {kept} of {len(honest)} stories: its word is not taken")
        return rulings

    def _ruling(self, story: Story, word: Word | None) -> Ruling:
        if order := orders(story.title):
            return Ruling(story.id, keep=False, why=f"the headline speaks to a machine: {order}")
        if word is None:
            doubt = doubts(story.title)
            silent = f"may speak to a machine ({doubt})" if doubt else f"{self.settings.model} said nothing"
            return Ruling(story.id, keep=True, why=f"{silent}: the gate's word stands")
        return Ruling(story.id, keep=not _lowered(word), why=self._why(word.kind, word.essence))

    def _prompt(self, direction: Direction, story: Story, brief: Brief, cast: Cast) -> Prompt:
        verdict, scene = brief.verdict, tidy(direction.scene)
        mood = darkest(direction.mood, verdict.mood) if verdict.gravity > GRAVE else direction.mood
        # a model that finds the story darker than the gate did lowers it: then it is not the place for a friend
        subject = None if mood in DARK else cast.subject
        shown = alt.alt_text(direction.alt, scene, story, cast, subject=subject)
        for note in _changes(direction, mood, cast, subject, shown):
            brief.note(note)
        scene = scene.replace(MARK, cast.figure if subject else cast.strangers)
        return Prompt(
            scene=scene, words=scene, mood=mood, topic=verdict.topics[0] if verdict.topics else "news",
            seed=int(story.id[:8], 16), style=brief.style, avoid=sober(direction.avoid, story, cast), subject=subject,
            alt=shown.text, alt_language=shown.language, company=cast.company if subject else (),
            why=self._why(direction.essence, direction.idea, cast.figure if subject and cast.company else ""),
        )  # fmt: skip

    def _ask(
        self, page: str, values: Mapping[str, Any], answer: type[A], *, faults: Callable[[A], Sequence[str]],
        temperature: float, further: Callable[[A], str] = lambda _: "", note: Callable[[Note], None] = unnoted,
        picture: str = "", asking: Callable[[], None] = lambda: None,
    ) -> A:  # fmt: skip
        return self._ladder.ask(
            Question(
                system=self._page(f"{page}.system", {"mark": MARK, **{name: values.get(name, "") for name in _FIXED}}),
                user=self._page(page, {"mark": MARK, **values}),
                answer=answer, faults=faults, repair=lambda wrong: self._page("repair", {"faults": wrong}),
                temperature=temperature, further=further, name=f"{page}.system", note=note, picture=picture,
                asking=asking,
            )
        )  # fmt: skip

    @cached_property
    def _ladder(self) -> Ladder:
        """Made at first use, so that a key that is not there yet stops a story and not the service."""
        told = self.settings
        return Ladder(
            Access(
                base_url=told.base_url, model=told.model, key=key_in(told.api_key_env), key_name=told.api_key_env,
                timeout_seconds=told.timeout_seconds, max_tokens=told.max_tokens,
                reasoning_effort=told.reasoning_effort,
            ),
            self.duty, self._pause,
        )  # fmt: skip

    def _page(self, name: str, values: Mapping[str, Any]) -> str:
        """A prompt from ``templates/prompts``, which the owner may have edited."""
        try:
            return self._pages.get_template(f"{name}.j2").render(values).strip()
        except TemplateSyntaxError as error:
            raise EditorError(f"prompts/{name}.j2, line {error.lineno}: {error.message}") from error
        except (TemplateError, OSError, TypeError, ValueError) as error:
            raise EditorError(f"prompts/{name}.j2 cannot be used: {error}") from error

    def _why(self, *parts: str) -> str:
        said = "; ".join(filter(None, (quoted(part, _WHY_CHARS).strip(" .") for part in parts)))
        return f"{said} ({self.settings.model})" if said else self.settings.model


def _pages(folder: Path) -> Environment:
    return ImmutableSandboxedEnvironment(
        loader=FileSystemLoader(folder), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        autoescape=False,  # prompts are plain text; what goes in is quoted before
    )  # fmt: skip


def _short(story: Story) -> str:
    """What a story is called in a conversation: nothing that a headline could guess of another."""
    return story.id[:8]


def _item(story: Story, summary_chars: int = _SUMMARY_CHARS) -> dict[str, str]:
    summary = story.summary[: 2 * summary_chars]
    summary = "" if doubts(summary) else quoted(summary, summary_chars)
    return {"id": _short(story), "headline": quoted(story.title), "summary": summary}


def _lowered(answer: Word | Direction) -> bool:
    return not answer.keep or answer.kind != "news"


def _ruling_faults(answer: Rulings, known: Collection[str]) -> list[str]:
    return [] if any(word.id in known for word in answer.rulings) else ["none of the ids is one of the items'"]


def _direction_faults(answer: Direction, story: Story, cast: Cast, recent: Sequence[str]) -> Sequence[str]:
    return () if _lowered(answer) else scene_faults(tidy(answer.scene), story, cast, recent)


def _cast(folder: Path, brief: Brief, seed: int) -> Cast:
    """Who appears: one of the subjects allowed or two, the same for a story each time; nobody in a dark one."""
    known = _known(folder)
    unwelcome = {*known, *brief.subjects, *(token for token, _ in known.values() if token)}
    allowed = brief.verdict.subject_allowed and brief.verdict.mood not in DARK
    name, *beside = in_turn(brief.subjects, seed, brief.at_once) if allowed and brief.subjects else (None,)
    kind, *kinds = (known.get(each or "", ("", "person"))[1] for each in (name, *beside))
    return Cast(name, kind, tuple(sorted(unwelcome)), tuple(beside), tuple(kinds))


def _known(folder: Path) -> dict[str, tuple[str, str]]:
    """Everybody known here by name, with token and class noun."""
    return {path.parent.name: _subject(path) for path in sorted(folder.glob("*/subject.toml"))}


def _subject(path: Path) -> tuple[str, str]:
    """A subject's token and class noun; no token, and a person, where its file says nothing that can be used."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return "", "person"
    return str(table.get("token", "")), str(table.get("class_noun") or "person")


def _changes(
    said: Direction, mood: Mood, cast: Cast, subject: str | None, shown: alt.Alt
) -> Iterator[Note]:  # fmt: skip
    """What our rules made of the model's direction."""
    if mood is not said.mood:
        yield Note("gate", "darkened the mood", f"{said.mood} became {mood}: the gate finds the story grave")
    if cast.subject and not subject:
        yield Note("gate", "left the subject out", f"the mood is {mood}: nobody of this home appears in such a picture")
    if shown.fault:
        yield Note("editor", "replaced the alt text", f"{shown.fault}; the scene's first sentence stands for it")
