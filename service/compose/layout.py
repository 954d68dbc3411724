"""Where things stand on a slide. Pure geometry in px; every box is solved here and handed to the template."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from service.profiles import Profile

from .fit import Room

MISMATCH = 1.9  #: a picture this much wider in shape than the slide is set above the text instead of behind it
TEXT_SHARE = 0.40  #: of the slide's height that text may take where it stands on the picture or beneath it


class Layout(StrEnum):
    """The grounds a template can stand on; a template names its own in its first comment."""

    HEADLINE = "headline"  #: full-bleed picture, text on it
    SPLIT = "split"  #: picture on one side, text on tinted paper beside it (beneath it in portrait)
    POSTER = "poster"  #: framed picture on paper, serif type beneath
    CARD = "card"  #: no picture
    STACK = "stack"  #: picture above, text beneath: portrait splits, e-ink, pictures of the wrong shape


@dataclass(frozen=True, slots=True)
class Box:
    """A box on the slide, px."""

    left: float
    top: float
    width: float
    height: float

    @property
    def right(self) -> float:
        return self.left + self.width

    @property
    def bottom(self) -> float:
        return self.top + self.height

    def mirrored(self, width_px: float) -> Box:
        """The same box on a slide that runs right to left."""
        return Box(width_px - self.right, self.top, self.width, self.height)

    def pixels(self) -> tuple[int, int, int, int]:
        """Left, top, right, bottom on whole pixels."""
        return round(self.left), round(self.top), round(self.right), round(self.bottom)

    def css(self) -> str:
        """As the body of a style attribute."""
        return f"left:{self.left:.1f}px;top:{self.top:.1f}px;width:{self.width:.1f}px;height:{self.height:.1f}px"


@dataclass(frozen=True, slots=True)
class Sheet:
    """One slide's measures before its headline is set."""

    layout: Layout
    profile: Profile
    qr: bool

    @property
    def u(self) -> float:
        return self.profile.unit

    @property
    def margin_x(self) -> float:
        return max(44 * self.u if not self.profile.eink else 36 * self.u, self.profile.margin * self.profile.width_px)

    @property
    def margin_y(self) -> float:
        return (
            max(36 * self.u, (self.profile.margin + 0.016) * self.profile.height_px)
            if not self.profile.eink
            else 20 * self.u
        )

    @property
    def qr_px(self) -> float:
        return 100 * self.u if not self.profile.eink else round(92 * self.u)

    @property
    def kicker_px(self) -> float:
        """Height of the kicker with the space beneath it."""
        return 39 * self.u

    @property
    def beside(self) -> bool:
        """Whether picture and text stand side by side."""
        return self.layout is Layout.SPLIT

    @property
    def serif(self) -> bool:
        return self.layout in {Layout.POSTER, Layout.CARD}

    def panel_width(self) -> float:
        """Width of a split's paper."""
        return round(self.profile.width_px * 0.46)

    def room(self) -> Room:
        """What the headline may take."""
        p, u = self.profile, self.u
        reserved = self.qr_px + 36 * u if self.qr else 0.0
        cap = TEXT_SHARE * p.height_px - self.kicker_px
        width = p.width_px - 2 * self.margin_x
        if self.beside:  # text does not stand on the picture: it may be taller, being narrow
            rule, foot = 26 * u, (self.qr_px if self.qr else 28 * u) + 28 * u
            tall = p.height_px - 2 * self.margin_y - self.kicker_px - rule - foot
            return Room(self.panel_width() - self.margin_x - 36 * u, tall, 7, p.type_max_px, p.type_min_px, comfort=0.7)
        largest = {Layout.POSTER: 0.95, Layout.CARD: 1.15}.get(self.layout, 1.0)
        return Room(width - reserved, cap, p.lines, p.type_max_px * largest, p.type_min_px)


@dataclass(frozen=True, slots=True)
class Places:
    """The boxes of a slide whose headline is set; mirrored already where it runs right to left."""

    picture: Box
    text: Box  #: kicker and headline
    qr: Box | None
    clock: Box
    panel: Box | None = None  #: paper under the text of a split or a stack


