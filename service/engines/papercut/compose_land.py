"""Open country: the giant thing and the tiny figure, the long view, the clearing in the wood."""

from __future__ import annotations

from . import shapes
from .cutouts import Spot, size_of
from .palette import Hour
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

TRAINS = {"flat/bullet-train", "flat/locomotive", "flat/railway-car", "cut/subway-train", "flat/mountain-railway"}


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


def viaduct(t: Table, y: float) -> None:
    """A stone viaduct across the valley, a lit train on it."""
    stone = blend(t.palette.roles["s"], t.palette.land[2], 0.35)
    span, deck, foot = t.u * 92, t.u * 16, t.h
    out = [shapes.box(-9, y, t.w + 18, deck)]
    x = -span * t.rng.random()
    while x < t.w + span:
        out.append(shapes.box(x - span * 0.11, y + deck - 1, span * 0.22, foot - y))
        out.append(f"M{x:.1f},{y + deck - 1:.1f}h{span:.1f}v{span * 0.42:.1f}"
                   f"Q{x + span * 0.95:.1f},{y + deck + 2:.1f} {x + span / 2:.1f},{y + deck + 3:.1f}"
                   f"Q{x + span * 0.05:.1f},{y + deck + 2:.1f} {x:.1f},{y + deck + span * 0.42:.1f}Z")  # fmt: skip
        x += span
    t.sheet.cut("".join(out), stone, 84)
    seam, shade = shapes.box(-9, y + deck * 0.75, t.w + 18, 1.5 * t.u), blend(stone, t.palette.land[6], 0.4)
    t.sheet.ink(f'<path d="{seam}" fill="{shade}"/>')
    train(t, y)
    t.used.append("own/train")


def train(t: Table, y: float) -> None:
    """Six carriages and an engine, windows lit."""
    u, roles = t.u, t.palette.roles
    high, long, gap = 34 * u, 104 * u, 6 * u
    count = 5 if t.aspect > 1.3 else 3
    x0 = t.w * (0.94 if t.aspect > 1.3 else 0.99) - count * (long + gap)
    windows = roles["l"] if t.palette.hour in {Hour.NIGHT, Hour.DUSK} else blend(roles["p"], roles["v"], 0.4)
    for i in range(count):
        x = x0 + i * (long + gap)
        nose = 26 * u if i == 0 else 3 * u
        t.sheet.cut(
            shapes.path(
                "M",
                x,
                y - 4 * u,
                "V",
                y - 4 * u - high * (0.5 if i == 0 else 0.94),
                "Q",
                x,
                y - 4 * u - high,
                x + nose,
                y - 4 * u - high,
                "H",
                x + long,
                "V",
                y - 4 * u,
                "Z",
            ),
            roles["a"],
            92,
        )
        t.sheet.cut(shapes.box(x + 1, y - 13 * u, long - 1, 4 * u), roles["p"], 93)
        glass = "".join(
            shapes.box(x + (30 if i == 0 else 10) * u + k * 17 * u, y - 29 * u, 11 * u, 10 * u)
            for k in range(4 if i == 0 else 5)
        )
        t.sheet.cut(glass, windows, 93)
        t.sheet.cut(
            "".join(shapes.circle(x + f * long, y - 3 * u, 4.4 * u) for f in (0.16, 0.28, 0.72, 0.84)), roles["k"], 94
        )


def clearing(t: Table) -> None:
    """Looking between trunks into a lit clearing."""
    spot = stage(t)
    sky(t, horizon=t.h * 0.8)
    land, roles = t.palette.land, t.palette.roles
    heavens(t, spot.x, spot.y - t.h * 0.32, min(t.w, t.h) * 0.2)
    back = shapes.Ground(t.rng, t.w, spot.y - t.h * 0.07, t.h * 0.02)
    for i in range(3):
        trunks(t, 11 - 3 * i, (13 + 9 * i) * t.u, blend(land[i], land[2 + i], 0.4), 30 + 14 * i, spot.x)
        t.sheet.cut(shapes.Ground(t.rng, t.w, back.y + i * t.h * 0.03, t.h * 0.015).path(t.h), land[1 + i], 34 + 14 * i)
    name = t.look(hero(t))
    if t.cast.quiet and name in {"own/bare-tree", "own/cup", "own/glass-flower"}:
        name = "own/lantern"
    spot = fitted(name, Spot(spot.x, spot.y + 4 * t.u, t.h * 0.42), t.w * 0.4)
    t.lay(name, spot, 84)
    ground = foreground(t, spot.y, plants=False)
    if t.cast.people:
        x = spot.x - t.w * (0.2 if t.aspect > 1.3 else 0.3)
        t.figure.stand(t.sheet, Spot(x, ground.at(x) + 4 * t.u, t.h * 0.17), t.palette)
    swarm(t, spot.x - t.w * 0.1, t.h * 0.26, 5, t.w * 0.26)
    trunks(t, 4, 62 * t.u, blend(land[6], roles["k"], 0.45), 176, spot.x - t.w * 0.08, keep=0.34)
    fringe(t, blend(land[6], roles["k"], 0.6), 200)
    weather(t)


def trunks(t: Table, count: int, wide: float, fill: str, lift: float, gap_x: float, *, keep: float = 0.09) -> None:
    """Tree trunks with a branch or two, leaving a gap of ``keep`` of the width about ``gap_x``."""
    out = []
    for i in range(count):
        x = t.w * (i + t.rng.uniform(0.2, 0.8)) / count
        if abs(x - gap_x) < t.w * keep:
            x = gap_x + (keep + 0.03) * t.w * (1 if x > gap_x else -1)
        half, lean = wide * t.rng.uniform(0.32, 0.55), t.rng.uniform(-0.04, 0.04) * t.h
        out.append(
            shapes.path(
                "M",
                x - half * 1.5,
                t.h,
                "Q",
                x - half,
                t.h * 0.5,
                x - half * 0.7 + lean,
                -5,
                "H",
                x + half * 0.7 + lean,
                "Q",
                x + half,
                t.h * 0.5,
                x + half * 1.5,
                t.h,
                "Z",
            )
        )
        t.sheet.cut("".join(boughs(t, x, lean, half, wide)), fill, lift)
    t.sheet.cut("".join(out), fill, lift)


def boughs(t: Table, x: float, lean: float, half: float, wide: float) -> list[str]:
    """Two bare branches of a trunk that leans ``lean`` px over the picture's height."""
    out = []
    for _ in range(2):
        y, side = t.rng.uniform(0.04, 0.36) * t.h, t.rng.choice((-1, 1))
        reach = wide * t.rng.uniform(1.6, 3.0)
        bx = x + lean * (1 - y / t.h)
        out.append(
            shapes.path(
                "M",
                bx,
                y + half,
                "Q",
                bx + side * reach * 0.5,
                y - half * 0.1,
                bx + side * reach,
                y - reach * 0.5,
                "Q",
                bx + side * reach * 0.4,
                y - half * 0.8,
                bx,
                y - half * 0.5,
                "Z",
            )
        )
    return out
