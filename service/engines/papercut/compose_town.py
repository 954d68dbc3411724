"""The town: rows of houses with lit windows, something great among the roofs."""

from __future__ import annotations

from . import shapes
from .grouping import Stage, perform
from .heavens import clouds, heavens, moonlit, sky, swarm, weather
from .ledges import ledge
from .palette import Hour
from .scenery import Table, blend, stage


def town(t: Table) -> None:
    """Rows of houses with lit windows; the troupe on the roofs, the quay or the square before them."""
    spot = stage(t)
    foot = spot.y
    sky(t, horizon=foot)
    heavens(t, t.w - spot.x + t.w * t.rng.uniform(-0.06, 0.06), t.h * 0.17, min(t.w, t.h) * 0.1)
    if not moonlit(t):
        clouds(t, 2, 0.06, 0.2)
    land = t.palette.land
    row(t, foot - t.h * 0.04, (70, 150), land[1], 34, lit=0.0)
    row(t, foot, (56, 116), land[2], 52, lit=0.25)
    row(t, foot + t.h * 0.06, (44, 84), land[3], 70, lit=0.55, gabled=True)
    swarm(t, t.w - spot.x, t.h * 0.17, 7, t.w * 0.36)
    perform(t, Stage(ledge(t, foot, t.rng.choice(("roof", "wall"))), spot.x, spot.size, t.w * 0.05, t.w * 0.95))
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
    """Lay one house: its roof by the dice, `at` its left, foot, width and height (px)."""
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
