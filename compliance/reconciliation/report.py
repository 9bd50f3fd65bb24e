"""The report of a run: what was compared, what was found, and what it does not say.

A signed statement (`audit.tlog.statement`) with an inclusion proof for the entries of start, stop and end, so that an
outsider checks it with `python -m audit.verify` and nothing of ours. It holds counts, codes and log positions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from accounts import access as rights
from accounts import tenancy
from accounts.actors import Actor
from audit import log, publish, signing
from audit.tlog import statement
from audit.tlog.leaf import Leaf
from audit.tlog.proof import Proof
from audit.tlog.text import JSON
from compliance import jobs
from compliance.errors import NotFound
from compliance.reconciliation import access, events
from compliance.reconciliation.models import Run
from compliance.vault import inventory

KIND = "reconciliation-report"
_NOT_SAID = [
    "that the store lists everything which it holds",
    "that an object which was not read again in this run still has its hash",
    "that a platform shows nothing of a deleted call, unless it was asked or listed it",
    "anything about what was younger than the guard",
]


def issue_report(*, actor: Actor, run_id: UUID) -> bytes:
    """Sign the report of a finished run, once; later calls give the same bytes.

    Raises jobs.TryLater until the log covers the run's entries, NotFound while the run is not finished.
    """
    rights.require(actor, "reconciliation.run")
    organisation_id = actor.organisation_id
    with tenancy.scope(organisation_id):
        run = access.run_of(organisation_id, run_id)
        if run.state != Run.State.FINISHED:
            raise NotFound()
        if run.report is not None:
            return bytes(run.report)
        try:
            proven = publish.prove_entries(organisation_id, [UUID(text) for text in run.entries])
        except publish.NotYet as error:
            raise jobs.TryLater("log_not_published", seconds=1) from error
        body = _body(run, {str(Leaf.parse(one.leaf).id): Proof.parse(one.proof).index for one in proven})
    document = statement.issue(
        kind=KIND,
        origin=signing.origin(organisation_id),
        body=body,
        signer=publish.statement_signer(organisation_id),
        issued_at=timezone.now(),
        entries=proven,
    )
    return _keep(actor, run_id, document)


def open_report(*, actor: Actor, run_id: UUID) -> bytes:
    """The signed report's bytes; each opening is an entry. Raises NotFound where there is none (yet)."""
    rights.require(actor, "reconciliation.read")
    with tenancy.operation(actor):
        run = access.run_of(actor.organisation_id, run_id)
        if run.report is None:
            raise NotFound()
        _note(actor, events.REPORT_OPENED, run_id, log.EntryClass.ACCESS)
    return bytes(run.report)


def _keep(actor: Actor, run_id: UUID, document: bytes) -> bytes:
    with tenancy.operation(actor):
        run = access.run_of(actor.organisation_id, run_id, lock=True)
        if run.report is not None:
            return bytes(run.report)
        run.report = document
        run.save(update_fields=["report"])
        _note(actor, events.REPORT_ISSUED, run_id, log.EntryClass.SYSTEM)
    return document


def _body(run: Run, positions: Mapping[str, int]) -> dict[str, JSON]:
    return {
        "report": "reconciliation",
        "run": {
            "id": str(run.id),
            "started_by": run.started_by,
            "started_at": run.started_at.isoformat(),
            "finished_at": run.finished_at.isoformat() if run.finished_at else None,
            "guard_hours": run.guard_hours,
            "most_believed": run.most,
            "stopped_for": run.stopped_for or None,
            "continued_by_a_person": run.is_unguarded,
        },
        "store": {
            "place": inventory.place(),
            "keys": inventory.prefix_of(run.organisation_id),
            "expected": run.expected,
            "objects_seen": run.objects_seen,
            "rows_seen": run.rows_seen,
            "bytes_seen": run.bytes_seen,
            "left_out_as_young": run.young,
        },
        "read_again": {
            "objects": run.objects_read,
            "bytes": run.bytes_read,
            "budget_bytes": run.budget,
            "every_days": settings.RECONCILE_READ_EVERY_DAYS,
        },
        "found": {str(kind): int(count) for kind, count in run.counts.items()},
        "open": {str(kind): int(count) for kind, count in access.open_counts(run.organisation_id).items()},
        "log": [{"entry": {"id": entry_id, "index": positions[entry_id]}} for entry_id in run.entries],
        "not_said": list(_NOT_SAID),
    }


def _note(actor: Actor, event: str, run_id: UUID, cls: log.EntryClass, **what: Any) -> None:
    log.append(
        actor=actor,
        event=event,
        organisation_id=actor.organisation_id,
        obj=("reconciliation", run_id),
        cls=cls,
        what=what,
    )
