"""Sets a headline: the size and the lines that fill a box best. Pure arithmetic over measured widths.

The fewest lines that still give a comfortable size, then evenly filled lines; at most 40 characters a line; never wider
than the box and never higher; what does not fit at the smallest size ends in an ellipsis after a word.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from .words import Unit, graphemes, split_word, units

LONGEST_LINE = 40  #: characters
ELLIPSIS = "…"
#: Short words that should rather begin a line than end one.
LEANING = frozenset(
    re.findall(
        r"\w+",
        "a an the of to in on at by for and or as is der die das ein eine und im am zu von mit le la les un une de du "
        "des et à el los las y en del al il lo gli di da e o no na em um uma het een van",
    )
)

Measure = Callable[[Sequence[str]], list[float]]  #: texts → widths in em, as drawn


@dataclass(frozen=True, slots=True)
class Room:
    """What a headline may take."""

    width_px: float
    height_px: float
    lines: int
    type_max_px: float
    type_min_px: float
    comfort: float = 0.3  #: of the way from the smallest size to the largest: below it, another line is better

    def least_px(self, line_height: float) -> float:
        """The smallest size used: smaller than asked only where not even one line would fit."""
        return max(1.0, min(self.type_min_px, self.height_px / line_height))


@dataclass(frozen=True, slots=True)
class Fitted:
    """A headline set: its size, its lines, line height and tracking in em, the widest line as drawn."""

    size_px: float
    lines: tuple[str, ...]
    line_height: float
    tracking: float
    widest_px: float
    clipped: bool = False

    @property
    def height_px(self) -> float:
        return len(self.lines) * self.size_px * self.line_height


@dataclass(frozen=True, slots=True)
class Measured:
    """A headline's units with their widths, and the widths of what may stand between or after them; all in em."""

    units: tuple[Unit, ...]
    space: float
    hyphen: float
    ellipsis: float

    def width(self, line: Sequence[Unit]) -> float:
        """A line's width: its units, the spaces between them, a hyphen where it breaks a word."""
        between = sum(self.space for u in line[:-1] if u.glue == " ")
        return sum(u.width for u in line) + between + (self.hyphen if line and line[-1].glue == "-" else 0.0)


def fit(text: str, language: str, room: Room, measure: Measure, *, line_height: float, tracking: float) -> Fitted:
    """Set ``text`` into ``room``. ``text`` is one line, already tidy; "" gives no lines."""
    least = room.least_px(line_height)
    known = measured(text, language, measure, tracking=tracking, em=room.width_px / least)
    size, count = _size(known, room, line_height)
    if size:
        lines = [_text(line) for line in balanced(known, count, room.width_px / size)]
    else:
        size, count = least, max(1, min(room.lines, int(room.height_px / (least * line_height))))
        lines = _clipped(known, count, room.width_px / size)
    widest = max((w + tracking * len(t) for w, t in zip(measure(lines), lines, strict=True)), default=0.0)
    if widest * size > room.width_px:  # kerning and joined letters across units: never trusted, always measured
        size = room.width_px / widest
    clipped = bool(lines) and lines[-1].endswith(ELLIPSIS) and not text.endswith(ELLIPSIS)
    return Fitted(size, tuple(lines), line_height, tracking, widest * size, clipped)


def measured(text: str, language: str, measure: Measure, *, tracking: float, em: float) -> Measured:
    """Measure a headline in one call, and one more where a word is wider than ``em`` and has to be broken."""
    parts = units(text, language)
    *widths, xx, x_x, hyphen, ellipsis = measure([*(u.text for u in parts), "xx", "x x", "-", ELLIPSIS])
    known = [replace(u, width=w + tracking * len(u.text)) for u, w in zip(parts, widths, strict=True)]
    if any(u.width > em for u in known):
        pieces = [p for u in known for p in (split_word(u, language) if u.width > em else [u])]
        pieces = [q for p in pieces for q in _graphemes(p, em)]
        again = measure([p.text for p in pieces])
        known = [replace(p, width=w + tracking * len(p.text)) for p, w in zip(pieces, again, strict=True)]
    return Measured(tuple(known), x_x - xx + tracking, hyphen + tracking, ellipsis + tracking)


def _graphemes(piece: Unit, em: float) -> list[Unit]:
    """A syllable that may itself be wider than the line (a wide letter takes up to 1.2 em) falls into graphemes."""
    if len(piece.text) * 1.2 <= em or piece.width:
        return [piece]
    parts = [Unit(g) for g in graphemes(piece.text)]
    return [*parts[:-1], replace(parts[-1], glue=piece.glue)]


