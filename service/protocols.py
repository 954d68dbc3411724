"""The seams: where an adapter may be swapped. The whole architecture on one page.

An adapter is one file in ``sources/``, ``editors/``, ``engines/`` or ``displays/`` with a frozen pydantic
``Settings`` (what its table in ``config.toml`` may say), a class, and ``make(settings, surroundings)``.
The file's name is the ``kind`` that selects it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol, runtime_checkable

from .model import Picture, Plate, Prompt, Story, Verdict

Progress = Callable[[float], None]  #: told the done share, 0 … 1; what it raises stops the painting and comes out


@dataclass(frozen=True, slots=True)
class Note:
    """A line of a plate's transcript: one step on the way to its picture, for whoever asks why."""

    who: str  #: "editor", "model", "tool", "critic", "engine", or "gate"
    what: str  #: in a few words: "was asked", "answered", "read the article"
    text: str  #: the whole of it


def unnoted(_note: Note) -> None:
    """Where nobody keeps a transcript."""


@dataclass(frozen=True, slots=True)
class Bookmark:
    """Where a source was left: what its server gave us to hand back. Opaque; kept only after a good parse."""

    etag: str | None = None
    last_modified: str | None = None
    body_sha256: str | None = None  #: an equal body holds nothing new, whatever the validators say
    stay_away: float | None = None  #: seconds the document itself asks for (ttl): that holds while it is not modified


@dataclass(frozen=True, slots=True)
class Fetched:
    """What one visit to a source brought."""

    stories: tuple[Story, ...] = ()
    bookmark: Bookmark = Bookmark()
    title: str = ""  #: the feed's own title, for people
    not_modified: bool = False
    check_after: float | None = None  #: seconds the server asks us to stay away (ttl, Cache-Control), if it did
    moved_to: str | None = None  #: the address of a permanent redirect, if there was one
    dropped: int = 0  #: items that could not be used


@dataclass(frozen=True, slots=True)
class Ruling:
    """An editor's word on one candidate: kept or not, and why. It can lower the gate's verdict, never raise it."""

    story: str  #: the story's id
    keep: bool
    why: str


@dataclass(frozen=True, slots=True)
class Brief:
    """What an editor is told beside the story itself."""

    verdict: Verdict
    style: str  #: how the picture will look; a file of ``templates/styles``
    now: datetime  #: aware, in the owner's time zone
    recent_scenes: Sequence[str] = ()  #: scenes of the last 48 h on this channel, newest first
    subjects: Sequence[str] = ()  #: who may appear in *this* story; empty where the gate says nobody
    fortnight: Sequence[str] = ()  #: scenes of the last 14 days on this channel, newest first
    family: str = "papercut"  #: what kind of model will paint it: "tags", "prose", "flux", "labelled"
    at_once: int = 1  #: so many of the subjects are in one picture, at most
    note: Callable[[Note], None] = unnoted  #: keeps the plate's transcript


@dataclass(frozen=True, slots=True)
class Check:
    """One thing a critic looked for: what it saw comes before whether that is well."""

    id: str
    seen: str
    ok: bool


@dataclass(frozen=True, slots=True)
class Critique:
    """What a critic says of a picture."""

    verdict: Literal["accept", "retry", "reject"]
    why: str  #: the worst defect, in words; "" where there is none
    fix: str = ""  #: what to change in the scene
    checks: tuple[Check, ...] = ()


class Source(Protocol):
    """A place stories come from."""

    def fetch(self, bookmark: Bookmark) -> Fetched:
        """Visit once. Raises SourceError."""


class Editor(Protocol):
    """Decides what is worth showing and how it should look."""

    def decide(self, candidates: Sequence[tuple[Story, Verdict]]) -> Sequence[Ruling]:
        """Rule on up to 40 candidates, in their order. Raises EditorError."""

    def describe(self, story: Story, brief: Brief) -> Prompt:
        """Direct the picture of a story. Raises EditorError; Declined where it must not be illustrated."""


@runtime_checkable
class Critic(Protocol):
    """An editor that can look at pictures. Optional."""

    def critique(self, picture: Picture, prompt: Prompt, note: Callable[[Note], None] = unnoted) -> Critique:
        """Say whether the picture shows what was asked for, and nothing it must not. Raises EditorError.

        Before every request ``note`` is told that the critic "was asked": requests are counted by that, and it raises
        EditorError where there have been enough.
        """


@runtime_checkable
class Captioner(Protocol):
    """An editor that can say what a photo of a subject shows. Optional."""

    def caption(self, picture: Picture, noun: str) -> str:
        """What one ``noun`` does and where it is, with the subject's mark in place. Raises EditorError."""


class Engine(Protocol):
    """Makes pictures. Used from one thread at a time."""

    def render(self, prompt: Prompt, width_px: int, height_px: int, progress: Progress | None = None) -> Picture:
        """Paint. The picture may be larger than asked, near the asked shape. Raises EngineError."""

    def close(self) -> None:
        """Give back what is held. Safe to repeat."""


