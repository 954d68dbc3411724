"""Paper people of our own: anonymous, seen from behind, each with what tells their work. No faces."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

Parts = list[tuple[str, str]]

#: Who wears and carries what: (build, hat, prop).
KINDS = {
    "baker": ("apron", "toque", "tray"),
    "sailor": ("trousers", "cap", "rope"),
    "gardener": ("apron", "straw", "can"),
    "child": ("child", "bobble", ""),
    "girl": ("small-dress", "plait", "balloon"),
    "musician": ("trousers", "beret", "cello"),
    "teacher": ("dress", "bun", "book"),
    "walker": ("coat", "brim", "bag"),
    "rain": ("coat", "", "umbrella"),
    "worker": ("trousers", "cap", "ladder"),
    "keeper": ("coat", "cap", "lantern"),
    "woman": ("dress", "bun", "bag"),
    "rower": ("trousers", "straw", "pole"),
    "doctor": ("smock", "bun", "bag"),
    "reader": ("coat", "beret", "book"),
}
SKINS = ("#e0ac86", "#a9714b", "#7a4a30", "#c98d64")
HAIRS = ("k", "t", "#6b4226", "#8a8580")
CLOTHS = (("a", "d"), ("b", "r"), ("g", "t"), ("#3f6fa3", "#2c4a70"))
VARIANTS = 4  #: of each kind: other cloth, skin and hair


def _disc(x: float, y: float, r: float) -> str:
    return f"M{x - r} {y}a{r} {r} 0 1 1 {2 * r} 0a{r} {r} 0 1 1 {-2 * r} 0z"


def _legs(foot: float = 990, top: float = 680) -> Parts:
    legs = f"M318 {top}l60 0l-6 {foot - top}l-46 0zM402 {top}l60 0l-8 {foot - top}l-46 0z"
    shoes = f"M310 {foot + 10}q2-28 30-30l34 0l0 30zM406 {foot + 10}l0-30l34 0q28 2 30 30z"
    return [("k", legs), ("k", shoes)]


def _builds(cloth: str, dark: str) -> dict[str, Parts]:
    sleeves = "M318 262q-60 60-72 262q20 18 46 4l52-180zM462 262q60 60 72 262q-20 18-46 4l-52-180z"
    jacket = "M316 258q74-36 148 0l26 320q-100 26-200 0z"
    skirt = "M318 258q72-36 144 0l12 220l70 330q-154 46-308 0l70-330z"
    coat = "M312 258q78-36 156 0l52 500q-130 40-260 0z"
    bow = "M352 500l38-18l38 18l-38 22zM376 516l-18 120l20 6l14-118zM404 516l18 120l-20 6l-14-118z"
    return {
        "coat": [*_legs(top=720), (dark, sleeves), (cloth, coat), (dark, "M384 540l12 0l10 232l-32 0z"),
                 (dark, "M352 462l76 0l0 24l-76 0z")],
        "smock": [*_legs(top=720), ("q", sleeves), ("p", coat), ("q", "M330 470l120 0l2 26l-124 0z")],
        "dress": [*_legs(top=740), (dark, sleeves), (cloth, skirt), (dark, "M320 468l140 0l4 26l-148 0z")],
        "trousers": [("k", "M296 560l188 0l-14 420l-62 0l-18-300l-18 300l-62 0z"),
                     ("k", "M300 1000q2-26 30-30l44 0l0 30zM406 1000l0-30l44 0q28 4 30 30z"),
                     (dark, sleeves), (cloth, jacket)],
        "apron": [*_legs(top=720), (dark, sleeves), (cloth, jacket),
                  ("p", "M292 520q98 30 196 0l30 260q-128 36-256 0z"),
                  ("p", "M330 262l20-6l18 240l-24 8zM450 262l-20-6l-18 240l24 8z"), ("q", bow)],
        "child": [("k", "M312 760l70 0l-6 220l-56 0zM398 760l70 0l-8 220l-56 0z"),
                  ("k", "M304 1000q2-26 30-30l44 0l0 30zM402 1000l0-30l44 0q28 4 30 30z"),
                  (dark, "M318 520q-66 40-84 200q20 18 48 4l60-120zM462 520q66 40 84 200q-20 18-48 4l-60-120z"),
                  (cloth, "M312 512q78-40 156 0l34 276q-112 30-224 0z"), (dark, "M340 540l100 0l10 110l-120 0z")],
        "small-dress": [("k", "M336 840l40 0l-4 140l-34 0zM404 840l40 0l-2 140l-34 0z"),
                        ("k", "M318 1000q2-24 28-28l32 0l0 28zM402 1000l0-28l32 0q26 4 28 28z"),
                        (dark, "M318 520q-66 40-84 180q20 18 48 4l60-110zM462 520q60-60 40-260q-24-16-46 2l-20 230z"),
                        (cloth, "M318 512q72-40 144 0l10 110l60 230q-142 46-284 0l60-230z")],
    }  # fmt: skip


def _heads(skin: str, hair: str, cloth: str, y: float) -> dict[str, Parts]:
    """Heads from behind about the height ``y`` of their middle."""
    base: Parts = [
        (skin, _disc(262, y + 366, 22) + _disc(518, y + 366, 22)),
        (skin, f"M362 {y + 40}l56 0l4 64q-32 22-64 0z"),
        (hair, _disc(390, y, 78)),
    ]
    hats: dict[str, Parts] = {
        "": [],
        "toque": [("p", f"M318 {y - 40}l10-60q-62-20-40-76q24-44 66-24q36-44 76 0q46-20 66 24q20 56-42 76l10 60z"),
                  ("q", f"M316 {y - 52}q74 26 148 0l2 34q-76 26-152 0z")],
        "cap": [(cloth, f"M306 {y - 8}q-6-92 84-92q90 0 84 92q-84 26-168 0z"),
                ("k", f"M306 {y - 14}q84 26 168 0l2 24q-86 26-172 0z")],
        "straw": [("#e2bf72", f"M330 {y - 30}q4-74 60-74q56 0 60 74z"),
                  ("#e2bf72", f"M240 {y - 14}q20-34 150-34q130 0 150 34q-24 36-150 36q-126 0-150-36z"),
                  ("a", f"M328 {y - 48}q62 16 124 0l2 22q-64 16-128 0z")],
        "brim": [("k", f"M326 {y - 30}q-2-86 40-86q24 12 48 0q42 0 40 86z"),
                 ("k", f"M270 {y - 18}q20-24 120-24q100 0 120 24q-20 24-120 24q-100 0-120-24z")],
        "beret": [(cloth, f"M290 {y - 34}q10-70 120-64q90 10 82 58q-100 40-202 6z")],
        "bobble": [(cloth, f"M308 {y + 8}q-6-104 82-104q88 0 82 104z"), ("p", f"M302 {y - 6}l176 0l0 38l-176 0z"),
                   ("p", _disc(390, y - 104, 30))],
        "bun": [(hair, _disc(390, y - 76, 42))],
        "plait": [(hair, f"M372 {y + 60}l36 0l-4 150l-14 26l-14-26z"), ("a", f"M372 {y + 176}l36 0l0 20l-36 0z")],
    }  # fmt: skip
    return {name: base + hat for name, hat in hats.items()}


_UMBRELLA: Parts = [
    ("t", "M506 60l14 0l0 540l-14 0z"),
    ("a", ("M200 190q20-190 313-196q293 6 313 196"
      "q-40-34-78-4q-40-34-78 0q-40-34-78 0q-40-34-79 0q-40-34-79 0q-40-34-78 0q-38-30-78 4z")),
    ("d", "M513 -6q-60 70-79 192q40-34 79 0q40-34 79 0q-19-122-79-192z"),
]  # fmt: skip
_CELLO: Parts = [
    ("t", "M578 180l22 0l0 260l-22 0z"),
    ("#b5713a", ("M590 380q70 0 66 90q-30 50 4 90q40 20 36 120q-6 130-106 130q-100 0-106-130q-4-100 36-120"
      "q34-40 4-90q-4-90 66-90z")),
    ("k", "M560 560l10 0l-6 90l-10 0zM610 560l10 0l6 90l-10 0zM584 810l12 0l0 180l-12 0z"),
    ("k", "M566 470l48 0l0 14l-48 0z"),
]  # fmt: skip

PROPS: dict[str, Parts] = {
    "": [],
    "tray": [("r", "M470 470l300 0l-20 30l-260 0z"),
             ("#c98a45", "M500 472q0-66 56-66q56 0 56 66zM620 472q0-66 56-66q56 0 56 66z"),
             ("#e2b070", "M524 440l20-24l10 8l-20 26zM650 440l20-24l10 8l-20 26z")],
    "rope": [("#d8b98a", _disc(560, 560, 74)), ("#8f7350", _disc(560, 560, 48)), ("#d8b98a", _disc(560, 560, 26))],
    "can": [("#5f8f86", "M500 640l150 0l14 160l-178 0z"), ("#47736b", "M650 690l110-80l14 16l-108 120z"),
            ("#47736b", "M752 590l52 50l-12 12l-52-50z"), ("#47736b", "M520 640q50-90 110 0l-16 0q-36-60-78 0z")],
    "balloon": [("k", "M476 270l4-180l5 0l-3 180z"),
                ("a", "M482-180q86 4 86 104q-4 92-86 134q-82-42-86-134q0-100 86-104z"),
                ("h", "M440-110q8-40 40-40l-6 18q-18 4-20 26z")],
    "cello": _CELLO,
    "book": [("p", "M500 480l90-30l90 30l0 110l-90-26l-90 26z"),
             ("a", "M494 486l-8 116l104-26l104 26l-8-116l-6 106l-90-26l-90 26z")],
    "bag": [("t", "M488 560l110 0l18 150l-146 0z"), ("k", "M512 560q32-80 64 0l-14 0q-18-46-36 0z")],
    "umbrella": _UMBRELLA,
    "ladder": [("#b98550", "M560 60l26 0l90 930l-28 0zM680 40l26 0l90 930l-28 0z"),
               ("#b98550", ("M566 160l124-12l2 26l-124 12zM582 330l124-12l2 26l-124 12zM600 500l124-12l2 26l-124 12z"
                 "M616 670l124-12l2 26l-124 12zM632 840l124-12l2 26l-124 12z"))],
    "lantern": [("k", "M514 520q36-80 72 0l-12 0q-24-50-48 0z"), ("l", "M516 520l68 0l16 130l-100 0z"),
                ("h", "M550 550q-34 60 0 86q34-26 0-86z"),
                ("k", "M506 506l88 0l6 20l-100 0zM494 644l112 0l4 24l-120 0z")],
    "pole": [("#9a6b3f", "M528 20l22 0l30 980l-24 0z")],
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class CutOut:
    """Paper pieces of one thing, in units of 1/1000 of its longer side."""

    name: str
    author: str
    width: int
    height: int
    outline: str  #: the whole silhouette, as an SVG path
    parts: tuple[tuple[str, str], ...]  #: (role letter or #rrggbb[aa], SVG path), back to front


@lru_cache(maxsize=128)
def person(name: str) -> CutOut:
    """The cut-out of ``folk/<kind>-<variant>``. Raises KeyError where there is no such kind."""
    kind, _, number = name.removeprefix("folk/").rpartition("-")
    build, hat, prop = KINDS[kind]
    i = int(number)
    cloth, dark = CLOTHS[i % 4]
    small = build in {"child", "small-dress"}
    head = _heads(SKINS[(i + len(kind)) % 4], HAIRS[(i * 3 + len(kind)) % 4], cloth, 424 if small else 168)[hat]
    parts = [*_builds(cloth, dark)[build], *head, *PROPS[prop]]
    return CutOut(name, "frontispiece", 780, 1000, "M240 0l300 0l0 1000l-300 0z", tuple(parts))


def kin(kind: str, seed: int) -> str:
    """A variant of a kind."""
    return f"folk/{kind}-{seed % VARIANTS}"
