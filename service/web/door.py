"""What the endpoints share: the wall, the page templates, and the folders that files are served from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

from fastapi import Depends, HTTPException, Path as PathPart, Request
from jinja2 import FileSystemLoader, StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from service import __version__
from service.cache import Cache
from service.clock import Clock
from service.model import Plate
from service.profiles import PROFILES
from service.studio import Studio

from . import caching, wording
from .ownership import Ownership
from .seam import DisplayInfo, Wall

SHELL = ("static/display.js", "static/display.css", "slides/slide.css", "pages/display.html.j2")


@dataclass(frozen=True, slots=True)
class Door:
    """Everything an endpoint may use. ``fonts`` is a folder of font files, ``fonts_css`` the sheet that names them."""

    wall: Wall
    templates: Path
    fonts: Path | None
    fonts_css: Callable[[], str]
    owners: Ownership
    clock: Clock
    pages: ImmutableSandboxedEnvironment
    studio: Studio | None = None  #: paints to order; None: nobody does
    owner: bool = False  #: whether it is the owner who asks
    strangers: set[str] = field(default_factory=set)  #: devices that called without being in the config, told of once
    measured: Cache = field(default_factory=lambda: Cache(2000))  #: files that picture feeds speak of

    def display(self, name: str) -> DisplayInfo:
        """The display of that name. Raises HTTPException 404."""
        for display in self.wall.displays():
            if display.name == name:
                return display
        raise HTTPException(404, f"There is no display called “{name}”.")

    def plate(self, plate_id: int) -> Plate:
        """The plate of that number. Raises HTTPException 404."""
        try:
            return self.wall.plate(plate_id)
        except LookupError as error:
            raise HTTPException(404, f"There is no plate {plate_id}: it may have been cleared away.") from error

    def page(self, name: str, **values: object) -> str:
        """A page as HTML."""
        template = self.pages.get_template(f"{name}.html.j2")
        return template.render(now=self.clock(), version=__version__, owner=self.owner, **values)

    def shell(self) -> str:
        """A name for the live page's own code: a page on a wall for months reloads itself when it changes."""
        stats = [path.stat() for part in SHELL if (path := self.templates / part).is_file()]
        return caching.digest(__version__, *((s.st_mtime_ns, s.st_size) for s in stats))[:12]


async def the_door(request: Request) -> Door:
    """For FastAPI's ``Depends``: async, so that it costs no thread."""
    door: Door = request.app.state.door
    return replace(door, owner=request.scope.get("owner", False))


Here = Annotated[Door, Depends(the_door)]
PlateId = Annotated[int, PathPart(ge=-(2**63), le=2**63 - 1)]  # what a row's number can be


def picture_src(plate: Plate) -> str:
    """The address of a plate's bare picture, "" where it has none; another picture has another address."""
    if plate.picture is None:
        return ""
    return f"/plates/{plate.id}/picture?v={caching.digest(__version__, plate.picture)[:12]}"


def environment(templates: Path) -> ImmutableSandboxedEnvironment:
    """Jinja2 for the pages: everything is escaped, nothing undefined passes, an edited template is picked up."""
    pages = ImmutableSandboxedEnvironment(
        loader=FileSystemLoader(templates / "pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.filters.update(
        ago=wording.ago,
        label=wording.label,
        say=wording.say,
        segment=lambda text: quote(text, safe=""),
        web_address=wording.web_address,
        number=wording.plate_number,
        recipe=wording.recipe,
        point=wording.point,
        nth=wording.nth,
        after=wording.after,
        span=wording.span,
    )
    pages.globals.update(picture_src=picture_src, SEEN=wording.SEEN, PROFILES=tuple(PROFILES))
    return pages
