"""Sets a slide: from a plate, a picture and a screen to lines, places and colours. Decides; draws nothing."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any

from PIL import Image, ImageOps

from service.model import Plate, Story
from service.profiles import Profile

from . import fonts
from .ages import Kicker, age, kicker
from .card import Card, card
from .colour import PAPER, Tones, css, tones_of
from .fit import Fitted, Room, fit
from .focus import CENTRE, focus
from .languages import direction, language, line_height, script
from .layout import Layout, Places, Sheet, layout_for, place
from .press import Style
from .scrim import ClockInk, Scrim, cap, clock_ink, gradient, solve, tint_of
from .words import graphemes, shortened, tidy

TRACKING = {"latin": -0.018, "cyrillic": -0.012, "greek": -0.012}  #: em; any other script keeps its own
#: Scripts with long words and large letters on the body.
WIDE = {"tamil", "malayalam", "telugu", "kannada", "sinhala", "myanmar", "khmer", "tibetan"}
KICKER_PX = 21  #: at 1024x600
SERIF_LEADING = 0.96  #: Newsreader is smaller on the body than Inter and wants its lines nearer

Measure = Callable[[Sequence[str], Style], list[float]]


@dataclass(frozen=True, slots=True)
class Job:
    """What is asked of the composer."""

    plate: Plate
    picture: Image.Image | None
    profile: Profile
    asked: Layout
    now: datetime
    clock: str | None = None


@dataclass(frozen=True, slots=True)
class Words:
    """A story's text as a slide says it."""

    title: str
    source: str
    language: str
    direction: str


@dataclass(frozen=True, slots=True)
class Setting:
    """A slide set and ready to be written down."""

    words: Words
    headline: Fitted
    kicker: Kicker
    kicker_px: float
    sheet: Sheet
    places: Places
    tones: Tones
    faces: tuple[fonts.Face, ...]
    stacks: str
    picture: Image.Image | None  #: cropped to its box
    card: Card | None = None
    scrim: Scrim | None = None
    clock: str | None = None
    clock_ink: ClockInk | None = None
    qr: str | None = None  #: a data: address
    focus: tuple[float, float] = CENTRE

    @property
    def layout(self) -> Layout:
        return self.sheet.layout

    def context(self, picture_src: str) -> dict[str, Any]:
        """What a template may use, under the name ``slide``; described in docs/templates.md."""
        boxes = {n: box.css() for n in ("picture", "text", "qr", "clock", "panel") if (box := getattr(self.places, n))}
        return {
            "classes": " ".join(self._classes()),
            "language": self.words.language,
            "direction": self.words.direction,
            "style": self._style(),
            "picture": picture_src if self.picture else None,
            "boxes": {"panel": None, "qr": None, **boxes},
            "lines": self.headline.lines,
            "kicker": self.kicker,
            "qr": self.qr,
            "clock": self.clock,
            "scrim": self._scrim(),
            "corner": self._corner(),
            "card": self.card,
        }

    def _classes(self) -> list[str]:
        names = [f"on-{self.layout}", self.words.direction]
        names += ["serif"] * self.sheet.serif + ["eink"] * self.sheet.profile.eink + ["night"] * self.tones.dark
        if self.clock_ink:
            names.append("clock-light" if self.clock_ink.light else "clock-dark")
        return names

    def _style(self) -> str:
        p, head, tones = self.sheet.profile, self.headline, self.tones
        return (
            f"width:{p.width_px}px;height:{p.height_px}px;--u:{p.unit:.4f}px;--fs:{head.size_px:.2f}px;"
            f"--line:{head.size_px * head.line_height:.2f}px;--ls:{head.tracking}em;--ks:{self.kicker_px:.2f}px;"
            f"--paper:{tones.paper};--ink:{tones.ink};--soft:{tones.soft};--accent:{tones.accent};"
            f"--focus:{100 * self.focus[0]:.1f}% {100 * self.focus[1]:.1f}%;{self.stacks}"
        )

    def _scrim(self) -> dict[str, str] | None:
        if self.scrim is None:
            return None
        top, height = self.scrim.top_px, self.sheet.profile.height_px
        start, full = (100 * y / height for y in (top, self.scrim.full_px))
        return {
            "shade": f"top:{top:.1f}px;height:{height - top:.1f}px;background:{gradient(self.scrim, height)}",
            "blur": f"{self.scrim.blur_px:.1f}px" if self.scrim.blur_px else "",
            "veil": f"linear-gradient(to bottom,transparent {start:.1f}%,#000 {full:.1f}%)",
        }

    def _corner(self) -> str | None:
        """A shade for the clock where neither ink is read on the picture."""
        if not (self.clock_ink and self.clock_ink.strength and self.picture):
            return None
        band = Scrim(self.clock_ink.strength, tint_of(self.picture), 0, 0)
        return cap(band, self.places.clock.bottom - self.places.picture.top, 0.2 * self.sheet.profile.height_px)


