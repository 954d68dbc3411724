"""The composer: a plate and its picture become a slide, as one HTML fragment or as the pixels of a file.

The fragment and ``slide.css`` are the same for the live page and for pushed stills. Lines are broken and fitted here
and arrive as spans, so that a browser and the engine cannot disagree about them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from service.errors import ComposeError
from service.model import Plate
from service.profiles import Profile

from .finish import Mark, encode, mark, source_type, watermarked
from .fonts import Face
from .ink import as_seen, inked
from .layout import Layout
from .press import PICTURE, Press, encoded
from .setting import Job, Setting, set_slide

if TYPE_CHECKING:
    from jinja2.sandbox import ImmutableSandboxedEnvironment

GROUND = re.compile(r"\{#-?\s*layout:\s*([a-z]+)")


@dataclass(frozen=True)
class Fragment:
    """A slide as HTML. ``html`` is one ``.slide`` element with its CSS variables inline; it needs ``slide.css``."""

    html: str
    width_px: int
    height_px: int
    language: str
    direction: str
    background: str  #: what to paint behind and around it, #rrggbb


@dataclass(frozen=True, slots=True)
class Asked:
    """How a slide is wanted."""

    template: str
    now: datetime  #: aware, in the owner's time zone
    picture_src: str = PICTURE
    clock: str | None = None


def templates(folder: Path) -> tuple[str, ...]:
    """The names of the slide templates in a folder; names beginning with "_" are parts of others."""
    names = (path.name.removesuffix(".html.j2") for path in folder.glob("*.html.j2"))
    return tuple(sorted(name for name in names if not name.startswith("_")))


class Composer:
    """Sets slides with the templates of a folder. Safe to use from several threads; fonts are read when needed.

    ``watermark``: a slide with a picture carries an invisible mark, unless it is in the few colours of e-ink.
    """

    def __init__(self, templates: Path, *, watermark: bool = False) -> None:
        self._watermark = watermark
        self._folder = templates / "slides" if (templates / "slides").is_dir() else templates

    @cached_property
    def css(self) -> str:
        """The style sheet that every fragment needs."""
        return (self._folder / "slide.css").read_text("utf-8")

    @cached_property
    def _press(self) -> Press:
        return Press(self.css)

    @cached_property
    def _pages(self) -> ImmutableSandboxedEnvironment:
        from jinja2 import FileSystemLoader, StrictUndefined
        from jinja2.sandbox import ImmutableSandboxedEnvironment

        return ImmutableSandboxedEnvironment(
            loader=FileSystemLoader(self._folder), autoescape=True, undefined=StrictUndefined, trim_blocks=True
        )

    def fragment(
        self,
        plate: Plate,
        picture: Image.Image | None,
        profile: Profile,
        *,
        template: str = "headline",
        now: datetime,
        picture_src: str,
        clock: str | None = None,
    ) -> Fragment:
        """The slide as HTML for a live page, whose picture is at ``picture_src``. Raises ComposeError."""
        asked = Asked(template, now, picture_src, clock)
        return self.set(plate, picture, profile, asked)[1]

    def compose(
        self,
        plate: Plate,
        picture: Image.Image | None,
        profile: Profile,
        *,
        template: str = "headline",
        now: datetime,
        suffix: str = ".jpg",
    ) -> bytes:
        """The slide as a file: ".jpg", ".png" or ".bmp". Raises ComposeError.

        For an e-ink panel PNG and BMP name its inks by their pure colours; the JPEG shows what they look like.
        """
        setting, page = self.set(plate, picture, profile, Asked(template, now))
        image = self.printed(setting, page)
        text, kind = setting.words, source_type(setting.picture)
        if self._watermark and setting.picture and not profile.eink:
            image = watermarked(image, plate, kind, setting.places.picture.pixels())
        if profile.eink:
            image = inked(image, setting.places.picture.pixels() if setting.picture else None, profile.panel)
            image = as_seen(image, profile.panel) if suffix == ".jpg" else image
        return mark(encode(image, suffix), Mark(kind, text.title, text.title, plate.story.link, text.language))

    def printed(self, setting: Setting, page: Fragment) -> Image.Image:
        """The pixels of a slide, before any e-ink palette."""
        picture = encoded(setting.picture) if setting.picture else None
        return self._press.print(page.html, (page.width_px, page.height_px), setting.faces, picture)

    def pressed(self, page: Fragment, faces: Sequence[Face]) -> Image.Image:
        """The pixels of a page that is no slide and has no picture. Raises ComposeError."""
        return self._press.print(page.html, (page.width_px, page.height_px), faces, None)

    def set(
        self,
        plate: Plate,
        picture: Image.Image | None,
        profile: Profile,
        asked: Asked,
    ) -> tuple[Setting, Fragment]:
        """Decide everything about a slide, and write it down. Raises ComposeError."""
        job = Job(
            plate, None if plate.text_only else picture, profile, self._ground(asked.template), asked.now, asked.clock
        )
        setting = set_slide(job, self._press.measure)
        try:
            page = self._pages.get_template(
                "card.html.j2" if setting.layout is Layout.CARD else f"{asked.template}.html.j2"
            )
            html = page.render(slide=setting.context(asked.picture_src)).strip()
        except Exception as failed:  # a template is the owner's own code: whatever it does wrong, say which one it was
            raise ComposeError(f"the slide template {asked.template!r} failed: {failed}") from failed
        text = setting.words
        size = profile.width_px, profile.height_px
        return setting, Fragment(html, *size, text.language, text.direction, setting.tones.paper)

    def _ground(self, template: str) -> Layout:
        if template not in templates(self._folder):
            there = ", ".join(templates(self._folder))
            raise ComposeError(f"there is no slide template {template!r}; there are {there}")
        named = GROUND.search((self._folder / f"{template}.html.j2").read_text("utf-8"))
        try:
            return Layout(named[1]) if named else Layout.HEADLINE
        except ValueError as unknown:
            raise ComposeError(f"template {template!r} stands on an unknown layout; see docs/templates.md") from unknown
