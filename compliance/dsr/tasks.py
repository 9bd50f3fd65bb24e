"""Jobs of requests."""

from __future__ import annotations

from uuid import UUID

from celery import shared_task

from accounts import routing, tenancy
from accounts.actors import Actor
from compliance import jobs
from compliance.dsr import notices
from compliance.dsr.operations import fulfilling, minimising, planning, telling
from compliance.errors import Refusal
from compliance.retention import operations as retention


@jobs.job("dsr.locate_calls")
def locate_calls(organisation_id: UUID, object_id: UUID) -> None:
    """Search for the person's calls once the identity is verified."""
    planning.locate_calls(actor=Actor.scheduler(organisation_id), request_id=object_id)


@jobs.job("dsr.fulfil_request", ladder=(2, 5, 15, 60, 300, 3600), lease_seconds=900)
def fulfil_request(organisation_id: UUID, object_id: UUID) -> None:
    """Go on with an approved request. It ends with its answer only: after a refusal on the way it is tried again,
    because its clock runs on.
    """
    try:
        fulfilling.fulfil_request(actor=Actor.scheduler(organisation_id), request_id=object_id)
    except Refusal as refusal:
        raise jobs.TryLater(refusal.code) from refusal


@jobs.job("dsr.continue_after_hold")
def continue_after_hold(organisation_id: UUID, object_id: UUID) -> None:
    """A hold was released: erasures that waited for it go on."""
    actor = Actor.scheduler(organisation_id)
    with tenancy.scope(organisation_id):
        call_ids = retention.calls_under(retention.hold_for(actor, object_id))
    fulfilling.continue_after_hold(actor=actor, hold_call_ids=call_ids)


@jobs.job("dsr.send_letter", ladder=(30, 300, 1800, 3600))
def send_letter(organisation_id: UUID, object_id: UUID) -> None:
    """Hand a letter to the mail server."""
    notices.send(actor=Actor.scheduler(organisation_id), letter_id=object_id)


@jobs.job("dsr.minimise_request")
def minimise_request(organisation_id: UUID, object_id: UUID) -> None:
    """Reduce one request's file."""
    minimising.minimise_request(actor=Actor.scheduler(organisation_id), request_id=object_id)


@shared_task(name="dsr.sweep", ignore_result=True)
def sweep() -> None:
    """Daily: files of requests that were kept long enough, and what is due soon."""
    for organisation_id in routing.organisations():
        telling.tell_due(actor=Actor.scheduler(organisation_id))
        for request_id in minimising.due_requests(organisation_id):
            with tenancy.scope(organisation_id):
                jobs.enqueue_on_commit("dsr.minimise_request", organisation_id=organisation_id, object_id=request_id)