def words(story: Story) -> Words:
    """Tidied, drawable, at most 300 characters; the source's name stands in for a headline nothing is left of."""
    source = shortened(tidy(fonts.drawable(tidy(story.source))), 60)
    title = shortened(tidy(fonts.drawable(tidy(story.title)))) or source or "…"
    tag = language(title, story.language)
    return Words(title, source, tag, direction(title, tag))


def set_slide(job: Job, measure: Measure) -> Setting:
    """Decide everything about a slide. Raises ComposeError where the engine fails to measure."""
    text, story = words(job.plate.story), job.plate.story
    layout = layout_for(job.asked, job.profile, picture=job.picture.size if job.picture else None)
    link = story.link if story.link.startswith(("http://", "https://")) else ""
    sheet = Sheet(layout, job.profile, qr=job.profile.qr and bool(link))
    line = kicker(
        text.source,
        age(story.published, job.now, text.language),
        text.language,
        painted=layout is not Layout.CARD,
        sample=job.plate.sample,
    )
    setting = _typeset(text, line, sheet, measure)
    setting = replace(setting, qr=qr_code(link) if sheet.qr else None, clock=job.clock)
    if layout is Layout.CARD or job.picture is None:
        size = job.profile.width_px, job.profile.height_px, job.profile.unit
        ground = card(job.plate.verdict.mood, story.id, size, mirrored=text.direction == "rtl")
        return replace(setting, card=ground, tones=PAPER if job.profile.eink else ground.tones)
    return _coloured(setting, job.picture)


def _typeset(text: Words, line: Kicker, sheet: Sheet, measure: Measure) -> Setting:
    """Faces, lines and places."""
    said = " ".join((text.title, line.source, *line.facts, "0123456789:·°…-"))
    sans = fonts.needed(said, text.language)
    serif = fonts.needed(said, text.language, serif=True) if sheet.serif else sans
    stacks = f"--sans:{fonts.stack(sans)};--serif:{fonts.stack(serif)}"
    faces = tuple(dict.fromkeys((*serif, *sans)))
    classes = "serif" if sheet.serif else ""
    style = Style(text.language, text.direction, faces, stacks, classes, "as-headline")
    name = script(text.title)
    headline = fit(
        text.title,
        text.language,
        _legible(sheet.room(), name),
        lambda texts: measure(texts, style),
        line_height=line_height(text.title) * (SERIF_LEADING if sheet.serif and name == "latin" else 1),
        tracking=TRACKING.get(name, 0.0) * (0.6 if sheet.serif else 1),
    )
    places = place(sheet, headline.height_px, rtl=text.direction == "rtl")
    fitted, size = _kicker_fitted(line, sheet, lambda texts: measure(texts, replace(style, role="as-kicker")))
    return Setting(text, headline, fitted, size, sheet, places, PAPER, faces, stacks, None)


