"""Jobs of retention: dates, disposals that go on, debts that are asked again."""

from __future__ import annotations

from uuid import UUID

from celery import shared_task

from accounts import routing, tenancy
from accounts.actors import Actor
from compliance import jobs
from compliance.recordings import access as register
from compliance.retention import debt, disposal, operations

_DAILY = 24 * 3600


@jobs.job("retention.assign")
def assign(organisation_id: UUID, object_id: UUID) -> None:
    """Dates for the artifacts of one call."""
    operations.assign_retention(actor=Actor.scheduler(organisation_id), call_id=object_id)


@jobs.job("retention.assign_artifact")
def assign_artifact(organisation_id: UUID, object_id: UUID) -> None:
    """A date for an artifact without a call."""
    operations.assign_retention_alone(actor=Actor.scheduler(organisation_id), artifact_id=object_id)


@jobs.job("retention.assign_all")
def assign_all(organisation_id: UUID, object_id: UUID) -> None:
    """Dates for everything, after the rules changed."""
    actor = Actor.scheduler(organisation_id)
    with tenancy.scope(organisation_id):
        calls = list(register.calls(organisation_id).filter(state="active").values_list("id", flat=True))
    for call_id in calls:
        operations.assign_retention(actor=actor, call_id=call_id)


@jobs.job("retention.carry_out", ladder=(2, 10, 60, 300, 900, 3600))
def carry_out(organisation_id: UUID, object_id: UUID) -> None:
    """Go on with the disposals of one call (or one artifact) until our part is done."""
    actor = Actor.scheduler(organisation_id)
    for disposal_id in disposal.open_disposals(organisation_id, object_id):
        disposal.carry_out(actor=actor, disposal_id=disposal_id)
    if disposal.is_call(organisation_id, object_id) and not disposal.finish_call(actor=actor, call_id=object_id):
        raise jobs.TryLater("call_not_finished")


@jobs.job("retention.check_location", ladder=(60, 3600, _DAILY))
def check_location(organisation_id: UUID, object_id: UUID) -> None:
    """Ask a platform's address again, daily, until it is proven gone or a person attests it."""
    if not debt.check_location(actor=Actor.scheduler(organisation_id), location_id=object_id):
        raise jobs.TryLater("still_there")


@shared_task(name="retention.sweep", ignore_result=True)
def sweep() -> None:
    """What is due today, organisation by organisation; each batch is one transaction of at most 500 artifacts."""
    for organisation_id in routing.organisations():
        actor = Actor.scheduler(organisation_id)
        while operations.apply_schedules(actor=actor) == disposal.BATCH:
            pass
