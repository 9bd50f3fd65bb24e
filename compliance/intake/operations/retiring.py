"""The keys of past days end, so that backups of those days open nothing."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from accounts import access as rights
from accounts import tenancy
from accounts.actors import Actor
from audit import log
from compliance.intake import events
from compliance.intake.models import Delivery
from compliance.vault import scopes, store

LOOK_BACK = timedelta(days=90)
"""How far back unfinished days are looked for: longer than any unread body is kept."""


def retire_delivery_keys(*, actor: Actor, before: date) -> int:
    """End the keys of past days under which no body lies any more, so that backups of those days open nothing; how
    many.

    `before` is the first day that is left alone. Must be called outside a transaction.
    """
    rights.require(actor, "intake.replay")
    organisation_id = actor.organisation_id
    with tenancy.operation(actor) as entry_id:
        days = _finished_days(organisation_id, before)
        doomed = [scopes.delivery(connection_id, day) for connection_id, day in days]
        doomed = [scope for scope in doomed if not store.is_tombstoned(organisation_id, scope)]
        if not doomed:
            return 0
        log.append(
            actor=actor,
            event=events.KEYS_RETIRED,
            organisation_id=organisation_id,
            obj=("organisation", organisation_id),
            cls=log.EntryClass.DELETE,
            why={"ground": "processed"},
            what={"keys": len(doomed), "before": before.isoformat()},
        )
        store.begin_destruction(organisation_id, doomed, ground="processed", cause=entry_id)
    for scope in doomed:
        store.carry_out_destruction(organisation_id, scope)
    return len(doomed)


def _finished_days(organisation_id: UUID, before: date) -> list[tuple[UUID, date]]:
    """Connections and days of which every body went to its call."""
    first = datetime.combine(before - LOOK_BACK, time(), UTC)
    rows = Delivery.objects.for_organisation(organisation_id)
    rows = rows.filter(received_at__gte=first, received_at__lt=datetime.combine(before, time(), UTC))
    days = set(rows.values_list("connection_id", "received_at__date"))
    waiting = set(
        rows.filter(object__deleted_at=None, object__isnull=False).values_list("connection_id", "received_at__date")
    )
    return sorted(days - waiting)
