"""Row: a year of schedules applied daily to a register that grows, and whether its last days cost more than earlier
ones.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from statistics import median

import time_machine
from django.db import connection

from accounts import tenancy
from accounts.actors import Actor
from compliance.retention import operations
from compliance.retention.models import RetentionRun
from compliance.retention.operations import running
from tests.bench import clocks, people, recordings, register, retaining
from tests.bench.figures import Figure, ratio_at_least
from tests.bench.ground import Ground

_DAYS = 365
_MONTH = 30
_STEADY = 95
"""The first day from which on as much leaves as comes, under a rule of 90 days."""


def measure(ground: Ground) -> Iterator[Figure]:
    """Every day new calls, dates for them, and the day's run to the proof of absence."""
    calls, actor = ground.scale.year_calls, people.officer()
    organisation_id, clock = actor.organisation_id, Actor.scheduler(actor.organisation_id)
    connection_id = recordings.line(actor).connection.id
    first, a_day = datetime(2027, 1, 1, 12, tzinfo=UTC), -(-calls // _DAYS)
    costs, spent = [], []
    for day in range(_DAYS):
        with time_machine.travel(first + timedelta(days=day)):
            added = register.add_calls(organisation_id, connection_id, a_day, first + timedelta(days=day))
            start, before = time.perf_counter(), _on_processors()
            retaining.assign(clock, added)
            _let_run(clock, actor)
            costs.append(time.perf_counter() - start)
            spent.append(_on_processors() - before)
        if day % _MONTH == 0:
            retaining.analyse()
    retaining.check_gone(organisation_id, a_day * (_DAYS - 90))
    steady, last = median(costs[_STEADY : _STEADY + _MONTH]), median(costs[-_MONTH:])
    yield Figure(
        what=f"a year: {a_day * _DAYS:,} calls, schedules applied daily; a day at its end",
        measured=last * 1000,
        unit="ms",
        baseline=steady * 1000,
        baseline_is=f"a day of the first month in which as much leaves as comes (days {_STEADY} to {_STEADY + _MONTH})",
        ratio=steady / last,
        target=ratio_at_least(0.8),
        note=f"{a_day} calls a day; a day of the first month, in which nothing leaves: "
        f"{median(costs[:_MONTH]) * 1000:.0f} ms; processor time of ours and of our database session: "
        f"{median(spent[_STEADY : _STEADY + _MONTH]) * 1000:.0f} ms then, {median(spent[-_MONTH:]) * 1000:.0f} ms at "
        f"the end; the whole year {sum(costs):.0f} s",
    )


def _on_processors() -> float:
    """Seconds of this thread and of the database session that works for it: a busy machine does not change these."""
    connection.ensure_connection()
    return time.thread_time() + clocks.on_processor(connection.connection.info.backend_pid)


def _let_run(clock: Actor, officer: Actor) -> None:
    """The day's run; where its guard stops it (the first day on which anything leaves), an officer lets it go on."""
    retaining.apply(clock)
    with tenancy.scope(clock.organisation_id):
        stopped = running.runs(clock.organisation_id).filter(state=RetentionRun.State.STOPPED).first()
    if stopped is not None:
        operations.approve_run(actor=officer, run_id=stopped.id)
        retaining.apply(clock)
