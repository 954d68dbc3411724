"""Water: the sea from the shore, and an island as a chart shows it."""

from __future__ import annotations

import math

from . import shapes
from .cutouts import Spot, size_of
from .folk import kin
from .grouping import QUIET_BULK, Level, Stage, perform
from .heavens import birds, clouds, heavens, sky, swarm, weather
from .palette import Hour
from .scenery import FOOT, Table, blend, fitted, hero, landscape, others, stage
from .stock import seat, stock

AFLOAT = ("boat", "ship", "sail", "ferry", "canoe", "whale", "duck", "swan", "dolphin", "raft", "galleon", "drakkar",
          "submarine", "iceberg", "octopus", "buoy", "seal", "turtle", "goose", "otter", "fish", "paddle")  # fmt: skip


def sea(t: Table) -> None:
    """Row behind row of waves, the troupe afloat or on rocks among them, the light low over the horizon."""
    spot = stage(t)
    horizon = spot.y - t.h * 0.15
    sky(t, horizon=horizon)
    lx = t.w - spot.x + t.w * t.rng.uniform(-0.1, 0.1)
    heavens(t, lx, horizon - t.h * t.rng.uniform(0.04, 0.14), min(t.w, t.h) * 0.13)
    clouds(t, 2, 0.06, 0.18)
    swarm(t, t.w - spot.x, t.h * 0.15, 6, t.w * 0.3)
    rows = 7
    for i in range(rows):
        y = horizon + (t.h * 1.02 - horizon) * (i / rows) ** 1.25
        length = (70 + 38 * i) * t.u
        swell = shapes.swell(t.w, y, length, (5 + 3.6 * i) * t.u, t.rng.random(), t.h + 9)
        t.sheet.cut(swell, t.palette.water[min(i, 5)], 34 + 20 * i)
        if i == 0:
            path_of_light(t, lx, y)
        if i == 1 and not t.cast.quiet:
            afar(t, y)
        if i == 2 and not t.cast.quiet:
            on_the_water(t, spot)
    if t.cast.quiet:
        shore(t)
    weather(t)


def path_of_light(t: Table, x: float, y: float) -> None:
    """The sun's or moon's way over the water."""
    out = []
    for i in range(9):
        w = (16 + 9 * i + t.rng.uniform(-8, 8)) * t.u
        out.append(shapes.box(x - w / 2 + t.rng.uniform(-6, 6) * t.u, y + (10 + i * 9) * t.u, w, 2.2 * t.u))
    t.sheet.ink(f'<path d="{"".join(out)}" fill="{t.palette.disc}" opacity=".6"/>')


def afar(t: Table, y: float) -> None:
    """Two small sails, or what else the scene has afloat."""
    paper = t.palette.roles["p"]
    for x, s in ((0.16, 34), (0.3, 24), (0.86, 28)):
        if t.rng.random() < 0.7:
            bx, k = t.w * x, s * t.u
            t.sheet.cut(shapes.polygon([(bx, y - k * 1.3), (bx, y - k * 0.1), (bx + k * 0.6, y - k * 0.1)]), paper, 52)
            t.sheet.cut(
                shapes.polygon([(bx - 2, y - k), (bx - 2, y - k * 0.1), (bx - k * 0.4, y - k * 0.1)]),
                blend(paper, t.palette.water[2], 0.25),
                52,
            )
            t.sheet.cut(
                shapes.polygon(
                    [(bx - k * 0.6, y), (bx + k * 0.8, y), (bx + k * 0.5, y + k * 0.25), (bx - k * 0.4, y + k * 0.25)]
                ),
                t.palette.roles["k"],
                53,
            )


def on_the_water(t: Table, spot: Spot) -> None:
    """The troupe: what floats on the water, its people in the boat, the rest on rocks."""
    first, name = len(t.boxes), t.look(hero(t))
    crewed = bool(t.cast.troupe.folk) and not t.cast.subject_shown and name in stock()["open"]["looks"]
    if crewed:
        crew(t, name, spot)
    perform(t, Stage(Level(spot.y), spot.x, spot.size, t.w * 0.04, t.w * 0.96, 88), folk=not crewed)
    for used, box in list(zip(t.used, t.boxes, strict=True))[first:]:
        if abs(box[3] - spot.y) < 12 * t.u and not any(word in used for word in AFLOAT):
            rock(t, box)


def crew(t: Table, name: str, spot: Spot) -> None:
    """Somebody in the boat that is about to be laid."""
    wide, high = size_of(name, fitted(name, spot, t.w * 0.57).size)
    person = kin(t.cast.troupe.folk[0], t.cast.seed)
    tall = min(high * 0.9, spot.size * 0.62)
    t.lay(person, Spot(spot.x + wide * 0.12, spot.y - high * (seat(name) or 0.4) + tall * 0.22, tall), 84)


def rock(t: Table, box: tuple[float, float, float, float]) -> None:
    """A rock under what cannot swim."""
    x, y, half = (box[0] + box[2]) / 2, box[3], (box[2] - box[0]) * 0.72
    edges = ((-1, 1), (-0.82, 0.1), (-0.4, -0.16), (0.3, -0.2), (0.8, 0.0), (1.1, 1))
    outline = shapes.closed([(x + dx * half, y + dy * t.h * 0.1) for dx, dy in edges])
    t.sheet.cut(outline, blend(t.palette.land[5], t.palette.roles["s"], 0.3), 94)


