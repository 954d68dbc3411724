"""How values are said to people on the pages. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from .seam import DisplayInfo, Showing

Row = Mapping[str, object]

MOST = 50  # rows in a table
LATE_SECONDS = 10  # a picture is taken down up to five seconds after its time; clocks of small devices are worse
TITLES = {"stuck": "Plates that wait", "mqtt": "Home Assistant"}
KINDS = {
    "": "Everything",
    "gate": "By the gate",
    "words": "In words alone",
    "editor": "By an editor",
    "owner": "By you",
}
RECIPE = ("engine", "model", "server", "pipeline", "steps", "guidance", "quality", "composition", "palette", "beside")
SEEN = {  # what a critic looks for, where all is well and where it is not
    "subject_present": ("its hero is there", "its hero is missing"),
    "one_person": ("nobody is in the way", "somebody is in the way"),
    "idea_visible": ("the idea can be seen", "the idea cannot be seen"),
    "tone_fits": ("the mood fits", "the mood does not fit"),
    "no_lettering": ("no lettering", "lettering"),
    "no_logo_or_flag": ("no logo, no flag", "a logo or a flag"),
    "no_lookalike": ("no public figure", "somebody looks like a public figure"),
    "anatomy_ok": ("bodies are believable", "a body that cannot be"),
    "no_gore": ("nothing that hurts", "something that hurts"),
}
MEASURED = {  # what pixels say
    "decodes": ("the file can be opened", "the file cannot be opened"),
    "size": ("large enough", "too small"),
    "not_blank": ("something is on it", "nothing is on it"),
    "not_static": ("no noise", "noise"),
    "not_plain": ("several colours", "hardly more than one colour"),
    "not_a_grid": ("one picture", "a sheet of the same picture"),
}


def ago(then: datetime, now: datetime) -> str:
    """A moment as seen from now: "3 h ago", "in 12 min", and the date beyond a fortnight."""
    seconds = (now - then).total_seconds()
    size = abs(seconds)
    if size < 45:
        return "just now"
    if size > 14 * 86400:
        return f"{then.day} {then:%B %Y}"
    for unit, length, until in (("min", 60, 3600), ("h", 3600, 129600), ("days", 86400, math.inf)):
        if size < until:
            text = f"{max(1, round(size / length))} {unit}"
            break
    return f"{text} ago" if seconds > 0 else f"in {text}"


def label(key: str) -> str:
    """A key of the status as a heading: its unit is said with the value, not here."""
    for unit in ("_bytes", "_seconds", "_at"):
        key = key.removesuffix(unit)
    return key.replace("_", " ").capitalize()


def size(count: float) -> str:
    """Bytes for people, in powers of ten as disks are sold."""
    for unit, length in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if abs(count) >= length:
            scaled = count / length
            return f"{scaled:.0f} {unit}" if abs(scaled) >= 10 else f"{scaled:.1f} {unit}"
    return f"{count:.0f} B"


def span(seconds: float) -> str:
    """A length of time for people."""
    for unit, length in (("days", 172800), ("h", 7200), ("min", 120)):
        if seconds >= length:
            return f"{seconds / (length / 2):.0f} {unit}"
    return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s".replace(".0 ", " ")


def say(value: object, key: str, now: datetime) -> str:
    """One value of the status in words; its unit is read from the key's end."""
    match value:
        case None | "":
            return "–"
        case bool():
            return "yes" if value else "no"
        case int() | float() if key.endswith("_bytes"):
            return size(value)
        case int() | float() if key.endswith("_seconds") or key == "seconds":
            return span(value)
        case str() if key.endswith(("_at", "_since", "_until")) or key in ("since", "until"):
            return _moment(value, now)
        case Mapping():
            return ", ".join(f"{label(str(k)).lower()} {say(v, str(k), now)}" for k, v in value.items()) or "–"
        case list() | tuple():
            return ", ".join(say(item, key, now) for item in value) or "–"
        case _:
            return str(value)


def _moment(text: str, now: datetime) -> str:
    try:
        then = datetime.fromisoformat(text)
    except ValueError:
        return text
    return ago(then if then.tzinfo else then.replace(tzinfo=now.tzinfo), now)


def web_address(link: str) -> str:
    """The link if it is one that a page may carry, else ""."""
    try:
        parts = urlsplit(link)
    except ValueError:
        return ""
    return link if parts.scheme in ("http", "https") and parts.netloc else ""


def plate_number(plate_id: int) -> str:
    """A plate by its number: "No. 12", or "Sample 3" for the sample edition, whose numbers are negative."""
    return f"Sample {-plate_id}" if plate_id < 0 else f"No. {plate_id}"


def after(then: datetime, first: datetime) -> str:
    """How long after the first moment: "+41 s"; "" for the first itself."""
    seconds = (then - first).total_seconds()
    return f"+{span(seconds)}" if seconds >= 0.5 else ""


def nth(number: int) -> str:
    """A place in a row: "First", "Second", ... and "No. 13" beyond a dozen."""
    words = "First Second Third Fourth Fifth Sixth Seventh Eighth Ninth Tenth Eleventh Twelfth".split()  # noqa: SIM905
    return words[number - 1] if 0 < number <= len(words) else f"No. {number}"


