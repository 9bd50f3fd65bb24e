"""Batches: what a platform says that it made, against what came in here.

Where a platform has no list of calls, its batch's total is the only way to see that one was lost. The number of calls
is taken from the register, in whatever order report and calls arrive; it never falls, since a call that is erased later
came in all the same.
"""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import structlog
from django.utils import timezone

from accounts import access as rights
from accounts import tenancy
from accounts.actors import Actor
from audit import log
from compliance import jobs
from compliance.connectors.facts import BatchFacts, BatchOutcome
from compliance.errors import Conflict, Invalid, NotFound
from compliance.intake import events
from compliance.intake.models import BatchReport, Delivery
from compliance.intake.states import (
    WAIT_FOR_CALLS,
    BatchState,
    GapReason,
    batch_state,
)
from compliance.reconciliation import operations as reconciliation
from compliance.reconciliation.rules.kinds import Kind
from compliance.recordings import access as register

logger = structlog.get_logger(__name__)

FIRST_LOOK = timedelta(hours=1)
_OPEN = (BatchState.WAITING.value, BatchState.GAP.value)
_TOTALS = ("total", "processed", "succeeded", "failed")


def take_in_report(actor: Actor, delivery: Delivery, facts: BatchFacts) -> BatchReport:
    """Note the end of a batch, in the delivery's transaction. Told twice, the greatest numbers and a failure hold,
    whatever came first.
    """
    rows = BatchReport.objects.for_organisation(actor.organisation_id).select_for_update(no_key=True)
    named = rows.filter(connection_id=delivery.connection_id, batch_id=facts.external_id)
    report: BatchReport = named.first() or BatchReport(
        organisation_id=actor.organisation_id,
        connection_id=delivery.connection_id,
        batch_id=facts.external_id,
        reported_at=delivery.received_at,
    )
    for name in _TOTALS:
        told = [number for number in (getattr(report, name), getattr(facts, name)) if number is not None]
        setattr(report, name, max(told, default=None))
    failed = BatchOutcome.FAILED.value in (report.outcome, facts.outcome.value)
    report.outcome = BatchOutcome.FAILED.value if failed else facts.outcome.value
    if report.state == BatchState.COMPLETE.value:
        report.state = BatchState.WAITING.value  # a greater total opens it again
    _count(report)
    report.save()
    _note(actor, events.BATCH_REPORTED, report)
    if report.state == BatchState.WAITING.value:
        due_at = timezone.now() + FIRST_LOOK
        jobs.enqueue_on_commit(
            "intake.check_batch", organisation_id=report.organisation_id, object_id=report.id, due_at=due_at
        )
    return report


def ask_for_check(delivery: Delivery, batch_id: str | None) -> None:
    """A call of a batch came in: if its report is here and waits for calls, it is looked at again after the commit."""
    if not batch_id:
        return
    rows = BatchReport.objects.for_organisation(delivery.organisation_id)
    named = rows.filter(connection_id=delivery.connection_id, batch_id=batch_id, state__in=_OPEN)
    for report in named[:1]:
        _ask(report)


def check_batch(*, actor: Actor, report_id: UUID) -> BatchReport:
    """Compare a batch's numbers with the register. A gap that shows after the wait is an entry and an alarm, once."""
    rights.require(actor, "recordings.register")
    with tenancy.operation(actor):
        report = _locked(actor, report_id)
        if report.state not in _OPEN:
            return report
        before = report.state
        _count(report)
        report.checked_at = timezone.now()
        report.save(update_fields=["received", "state", "checked_at"])
        if report.state == before:
            return report
        is_gap = report.state == BatchState.GAP.value
        _note(actor, events.GAP_FOUND if is_gap else events.BATCH_COMPLETED, report)
        if is_gap:
            counts = {"expected": report.expected or 0, "received": report.received}
            reconciliation.note_finding(actor=actor, kind=Kind.COUNT_GAP, thing=_thing(report), facts=counts)
        else:
            reconciliation.clear_finding(actor=actor, kind=Kind.COUNT_GAP, thing=_thing(report))
    if is_gap:
        logger.error(
            "calls of a batch are missing",
            connection=str(report.connection_id), batch=str(report.id),
            expected=report.expected, received=report.received,
        )  # fmt: skip
    return report


def next_look(report: BatchReport) -> float | None:
    """Seconds until a batch that waits for calls is looked at again; None where nothing is waited for."""
    if report.state != BatchState.WAITING.value:
        return None
    left = report.reported_at + WAIT_FOR_CALLS - timezone.now()
    return max(left.total_seconds(), 1.0)


def check_batches(*, actor: Actor, limit: int = 500) -> int:
    """Ask for a look at every batch that is not settled; how many."""
    rights.require(actor, "recordings.register")
    with tenancy.scope(actor.organisation_id):
        rows = BatchReport.objects.for_organisation(actor.organisation_id).filter(state__in=_OPEN)
        found = list(rows.order_by("checked_at", "id")[:limit])
        for report in found:
            _ask(report)
    return len(found)


def accept_batch_gap(*, actor: Actor, report_id: UUID, reason: str) -> BatchReport:
    """An officer lets a gap be, and says why by a code of `GapReason`."""
    rights.require(actor, "intake.accept_gap")
    if reason not in {one.value for one in GapReason}:
        known = ", ".join(one.value for one in GapReason)
        raise Invalid("This reason is not known", errors={"reason": [f"One of: {known}."]})
    with tenancy.operation(actor):
        report = _locked(actor, report_id)
        if report.state != BatchState.GAP.value:
            raise Conflict("Only a gap is accepted", code="state_forbids")
        report.state, report.accepted_by, report.accepted_reason = BatchState.ACCEPTED.value, actor.reference, reason
        report.save(update_fields=["state", "accepted_by", "accepted_reason"])
        _note(actor, events.GAP_ACCEPTED, report, reason=reason)
        reconciliation.clear_finding(actor=actor, kind=Kind.COUNT_GAP, thing=_thing(report))
    return report


def _thing(report: BatchReport) -> str:
    return f"intake_batchreport/{report.id}"


def _locked(actor: Actor, report_id: UUID) -> BatchReport:
    rows = BatchReport.objects.for_organisation(actor.organisation_id).select_for_update(no_key=True)
    report: BatchReport | None = rows.filter(id=report_id).first()
    if report is None:
        raise NotFound()
    return report


def _count(report: BatchReport) -> None:
    calls = register.calls(report.organisation_id)
    counted = calls.filter(connection_id=report.connection_id, batch_id=report.batch_id).count()
    report.received = max(report.received, counted)
    report.state = batch_state(report.expected, report.received, report.reported_at, timezone.now()).value


def _ask(report: BatchReport) -> None:
    jobs.enqueue_on_commit("intake.check_batch", organisation_id=report.organisation_id, object_id=report.id)


def _note(actor: Actor, event: str, report: BatchReport, **why: str) -> None:
    log.append(
        actor=actor,
        event=event,
        organisation_id=actor.organisation_id,
        obj=("batch", report.id),
        cls=log.EntryClass.DECISION if why else log.EntryClass.CHANGE,
        why=why or None,
        what={
            "connection": str(report.connection_id),
            "outcome": report.outcome,
            "expected": report.expected,
            "received": report.received,
        },
    )