def _legible(room: Room, name: str) -> Room:
    """Scripts whose letters fill more of the body are read as well at a smaller size."""
    return replace(room, type_min_px=room.type_min_px * 0.85) if name in WIDE else room


def _kicker_fitted(line: Kicker, sheet: Sheet, measure: Callable[[Sequence[str]], list[float]]) -> tuple[Kicker, float]:
    """The kicker with its source cut to the room there is, or all of it set smaller where even that is too little."""
    size = KICKER_PX * sheet.u
    room = sheet.room().width_px / size
    facts = " · ".join(line.facts)
    rest = facts if sheet.beside else f" · {facts}"
    source, other = measure([line.source, rest])
    if sheet.beside:
        other_room = room - (sheet.qr_px + 16 * sheet.u) / size if sheet.qr else room
        size *= min(1.0, other_room / max(other, 0.01))
        other = 0.0
    if source + other <= room:
        return line, size
    pieces = graphemes(line.source)
    shorter = ["".join(pieces[:n]).rstrip() + "…" for n in range(len(pieces), 0, -1)]
    widths = measure(shorter)
    kept = next((s for s, w in zip(shorter, widths, strict=True) if w + other <= room), "")
    if kept:
        return replace(line, source=kept), size
    return replace(line, source=shorter[-1]), size * min(1.0, room / (other + widths[-1]))


def _coloured(setting: Setting, picture: Image.Image) -> Setting:
    """Crop the picture to its box and take the slide's colours from it."""
    box, profile = setting.places.picture, setting.sheet.profile
    size = max(1, round(box.width)), max(1, round(box.height))
    at = focus(picture, size)
    crop, setting = cropped(picture, size, at), replace(setting, focus=at)
    if setting.layout is not Layout.HEADLINE or profile.eink:
        tones = PAPER if profile.eink else tones_of(crop)
        return _with_clock(replace(setting, picture=crop, tones=tones))
    solved = solve(crop, setting.places.text.pixels(), setting.sheet.kicker_px, setting.sheet.u)
    tones = replace(tones_of(crop), paper=css(solved.tint), ink="#ffffff", soft="#ffffff")
    return _with_clock(replace(setting, picture=crop, tones=tones, scrim=solved))


def _with_clock(setting: Setting) -> Setting:
    """Choose the clock's ink by what is beneath it; on paper it is the paper's ink."""
    if not setting.clock or setting.picture is None:
        return setting
    at, clock = setting.places.picture, setting.places.clock
    left, top, right, bottom = clock.pixels()
    dx, dy = round(at.left), round(at.top)
    box = (max(0, left - dx), max(0, top - dy), min(round(at.width), right - dx), min(round(at.height), bottom - dy))
    if box[0] >= box[2] or box[1] >= box[3]:
        return setting
    ink = clock_ink(setting.picture, box, tint_of(setting.picture))
    return replace(setting, clock_ink=ink)


def cropped(picture: Image.Image, size: tuple[int, int], at: tuple[float, float]) -> Image.Image:
    """A picture cut to a size, as ``slide.css`` has a browser do it (object-fit, object-position)."""
    info = picture.info
    out = ImageOps.fit(picture.convert("RGB"), size, Image.Resampling.BICUBIC, centering=at)
    out.info = dict(info)
    return out


@lru_cache(maxsize=256)
def qr_code(link: str) -> str | None:
    """A link as a QR code (ISO 18004, level M), an SVG in a ``data:`` address; None where it is too long for one."""
    import segno

    try:
        code = segno.make(link, error="m", micro=False, boost_error=False)
    except segno.DataOverflowError:
        return None
    out = io.BytesIO()
    code.save(out, kind="svg", border=0, scale=1, xmldecl=False, svgns=True, dark="#000")
    return "data:image/svg+xml;base64," + base64.b64encode(out.getvalue()).decode()
