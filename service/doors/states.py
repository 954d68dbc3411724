"""How things are, as a person reads it in a terminal."""

from __future__ import annotations

from typing import Any

from service.telling import line, literal, moment, out, table


def status(told: dict[str, Any], *, json: bool) -> None:
    """Print how things are: for people, or as one JSON object."""
    if json:
        line(told)
        return
    state = f"running at {told.get('url')}" if told["running"] else told.get("state") or "not running"
    out.print(f"[bold]Frontispiece {told['version']}[/], {state}; data in {literal(told['data'])}", soft_wrap=True)
    if told["error"]:
        out.print(f"[red]last round: {literal(told['error'])}[/]", soft_wrap=True)
    if told["disk"]["low"]:
        out.print(f"[red]the disk is nearly full: {told['disk']['free_bytes'] / 1e6:.0f} MB free[/]")
    out.print(", ".join(f"{number} {name}" for name, number in told["counts"].items()))
    for gate in told.get("gate", ()):
        more = "" if gate["paint"] == gate["stories"] else "  [dim]frontispiece skipped: the others, and why[/]"
        out.print(literal(gate["says"]) + more, soft_wrap=True)
    table("engines", ("engine", "painted today", "state", "last error"), [
        (e["name"], str(e["painted_today"]), _engine(e), e["error"] or "") for e in told.get("engines", ())
    ])  # fmt: skip
    for engine in told.get("engines", ()):
        if engine.get("says"):
            out.print(f"{literal(engine['name'])}: {literal(engine['says'])}", soft_wrap=True)
    table("feeds", ("channel", "feed", "last visit", "next visit", "state"), [
        (feed["channel"], feed["feed"], moment(feed["checked_at"]), moment(feed["next_check_at"]),
         feed["error"] or ("ok" if feed["checked_at"] else "not visited yet"))
        for feed in told["feeds"]
    ])  # fmt: skip
    table("displays", ("display", "shows", "since", "note"), [
        (d["name"], d["headline"], moment(d["since"]), _display(d)) for d in told["displays"]
    ])  # fmt: skip
    if mqtt := told.get("mqtt"):
        says = mqtt["last_error"] or ("connected" if mqtt["connected"] else "connecting")
        out.print(f"Home Assistant’s broker {literal(mqtt['broker'])}: {literal(says)}", soft_wrap=True)
    if told["stuck"]:
        table("plates on their way", ("plate", "headline", "finished", "tries", "error", "next try"), [
            (str(p["plate"]), p["headline"], p["step"], str(p["attempts"]), p["error"] or "", _next(p))
            for p in told["stuck"]
        ])  # fmt: skip


def _engine(told: dict[str, Any]) -> str:
    """What it does now, unless it is left alone."""
    if told.get("until"):
        return f"{told['state']} until {moment(told['until'])}"
    return str(told.get("now") or told["state"])


def _display(told: dict[str, Any]) -> str:
    """The one thing most worth knowing about a display."""
    return told["error"] or (f"waits for {told['busy_by']}" if told.get("busy_by") else told["note"])


def _next(plate: dict[str, Any]) -> str:
    return moment(plate["next_try_at"]) or "next round"
