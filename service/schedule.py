"""The clock's door: rounds at each channel's cadence, slides when their time is up, upkeep once a day.

Jobs come from the config and live in memory; the truth is in the rows, so a restart forgets nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta

from apscheduler.schedulers.background import BackgroundScheduler

from . import memory
from .press import Press

log = logging.getLogger(__name__)

SHOW_SECONDS = 5
REST_SECONDS = 30


def start(press: Press) -> BackgroundScheduler:
    """Start the jobs: the first round at once. Stop with ``shutdown(wait=False)``."""
    scheduler = BackgroundScheduler(
        timezone=press.line.settings.zone,
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
    )
    now = press.line.now
    for desk in press.line.desks:
        minutes = desk.channel.cadence_minutes
        scheduler.add_job(_round, "interval", (press, desk.name), minutes=minutes, next_run_time=now, id=desk.name)
    soon = now + timedelta(seconds=1)
    scheduler.add_job(_logged(press.show), "interval", seconds=SHOW_SECONDS, next_run_time=soon, id="show slides")
    scheduler.add_job(_logged(press.tidy), "cron", hour=4, minute=17, id="tidy up")
    scheduler.add_job(memory.give_back, "interval", seconds=REST_SECONDS, id="give memory back")
    scheduler.start()
    return scheduler


def _round(press: Press, channel: str) -> None:
    try:
        for event in press.round([channel], wait=True):
            if event.error:
                log.warning("%s %s: %s", event.verb, event.what, event.error)
    except Exception:
        log.exception("a round ended with a bug; the next one goes on from the last finished step")


def _logged(job: Callable[[], object]) -> Callable[[], None]:
    def run() -> None:
        try:
            job()
        except Exception:
            log.exception("a job ended with a bug")

    return run
