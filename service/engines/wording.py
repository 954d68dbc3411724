"""A prompt as an engine's model is told it: in the form its family reads, and nothing that must stay at home.

The families: ``tags`` (Stable Diffusion 1.5 and XL: 75 tokens of CLIP), ``prose`` (Qwen-Image, Z-Image, SD 3), ``flux``
(prose, and no negatives), ``labelled`` (gpt-image). Each is a template in ``templates/prompts``, ``family-*.j2``.
"""

from __future__ import annotations

import contextlib
import re
import tomllib
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from jinja2 import FileSystemLoader, StrictUndefined, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from ..errors import EngineError
from ..model import Prompt
from ..styles import Style, style
from ..subjects import renamed

Family = Literal["tags", "prose", "flux", "labelled"]

LONGEST = 3000  #: characters; a longer text is cut at a word. Servers refuse more than 4,000 to 32,000
CLIP_TOKENS = 75  #: that CLIP's text encoder reads, beside the two that mark beginning and end
NO_NEGATIVES = ("flux", "labelled")  #: these would paint what they are told to leave out, or have no place to say it
#: what a model's name or its pipeline's says of its family; the first that is found counts
_SIGNS: tuple[tuple[str, Family], ...] = (
    (r"flux|klein|schnell", "flux"),
    (r"gpt-image|chatgpt-image|dall-?e", "labelled"),
    (r"stable-?diffusion-?3|\bsd-?3|qwen|z-?image|pixart|hunyuan|lumina|sana|cogview|imagen|seedream", "prose"),
    (r"stable-?diffusion|\bsd-?(?:1|2|xl|v1|turbo)|sdxl|dreamshaper|realistic-?vision|lcm|juggernaut|pony", "tags"),
)
_TOKEN = re.compile(r"\w+|[^\w\s]")
_AS_TALL_AS, _JOINT = re.compile(r"\bas \w+ as an?\b"), "\N{WORD JOINER}"  # one phrase
_PHRASE_END = re.compile(
    r"\s*[.;:,]+\s+(?:(?:and|while|as)\s+)?|\s+(?:while|as|beside|beneath|under|above|behind|with)\s+(?=(?:an?|the|two|three)\b)"
)


@dataclass(frozen=True, slots=True)
class Said:
    """What a model is told."""

    words: str
    avoid: str  #: a negative prompt; "" where the family has none


def family_of(*names: str, otherwise: Family = "prose") -> Family:
    """The family that a model's or a pipeline's name speaks of."""
    for name in names:
        for sign, family in _SIGNS:
            if re.search(sign, name, re.IGNORECASE):
                return family
    return otherwise


class Wording:
    """Words prompts for one engine."""

    def __init__(self, templates: Path, subjects: Path, own_style: str = "") -> None:
        """``own_style``: words that the engine's table has for how pictures should look; "": the prompt's style."""
        self._templates, self._subjects, self._own = templates, subjects, own_style

    @property
    def told(self) -> dict[str, str]:
        """What a recipe says of the engine's own style, which takes the place of the prompt's."""
        return {"style": self._own} if self._own else {}

    def said(
        self,
        prompt: Prompt,
        family: Family,
        count: Callable[[str], int] | None = None,
        *,
        learned: Collection[str] = (),
    ) -> Said:
        """The prompt for a family, without anybody's name. Raises EngineError where a template of the owner's fails.

        ``count`` tells how many of CLIP's tokens a text has; None: nobody knows here, and tags are left whole.
        ``learned``: the subjects whose weights the engine wears; it is told the word that stands for each.
        """
        if not prompt.style:  # somebody else's words, told as they are
            return Said(self.scene(prompt), "" if family in NO_NEGATIVES else ", ".join(prompt.avoid))
        look = self._style(prompt)
        avoid = tuple(dict.fromkeys((*prompt.avoid, *look.avoid)))
        scene = self.scene(prompt, learned=learned).rstrip(".")
        try:
            page = self._pages.get_template(f"family-{family}.j2")
            text = page.render(
                scene=scene, phrases=phrases(scene), mood=prompt.mood.value, topic=prompt.topic, style=look, avoid=avoid
            )
        except TemplateError as error:
            raise EngineError(f"templates/prompts/family-{family}.j2: {error}") from error
        lines = [" ".join(line.split()) for line in text.splitlines() if line.strip()]
        if family == "tags":
            return Said(within(lines, count or (lambda _: 0)), ", ".join(avoid))
        joined = ("\n" if family == "labelled" else " ").join(lines)
        return Said(_cut(joined), "" if family in NO_NEGATIVES else ", ".join(avoid))

    def scene(self, prompt: Prompt, *, learned: Collection[str] = ()) -> str:
        """The scene without anybody's name: an engine that has not learned it would paint any such person.

        The subject's card, ``<subjects>/<name>/subject.toml``, says what to call it: a corgi, a man; where it was
        ``learned``, "a sks corgi".
        """
        words = " ".join((prompt.words or prompt.scene).split())
        called = {name: _called(self._subjects, name, learned=name in learned) for name in prompt.subjects}
        return _cut(renamed(words, called))

    def _style(self, prompt: Prompt) -> Style:
        return Style("own", self._own, self._own) if self._own else style(self._templates / "styles", prompt.style)

    @cached_property
    def _pages(self) -> ImmutableSandboxedEnvironment:
        pages = ImmutableSandboxedEnvironment(
            loader=FileSystemLoader(self._templates / "prompts"), undefined=StrictUndefined,
            trim_blocks=True, lstrip_blocks=True,
        )  # fmt: skip
        pages.filters["capitalized"] = lambda text: text[:1].upper() + text[1:]
        return pages


def phrases(scene: str) -> list[str]:
    """A scene's phrases in its own order: a tag each."""
    whole = _AS_TALL_AS.sub(lambda found: found[0].replace(" ", _JOINT), scene)
    return [part.replace(_JOINT, " ") for part in map(str.strip, _PHRASE_END.split(whole)) if part]


def within(tags: Sequence[str], count: Callable[[str], int], limit: int = CLIP_TOKENS) -> str:
    """As many tags as the encoder reads, joined; never none. ``count`` tells how many tokens a text has."""
    parts = [part for tag in tags for part in re.split(r",\s+", tag)]
    while len(parts) > 1 and count(", ".join(parts)) > limit:
        parts.pop()
    return ", ".join(parts)


def clip_tokens(text: str) -> int:
    """About how many tokens CLIP makes of a text, rather too many: a long word is several."""
    return sum(1 + (len(token) - 1) // 9 for token in _TOKEN.findall(text))


def _called(subjects: Path, name: str, *, learned: bool) -> str:
    noun = "person"
    if re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,39}", name):
        with contextlib.suppress(OSError, ValueError, KeyError):
            card = tomllib.loads((subjects / name / "subject.toml").read_text(encoding="utf-8"))
            noun, token = str(card["class_noun"]), str(card.get("token", ""))
            if learned and token:
                return f"a {token} {noun}"  # as the captions say that it was learned with
    return f"{'an' if noun[:1].lower() in 'aeiou' else 'a'} {noun}"


def _cut(words: str) -> str:
    return words if len(words) <= LONGEST else words[:LONGEST].rsplit(" ", 1)[0]
