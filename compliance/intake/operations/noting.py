"""A delivery's row: locked, moved from state to state, and the entry that each move leaves."""

from __future__ import annotations

from uuid import UUID

from django.utils import timezone

from accounts.actors import Actor
from audit import log
from compliance.errors import Conflict, NotFound
from compliance.intake.models import Delivery
from compliance.intake.states import DeliveryState, may_move
from compliance.vault import store


def locked_delivery(actor: Actor, delivery_id: UUID) -> Delivery:
    """The delivery, locked, with its connection and its object. Raises NotFound."""
    rows = Delivery.objects.for_organisation(actor.organisation_id).select_related("connection", "object")
    delivery: Delivery | None = rows.select_for_update(of=("self",)).filter(id=delivery_id).first()
    if delivery is None:
        raise NotFound()
    return delivery


def move(delivery: Delivery, to: DeliveryState) -> None:
    """Into the next state; the row is not saved. Raises Conflict where there is no way."""
    if not may_move(DeliveryState(delivery.state), to):
        raise Conflict(f"From {delivery.state} there is no way to {to.value}", code="state_forbids")
    delivery.state = to.value


def finish(
    actor: Actor, delivery: Delivery, to: DeliveryState, event: str, code: str = "", **counts: int | None
) -> None:
    """Into a state in which it rests, saved, with its entry."""
    move(delivery, to)
    delivery.code, delivery.processed_at = code, timezone.now()
    delivery.save(update_fields=["state", "code", "event", "processed_at", "object", "call"])
    note(actor, event, delivery, **counts)


def note(actor: Actor, event: str, delivery: Delivery, **what: int | None) -> None:
    """An entry about a delivery."""
    facts: dict[str, str | int | bool | None] = {"connection": str(delivery.connection_id)}
    if delivery.code:
        facts["code"] = delivery.code
    if delivery.call_id:
        facts["call"] = str(delivery.call_id)
    log.append(
        actor=actor,
        event=event,
        organisation_id=actor.organisation_id,
        obj=("delivery", delivery.id),
        cls=log.EntryClass.CHANGE,
        outcome="refused" if delivery.state == DeliveryState.REFUSED.value else "ok",
        what=facts | what,
    )


def has_body(delivery: Delivery) -> bool:
    """Whether its body still lies under the key of its day."""
    return delivery.object is not None and delivery.object.deleted_at is None


def sealed_body(delivery: Delivery) -> store.SealedObject:
    """The body under the key of its day. Raises Conflict("no_body")."""
    sealed: store.SealedObject | None = delivery.object
    if sealed is None:
        raise Conflict("The body of this delivery is not here any more", code="no_body")
    return sealed
