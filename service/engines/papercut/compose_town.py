"""The town: rows of houses with lit windows, something great among the roofs."""

from __future__ import annotations

from . import shapes
from .cutouts import Spot
from .palette import Hour
from .scenery import Table, blend, clouds, fitted, heavens, hero, sky, stage, swarm, weather


def town(t: Table) -> None:
    """Three rows of houses, the nearest with lit windows; the hero stands among the roofs."""
    spot = stage(t)
    sky(t, horizon=t.h * 0.62)
    heavens(t, t.w * t.rng.uniform(0.2, 0.4), t.h * 0.22, min(t.w, t.h) * 0.1)
    if t.palette.hour is not Hour.NIGHT:
        clouds(t, 2)
    land = t.palette.land
    row(t, t.h * 0.52, (60, 150), land[1], 34, lit=0.0)
    row(t, t.h * 0.58, (50, 120), land[2], 52, lit=0.25)
    name = t.look(hero(t))
    t.lay(name, fitted(name, Spot(spot.x, t.h * 0.68, t.h * 0.55), t.w * (0.42 if t.aspect > 1.3 else 0.74)), 80)
    swarm(t, t.w * 0.36, t.h * 0.2, 7, t.w * 0.36)
    row(t, t.h * 0.70, (34, 86), land[4], 112, lit=0.6, gabled=True)
    street(t, t.h * 0.74)
    weather(t)


def row(t: Table, foot: float, tall: tuple[float, float], fill: str, lift: float, **how: float) -> None:
    """Houses side by side: ``tall`` is the range of their heights (units), ``lit`` the share of lit windows."""
    x = -t.rng.uniform(0, 40) * t.u
    lights: list[str] = []
    darks: list[str] = []
    while x < t.w:
        w, h = t.rng.uniform(44, 92) * t.u, t.rng.uniform(*tall) * t.u
        paint = blend(fill, t.palette.roles["a"], t.rng.choice((0, 0, 0.10, 0.2))) if how.get("gabled") else fill
        paint = blend(paint, t.palette.roles["k"], t.rng.uniform(0, 0.16))
        house(t, (x, foot, w, h), paint, lift, gabled=bool(how.get("gabled")))
        panes(t, (x, foot, w, h), how["lit"], lights, darks)
        x += w + t.rng.choice((0.0, 0.0, 2.0, 5.0)) * t.u
    if how["lit"]:
        glow = (
            t.palette.roles["l"]
            if t.palette.hour is not Hour.DAY
            else blend(t.palette.roles["p"], t.palette.roles["v"], 0.3)
        )
        t.sheet.cut("".join(darks), blend(fill, t.palette.roles["k"], 0.35), lift - 6)
        t.sheet.cut("".join(lights), glow, lift - 8)


def house(t: Table, at: tuple[float, float, float, float], paint: str, lift: float, *, gabled: bool) -> None:
    x, foot, w, h = at
    t.sheet.cut(shapes.box(x, foot - h, w, h + t.h * 0.12), paint, lift)
    roof = blend(paint, t.palette.roles["k"], 0.3)
    kind = t.rng.choice(("gable", "gable", "hip", "flat") if gabled else ("flat", "flat", "gable", "step", "mast"))
    peak, eave = w * t.rng.uniform(0.42, 0.6), 3 * t.u
    left, right, top = x - eave, x + w + eave, foot - h + 1
    if kind == "gable":
        t.sheet.cut(shapes.polygon([(left, top), (x + w / 2, foot - h - peak), (right, top)]), roof, lift + 3)
    elif kind == "hip":
        ridge = foot - h - peak * 0.6
        corners = [(left, top), (x + w * 0.22, ridge), (x + w * 0.78, ridge), (right, top)]
        t.sheet.cut(shapes.polygon(corners), roof, lift + 3)
    elif kind == "step":
        t.sheet.cut(shapes.box(x + w * 0.2, foot - h - w * 0.3, w * 0.6, w * 0.3 + 1), paint, lift)
    elif kind == "mast":
        t.sheet.cut(shapes.box(x + w * 0.46, foot - h - w * 0.7, w * 0.06, w * 0.7 + 1), paint, lift)
    if kind in {"gable", "hip"} and t.rng.random() < 0.6:
        t.sheet.cut(shapes.box(x + w * 0.7, foot - h - peak * 0.75, w * 0.13, peak * 0.6), roof, lift + 2)


def panes(t: Table, at: tuple[float, float, float, float], lit: float, lights: list[str], darks: list[str]) -> None:
    x, foot, w, h = at
    if not lit:
        return
    columns = max(int(w / (19 * t.u)), 2)
    side = w / columns * 0.42
    rows = max(int(h / (24 * t.u)), 1)
    for r in range(rows):
        for c in range(columns):
            px, py = x + w * (c + 0.5) / columns - side / 2, foot - h + (8 + 24 * r) * t.u
            if py < foot - 6 * t.u:
                (lights if t.rng.random() < lit else darks).append(shapes.box(px, py, side, side * 1.35))


def street(t: Table, y: float) -> None:
    """The calm street before the houses, lamps along it, somebody on their way."""
    land, roles = t.palette.land, t.palette.roles
    road = shapes.Ground(t.rng, t.w, y, t.h * 0.006)
    t.sheet.cut(road.path(t.h + 9), land[5], 130)
    t.sheet.cut(shapes.Ground(t.rng, t.w, y + t.h * 0.09, t.h * 0.008).path(t.h + 9), blend(land[5], land[6], 0.6), 142)
    t.sheet.cut(shapes.Ground(t.rng, t.w, y + t.h * 0.17, t.h * 0.01).path(t.h + 9), land[6], 154)
    lamps = (0.42, 0.9) if t.aspect > 1.3 else (0.14, 0.86)
    glow = t.sheet.gradient(((0, roles["l"], 0.5), (1, roles["l"], 0)), radial=True)
    for x in lamps:
        lx, foot, tall = t.w * x, y + t.h * 0.06, t.h * 0.24
        if t.palette.hour in {Hour.NIGHT, Hour.DUSK}:
            t.sheet.ink(f'<circle cx="{lx:.0f}" cy="{foot - tall * 0.85:.0f}" r="{80 * t.u:.0f}" fill="{glow}"/>')
        t.lay("own/street-lamp", Spot(lx, foot, tall), 170)
    if t.cast.people:
        t.figure.stand(t.sheet, Spot(t.w * (lamps[0] + 0.06), y + t.h * 0.07, t.h * 0.16), t.palette)