def shore(t: Table) -> None:
    """A quiet strip of land at the water's edge with one thing on it."""
    spot = stage(t)
    name = t.quiet_look()
    if name in {"own/cup", "own/glass-flower"}:
        name = "own/stones"
    ground = shapes.Ground(t.rng, t.w, spot.y + t.h * 0.01, t.h * 0.014)
    t.sheet.cut(ground.path(t.h + 9), t.palette.land[5], 170)
    high = spot.size * QUIET_BULK.get(name, 0.6)
    t.lay(name, fitted(name, Spot(spot.x, ground.at(spot.x) + 5 * t.u, high), t.w * 0.5), 184)
    t.sheet.cut(shapes.Ground(t.rng, t.w, t.h * 0.8, t.h * 0.02).path(t.h + 9), t.palette.land[6], 200)
    birds(t, t.w - spot.x, t.h * 0.2, 3)


def chart(t: Table) -> None:
    """An island from above, layer on layer as on a chart, the hero on its height, small boats about it."""
    spot = stage(t)
    water, land, roles = t.palette.water, t.palette.land, t.palette.roles
    t.sheet.cut(shapes.box(-2, -2, t.w + 4, t.h + 4), water[5], 4)
    graticule(t)
    cx, cy = spot.x, spot.y - t.h * 0.16
    wobble = [(t.rng.uniform(0.04, 0.11), n, t.rng.uniform(0, math.tau)) for n in (2, 3, 5)]
    papers = [water[4], water[3], water[2], water[1], blend(roles["p"], roles["l"], 0.3), land[1], land[2], land[3]]
    if t.palette.hour is Hour.NIGHT:
        papers[4] = blend(papers[4], water[2], 0.4)
    rx, ry = (t.w * 0.62, t.h * 0.74) if t.aspect > 1.3 else (t.w * 0.74, t.h * 0.52)
    for i, paper in enumerate(papers):
        k = 1 - i * 0.108
        t.sheet.cut(coast(cx, cy, rx * k, ry * k, wobble, i * 0.16), paper, 16 + 13 * i)
    trees_about(t, cx, cy, rx * 0.3, ry * 0.2)
    foot = min(cy + t.h * 0.17, spot.y)
    perform(t, Stage(Level(foot), cx, spot.size, cx - rx * 0.52, cx + rx * 0.52))
    voyage(t, cx, cy, rx, ry)


def coast(x: float, y: float, rx: float, ry: float, wobble: list[tuple[float, int, float]], turn: float) -> str:
    points = []
    for i in range(26):
        a = i / 26 * math.tau
        r = 1 + sum(s * math.sin(n * a + p + turn) for s, n, p in wobble)
        points.append((x + rx * r * math.cos(a), y + ry * r * math.sin(a)))
    return shapes.closed(points)


def graticule(t: Table) -> None:
    step = 120 * t.u
    out = [shapes.box(i * step + step / 2, 0, 1.1 * t.u, t.h) for i in range(int(t.w / step) + 1)]
    out += [shapes.box(0, i * step + step / 2, t.w, 1.1 * t.u) for i in range(int(t.h / step) + 1)]
    t.sheet.ink(f'<path d="{"".join(out)}" fill="{t.palette.roles["p"]}" opacity=".16"/>')


def trees_about(t: Table, x: float, y: float, rx: float, ry: float) -> None:
    out = []
    for i in range(15):
        a = i / 15 * math.tau + t.rng.uniform(-0.15, 0.15)
        out.append((y + ry * math.sin(a), x + rx * math.cos(a)))
    for ty, tx in sorted(out):
        if abs(tx - x) > rx * 0.45:
            t.sheet.cut(
                shapes.pine(tx, ty, t.rng.uniform(26, 42) * t.u),
                blend(t.palette.land[5], t.palette.roles["g"], 0.4),
                132,
            )


def voyage(t: Table, cx: float, cy: float, rx: float, ry: float) -> None:
    """Little paper boats, or the scene's small things, on a dotted course."""
    small = [n for n in others(t, 4) if not t.cast.quiet]
    for i, a in enumerate((2.75, 3.55, 4.0, 5.6, 0.35)):
        x, y = cx + rx * 0.78 * math.cos(a), cy + ry * 0.8 * math.sin(a)
        low = FOOT if landscape(t) else 0.94
        if not (0.04 * t.w < x < 0.96 * t.w and 0.1 * t.h < y < low * t.h) or t.cast.quiet:
            continue
        name = t.look(small[i]) if i < len(small) and small[i].role in {"swarm", "sky"} else "own/paper-boat"
        size = (62 if name == "own/paper-boat" else 84) * t.u
        t.lay(name, fitted(name, Spot(x, y, size, t.rng.uniform(-8, 8)), size), 90)
    compass(t)


def compass(t: Table) -> None:
    x, y, r = t.w * 0.1, t.h * 0.2, 44 * t.u
    if t.aspect > 1.1:
        t.sheet.cut(shapes.star(x, y, r, 4, 0.2), blend(t.palette.roles["p"], t.palette.water[3], 0.15), 40)
        t.sheet.cut(shapes.star(x, y, r * 0.5, 8, 0.5), t.palette.roles["a"], 44)
