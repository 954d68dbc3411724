"""Open country: the giant thing and the tiny figure, the long view."""

from __future__ import annotations

from . import shapes
from .cutouts import Spot
from .grouping import Land, Stage, perform
from .heavens import clouds, heavens, sky, swarm, weather
from .ledges import ledge
from .rail import TRAINS, viaduct
from .scenery import Table, blend, edge, hero, stage


def far_country(t: Table, y: float) -> None:
    """What closes the view at height ``y``: peaks, roofs, water or hills, as the scene's place has it."""
    place = next((p for p in t.cast.places if p in {"mountain", "ice", "city", "sea", "desert", "forest"}), "")
    land = t.palette.land
    if place in {"mountain", "ice"} or (not place and t.rng.random() < 0.3):
        peaks(t, y, t.h * 0.26, land[0], 34)
        peaks(t, y + t.h * 0.04, t.h * 0.15, land[1], 44)
    elif place == "city":
        roofs(t, y + t.h * 0.02, land[0], 34)
        roofs(t, y + t.h * 0.05, land[1], 44)
    elif place == "sea":
        for i in range(2):
            t.sheet.cut(*edge(t, y - t.h * (0.06 - 0.05 * i), 0, i), 34 + 10 * i)
    else:
        for i in range(2):
            ground = shapes.Ground(t.rng, t.w, y - t.h * (0.06 - 0.05 * i), t.h * (0.05 - 0.01 * i))
            t.sheet.cut(ground.path(t.h), land[i], 34 + 10 * i)
            if i == 1 and place != "desert":
                wood(t, ground, blend(land[1], land[2], 0.5), 48, 26)


def peaks(t: Table, y: float, amp: float, fill: str, lift: float) -> None:
    """A mountain range with shaded sides and snow."""
    points = shapes.ridge(t.rng, t.w, y, amp)
    t.sheet.cut(shapes.under(points, t.h), fill, lift)
    dark = blend(fill, t.palette.land[4], 0.22)
    t.sheet.ink(f'<path d="{shapes.shaded_sides(points, amp * 0.22)}" fill="{dark}"/>')
    t.sheet.cut(shapes.snow_caps(points, amp), blend(t.palette.roles["p"], fill, 0.08), lift + 3)


def roofs(t: Table, y: float, fill: str, lift: float) -> None:
    """A far skyline."""
    x, out = -20.0, []
    while x < t.w + 20:
        w, h = t.rng.uniform(26, 62) * t.u, t.rng.uniform(40, 150) * t.u
        out.append(shapes.box(x, y - h, w, t.h - y + h))
        if t.rng.random() < 0.3:
            out.append(shapes.polygon([(x, y - h + 1), (x + w / 2, y - h - w * 0.6), (x + w, y - h + 1)]))
        x += w * t.rng.uniform(0.9, 1.15)
    t.sheet.cut("".join(out), fill, lift)


def wood(t: Table, ground: shapes.Ground, fill: str, lift: float, tall: float) -> None:
    """Trees in loose groups along a ground."""
    kind, out = t.rng.choice(("pine", "leafy", "both")), []
    x = t.rng.uniform(0, 40) * t.u
    while x < t.w:
        for _ in range(t.rng.randint(1, 5)):
            h = tall * t.u * t.rng.uniform(0.7, 1.45)
            y = ground.at(x) + 3 * t.u
            pine = kind == "pine" or (kind == "both" and t.rng.random() < 0.5)
            out.append(shapes.pine(x, y, h) if pine else shapes.leafy(x, y, h * 0.9, slim=t.rng.random() < 0.3))
            x += tall * t.u * t.rng.uniform(0.35, 0.8)
        x += t.rng.uniform(30, 190) * t.u
    t.sheet.cut("".join(out), fill, lift)


def colossus(t: Table) -> None:
    """One giant thing and its company on the horizon."""
    spot = stage(t)
    sky(t)
    heavens(t, spot.x + t.w * t.rng.choice((-0.2, -0.06, 0.06, 0.2)), spot.y - t.h * 0.22, min(t.h, t.w) * 0.19)
    if t.cast.weather != "rain" and t.rng.random() < 0.7:
        clouds(t, t.rng.choice((2, 3)), 0.06, 0.2)
    far_country(t, spot.y - t.h * t.rng.uniform(0.02, 0.06))
    t.sheet.cut(*edge(t, spot.y - t.h * 0.025, t.h * 0.016, 2), 60)
    swarm(t, t.w * (0.26 if spot.x > t.w / 2 else 0.74), t.h * 0.17, 7, t.w * 0.34)
    perform(t, Stage(ledge(t, spot.y), spot.x, spot.size, t.w * 0.04, t.w * 0.96))
    weather(t)


def panorama(t: Table) -> None:
    """The long view: lands one behind the other, small things at home in the nearest."""
    spot = stage(t)
    base = spot.y
    sky(t, horizon=base - t.h * 0.08)
    side = t.rng.choice((-1, 1))
    heavens(t, t.w * (0.5 - side * t.rng.uniform(0.18, 0.3)), t.h * t.rng.uniform(0.15, 0.22),
            min(t.w, t.h) * t.rng.uniform(0.085, 0.12))  # fmt: skip
    clouds(t, t.rng.choice((2, 3)), 0.06, 0.22)
    far_country(t, base - t.h * 0.13)
    for i, y in enumerate((0.08, 0.035)):
        ground = shapes.Ground(t.rng, t.w, base - t.h * y, t.h * 0.025)
        t.sheet.cut(ground.path(t.h), t.palette.land[2 + i], 62 + 14 * i)
        wood(t, ground, blend(t.palette.land[3 + i], t.palette.roles["g"], 0.25), 66 + 14 * i, 30 + 8 * i)
    swarm(t, t.w * (0.5 + side * 0.2), t.h * 0.16, 6, t.w * 0.3)
    if t.look(hero(t)) in TRAINS and not t.cast.quiet:
        viaduct(t, base - t.h * 0.06)
    land = ledge(t, base)
    stand = Stage(land, t.w * (0.5 + side * t.rng.uniform(0.08, 0.16)), spot.size * 0.78, t.w * 0.05, t.w * 0.95)
    if t.cast.quiet:
        rest(t, land, stand.x, spot.size)
    elif t.look(hero(t)) not in TRAINS:
        perform(t, stand)
    weather(t)


def rest(t: Table, land: Land, x: float, tall: float) -> None:
    """A bare tree and an empty bench."""
    bark = blend(t.palette.roles["k"], t.palette.land[5], 0.25)
    t.lay("own/bare-tree", Spot(x, land.at(x) + 6 * t.u, tall), 160, t=bark)
    bx = x - tall * 0.55
    t.lay("own/bench", Spot(bx, land.at(bx) + 4 * t.u, tall * 0.42), 164)
