"""An import's row: locked, counted, stopped, taken up again, and the entries that it leaves.

The row is the job: it says how far we came. Whoever finds it running goes on from there.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from uuid import UUID

import structlog
from django.db.models import F
from django.utils import timezone

from accounts import access as rights
from accounts import tenancy
from accounts.actors import Actor
from audit import log
from compliance import jobs
from compliance.errors import Conflict, NotFound
from compliance.intake import events
from compliance.intake.models import ImportRun

_log = structlog.get_logger(__name__)

POLLS = frozenset({ImportRun.Kind.RECENT.value, ImportRun.Kind.FAR.value})
"""Kinds of runs that come round by themselves; each connection has one row of each."""
FROM_PLATFORM = POLLS | {ImportRun.Kind.HISTORY.value}


@dataclass(frozen=True, slots=True)
class Tally:
    """What became of some calls."""

    seen: int = 0
    registered: int = 0
    known: int = 0
    refused: int = 0
    failed: int = 0
    missed: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(Tally)))


def locked_run(actor: Actor, run_id: UUID) -> ImportRun:
    """The organisation's run of this id, its row locked. Raises NotFound."""
    rows = ImportRun.objects.for_organisation(actor.organisation_id).select_for_update()
    found: ImportRun | None = rows.filter(id=run_id).first()
    if found is None:
        raise NotFound()
    return found


def counted(run: ImportRun, tally: Tally) -> None:
    """The run with this much more behind it; not saved."""
    for one in fields(Tally):
        setattr(run, one.name, getattr(run, one.name) + getattr(tally, one.name))
    run.updated_at = timezone.now()


def count(organisation_id: UUID, run_id: UUID, tally: Tally) -> None:
    """So much more is behind the run: added by the database, where several workers count at once."""
    counts = {one.name: F(one.name) + number for one in fields(Tally) if (number := getattr(tally, one.name))}
    rows = ImportRun.objects.for_organisation(organisation_id).filter(id=run_id)
    rows.update(updated_at=timezone.now(), **counts)


def note_run(actor: Actor, event: str, run: ImportRun, *, outcome: str = "ok", **what: str | int | bool | None) -> None:
    """The entry about a run: its connection, kind and counts; folder and bucket names may tell of people."""
    counts: dict[str, str | int | bool | None] = {one.name: getattr(run, one.name) for one in fields(Tally)}
    log.append(
        actor=actor,
        event=event,
        organisation_id=run.organisation_id,
        obj=("import", run.id),
        cls=log.EntryClass.CHANGE,
        outcome=outcome,
        what={"connection": str(run.connection_id), "kind": run.kind, "code": run.last_code or None} | counts | what,
        identifying={"source": run.source} if run.source else None,
    )


def enqueue(run: ImportRun) -> None:
    """Ask a worker to carry the run on. Files lie where the operator's command runs, and are read by it alone."""
    if run.kind in FROM_PLATFORM:
        jobs.enqueue_on_commit("intake.run_import", organisation_id=run.organisation_id, object_id=run.id)


def end_run(actor: Actor, run: ImportRun, state: ImportRun.State, code: str = "") -> None:
    """The run, locked by the caller, comes to an end, well or not."""
    run.state, run.last_code, run.updated_at = state.value, code, timezone.now()
    run.finished_at = run.updated_at
    run.save()
    if run.kind in POLLS:
        note_run(actor, events.POLL_FINISHED, run, outcome="failed" if code else "ok", found_by_poll=run.missed)
        if run.missed:
            _log.warning("calls found by poll", connection=str(run.connection_id), count=run.missed)
    else:
        event = events.IMPORT_FINISHED if state is ImportRun.State.FINISHED else events.IMPORT_FAILED
        note_run(actor, event, run, outcome="failed" if code else "ok")


def stop_import(*, actor: Actor, run_id: UUID) -> ImportRun:
    """Stop a run after the call that it is at. Nothing of what came in is taken back."""
    rights.require(actor, "intake.import")
    with tenancy.operation(actor):
        run = _own(actor, run_id)
        if run.state != ImportRun.State.RUNNING:
            raise Conflict("Only a running import can be stopped", code="state_forbids")
        run.state, run.updated_at = ImportRun.State.STOPPED.value, timezone.now()
        run.save(update_fields=["state", "updated_at"])
        note_run(actor, events.IMPORT_STOPPED, run)
    return run


def resume_import(*, actor: Actor, run_id: UUID) -> ImportRun:
    """Take up a run that was stopped or that failed, from where it came to."""
    rights.require(actor, "intake.import")
    with tenancy.operation(actor):
        run = _own(actor, run_id)
        if run.state not in (ImportRun.State.STOPPED, ImportRun.State.FAILED):
            raise Conflict("Only a stopped or failed import can be taken up again", code="state_forbids")
        run.state, run.last_code, run.finished_at = ImportRun.State.RUNNING.value, "", None
        run.updated_at = timezone.now()
        run.save(update_fields=["state", "last_code", "finished_at", "updated_at"])
        note_run(actor, events.IMPORT_RESUMED, run)
        enqueue(run)
    return run


def _own(actor: Actor, run_id: UUID) -> ImportRun:
    """Polls come round by themselves: nobody stops or resumes them."""
    run = locked_run(actor, run_id)
    if run.kind in POLLS:
        raise NotFound()
    return run