@runtime_checkable
class Batching(Protocol):
    """An engine that paints several pictures at once faster than one after another. Optional."""

    def expect(self, prompts: Sequence[Prompt], width_px: int, height_px: int) -> None:
        """These will be asked for next, which takes the place of what was expected before; none: the queue is empty."""


@runtime_checkable
class Wording(Protocol):
    """An engine whose model wants its prompts worded in a way of its own. Optional."""

    @property
    def family(self) -> str: ...

    def worded(self, prompt: Prompt) -> str:
        """The prompt as the model is told it. Raises EngineError where a template of the owner's fails."""


@runtime_checkable
class Sending(Protocol):
    """An engine that may send more than words to another machine. Optional."""

    def sends(self) -> str:
        """What it sends and whereto, in a sentence; "" where it sends nothing but words."""


@runtime_checkable
class Referring(Protocol):
    """An engine that can be shown pictures beside the words. Optional."""

    @property
    def references(self) -> int:
        """How many it takes with one picture; 0: none, as it is set up. Raises EngineError."""

    def render_from(
        self, photos: Sequence[bytes], prompt: Prompt, width_px: int, height_px: int, progress: Progress | None = None
    ) -> Picture:
        """Paint as ``render`` does, from 1 … ``references`` pictures: PNG, JPEG or WebP files. Raises EngineError."""


@runtime_checkable
class Portraying(Protocol):
    """An engine that may paint a subject from photos, and says from how many; it may raise EngineError. Optional."""

    def from_photos(self, subject: str) -> int: ...


@runtime_checkable
class Wearing(Protocol):
    """An engine that paints subjects by what was learned of them. Optional."""

    def leaves_out(self, subject: str) -> str:
        """Why a subject that was learned, or has photos, is painted as any of its kind; "". Raises EngineError."""


@runtime_checkable
class Recalling(Protocol):
    """An engine that may paint a subject as its one learned photo, changed by the words. Optional."""

    def lacks_photo(self, subject: str) -> str:
        """Why a subject whose card says that it appears so does not; "". Raises EngineError."""


@dataclass(frozen=True, slots=True)
class Base:
    """What a subject is learned on, and how pictures of it are made. None: as its own kind of model is run."""

    model: str  #: a folder as diffusers writes it, or a hub id
    device: str = ""  #: "": wherever learning finds best
    steps: int | None = None
    guidance: float | None = None


@runtime_checkable
class Teaching(Protocol):
    """An engine that paints what was learned on a model that this machine can learn on. Optional."""

    def base(self) -> Base:
        """Raises EngineError where nothing can be learned for its model, with what to do."""


class Display(Protocol):
    """A screen that must be told what to show. A browser asks by itself and needs none of this."""

    def show(self, plate: Plate) -> None:
        """See that the screen shows the plate, now or as soon as it can; returns at once. Raises DisplayError."""

    def close(self) -> None:
        """Let go of the screen. Safe to repeat."""


@runtime_checkable
class Reporting(Protocol):
    """A display, an editor or an engine that can say how it is. Optional."""

    def state(self) -> Mapping[str, object]:
        """What is known, JSON-safe.

        ``last_error`` (a display's) or ``error`` (an editor's) is a sentence or None; keys that end in ``_at`` are
        moments. An engine has ``model``, ``says`` (why that one), ``now``, what it does in words, and may have
        ``references``, how many pictures it can be shown; while it paints there are ``step`` and ``steps``.
        """


@runtime_checkable
class Fetching(Protocol):
    """A display that fetches from the service by itself, and wants to know that it did. Optional."""

    def fetched(self, query: str) -> None:
        """The display's still was asked for, with this query string; or its live page asked what should hang
        ("via=…", the mark that page was opened with), having on the screen what it says it has ("&v=…", a plate).
        """


@runtime_checkable
class Reached(Protocol):
    """A display that can be reached without showing anything on it. Optional."""

    def reach(self) -> str:
        """Say what is there, in a few words, and change nothing. Raises DisplayError."""


@runtime_checkable
class Calling(Protocol):
    """A display whose own firmware calls in to ask what to show, with a name and a key. Optional."""

    def is_device(self, device: str) -> bool:
        """Whether that is how this device names itself, such as by its MAC address."""

    def key(self) -> str:
        """What the device has to show with each call."""

    def called(self, said: Mapping[str, object], *, query: str, seconds: int, trouble: str | None) -> None:
        """It asked what to show.

        ``said``: what it told of itself, JSON-safe; ``query``: of the still's address that it was given; ``seconds``:
        until it was told to call again; ``trouble``: what is wrong with it, in a sentence.
        """

    def complained(self, complaint: str) -> None:
        """Its log tells of a failure, on one line."""