def _text(line: Sequence[Unit]) -> str:
    body = "".join(u.text + (" " if u.glue == " " else "") for u in line[:-1])
    return body + line[-1].text + ("-" if line[-1].glue == "-" else "")


def greedy(known: Measured, em: float) -> list[list[Unit]]:
    """Lines filled one after the other; a line ends before the box or 40 characters do. One unit may be wider."""
    lines: list[list[Unit]] = []
    width = characters = 0.0
    for unit in known.units:
        space = known.space if lines and lines[-1][-1].glue == " " else 0.0
        hyphen = known.hyphen if unit.glue == "-" else 0.0
        fits = width + space + unit.width + hyphen <= em and characters + bool(space) + len(unit.text) <= LONGEST_LINE
        if lines and fits:
            lines[-1].append(unit)
            width, characters = width + space + unit.width, characters + bool(space) + len(unit.text)
        else:
            lines.append([unit])
            width, characters = unit.width, len(unit.text)
    return lines


def _biggest(known: Measured, lines: int, room: Room, line_height: float) -> int:
    """The largest whole size at which the headline takes at most so many lines; 0 if none does."""
    high = int(min(room.type_max_px, room.height_px / (lines * line_height)))
    low = max(1, -int(-room.least_px(line_height) // 1))
    widest = max((u.width for u in known.units), default=0.0)
    for size in range(high, low - 1, -1):
        em = room.width_px / size
        if widest <= em and len(greedy(known, em)) <= lines:
            return size
    return 0


def _size(known: Measured, room: Room, line_height: float) -> tuple[float, int]:
    """Size and number of lines: the fewest lines at a comfortable size, else whatever gives the largest type."""
    comfortable = room.type_min_px + room.comfort * (room.type_max_px - room.type_min_px)
    found = [(_biggest(known, n, room, line_height), n) for n in range(1, room.lines + 1)]
    fewest = next((pair for pair in found if pair[0] >= comfortable), None)
    return fewest or max(found, key=lambda pair: (pair[0], -pair[1]))


def balanced(known: Measured, lines: int, em: float) -> list[list[Unit]]:
    """The units in at most so many lines of at most ``em``, as even as they can be (least squares of what stays empty,
    after Knuth and Plass); a line rather not ending in an article, a preposition or a hyphen.
    """
    lines = min(lines, len(greedy(known, em)))
    parts, total = known.units, len(known.units)
    best: dict[tuple[int, int], tuple[float, int]] = {(0, 0): (0.0, 0)}  # (lines, units so far) → (cost, previous)
    for count in range(1, lines + 1):
        for start in [s for n, s in best if n == count - 1 and s < total]:
            for end in range(start + 1, total + 1):
                line = parts[start:end]
                width = known.width(line)
                if end > start + 1 and (width > em or sum(len(u.text) for u in line) > LONGEST_LINE):
                    break
                cost = best[count - 1, start][0] + _ugliness(line, width, em, last=end == total)
                if (count, end) not in best or cost < best[count, end][0]:
                    best[count, end] = (cost, start)
    return _walk(parts, best, lines) if (lines, total) in best else greedy(known, em)


def _ugliness(line: Sequence[Unit], width: float, em: float, *, last: bool) -> float:
    cost = ((em - width) / em) ** 2
    if not last:
        cost += 0.03 * (line[-1].text.lower() in LEANING) + 0.1 * (line[-1].glue == "-" or line[-1].text.endswith("-"))
        cost -= 0.012 * line[-1].text.endswith((",", ";", ":", "–", "—", "，", "、"))
    return cost


def _walk(parts: Sequence[Unit], best: dict[tuple[int, int], tuple[float, int]], lines: int) -> list[list[Unit]]:
    out: list[list[Unit]] = []
    end = len(parts)
    for count in range(lines, 0, -1):
        start = best[count, end][1]
        out.insert(0, list(parts[start:end]))
        end = start
    return out


def _clipped(known: Measured, lines: int, em: float) -> list[str]:
    """The first lines of a headline that is too long, the last of them ending in an ellipsis after a whole unit."""
    filled = greedy(known, em)
    if len(filled) <= lines:
        return [_text(line) for line in filled]
    *whole, last = filled[:lines]
    while last and known.width([*last[:-1], replace(last[-1], glue="")]) + known.ellipsis > em:
        last.pop()
    while last and last[-1].glue == "-" and any(u.glue != "-" for u in last):
        last.pop()  # not inside a word, if a word stands before it
    tail = _text([*last[:-1], replace(last[-1], glue="")]) if last else ""
    return [*map(_text, whole), tail.rstrip(" .,;:–—-،、，") + ELLIPSIS]
