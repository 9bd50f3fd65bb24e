"""Signs of life of a connection: noted as they come, and looked at hourly."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import structlog
from django.db.models import F
from django.utils import timezone

from accounts import access as rights
from accounts import tenancy
from accounts.actors import Actor
from audit import log
from compliance import jobs
from compliance.connectors import access, events, signs
from compliance.connectors.access import Receiver
from compliance.connectors.health import Health
from compliance.connectors.models import Connection
from compliance.connectors.operations.sealing import forget_ended

logger = structlog.get_logger(__name__)


def touch_connection(receiver: Receiver) -> None:
    """Note that a delivery came, at most once a minute: the row would otherwise be the queue in front of every
    delivery.
    """
    now = timezone.now()
    if receiver.last_delivery_at is None or now - receiver.last_delivery_at > timedelta(minutes=1):
        rows = Connection.objects.for_organisation(receiver.organisation_id).filter(id=receiver.id)
        # Deliveries of the same second skip the row instead of waiting for each other.
        if rows.select_for_update(skip_locked=True, no_key=True).exists():
            rows.update(last_delivery_at=now)


def count_denial(organisation_id: UUID, connection_id: UUID) -> None:
    """Count a delivery that proved nothing. One that finds the row taken is left out, so that a flood of them waits
    for nobody: the exact number stands in the log.
    """
    rows = Connection.objects.for_organisation(organisation_id).filter(id=connection_id)
    if rows.select_for_update(skip_locked=True, no_key=True).exists():
        rows.update(denied=F("denied") + 1, last_denied_at=timezone.now())


def check_health(*, actor: Actor) -> int:
    """Look at every connection of the organisation; a change of what needs attention is an entry and an alarm, once.
    How many changed. Secrets whose time is over are forgotten on the way.
    """
    rights.require(actor, "connectors.manage")
    with tenancy.scope(actor.organisation_id):
        forget_ended(actor.organisation_id)
        rows = list(access.connections_of(actor.organisation_id))
        found = signs.healths(actor.organisation_id, rows)
    changed = [row for row in rows if list(found[row.id].reasons) != row.attention]
    return sum(_note_standing(actor, row.id, found[row.id]) for row in changed)


def _note_standing(actor: Actor, connection_id: UUID, health: Health) -> bool:
    reasons = [reason.value for reason in health.reasons]
    with tenancy.operation(actor):
        rows = Connection.objects.for_organisation(actor.organisation_id).select_for_update(no_key=True)
        row: Connection | None = rows.filter(id=connection_id).first()
        if row is None or row.attention == reasons:
            return False
        new = sorted(set(reasons) - set(row.attention))
        row.attention = reasons
        row.save(update_fields=["attention"])
        log.append(
            actor=actor,
            event=events.STANDING_CHANGED,
            organisation_id=actor.organisation_id,
            obj=("connection", row.id),
            cls=log.EntryClass.SYSTEM,
            what={"standing": health.standing} | dict.fromkeys(reasons, True),
        )
        # To the room above by the name of its job: it may tell programs outside.
        jobs.enqueue_on_commit("outlet.tell_standing", organisation_id=actor.organisation_id, object_id=row.id)
    if new:
        logger.warning("connection needs attention", connection=str(connection_id), codes=new)
    return True
