"""What could not be read is read again: one delivery, or all that fell at one hurdle."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.db.models import QuerySet

from accounts import access as rights
from accounts import tenancy
from accounts.actors import Actor
from compliance import jobs
from compliance.errors import Conflict, Invalid
from compliance.intake import events
from compliance.intake.models import Delivery
from compliance.intake.operations.noting import has_body, locked_delivery, note
from compliance.intake.states import DeliveryState

MOST = 500
"""Deliveries of one transaction."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """How many are being read again, and how many of the same choice were left for the next time."""

    count: int
    remaining: int


def replay_delivery(*, actor: Actor, delivery_id: UUID) -> Delivery:
    """Read a quarantined delivery again, after the reader was mended."""
    rights.require(actor, "intake.replay")
    with tenancy.operation(actor):
        delivery = locked_delivery(actor, delivery_id)
        if delivery.state != DeliveryState.QUARANTINED.value or not has_body(delivery):
            raise Conflict("Only a quarantined delivery is read again", code="state_forbids")
        _replay(actor, delivery)
    return delivery


def replay_deliveries(*, actor: Actor, connection_id: UUID | None = None, code: str = "") -> Replayed:
    """Read again what is quarantined of a connection, with a code, or both; at most `MOST`, oldest first.

    One that fails again is quarantined anew and counts as one of the choice: call again only after the job ran.
    """
    rights.require(actor, "intake.replay")
    if connection_id is None and not code:
        raise Invalid("Choose a connection or a code", errors={"connection_id": ["Or give a code."]})
    with tenancy.operation(actor):
        rows = _quarantined(actor.organisation_id, connection_id, code)
        chosen = list(rows.select_for_update(skip_locked=True).order_by("id")[:MOST])
        for delivery in chosen:
            _replay(actor, delivery)
        remaining = rows.count() - len(chosen)
    return Replayed(len(chosen), max(0, remaining))


def _quarantined(organisation_id: UUID, connection_id: UUID | None, code: str) -> QuerySet[Delivery]:
    rows = Delivery.objects.for_organisation(organisation_id)
    rows = rows.filter(state=DeliveryState.QUARANTINED.value, object__isnull=False)
    if connection_id is not None:
        rows = rows.filter(connection_id=connection_id)
    return rows.filter(code=code) if code else rows


def _replay(actor: Actor, delivery: Delivery) -> None:
    note(actor, events.DELIVERY_REPLAYED, delivery)
    jobs.enqueue_on_commit("intake.process_delivery", organisation_id=actor.organisation_id, object_id=delivery.id)
