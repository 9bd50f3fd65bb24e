"""Doors to deliveries, batches and imports. Absent and somebody else's look the same."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from accounts import access
from accounts.actors import Actor
from compliance.connectors.health import Counts
from compliance.errors import NotFound
from compliance.intake.models import BatchReport, Delivery, ImportItem, ImportRun
from compliance.intake.states import DeliveryState

READ_WITHIN = timedelta(hours=1)
"""A delivery that is not read after so long is stuck: several tries have failed by then."""
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


def batches(organisation_id: UUID) -> QuerySet[BatchReport]:
    """Every batch that a platform reported, with its connection."""
    return BatchReport.objects.for_organisation(organisation_id).select_related("connection")


def batch_for(actor: Actor, report_id: UUID) -> BatchReport:
    """The actor's batch of this id."""
    access.require(actor, "intake.read")
    found = batches(actor.organisation_id).filter(id=report_id).first()
    if found is None:
        raise NotFound()
    return found


def counts_of_connections(organisation_id: UUID, connection_ids: Sequence[UUID]) -> dict[UUID, Counts]:
    """What the connections' health is judged by: deliveries that could not be read, that wait too long, gaps."""
    late = timezone.now() - READ_WITHIN
    rows = Delivery.objects.for_organisation(organisation_id).filter(connection_id__in=connection_ids)
    found = rows.filter(state__in=(DeliveryState.QUARANTINED, DeliveryState.ACCEPTED)).values("connection_id")
    is_late = Q(state=DeliveryState.ACCEPTED.value, received_at__lt=late, code="")
    told = found.annotate(
        bad=Count("id", filter=Q(state=DeliveryState.QUARANTINED.value)), late=Count("id", filter=is_late)
    )
    gaps = BatchReport.objects.for_organisation(organisation_id).filter(
        connection_id__in=connection_ids, state=BatchReport.State.GAP
    )
    open_gaps = dict(gaps.values_list("connection_id").annotate(count=Count("id")))
    read = {row["connection_id"]: (row["bad"], row["late"]) for row in told}
    return {id_: Counts(*read.get(id_, (0, 0)), open_gaps.get(id_, 0)) for id_ in {*read, *open_gaps}}


def imports(organisation_id: UUID) -> QuerySet[ImportRun]:
    """Every import of an organisation, polls too, with its connection."""
    return ImportRun.objects.for_organisation(organisation_id).select_related("connection")


def import_of(organisation_id: UUID, run_id: UUID) -> ImportRun:
    """The organisation's import of this id, for machinery that asked for its rights already."""
    found = imports(organisation_id).filter(id=run_id).first()
    if found is None:
        raise NotFound()
    return found


def import_for(actor: Actor, run_id: UUID) -> ImportRun:
    """The actor's import of this id."""
    access.require(actor, "intake.read")
    return import_of(actor.organisation_id, run_id)


def import_items(organisation_id: UUID, run_id: UUID) -> QuerySet[ImportItem]:
    """An import's lines of its manifest."""
    return ImportItem.objects.for_organisation(organisation_id).filter(run_id=run_id).order_by("number")
