"""The copy of a body under the key of its day ends, once the body lies under its call or is not to be kept.

What lies in the row goes with the transaction. What lies in the store would not come back with a rollback: it goes by a
job, after the commit, and until then the delivery still says that it is there.
"""

from __future__ import annotations

from uuid import UUID

from accounts import access as rights
from accounts import tenancy
from accounts.actors import Actor
from compliance import jobs
from compliance.intake import events
from compliance.intake.models import Delivery
from compliance.intake.operations.noting import has_body, locked_delivery, note, sealed_body
from compliance.intake.states import DeliveryState, is_final
from compliance.recordings.operations import deliveries as bodies
from compliance.vault import store


def let_go(delivery: Delivery) -> None:
    """In the transaction that made the copy needless: end it, or ask for its end. The row is not saved."""
    if sealed_body(delivery).store_key:
        jobs.enqueue_on_commit("intake.drop_body", organisation_id=delivery.organisation_id, object_id=delivery.id)
    else:
        _end(delivery)


def drop_body(*, actor: Actor, delivery_id: UUID) -> Delivery:
    """Delete a body from the store, after the commit that made it needless. Twice is once."""
    rights.require(actor, "recordings.register")
    with tenancy.operation(actor):
        delivery = locked_delivery(actor, delivery_id)
        if not is_final(DeliveryState(delivery.state)) or delivery.object is None:
            return delivery
        _end(delivery)
        delivery.save(update_fields=["object"])
        note(actor, events.BODY_DROPPED, delivery)
    return delivery


def _end(delivery: Delivery) -> None:
    if has_body(delivery):
        store.delete_bytes(sealed_body(delivery))
    bodies.close_unclaimed_delivery(organisation_id=delivery.organisation_id, delivery_id=delivery.id)
    delivery.object = None
