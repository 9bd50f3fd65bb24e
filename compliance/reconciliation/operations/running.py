"""A run from its start to its report.

What can go wrong: a worker dies, a store stops answering, the comparison itself is wrong. So the row is the job: each
page is one transaction that writes findings, counts and cursor together, and whoever finds the run goes on from it. A
run that finds too many of one kind stops and says so, because then it is rather the comparison that is wrong.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from uuid import UUID

import structlog
from django.conf import settings
from django.utils import timezone

from accounts import access as rights
from accounts import tenancy
from accounts.actors import Actor
from audit import log
from compliance import jobs
from compliance.errors import Conflict, Unavailable
from compliance.reconciliation import access, events
from compliance.reconciliation.models import Run
from compliance.reconciliation.operations import findings, reading, stages
from compliance.reconciliation.operations.stages import Page, Walk
from compliance.reconciliation.rules.kinds import GUARDED, most_believed
from compliance.recordings import access as register
from compliance.vault import inventory

logger = structlog.get_logger(__name__)

_STAGES = [Run.Stage(value) for value in Run.Stage.values]
_BY_ROWS = {
    Run.Stage.UNFINISHED: stages.find_unfinished,
    Run.Stage.PLACES: stages.check_places,
    Run.Stage.DUE: stages.find_overdue,
    Run.Stage.HOLDS: stages.check_holds,
    Run.Stage.READING: reading.read_again,
}


def start_run(*, actor: Actor) -> Run:
    """Begin to compare everything. Raises Conflict while another run is under way."""
    rights.require(actor, "reconciliation.run")
    organisation_id = actor.organisation_id
    with tenancy.operation(actor) as entry_id:
        if access.runs(organisation_id).filter(state=Run.State.RUNNING).exists():
            raise Conflict("A reconciliation is under way", code="already_running")
        objects, size = inventory.totals(organisation_id)
        run: Run = Run.objects.create(
            organisation_id=organisation_id,
            started_by=actor.reference,
            guard_hours=settings.RECONCILE_GUARD_HOURS,
            expected=objects,
            most=most_believed(objects),
            budget=reading.budget_of(size),
            entries=[str(entry_id)],
        )
        _note(actor, events.RUN_STARTED, run, {"expected": objects, "guard_hours": run.guard_hours, "most": run.most})
        jobs.enqueue_on_commit("reconciliation.run", organisation_id=organisation_id, object_id=run.id)
    return run


def work_run(*, actor: Actor, run_id: UUID, seconds: float = 240.0) -> Run:
    """Go on with a run from wherever it stopped.

    Raises jobs.TryLater after `seconds`, Unavailable where a store does not answer: call again, nothing is lost.
    """
    rights.require(actor, "reconciliation.run")
    until, walk = time.monotonic() + seconds, None
    while True:
        with tenancy.scope(actor.organisation_id):
            run = access.run_of(actor.organisation_id, run_id)
        if run.state != Run.State.RUNNING:
            return run
        if time.monotonic() >= until:
            raise jobs.TryLater("goes_on", seconds=0)
        if run.stage == Run.Stage.CLOSING:
            return _finish(actor, run_id)
        try:
            walk = _walk(run, walk)
            page = _page(run, walk)
        except Unavailable as refusal:
            _note_waiting(run, refusal.code)
            raise
        _keep_page(actor, run, page)


def continue_run(*, actor: Actor, run_id: UUID) -> Run:
    """Let a stopped run go on, however much it finds: somebody has looked, and believes it. It still changes nothing.

    Raises Conflict where it has not stopped, or another one runs.
    """
    rights.require(actor, "reconciliation.run")
    with tenancy.operation(actor) as entry_id:
        run = access.run_of(actor.organisation_id, run_id, lock=True)
        if run.state != Run.State.STOPPED:
            raise Conflict("This run has not stopped")
        if access.runs(actor.organisation_id).filter(state=Run.State.RUNNING).exists():
            raise Conflict("A reconciliation is under way", code="already_running")
        run.state, run.is_unguarded, run.entries = Run.State.RUNNING, True, [*run.entries, str(entry_id)]
        run.save(update_fields=["state", "is_unguarded", "entries"])
        _note(actor, events.RUN_CONTINUED, run, {"stopped_for": run.stopped_for})
        jobs.enqueue_on_commit("reconciliation.run", organisation_id=actor.organisation_id, object_id=run.id)
    return run


def _walk(run: Run, walk: Walk | None) -> Walk | None:
    """The open list of the store, where it stands where the run stands; a new one from there otherwise."""
    prefixes = {
        Run.Stage.STORE: inventory.prefix_of,
        Run.Stage.TOMBSTONES: inventory.tombstone_prefix_of,
    }
    make = prefixes.get(Run.Stage(run.stage))
    if make is None:
        return None
    prefix = make(run.organisation_id)
    return walk if walk and (walk.prefix, walk.at) == (prefix, run.cursor) else Walk(prefix, run.cursor)


def _page(run: Run, walk: Walk | None) -> Page:
    if walk is None:
        return _BY_ROWS[Run.Stage(run.stage)](run)
    return stages.compare_store(run, walk) if run.stage == Run.Stage.STORE else stages.compare_tombstones(run, walk)


def _keep_page(actor: Actor, seen: Run, page: Page) -> None:
    """One transaction: findings, counts, cursor, entry. A page that somebody else wrote down meanwhile is dropped."""
    organisation_id = actor.organisation_id
    with tenancy.operation(actor) as entry_id:
        run = access.run_of(organisation_id, seen.id, lock=True)
        if (run.state, run.stage, run.cursor) != (seen.state, seen.stage, seen.cursor):
            return
        kept = findings.keep(organisation_id, page.found, run)
        if page.read:
            register.artifacts(organisation_id).filter(id__in=page.read).update(read_at=timezone.now())
        settled = findings.settle_read(organisation_id, page.whole) if page.whole else 0
        what: dict[str, str | int] = {
            "stage": str(run.stage), "objects": page.tally.objects, "rows": page.tally.rows,
            "read": len(page.read), "found": len(page.found), "new": kept.fresh, "settled": settled,
        }  # fmt: skip
        _add(run, page, kept.counts)
        _move_on(run, page, entry_id)
        run.save()
        _note(actor, events.RUN_STOPPED if run.state == Run.State.STOPPED else events.PAGE_COMPARED, run, what)


def _add(run: Run, page: Page, counts: Counter[str]) -> None:
    run.objects_seen += page.tally.objects
    run.rows_seen += page.tally.rows
    run.bytes_seen += page.tally.size
    run.young += page.tally.young
    run.objects_read += len(page.read)
    run.bytes_read += page.bytes_read
    run.counts = dict(sorted((Counter(run.counts) + counts).items()))
    run.last_code = ""


def _move_on(run: Run, page: Page, entry_id: UUID) -> None:
    """The next cursor or stage; or a stop, where one guarded kind was found too often to be believed."""
    run.cursor = page.cursor or ""
    if page.cursor is None:
        run.stage = _STAGES[_STAGES.index(Run.Stage(run.stage)) + 1]
    many = [kind for kind in sorted(GUARDED) if run.counts.get(kind, 0) > run.most]
    if many and not run.is_unguarded:
        run.state, run.stopped_for = Run.State.STOPPED, many[0]
        run.entries = [*run.entries, str(entry_id)]
        logger.error("reconciliation.stopped", organisation_id=str(run.organisation_id), kind=many[0].value)


def _finish(actor: Actor, run_id: UUID) -> Run:
    organisation_id = actor.organisation_id
    with tenancy.operation(actor) as entry_id:
        run = access.run_of(organisation_id, run_id, lock=True)
        if (run.state, run.stage) != (Run.State.RUNNING, Run.Stage.CLOSING):
            return run
        settled = findings.settle_unseen(run)
        run.state, run.finished_at, run.entries = Run.State.FINISHED, timezone.now(), [*run.entries, str(entry_id)]
        run.save(update_fields=["state", "finished_at", "entries"])
        what = {"objects": run.objects_seen, "rows": run.rows_seen, "found": sum(run.counts.values())}
        _note(actor, events.RUN_FINISHED, run, what | {"settled": settled})
        jobs.enqueue_on_commit("reconciliation.issue_report", organisation_id=organisation_id, object_id=run.id)
        jobs.enqueue_on_commit("reconciliation.probe_platforms", organisation_id=organisation_id, object_id=run.id)
    return run


def _note_waiting(run: Run, code: str) -> None:
    """Why a run stands still, for those who look at it."""
    with tenancy.scope(run.organisation_id):
        access.runs(run.organisation_id).filter(id=run.id).update(last_code=code)
    logger.warning("reconciliation.waiting", organisation_id=str(run.organisation_id), code=code)


def _note(actor: Actor, event: str, run: Run, what: Mapping[str, str | int]) -> None:
    log.append(
        actor=actor,
        event=event,
        organisation_id=actor.organisation_id,
        obj=("reconciliation", run.id),
        cls=log.EntryClass.SYSTEM,
        what=dict(what),
    )
