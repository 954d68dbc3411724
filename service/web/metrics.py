"""For a monitor: how everything is, in the text format of Prometheus (version 0.0.4)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from . import caching
from .door import Here

router = APIRouter()

Row = Mapping[str, Any]


@router.get("/metrics")
def metrics(door: Here) -> Response:
    """Rounds, editors, displays, feeds, plates and disk."""
    registry = CollectorRegistry()
    registry.register(_Told(door.wall.status()))
    return Response(
        generate_latest(registry), headers={"cache-control": caching.NEVER, "content-type": CONTENT_TYPE_LATEST}
    )


class _Told(Collector):
    """A status as gauges. What is not known is left out rather than told as nought."""

    def __init__(self, status: Row) -> None:
        self.status = status

    def collect(self) -> Iterator[Metric]:
        """Every metric family there is, as prometheus_client asks for them."""
        told = self.status
        yield _gauge("info", "The version that runs.", ("version",), [((told["version"],), 1)])
        yield _gauge("last_round_failed", "1 if the last round had to stop.", (), [((), bool(told.get("error")))])
        disk = told.get("disk") or {}
        yield _gauge("disk_free_bytes", "Free space in the data folder.", (), [((), disk.get("free_bytes"))])
        counts = told.get("counts") or {}
        yield _gauge("rows", "What the store holds.", ("what",), [((k,), v) for k, v in counts.items()])
        yield _gauge("plates_stuck", "Plates that wait.", (), [((), len(told.get("stuck") or ()))])
        engines = told.get("engines") or []
        yield _gauge("engine_painted_today", "Pictures since midnight.", ("engine",),
                     [((e["name"],), e["painted_today"]) for e in engines])  # fmt: skip
        yield _gauge("engine_resting", "1 if it is left alone after failures.", ("engine",),
                     [((e["name"],), e["state"] == "resting") for e in engines])  # fmt: skip
        yield from _rounds(told.get("rounds") or [])
        yield from _editors(told.get("editors") or [])
        yield from _feeds(told.get("feeds") or [])
        yield from _displays(told.get("displays") or [])
        if mqtt := told.get("mqtt"):
            yield from _mqtt(mqtt)


def _rounds(rounds: list[Row]) -> Iterator[Metric]:
    each = [((r["channel"],), r) for r in rounds]
    for name, key, help_text in (
        ("rounds", "count", "Rounds since the service began."),
        ("rounds_failed", "failed", "Those that had to stop."),
        ("rounds_seconds", "seconds", "What they took; one for several channels counts in full for each."),
    ):
        family = CounterMetricFamily(f"frontispiece_{name}", help_text, labels=("channel",))
        for labels, row in each:
            family.add_metric(labels, row[key])
        yield family
    yield _gauge("round_last_seconds", "What the last round took.", ("channel",),
                 [(labels, row["last_seconds"]) for labels, row in each])  # fmt: skip


def _editors(editors: list[Row]) -> Iterator[Metric]:
    """What is asked of models; the day is the owner's, so that these begin anew at midnight."""
    each = [((e["name"],), e) for e in editors]
    for key, help_text in (
        ("calls", "Requests today."),
        ("tokens", "Tokens today, in and out."),
        ("cost_usd", "What today cost, as far as it is known."),
    ):
        yield _gauge(f"editor_{key}_today", help_text, ("editor",), [(labels, e.get(key)) for labels, e in each])
    yield _gauge("editor_failing", "1 if its last request failed.", ("editor",),
                 [(labels, bool(e.get("error"))) for labels, e in each])  # fmt: skip


def _feeds(feeds: list[Row]) -> Iterator[Metric]:
    labels = ("channel", "feed")
    yield _gauge("feed_failures", "Failed visits in a row.", labels,
                 [((f["channel"], f["feed"]), f.get("failures")) for f in feeds])  # fmt: skip
    yield _gauge("feed_checked_timestamp_seconds", "The last visit.", labels,
                 [((f["channel"], f["feed"]), _unix(f.get("checked_at"))) for f in feeds])  # fmt: skip


def _displays(displays: list[Row]) -> Iterator[Metric]:
    names = [((d["name"],), d) for d in displays]
    one = ("display",)
    yield _gauge("display_reachable", "1 if the screen answers.", one, [(n, d.get("reachable")) for n, d in names])
    yield _gauge("display_busy", "1 if somebody else's app is on it.", one,
                 [(n, bool(d["busy_by"])) for n, d in names if "busy_by" in d])  # fmt: skip
    yield _gauge("display_failing", "1 if the last attempt failed.", one, [(n, bool(d.get("error"))) for n, d in names])
    yield _gauge("display_shown_timestamp_seconds", "The last slide that was fetched and accepted.", one,
                 [(n, _unix(d.get("shown_at"))) for n, d in names])  # fmt: skip
    yield _gauge("display_next_try_timestamp_seconds", "When it is tried again.", one,
                 [(n, _unix(d.get("next_try_at"))) for n, d in names])  # fmt: skip
    for key, help_text in (
        ("app", "The app in front."),
        ("busy_by", "Whose app it is."),
        ("error", "What failed last."),
    ):
        yield _gauge(f"display_{key}_info", help_text, ("display", key),
                     [((d["name"], d[key]), 1) for d in displays if d.get(key)])  # fmt: skip


def _mqtt(told: Row) -> Iterator[Metric]:
    yield _gauge("mqtt_connected", "1 if the broker has us.", (), [((), told.get("connected"))])
    yield _gauge("mqtt_failing", "1 if something is wrong with it.", (), [((), bool(told.get("last_error")))])
    for key, help_text in (
        ("sent", "Messages published."),
        ("ignored", "Messages that made no sense."),
        ("dropped", "Orders that were too many, or for nobody."),
    ):
        yield _gauge(f"mqtt_{key}", help_text, (), [((), told.get(key))])
    if told.get("last_error"):
        yield _gauge("mqtt_error_info", "What failed last.", ("error",), [((told["last_error"],), 1)])


def _gauge(name: str, help_text: str, labels: tuple[str, ...], samples: list[tuple[tuple[Any, ...], Any]]) -> Metric:
    family = GaugeMetricFamily(f"frontispiece_{name}", help_text, labels=labels)
    for values, number in samples:
        if number is not None:
            family.add_metric([str(value) for value in values], float(number))
    return family


def _unix(moment: str | None) -> float | None:
    return datetime.fromisoformat(moment).timestamp() if moment else None
