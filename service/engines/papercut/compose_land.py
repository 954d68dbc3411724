"""Open country: the giant thing and the tiny figure, the long view."""

from __future__ import annotations

from . import shapes
from .cutouts import Spot, size_of
from .rail import TRAINS, viaduct
from .scenery import (
    Table,
    at_sea,
    blend,
    clouds,
    edge,
    fitted,
    fringe,
    heavens,
    hero,
    others,
    sky,
    stage,
    swarm,
    weather,
)


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


def foreground(t: Table, y: float, *, plants: bool = True) -> shapes.Ground:
    """The calm lower part: three papers, each darker, from height ``y`` down; returns the uppermost edge."""
    land, first = t.palette.land, None
    for i, share in enumerate((0.0, 0.36, 0.7)):
        top = y + (t.h - y) * share
        ground = shapes.Ground(t.rng, t.w, top, t.h * (0.022 - 0.004 * i))
        path, paper = edge(t, top, 0, 4 + i) if at_sea(t) else (ground.path(t.h + 9), land[4 + i])
        t.sheet.cut(path, paper, 110 + 22 * i)
        first = first or ground
    if plants and not at_sea(t):
        fringe(t, blend(land[6], t.palette.roles["k"], 0.35), 172)
    assert first is not None
    return first


def colossus(t: Table) -> None:
    """One giant thing on the horizon, a tiny figure before it."""
    spot = stage(t)
    sky(t)
    name = t.look(hero(t))
    spot = fitted(name, spot, t.w * (0.44 if t.aspect > 1.3 else 0.8))
    _, tall = size_of(name, spot.size)
    heavens(t, spot.x + t.w * t.rng.uniform(-0.05, 0.05), spot.y - t.h * 0.30, min(t.h, t.w) * 0.25)
    if t.cast.weather != "rain" and t.rng.random() < 0.7:
        clouds(t, 3)
    far_country(t, spot.y - t.h * 0.05)
    t.sheet.cut(*edge(t, spot.y - t.h * 0.03, t.h * 0.018, 2), 60)
    t.lay(name, Spot(spot.x, spot.y + tall * 0.03, spot.size, t.rng.uniform(-3, 3)), 84)
    swarm(t, t.w * 0.3, t.h * 0.24, 7, t.w * 0.34)
    near = foreground(t, spot.y + t.h * 0.0)
    beside(t, near, spot.x, tall)
    weather(t)


def beside(t: Table, ground: shapes.Ground, x: float, tall: float) -> None:
    """Somebody small, and a thing or two of the scene, on the ground about the hero."""
    gap = t.w * (0.27 if t.aspect > 1.3 else 0.34)
    if t.cast.people:
        px = x - gap * 0.95
        t.figure.stand(t.sheet, Spot(px, ground.at(px) + 5 * t.u, max(tall * 0.34, 64 * t.u)), t.palette)
    for noun, sx in zip(
        [n for n in others(t, 6) if n.role in {"ground", "row"}][:2], (x + gap * 0.86, x - gap * 0.5), strict=False
    ):
        if sx < t.w * 0.96:
            name = t.look(noun)
            spot = fitted(name, Spot(sx, ground.at(sx) + 6 * t.u, tall * 0.3), tall * 0.38)
            t.lay(name, spot, 150)


def panorama(t: Table) -> None:
    """The long view: five or six lands one behind the other, small things at home in them."""
    name = t.look(hero(t))
    base = t.h * (0.66 if t.aspect > 1.3 else 0.6)
    sky(t, horizon=base - t.h * 0.1)
    dx = t.w * t.rng.uniform(0.2, 0.42)
    heavens(t, dx, t.h * t.rng.uniform(0.2, 0.3), min(t.w, t.h) * t.rng.uniform(0.085, 0.12))
    clouds(t, t.rng.choice((2, 3)))
    far_country(t, base - t.h * 0.16)
    for i, y in enumerate((0.1, 0.04)):
        ground = shapes.Ground(t.rng, t.w, base - t.h * y, t.h * 0.03)
        t.sheet.cut(ground.path(t.h), t.palette.land[2 + i], 62 + 14 * i)
        wood(t, ground, blend(t.palette.land[3 + i], t.palette.roles["g"], 0.25), 66 + 14 * i, 34 + 10 * i)
    if name in TRAINS and not t.cast.quiet:
        viaduct(t, base - t.h * 0.1)
    near = shapes.Ground(t.rng, t.w, base, t.h * 0.025)
    if t.cast.quiet:
        rest(t, near)
    elif name not in TRAINS:
        settle(t, near, name)
    low = foreground(t, base)
    if t.cast.people:
        x = t.w * t.rng.uniform(0.24, 0.3)
        t.figure.stand(t.sheet, Spot(x, low.at(x) + 6 * t.u, t.h * 0.15), t.palette)
    swarm(t, t.w * 0.62, t.h * 0.22, 6, t.w * 0.3)
    weather(t)


def settle(t: Table, ground: shapes.Ground, name: str) -> None:
    """The hero and its company stand in the land, of middle size."""
    x = t.w * t.rng.uniform(0.62, 0.72)
    tall = min(t.h * 0.40, t.w * 0.6)
    t.lay(name, fitted(name, Spot(x, ground.at(x) + 4 * t.u, tall), t.w * 0.34), 96)
    for i, noun in enumerate([n for n in others(t, 6) if n.role in {"ground", "row", "hero"}][:2]):
        look = t.look(noun)
        gx = x + t.w * (-0.25, 0.21)[i]
        count = 3 if noun.role == "row" else 1
        for k in range(count):
            spot = fitted(look, Spot(gx, 0, t.h * 0.16), t.h * 0.2)
            kx = gx + (k - (count - 1) / 2) * size_of(look, spot.size)[0] * 1.12
            t.lay(look, Spot(kx, ground.at(kx) + 5 * t.u, spot.size), 92 + k)


def rest(t: Table, ground: shapes.Ground) -> None:
    """A bare tree and an empty bench."""
    x = t.w * t.rng.uniform(0.64, 0.7)
    bark = blend(t.palette.roles["k"], t.palette.land[5], 0.25)
    t.lay("own/bare-tree", Spot(x, ground.at(x) + 6 * t.u, min(t.h * 0.52, t.w * 0.7)), 96, t=bark)
    t.lay("own/bench", Spot(x - t.w * 0.16, ground.at(x - t.w * 0.16) + 10 * t.u, t.u * 100), 100)
