"""Row: artifacts that leave by schedule, with locks, checks, proofs and entries."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.db import connection

from accounts import tenancy
from accounts.actors import Actor
from compliance.retention import disposal, operations
from compliance.retention.models import Disposal, RetentionRun
from tests.bench import people, recordings, register
from tests.bench.figures import Figure, at_least, at_most
from tests.bench.ground import Ground
from tests.bench.memory import Watermark

_FLAT_MIB = 32


def measure(ground: Ground) -> Iterator[Figure]:
    """Everything that is due leaves, to the proof of absence."""
    count, actor = ground.scale.due_artifacts, people.officer()
    organisation_id, clock = actor.organisation_id, Actor.scheduler(actor.organisation_id)
    ended = datetime.now(UTC) - timedelta(days=100)
    added = register.add_calls(organisation_id, recordings.line(actor).connection.id, count, ended)
    assign(clock, added)
    analyse()
    run = operations.start_run(actor=clock)
    if run.state == RetentionRun.State.STOPPED:
        operations.approve_run(actor=actor, run_id=run.id)
    watermark, start, spent = Watermark(), time.perf_counter(), time.thread_time()
    apply(clock)
    seconds, spent = time.perf_counter() - start, time.thread_time() - spent
    growth = watermark.growth()
    check_gone(organisation_id, count)
    yield Figure(
        what=f"retention: {count:,} due artifacts leave, proven absent, with the log written",
        measured=count / seconds,
        unit="artifacts/s",
        target=at_least(500),
        note=f"{seconds:.0f} s by the clock, {spent:.0f} s of processor time of ours; 3 entries each; at most "
        f"{disposal.BATCH} a transaction",
    )
    yield Figure(
        what="extra memory while they leave",
        measured=growth,
        unit="MiB",
        target=at_most(_FLAT_MIB),
        note="at its peak, libraries that are loaded meanwhile included",
    )


def assign(clock: Actor, artifact_ids: list[UUID]) -> None:
    """Dates, as the register's jobs write them, but 500 a transaction."""
    for start in range(0, len(artifact_ids), disposal.BATCH):
        operations.assign_batch(actor=clock, artifact_ids=artifact_ids[start : start + disposal.BATCH])


def apply(clock: Actor) -> None:
    """What the two jobs do."""
    while operations.apply_schedules(actor=clock):
        pass
    while batch := disposal.open_batch(clock.organisation_id):
        disposal.carry_out_batch(actor=clock, disposal_ids=batch)


def check_gone(organisation_id: UUID, count: int) -> None:
    """AssertionError where fewer are proven gone."""
    with tenancy.scope(organisation_id):
        done = Disposal.objects.for_organisation(organisation_id).filter(step=Disposal.Step.DONE).count()
    if done < count:
        raise AssertionError(f"only {done} of {count} are gone")


def analyse() -> None:
    """Statistics as autovacuum would have them by now."""
    with connection.cursor() as cursor:
        for table in ("recordings_call", "recordings_artifact", "recordings_location", "vault_sealedobject"):
            cursor.execute(f"ANALYZE {table}")
