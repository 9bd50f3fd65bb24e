"""Jobs of reconciliation: the daily run, its report, and approved repairs."""

from __future__ import annotations

from uuid import UUID

from celery import shared_task

from accounts import routing
from accounts.actors import Actor
from compliance import jobs
from compliance.errors import Conflict
from compliance.reconciliation import operations, report


@jobs.job("reconciliation.run", ladder=(10, 60, 300, 900, 3600), lease_seconds=1800)
def run(organisation_id: UUID, object_id: UUID) -> None:
    """Go on with a run for some minutes, and ask to be called again while something is left."""
    operations.work_run(actor=Actor.scheduler(organisation_id), run_id=object_id)


@jobs.job("reconciliation.issue_report", ladder=(1, 5, 30, 300))
def issue_report(organisation_id: UUID, object_id: UUID) -> None:
    """Sign what a finished run found, once the log covers its entries."""
    report.issue_report(actor=Actor.scheduler(organisation_id), run_id=object_id)


@jobs.job("reconciliation.probe_platforms", lease_seconds=1800)
def probe_platforms(organisation_id: UUID, object_id: UUID) -> None:
    """After a run: a sample of what platforms confirmed to have deleted is asked for again."""
    operations.probe_platforms(actor=Actor.scheduler(organisation_id))


@jobs.job("reconciliation.carry_out_repair", lease_seconds=900)
def carry_out_repair(organisation_id: UUID, object_id: UUID) -> None:
    """Do what two people decided."""
    operations.carry_out_repair(actor=Actor.scheduler(organisation_id), finding_id=object_id)


@shared_task(name="reconciliation.sweep", ignore_result=True)
def sweep() -> None:
    """Daily: one run an organisation, where none is under way."""
    for organisation_id in routing.organisations():
        try:
            operations.start_run(actor=Actor.scheduler(organisation_id))
        except Conflict:
            continue  # yesterday's goes on
