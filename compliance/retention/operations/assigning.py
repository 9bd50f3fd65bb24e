"""Dates: every artifact gets the day on which it is due, and the reason for it, from the rules in force."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from accounts import access, tenancy
from accounts.actors import Actor
from audit import log
from compliance import jobs
from compliance.recordings import access as register
from compliance.recordings.operations import erasing
from compliance.recordings.states import ArtifactState
from compliance.retention import events, rules
from compliance.retention.operations import facts
from compliance.retention.operations.facts import Judge, Row
from compliance.retention.operations.schedules import current_schedule

SETTLED = (ArtifactState.DELETING, ArtifactState.DELETE_FAILED, ArtifactState.DELETED, ArtifactState.NEVER_RECORDED)
"""States of what is gone or going: no schedule speaks about it any more."""

BATCH = 500
_PAGE = 5000


def assign_retention(*, actor: Actor, call_id: UUID) -> int:
    """Give every artifact of a call its date and the reason for it. Returns how many changed.

    Where a rule counts from the last contact, this call may be it: the person's other calls are looked at later.
    """
    access.require(actor, "retention.set_schedule")
    organisation_id = actor.organisation_id
    with tenancy.operation(actor):
        version, schedule = current_schedule(organisation_id)
        erasing.lock_call(organisation_id, call_id)
        rows = register.artifacts(organisation_id).filter(call_id=call_id)
        changed = write_dates(organisation_id, rows, schedule)
        if changed:
            _note(actor, ("call", call_id), len(changed), version)
        if schedule.asks_for(rules.ClockStart.LAST_CONTACT):
            jobs.enqueue_on_commit("retention.assign_person", organisation_id=organisation_id, object_id=call_id)
    return len(changed)


def assign_retention_alone(*, actor: Actor, artifact_id: UUID) -> bool:
    """The same for an artifact that belongs to no call, such as a body that could not be understood."""
    access.require(actor, "retention.set_schedule")
    organisation_id = actor.organisation_id
    with tenancy.operation(actor):
        version, schedule = current_schedule(organisation_id)
        erasing.lock_artifact(organisation_id, artifact_id)
        rows = register.artifacts(organisation_id).filter(id=artifact_id)
        changed = write_dates(organisation_id, rows, schedule)
        if changed:
            _note(actor, ("artifact", artifact_id), 1, version)
    return bool(changed)


def assign_person(*, actor: Actor, call_id: UUID) -> int:
    """Dates for every artifact of the people of a call, whose last contact may have moved. How many changed."""
    access.require(actor, "retention.set_schedule")
    with tenancy.scope(actor.organisation_id):
        rows = register.artifacts_of_subjects(actor.organisation_id, call_id)
        ids = list(rows.exclude(state__in=SETTLED).order_by("id").values_list("id", flat=True))
    return sum(
        assign_batch(actor=actor, artifact_ids=ids[start : start + BATCH]) for start in range(0, len(ids), BATCH)
    )


def assign_everything(*, actor: Actor) -> int:
    """Dates for everything, after the rules changed; how many changed. What is right already is only read, so that a
    second run after a crash is quick.
    """
    access.require(actor, "retention.set_schedule")
    return sum(assign_batch(actor=actor, artifact_ids=ids) for ids in _outdated(actor.organisation_id))


def assign_batch(*, actor: Actor, artifact_ids: Sequence[UUID]) -> int:
    """Dates for at most 500 artifacts; how many changed."""
    access.require(actor, "retention.set_schedule")
    organisation_id = actor.organisation_id
    with tenancy.operation(actor):
        version, schedule = current_schedule(organisation_id)
        erasing.lock_ids(organisation_id, artifact_ids)
        rows = register.artifacts(organisation_id).filter(id__in=artifact_ids)
        changed = write_dates(organisation_id, rows, schedule)
        note_dates(actor, changed, version)
    return len(changed)


def write_dates(organisation_id: UUID, artifacts: QuerySet[Any], schedule: rules.Schedule) -> list[Row]:
    """Write what the schedule says of these artifacts where it differs; those rows, as they were. Their calls must be
    locked. Neither logs nor asks for rights.
    """
    rows = list(facts.read(facts.rows_of(organisation_id, artifacts.exclude(state__in=SETTLED), (schedule,))))
    judge = Judge(schedule, facts.decided_reviews(organisation_id, [row.id for row in rows]))
    changed, groups = [], defaultdict(list)
    for row in rows:
        found = judge.assign(row)
        if not _stands(row, found):
            changed.append(row)
            groups[found].append(row.id)
    for found, ids in groups.items():
        erasing.assign_batch(
            organisation_id,
            ids,
            due_on=found.due_on,
            rule=found.rule_id,
            reason=found.reason,
            action=found.action.value,
        )
    return changed


def judged(
    organisation_id: UUID, artifact_ids: Sequence[UUID], schedule: rules.Schedule
) -> dict[UUID, rules.Assignment]:
    """What the schedule says of these artifacts now; nothing is written. Inside the organisation's scope."""
    artifacts = register.artifacts(organisation_id).filter(id__in=artifact_ids)
    judge = Judge(schedule, facts.decided_reviews(organisation_id, list(artifact_ids)))
    rows = facts.read(facts.rows_of(organisation_id, artifacts, (schedule,)))
    return {row.id: judge.assign(row) for row in rows}


def _outdated(organisation_id: UUID) -> Iterator[list[UUID]]:
    """Batches of artifacts whose date is not what the rules say, read page by page without a lock."""
    after = UUID(int=0)
    while True:
        with tenancy.scope(organisation_id):
            _, schedule = current_schedule(organisation_id)
            page = register.artifacts(organisation_id).filter(id__gt=after).exclude(state__in=SETTLED)
            columns = facts.rows_of(organisation_id, page.order_by("id"), (schedule,))
            rows = [facts.as_row(values) for values in columns[:_PAGE]]
            judge = Judge(schedule, facts.decided_reviews(organisation_id))
            wrong = [row.id for row in rows if not _stands(row, judge.assign(row))]
        for start in range(0, len(wrong), BATCH):
            yield wrong[start : start + BATCH]
        if len(rows) < _PAGE:
            return
        after = rows[-1].id


def note_dates(actor: Actor, changed: Sequence[Row], version: int) -> None:
    """One entry a call whose artifacts got other dates, and one an artifact that belongs to none."""
    counts: dict[tuple[str, UUID], int] = defaultdict(int)
    for row in changed:
        counts[("call", row.call_id) if row.call_id else ("artifact", row.id)] += 1
    for obj, count in counts.items():
        _note(actor, obj, count, version)


def _stands(row: Row, found: rules.Assignment) -> bool:
    return (row.due_on, row.rule, row.reason, row.action) == (
        found.due_on, found.rule_id, found.reason, found.action.value
    )  # fmt: skip


def _note(actor: Actor, obj: tuple[str, UUID], artifacts: int, version: int) -> None:
    log.append(
        actor=actor,
        event=events.DUE_ASSIGNED,
        organisation_id=actor.organisation_id,
        obj=obj,
        cls=log.EntryClass.CHANGE,
        what={"artifacts": artifacts, "schedule": version},
    )