def layout_for(asked: Layout, profile: Profile, *, picture: tuple[int, int] | None) -> Layout:
    """The layout that suits the screen and the picture's shape (px, px; None without a picture)."""
    if picture is None or asked is Layout.CARD:
        return Layout.CARD
    if asked is Layout.POSTER:
        return asked
    if asked is Layout.SPLIT:
        return Layout.STACK if profile.portrait else Layout.SPLIT
    shape = (picture[0] / picture[1]) / (profile.width_px / profile.height_px)
    return Layout.STACK if profile.eink or shape > MISMATCH else asked


def place(sheet: Sheet, headline_px: float, *, rtl: bool) -> Places:
    """Solve the boxes for a headline of a height."""
    solve = {Layout.SPLIT: _split, Layout.STACK: _stack, Layout.POSTER: _poster}.get(sheet.layout, _bleed)
    places = solve(sheet, headline_px + sheet.kicker_px)
    width = sheet.profile.width_px
    if not rtl:
        return places
    return Places(
        places.picture.mirrored(width),
        places.text.mirrored(width),
        places.qr and places.qr.mirrored(width),
        places.clock.mirrored(width),
        places.panel and places.panel.mirrored(width),
    )


def _clock(sheet: Sheet) -> Box:
    width = 300 * sheet.u
    return Box(sheet.profile.width_px - sheet.margin_x - width, sheet.margin_y - 8 * sheet.u, width, 34 * sheet.u)


def _qr(sheet: Sheet, right: float, bottom: float) -> Box | None:
    return Box(right - sheet.qr_px, bottom - sheet.qr_px, sheet.qr_px, sheet.qr_px) if sheet.qr else None


def _bleed(sheet: Sheet, block: float) -> Places:
    """Headline and card: the picture is everything, text at its foot."""
    p = sheet.profile
    bottom = p.height_px - sheet.margin_y
    text = Box(sheet.margin_x, bottom - block, sheet.room().width_px, block)
    qr = _qr(sheet, p.width_px - sheet.margin_x, bottom)
    return Places(Box(0, 0, p.width_px, p.height_px), text, qr, _clock(sheet))


def _stack(sheet: Sheet, block: float) -> Places:
    """The picture above takes all that the text beneath leaves."""
    p, u = sheet.profile, sheet.u
    pad = 16 * u if p.eink else 34 * u
    foot = sheet.margin_y if not p.portrait else sheet.margin_y * 0.8
    content = max(block, sheet.qr_px if sheet.qr else 0)
    head = round(max(p.height_px - content - pad - foot, p.height_px * 0.3))
    text = Box(sheet.margin_x, head + pad, sheet.room().width_px, block)
    qr = _qr(sheet, p.width_px - sheet.margin_x, head + pad + content)
    panel = Box(0, head, p.width_px, p.height_px - head)
    return Places(Box(0, 0, p.width_px, head), text, qr, _clock(sheet), panel)


def _split(sheet: Sheet, _block: float) -> Places:
    """Paper at the start, the picture at the end; source above the headline, age and QR at the paper's foot."""
    p, u = sheet.profile, sheet.u
    paper = sheet.panel_width()
    top = sheet.margin_y
    text = Box(sheet.margin_x, top, sheet.room().width_px, p.height_px - 2 * sheet.margin_y)
    qr = _qr(sheet, paper - 36 * u, p.height_px - sheet.margin_y)
    return Places(
        Box(paper, 0, p.width_px - paper, p.height_px), text, qr, _clock(sheet), Box(0, 0, paper, p.height_px)
    )


def _poster(sheet: Sheet, block: float) -> Places:
    """The picture in a margin of paper as wide as the type's; serif type beneath."""
    p, u = sheet.profile, sheet.u
    top = sheet.margin_y * (1 if p.eink else 1.15)
    gap = (16 if p.eink else 26) * u
    content = max(block, sheet.qr_px if sheet.qr else 0)
    width = p.width_px - 2 * sheet.margin_x
    spare = p.height_px - top - sheet.margin_y - gap - content
    height = min(spare, width * 1.3)  # on a tall screen the paper keeps what a 3:4 print leaves
    picture = Box(round(sheet.margin_x), round(top), round(width), round(height))
    under = top + height + gap + (spare - height) * 0.35
    text = Box(sheet.margin_x, under, sheet.room().width_px, block)
    qr = _qr(sheet, p.width_px - sheet.margin_x, under + content)
    clock = _clock(sheet)
    inside = Box(picture.right - 20 * u - clock.width, picture.top + 14 * u, clock.width, clock.height)
    return Places(picture, text, qr, inside)