def point(check: Mapping[str, Any]) -> str:
    """What a critic looked for, and whether it is so."""
    name = str(check["id"])
    well, ill = (SEEN | MEASURED).get(name, (name.replace("_", " "),) * 2)
    return well if check["ok"] else ill


def recipe(recipe: Mapping[str, Any]) -> dict[str, object]:
    """A picture's recipe for people: who painted it and how, without what is for machines."""
    lines = {label(key): recipe[key] for key in RECIPE if recipe.get(key) not in (None, "", [], {})}
    if photo := recipe.get("photo"):
        lines["Photo"] = photo if isinstance(photo, str) else "the learned one, painted anew"
    if recipe.get("width_px") and recipe.get("height_px"):
        lines["Painted at"] = f"{recipe['width_px']} × {recipe['height_px']} px"
    if isinstance(took := recipe.get("took_s"), (int, float)):
        lines["Took"] = span(took)
    return lines


def until_next(showing: Showing, now: datetime, display: DisplayInfo) -> int:
    """Seconds (5 … 86400) until it is worth asking for a display's slide again.

    Where its time is up and nothing newer has come, another turn is waited for. A battery lives on being left alone: an
    e-ink panel is never told to wake within the minute.
    """
    left = (showing.until - now) / timedelta(seconds=1)
    wait = (left if left > 0 else display.dwell_seconds) + LATE_SECONDS
    return min(max(math.ceil(wait), 60 if display.profile.eink else 5), 86400)


def troubles(status: Mapping[str, object]) -> list[str]:
    """What is wrong, a short line each: the status's own error, a low disk, and its lists' rows with an ``error``."""
    lines = [_shortened(str(status["error"]))] if status.get("error") else []
    disk = status.get("disk")
    if isinstance(disk, Mapping) and disk.get("low"):
        free = disk.get("free_bytes")
        lines.append("the disk is nearly full" + (f": {size(free)} free" if isinstance(free, (int, float)) else ""))
    mqtt = status.get("mqtt")
    if isinstance(mqtt, Mapping) and mqtt.get("last_error"):
        lines.append(f"Home Assistant: {_shortened(str(mqtt['last_error']), 160)}")
    failing = [row for row in editors(status) if row.get("error")]
    lines += [f"editor {row.get('name')}: {_shortened(str(row['error']), 160)}" for row in failing]
    for key in ("feeds", "displays", "stuck"):
        rows = [row for row in _rows(status.get(key)) if row.get("error")]
        if not rows:
            continue
        everything = len(_rows(status.get(key)))
        what = f"plates: {len(rows)} waiting" if key == "stuck" else f"{key}: {len(rows)} of {everything} failing"
        lines.append(f"{what}: {_shortened(str(rows[0]['error']))}")
    return lines


def notice(showings: Iterable[Showing], status: Mapping[str, object]) -> str:
    """The one honest line over the index: what is shown instead of news, and what fails. "" when all is well."""
    notes = dict.fromkeys(showing.note for showing in showings if showing.note)
    return "; ".join([*notes, *troubles(status)])


@dataclass(frozen=True, slots=True)
class Section:
    """One part of the status page: a table when it has rows, a list of facts otherwise."""

    title: str
    columns: Sequence[str] = ()
    rows: Sequence[Row] = ()
    facts: Row | None = None
    more: int = 0  #: rows left out, so that a page stays a page


def sections(status: Mapping[str, object]) -> list[Section]:
    """The status in parts for the page, whatever it holds: plain values together first, then a part for each group."""
    status = {key: value for key, value in status.items() if key not in ("version", "gate", "editors", "engines")}
    plain = {k: v for k, v in status.items() if not isinstance(v, (Mapping, list, tuple))}
    parts = [Section("Service", facts=plain)] if plain else []
    for key, value in status.items():
        if isinstance(value, Mapping):
            parts.append(Section(TITLES.get(key, label(key)), facts=value))
        elif isinstance(value, (list, tuple)):
            rows = _rows(value) or [{key: item} for item in value]
            told = dict.fromkeys(column for row in rows for column in row if row[column] not in (None, ""))
            parts.append(Section(TITLES.get(key, label(key)), list(told), rows[:MOST], more=max(0, len(rows) - MOST)))
    return parts


def editors(status: Mapping[str, object]) -> list[Row]:
    """Who directs the pictures, and how they are."""
    return _rows(status.get("editors"))


def engines(status: Mapping[str, object]) -> list[Row]:
    """Who paints, how they are, and what they do now: "painting, step 7 of 20"."""
    return _rows(status.get("engines"))


def gates(status: Mapping[str, object]) -> list[Row]:
    """The day of each channel's gate."""
    return _rows(status.get("gate"))


def _rows(value: object) -> list[Row]:
    return [row for row in value if isinstance(row, Mapping)] if isinstance(value, (list, tuple)) else []


def _shortened(text: str, limit: int = 90) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1].rstrip()}…"
