"""Doors to deliveries. Absent and somebody else's look the same."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet

from accounts import access
from accounts.actors import Actor
from compliance.errors import NotFound
from compliance.intake.models import Delivery
from compliance.intake.states import DeliveryState

UNCLAIMED = frozenset({DeliveryState.ACCEPTED.value, DeliveryState.QUARANTINED.value, DeliveryState.IGNORED.value})
"""States in which a body lies under its connection's key of the day, not under a call."""


def deliveries(organisation_id: UUID) -> QuerySet[Delivery]:
    """Every delivery of an organisation, with its connection."""
    return Delivery.objects.for_organisation(organisation_id).select_related("connection")


def delivery_for(actor: Actor, delivery_id: UUID) -> Delivery:
    """The actor's delivery of this id."""
    access.require(actor, "intake.read")
    found = deliveries(actor.organisation_id).filter(id=delivery_id).first()
    if found is None:
        raise NotFound()
    return found
