"""Jobs of webhooks that go out."""

from __future__ import annotations

from uuid import UUID

from celery import shared_task

from accounts import routing, tenancy
from accounts.actors import Actor
from compliance import jobs
from compliance.outlet import operations


@jobs.job("outlet.deliver")
def deliver(organisation_id: UUID, object_id: UUID) -> None:
    """Try to deliver one message to one endpoint."""
    later = operations.deliver_dispatch(actor=Actor.scheduler(organisation_id), dispatch_id=object_id)
    if later is not None:
        raise jobs.TryLater(later.code, seconds=later.seconds)


@jobs.job("outlet.release_waiting", lease_seconds=600)
def release_waiting(organisation_id: UUID, object_id: UUID) -> None:
    """Ask for what waits at one endpoint."""
    operations.release_waiting(actor=Actor.scheduler(organisation_id), endpoint_id=object_id)


@jobs.job("outlet.tell_standing")
def tell_standing(organisation_id: UUID, object_id: UUID) -> None:
    """A connection's standing changed."""
    operations.tell_standing(actor=Actor.scheduler(organisation_id), connection_id=object_id)


@shared_task(name="outlet.sweep", ignore_result=True)
def sweep() -> None:
    """Every few minutes: what waits at an active endpoint without a job gets one."""
    for organisation_id in routing.organisations():
        for endpoint_id in operations.find_unrung(actor=Actor.scheduler(organisation_id)):
            with tenancy.scope(organisation_id):
                jobs.enqueue_on_commit("outlet.release_waiting", organisation_id=organisation_id, object_id=endpoint_id)


@shared_task(name="outlet.prune", ignore_result=True)
def prune() -> None:
    """Daily: messages that were kept long enough, and secrets that sign nothing any more."""
    for organisation_id in routing.organisations():
        actor = Actor.scheduler(organisation_id)
        operations.forget_ended_secrets(actor=actor)
        while operations.prune_messages(actor=actor) == operations.BATCH:
            pass
