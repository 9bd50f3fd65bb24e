"""Runs: what is due today begins to leave, batch by batch, unless it is more than the guard lets go without a word.

What can go wrong: one wrong rule, date or clock empties the register overnight. So each day's run counts first, and a
run that would take more than its guard stops, alarms, and takes nothing until a person has said yes; the guard is
checked again at every batch. And no date is trusted because it was written once: inside the deleting transaction each
artifact is judged again by the rules in force, and stays where they say another day.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from itertools import islice
from statistics import median
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from accounts import access, tenancy
from accounts.actors import Actor
from audit import log
from compliance import jobs
from compliance.errors import Conflict, NotFound, OwnProposal
from compliance.outlet import operations as outlet
from compliance.recordings import access as register
from compliance.recordings.operations import erasing
from compliance.recordings.states import EXPIRING
from compliance.retention import disposal, events, holds
from compliance.retention.models import RetentionRun
from compliance.retention.operations import assigning
from compliance.retention.operations.schedules import current_schedule
from compliance.retention.rules import Action

logger = structlog.get_logger(__name__)

SMALL_RUN = 100
"""So many artifacts a day are never abnormal, however small the register."""

_HISTORY = 14
_TIMES = 10
_State = RetentionRun.State
_OPEN = (_State.RUNNING, _State.STOPPED, _State.APPROVED)
_GOING_ON = (_State.RUNNING, _State.APPROVED)


@dataclass(frozen=True, slots=True)
class Due:
    """One artifact that would leave, and why, for a dry run."""

    artifact_id: UUID
    call_id: UUID | None
    kind: str
    state: str
    due_on: date
    rule: str
    reason: str
    is_held: bool


def apply_schedules(*, actor: Actor, limit: int = disposal.BATCH) -> int:
    """Start or go on with the day's run by one batch; how many artifacts were looked at. 0: nothing is due, or the run
    waits for a person.
    """
    access.require(actor, "retention.set_schedule")
    clock = Actor.scheduler(actor.organisation_id)
    with tenancy.operation(actor):
        run = _todays(actor)
        if run is None or run.state not in _GOING_ON:
            return 0
        ids = list(_due(actor.organisation_id, run.on).values_list("id", flat=True)[:limit])
        if run.begun + run.held + len(ids) > run.guard:
            _stop(actor, run)
            return 0
        if ids:
            _take(clock, run, ids)
        if len(ids) < limit:
            _finish(actor, run)
    return len(ids)


def start_run(*, actor: Actor) -> RetentionRun:
    """Start the day's run by hand; its batches follow as a job. Raises Conflict where there is nothing to start."""
    access.require(actor, "retention.set_schedule")
    with tenancy.operation(actor):
        run = _todays(actor)
        if run is None:
            raise Conflict("Nothing is due, or the day's run was refused", code="nothing_to_run")
        jobs.enqueue_on_commit(
            "retention.apply_schedules", organisation_id=actor.organisation_id, object_id=actor.organisation_id
        )
    return run


def approve_run(*, actor: Actor, run_id: UUID) -> RetentionRun:
    """The second word on a run that stopped itself: it goes on with what is due now.

    Raises OwnProposal for who started it by hand; Conflict where it has grown by more than 10 % since it was counted
    (it is counted every hour).
    """
    access.require(actor, "retention.approve_run")
    with tenancy.operation(actor):
        run = _stopped(actor, run_id)
        if run.started_by == actor.reference:
            raise OwnProposal()
        due = run.begun + run.held + _due(actor.organisation_id, run.on).count()
        if due * 10 > run.due * 11:
            raise Conflict(f"{due} artifacts are due by now, not {run.due}: look again", code="run_grew")
        run.due = run.guard = due
        _decide(actor, run, _State.APPROVED, events.RUN_APPROVED)
        jobs.enqueue_on_commit(
            "retention.apply_schedules", organisation_id=actor.organisation_id, object_id=actor.organisation_id
        )
    return run


def refuse_run(*, actor: Actor, run_id: UUID) -> RetentionRun:
    """The second word is no: nothing leaves today. What is still due tomorrow is asked about again."""
    access.require(actor, "retention.approve_run")
    with tenancy.operation(actor):
        run = _stopped(actor, run_id)
        run.finished_at = timezone.now()
        _decide(actor, run, _State.REFUSED, events.RUN_REFUSED)
    return run


def runs(organisation_id: UUID) -> QuerySet[RetentionRun]:
    """Every run, newest first."""
    return RetentionRun.objects.for_organisation(organisation_id)


def run_for(actor: Actor, run_id: UUID) -> RetentionRun:
    """From an outside id to a run. Raises NotFound."""
    run = runs(actor.organisation_id).filter(id=run_id).first()
    if run is None:
        raise NotFound()
    return run


def would_leave(organisation_id: UUID, on: date) -> Iterator[Due]:
    """What a run of this day would take, judged by the rules in force, and what holds keep; for a dry run. Inside the
    organisation's scope.
    """
    _, schedule = current_schedule(organisation_id)
    rows = _due(organisation_id, on).values_list("id", "call_id", "kind", "state").iterator(chunk_size=disposal.BATCH)
    while batch := list(islice(rows, disposal.BATCH)):
        verdicts = assigning.judged(organisation_id, [row[0] for row in batch], schedule)
        held = holds.held_now(organisation_id, {row[1] for row in batch if row[1]})
        for id_, call_id, kind, state in batch:
            found = verdicts[id_]
            if found.due_on is not None and found.due_on <= on and found.action is Action.DELETE:
                yield Due(id_, call_id, kind, state, found.due_on, found.rule_id, found.reason, call_id in held)


