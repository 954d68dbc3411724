"""What a picture feed says of plates: values, whatever the format."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

from markupsafe import Markup
from PIL import Image

from service.addresses import OWN_TAG
from service.model import Plate

from . import wording
from .seam import Still

FIRST = datetime(2026, 1, 1, tzinfo=UTC)  #: a feed without entries was never changed


@dataclass(frozen=True, slots=True)
class Enclosure:
    """A file that belongs to an entry."""

    address: str
    media_type: str
    length: int  #: bytes
    width_px: int
    height_px: int
    title: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A plate in a feed."""

    id: str
    title: str
    language: str
    link: str  #: the publisher's article, or ""
    page: str  #: our page of the plate
    summary: str
    html: str
    published: datetime
    enclosures: Sequence[Enclosure]  #: the slide, then the bare picture if there is one
    alt: str
    tags: Sequence[str]


@dataclass(frozen=True, slots=True)
class Collection:
    """A feed: a channel's, or that of its pictures of the day."""

    id: str
    title: str
    subtitle: str
    home: str  #: this service as the asker knows it, "http://192.168.1.5:8080"
    address: str  #: of the feed itself
    entries: Sequence[Entry]

    @property
    def updated(self) -> datetime:
        return max((entry.published for entry in self.entries), default=FIRST)


def enclosure(still: Still, path: str, title: str) -> Enclosure:
    """A picture file as an enclosure; its size in px is read from its head."""
    width, height = Image.open(io.BytesIO(still.data)).size
    return Enclosure(path, still.media_type, len(still.data), width, height, title)


def entry(plate: Plate, files: Sequence[Enclosure], home: str, day: date | None = None) -> Entry:
    """A plate as an entry. ``files``: the slide, then the bare picture if there is one, by their paths at ``home``;
    ``day``: whose picture it is.
    """
    name = f"daily/{day}" if day else f"sample/{-plate.id}" if plate.sample else plate.story.id[:32]
    enclosures = [replace(file, address=home + file.address) for file in files]
    alt = plate.prompt.alt if plate.prompt and len(files) > 1 else ""
    page = f"{home}/plates/{plate.id}"
    return Entry(
        id=f"{OWN_TAG}{plate.channel}/{name}", title=("Sample: " if plate.sample else "") + plate.story.title,
        language=plate.story.language, link=wording.web_address(plate.story.link), page=page,
        summary=alt or plate.story.source, html=_html(plate, enclosures, page), published=plate.chosen_at or FIRST,
        enclosures=enclosures, alt=alt, tags=_tags(plate),
    )  # fmt: skip


def _tags(plate: Plate) -> list[str]:
    found = [*plate.verdict.topics, plate.verdict.mood.value, *(["sample"] if plate.sample else [])]
    return list(dict.fromkeys(found))


def _html(plate: Plate, files: Sequence[Enclosure], page: str) -> str:
    """The picture with its description, whose headline it is, and why it is so."""
    link, source = wording.web_address(plate.story.link), plate.story.source
    named = Markup('<a href="{}">{}</a>').format(link, source) if link else source
    lines = [Markup("The headline: {}").format(named), *why(plate)]
    lines.append(Markup('<a href="{}">All about this picture</a>').format(page))
    said = Markup("\n").join(Markup('<p lang="en">{}</p>').format(line) for line in lines)
    return str(_figure(plate, files) + Markup("\n") + said)


def _figure(plate: Plate, files: Sequence[Enclosure]) -> Markup:
    """The bare picture; where there is none, the slide, which shows the headline."""
    painted, shown, prompt, story = len(files) > 1, files[-1], plate.prompt, plate.story
    alt, language = (prompt.alt, prompt.alt_language) if painted and prompt else (story.title, story.language)
    caption = Markup('<figcaption lang="en">An AI picture</figcaption>') if painted else ""
    return Markup('<figure><img src="{}" width="{}" height="{}" alt="{}" lang="{}">{}</figure>').format(
        shown.address, shown.width_px, shown.height_px, alt, language, caption
    )


def why(plate: Plate) -> Iterable[str]:
    """Why this picture, and why this story, in a sentence each."""
    if plate.sample:
        yield "An invented headline of the sample edition, which hangs until the first story comes."
        return
    if plate.prompt and plate.prompt.why:
        yield f"Why this picture: {plate.prompt.why}"
    if plate.verdict.why:
        yield f"What the gate found: {plate.verdict.why}"
