"""A plain loop with a counter: the model names one thing, is shown it, and is asked again.

It names it in a field of its answer, from a list of words: it can say neither an address nor a place, so whatever a
headline or an article talks it into, the most that happens is one look at the story's own page.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Annotated, Any, Literal, cast

from pydantic import BeforeValidator, Field, create_model, model_validator

from service.errors import SourceError
from service.model import Mood, Story
from service.net import Net
from service.protocols import Brief, Note
from service.surroundings import Place
from service.text import shortened

from ..answers import Answer, Direction
from ..likeness import nearest
from ..quoting import quoted
from ..scenery import Cast
from .articles import Articles
from .weather import CREDIT, Weather

Tool = Literal["article", "lately", "weather"]
NOTHING = "nothing"  #: what an answer asks to see as a rule; some servers take no empty word in a schema
MAX_LOOKS = 3  #: a story
LINES = 40  #: scenes of the last days in one look
_LINE_CHARS = 160
_NOTED_CHARS = 500  #: of an article that stay in the transcript: enough to know it by, and no copy of it
_DID = {"article": "read the article", "lately": "looked at the last two weeks", "weather": "asked for the weather"}
Page = Callable[[str, Mapping[str, Any]], str]  #: (name of a prompt's template, values) -> the prompt


class Tools:
    """What one editor may look at. Connects to nothing until it does."""

    def __init__(self, names: Sequence[Tool], place: Place | None, net: Net) -> None:
        known = dict.fromkeys(names)
        self.offered: tuple[str, ...] = tuple(name for name in known if name != "weather" or place)
        self.articles = Articles(net)
        self.weather = Weather(net, place) if place else None

    def looks(self, story: Story, brief: Brief, page: Page) -> Looks:
        """The looks that one story has."""
        return Looks(self, story, brief, page)


@dataclass(frozen=True, slots=True)
class _Sight:
    """What a look brought: for the model, and for whoever reads the transcript."""

    found: str
    note: str


class Looks:
    """One story's looks: each thing once, and a bound on all together."""

    def __init__(self, tools: Tools, story: Story, brief: Brief, page: Page) -> None:
        self._tools, self._story, self._brief, self._page = tools, story, brief, page
        self._left: list[str] = [*tools.offered][:MAX_LOOKS]
        self._names: tuple[str, ...] = ()

    @property
    def form(self) -> type[Direction]:
        """What the model answers; without tools nothing is added to it."""
        return _looking(self._tools.offered) if self._tools.offered else Direction

    def wanted(self, told: Direction) -> str:
        """What the answer asks to be shown and may be; "" where it is a direction. Who declines sees nothing more."""
        name: str = getattr(told, "look", "")
        return name if name in self._left and told.keep and told.kind == "news" else ""

    def further(self, told: Direction) -> str:
        """Look, and say to the model what was seen; "" where the answer stands as it is."""
        name = self.wanted(told)
        if not name:
            return ""
        self._left.remove(name)
        try:
            sight = self._look(name, told)
        except SourceError as error:
            sight = _Sight("", f"nothing: {error}")
        self._brief.note(Note("tool", _DID[name], sight.note))
        return self._page("look", {"name": name, "found": sight.found, "left": tuple(self._left)})

    def wary(self, cast: Cast) -> Cast:
        """The cast, with the names that were read on the way among those that no scene may hold."""
        return replace(cast, unwelcome=(*cast.unwelcome, *self._names))

    def _look(self, name: str, told: Direction) -> _Sight:
        if name == "article":
            return self._article()
        return self._weather() if name == "weather" else self._lately(told)

    def _article(self) -> _Sight:
        article = self._tools.articles.read(self._story, self._brief.now)
        self._names = article.names
        dropped = f"; {article.dropped} paragraphs left out: they spoke to a machine" if article.dropped else ""
        beginning = shortened(" ".join(article.text.split()), _NOTED_CHARS)
        return _Sight(article.text, f"{beginning}\n({len(article.text)} characters{dropped})")

    def _lately(self, told: Direction) -> _Sight:
        """The scenes nearest to the story and to what the model has in mind, so that forty lines are the right ones."""
        mind = f"{self._story.title} {told.essence} {told.idea} {told.scene}"
        scenes = nearest(mind, self._brief.fortnight, LINES)
        if not scenes:
            raise SourceError("no picture hung here in the last two weeks")
        lines = "\n".join(f"- {quoted(scene, _LINE_CHARS)}" for scene in scenes)
        return _Sight(lines, lines)

    def _weather(self) -> _Sight:
        assert self._tools.weather is not None  # it was offered
        said = self._tools.weather.today(self._brief.now)
        why_not = self._tools.weather.why_not
        return _Sight(said, f"{said}\n({why_not or CREDIT})")


class _Wish(Answer):
    """An answer that may be a wish to see something; then the rest of it may be missing."""

    look: str = NOTHING

    @model_validator(mode="before")
    @classmethod
    def _unfinished(cls, value: Any) -> Any:
        value = value[0] if isinstance(value, list) and len(value) == 1 else value
        if not isinstance(value, Mapping) or _plain(value.get("look")) in ("", NOTHING):
            return value
        mood = _plain(value.get("mood"))
        return {**value, "mood": mood if mood in set(Mood) else Mood.CALM, "scene": value.get("scene") or ""}


@lru_cache(maxsize=8)
def _looking(offered: tuple[str, ...]) -> type[Direction]:
    """A direction that begins with the wish to see one of the things offered, or with none."""
    words: Any = Literal[(NOTHING, *offered)]
    known = BeforeValidator(lambda value: _plain(value) if _plain(value) in offered else NOTHING)
    wish: Any = Field(NOTHING, description="one thing to be shown first; then the rest may be empty")
    bases: Any = (Direction, _Wish)  # in this order the wish comes before the direction
    return cast(type[Direction], create_model("Direction", __base__=bases, look=(Annotated[words, known], wish)))


def _plain(value: Any) -> str:
    return value.strip().strip(".").lower() if isinstance(value, str) else ""