def guard_of(organisation_id: UUID) -> int:
    """Artifacts that may leave in a day without a word: ten times the usual day, at most a fifth of the register."""
    past = runs(organisation_id).filter(state=_State.FINISHED, begun__gt=0).order_by("-on")
    usual = median([*past.values_list("begun", flat=True)[:_HISTORY]] or [0])
    there = register.artifacts(organisation_id).exclude(state__in=assigning.SETTLED).count()
    return min(max(settings.RETENTION_RUN_GUARD_MIN, int(_TIMES * usual)), max(SMALL_RUN, there // 5))


def _due(organisation_id: UUID, on: date) -> QuerySet[Any]:
    """What may go on that day by the dates that are written; the order is that of the index."""
    rows = register.artifacts(organisation_id).filter(retention_action=Action.DELETE.value, state__in=EXPIRING)
    return rows.filter(due_on__isnull=False, due_on__lte=on).order_by("due_on", "id")


def _todays(actor: Actor) -> RetentionRun | None:
    """The open run, brought to today and locked; else today's, where more has become due; else a new one."""
    organisation_id, today = actor.organisation_id, timezone.now().date()
    rows = runs(organisation_id).select_for_update()
    run = rows.filter(state__in=_OPEN).order_by("on").first()
    if run is not None and run.state != _State.STOPPED and run.on == today:
        return run
    run = run or rows.filter(on=today).first()
    if run is not None and run.state == _State.REFUSED:
        return None
    due = _due(organisation_id, today).count()
    if run is None:
        run = _started(actor, today)
    elif not due and run.state == _State.FINISHED:
        return None
    return _counted(actor, run, today, due)


def _started(actor: Actor, today: date) -> RetentionRun:
    """Of two that start at once one waits at the constraint and fails; its caller comes again."""
    version, _ = current_schedule(actor.organisation_id)
    run = RetentionRun.objects.create(
        organisation_id=actor.organisation_id,
        on=today,
        schedule=version,
        guard=guard_of(actor.organisation_id),
        started_by=actor.reference,
    )
    _note(actor, events.RUN_STARTED, run, log.EntryClass.CHANGE)
    return run


def _counted(actor: Actor, run: RetentionRun, today: date, due: int) -> RetentionRun:
    """The run with today's count, stopped where that is more than its guard."""
    run.on, run.due = today, run.begun + run.held + due
    if run.state == _State.FINISHED:
        run.state, run.finished_at = _State.RUNNING, None
    run.save(update_fields=["on", "due", "state", "finished_at"])
    if run.state != _State.STOPPED and run.due > run.guard:
        _stop(actor, run)
    elif run.state == _State.STOPPED:
        _alarm(run)
    return run


def _take(clock: Actor, run: RetentionRun, ids: list[UUID]) -> None:
    """One batch: locked, judged again, and those that are due indeed begin to leave; holds keep theirs. The batch's
    entry is the cause of each item's.
    """
    organisation_id = run.organisation_id
    _note(clock, events.RUN_CONTINUED, run, log.EntryClass.CHANGE)
    erasing.lock_ids(organisation_id, ids)
    version, schedule = current_schedule(organisation_id)
    rows = register.artifacts(organisation_id).filter(id__in=ids)
    changed = assigning.write_dates(organisation_id, rows, schedule)
    if changed:
        assigning.note_dates(clock, changed, version)
        ids = list(_due(organisation_id, run.on).filter(id__in=ids).values_list("id", flat=True))
    begun = disposal.begin_artifact_disposal(actor=clock, artifact_ids=ids, ground=disposal.Ground.RETENTION_EXPIRED)
    run.begun += len(begun.disposals)
    run.held += len(begun.held)
    run.save(update_fields=["begun", "held"])


def _finish(actor: Actor, run: RetentionRun) -> None:
    run.state, run.finished_at = _State.FINISHED, timezone.now()
    run.save(update_fields=["state", "finished_at"])
    _note(actor, events.RUN_FINISHED, run, log.EntryClass.CHANGE)


def _stop(actor: Actor, run: RetentionRun) -> None:
    run.state, run.decided_by, run.decided_at = _State.STOPPED, "", None
    run.due = run.begun + run.held + _due(run.organisation_id, run.on).count()
    run.save(update_fields=["state", "due", "decided_by", "decided_at"])
    _note(actor, events.RUN_STOPPED, run, log.EntryClass.DECISION, outcome="stopped")
    told = {"run_id": run.id, "on": run.on, "due": run.due, "guard": run.guard}
    outlet.announce_event(actor=actor, type="retention.run.stopped", data=told)
    _alarm(run)


def _alarm(run: RetentionRun) -> None:
    logger.error("retention.run_waits", run=str(run.id), due=run.due, guard=run.guard)


def _stopped(actor: Actor, run_id: UUID) -> RetentionRun:
    run = runs(actor.organisation_id).select_for_update().filter(id=run_id).first()
    if run is None:
        raise NotFound()
    if run.state != _State.STOPPED:
        raise Conflict("This run does not wait for anybody", code="not_stopped")
    return run


def _decide(actor: Actor, run: RetentionRun, state: str, event: str) -> None:
    run.state, run.decided_by, run.decided_at = state, actor.reference, timezone.now()
    run.save(update_fields=["state", "due", "guard", "decided_by", "decided_at", "finished_at"])
    _note(actor, event, run, log.EntryClass.DECISION)


def _note(actor: Actor, event: str, run: RetentionRun, cls: log.EntryClass, outcome: str = "ok") -> None:
    log.append(
        actor=actor,
        event=event,
        organisation_id=run.organisation_id,
        obj=("run", run.id),
        cls=cls,
        outcome=outcome,
        what={"due": run.due, "guard": run.guard, "begun": run.begun, "held": run.held, "on": run.on.isoformat()},
    )
